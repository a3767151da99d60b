# What every door does with odd input: names that repeat, vectors in another order, things that are no cells.

door_model <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      cells <- tiny_cells()
      made <<- FitSDE(cells$x, time = cells$time, drift.hidden = 4, diffusion.hidden = 4, updates = 2, batch.size = 8,
        verbose = FALSE)
    }
    made
  }
})

# Doors for coordinates, cells x dims: name = list(door, argument).
coordinate_doors <- function() {
  cells <- tiny_cells()
  model <- door_model()
  counts <- tiny_counts()
  fate <- PredictFate(cells$x, model, labels = cells$label, n.sim = 2, verbose = FALSE)
  list(
    FitSDE = list(function(x) FitSDE(x, time = cells$time, updates = 2, n.models = 1L, verbose = FALSE), "object"),
    SimulateCells = list(function(x) SimulateCells(x, model, n.sim = 2), "object"),
    PredictFate = list(function(x) PredictFate(x, model, labels = cells$label, n.sim = 2, verbose = FALSE), "object"),
    DriftDiffusion = list(function(x) DriftDiffusion(x, model), "object"),
    InterpolateTime = list(function(x) InterpolateTime(x, 1, model, time = cells$time, verbose = FALSE), "object"),
    ScoreInterpolation = list(function(x) {
      ScoreInterpolation(x, 1, model, time = cells$time, n.repeats = 2, verbose = FALSE)
    }, "object"),
    FateDynamics = list(function(x) FateDynamics(x, model, labels = cells$label, n.sim = 2, verbose = FALSE), "object"),
    CompareNoise = list(function(x) CompareNoise(x, model, labels = cells$label, n.sim = 2, verbose = FALSE), "object"),
    FindFateDrivers = list(function(x) FindFateDrivers(x, model, fate = "up", labels = cells$label), "object"),
    PerturbCells = list(function(x) PerturbCells(x, genes = "g1", model = model, labels = cells$label), "object"),
    FitVelocityField = list(function(x) FitVelocityField(x, x * 0 + 1, field = "linear", verbose = FALSE), "object"),
    ScoreVelocityField = list(function(x) ScoreVelocityField(x, x * 0 + 1, fields = "linear", verbose = FALSE),
      "object"),
    OTPlan = list(function(x) OTPlan(x, cells$x), "x"),
    GrowthRates = list(function(x) GrowthRates(as.matrix(Matrix::t(counts)), "g1", "g2", reduction = x,
      n.neighbors = 3), "reduction"),
    StemnessScore = list(function(x) StemnessScore(counts, reduction = x, n.genes = 2, n.neighbors = 3), "reduction"),
    PlotFate = list(function(x) PlotFate(fate, embedding = x), "object"),
    ClassifyTrajectories = list(function(x) {
      ClassifyTrajectories(SimulateCells(cells$x, model, n.sim = 2), cells$label, reference = x)
    }, "reference")
  )
}

bad_names <- function(x) {
  list(
    "twice" = `colnames<-`(x, c("a", "b", "b")), "without a name" = `colnames<-`(x, c("a", "", "c")),
    "without a name" = `colnames<-`(x, c("a", NA, "c")), "twice" = `rownames<-`(x, replace(rownames(x), 2, "cell001")),
    "without a name" = `rownames<-`(x, replace(rownames(x), 2, "")),
    "without a name" = `rownames<-`(x, replace(rownames(x), 2, NA)),
    "is empty|no cells" = x[, 0, drop = FALSE], "is empty|no cells" = x[0, , drop = FALSE]
  )
}

test_that("names that repeat or lack, and matrices without columns or rows, are one error at every door", {
  doors <- coordinate_doors()
  x <- tiny_cells()$x
  for (name in names(doors)) {
    expect_no_match(class(tryCatch(doors[[name]][[1L]](x), error = identity)), "simpleError", info = name)
    bad <- bad_names(x)
    for (i in seq_along(bad)) {
      for (given in list(bad[[i]], Matrix::Matrix(bad[[i]], sparse = TRUE))) {
        e <- tryCatch(doors[[name]][[1L]](given), error = identity)
        expect_s3_class(e, "fatefield_error_input")
        expect_match(conditionMessage(e), names(bad)[[i]], info = paste(name, i))
        expect_match(e$argument, paste0("^", doors[[name]][[2L]], "$|object"), info = paste(name, i))
      }
    }
    frame <- data.frame(a = x[, 1], b = x[, 2], b = x[, 3], check.names = FALSE)
    e <- tryCatch(doors[[name]][[1L]](frame), error = identity)
    expect_s3_class(e, "fatefield_error_input")
    expect_match(conditionMessage(e), "twice", info = name)
  }
})

