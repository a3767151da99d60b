# Velocities as the drift that bridges are taken from: known scales, shuffled and reversed velocities, bad input.

set.seed(1)
time <- rep(0:2, each = 250)
start <- matrix(rnorm(1500), ncol = 2)
# x' = A x with the solution exp(A t) x: each cell's velocity at its time is A x.
A <- matrix(c(-0.15, 0.4, -0.4, -0.15), 2)
turn <- function(q) matrix(c(cos(q), sin(q), -sin(q), cos(q)), 2)
flow <- function(x, t) exp(-0.15 * t) * x %*% turn(-0.4 * t)
shifted <- sweep(start, 2, c(4, 0), "+")
x <- shifted
for (t in 1:2) x[time == t, ] <- flow(shifted[time == t, ], t)
dimnames(x) <- list(paste0("cell", seq_len(750)), c("a", "b"))
linear <- x %*% t(A)
evidence <- function(v) velocity_evidence(v, x, time, 1)

test_that("the linear flow is the derivative of its solution", {
  h <- 1e-6
  expect_equal((flow(shifted, h) - shifted) / h, unname(shifted %*% t(A)), tolerance = 1e-4)
})

test_that("the time scale of a linear drift is found, in whatever unit velocities are", {
  found <- evidence(linear)
  expect_identical(found$told, "times")
  expect_equal(found$scale, 1, tolerance = 0.1)
  expect_gt(found$weight, 0.5)
  expect_equal(evidence(linear / 60)$scale, 60 * found$scale, tolerance = 0.01)
  expect_match(velocity_text(found), "weight .*; time scale .* to .*; known of 750 of 750 cells")
})

test_that("shuffled velocities and those against the times have the weight 0", {
  mixed <- linear[sample(nrow(linear)), ]
  for (v in list(mixed, -linear)) {
    expect_warning(found <- evidence(v), class = "fatefield_warning_velocity")
    expect_identical(found$weight, 0)
  }
  expect_identical(found$told, "against")
})

test_that("a model with the weight 0 is that without velocities, byte for byte", {
  fit <- function(...) FitSDE(x, time = time, updates = 4, n.models = 1, verbose = FALSE, ...)
  mixed <- unname(linear[sample(nrow(linear)), ])
  expect_warning(with <- fit(velocity = mixed), class = "fatefield_warning_velocity")
  expect_identical(with$states, fit()$states)
  expect_match(paste(capture.output(print(with)), collapse = " "), "velocity *: weight 0")
})

test_that("on a cycle velocities alone say which way", {
  cells <- SimulateCycle(n.cells = 600, n.genes = 30, as = "list")
  ring <- cells$latent
  drift <- cells$truth$drift
  fit <- function(v) {
    model <- suppressWarnings(FitSDE(ring, time = cells$cells$day, velocity = v, updates = 250, n.models = 1,
      bridge.noise = 0.05, drift = "forward", verbose = FALSE))
    found <- DriftDiffusion(ring, model)$vectors
    early <- cells$cells$day < 2
    cosine <- function(a, b) mean((rowSums(a * b) / sqrt(rowSums(a^2) * rowSums(b^2)))[early])
    cosine(found, drift)
  }
  expect_gt(fit(drift), 0.95)
  expect_lt(fit(-drift), -0.95)
  expect_lt(abs(fit(NULL)), 0.5)
})

test_that("velocities of genes are projected onto neighbours of the reduction", {
  cells <- SimulateCycle(n.cells = 300, n.genes = 40)
  cells <- EstimateVelocity(cells, verbose = FALSE)
  ring <- SeuratObject::Embeddings(cells, "latent")
  v <- reduced_velocities(cells, TRUE, ring)
  expect_identical(dimnames(v), dimnames(ring))
  truth <- SeuratObject::Misc(cells, "truth")$drift
  expect_gt(mean(rowSums(v * truth) / sqrt(rowSums(v^2) * rowSums(truth^2))), 0.9)
  fitted <- suppressWarnings(FitSDE(cells, time = "day", reduction = "latent", velocity = TRUE, updates = 3,
    n.models = 1, verbose = FALSE))
  expect_identical(GetModel(fitted)$motion$all, 300L)
  expect_error(FitSDE(cells, time = "day", velocity = "velcoity"), class = "fatefield_error_input")
})

test_that("velocities of other cells or dimensions, and of methods without bridges, are errors", {
  fit <- function(v, ...) FitSDE(x, time = time, velocity = v, updates = 1, n.models = 1, verbose = FALSE, ...)
  expect_error(fit(linear[-1, ]), "749 x 2", class = "fatefield_error_input")
  expect_error(fit(cbind(linear, 1)), "750 x 3", class = "fatefield_error_input")
  other <- linear
  rownames(other) <- paste0("other", seq_len(750))
  expect_error(fit(other), "other cells", class = "fatefield_error_input")
  expect_error(fit("velocity"), "matrix", class = "fatefield_error_input")
  expect_error(fit(replace(linear, 1, Inf)), "finite", class = "fatefield_error_input")
  expect_error(fit(0 * linear), "0 in all cells", class = "fatefield_error_input")
  expect_error(fit(linear, method = "sinkhorn"), "bridges", class = "fatefield_error_input")
})

test_that("cells in another order are brought to that of the coordinates, and unknown velocities are 0", {
  options <- list(train = list(method = "bridge"))
  back <- check_velocities(linear[rev(seq_len(750)), ], x, options)
  expect_equal(back, linear, ignore_attr = TRUE)
  expect_identical(unname(check_velocities(replace(linear, 1, NA), x, options)[1, ]), c(0, 0))
})
