# CellCriticality() and LyapunovExponents(): analytic values, invariances, objects alike, ways to fail.

two_genes <- function(t, states) {
  dimnames(states) <- list(NULL, paste0("g", seq_len(dim(states)[[2L]])), NULL)
  new_trajectories(states, t, factor(letters[seq_len(dim(states)[[1L]])]), rep(1L, dim(states)[[1L]]))
}

# One gene of the first cell decays, the other stays; the second cell is at rest.
decaying <- function(factor = 1) {
  t <- seq(0, 3, 0.5)
  states <- array(factor, c(2L, 2L, length(t)))
  states[1L, 1L, ] <- factor * exp(-t)
  two_genes(t, states)
}

test_that("the criticality of a decay is its sum of divergences, and 0 at rest", {
  t <- seq(0, 3, 0.5)
  # By default a thousandth of the mean expression of all starts is added: 1 for both genes.
  p <- function(x) {
    q <- c(exp(-x), 1) + 1e-3
    q / sum(q)
  }
  steps <- vapply(seq_along(t)[-1L], function(i) sum(p(t[[i - 1L]]) * log(p(t[[i - 1L]]) / p(t[[i]]))), 0)
  found <- CellCriticality(decaying(), skip.first = FALSE)
  expect_equal(unname(found$criticality), c(sum(steps), 0), tolerance = 1e-9)
  expect_equal(unname(found$increments[1L, ]), steps, tolerance = 1e-9)
  expect_equal(unname(CellCriticality(decaying())$criticality[[1L]]), sum(steps[-1L]), tolerance = 1e-9)
  way <- CellCriticality(decaying(), measure = "path", skip.first = FALSE)
  expect_equal(unname(way$criticality), c(1 - exp(-3), 0), tolerance = 1e-9)
  js <- CellCriticality(decaying(), measure = "js", skip.first = FALSE)
  expect_true(js$criticality[[1L]] > 0 && js$criticality[[1L]] < found$criticality[[1L]])
})

test_that("it does not depend on the scale of expression nor on the order of genes, and never is below 0", {
  one <- CellCriticality(decaying(), skip.first = FALSE)$criticality
  expect_equal(CellCriticality(decaying(1000), skip.first = FALSE)$criticality, one, tolerance = 1e-9)
  turned <- decaying()
  turned$states <- turned$states[, 2:1, ]
  expect_equal(CellCriticality(turned, skip.first = FALSE)$criticality, one, tolerance = 1e-12)
  t <- 0:6
  wild <- array(abs(sin(seq_len(20 * 5 * 7) * 1.7)), c(20L, 5L, 7L))
  found <- CellCriticality(two_genes(t, wild), skip.first = FALSE)
  expect_true(all(found$increments >= 0))
  again <- CellCriticality(two_genes(t, wild), skip.first = FALSE, threads = 2L)
  expect_identical(again$criticality, found$criticality)
})

test_that("objects of a model hold it, and wrong input is named", {
  object <- tiny_fit(tiny_seurat())
  run <- function(...) CellCriticality(object, measure = "path", n.sim = 3L, n.steps = 4L, verbose = FALSE, ...)
  whole <- run()
  expect_true(all(whole$criticality > 0))
  expect_identical(dim(GetResult(whole, "criticality")$increments), c(60L, 4L))
  expect_identical(whole[, 1:7]$criticality, whole$criticality[1:7])
  expect_s3_class(PlotCriticality(whole, reduction = "pca"), "ggplot")
  expect_input_error(CellCriticality(object, n.steps = 0L, verbose = FALSE), "n.steps")
  expect_input_error(CellCriticality(object, measure = "size", verbose = FALSE), "measure")
  expect_input_error(CellCriticality(tiny_cells()$x), "model")
  one <- decaying()
  one$states <- one$states[, , 1L, drop = FALSE]
  one$times <- one$times[1L]
  expect_input_error(CellCriticality(one), "object", "1 time")
  expect_input_error(GetResult(object, "criticality"), "what", "criticality")
  expect_input_error(PlotCriticality(object), "object", "CellCriticality")
})

