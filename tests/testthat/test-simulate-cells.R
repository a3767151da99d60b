# SimulateCells(): shapes, chunks, members, moments, objects, bad requests.

test_that("trajectories have the shape asked for and start at their cells", {
  cells <- tiny_cells()
  model <- tiny_model()
  futures <- SimulateCells(cells$x, model = model, cells = c("cell001", "cell004"), n.sim = 3L,
    t.out = c(0, 0.5, 2), verbose = FALSE)
  expect_s3_class(futures, "fatefield_trajectories")
  expect_identical(dim(futures), c(6L, 3L, 3L))
  expect_identical(as.character(futures$cell), rep(c("cell001", "cell004"), each = 3L))
  expect_identical(futures$sim, rep(1:3, 2L))
  start <- unname(cells$x[rep(c("cell001", "cell004"), each = 3L), ])
  expect_equal(unname(futures$states[, , 1L]), start, tolerance = 1e-6)
  expect_gt(stats::sd(futures$states[1:3, 1L, 3L]), 0)
})

test_that("what is kept can be the end or the moments", {
  cells <- tiny_cells()
  model <- tiny_model(growth = "learned")
  run <- function(keep) {
    SimulateCells(cells$x, model = model, cells = 1:4, n.sim = 25L, t.out = c(0, 1, 2),
      keep = keep, verbose = FALSE)
  }
  all <- run("states")
  end <- run("end")
  expect_identical(end$states[, , 1L], all$states[, , 3L])
  expect_identical(end$times, 2)
  moments <- run("moments")
  first <- all$cell == "cell001"
  w <- exp(all$log_weights[first, 3L])
  x <- all$states[first, 2L, 3L]
  mean <- sum(w * x) / sum(w)
  expect_equal(moments$mean[["cell001", 2L, 3L]], mean)
  expect_equal(moments$sd[["cell001", 2L, 3L]], sqrt(sum(w * (x - mean)^2) / sum(w)))
  expect_equal(moments$growth[["cell001", 3L]], mean(w))
})

test_that("chunks do not change the trajectories", {
  x <- tiny_cells()$x
  engine <- model_engine(tiny_model())
  run <- function(chunk) {
    parts <- simulate_member(engine, x[1:20, ], c(0, 1, 2), 7L, 42, "states", function(done) NULL,
      chunk)
    bind_first(lapply(parts, `[[`, "states"))
  }
  expect_length(
    simulate_member(engine, x[1:20, ], c(0, 1), 7L, 42, "end", function(done) NULL, 200), 5L
  )
  expect_identical(run(200), run(1e6))
})

test_that("each member of an ensemble simulates each cell", {
  cells <- tiny_cells()
  model <- tiny_model(growth = "none", n.models = 2L)
  futures <- SimulateCells(cells$x, model = model, cells = 1:3, n.sim = 5L, t.out = c(0, 1),
    verbose = FALSE)
  expect_identical(as.vector(table(futures$cell, futures$member)), rep(5L, 6L))
  second <- futures[futures$member == 2L]
  expect_identical(
    unname(second$states),
    unname(bind_first(lapply(
      simulate_member(model_engine(model, 2L), cells$x[1:3, ], c(0, 1), 5L, 43, "states",
        function(done) NULL),
      `[[`, "states"
    )))
  )
  moments <- SimulateCells(cells$x, model = model, cells = 1:3, n.sim = 5L, t.out = c(0, 1),
    keep = "moments", verbose = FALSE)
  by_cell <- tapply(futures$states[, 1L, 2L], futures$cell, mean)
  expect_equal(moments$mean[, 1L, 2L], by_cell[rownames(moments$mean)], ignore_attr = TRUE)
})

test_that("objects of every kind give the same trajectories, from the first time on", {
  runs <- lapply(tiny_objects(), function(o) {
    SimulateCells(tiny_fit(o), n.sim = 2L, verbose = FALSE)
  })
  expect_identical(runs[[1L]]$times, seq(0, 2, 0.25))
  expect_identical(nlevels(runs[[1L]]$cell), 20L)
  for (kind in names(runs)) expect_identical(runs[[kind]]$states, runs[[1L]]$states, label = kind)
})

test_that("bad requests are named", {
  cells <- tiny_cells()
  model <- tiny_model()
  run <- function(...) SimulateCells(cells$x, model = model, verbose = FALSE, ...)
  expect_input_error(run(n.sim = -1L), "n.sim")
  expect_input_error(run(t.out = c(1, 0)), "t.out")
  expect_input_error(run(cells = "nobody"), "cells")
  expect_input_error(SimulateCells(cells$x, verbose = FALSE), "model")
  expect_error(
    SimulateCells(cells$x[, 1:2], model = model, verbose = FALSE), class = "fatefield_error_model"
  )
  object <- tiny_fit(tiny_seurat())
  expect_input_error(SimulateCells(object, cells = 1:3, verbose = FALSE), "t.out")
})

