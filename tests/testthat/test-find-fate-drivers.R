test_that("rank sums are those of wilcox.test(), with ties, zeros, negative values and cells left out", {
  set.seed(1)
  n <- 40L
  group <- rep(c(1L, 2L, 0L), c(15, 20, 5))
  e <- rbind(
    stats::rnorm(n), round(stats::rnorm(n)), stats::rpois(n, 0.3), stats::rpois(n, 2), 0, rep(c(0, 1), each = 20),
    ifelse(seq_len(n) == 3, 5, 0), abs(round(stats::rnorm(n), 1)), -stats::rpois(n, 1)
  )
  got <- gene_rank_sums(methods::as(methods::as(methods::as(Matrix::Matrix(e, sparse = TRUE), "dMatrix"),
    "generalMatrix"), "CsparseMatrix"), group, 1L)
  for (g in seq_len(nrow(e))) {
    wanted <- suppressWarnings(stats::wilcox.test(e[g, group == 1], e[g, group == 2], exact = FALSE))
    expect_equal(got$statistic[[g]], unname(wanted$statistic))
    expect_equal(got$p[[g]], if (is.nan(wanted$p.value)) 1 else wanted$p.value)
  }
  expect_error(gene_rank_sums(Matrix::rsparsematrix(2, n, 0.5), rep(1L, n), 1L), class = "fatefield_error_input")
})

test_that("fold changes and shares are the plain ones, and null genes have uniform p values", {
  set.seed(2)
  group <- rep(1:2, c(60, 90))
  e <- log1p(matrix(stats::rpois(2000 * 150, 1), 2000, dimnames = list(paste0("g", 1:2000), NULL)))
  got <- expression_by_fate(e, group)
  expect_equal(got$log2fc[[3]], log2(mean(expm1(e[3, 1:60])) + 1) - log2(mean(expm1(e[3, 61:150])) + 1))
  expect_equal(got$pct.1[[3]], mean(e[3, 1:60] > 0))
  expect_equal(got$q, stats::p.adjust(got$p, "BH"))
  expect_gt(suppressWarnings(stats::ks.test(got$p, "punif"))$p.value, 1e-3)
  expect_lt(sum(got$q < 0.05), 3)
  e[7, 1:60] <- log1p(stats::rpois(60, 3))
  strong <- expression_by_fate(e, group)
  expect_identical(strong$gene[[which.min(strong$p)]], "g7")
})

# A linear engine: the second coordinate grows from where it starts, so the fate is its sign.
slope_engine <- function(gain = 1) {
  simulate <- function(x0, times, n_sim, seed, first) {
    n <- nrow(x0) * n_sim
    cell <- rep(seq_len(nrow(x0)), each = n_sim)
    states <- array(0, c(n, ncol(x0), length(times)))
    for (k in seq_along(times)) states[, , k] <- x0[cell, ] * exp(gain * (times[[k]] - times[[1L]]))
    list(states = states, log_weights = matrix(0, n, length(times)))
  }
  list(simulate = simulate, diffusion = function(x, t) x * 0)
}

# Voters so dense along the second coordinate that the margin of "up" is tanh-like: here linear in it.
sensitivity_task <- function(gain = 1, n.models = 1L) {
  along <- seq(-10, 10, length.out = 4001)
  reference <- cbind(0, along)
  # At each place the share of "up" is 0.5 + along / 20, by labels that repeat.
  label <- ifelse((seq_along(along) * 0.618034) %% 1 < 0.5 + along / 20, "up", "down")
  x <- cbind(PC_1 = rep(0, 20), PC_2 = seq(-1, 1, length.out = 20))
  references <- label_references(reference, factor(label), NULL, vote_options(200, NULL, NULL, 0, NULL, NULL))
  list(
    model = stub_model(dims = colnames(x), n.models = n.models), x = x, starts = rep(0, 20), cells = 1:20,
    references = references,
    sides = list(for.it = match("up", references$labels), against.it = match("down", references$labels)),
    end = 1, n.sim = 2L, max.cells = 100L, step = 1, n.directions = 60L, seed = 1
  )
}

