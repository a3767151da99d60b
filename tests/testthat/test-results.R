# One table of all kinds of results: each prints, sums up, plots, gives a tidy table and is subset.

fitted_once <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      cells <- SimulateDifferentiation(n.cells = 240L, n.genes = 40L, n.clones = 30L, seed.use = 1)
      cells <- FitSDE(cells, time = "day", reduction = "pca", dims = 1:5, updates = 20, n.models = 2L,
        drift.hidden = 32L, verbose = FALSE)
      cells <- DefineFates(cells, labels = "state", exclude = "progenitor", k = 5)
      cells <- PredictFate(cells, n.sim = 4, verbose = FALSE)
      cells <- DriftDiffusion(cells)
      cells <- FateDynamics(cells, cells = which(cells$day == 0)[1:6], n.sim = 4, n.boot = 20, verbose = FALSE)
      cells <- CellCriticality(cells, cells = 1:20, n.sim = 4, verbose = FALSE)
      branch <- SimulateTwoBranch(n.cells = 200L, n.genes = 40L)
      branch <- EstimateVelocity(branch, verbose = FALSE)
      branch <- FitVelocityField(branch, field = "linear", verbose = FALSE)
      branch <- DefineFates(branch, labels = "stage", exclude = "progenitor", k = 5)
      made <<- list(cells = cells, branch = branch)
    }
    made
  }
})

result_makers <- list(
  definition = function(f) GetResult(f$cells, "definition"),
  fate = function(f) GetResult(f$cells, "fates"),
  drift = function(f) GetResult(f$cells, "drift"),
  dynamics = function(f) GetResult(f$cells, "dynamics"),
  criticality = function(f) GetResult(f$cells, "criticality"),
  trajectories = function(f) SimulateCells(f$cells, cells = 1:3, n.sim = 2, verbose = FALSE),
  moments = function(f) SimulateCells(f$cells, cells = 1:3, n.sim = 4, keep = "moments", verbose = FALSE),
  interpolation = function(f) InterpolateTime(f$cells, t.out = 1.5, verbose = FALSE),
  interpolation_scores = function(f) {
    left <- FitSDE(f$cells, time = "day", reduction = "pca", dims = 1:5, cells = f$cells$day != 1, updates = 5,
      n.models = 1L, verbose = FALSE)
    ScoreInterpolation(left, t.out = 1, n.repeats = 2, n.cells = 40, verbose = FALSE)
  },
  fate_scores = function(f) ScoreFate(f$cells, as.character(f$cells$state), n.boot = 10),
  noise = function(f) {
    CompareNoise(f$cells, truth = "state", cells = which(f$cells$day == 2)[1:10], n.sim = 3, verbose = FALSE)
  },
  perturbation = function(f) PerturbCells(f$cells, rownames(f$cells)[[1]], at = 2,
    cells = which(f$cells$day == 0)[1:20], n.sim = 3, verbose = FALSE),
  perturbations = function(f) {
    one <- function(gene) PerturbCells(f$cells, gene, at = 2, cells = which(f$cells$day == 0)[1:20], n.sim = 3,
      verbose = FALSE)
    rbind(one(rownames(f$cells)[[1]]), one(rownames(f$cells)[[2]]))
  },
  dose = function(f) {
    DoseResponse(f$cells, rownames(f$cells)[[1]], doses = c(-2, 0, 2), cells = which(f$cells$day == 0)[1:20],
      n.sim = 3, verbose = FALSE)
  },
  screen = function(f) {
    ScreenPerturbations(f$cells, rownames(f$cells)[1:6], cells = which(f$cells$day == 0)[1:20], n.sim = 3,
      n.null = 10, verbose = FALSE)
  },
  drivers = function(f) FindFateDrivers(f$cells, fate = "fateA", sources = "expression", verbose = FALSE),
  gene_dynamics = function(f) GeneDynamics(f$cells, quantities = "drift", n.boot = 5, verbose = FALSE),
  comparison = function(f) CompareDynamics(f$cells, quantities = "drift", group.by = "state", n.boot = 10),
  trends = function(f) {
    paths <- SimulateCells(f$cells, cells = which(f$cells$day == 0)[1:5], n.sim = 4, t.out = seq(0, 3, 0.5),
      verbose = FALSE)
    GeneTrends(paths, f$cells, genes = rownames(f$cells)[1:3], n.boot = 10)
  },
  network = function(f) small_network(f),
  report = function(f) FateReport(f$cells, file = NULL),
  sets = function(f) GeneSets(small_sets(f)),
  enrichment = function(f) EnrichModules(small_network(f), small_sets(f), min.term = 2L),
  enrichment_comparison = function(f) {
    EnrichModules(list(a = small_network(f), b = small_network(f)), small_sets(f), min.term = 2L)
  },
  stemness = function(f) StemnessScore(SimulateDifferentiation(n.cells = 100, n.genes = 40, as = "list")$counts,
    reduction = tiny_cells(100L)$x),
  bins = function(f) BinTime(seq(0, 1, length.out = 100)),
  ot_distance = function(f) OTDistance(tiny_cells()$x, tiny_cells()$x + 1),
  ot_plan = function(f) OTPlan(tiny_cells()$x, tiny_cells()$x + 1),
  velocity = function(f) {
    s <- SimulateDifferentiation(n.cells = 120L, n.genes = 40L, as = "list")
    EstimateVelocity(s$counts, s$unspliced, verbose = FALSE)
  },
  arrows = function(f) {
    s <- SimulateDifferentiation(n.cells = 120L, n.genes = 40L, as = "list")
    EmbedVelocity(EstimateVelocity(s$counts, s$unspliced, verbose = FALSE), s$latent, verbose = FALSE)
  },
  field_scores = function(f) ScoreVelocityField(f$branch, fields = c("mean", "linear"), n.splits = 1, n.boot = 1,
    verbose = FALSE),
  latent = function(f) {
    fit <- FitVelocityField(f$branch, epochs = 2L, verbose = FALSE)
    GetResult(LatentEmbedding(fit, labels = "stage"), "latent")
  },
  jacobian = function(f) FieldJacobian(f$branch, from = rownames(f$branch)[1:2], cells = 1:5),
  lyapunov = function(f) {
    x <- tiny_cells()$x
    LyapunovExponents(x, FitSDE(x, time = tiny_cells()$time, updates = 2, n.models = 2L, drift.hidden = 8L,
      verbose = FALSE), cells = 1:5,
      verbose = FALSE)
  },
  macrostates = function(f) {
    block <- kronecker(diag(2), matrix(1, 10, 10)) + 0.01
    dimnames(block) <- rep(list(paste0("cell", 1:20)), 2L)
    FindMacrostates(block / rowSums(block), n.states = 2)
  },
  velocity_genes = function(f) RankVelocityGenes(f$branch, group.by = "stage"),
  splicing = function(f) SplicingProportions(f$branch, group.by = "stage"),
  kinetics = function(f) DifferentialKinetics(f$branch, group.by = "stage"),
  group_graph = function(f) ConnectGroups(block_chain(), rep(c("a", "b", "c"), each = 30L)),
  velocity_scores = function(f) {
    stages <- levels(factor(f$branch$stage))
    ScoreVelocity(f$branch, group.by = "stage", edges = list(stages[1:2], stages[2:1]), n.shuffle = 2L)
  },
  classes = function(f) {
    suppressWarnings(ClassifyTrajectories(IntegrateCells(f$branch, cells = 1:10, verbose = FALSE),
      reference = f$branch, n.boot = 10))
  }
)

