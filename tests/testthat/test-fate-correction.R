# Cells that do not move, in one dimension, and engines whose futures are the cells' own places plus a shift and noise.
still_cells <- function(n = 300L) {
  i <- seq_len(2L * n)
  x <- matrix(stats::qnorm((rep(seq_len(n), 2L) - 0.5) / n), ncol = 1L, dimnames = list(paste0("c", i), "PC_1"))
  list(x = x, time = rep(0:1, each = n), label = ifelse(x[, 1L] > 0, "right", "left"))
}

# Futures are N(shift, 1) whatever the start: those of the last time where `shift` is 0.
shift_engine <- function(shift) {
  simulate <- function(x0, times, n_sim, seed, first_trajectory) {
    n <- nrow(x0) * n_sim
    u <- ((first_trajectory + seq_len(n)) * (sqrt(5) - 1) / 2) %% 1
    states <- array(0, c(n, 1L, length(times)))
    for (k in seq_along(times)) states[, 1L, k] <- if (k == 1L) rep(x0, each = n_sim) else stats::qnorm(u) + shift
    list(states = states, log_weights = matrix(0, n, length(times)))
  }
  list(simulate = simulate)
}

weights_of <- function(shift, end = 1) {
  cells <- still_cells()
  source <- list(times = cells$time, x = cells$x, fixed = TRUE)
  member_weights(shift_engine(shift), source, correctable(source, cells$time, end), end, 1)
}

test_that("a model whose ends are shifted gets the observed composition back", {
  found <- weights_of(0.5)
  expect_identical(found$weight.times, 0L)
  ends <- matrix(stats::qnorm(((1:5000) - 0.5) / 5000) + 0.5)
  h <- exp(end_log_weights(found$weights[[1L]], ends, 1L))
  expect_equal(mean(ends > 0), 0.69, tolerance = 0.01)
  expect_equal(sum(h * (ends > 0)) / sum(h), 0.5, tolerance = 0.1)
  expect_gt(found$moved, 0.1)
})

test_that("a right model keeps its ends", {
  found <- weights_of(0)
  ends <- matrix(stats::qnorm(((1:5000) - 0.5) / 5000))
  h <- exp(end_log_weights(found$weights[[1L]], ends, 1L))
  expect_equal(sum(h * (ends > 0)) / sum(h), 0.5, tolerance = 0.04)
  expect_lt(found$moved, 0.1)
})

test_that("fates say what was corrected, keep those without, and say why not", {
  cells <- SimulateDifferentiation(n.cells = 400, n.fates = 2, n.genes = 30, n.futures = 0)
  cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, n.models = 2L, verbose = FALSE)
  predict <- function(..., correct = TRUE) {
    GetResult(PredictFate(
      cells, labels = "state", exclude = "progenitor", n.sim = 10, verbose = FALSE, correct = correct, ...
    ), "fates")
  }
  one <- predict()
  plain <- predict(correct = FALSE)
  expect_identical(one$probability_plain, plain$probability)
  expect_null(plain$correction)
  expect_true(all(one$correction$moved >= 0 & one$correction$moved <= 1))
  expect_true(all(is.na(one$correction$reason)))
  expect_output(print(one), "ends corrected to the observed cells")
  expect_identical(predict(threads = 1)$probability, predict(threads = 2)$probability)
  # Of all cells of a time the composition is nearer to that of the last.
  last <- cells$state[cells$day == max(cells$day) & cells$state != "progenitor"]
  off <- function(p) abs(mean(p[cells$day == 0, "fateA"]) - mean(last == "fateA"))
  expect_lt(off(one$probability), off(one$probability_plain) + 0.05)
  some <- one[1:5]
  expect_identical(rownames(some$probability_plain), rownames(some$probability))
  early <- predict(t.start = -1, cells = 1:60)
  expect_true(all(is.na(early$correction$moved)))
  expect_match(early$correction$reason, "fewer than 50 cells")
  expect_identical(early$probability, predict(t.start = -1, cells = 1:60, correct = FALSE)$probability)
})

test_that("without a source, or cells enough, there is nothing to correct", {
  expect_length(correctable(NULL, 0:1, 2), 0L)
  expect_length(correctable(list(reason = "none"), 0:1, 2), 0L)
  expect_null(member_weights(NULL, NULL, numeric(), 2, 1))
  expect_null(correction_table(NULL, 0:1, 2, numeric(), list()))
  table <- correction_table(list(reason = "none"), c(0, 0, 1), 2, numeric(), list(NULL, NULL))
  expect_identical(table$cells, 2:1)
  expect_true(all(is.na(table$moved)) && all(table$reason == "none"))
})
