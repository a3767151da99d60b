# IntegrateCells() on neural SDEs: against a naive integration in R, both directions, noise, objects, ways to
# fail.

# Whatever the times of the cells are, they start at 0.
sde_paths <- function(cells = 1:4, ..., t.start = 0, model = tiny_model()) {
  IntegrateCells(tiny_cells()$x, model = model, cells = cells, t.start = t.start, verbose = FALSE, ...)
}

# The 3/8 rule with equal steps.
naive_rk4 <- function(f, x, h, n) {
  for (i in seq_len(n)) {
    a <- f(x)
    b <- f(x + h * a / 3)
    c <- f(x + h * (b - a / 3))
    d <- f(x + h * (a - b + c))
    x <- x + h * (a + 3 * b + 3 * c + d) / 8
  }
  x
}

test_that("paths start at their cells and follow the drift at the current state", {
  model <- tiny_model(time.input = FALSE)
  x <- tiny_cells()$x[1:4, ]
  engine <- model_engine(model)
  paths <- sde_paths(model = model, t.out = c(0.5, 2), solver = "rk4", dt = 0.125)
  expect_s3_class(paths, "fatefield_trajectories")
  expect_identical(paths$times, c(0, 0.5, 2))
  expect_identical(as.character(paths$cell), rownames(x))
  expect_equal(unname(paths$states[, , 1L]), unname(x))
  drift <- function(y) engine$drift(y, 0)
  expect_equal(unname(paths$states[, , 2L]), naive_rk4(drift, unname(x), 0.125, 4), tolerance = 1e-5)
  expect_equal(unname(paths$states[, , 3L]), naive_rk4(drift, unname(x), 0.125, 16), tolerance = 1e-5)
  end <- matrix(paths$states[, , 3L], 4L)
  expect_equal(paths$speed[, 3L], sqrt(rowSums(drift(end)^2)), tolerance = 1e-5)
  expect_identical(levels(droplevels(paths$paths$end)), "reached")
  exact <- sde_paths(model = model, t.out = c(0.5, 2), solver = "dop853", rtol = 1e-6)
  for (solver in c("rk23", "dopri5", "rk4")) {
    other <- sde_paths(model = model, t.out = c(0.5, 2), solver = solver)
    expect_equal(other$states, exact$states, tolerance = 0.01, label = solver)
  }
})

test_that("times come from the model where they are not given", {
  model <- tiny_model()
  expect_identical(range(sde_paths(1, model = model)$times), c(0, 2))
  expect_length(sde_paths(1, model = model, t.max = 1)$times, 31L)
  object <- tiny_fit(tiny_seurat())
  all <- IntegrateCells(object, verbose = FALSE)
  expect_identical(nlevels(all$cell), 20L)
  late <- which(tiny_cells()$time == 2)
  back <- IntegrateCells(object, cells = late, direction = "backward", verbose = FALSE)
  expect_identical(back$times[c(1L, 31L)], c(2, 0))
  expect_input_error(IntegrateCells(object, cells = late, verbose = FALSE), "t.max", "last time")
  expect_input_error(IntegrateCells(object, cells = 1:3, verbose = FALSE), "cells", "different times")
})

test_that("times are those of the model, and cells may start when they are told to", {
  model <- tiny_model()
  late <- sde_paths(model = model, t.start = 1)
  expect_identical(range(late$times), c(1, 2))
  expect_identical(late$start, 1)
  expect_identical(sde_paths(model = model, t.start = 1, t.out = c(1.3, 1.7))$times, c(1, 1.3, 1.7))
  expect_identical(sde_paths(model = model, t.start = 1, t.out = c(0.2, 0.6), direction = "backward")$times,
    c(1, 0.6, 0.2))
  both <- sde_paths(model = model, t.start = 0.5, direction = "both")
  expect_equal(range(both$times), c(0, 2))
  expect_identical(sde_paths(1, model = model, time = rep(1, 60), t.start = NULL)$start, 1)
})