test_that("criticality is a result: it prints, sums up, plots, and knows when it is stale", {
  object <- tiny_fit(tiny_seurat(), n.models = 2L)
  run <- function(object, ...) {
    CellCriticality(object, measure = "path", n.sim = 2L, n.steps = 4L, verbose = FALSE, ...)
  }
  object <- run(object)
  found <- GetResult(object, "criticality")
  expect_s3_class(found, c("fatefield_criticality", "fatefield_result"), exact = TRUE)
  expect_named(as.data.frame(found), c("cell", "criticality", "criticality_sd"))
  expect_identical(as.data.frame(found)$criticality, unname(object$criticality))
  expect_identical(summary(found)$quantity, c("criticality", "criticality_sd"))
  expect_output(print(found), "60 cells: median .*2 stochastic futures of the neural SDE \"sde\", 2 models")
  some <- found[c("cell003", "cell001")]
  expect_identical(rownames(some$increments), c("cell003", "cell001"))
  expect_identical(some$table$cell, c("cell003", "cell001"))
  for (type in c("histogram", "steps")) expect_s3_class(plot(found, type = type), "ggplot")
  expect_s3_class(plot(found, type = "box", group.by = object$state), "ggplot")
  expect_s3_class(plot(found, type = "embedding", embedding = tiny_cells()$x), "ggplot")
  renamed <- SeuratObject::RenameCells(object[, 30:21], new.names = paste0("x", 1:10))
  expect_identical(names(GetResult(renamed, "criticality")$criticality), paste0("x", 1:10))
  expect_identical(unname(GetResult(renamed, "criticality")$criticality), unname(renamed$criticality))
  expect_s3_class(PlotCriticality(renamed, type = "violin", group.by = "state"), "ggplot")
  stale <- function(expr) expect_error(expr, "CellCriticality", class = "fatefield_error_stale")
  moved <- object
  moved[["pca"]] <- SeuratObject::CreateDimReducObject(tiny_cells()$x * 2, key = "PC_", assay = "RNA")
  stale(PlotCriticality(moved))
  stale(GetResult(moved, "criticality"))
  stale(PlotCriticality(tiny_fit(object, updates = 3L)))
  drift <- GetResult(run(object, path = "drift", store.as = "along_drift"), "criticality", "along_drift")
  expect_output(print(drift), "the drift of the neural SDE \"sde\"")
})

test_that("a column of the user's is kept, and colours are those of the definition", {
  object <- tiny_fit(tiny_seurat())
  object$criticality <- seq_len(60)
  run <- function(...) CellCriticality(object, measure = "path", n.sim = 2L, n.steps = 2L, verbose = FALSE, ...)
  expect_warning(found <- run(), "fatefield_criticality", class = "fatefield_warning_name")
  expect_identical(unname(found$criticality), seq_len(60))
  rlang::local_options(warn = -1)
  expect_identical(unname(GetResult(found, "criticality")$criticality), unname(found$fatefield_criticality))
  expect_input_error(run(store.as = "state"), "store.as")
  found <- DefineFates(found, labels = "state", cols = c(up = "red3"))
  built <- ggplot2::ggplot_build(PlotCriticality(found, type = "box", group.by = "state"))
  expect_true("red3" %in% unlist(lapply(built$data, function(d) d$fill)))
  expect_input_error(run(rtoll = 1), "rtoll")
  expect_input_error(run(rtol = 1e-3), "rtol")
  expect_input_error(run(path = "drift", rtoll = 1), "rtoll", "rtol")
})