test_that("reductions and objects with such names are the same error", {
  object_doors <- list(
    FitSDE = function(o) FitSDE(o, time = "day", updates = 2, verbose = FALSE),
    SimulateCells = function(o) SimulateCells(o, n.sim = 2),
    PredictFate = function(o) PredictFate(o, labels = "state", n.sim = 2, verbose = FALSE),
    DriftDiffusion = function(o) DriftDiffusion(o),
    FateDynamics = function(o) FateDynamics(o, labels = "state", n.sim = 2, verbose = FALSE),
    OTDistance = function(o) OTDistance(o, group.by = "day"),
    StemnessScore = function(o) StemnessScore(o, n.neighbors = 3)
  )
  model <- door_model()
  for (kind in c("seurat", "sce")) {
    object <- if (kind == "seurat") tiny_seurat() else tiny_sce()
    model$reduction <- reduction_names(object)[[1L]]
    object <- SetModel(object, model)
    for (name in names(object_doors)) {
      for (columns in list(c("PC_1", "PC_1", "PC_2"), c("PC_1", "", "PC_2"))) {
        bad <- object
        if (kind == "seurat") {
          colnames(bad@reductions$pca@cell.embeddings) <- columns
        } else {
          colnames(SingleCellExperiment::reducedDim(bad, "PCA")) <- columns
        }
        e <- tryCatch(object_doors[[name]](bad), error = identity)
        expect_s3_class(e, "fatefield_error_input")
        expect_match(conditionMessage(e), "twice|without a name", info = paste(kind, name))
      }
      if (kind == "seurat") next
      bad <- object
      colnames(bad) <- replace(colnames(bad), 2, "cell001")
      e <- tryCatch(object_doors[[name]](bad), error = identity)
      expect_s3_class(e, "fatefield_error_input")
      expect_match(conditionMessage(e), "make.unique", info = name)
    }
  }
})

test_that("genes that repeat or have no name are one error wherever counts or expression are taken", {
  counts <- tiny_counts()
  unspliced <- counts + (counts > 0)
  x <- tiny_cells()$x
  doors <- list(
    velocity = function(g) {
      EstimateVelocity(`rownames<-`(counts, g), `rownames<-`(unspliced, g), min.shared.counts = 0, verbose = FALSE)
    },
    stemness = function(g) StemnessScore(`rownames<-`(counts, g), x, n.neighbors = 3),
    growth = function(g) GrowthRates(as.matrix(Matrix::t(`rownames<-`(counts, g))), "g1", "g2", reduction = x,
      n.neighbors = 3),
    dynamics = function(g) GeneDynamics(Matrix::t(`rownames<-`(counts, g)), x[, 1], n.boot = 5, verbose = FALSE),
    dense = function(g) GeneDynamics(as.matrix(Matrix::t(`rownames<-`(counts, g))), x[, 1], n.boot = 5,
      verbose = FALSE),
    network = function(g) CoexpressionNetwork(as.matrix(Matrix::t(`rownames<-`(counts, g))), verbose = FALSE)
  )
  for (name in names(doors)) {
    for (g in list(replace(rownames(counts), 2, "g1"), replace(rownames(counts), 3, ""))) {
      e <- tryCatch(doors[[name]](g), error = identity)
      expect_s3_class(e, "fatefield_error_input")
      expect_match(conditionMessage(e), "twice|without a name", info = name)
    }
  }
  sce <- tiny_sce()
  SummarizedExperiment::assay(sce, "logcounts") <- log1p(counts)
  rownames(sce) <- replace(rownames(sce), 2, "g1")
  sce$q <- x[, 1]
  for (door in list(
    function() GeneDynamics(sce, "q", n.boot = 5, verbose = FALSE),
    function() GrowthRates(sce, "g1", "g2", n.neighbors = 3),
    function() CoexpressionNetwork(sce, verbose = FALSE), function() StemnessScore(sce, n.neighbors = 3)
  )) {
    expect_input_error(door(), "object", "gene \"g1\" twice")
  }
})