test_that("only paths that come to the model's last time have reached it", {
  model <- tiny_model()
  end <- function(...) levels(droplevels(sde_paths(model = model, ...)$paths$end))
  expect_identical(end(), "reached")
  expect_identical(end(t.max = 2), "reached")
  expect_identical(end(t.max = 1), "time ran out")
  expect_identical(end(t.out = c(0.5, 1)), "time ran out")
  expect_identical(end(t.start = 2, direction = "backward"), "reached")
  expect_identical(end(t.start = 2, t.out = 1, direction = "backward"), "time ran out")
  expect_output(print(sde_paths(model = model, t.max = 1)), "time ran out 4")
})

test_that("forward and then backward is where it started", {
  model <- tiny_model(precision = "float64")
  there <- sde_paths(model = model, t.out = 1, rtol = 1e-9, atol = 1e-12)
  end <- matrix(there$states[, , 2L], 4L, dimnames = list(NULL, model$dims))
  back <- IntegrateCells(end, model = model, t.start = 1, t.out = 0, direction = "backward", rtol = 1e-9,
    atol = 1e-12, verbose = FALSE)
  expect_equal(back$states[, , 2L], there$states[, , 1L], tolerance = 1e-6)
  expect_equal(dim(back$growth), c(4L, 2L))
  expect_null(there$growth)
  both <- IntegrateCells(end, model = model, t.start = 0, t.out = c(-1, -0.5, 0.5, 1), direction = "both",
    verbose = FALSE)
  expect_identical(both$times, c(-1, -0.5, 0, 0.5, 1))
  expect_equal(unname(both$states[, , 3L]), unname(end))
  expect_equal(both$states[, , 1L], there$states[, , 1L], tolerance = 0.01)
  expect_identical(dim(both$growth), c(4L, 5L))
  expect_named(both$paths, c("end", "end_time", "steps", "rejected", "back_end", "back_end_time",
    "back_steps", "back_rejected"))
  ends <- IntegrateCells(end, model = model, t.start = 0, t.out = c(-1, -0.5, 0.5, 1), direction = "both", keep = "end",
    verbose = FALSE)
  expect_identical(ends$states, both$states[, , c(1L, 5L)])
})

test_that("a path does not depend on threads, on chunks or on the other cells", {
  model <- tiny_model()
  run <- function(cells, threads = 1L) sde_paths(cells, model = model, threads = threads)$states
  expect_identical(run(1:20, 2L), run(1:20))
  expect_identical(run(c(3, 17)), run(1:20)[c(3L, 17L), , ])
  motion <- motion_of_sde(
    tiny_cells()$x, model, NULL, "drift", list(way = 0, start = 0.5, n.sim = 2L), list(k = 5)
  )
  whole <- integrate_directions(motion, c(0, 1), "forward", list(way = 0, start = 0.5, n.sim = 2L),
    "states", 42, FALSE, chunk = 1e6)
  pieces <- integrate_directions(motion, c(0, 1), "forward", list(way = 0, start = 0.5, n.sim = 2L),
    "states", 42, FALSE, chunk = 40)
  expect_identical(pieces, whole)
})

test_that("each member of an ensemble has its paths", {
  model <- tiny_model(n.models = 2L)
  paths <- sde_paths(model = model, t.max = 1)
  expect_identical(paths$member, rep(1:2, each = 4L))
  expect_false(identical(paths$states[1:4, , 31L], paths$states[5:8, , 31L]))
  expect_identical(nrow(paths$paths), 8L)
})