test_that("the sensitivity is the derivative of the margin, carried by the loadings", {
  task <- sensitivity_task()
  loadings <- rbind(a = c(0, 1), b = c(0, -0.5), c = c(1, 0))
  space <- list(kind = "linear", genes = rownames(loadings), loadings = loadings)
  got <- with_engines(list(slope_engine()), fate_sensitivity(task, space))
  # margin = 2 (0.5 + x e / 20) - 1 = x e / 10.
  expect_equal(got$sensitivity, c(exp(1) / 10, -exp(1) / 20, 0), tolerance = 0.05)
  expect_equal(got$sensitivity_abs, abs(got$sensitivity), tolerance = 0.05)
  expect_true(all(is.na(got$sensitivity_se)) && all(got$sensitivity_se_cells < 0.05))
  two <- with_engines(list(slope_engine(), slope_engine(0)), fate_sensitivity(sensitivity_task(n.models = 2L), space))
  expect_equal(two$sensitivity[[1]], mean(c(exp(1), 1)) / 10, tolerance = 0.05)
  expect_equal(two$sensitivity_se[[1]], (exp(1) - 1) / 10 / 2, tolerance = 0.1)
})

test_that("random directions find the same derivative", {
  task <- sensitivity_task()
  shift <- function(states, dz) states + dz %*% rbind(c(0, 1), c(0, -0.5), c(1, 0))
  space <- list(kind = "genes", genes = c("a", "b", "c"), shift = shift)
  got <- with_engines(list(slope_engine()), fate_sensitivity(task, space))
  expect_lt(max(abs(got$sensitivity - c(exp(1) / 10, -exp(1) / 20, 0))), 4 * max(got$sensitivity_se_cells))
  expect_lt(max(got$sensitivity_se_cells), 0.02)
  signs <- random_signs(100, 50, 3)
  expect_true(all(signs %in% c(-1, 1)) && abs(mean(signs)) < 0.05)
})

test_that("agreement is that of ranks and of the hypergeometric law", {
  parts <- list(
    expression = data.frame(gene = letters[1:10], auc = seq(1, 0.1, by = -0.1)),
    sensitivity = data.frame(gene = letters[10:1], sensitivity = c(-4:0, 1:5)),
    activation = data.frame(gene = letters[1:5], activation = c(5, 4, 3, 2, -1))
  )
  got <- join_drivers(parts, 3L)
  expect_identical(got$table$gene[1:3], c("a", "b", "c"))
  expect_equal(got$agreement$rho, c(1, 1, 1))
  expect_equal(got$agreement$genes, c(10, 5, 5))
  expect_equal(got$agreement$overlap, c(3, 3, 3))
  expect_equal(got$agreement$p[[1]], 1 / choose(10, 3))
  expect_equal(got$table$combined[[1]], 1)
})

find_drivers <- function(object, ..., engines = list(slope_engine()), fate = "up",
                         sources = c("expression", "sensitivity")) {
  with_engines(engines, FindFateDrivers(
    object, stub_model(dims = c("PC_1", "PC_2")), fate = fate, labels = "state", exclude = "progenitor", cutoff = 0,
    reference = 51:90, k = 5, n.sim = 2, sources = sources, verbose = FALSE, ...
  ))
}

test_that("the gene that drives the fate comes first, for Seurat and SingleCellExperiment alike", {
  one <- find_drivers(driver_cells(), step = 1, n.top = 2L)
  expect_s3_class(one, "fatefield_drivers")
  expect_identical(one$table$gene[[1]], "Gene1")
  expect_gt(one$table$log2fc[[1]], 0)
  expect_lt(one$table$q[[1]], 1e-6)
  expect_gt(one$table$sensitivity[[1]], 0)
  expect_true(all(one$table$q[-1] > 0.01))
  up <- embedding(driver_cells(), "pca")[1:50, 2] > 0
  expect_equal(one$n, c(sum(up), sum(!up)))
  two <- find_drivers(driver_cells("sce"), step = 1, n.top = 2L)
  expect_equal(two$table, one$table)
  expect_output(print(one), "genes for \"up\"")
  expect_s3_class(plot(one), "ggplot")
  alone <- find_drivers(driver_cells(), sources = "expression", predicted = "state", cells = 51:90)
  expect_equal(sort(alone$n), sort(as.vector(table(driver_cells()$state)[c("up", "down")])))
  expect_null(alone$agreement)
  expect_s3_class(plot(alone, genes = "Gene1"), "ggplot")
  reverse <- find_drivers(driver_cells(), step = 1, fate = "down")
  expect_identical(reverse$table$gene[[12]], "Gene1")
})

test_that("a table of activations is joined", {
  screen <- data.frame(gene = paste0("Gene", 1:12), effect = c(1, rep(0, 11)))
  got <- find_drivers(driver_cells(), step = 1, screen = screen)
  expect_identical(got$table$gene[[1]], "Gene1")
  expect_equal(nrow(got$agreement), 3)
})

