# ScoreInterpolation(): against its definitions in R, the baselines, objects, print and plot, refusals.

# Three clouds on a way along the first axis, n cells each; the middle one is left out.
moving <- function(n = 60L) {
  i <- seq_len(3L * n)
  noise <- cbind((i * sqrt(2)) %% 1, (i * sqrt(3)) %% 1, (i * sqrt(5)) %% 1) - 0.5
  time <- rep(c(0, 1, 3), each = n)
  x <- noise + cbind(2 * time, 0, 0)
  dimnames(x) <- list(paste0("c", i), paste0("PC_", 1:3))
  list(x = x, time = time)
}

score <- function(z, model, ...) {
  ScoreInterpolation(z$x, t.out = 1, model = model, time = z$time, verbose = FALSE, ...)
}

test_that("scores are what their names say", {
  z <- moving()
  states <- z$x[z$time == 1, ] * 0.5
  found <- score(z, states, n.repeats = 1, seed.use = 5)
  expect_identical(found$predictor,
    c("model", "noise floor", "earlier cells", "later cells", "McCann"))
  expect_identical(found$cells, rep(30L, 5))
  # The same draws by hand.
  draw <- function(x, size, place) x[draw_cells(nrow(x), size, numeric(), 5, 1000 + place), ]
  observed <- draw(z$x[z$time == 1, ], 60, 0)
  target <- observed[1:30, ]
  cloud <- draw(states, 30, 3)
  expect_equal(found$W2[[1]], sqrt(2 * OTDistance(cloud, target, method = "exact")$value))
  expect_equal(found$W1[[1]], OTDistance(cloud, target, method = "exact", p = 1)$value)
  expect_equal(found$energy[[1]], OTDistance(cloud, target, method = "energy")$value)
  expect_equal(found$sliced[[1]],
    sqrt(OTDistance(cloud, target, method = "sliced", seed.use = 5)$value))
  sinkhorn <- function(b, s) {
    OTDistance(cloud, target, blur = b, scaling = s, precision = "float64")$value
  }
  expect_equal(found$sinkhorn.0.05[[1]], sinkhorn(0.05, 0.5))
  expect_equal(found$sinkhorn.0.1[[1]], sinkhorn(0.1, 0.7))
  ratio <- apply(cloud, 2, var) / apply(target, 2, var)
  expect_equal(found$variance.min[[1]], min(ratio))
  expect_equal(found$variance.median[[1]], median(ratio))
  expect_equal(found$variance.max[[1]], max(ratio))
  expect_equal(found$variance.total[[1]], sum(apply(cloud, 2, var)) / sum(apply(target, 2, var)))
  floor <- observed[31:60, ]
  expect_equal(found$energy[[2]], OTDistance(floor, target, method = "energy")$value)
  earlier <- draw(z$x[z$time == 0, ], 30, 1)
  later <- draw(z$x[z$time == 3, ], 30, 2)
  match <- OTDistance(earlier, later, method = "exact")$match
  expect_equal(found$W2[[5]],
    sqrt(2 * OTDistance(earlier * 2 / 3 + later[match, ] / 3, target, method = "exact")$value))
  expect_true(all(is.na(found$W1_sd)))
})

test_that("the lines stand in the order known here", {
  z <- moving()
  found <- score(z, z$x[z$time == 1, ], n.repeats = 4)
  value <- function(name, column = "W2") found[[column]][found$predictor == name]
  # The way is straight and steady: interpolation is as good as fresh cells, unmoved cells are not.
  expect_lt(abs(value("McCann", "energy")), 0.1)
  expect_lt(abs(value("noise floor", "energy")), 0.1)
  expect_equal(value("earlier cells"), 2, tolerance = 0.1)
  expect_equal(value("later cells"), 4, tolerance = 0.1)
  expect_lt(abs(value("model", "variance.median") - 1), 0.3)
  expect_true(all(found$W2_sd > 0))
  shrunken <- sweep(sweep(z$x[z$time == 1, ], 2, c(2, 0, 0)) * 0.3, 2, c(2, 0, 0), "+")
  narrow <- score(z, shrunken, n.repeats = 4)
  expect_equal(narrow$variance.total[[1]], 0.09, tolerance = 0.3)
  expect_gt(narrow$energy[[1]], 0.05)
})

test_that("several predictors are scored on the same draws, models among them", {
  cells <- tiny_cells()
  model <- tiny_fit(cells$x[cells$time != 1, ], cells$time[cells$time != 1])
  seen <- tiny_fit(cells$x, cells$time)
  run <- function(...) {
    ScoreInterpolation(cells$x, t.out = 1, time = cells$time, n.repeats = 2, verbose = FALSE, ...)
  }
  made <- InterpolateTime(cells$x, t.out = 1, model = model, time = cells$time, verbose = FALSE)
  found <- run(model = list(left = model, seen = seen, made = made$states, again = made))
  expect_identical(found$predictor[1:4], c("left", "seen", "made", "again"))
  expect_identical(attr(found, "seen"), "seen")
  expect_identical(found$cells[[1]], 10L)
  alone <- run(model = model)
  expect_identical(unlist(found[1, -1]), unlist(alone[1, -1]))
  expect_identical(run(model = model), alone)
  expect_false(identical(run(model = model, seed.use = 1)$W2, alone$W2))
  expect_output(print(found), "Trained on cells of this time: \"seen\"")
})

