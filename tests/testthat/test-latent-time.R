# The direction of latent time, on cells whose course is known.

dynamical_cells <- function(seed, n.cells = 600) {
  cells <- SimulateDifferentiation(
    n.cells = n.cells, n.fates = 2, n.genes = 60, n.futures = 0, as = "list", seed.use = seed
  )
  velocity <- EstimateVelocity(cells$counts, cells$unspliced, mode = "dynamical", verbose = FALSE)
  list(velocity = velocity, at = cells$latent, time = cells$cells$pseudotime)
}

rank_with <- function(x, y) stats::cor(x, y, method = "spearman")

latent <- function(x, ...) EmbedVelocity(x$velocity, x$at, verbose = FALSE, ...)$cells

test_that("latent time is counted from another cell where that of the walks would turn it round, and says so", {
  x <- dynamical_cells(42)
  expect_warning(found <- latent(x), "would run backward", class = "fatefield_warning_latent_time")
  expect_gt(rank_with(found$latent_time, x$time), 0.7)
  expect_gt(rank_with(found$latent_time, found$end_points), 0.7)
  # As it was counted before: against the truth.
  kinetics <- velocity_field_of(x$velocity, NULL, NULL, NULL)$kinetics
  before <- cell_latent_time(
    kinetics$t, kinetics$genes$fit_likelihood, kinetics$genes$fit_r2, found$root_cells, 0L, kinetics$how,
    latent_time_defaults(), 1L
  )
  expect_lt(rank_with(before$time, x$time), -0.3)
  # A root that was named is never overruled, but doubted where it is at the end.
  first <- colnames(x$velocity$velocity)[[which.min(x$time)]]
  expect_silent(rooted <- latent(x, root = first))
  expect_gt(rank_with(rooted$latent_time, x$time), 0.7)
  last <- colnames(x$velocity$velocity)[[which.max(x$time)]]
  expect_warning(wrong <- latent(x, root = last), "not certain", class = "fatefield_warning_latent_time")
  expect_lt(rank_with(wrong$latent_time, x$time), 0)
})

test_that("latent time that nothing speaks against is as it always was", {
  x <- dynamical_cells(2)
  expect_silent(found <- latent(x))
  expect_gt(rank_with(found$latent_time, x$time), 0.8)
  kinetics <- velocity_field_of(x$velocity, NULL, NULL, NULL)$kinetics
  before <- cell_latent_time(
    kinetics$t, kinetics$genes$fit_likelihood, kinetics$genes$fit_r2, found$root_cells, 0L, kinetics$how,
    latent_time_defaults(), 1L
  )
  expect_equal(found$latent_time, before$time)
})

test_that("signs of a time are those of end points, pseudotime and steps", {
  n <- 50L
  forward <- Matrix::sparseMatrix(i = seq_len(n - 1L), j = seq_len(n - 1L) + 1L, x = 1, dims = c(n, n))
  cells <- data.frame(end_points = seq_len(n), velocity_pseudotime = c(NA, seq_len(n - 1L)))
  expect_equal(unname(direction_signs(seq_len(n), cells, forward)), c(1, 1, 1))
  expect_equal(unname(direction_signs(-seq_len(n), cells, forward)), c(-1, -1, -1))
  expect_equal(unname(direction_signs(rep(1, n), cells, forward)), c(0, 0, 0))
})