small_network <- function(f) CoexpressionNetwork(f$cells, min.size = 2L, power = 2, verbose = FALSE)

small_sets <- function(f) {
  genes <- rownames(f$cells)
  list(first = genes[1:12], second = genes[10:25], third = genes[20:40])
}

test_that("every kind of result is in the table", {
  space <- asNamespace("fatefield")
  kinds <- sub("^headline\\.fatefield_", "", ls(space, pattern = "^headline\\.fatefield_"))
  expect_setequal(names(result_makers), kinds)
})

for (kind in names(result_makers)) {
  test_that(paste0("a result of kind ", kind, " prints, sums up, plots, has a tidy table and is subset"), {
    result <- suppressMessages(result_makers[[kind]](fitted_once()))
    expect_true(inherits(result, paste0("fatefield_", kind)) && inherits(result, "fatefield_result"))

    lines <- headline(result)
    expect_true(length(lines) >= 1L && length(lines) <= 3L && all(nchar(lines) > 5L))
    expect_identical(utils::head(utils::capture.output(print(result)), length(lines)), unlist(strsplit(lines, "\n")))

    table <- as.data.frame(result)
    expect_identical(class(table), "data.frame")
    expect_gt(nrow(table), 0L)
    expect_false(any(c("low", "high", "se", "x_se", "p.value", "padj", "fdr") %in% names(table)))
    for (end in c("_se", "_low", "_high")) {
      ends <- grep(paste0(end, "$"), names(table), value = TRUE)
      expect_true(all(sub(paste0("(_boot)?", end, "$"), "", ends) %in% names(table)), info = toString(ends))
    }
    for (column in intersect(c("p", "q"), names(table))) {
      expect_true(all(table[[column]] >= 0 & table[[column]] <= 1, na.rm = TRUE))
    }

    sums <- as.data.frame(summary(result))
    expect_gt(nrow(sums), 0L)

    figure <- suppressMessages(suppressWarnings(plot(result)))
    expect_s3_class(figure, "ggplot")
    expect_gt(sum(vapply(suppressWarnings(ggplot2::ggplot_build(figure)$data), nrow, integer(1))), 0L)

    some <- tryCatch(result[1L], fatefield_error_input = identity)
    if (inherits(some, "error")) {
      expect_match(conditionMessage(some), "cannot be subset")
    } else {
      expect_identical(class(some), class(result))
      expect_lte(nrow(as.data.frame(some)), nrow(table))
    }
  })
}