test_that("vectors with names go by the names of the cells at every door", {
  cells <- tiny_cells()
  model <- door_model()
  x <- cells$x
  counts <- tiny_counts()
  name <- function(v) stats::setNames(v, rownames(x))
  fit <- function(...) {
    FitSDE(x, drift.hidden = 4, updates = 3, n.models = 1L, batch.size = 8, verbose = FALSE, ...)$history$loss
  }
  rate <- seq(-1, 1, length.out = 60)
  group <- rep(1:12, 5)
  sides <- ifelse(seq_len(60) %% 4 < 2, "a", "b")
  field <- function(...) {
    FitVelocityField(x, x^2, field = "vae", epochs = 2L, encoder = 8L, latent = 2L, decoder = 8L, verbose = FALSE,
      ...)$error
  }
  pieces <- EstimateVelocity(counts, counts + (counts > 0), min.shared.counts = 0, verbose = FALSE)
  doors <- list(
    "FitSDE time" = list(cells$time, function(v) fit(time = v)),
    "FitSDE growth" = list(rate, function(v) fit(time = cells$time, growth = v)),
    "FitSDE clone" = list(group, function(v) fit(time = cells$time, clone = v)),
    "OTDistance weights.x" = list(rate + 2, function(v) OTDistance(x, x + 1, weights.x = v)$value),
    "OTPlan weights.y" = list(rate + 2, function(v) OTPlan(x, x + 1, weights.y = v)$plan),
    "PredictFate labels" = list(as.character(cells$label), function(v) {
      PredictFate(x, model, labels = v, n.sim = 2, verbose = FALSE)$probability
    }),
    "PredictFate start" = list(cells$time, function(v) {
      PredictFate(x, model, labels = cells$label, time = v, n.sim = 2, verbose = FALSE)$probability
    }),
    "DriftDiffusion time" = list(cells$time, function(v) DriftDiffusion(x, model, time = v)$drift),
    "FitVelocityField split.by" = list(group, function(v) field(split.by = v)),
    "FitVelocityField batch" = list(sides, function(v) field(batch = v)),
    "ScoreInterpolation time" = list(cells$time, function(v) {
      unclass(ScoreInterpolation(x, 1, model, time = v, n.repeats = 2, verbose = FALSE))
    }),
    "ClassifyTrajectories labels" = list(as.character(cells$label), function(v) {
      ClassifyTrajectories(SimulateCells(x, model, n.sim = 2), v, reference = x, k = 3)$label
    }),
    "CompareDynamics group.by" = list(sides, function(v) {
      CompareDynamics(data.frame(drift = rate, row.names = rownames(x)), group.by = v, n.boot = 10)
    }),
    "GeneDynamics pseudotime" = list(rate, function(v) {
      GeneDynamics(as.matrix(Matrix::t(counts)), x[, 1], pseudotime = v, n.boot = 5, verbose = FALSE)
    }),
    "GeneDynamics block" = list(group, function(v) {
      GeneDynamics(as.matrix(Matrix::t(counts)), x[, 1], block = v, n.boot = 5, verbose = FALSE)
    }),
    "EstimateVelocity batch" = list(sides, function(v) {
      EstimateVelocity(counts, counts + (counts > 0), min.shared.counts = 0, batch = v, reduction = x, k = 5,
        verbose = FALSE)$cells
    }),
    "PlotVelocity group.by" = list(sides, function(v) {
      plot <- PlotVelocity(x, arrows = x, style = "arrows", group.by = v)
      ggplot2::ggplot_build(plot)$data[[1L]]$colour
    })
  )
  other <- order((seq_len(60) * 37) %% 61)
  for (door in names(doors)) {
    use <- doors[[door]][[2L]]
    given <- doors[[door]][[1L]]
    right <- use(given)
    expect_equal(use(name(given)[other]), right, info = door)
    # The drift of this model is the same at all times.
    if (door == "DriftDiffusion time") next
    expect_false(isTRUE(all.equal(use(given[other]), right)), info = paste(door, "tells orders apart"))
    e <- tryCatch(use(stats::setNames(given, paste0("no", seq_along(given)))), error = identity)
    expect_s3_class(e, "fatefield_error_input")
    expect_match(conditionMessage(e), "has names, but none is", info = door)
  }
  # Matrices without names of cells take vectors as they stand.
  expect_identical(
    FitSDE(unname(x), time = name(cells$time), drift.hidden = 4, updates = 3, n.models = 1L, batch.size = 8,
      verbose = FALSE)$history$loss,
    fit(time = cells$time)
  )
  expect_equal(GrowthRates(as.matrix(Matrix::t(counts)), "g1", "g2", reduction = x[60:1, ], n.neighbors = 3),
    GrowthRates(as.matrix(Matrix::t(counts)), "g1", "g2", reduction = x, n.neighbors = 3))
  expect_equal(StemnessScore(counts, x[60:1, ], n.neighbors = 3)$score, StemnessScore(counts, x, n.neighbors = 3)$score)
})

