# Expression with values that are none: an error at the door, and no loop without end behind it.

test_that("FindFateDrivers() and PerturbCells() name the argument whose expression is not finite", {
  object <- perturb_object()
  expression <- as.matrix(layer_data(object, "data", SeuratObject::DefaultAssay(object)))
  early <- which(object$day == min(object$day))
  for (bad in c(NaN, Inf, -Inf, NA)) {
    expression[[3L, 7L]] <- bad
    e <- expect_error(
      FindFateDrivers(object, fate = "fateA", labels = "state", exclude = "progenitor", cells = early,
        expression = expression, predicted = sample(c("fateA", "fateB"), ncol(object), TRUE),
        sources = "expression", verbose = FALSE),
      "expression must be finite, but 1 value is not", class = "fatefield_error_input"
    )
    expect_identical(e$argument, "expression")
  }
})

test_that("rank sums of values that are none end, and are none", {
  skip_if_not_installed("callr")
  skip_if_not(nzchar(system.file("libs", package = "fatefield")), "fatefield is not installed")
  found <- callr::r(function(libraries) {
    .libPaths(libraries)
    x <- Matrix::Matrix(c(1, 0, NaN, 2, 2, 3, 0, 4, NaN, 1, 3, 5), 2, sparse = TRUE)
    fatefield:::gene_rank_sums(x, rep(1:2, each = 3L), 1L)
  }, list(.libPaths()), timeout = 60)
  expect_true(is.nan(found$p[[1L]]))
  expect_true(is.finite(found$p[[2L]]))
})