test_that("weights of states are weights in the draws", {
  z <- moving()
  made <- structure(list(
    states = rbind(matrix(50, 200, 3), z$x[z$time == 1, ]), weights = c(rep(0, 200), rep(1 / 60, 60))
  ), class = "fatefield_interpolation")
  expect_lt(score(z, made, n.repeats = 2)$W2[[1]], 1)
})

test_that("beyond the last time there is neither later cells nor McCann", {
  z <- moving()
  found <- ScoreInterpolation(z$x, t.out = 3, model = z$x[z$time == 3, ], time = z$time,
    n.repeats = 2, verbose = FALSE)
  expect_identical(found$predictor, c("model", "noise floor", "earlier cells"))
  expect_identical(attr(found, "later"), NA_real_)
  expect_output(print(found), "Time 3 predicted from 1: 30 cells")
})

test_that("objects are scored as matrices are", {
  cells <- tiny_cells()
  left <- which(cells$time != 1)
  expected <- ScoreInterpolation(cells$x, t.out = 1, time = cells$time, n.repeats = 2,
    model = tiny_fit(cells$x[left, ], cells$time[left]), verbose = FALSE)
  for (object in tiny_objects()) {
    object <- tiny_fit(object, cells = left)
    found <- ScoreInterpolation(object, t.out = 1, n.repeats = 2, verbose = FALSE)
    expect_equal(found$W2, expected$W2, tolerance = 1e-6)
  }
})

test_that("scores and cells are drawn", {
  z <- moving()
  found <- score(z, z$x[z$time == 1, ], n.repeats = 2)
  plot <- plot(found)
  expect_s3_class(plot, "ggplot")
  layers <- ggplot2::ggplot_build(plot)$data
  expect_identical(nrow(layers[[3]]), 5L * length(score_names(found)))
  expect_identical(nrow(ggplot2::ggplot_build(plot(found, scores = "W2"))$data[[1]]), 1L)
  expect_input_error(plot(found, scores = "W3"), "scores", "Did you mean")
  made <- with_engines(list(fork_engine()), InterpolateTime(
    tiny_cells()$x, t.out = 1.5, model = stub_model(), time = tiny_cells()$time, n.sim = 1,
    verbose = FALSE
  ))
  layers <- ggplot2::ggplot_build(plot(made, tiny_seurat(), dims = 2:3))$data
  expect_identical(vapply(layers, nrow, 1L), c(60L, 20L))
  expect_input_error(plot(made, tiny_cells()$x[, 1:2]), "observed")
  expect_input_error(plot(made, dims = 1), "dims")
  expect_input_error(plot(made, max.cells = 7), "max.cells")
})

test_that("what cannot be scored is refused", {
  z <- moving()
  states <- z$x[z$time == 1, ]
  expect_input_error(ScoreInterpolation(z$x, t.out = 2, model = states, time = z$time), "t.out",
    "no cell")
  expect_input_error(ScoreInterpolation(z$x, t.out = 0, model = states, time = z$time), "t.out")
  expect_input_error(ScoreInterpolation(z$x, t.out = 1, model = states), "time")
  expect_input_error(score(z, states[, 1:2]), "model", "2 dimensions")
  expect_input_error(score(z, list(states, states)), "model", "name")
  expect_input_error(score(z, list(a = states, a = states)), "model", "name")
  expect_input_error(score(z, states, blur = 0.1), "blur")
  expect_input_error(score(z, states, repeats = 3), "repeats", "n.repeats")
  expect_input_error(score(z, states, n.cells = 1), "n.cells")
  few <- c(1:60, 61:63, 121:180)
  expect_input_error(
    ScoreInterpolation(z$x[few, ], t.out = 1, model = states, time = z$time[few]), "t.out",
    "too few"
  )
  expect_error(ScoreInterpolation(tiny_seurat(), t.out = 1), class = "fatefield_error_model")
})

test_that("scores sum up to how far a prediction is between fresh and earlier cells", {
  z <- moving()
  found <- score(z, z$x[z$time == 1, ], n.repeats = 2)
  s <- summary(found)
  expect_identical(s$excess[s$predictor %in% c("noise floor", "earlier cells")], c(0, 1))
  expect_equal(summary(found["McCann"])$excess, s$excess[s$predictor == "McCann"])
  expect_output(print(found), "W2 to the observed cells: model")
  expect_identical(class(as.data.frame(found)), "data.frame")
})