test_that("noise is measured by that of the cells", {
  model <- tiny_model()
  x <- tiny_cells()$x
  # What is left of each cell beside the mean of its nearest.
  near <- knn_self(x, 5L, knn_defaults(), 1L)$index
  rest <- x - apply(x, 2L, function(column) rowMeans(matrix(column[near], nrow(near))))
  sd <- apply(rest, 2L, stats::sd)
  starts <- sde_paths(1, model = model, start.noise = 0.5, n.sim = 2000L, n.neighbors = 5L, t.max = 0.1,
    keep = "states")
  expect_equal(unname(apply(starts$states[, , 1L], 2L, stats::sd)), unname(0.5 * sd), tolerance = 0.06)
  expect_identical(starts$sim, 1:2000)
  # On the way alone it adds up to its measure over the whole time.
  still <- sde_paths(1, model = model, noise = 0.5, n.sim = 2000L, n.neighbors = 5L, t.max = 0.02)
  last <- dim(still)[[3L]]
  expect_equal(unname(apply(still$states[, , last], 2L, stats::sd)), unname(0.5 * sd), tolerance = 0.06)
  again <- sde_paths(1, model = model, noise = 0.5, n.sim = 2000L, n.neighbors = 5L, t.max = 0.02)
  expect_identical(again$states, still$states)
  other <- sde_paths(1, model = model, noise = 0.5, n.sim = 2000L, n.neighbors = 5L, t.max = 0.02, seed.use = 1)
  expect_false(identical(other$states, still$states))
  expect_input_error(sde_paths(model = model, noise = 0.5, solver = "dopri5"), "solver")
  expect_input_error(sde_paths(model = model, noise = -1), "noise")
})

test_that("states are pulled back to the observed cells where that is asked for", {
  model <- tiny_model()
  x <- tiny_cells()$x
  full <- sde_paths(model = model, snap = "full", n.neighbors = 3L, snap.every = 0.5, t.out = c(0.5, 1, 2))
  for (k in 2:4) {
    for (i in 1:4) {
      state <- full$states[i, , k]
      near <- order(colSums((t(x) - state)^2))
      # A mean of three cells is the mean of some three of those around it.
      sets <- utils::combn(near[1:12], 3L)
      gap <- apply(sets, 2L, function(s) max(abs(colMeans(x[s, ]) - state)))
      expect_lt(min(gap), 1e-9)
    }
  }
  free <- sde_paths(model = model, t.out = c(0.5, 1, 2))
  partial <- sde_paths(model = model, snap = "partial", n.neighbors = 3L, snap.every = 0.5, t.out = c(0.5, 1, 2))
  expect_gt(max(abs(partial$states - free$states)), 0.01)
  # Left to itself it is the time to cross a neighbourhood, which slow cells do not reach.
  expect_identical(sde_paths(model = model, snap = "partial", n.neighbors = 3L, t.max = 0.01)$states,
    sde_paths(model = model, t.max = 0.01)$states)
  expect_input_error(sde_paths(model = model, snap = "full", n.neighbors = 60L), "n.neighbors")
  left <- sde_paths(model = model, support = "cells", support.limit = 0.01, n.neighbors = 3L)
  expect_identical(levels(droplevels(left$paths$end)), "left cells")
})

test_that("the probability flow is wider than the drift", {
  cells <- tiny_cells(300L, 2L)
  first <- which(cells$time == 0)
  model <- tiny_fit(cells$x, cells$time, diffusion.init = 1.5)
  run <- function(...) IntegrateCells(cells$x, model = model, cells = first, verbose = FALSE, ...)
  spread <- function(p) mean(apply(states_at(p), 2L, stats::var))
  flow <- run(path = "probability-flow", solver = "rk4")
  expect_gt(spread(flow), 3 * spread(run()))
  futures <- SimulateCells(cells$x, model = model, cells = first, n.sim = 10L, t.out = c(0, 2), verbose = FALSE)
  expect_equal(spread(flow), spread(futures), tolerance = 0.2)
  # Solvers of either kind agree, so that the start is not too fast for any.
  other <- run(path = "probability-flow", solver = "dopri5")
  expect_lt(mean(abs(other$states - flow$states)), 0.02)
  # The third dimension of the tiny cells is the same in all of them: a cloud without width moves all the same.
  flat <- sde_paths(NULL, t.start = NULL, model = tiny_model(diffusion.init = 1.5), path = "probability-flow")
  expect_true(all(is.finite(flat$states)))
  expect_lt(max(abs(flat$states)), 10)
  low <- tiny_model(diffusion = "lowrank", diffusion.rank = 2)
  expect_input_error(sde_paths(model = low, path = "probability-flow"), "path", "lowrank")
})

