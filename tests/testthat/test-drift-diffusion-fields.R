# DriftDiffusion() of velocity fields and FieldJacobian() against finite differences and against each other.

test_that("Jacobians, divergence and acceleration are those of finite differences", {
  data <- field_data()
  x <- data$x[c(5, 100, 190), ]
  for (kind in c("vae", "ae", "mlp", "sparsevfc", "ridge", "pca")) {
    model <- tiny_field(kind)
    bytes <- model$states[[1L]]
    f <- function(x) field_velocity(bytes, x, 1L)
    h <- 1e-5
    # All counts stay above 0, where the logarithm has its one kink.
    at <- x[2L, , drop = FALSE] + 0.5
    naive <- vapply(seq_len(ncol(x)), function(j) {
      up <- down <- at
      up[, j] <- up[, j] + h
      down[, j] <- down[, j] - h
      as.vector(f(up) - f(down)) / (2 * h)
    }, numeric(ncol(x)))
    exact <- field_jacobian(bytes, at, 1, 1L)
    expect_equal(exact, naive, tolerance = 1e-5, label = kind)
    expect_equal(field_divergence(bytes, at, 1L), sum(diag(exact)), tolerance = 1e-8)
    expect_equal(as.vector(field_jvp(bytes, at, f(at), 1L)), as.vector(exact %*% t(f(at))), tolerance = 1e-8)
    found <- DriftDiffusion(at, model = model)
    expect_equal(unname(found$speed), sqrt(sum(f(at)^2)))
    expect_equal(unname(found$acceleration), sqrt(sum((exact %*% t(f(at)))^2)), tolerance = 1e-8)
  }
})

test_that("columns come into objects, with spreads for ensembles", {
  object <- FitVelocityField(field_cells(), field = "ridge", verbose = FALSE)
  object <- DriftDiffusion(object, cells = 1:10)
  expect_identical(sum(is.finite(object$field_support)), 10L)
  plain <- DriftDiffusion(field_data()$x[1:10, ], model = GetModel(object))
  expect_equal(object$field_divergence[1:10], plain$divergence, ignore_attr = TRUE)
  both <- DriftDiffusion(field_data()$x[1:10, ], model = tiny_field(n.models = 2))
  expect_named(as.data.frame(both), c("cell", "speed", "speed_sd", "divergence", "divergence_sd", "acceleration",
    "acceleration_sd", "support", "support_sd"))
  expect_gt(min(both$speed_sd), 0)
  # 99 of 100 training cells are within the support; a state far away is not.
  model <- GetModel(object)
  inside <- field_support(model$states[[1L]], field_data()$x[model$part == "training", ], 1L)
  expect_gt(mean(inside <= 1.01), 0.97)
  expect_gt(field_support(model$states[[1L]], 50 + field_data()$x[1, , drop = FALSE], 1L), 3)
  skip_if_not_installed("SingleCellExperiment")
  sce <- DriftDiffusion(SetModel(field_cells("sce"), model))
  expect_equal(sce$field_speed[1:10], plain$speed, ignore_attr = TRUE)
})

test_that("pairs of genes are means of the Jacobian over cells", {
  object <- FitVelocityField(field_cells(), epochs = 20, verbose = FALSE)
  model <- GetModel(object)
  genes <- model$dims[c(2, 5, 7)]
  table <- FieldJacobian(object, from = genes[1:2], to = genes, cells = 1:4)
  x <- field_data()$x[1:4, ]
  each <- vapply(1:4, function(i) {
    j <- field_jacobian(model$states[[1L]], x, i, 1L)
    dimnames(j) <- list(model$dims, model$dims)
    as.vector(j[genes, genes[1:2]])
  }, numeric(6))
  expect_equal(table$mean, rowMeans(each))
  expect_equal(table$sd, apply(each, 1L, sd))
  expect_identical(table$from, rep(genes[1:2], each = 3L))
  by <- FieldJacobian(object, from = genes[[1L]], group.by = "branch")
  expect_identical(by$cells, as.vector(table(object$branch)))
  expect_input_error(FieldJacobian(object, from = "gene999x"), "from")
  expect_input_error(FieldJacobian(object), "from")
  expect_error(DriftDiffusion(field_cells()), class = "fatefield_error_model")
  expect_input_error(DriftDiffusion(x), "model")
})

test_that("a field's numbers and pairs of genes are results, and are drawn", {
  object <- FitVelocityField(field_cells(), field = "ridge", verbose = FALSE)
  object <- DriftDiffusion(object, store.as = "flow")
  expect_true(all(paste0("flow_", c("speed", "divergence", "acceleration", "support")) %in% column_names(object)))
  found <- GetResult(object, "drift", "flow")
  expect_output(print(found), "speed and divergence of 200 cells, 1 model")
  expect_null(found$vectors)
  panels <- PlotDriftDiffusion(object, combine = FALSE)
  expect_identical(panels[[2]]$data$value, unname(found$divergence))
  expect_input_error(PlotDriftDiffusion(object, arrows = TRUE), "arrows", "PlotVelocity")
  expect_input_error(PlotDriftDiffusion(object, what = "drift"), "what")
  expect_error(PlotPotential(object, model = "field"), class = "fatefield_error_model")
  genes <- GetModel(object)$dims[1:3]
  pairs <- FieldJacobian(object, from = genes[1:2], to = genes, group.by = "branch")
  expect_s3_class(pairs, "fatefield_result")
  expect_identical(unique(pairs[genes[[2]]]$from), genes[[2]])
  expect_output(print(pairs), "2 genes on 3 genes")
  expect_identical(nrow(ggplot2::ggplot_build(plot(pairs))$data[[1]]), nrow(pairs))
  expect_input_error(FieldJacobian(object, from = genes, frm = genes), "frm", "from")
  # An object with both kinds of model is asked about its neural SDE, unless told otherwise.
  object$step <- as.numeric(cut(object$time, 3L))
  both <- tiny_fit(object, time = "step", reduction = "pca", dims = 1:3)
  expect_message(both <- DriftDiffusion(both), "Using the model \"sde\"")
  expect_identical(GetResult(both, "drift")$quantities[1:2], c("drift", "diffusion"))
  expect_identical(GetResult(both, "drift", "flow")$speed, found$speed)
})