test_that("the exponents of a linear field are its eigenvalues", {
  a <- matrix(c(-0.4, 0, 0, 0.3, -1, 0, 0, 0.2, -1.6), 3L)
  x <- matrix(1 + abs(sin(seq_len(600) * 1.3)) * 3, 200L, dimnames = list(paste0("c", 1:200), paste0("g", 1:3)))
  v <- x %*% t(a)
  model <- FitVelocityField(x, v, field = "linear", validation = 0.1, test = 0, verbose = FALSE)
  found <- LyapunovExponents(x, model = model, cells = 1:5, n.exponents = 3L, t.max = 12, n.steps = 120L,
    verbose = FALSE)
  expect_equal(unname(colMeans(found$exponents)), c(-0.4, -1, -1.6), tolerance = 0.05)
  again <- LyapunovExponents(x, model = model, cells = 1:5, n.exponents = 3L, t.max = 12, n.steps = 120L,
    verbose = FALSE,
    threads = 2L)
  expect_identical(again, found)
  expect_input_error(LyapunovExponents(x, model = model, n.exponents = 4L, verbose = FALSE), "n.exponents",
    "3 dimensions")
  expect_named(as.data.frame(found), c("cell", paste0("exponent_", 1:3)))
  expect_identical(found["c2"]$table$cell, "c2")
  expect_output(print(found), "5 cells: median")
  expect_s3_class(plot(found), "ggplot")
  expect_identical(summary(found)$quantity, paste0("exponent_", 1:3))
  expect_input_error(LyapunovExponents(x, verbose = FALSE), "model")
})

# Correlations of criticality with the depth of cells thinned at random: the default, and the published way.
depth_correlations <- function(seed) {
  cells <- SimulateTwoBranch(n.cells = 500L, n.genes = 150L, depth = 20, as = "list", seed.use = seed)
  set.seed(seed)
  share <- stats::runif(500L, 0.25, 1)
  thin <- function(m) {
    m <- as.matrix(m)
    matrix(stats::rbinom(length(m), m, rep(share, each = nrow(m))), nrow(m), dimnames = dimnames(m))
  }
  spliced <- thin(cells$counts)
  v <- EstimateVelocity(spliced, thin(cells$unspliced), genes = rownames(spliced), nfeatures = 0, verbose = FALSE)
  data <- velocity_states(v)[c("x", "y")]
  model <- tiny_field(data = data)
  way <- function(...) stats::cor(CellCriticality(data$x, model, verbose = FALSE, ...)$criticality,
    log(colSums(spliced)))
  c(default = way(), published = way(compat = "deepvelo"))
}

test_that("random depth of cells is not their criticality", {
  found <- vapply(42:44, depth_correlations, numeric(2L))
  expect_lt(abs(mean(found["default", ])), 0.1)
  expect_lt(max(abs(found["default", ])), 0.2)
  # The published way does follow depth, so that the test can fail.
  expect_gt(min(abs(found["published", ])), 0.3)
})

# 60 cells x 15 genes of two days with a PCA, and two models in it.
kl_cells <- function(n.models = 1L) {
  p <- seurat_pca(gene_cells(), d = 4L)
  tiny_fit(p$object, reduction = "pca", n.models = n.models, growth = "none")
}

test_that("criticality of a neural SDE is that of the expression its paths are decoded to", {
  object <- kl_cells()
  cells <- which(object$day == 0)[1:6]
  found <- CellCriticality(object, cells = cells, n.sim = 3L, n.steps = 4L, skip.first = FALSE, verbose = FALSE)
  found <- GetResult(found, "criticality")
  paths <- SimulateCells(object, cells = cells, n.sim = 3L, t.out = seq(0, 1, 0.25), verbose = FALSE)
  space <- gene_space(object, GetModel(object))
  expression <- function(states) expm1(pmax(space$decode(states), 0))
  mean.of.all <- colMeans(expression(model_coordinates(object, GetModel(object))))
  profile <- function(k) {
    e <- sweep(expression(states_at(paths, paths$times[[k]])), 2L, 1e-3 * mean.of.all, "+")
    e / rowSums(e)
  }
  by.hand <- vapply(1:4, function(k) rowSums(profile(k) * log(profile(k) / profile(k + 1L))), numeric(18L))
  expect_equal(unname(found$increments), unname(rowsum(by.hand, rep(1:6, each = 3L)) / 3), tolerance = 1e-8)
  expect_equal(unname(found$criticality), unname(rowSums(found$increments)), tolerance = 1e-12)
})

