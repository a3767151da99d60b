noise_engine <- function() {
  # Drift (1, 0), learned noise of sd 2 in both dimensions; `simulate_as` as the engine's.
  simulate_as <- function(x0, times, n_sim, seed, first, changes) {
    sd <- if (is.null(changes$noise.sd)) c(2, 2) else changes$noise.sd
    n <- nrow(x0) * n_sim
    cell <- rep(seq_len(nrow(x0)), each = n_sim)
    # Antithetic pairs: mean 0 and variance 1 without chance.
    z <- cbind(rep_len(c(1, -1, 1, -1), n), rep_len(c(1, 1, -1, -1), n))
    states <- array(0, c(n, 2L, length(times)))
    for (k in seq_along(times)) {
      t <- times[[k]] - times[[1L]]
      states[, , k] <- x0[cell, ] + rep(c(t, 0), each = n) + sqrt(t) * sweep(z, 2L, sd, "*")
    }
    list(states = states, log_weights = matrix(0, n, length(times)))
  }
  list(
    simulate_as = simulate_as, simulate = function(...) simulate_as(..., list()),
    diffusion = function(x, t) matrix(rep(c(1, 3), each = nrow(x)), nrow(x))
  )
}

noise_cells_of <- function() {
  x <- cbind(a = rep(0, 24), b = rep(c(-3, 3), 12) + rep(1:12 / 100, each = 2))
  x[13:24, 1L] <- 2
  rownames(x) <- paste0("c", 1:24)
  list(x = x, label = rep(c("low", "high"), 12), time = rep(c(0, 2), each = 12))
}

noise_model <- function(n.models = 1L) {
  model <- stub_model(dims = c("a", "b"), n.models = n.models)
  model["reduction"] <- list(NULL)
  model["time.name"] <- list(NULL)
  model$times <- c(0, 2)
  model
}

compare_noise <- function(..., engines = list(noise_engine()), truth = NULL) {
  cells <- noise_cells_of()
  with_engines(engines, CompareNoise(
    cells$x, noise_model(length(engines)), labels = cells$label, truth = truth, time = cells$time,
    cells = 1:12, reference = 13:24, k = 3, cutoff = 0, prior = 0, n.sim = 4, verbose = FALSE, ...
  ))
}

test_that("each arm has the noise that it is said to have", {
  got <- compare_noise()
  expect_s3_class(got, "fatefield_noise")
  expect_identical(got$table$arm, c("none", "constant", "learned"))
  # The root mean square of 1 and 3 is sqrt(5); over time 2 and two dimensions.
  expect_equal(got$table$sd, c(0, sqrt(5), sqrt(5)))
  expect_equal(got$table$within, c(0, sqrt(2 * 5 * 2), sqrt(2 * 4 * 2)), tolerance = 0.01)
  spread <- mean((noise_cells_of()$x[1:12, 2L] - mean(noise_cells_of()$x[1:12, 2L]))^2)
  expect_equal(got$table$dispersion, sqrt(c(0, 20, 16) + spread), tolerance = 0.01)
  expect_true(all(is.finite(got$table$distance)))
  given <- compare_noise(arms = c("learned", "constant"), sd = c(0.5, 0))
  expect_equal(given$table$within, c(4, sqrt(2 * 0.25)), tolerance = 0.01)
  expect_output(print(got), "noise compared on 12 cells, 4 simulations each, 1 model")
})

test_that("fates are scored by ScoreFate(), member by member", {
  cells <- noise_cells_of()
  truth <- cells$label[1:12]
  names(truth) <- rownames(cells$x)[1:12]
  got <- compare_noise(truth = truth)
  expect_equal(got$table$accuracy[[1]], 1)
  expect_equal(got$table$cross.entropy[[1]], 0)
  # Noise of +-3.16 along b takes half of the futures to the other side.
  expect_equal(got$table$brier[[2]], 2 * 0.5^2)
  expect_equal(got$difference$against, c("none", "constant"))
  expect_equal(got$difference$accuracy, got$table$accuracy[[3]] - got$table$accuracy[1:2])
  quiet <- noise_engine()
  quiet$diffusion <- function(x, t) matrix(0.1, nrow(x), 2L)
  two <- compare_noise(truth = truth, engines = list(noise_engine(), quiet))
  expect_equal(two$table$brier[[2]], mean(c(0.5, 0)))
  expect_equal(two$table$brier_sd[[2]], stats::sd(c(0.5, 0)))
  expect_equal(two$difference$brier_se[[2]],
    stats::sd(two$members$brier[c(3, 6)] - two$members$brier[c(2, 5)]) / sqrt(2))
})