test_that("what holds no cells is an error that names the argument at every door", {
  object <- tiny_seurat()
  bad <- list(
    NULL, list(1), "a", object[["RNA"]], object[["pca"]], structure(list(), class = "loom")
  )
  exports <- grep("^[A-Z]", getNamespaceExports("fatefield"), value = TRUE)
  no.cells <- "Options$|^Read|^Load|^SimulateTwo|^SimulateDiff|^NeuralSDE$|^SinkhornLoss$|^VelocityVAE$"
  for (verb in sort(grep(no.cells, exports, value = TRUE, invert = TRUE))) {
    use <- get(verb)
    arguments <- formals(use)
    default <- utils::getS3method(verb, "default", optional = TRUE)
    if (!is.null(default)) arguments <- formals(default)
    needed <- names(arguments)[vapply(arguments, function(a) is.name(a) && !nzchar(as.character(a)), NA)]
    needed <- setdiff(needed[-1L], "...")
    for (x in bad) {
      e <- tryCatch(do.call(use, c(list(x), stats::setNames(rep(list("a"), length(needed)), needed))), error = identity)
      expect_true(inherits(e, "fatefield_error"), info = paste(verb, described(x), class(e)[[1L]]))
    }
  }
  expect_input_error(SimulateCells(object[["pca"]], door_model()), "object", "Seurat object that it is a part of")
  expect_input_error(SimulateCells("cells.h5ad", door_model()), "object", "ReadH5AD")
})

test_that("an object of SeuratObject 5 says so where only 4 is installed", {
  skip_if(has_layers())
  setClass("Assay5", representation(layers = "list"), where = environment())
  on.exit(removeClass("Assay5", where = environment()))
  object <- tiny_seurat()
  object@assays$RNA <- methods::new("Assay5", layers = list())
  doors <- list(
    function() FitSDE(object, time = "day", verbose = FALSE), function() EstimateVelocity(object, verbose = FALSE),
    function() SimulateCells(object), function() StemnessScore(object), function() GrowthRates(object, "g1", "g2"),
    function() GeneDynamics(object), function() CoexpressionNetwork(object), function() DriftDiffusion(object),
    function() OTDistance(object, group.by = "day"), function() PlotPotential(object), function() PlotVelocity(object),
    function() BinTime(object, "day"), function() EmbedVelocity(object), function() IntegrateCells(object),
    function() CellCriticality(object), function() GetModel(object), function() ScoreInterpolation(object, 1)
  )
  for (door in doors) expect_input_error(door(), "object", "SeuratObject 5.*Assay5")
})

test_that("an SCE without names of cells keeps results in the order of its cells, without warnings", {
  named <- tiny_sce()
  bare <- named
  colnames(bare) <- NULL
  run <- function(object) {
    object <- FitSDE(object, time = "day", drift.hidden = 4, updates = 2, n.models = 1L, batch.size = 8,
      verbose = FALSE)
    object <- PredictFate(object, labels = "state", n.sim = 2, verbose = FALSE)
    DriftDiffusion(object)
  }
  expect_no_warning(found <- run(bare))
  right <- run(named)
  expect_equal(unname(fetch_assay(found, "fates")), unname(fetch_assay(right, "fates")))
  expect_equal(found$drift, right$drift)
  expect_null(colnames(found))
  splicing <- SingleCellExperiment::SingleCellExperiment(list(
    spliced = unname(as.matrix(tiny_counts())), unspliced = unname(as.matrix(tiny_counts() > 1)) * 1
  ), reducedDims = list(PCA = unname(tiny_cells()$x)))
  rownames(splicing) <- paste0("g", 1:12)
  expect_no_warning({
    splicing <- EstimateVelocity(splicing, min.shared.counts = 0, k = 5, verbose = FALSE)
    splicing <- EmbedVelocity(splicing, verbose = FALSE)
  })
  expect_identical(ncol(SingleCellExperiment::altExp(splicing, "velocity")), 60L)
})
