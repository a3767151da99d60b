# FitSDE(use.clones = ): what clones are used for, and when they are not.

clonal_cells <- function(n = 150L, noise = 0.3) {
  set.seed(2)
  at <- matrix(stats::rnorm(2L * n), n)
  x <- rbind(at, at + matrix(stats::rnorm(2L * n, 0, noise), n) + 0.3)
  dimnames(x) <- list(paste0("cell", seq_len(2L * n)), c("a", "b"))
  list(x = x, time = rep(0:1, each = n), clone = rep(paste0("clone", seq_len(n)), 2L))
}

clonal_fit <- function(cells, ...) {
  FitSDE(cells$x, time = cells$time, clone = cells$clone, updates = 3L, verbose = FALSE, ...)
}

test_that("clones give the noise and pair cells, each when asked", {
  cells <- clonal_cells()
  plain <- clonal_fit(cells, n.models = 1L)
  expect_null(plain$clones)
  expect_identical(clonal_fit(cells, n.models = 1L, use.clones = "holdout")$states, plain$states)
  both <- clonal_fit(cells, use.clones = "both")
  # The share of 0.3^2 in the variance within times.
  expect_equal(both$clones$noise, 0.3^2, tolerance = 0.5)
  expect_gt(both$clones$trust, 0.9)
  expect_identical(bridge_noises(both$config, 3L), both$clones$noise * c(1, 2, 4))
  expect_identical(bridge_noises(both$config, 1L), both$clones$noise * 2)
  noise <- clonal_fit(cells, use.clones = "noise")
  expect_null(noise$clones$trust)
  expect_identical(noise$clones$noise, both$clones$noise)
  expect_false(identical(noise$states, both$states))
  alone <- clonal_fit(cells, n.models = 1L, bridge.noise = noise$clones$noise)
  expect_identical(
    model_engine(noise)$drift(cells$x, 0.5), model_engine(alone)$drift(cells$x, 0.5)
  )
  pairs <- clonal_fit(cells, use.clones = "pairs")
  expect_null(pairs$clones$noise)
  expect_identical(bridge_noises(pairs$config, 3L), c(0.15, 0.7, 1.4))
})

test_that("paired cells are those that the drift is learned from", {
  # Two founders at one place whose clones go opposite ways: distance alone sends both to the middle.
  n <- 100L
  set.seed(3)
  side <- rep(c(-1, 1), each = n / 2L)
  x <- rbind(cbind(0.3 * side, 0) + 0.1 * stats::rnorm(2L * n), cbind(-0.3 * side, 0) + 0.1 * stats::rnorm(2L * n))
  dimnames(x) <- list(paste0("cell", seq_len(2L * n)), c("a", "b"))
  time <- rep(0:1, each = n)
  clone <- rep(seq_len(n), 2L)
  fit <- function(trust) {
    engine <- methods::new(NeuralSDE, SDEOptions(), 2L, 1)
    train <- TrainOptions(updates = 150L, bridge.noise = 0.7)
    engine$fit(x, time, train, 1, list(clone = clone, trust = trust))
    at <- engine$drift(cbind(c(-0.3, 0.3), 0), 0.01)
    at[2L, 1L] - at[1L, 1L]
  }
  # Crossing over is a drift of -0.6 at 0.3 against 0.6 at -0.3.
  expect_lt(fit(0.95), -0.6)
  expect_gt(fit(NULL), -0.6)
})

test_that("clones that are mixed up are not used, and that is said", {
  cells <- clonal_cells()
  set.seed(4)
  mixed <- cells
  mixed$clone <- c(mixed$clone[1:150], sample(mixed$clone[151:300]))
  expect_warning(model <- clonal_fit(mixed, n.models = 1L, use.clones = "both"), class = "fatefield_warning_clones")
  expect_null(model$clones$trust)
  expect_null(model$clones$noise)
  expect_identical(model$states, clonal_fit(mixed, n.models = 1L)$states)
  apart <- cells
  apart$clone <- paste0("clone", 1:300)
  expect_warning(
    clonal_fit(apart, n.models = 1L, use.clones = "pairs"), "no clone has cells at two successive times",
    class = "fatefield_warning_clones"
  )
})

test_that("cells without clones take part, and what clones said is told", {
  cells <- clonal_cells()
  cells$clone[sample(300L, 100L)] <- NA
  model <- clonal_fit(cells, n.models = 1L, use.clones = "both")
  expect_identical(model$clones$counts$cells, 200L)
  expect_output(
    print(summary(model)), "clones of 200 of 300 cells .*trusted in pairing .* from 0 to 1; noise found 0[.]"
  )
})

test_that("a model with clones goes on where it stopped, on any threads", {
  cells <- clonal_cells()
  whole <- FitSDE(cells$x, time = cells$time, clone = cells$clone, use.clones = "both", updates = 6L, n.models = 1L,
    verbose = FALSE, threads = 2L)
  half <- clonal_fit(cells, n.models = 1L, use.clones = "both")
  on <- FitSDE(cells$x, time = cells$time, clone = cells$clone, use.clones = "both", updates = 6L, resume = half,
    verbose = FALSE, threads = 1L)
  expect_identical(on$clones, whole$clones)
  again <- FitSDE(cells$x, time = cells$time, clone = cells$clone, use.clones = "both", updates = 6L, n.models = 1L,
    verbose = FALSE, threads = 1L)
  expect_identical(again$states, whole$states)
})

test_that("what cannot be is an error that names its argument", {
  cells <- clonal_cells()
  argument <- function(...) {
    e <- tryCatch(clonal_fit(cells, ...), fatefield_error_input = identity)
    if (inherits(e, "fatefield_error_input")) e$argument else "none"
  }
  expect_identical(argument(use.clones = "all"), "use.clones")
  expect_identical(argument(use.clones = "noise", bridge.noise = 0.5), "use.clones")
  expect_identical(argument(use.clones = "pairs", method = "sinkhorn"), "use.clones")
  cells$clone <- NULL
  expect_identical(argument(use.clones = "pairs"), "clone")
})