test_that("objects of every kind give the same paths", {
  runs <- lapply(tiny_objects(), function(o) IntegrateCells(tiny_fit(o), verbose = FALSE))
  for (kind in names(runs)) expect_identical(runs[[kind]]$states, runs[[1L]]$states, label = kind)
  expect_identical(runs[[1L]]$reduction, "pca")
})

test_that("paths can be cut, printed, made a table, plotted and asked for their fates", {
  object <- tiny_fit(tiny_seurat())
  paths <- IntegrateCells(object, cells = c(1, 4, 7), verbose = FALSE)
  expect_output(print(paths), "ends: reached 3")
  some <- paths[2:3, , 1:5]
  expect_identical(some$speed, paths$speed[2:3, 1:5])
  expect_identical(some$paths$steps, paths$paths$steps[2:3])
  table <- as.data.frame(paths)
  expect_identical(table$speed, as.vector(paths$speed))
  expect_s3_class(plot(paths, object), "ggplot")
  both <- IntegrateCells(object, cells = which(object$day == 1)[1:3], direction = "both", verbose = FALSE)
  marks <- ggplot2::ggplot_build(plot(both, object))$data[[3L]]
  expect_equal(sort(marks$x), sort(unname(tiny_cells()$x[levels(both$cell), 1L])))
  fate <- PredictFate(paths, labels = object$state, reference = tiny_cells()$x, k = 5L)
  expect_identical(rownames(fate$probability), levels(paths$cell))
})

test_that("paths that cannot be integrated are named, with what helps", {
  model <- tiny_model()
  e <- expect_error(sde_paths(model = model, max.steps = 1), "max.steps", class = "fatefield_error_numeric")
  expect_match(conditionMessage(e), "\"cell001\"")
  ends <- path_table(list(end = c(0L, 5L), end.time = c(2, 0.7), steps = 3:4, rejected = 0:1), c(TRUE, TRUE))
  expect_identical(as.character(ends$end), c("reached", "step too small"))
  w <- expect_warning(warn_of_paths(ends, c("a", "b")), "1 of 2", class = "fatefield_warning_paths")
  expect_match(conditionMessage(w), "cell \"b\" \\(step too small at time 0.7\\)")
})

test_that("bad requests are named", {
  model <- tiny_model()
  run <- function(...) sde_paths(model = model, ...)
  expect_input_error(run(t.out = c(1, 0.5)), "t.out")
  expect_input_error(run(t.out = -1), "t.out")
  expect_input_error(run(t.out = 0), "t.out")
  expect_input_error(run(t.out = "1"), "t.out")
  expect_input_error(run(t.max = 0), "t.max")
  expect_input_error(run(t.max = -2), "t.max")
  expect_input_error(run(t.max = 1, t.out = 1), "t.max")
  expect_input_error(run(direction = "backward", t.out = 1), "t.out", "before the start")
  expect_input_error(run(direction = "both", t.out = 1), "t.out", "before the start")
  expect_input_error(run(t.out = c(-1, 1)), "t.out", "after the start of the paths, 0, not -1")
  expect_input_error(run(times = 1), "times")
  expect_input_error(run(direction = "sideways"), "direction")
  expect_input_error(run(solver = "lsoda"), "solver", "dopri5")
  expect_input_error(run(snap = "some"), "snap")
  expect_input_error(run(rtoll = 1), "rtoll", "rtol")
  expect_input_error(run(rtol = -1), "rtol")
  expect_input_error(run(support = "field"), "support")
  expect_input_error(run(cells = "nobody"), "cells")
  expect_input_error(IntegrateCells(tiny_cells()$x, verbose = FALSE), "model")
  expect_error(IntegrateCells(tiny_cells()$x[, 1:2], model = model, verbose = FALSE),
    class = "fatefield_error_model")
})
