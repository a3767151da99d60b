test_that("the surface is the kernel mean of the cells, and nothing where there are none", {
  plane <- cbind(x = c(0, 1, 10), y = c(0, 0, 5))
  rownames(plane) <- letters[1:3]
  value <- c(1, 3, 7)
  got <- smoothed_surface(value, plane, 50L, 0.05)
  # Cells stand in the middle of their squares, at most half a square from where they are.
  side <- 10 / 50
  middle <- pmin(floor(plane / side), matrix(rep(c(49, 24), each = 3), 3)) + 0.5
  weight <- function(x, y) exp(-0.5 * ((x / side - middle[, 1])^2 + (y / side - middle[, 2])^2) / 2.5^2)
  filled <- which(!is.na(got$height))
  expect_gt(length(filled), 10)
  for (row in filled[c(1, length(filled) %/% 2, length(filled))]) {
    w <- weight(got$x[[row]], got$y[[row]])
    expect_equal(got$height[[row]], sum(w * value) / sum(w))
  }
  far <- abs(got$x - 5) < 1 & abs(got$y - 2.5) < 1
  expect_true(any(far) && all(is.na(got$height[far])))
  expect_true(all(range(got$height, na.rm = TRUE) >= 1) && max(got$height, na.rm = TRUE) <= 7)
})

test_that("every kind of object is drawn, with paths, up and down", {
  for (object in tiny_objects()) {
    model <- stub_model(dims = colnames(embedding(object)))
    object <- store_model(object, model)
    paths <- with_engines(list(fork_engine()), SimulateCells(object, n.sim = 2, verbose = FALSE))
    up <- with_engines(list(fork_engine()), PlotPotential(object, paths = paths, observed = TRUE))
    down <- with_engines(list(fork_engine()), PlotPotential(object, downhill = TRUE))
    expect_s3_class(up, "ggplot")
    expect_equal(down$data$height, -up$data$height)
    stored <- with_engines(list(fork_engine()), DriftDiffusion(object, model))
    expect_equal(PlotPotential(stored)$data$height, with_engines(list(fork_engine()),
      PlotPotential(object))$data$height)
  }
  x <- tiny_cells()$x
  drift <- with_engines(list(fork_engine()), DriftDiffusion(x, stub_model(), t.start = 0))
  expect_s3_class(PlotPotential(drift, embedding = x), "ggplot")
})

test_that("what cannot be is answered", {
  x <- tiny_cells()$x
  expect_input_error(PlotPotential(1), "object")
  engine <- fork_engine()
  engine$has_potential <- function() FALSE
  drift <- with_engines(list(engine), DriftDiffusion(x, stub_model(), t.start = 0))
  expect_error(PlotPotential(drift, embedding = x), "no potential", class = "fatefield_error_model")
  drift <- with_engines(list(fork_engine()), DriftDiffusion(x, stub_model(), t.start = 0))
  expect_input_error(PlotPotential(drift), "embedding")
  expect_input_error(PlotPotential(drift, embedding = x, paths = 1), "paths")
  expect_input_error(PlotPotential(drift, embedding = x, bandwidth = 0), "bandwidth")
})
