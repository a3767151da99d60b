test_that("norms, vectors, potential and growth are those of the engine", {
  x <- tiny_cells()$x
  got <- with_engines(list(fork_engine(rate = 3, growth = 0.5)), DriftDiffusion(
    x, model = stub_model(), t.start = 1
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
    x, model = stub_model(n.models = 3L), cells = 1:5, t.start = 0
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
    named <- with_engines(list(fork_engine()), DriftDiffusion(object, model, store.as = "late", t.start = 2))
    expect_equal(cell_column(named, "late_diffusion", "x"), rep(sqrt(3) * 3, 60))
    expect_true("late_vectors" %in% reduction_names(named))
    expect_false("drift" %in% column_names(named))
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

test_that("drift is a result of its cells", {
  x <- tiny_cells()$x
  got <- with_engines(list(fork_engine(1), fork_engine(2)), DriftDiffusion(
    x, model = stub_model(n.models = 2L), t.start = 0
  ))
  expect_s3_class(got, "fatefield_result")
  expect_identical(
    names(as.data.frame(got)),
    c("cell", "drift", "drift_sd", "diffusion", "diffusion_sd", "potential", "potential_sd")
  )
  some <- got[c("cell005", "cell002")]
  expect_identical(names(some$potential), c("cell005", "cell002"))
  expect_identical(rownames(some$vectors), c("cell005", "cell002"))
  expect_identical(some$table$drift, unname(got$drift[c("cell005", "cell002")]))
  expect_output(print(got), "drift and diffusion of 60 cells in 3 dimensions, 2 models")
  expect_s3_class(plot(got), "ggplot")
  expect_s3_class(plot(got, embedding = x, combine = FALSE)[[1]], "ggplot")
})

test_that("stored drift follows its cells and is stale after a new fit or other coordinates", {
  for (object in tiny_objects()) {
    name <- reduction_names(object)[[1L]]
    object <- store_model(object, stub_model(dims = colnames(embedding(object))))
    object <- with_engines(list(fork_engine()), DriftDiffusion(object))
    part <- GetResult(object[, c(9, 4)], "drift")
    whole <- GetResult(object, "drift")
    expect_identical(part$potential, whole$potential[part$table$cell])
    swapped <- embedding(object, name)[, c(2, 1, 3)] * 2
    colnames(swapped) <- colnames(embedding(object, name))
    moved <- set_coordinates(object, name, swapped)
    anew <- stub_model(dims = colnames(embedding(object)))
    anew$states <- list(archive_pack(list(stub = 2)))
    for (stale in list(moved, store_model(object, anew))) {
      for (door in list(PlotDriftDiffusion, PlotPotential, function(o) GetResult(o, "drift"))) {
        expect_error(door(stale), "DriftDiffusion\\(\\)", class = "fatefield_error_stale")
      }
    }
    expect_error(vectors_for(moved, "drift_vectors", name), class = "fatefield_error_stale")
  }
})

test_that("vectors are given for the reduction in which they live, by the names of its dimensions", {
  for (object in tiny_objects()) {
    x <- embedding(object)
    name <- reduction_names(object)[[1L]]
    # Of the second and third dimension alone: the drift of the fork is along the second.
    model <- stub_model(dims = colnames(x)[c(2, 3)])
    engine <- fork_engine()
    engine$drift <- function(x, t) cbind(sign(x[, 1L]), 0)
    object <- with_engines(list(engine), DriftDiffusion(object, model, cells = 1:40))
    expect_identical(vectors_for(object, "drift_vectors", name), name)
    v <- vectors_by_dimension(object, embedding_or_missing(object, "drift_vectors"), "drift_vectors", name)
    expect_equal(v[1:40, 2:3], cbind(sign(x[1:40, 2]), 0), ignore_attr = TRUE)
    expect_true(all(is.na(v[, 1])))
    expect_true(all(is.na(v[41:60, ])))
    expect_input_error(PlotVelocity(object, name, arrows = "drift_vectors", style = "arrows"), "dims", "dimension 1")
    expect_s3_class(PlotVelocity(object, name, arrows = "drift_vectors", style = "arrows", dims = 2:3), "ggplot")
    object <- store_reduction(object, x[, 1:2], "umap")
    expect_input_error(
      vectors_for(object, "drift_vectors", "umap"), "reduction", paste0("are of the reduction \"", name)
    )
    # Vectors of the user's own are theirs to draw where they like.
    own <- store_reduction(object, -x[, 1:2], "mine")
    expect_identical(vectors_for(own, "mine", "umap"), "umap")
  }
})
