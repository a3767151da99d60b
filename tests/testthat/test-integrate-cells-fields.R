# IntegrateCells() along velocity fields: against linear fields whose paths are known, pulls, the published
# scheme, objects, ends and ways to fail.

# A linear field v = A x of three genes: a rotation of two with decay, and a decay.
linear_field <- function() {
  a <- rbind(c(-0.2, -1, 0), c(1, -0.2, 0), c(0, 0, -0.5))
  i <- seq_len(120)
  x <- cbind(3 + sin(i), 3 + cos(1.7 * i), 2 + sin(0.9 * i))
  dimnames(x) <- list(paste0("c", i), c("a", "b", "c"))
  y <- x %*% t(a)
  dimnames(y) <- dimnames(x)
  list(x = x, a = a, model = FitVelocityField(x, y, "linear", components = 2, verbose = FALSE))
}

flow <- function(a, t, x) {
  e <- eigen(a)
  Re(e$vectors %*% diag(exp(e$values * t)) %*% solve(e$vectors) %*% x)
}

free_paths <- function(f, ...) {
  IntegrateCells(f$x, model = f$model, cells = 1:3, snap = "none", support = "none", positive = FALSE,
    verbose = FALSE, ...)
}

test_that("paths of a linear field are those of the matrix exponential, forward and back", {
  f <- linear_field()
  for (solver in c("rk23", "dopri5", "dop853")) {
    paths <- free_paths(f, t.out = c(0.5, 2), solver = solver, rtol = 1e-9, atol = 1e-12)
    for (i in 1:3) {
      expect_equal(paths$states[i, , 3L], drop(flow(f$a, 2, f$x[i, ])), tolerance = 1e-6, ignore_attr = TRUE)
    }
  }
  rk4 <- free_paths(f, t.out = 2, solver = "rk4", dt = 0.05)
  expect_equal(rk4$states[1, , 2L], drop(flow(f$a, 2, f$x[1, ])), tolerance = 1e-5, ignore_attr = TRUE)
  euler <- free_paths(f, t.out = 2, solver = "euler", dt = 0.5)
  naive <- f$x[1, ]
  for (step in 1:4) naive <- naive + 0.5 * drop(f$a %*% naive)
  expect_equal(euler$states[1, , 2L], naive, tolerance = 1e-6, ignore_attr = TRUE)
  there <- free_paths(f, t.out = 1, rtol = 1e-9, atol = 1e-12)
  end <- rbind(f$x, end = there$states[1, , 2L])
  back <- IntegrateCells(end, model = f$model, cells = "end", t.out = -1, direction = "backward", snap = "none",
    support = "none", positive = FALSE, rtol = 1e-9, atol = 1e-12, verbose = FALSE)
  expect_equal(back$states[1, , 2L], f$x[1, ], tolerance = 1e-6, ignore_attr = TRUE)
  # Backward a disturbance grows by the slowest decay turned round, exp(0.5 t) here.
  expect_lt(max(abs(back$growth)), 0.6)
  fast <- free_paths(f, t.out = c(0.25, 1), kappa = 2, rtol = 1e-9, atol = 1e-12)
  expect_equal(fast$states[1, , 3L], drop(flow(f$a, 2, f$x[1, ])), tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("objects of every kind give the same paths, with times from the data", {
  object <- FitVelocityField(field_cells(), field = "ridge", verbose = FALSE)
  paths <- IntegrateCells(object, cells = 1:5, verbose = FALSE)
  expect_length(paths$times, 31L)
  expect_identical(paths$dims, GetModel(object)$dims)
  expect_equal(unname(paths$states[, , 1L]), unname(field_data()$x[1:5, ]))
  expect_gte(min(paths$states), 0)
  matrix <- IntegrateCells(field_data()$x, model = GetModel(object), cells = 1:5, verbose = FALSE)
  expect_identical(matrix$states, paths$states)
  two <- IntegrateCells(object, cells = 1:5, threads = 2, verbose = FALSE)
  one <- IntegrateCells(object, cells = 1:5, threads = 1, verbose = FALSE)
  expect_identical(one$states, two$states)
  both <- IntegrateCells(object, cells = 100:102, direction = "both", verbose = FALSE)
  expect_identical(length(both$times), 61L)
  expect_equal(unname(both$states[, , 31L]), unname(field_data()$x[100:102, ]))
  noisy <- IntegrateCells(object, cells = 1, start.noise = 0.5, n.sim = 300L, t.out = 0.01, n.neighbors = 20,
    verbose = FALSE)
  space <- cell_space(t(field_data()$x), TRUE, utils::modifyList(integrate_defaults("none"),
    list(components = 10, k = 20)), 1L)
  sd <- apply(noisy$states[, , 1L], 2L, stats::sd)
  raised <- field_data()$x[1, ] > 1.5
  expect_equal(sd[raised], 0.5 * cell_noise(space, 1L)[raised], tolerance = 0.35, ignore_attr = TRUE)
  skip_if_not_installed("SingleCellExperiment")
  sce <- IntegrateCells(SetModel(field_cells("sce"), GetModel(object)), cells = 1:5, verbose = FALSE)
  expect_identical(sce$states, paths$states)
})

test_that("states are pulled to the cells where that is asked for, and fields trust themselves else", {
  f <- linear_field()
  full <- IntegrateCells(f$x, model = f$model, cells = 1:3, snap = "full", snap.every = 1, n.neighbors = 4, t.out = 1:4,
    support = "none", verbose = FALSE)
  # A state pulled fully is a mean of four observed cells.
  logs <- log1p(f$x)
  for (i in 1:3) {
    state <- full$states[i, , 3L]
    near <- order(colSums((t(logs) - log1p(state))^2))[1:16]
    gap <- apply(utils::combn(near, 4L), 2L, function(s) max(abs(colMeans(f$x[s, ]) - state)))
    expect_lt(min(gap), 1e-9)
  }
  median <- IntegrateCells(f$x, model = f$model, cells = 1:3, snap = "full", snap.every = 1, n.neighbors = 4,
    snap.statistic = "median", t.out = 1:4, support = "none", verbose = FALSE)
  expect_false(identical(median$states, full$states))
  partial <- IntegrateCells(f$x, model = f$model, cells = 1:3, snap = "partial", snap.every = 0.5, n.neighbors = 4,
    t.out = 1:4, verbose = FALSE)
  free <- free_paths(f, t.out = 1:4)
  expect_gt(max(abs(partial$states - free$states)), 0.05)
  plain <- IntegrateCells(f$x, model = f$model, cells = 1:3, t.out = 1:4, verbose = FALSE)
  expect_identical(plain$states, IntegrateCells(f$x, model = f$model, cells = 1:3, t.out = 1:4, snap = "none",
    verbose = FALSE)$states)
})

# Paths of the early cells of two branches by their true velocities, and the share of them that ends on the major one.
two_branch_paths <- function(seed) {
  cells <- SimulateTwoBranch(n.cells = 600L, n.genes = 90L, seed.use = seed, as = "list")
  x <- t(as.matrix(cells$counts)) / cells$truth$library
  model <- FitVelocityField(x, t(cells$truth$velocity), epochs = 100L, seed.use = seed, verbose = FALSE)
  branch <- as.character(cells$cells$branch)
  paths <- IntegrateCells(x, model = model, cells = which(branch == "common"), verbose = FALSE)
  late <- branch != "common" & cells$cells$time > 6.4
  found <- ClassifyTrajectories(paths, labels = ifelse(late, branch, NA), reference = x, n.boot = 2,
    fates = c("major", "minor"))
  list(x = x, paths = paths, share = found$fates$share[[1L]])
}

test_that("cells go to two branches in their true shares, and stay within the cells", {
  # One system of this size says 61 % to within nine points.
  found <- lapply(1:6, two_branch_paths)
  expect_lt(abs(mean(vapply(found, `[[`, 0, "share")) - 0.61), 0.1)
  for (f in found) expect_gt(mean(f$paths$paths$end == "reached"), 0.75)
  # At half of the time no path is further from the cells than any cell is from the others.
  f <- found[[1L]]
  ends <- states_at(f$paths, max(f$paths$times) / 2)
  expect_true(all(is.finite(ends)) && min(ends) >= 0)
  x <- log1p(f$x)
  nearest <- function(z, which) apply(z, 1L, function(at) mean(sqrt(sort(colSums((t(x) - at)^2))[which])))
  expect_lt(max(nearest(log1p(ends), 1:10)), max(nearest(x, 2:11)))
})

test_that("paths are followed until they arrive, and it is said of those that have not", {
  cells <- SimulateTwoBranch(n.cells = 400L, n.genes = 60L, as = "list")
  x <- t(as.matrix(cells$counts)) / cells$truth$library
  model <- FitVelocityField(x, t(cells$truth$velocity), epochs = 60L, verbose = FALSE)
  run <- function(cells, ...) IntegrateCells(x, model = model, cells = cells, verbose = FALSE, ...)
  paths <- suppressWarnings(run(1:10))
  # The span is that of the model and the data, whichever cells are asked for and however many threads there are.
  expect_identical(suppressWarnings(run(300:302, threads = 2L))$times, paths$times)
  span <- max(paths$times)
  expect_warning(short <- run(1:10, t.max = span / 20), "Time ran out for 10 of 10 paths.*`t.max`",
    class = "fatefield_warning_horizon")
  expect_identical(levels(droplevels(short$paths$end)), "time ran out")
  expect_output(print(short), "time ran out 10")
  expect_output(print(ClassifyTrajectories(short, labels = as.character(cells$cells$stage), reference = x)),
    "time ran out for 10 paths")
  # Moments that were asked for need no warning.
  expect_no_warning(run(1:10, t.out = span / 20))
})

test_that("the published scheme has its clock, span and pulls", {
  model <- tiny_field("ridge")
  x <- field_data()$x
  train <- model$part == "training"
  y <- field_data()$y[train, ]
  paths <- IntegrateCells(x, model = model, cells = 1:2, compat = "deepvelo", verbose = FALSE)
  gene <- abs(2 * apply(x[train, ], 2L, function(v) sqrt(mean((v - mean(v))^2))) / colMeans(y))
  expect_identical(paths$times, 2 * seq(0, floor(floor(quantile(gene, 0.8)[[1L]]) / 3)))
  clock <- field_clock(model$states[[1L]], "quantile", 0.99, 0.8)
  expect_equal(clock$kappa, quantile(colMeans(y) / colMeans(x[train, ]), 0.99)[[1L]])
  other <- field_clock(model$states[[1L]], "ratio", 0.99, 0.8)
  expect_equal(other$kappa, mean(abs(y)) / mean(x[train, ]))
  # The same by hand: two units of time along kappa f, by many small steps of the classical Runge-Kutta method, then the
  # mean of the 30 cells that are nearest among 30 components of the logarithms.
  exact <- IntegrateCells(x, model = model, cells = 1:8, compat = "deepvelo", rtol = 1e-8, atol = 1e-10,
    verbose = FALSE)
  f <- function(state) clock$kappa * drop(field_velocity(model$states[[1L]], t(state), 1L))
  axes <- stats::prcomp(log1p(x), rank. = 30)
  macro_step <- function(state) {
    for (i in 1:200) {
      a <- f(state)
      b <- f(state + 0.005 * a)
      c <- f(state + 0.005 * b)
      state <- state + 0.01 / 6 * (a + 2 * b + 2 * c + f(state + 0.01 * c))
    }
    z <- stats::predict(axes, t(ifelse(state >= 0, log1p(pmax(state, 0)), state)))
    near <- order(colSums((t(axes$x) - drop(z))^2))[1:30]
    colMeans(x[near, ])
  }
  for (cell in 1:8) {
    state <- x[cell, ]
    for (k in 2:4) {
      state <- macro_step(state)
      expect_equal(exact$states[cell, , k], state, tolerance = 1e-6, ignore_attr = TRUE)
    }
  }
  expect_input_error(IntegrateCells(x, model = model, compat = "scdiffeq", verbose = FALSE), "compat")
})

test_that("ends are classified among components, and drawn on any reduction", {
  object <- FitVelocityField(field_cells(), field = "mlp", hidden = 32, epochs = 40, verbose = FALSE)
  late <- which(object$stage == "major")[1:5]
  paths <- suppressWarnings(IntegrateCells(object, cells = late, t.max = 0.5, verbose = FALSE))
  found <- ClassifyTrajectories(paths, labels = "stage", reference = object, among = c("major", "minor"), k = 10)
  expect_gte(sum(found$label == "major"), 4)
  plain <- ClassifyTrajectories(paths, labels = object$stage, reference = field_data()$x,
    among = c("major", "minor"), k = 10)
  expect_identical(plain$label, found$label)
  fate <- PredictFate(paths, labels = object$stage, reference = field_data()$x, k = 10)
  expect_identical(dim(fate$probability), c(5L, 4L))
  expect_s3_class(plot(paths, object), "ggplot")
  expect_s3_class(plot(paths, object, reduction = "pca", group.by = "cell"), "ggplot")
  # The start of a path lies where its cell is.
  space <- near_space(paths, field_data()$x)
  expect_equal(unname(near_trajectories(paths)$states[, , 1L]), unname(space[late, ]))
  expect_identical(dim(as.data.frame(paths)), c(5L * 31L, 7L + length(paths$dims)))
})

test_that("bad requests are named", {
  f <- linear_field()
  run <- function(...) IntegrateCells(f$x, model = f$model, cells = 1:3, verbose = FALSE, ...)
  expect_input_error(run(t.out = c(2, 1)), "t.out")
  expect_input_error(run(t.max = -1), "t.max")
  expect_input_error(run(path = "probability-flow"), "path")
  expect_input_error(run(kappa = "fast"), "kappa")
  expect_input_error(run(snap = "some"), "snap")
  expect_input_error(run(solver = "lsoda"), "solver")
  expect_input_error(run(n.neighbors = 500), "n.neighbors", "500")
  e <- expect_error(run(t.max = 5, max.steps = 1, snap = "none"), "max.steps", class = "fatefield_error_numeric")
  expect_match(conditionMessage(e), "\"c1\"")
  expect_error(run(t.max = 5, rtol = 1e-14, atol = 1e-300, max.steps = 20, snap = "none"),
    class = "fatefield_error_numeric")
  expect_error(IntegrateCells(f$x[, 1:2], model = f$model, verbose = FALSE), class = "fatefield_error_model")
  far <- run(t.max = 30, snap = "none", direction = "backward", support.limit = 1.5)
  expect_true(all(far$paths$end %in% c("left cells", "grown")))
})
