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
  expect_identical(dim(GetCriticality(whole)$increments), c(60L, 4L))
  expect_identical(whole[, 1:7]$criticality, whole$criticality[1:7])
  expect_s3_class(PlotCriticality(whole, reduction = "pca"), "ggplot")
  expect_input_error(CellCriticality(object, n.steps = 0L, verbose = FALSE), "n.steps")
  expect_input_error(CellCriticality(object, measure = "size", verbose = FALSE), "measure")
  expect_input_error(CellCriticality(tiny_cells()$x), "model")
  one <- decaying()
  one$states <- one$states[, , 1L, drop = FALSE]
  one$times <- one$times[1L]
  expect_input_error(CellCriticality(one), "object", "1 time")
  expect_input_error(GetCriticality(object), "object", "no criticality")
})

test_that("the exponents of a linear field are its eigenvalues", {
  a <- matrix(c(-0.4, 0, 0, 0.3, -1, 0, 0, 0.2, -1.6), 3L)
  x <- matrix(1 + abs(sin(seq_len(600) * 1.3)) * 3, 200L, dimnames = list(paste0("c", 1:200), paste0("g", 1:3)))
  v <- x %*% t(a)
  model <- FitVelocityField(x, v, field = "linear", validation = 0.1, test = 0, verbose = FALSE)
  found <- LyapunovExponents(x, model = model, cells = 1:5, k = 3L, t.max = 12, steps = 120L, verbose = FALSE)
  expect_equal(unname(colMeans(found)), c(-0.4, -1, -1.6), tolerance = 0.05)
  again <- LyapunovExponents(x, model = model, cells = 1:5, k = 3L, t.max = 12, steps = 120L, verbose = FALSE,
    threads = 2L)
  expect_identical(again, found)
  expect_input_error(LyapunovExponents(x, model = model, k = 4L, verbose = FALSE), "k", "3 dimensions")
  expect_input_error(LyapunovExponents(x, verbose = FALSE), "model")
})