test_that("the start can be named, and cells of one time start there", {
  cells <- tiny_cells()
  model <- tiny_model()
  run <- function(...) SimulateCells(cells$x, model = model, n.sim = 2L, verbose = FALSE, ...)
  expect_identical(run(cells = 1:3, t.start = 0, t.out = 2)$times, c(0, 2))
  expect_identical(run(cells = 1:3, t.start = 0, t.out = c(0, 0.5))$times, c(0, 0.5))
  expect_identical(run(cells = c(2, 5), t.out = 2.5)$times, c(1, 2.5))
  expect_identical(run(cells = c(2, 5))$times, seq(1, 2, 0.25))
  expect_identical(levels(run(time = 2 - cells$time, t.out = 2.5)$cell), rownames(cells$x)[cells$time == 2])
  expect_identical(run(cells = 1:3, t.start = 0, t.out = 2)$states, run(cells = 1:3, t.out = c(0, 2))$states)
  expect_input_error(run(cells = 1:3, t.start = 1, t.out = 0.5), "t.out", "before the start")
  expect_input_error(run(cells = 1:3, t.out = "soon"), "t.out", "increasing numbers")
  expect_input_error(run(cells = 1:3, t.start = 2), "t.out", "last time")
  expect_input_error(run(times = 0:1), "times")
})

test_that("enough times are kept to draw smooth paths, and do not change them", {
  cells <- tiny_cells()
  model <- tiny_model(dt = 0.01)
  run <- function(...) SimulateCells(cells$x, model = model, n.sim = 2L, verbose = FALSE, ...)
  paths <- run()
  expect_length(paths$times, 41L)
  expect_equal(paths$times, seq(0, 2, 0.05))
  by.hand <- run(cells = cells$time == 0, t.out = c(0, 1, 2))
  expect_equal(unname(paths$states[, , match(c(0, 1, 2), paths$times)]), unname(by.hand$states), tolerance = 1e-5)
  expect_equal(run(keep = "end")$states[, , 1L], paths$states[, , 41L], tolerance = 1e-5)
  expect_identical(run(keep = "moments")$times, paths$times)
  # The published grid, whose steps do not meet the observed times.
  published <- tiny_model(compat = "scdiffeq", dropout = 0)
  of <- function(...) {
    SimulateCells(cells$x, model = published, n.sim = 1L, cells = 1:2, t.start = 0, verbose = FALSE, ...)
  }
  long <- of()
  expect_true(all(c(0, 1, 2) %in% long$times))
  expect_equal(states_at(long, 1), states_at(of(t.out = c(0, 1, 2)), 1), tolerance = 1e-5)
})

test_that("many paths keep fewer times, never less than those of the model", {
  steps <- function(times) seq(times[[1L]], times[[2L]], length.out = 26L)
  kept <- function(size, times = 0:3) path_times(times, steps, size)
  expect_length(kept(1), 40L)
  expect_true(all(0:3 %in% kept(1)))
  expect_lte(length(kept(simulation_kept / 10)) * simulation_kept / 10, 1.1 * simulation_kept)
  expect_equal(kept(simulation_kept), 0:3)
  expect_equal(kept(1, 0:60), 0:60)
  expect_length(kept(1, 2:3), 26L)
})

test_that("moments are a result with a table of cell, dimension and time", {
  cells <- tiny_cells()
  moments <- SimulateCells(cells$x, model = tiny_model(), cells = 1:4, n.sim = 20L, t.out = c(0, 1, 2),
    keep = "moments", verbose = FALSE)
  expect_s3_class(moments, c("fatefield_moments", "fatefield_result"), exact = TRUE)
  table <- as.data.frame(moments)
  expect_identical(names(table), c("cell", "dim", "time", "mean", "sd", "growth"))
  expect_identical(nrow(table), 4L * 3L * 3L)
  row <- table[table$cell == "cell003" & table$dim == "PC_2" & table$time == 1, ]
  expect_identical(row$mean, moments$mean[["cell003", "PC_2", 2L]])
  expect_identical(row$sd, moments$sd[["cell003", "PC_2", 2L]])
  expect_identical(row$growth, moments$growth[["cell003", 2L]])
  expect_output(print(moments), "moments of the futures of 4 cells in 3 dimensions at 3 times from 0 to 2")
  some <- moments[c("cell004", "cell001")]
  expect_identical(some$mean, moments$mean[c(4, 1), , ])
  expect_identical(summary(moments)$within, sqrt(as.vector(apply(moments$sd^2, 2:3, mean))))
  expect_identical(nrow(plot(moments, dims = "PC_2")$data), 12L)
  expect_input_error(moments["nobody"], "i")
})
