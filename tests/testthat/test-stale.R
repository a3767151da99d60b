# Results of every kind beside what they were made from: each change makes those stale that it concerns, and no other.

with_results <- local({
  made <- list()
  function(as) {
    if (is.null(made[[as]])) made[[as]] <<- make_results(as)
    made[[as]]
  }
})

make_results <- function(as) {
  cells <- SimulateDifferentiation(n.cells = 60, n.genes = 24, as = as, seed.use = 1)
  suppressMessages(suppressWarnings({
    cells <- FitSDE(cells, time = "day", reduction = "pca", dims = 1:5, drift.hidden = 8L, diffusion.hidden = 8L,
      updates = 3L, n.models = 2L, batch.size = 8L, dt = 0.25, verbose = FALSE)
    cells <- EstimateVelocity(cells, genes = rownames(cells), nfeatures = 0, verbose = FALSE)
    cells <- FitVelocityField(cells, field = "ae", encoder = 16L, latent = 4L, decoder = 16L, epochs = 2L,
      verbose = FALSE)
    cells <- DefineFates(cells, labels = "state", exclude = "progenitor", cutoff = 0)
    cells <- PredictFate(cells, n.sim = 2, verbose = FALSE)
    cells <- FateDynamics(cells, n.sim = 2, t.out = 0:3, n.neighbors = 5, n.boot = 2, verbose = FALSE)
    cells <- DriftDiffusion(cells, "sde")
    cells <- DriftDiffusion(cells, "field", store.as = "along")
    cells <- LatentEmbedding(cells)
    cells <- StemnessScore(cells, reduction = reduction_names(cells)[[1L]], n.genes = 10)
    BinTime(cells, time = "pseudotime", n.bins = 2, min.size = 1)
  }))
}

result_kinds <- list(
  fates = "fate", dynamics = "commitment", drift = "drift", drift = "along",
  latent = "latent_field", stemness = "stemness", bins = "time_bin"
)

# Names of the results that are stale in an object, and what their errors say.
stale_results <- function(object) {
  said <- lapply(seq_along(result_kinds), function(i) {
    tryCatch({
      GetResult(object, names(result_kinds)[[i]], result_kinds[[i]])
      NULL
    }, fatefield_error_stale = conditionMessage)
  })
  unlist(stats::setNames(said, unlist(result_kinds)))
}

with_column <- function(object, column, values) {
  if (is_seurat(object)) {
    object@meta.data[[column]] <- values
  } else {
    SummarizedExperiment::colData(object)[[column]] <- values
  }
  object
}

with_names <- function(object, names) {
  if (is_seurat(object)) {
    return(SeuratObject::RenameCells(object, new.names = names))
  }
  colnames(object) <- names
  object
}

other_counts <- function(object) {
  if (is_seurat(object)) {
    counts <- layer_data(object, "counts", "spliced")
    object@assays$spliced <- SeuratObject::CreateAssayObject(counts = counts + (counts > 0))
    SeuratObject::Key(object@assays$spliced) <- "spliced_"
  } else {
    counts <- SummarizedExperiment::assay(object, "spliced")
    SummarizedExperiment::assay(object, "spliced") <- counts + (counts > 0)
  }
  object
}

of.sde <- c("fate", "commitment", "drift")
of.field <- c("along", "latent_field")

test_that("each change makes the results stale that were made from it, and no other", {
  for (as in c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")) {
    cells <- with_results(as)
    expect_null(stale_results(cells), info = as)
    pca <- reduction_names(cells)[[1L]]
    states <- cell_column(cells, "state", "state")
    other <- FitSDE(cells, time = "day", reduction = pca, dims = 1:5, drift.hidden = 4L, updates = 2L, n.models = 1L,
      batch.size = 8L, dt = 0.25, verbose = FALSE, store.as = "other")
    changes <- list(
      list(set_coordinates(cells, pca, -embedding(cells, pca)), c(of.sde, "stemness"),
        "reduction \"pca\" changed in 60"),
      list(other_counts(cells), of.field, "the spliced counts changed in 60"),
      list(with_column(cells, "state", rev(states)), c("fate", "commitment"), "column \"state\" changed"),
      list(with_column(cells, "pseudotime", rev(cell_column(cells, "pseudotime", "x"))), "time_bin",
        "\"pseudotime\" changed"),
      list(suppressMessages(EstimateVelocity(cells, genes = rownames(cells), nfeatures = 0, k = 5, verbose = FALSE)),
        of.field, "the velocities \"velocity\" changed"),
      list(SetModel(cells, GetModel(other, "other"), store.as = "sde"), of.sde, "\"sde\" has been fitted anew")
    )
    for (change in changes) {
      found <- stale_results(change[[1L]])
      expect_setequal(names(found), change[[2L]])
      expect_match(found, change[[3L]], ignore.case = TRUE, all = TRUE)
      expect_match(found, "Run [A-Za-z]+\\(\\) again", all = TRUE)
    }
  }
})

test_that("cells under other names, in another order and fewer keep all results", {
  for (as in c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")) {
    cells <- with_results(as)
    renamed <- with_names(cells, paste0("z", cell_names(cells)))
    expect_null(stale_results(renamed), info = as)
    expect_identical(GetResult(renamed, "drift", "drift")$table$drift, GetResult(cells, "drift", "drift")$table$drift)
    # Seurat 5 keeps the order of the object.
    some <- cells[, 20:1]
    expect_null(stale_results(some), info = as)
    expect_equal(GetResult(some, "fates")$probability, GetResult(cells, "fates")$probability[cell_names(some), ])
  }
})

test_that("of several velocities the verb says which it took", {
  cells <- SimulateDifferentiation(n.cells = 60, n.genes = 24, seed.use = 1)
  estimate <- function(x, ...) EstimateVelocity(x, genes = rownames(x), nfeatures = 0, verbose = FALSE, ...)
  cells <- estimate(cells)
  expect_no_message(PlotPhase(cells, genes = rownames(cells)[[1L]]))
  cells <- estimate(cells, k = 5, store.as = "other")
  expect_message(PlotPhase(cells, genes = rownames(cells)[[1L]]),
    "Using the velocities \"other\", one of \"velocity\", \"other\"",
    class = "fatefield_message_velocity")
  expect_no_message(PlotPhase(cells, genes = rownames(cells)[[1L]], velocity = "velocity"))
})
