# InterpolateTime(): where cells start and arrive, weights, objects, bad requests.

between <- function(..., engine = fork_engine(), model = stub_model()) {
  with_engines(list(engine), InterpolateTime(..., model = model, verbose = FALSE))
}

test_that("cells start at the nearest earlier time and arrive where the engine takes them", {
  cells <- tiny_cells()
  found <- between(cells$x, t.out = 1.5, time = cells$time, n.sim = 2)
  at <- which(cells$time == 1)
  expect_s3_class(found, "fatefield_interpolation")
  expect_identical(c(found$time, found$t.start), c(1.5, 1))
  expect_false(found$seen)
  expect_identical(levels(found$cell), rownames(cells$x)[at])
  expect_identical(rownames(found$states)[1:2], paste0(rownames(cells$x)[at[[1]]], c("_1", "_2")))
  start <- cells$x[rep(at, each = 2), ]
  expect_equal(unname(found$states[, 1]), unname(start[, 1]))
  expect_equal(abs(unname(found$states[, 2] - start[, 2])), rep(0.5, 40))
  expect_equal(found$weights, rep(1 / 40, 40))
  expect_identical(colnames(found$states), colnames(cells$x))
  expect_output(print(found), "Cells of time 1.5, simulated from time 1: 40 states of 20 cells")
})

test_that("the start can be chosen, and the number of simulations chooses itself", {
  cells <- tiny_cells()
  found <- between(cells$x, t.out = 2, time = cells$time, t.start = 0)
  expect_true(found$seen)
  expect_identical(found$t.start, 0)
  expect_identical(nrow(found$states), 2000L)
  expect_output(print(found), "trained on cells of this time")
  some <- between(cells$x, t.out = 3, time = cells$time, cells = 1:3, n.sim = 1)
  expect_identical(levels(some$cell), rownames(cells$x)[1:3])
  expect_identical(some$t.start, 2)
})

test_that("growth becomes weights", {
  cells <- tiny_cells()
  found <- between(cells$x, t.out = 2.5, time = cells$time, n.sim = 1, engine = fork_engine(growth = 2))
  expect_equal(sum(found$weights), 1)
  expect_equal(max(found$weights) / min(found$weights), exp(1))
  expect_gt(found$growth, 1)
  expect_output(print(found), "weighted by growth")
  table <- as.data.frame(found)
  expect_identical(names(table), c("cell", "sim", "member", "time", "weight", colnames(cells$x)))
  expect_identical(as.character(table$cell), as.character(found$cell))
  expect_equal(as.matrix(table[colnames(cells$x)]), unname(found$states), ignore_attr = TRUE)
})

test_that("Seurat and SingleCellExperiment give what a matrix gives", {
  cells <- tiny_cells()
  expected <- between(cells$x, t.out = 1.5, time = cells$time, n.sim = 3)
  for (object in tiny_objects()) {
    object <- store_model(object, stub_model())
    found <- with_engines(list(fork_engine()), InterpolateTime(
      object, t.out = 1.5, n.sim = 3, verbose = FALSE
    ))
    expect_equal(found$states, expected$states)
    expect_identical(found$reduction, "pca")
  }
})

test_that("a trained model interpolates, each member of it, and the seed governs", {
  cells <- tiny_cells()
  out <- cells$time != 1
  model <- tiny_fit(cells$x[out, ], cells$time[out], n.models = 2L)
  run <- function(seed) {
    InterpolateTime(cells$x, t.out = 1, model = model, time = cells$time, n.sim = 2,
      seed.use = seed, verbose = FALSE)
  }
  found <- run(1)
  expect_identical(c(found$t.start, nrow(found$states)), c(0, 80))
  expect_identical(found$member, rep(1:2, each = 40))
  expect_identical(found, run(1))
  expect_false(identical(found$states, run(2)$states))
  expect_identical(anyDuplicated(rownames(found$states)), 0L)
})

test_that("what cannot be interpolated is refused", {
  cells <- tiny_cells()
  x <- cells$x
  expect_input_error(between(x, time = cells$time), "t.out")
  expect_input_error(between(x, t.out = 0, time = cells$time), "t.out", "later than")
  expect_input_error(between(x, t.out = "1", time = cells$time), "t.out")
  expect_input_error(between(x, t.out = 1, t.start = 1, time = cells$time), "t.start")
  expect_input_error(between(x, t.out = 1.5, time = cells$time * 3), "t.start", "no cell")
  expect_input_error(between(x, t.out = 1, time = cells$time, simulations = 2), "simulations")
  expect_input_error(InterpolateTime(x, t.out = 1), "model")
  expect_error(InterpolateTime(tiny_seurat(), t.out = 1), class = "fatefield_error_model")
})

test_that("an interpolation is a result of which some start cells can be kept", {
  cells <- tiny_cells()
  found <- between(cells$x, t.out = 2.5, time = cells$time, n.sim = 2, engine = fork_engine(growth = 2))
  some <- found[c("cell006", "cell003")]
  expect_identical(levels(some$cell), c("cell006", "cell003"))
  expect_identical(rownames(some$states), c("cell006_1", "cell006_2", "cell003_1", "cell003_2"))
  expect_equal(sum(some$weights), 1)
  at <- found$cell %in% c("cell003", "cell006")
  expect_equal(some$growth, mean(found$weights[at]) * length(found$weights) * found$growth)
  s <- summary(found)
  expect_identical(s$dim, colnames(cells$x))
  expect_equal(s$mean, unname(colSums(found$states * found$weights)))
  expect_s3_class(plot(found, cells$x), "ggplot")
  near <- between(cells$x, t.out = 2 + 1e-12, time = cells$time, n.sim = 1)
  expect_true(near$seen)
})