test_that("activations are those of a screen of the same cells", {
  cells <- perturb_object()
  early <- which(cells$day == 0)
  find <- function(...) {
    FindFateDrivers(cells, fate = "fateA", against = "fateB", labels = "state", fates = c("fateA", "fateB"),
      cells = early,
      n.sim = 2, k = 10, cutoff = 0, verbose = FALSE, ...)
  }
  screen <- ScreenPerturbations(cells, mode = "shift", labels = "state", fates = c("fateA", "fateB"), cells = early,
    n.sim = 2, k = 10, cutoff = 0, n.null = 0, verbose = FALSE)
  got <- find(sources = "activation")
  expect_equal(got$table, find(sources = "activation", screen = screen)$table)
  margin <- screen$effects[got$table$gene, "fateA", ] - screen$effects[got$table$gene, "fateB", ]
  expect_equal(got$table$activation, unname(rowMeans(margin)))
  expect_true(all(is.na(screen$table$p)))
  expect_input_error(find(screen = 1), "screen", "ScreenPerturbations")
})

test_that("what cannot be is answered with the argument's name", {
  object <- driver_cells()
  expect_input_error(find_drivers(object, fate = "upp"), "fate", "up")
  expect_input_error(find_drivers(object, against = "up"), "against")
  expect_input_error(find_drivers(object, cells = "nobody"), "cells")
  expect_input_error(find_drivers(object, sources = "magic"), "sources")
  expect_input_error(find_drivers(object, step = 0), "step")
  expect_input_error(find_drivers(object, fates = "up"), "exclude", "leaves 1 fate")
  expect_input_error(find_drivers(object, predicted = ifelse(seq_len(90) == 1, "up", "down"), sources = "expression"),
    "fate", "1 of the cells")
  expect_input_error(find_drivers(object, screen = data.frame(a = 1)), "screen")
  expect_input_error(FindFateDrivers(object, stub_model(dims = c("PC_1", "PC_2")), fate = "up"), "labels")
  expect_input_error(plot(find_drivers(object, step = 1), genes = "Gene0"), "genes", "Gene0")
})

test_that("drivers and dynamics of a velocity field: genes are the state", {
  cells <- SimulateTwoBranch(n.cells = 200, n.genes = 40)
  cells <- EstimateVelocity(cells, verbose = FALSE)
  cells <- FitVelocityField(cells, field = "linear", verbose = FALSE)
  x <- model_coordinates(cells, GetModel(cells))
  # Two halves by the strongest axis stand for fates.
  side <- stats::prcomp(log1p(x))$x[, 1] > 0
  label <- ifelse(side, "one", "two")
  run <- function(threads) {
    FindFateDrivers(cells, fate = "one", labels = label, cutoff = 0, max.cells = 10, n.directions = 4, n.top = 10,
      threads = threads, verbose = FALSE)
  }
  got <- run(1L)
  expect_identical(run(2L), got)
  expect_setequal(got$table$gene, colnames(x))
  expect_true(all(is.finite(got$table$sensitivity)))
  expect_equal(nrow(got$agreement), 3)
  dynamics <- GetResult(FateDynamics(cells, labels = label, cells = 1:40, n.neighbors = 10, verbose = FALSE),
    "dynamics")
  expect_equal(nrow(dynamics$table), 40)
  expect_true(all(dynamics$entropy$entropy <= log(2) + 1e-9))
})

test_that("of simulated cells, genes of the programme of a fate come before the others", {
  cells <- SimulateDifferentiation(n.cells = 600, n.genes = 60, n.fates = 2)
  cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 60, n.models = 1L, verbose = FALSE)
  fates <- setdiff(levels(factor(cells$state)), "progenitor")
  got <- FindFateDrivers(cells, fate = fates[[1L]], labels = "state", exclude = "progenitor", cutoff = 0,
    cells = which(cells$day == 1)[1:90], n.sim = 5, max.cells = 60, n.top = 10, verbose = FALSE)
  # What differs between the fates at the end, from the cells themselves.
  late <- which(cells$state != "progenitor")
  e <- expression_of(cells, GetModel(cells), NULL, NULL)[got$table$gene, late]
  ends <- expression_by_fate(e, ifelse(cells$state[late] == fates[[1L]], 1L, 2L))
  rho <- function(x) stats::cor(x, ends$auc - 0.5, method = "spearman", use = "complete.obs")
  expect_gt(rho(got$table$combined), 0.3)
  expect_gt(rho(got$table$sensitivity), 0.3)
  expect_true(all(got$agreement$rho > 0.2))
})