test_that("a trained model: no noise gives one future, and arms are the same bytes on 1 and 2 threads", {
  cells <- SimulateDifferentiation(n.cells = 300, n.genes = 20, n.fates = 2)
  cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 5, n.models = 2L, verbose = FALSE)
  run <- function(threads) {
    CompareNoise(cells, labels = "state", exclude = "progenitor", n.sim = 8, threads = threads, verbose = FALSE)
  }
  got <- run(1L)
  expect_identical(run(2L), got)
  expect_equal(got$table$within[[1]], 0)
  expect_true(all(got$table$within[2:3] > 0))
  expect_true(all(is.na(got$table$accuracy)))
  expect_true(all(is.finite(got$table$distance)) && got$floor < min(got$table$distance))
  engine <- model_engine(GetModel(cells), 1L)
  x <- model_coordinates(cells, GetModel(cells))[1:3, ]
  none <- engine$simulate_as(x, c(0, 1, 3), 4, 42, 0, list(noise.sd = numeric(ncol(x))))$states
  expect_identical(none[c(1, 5, 9), , ], none[c(4, 8, 12), , ])
  loud <- engine$simulate_as(x, c(0, 1, 3), 4, 42, 0, list(noise.sd = rep(100, ncol(x))))$states
  expect_gt(stats::sd(loud[1:4, 1, 3]), 20)
  expect_identical(engine$simulate_as(x, c(0, 1), 4, 42, 0, list()), engine$simulate(x, c(0, 1), 4, 42, 0))
})

test_that("what cannot be is answered with the argument's name", {
  expect_input_error(compare_noise(arms = "loud"), "arms")
  expect_input_error(compare_noise(sd = -1), "sd")
  expect_input_error(compare_noise(sd = 1:3), "sd")
  expect_input_error(compare_noise(exclude = "low"), "exclude")
  expect_input_error(CompareNoise(noise_cells_of()$x), "model")
  expect_input_error(
    CompareNoise(noise_cells_of()$x, noise_model(), verbose = FALSE), "labels"
  )
})

test_that("every kind of object has the same comparison", {
  model <- GetModel(tiny_fit(tiny_seurat()))
  cells <- tiny_cells()
  compare <- function(object, ...) {
    CompareNoise(object, model, cells = which(cells$time == 0)[1:6], n.sim = 2L, cutoff = 0, verbose = FALSE, ...)
  }
  expected <- compare(cells$x, labels = cells$label, time = cells$time)
  for (object in tiny_objects()[c("v3", "v5", "sce")]) {
    if (!is.null(object)) expect_identical(compare(object, labels = "state"), expected)
  }
  expect_input_error(compare(tiny_seurat(), lables = "state"), "lables", "labels")
})

test_that("a comparison is a result, and takes the definition of fates", {
  cells <- noise_cells_of()
  truth <- stats::setNames(cells$label[1:12], rownames(cells$x)[1:12])
  got <- compare_noise(truth = truth, engines = list(noise_engine(), noise_engine()))
  expect_s3_class(got, "fatefield_result")
  expect_identical(as.data.frame(got), got$table)
  expect_identical(got["learned"]$table$arm, "learned")
  expect_identical(summary(got), got$difference)
  expect_output(print(got), "learned minus none")
  expect_s3_class(plot(got), "ggplot")
  model <- GetModel(tiny_fit(tiny_seurat()))
  compare <- function(object, ...) {
    CompareNoise(object, model, cells = which(tiny_cells()$time == 0)[1:6], n.sim = 2L, truth = tiny_cells()$label[1:6],
      verbose = FALSE, ...)
  }
  object <- DefineFates(tiny_seurat(), labels = "state", cutoff = 0, k = 3)
  expect_identical(compare(object), compare(tiny_seurat(), labels = "state", cutoff = 0, k = 3))
})

test_that("one model says that it cannot tell", {
  expect_output(print(compare_noise()), "one model cannot tell.*n.models = 3")
  one <- compare_noise()
  expect_true(all(is.na(one$difference$distance_se)) && all(is.na(one$table$distance_sd)))
  expect_s3_class(plot(one), "ggplot")
  two <- compare_noise(engines = list(noise_engine(), noise_engine()))
  expect_no_match(paste(capture.output(print(two)), collapse = " "), "cannot tell")
})
