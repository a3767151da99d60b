test_that("norms, vectors, potential and growth are those of the engine", {
  x <- tiny_cells()$x
  got <- with_engines(list(fork_engine(rate = 3, growth = 0.5)), DriftDiffusion(
    x, model = stub_model(), time = 1
  ))
  expect_equal(unname(got$drift), rep(3, 60))
  expect_equal(unname(got$diffusion), rep(sqrt(3 * 2^2), 60))
  expect_equal(got$vectors[, 2], 3 * sign(x[, 2]))
  expect_identical(dimnames(got$vectors), dimnames(x))
  psi <- 3 * abs(x[, 2])
  expect_equal(got$potential, psi - median(psi))
  expect_equal(unname(got$growth), 0.5 * unname(x[, 2] > 0))
  expect_equal(unname(got$drift_sd), numeric(60))
  expect_output(print(got), "60 cells in 3 dimensions, 1 model")
})

test_that("an ensemble is averaged, its spread reported", {
  x <- tiny_cells()$x
  got <- with_engines(list(fork_engine(1), fork_engine(2), fork_engine(6)), DriftDiffusion(
    x, model = stub_model(n.models = 3L), cells = 1:5, time = 0
  ))
  expect_equal(unname(got$drift), rep(3, 5))
  expect_equal(unname(got$drift_sd), rep(sd(c(1, 2, 6)), 5))
  expect_null(got$growth)
})

test_that("a model without a potential has none", {
  engine <- fork_engine()
  engine$has_potential <- function() FALSE
  got <- with_engines(list(engine), DriftDiffusion(tiny_cells()$x, model = stub_model()))
  expect_null(got$potential)
})

test_that("every kind of object gets the same numbers at its own times, and they follow subset", {
  for (object in tiny_objects()) {
    model <- stub_model(dims = colnames(embedding(object)))
    result <- with_engines(list(fork_engine()), DriftDiffusion(object, model, cells = 1:30))
    expect_equal(
      cell_column(result, "diffusion", "x"),
      ifelse(1:60 <= 30, sqrt(3) * (1 + tiny_cells()$time), NA)
    )
    expect_true(all(c("drift", "potential") %in% column_names(result)))
    expect_false("drift_sd" %in% column_names(result))
    part <- result[, c(3, 7)]
    expect_equal(unname(embedding(part, "drift_vectors")[, 2]), sign(tiny_cells()$x[c(3, 7), 2]),
      ignore_attr = TRUE)
    expect_input_error(
      with_engines(list(fork_engine()), DriftDiffusion(object, model, reduction.name = "drift")),
      "reduction.name"
    )
    expect_input_error(
      with_engines(list(fork_engine()), DriftDiffusion(object, model, time = "dya")), "time", "day"
    )
  }
})

test_that("what cannot be is answered with the argument's name", {
  x <- tiny_cells()$x
  expect_input_error(DriftDiffusion(x), "model")
  expect_input_error(DriftDiffusion(x, stub_model(), cells = 61), "cells")
  expect_input_error(DriftDiffusion(x, stub_model(), celss = 1), "celss", "cells")
  expect_error(DriftDiffusion(x[, 1:2], stub_model()), class = "fatefield_error_model")
})