test_that("an ensemble has the mean and the spread of its members", {
  object <- kl_cells(2L)
  model <- GetModel(object)
  run <- function(model, ...) {
    CellCriticality.default(object, model, cells = 1:20, n.sim = 2L, n.steps = 3L, verbose = FALSE, ...)
  }
  members <- vapply(1:2, function(i) {
    one <- model
    one$states <- model$states[i]
    # Each member has random numbers of its own.
    run(one, seed.use = 41L + i)$criticality
  }, numeric(20L))
  both <- run(model)
  expect_equal(both$criticality, rowMeans(members), tolerance = 1e-12)
  expect_equal(unname(both$sd), unname(apply(members, 1L, stats::sd)), tolerance = 1e-12)
  expect_identical(both$n.models, 2L)
  expect_identical(run(model, threads = 2L)$criticality, both$criticality)
})

test_that("growth lets paths count by their mass", {
  states <- array(1, c(2L, 2L, 3L))
  states[1L, 1L, ] <- c(1, 2, 4)
  paths <- two_genes(0:2, states)
  paths$cell <- factor(c("a", "a"))
  paths$sim <- 1:2
  paths$log_weights <- cbind(0, log(c(3, 1)), log(c(1, 4)))
  run <- function(growth) CellCriticality(paths, measure = "path", skip.first = FALSE, growth = growth)$increments
  expect_equal(unname(run(TRUE)), cbind(1 * 0.75, 2 * 0.2), tolerance = 1e-12)
  expect_equal(unname(run(FALSE)), cbind(0.5, 1), tolerance = 1e-12)
  paths$log_weights <- paths$log_weights + 900
  expect_equal(unname(run(TRUE)), cbind(0.75, 0.4), tolerance = 1e-12)
})

test_that("every kind of object has the same criticality, and keeps that of the cells it keeps", {
  model <- GetModel(tiny_fit(tiny_seurat()))
  found <- lapply(tiny_objects(), function(object) {
    object <- CellCriticality(object, model, measure = "path", n.sim = 2L, n.steps = 3L, verbose = FALSE)
    some <- object[, c(9, 3, 30)]
    values <- cell_column(object, "criticality", "column")
    at <- match(cell_names(some), cell_names(object))
    expect_identical(unname(cell_column(some, "criticality", "column")), unname(values)[at])
    kept <- GetResult(some, "criticality")
    expect_setequal(names(kept$criticality), cell_names(some))
    expect_identical(kept$increments, GetResult(object, "criticality")$increments[rownames(kept$increments), ])
    expect_s3_class(PlotCriticality(some, reduction = if (is_sce(some)) "PCA" else "pca"), "ggplot")
    unname(values)
  })
  for (kind in names(found)[-1L]) expect_identical(found[[kind]], found[[1L]])
})

test_that("every kind of object has the same exponents, and members their spread", {
  model <- GetModel(tiny_fit(tiny_seurat(), n.models = 2L))
  found <- lapply(tiny_objects()[c("v3", "sce")], function(object) {
    if (is.null(object)) return(NULL)
    object <- LyapunovExponents(object, model, n.exponents = 2L, n.steps = 4L, verbose = FALSE)
    vapply(c("lyapunov", "lyapunov_2", "lyapunov_sd"), function(n) unname(cell_column(object, n, "column")),
      numeric(60L))
  })
  one <- model
  one$states <- model$states[1L]
  other <- model
  other$states <- model$states[2L]
  alone <- lapply(list(one, other),
    function(m) LyapunovExponents(tiny_seurat(), m, n.steps = 4L, verbose = FALSE)$lyapunov)
  expect_equal(found$v3[, "lyapunov"], unname(alone[[1L]] + alone[[2L]]) / 2, tolerance = 1e-12)
  expect_equal(found$v3[, "lyapunov_sd"], unname(abs(alone[[1L]] - alone[[2L]])) / sqrt(2), tolerance = 1e-12)
  expect_true(all(found$v3[, "lyapunov"] >= found$v3[, "lyapunov_2"]))
  if (!is.null(found$sce)) expect_identical(found$sce, found$v3)
})
