# FitVelocityField(): what it learns, what it is held against, objects, and ways to fail.

test_that("objects of every kind and matrices give the same field", {
  data <- field_data()
  model <- FitVelocityField(data$x, data$y, epochs = 10, verbose = FALSE)
  expect_s3_class(model, c("fatefield_field", "fatefield_model"), exact = TRUE)
  seurat <- FitVelocityField(field_cells(), epochs = 10, verbose = FALSE)
  expect_identical(GetModel(seurat)$states, model$states)
  expect_identical(GetModel(seurat)$mode, "stochastic")
  expect_identical(GetModel(seurat)$assay, "spliced")
  expect_output(print(GetModel(seurat)), "velocity : \"velocity\" \\(stochastic\\)")
  expect_s3_class(PlotTraining(seurat), "ggplot")
  skip_if_not_installed("SingleCellExperiment")
  sce <- FitVelocityField(field_cells("sce"), epochs = 10, verbose = FALSE)
  expect_identical(GetModel(sce)$states, model$states)
})

test_that("the states of an object's cells are its normalised counts, whole or in part", {
  object <- FitVelocityField(field_cells(), field = "linear", verbose = FALSE)
  model <- GetModel(object)
  x <- model_coordinates(object, model)
  expect_equal(x, field_data()$x)
  expect_equal(model_coordinates(object[, 11:50], model), x[11:50, ])
  # Cells that EstimateVelocity() has not seen come to the same depth.
  fresh <- SimulateTwoBranch(n.cells = 200L, n.genes = 36L)
  expect_equal(model_coordinates(fresh, model), x, tolerance = 1e-6)
  expect_identical(model_coordinates(x, model), x)
  expect_error(model_coordinates(x[, -1], model), class = "fatefield_error_model")
})

test_that("a field follows its cells, and knows when their velocities or counts have changed", {
  for (as in c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")) {
    object <- FitVelocityField(field_cells(as), field = "linear", verbose = FALSE)
    model <- GetModel(object)
    x <- model_coordinates(object, model)
    turned <- object[, 60:21]
    expect_identical(model_coordinates(turned, model), x[colnames(turned), ])
    renamed <- if (as == "sce") {
      turned <- object
      colnames(turned) <- paste0("x_", colnames(turned))
      turned
    } else {
      SeuratObject::RenameCells(object, new.names = paste0("x_", colnames(object)))
    }
    expect_identical(unname(model_coordinates(renamed, model)), unname(x))
    other <- EstimateVelocity(object, mode = "deterministic", genes = rownames(object), nfeatures = 0, verbose = FALSE)
    again <- EstimateVelocity(object, genes = rownames(object), nfeatures = 0, verbose = FALSE)
    expect_identical(model_coordinates(again, model), x)
    stale <- function(expr, regexp) expect_error(expr, regexp, class = "fatefield_error_stale")
    stale(model_coordinates(other, model), "velocities .* changed in 200 of 200 cells.*FitVelocityField")
    stale(IntegrateCells(other, cells = 1, verbose = FALSE), "velocities")
    stale(CellCriticality(other, cells = 1:2, verbose = FALSE), "velocities")
    stale(LyapunovExponents(other, cells = 1:2, verbose = FALSE), "velocities")
  }
  counts <- object <- FitVelocityField(field_cells(), field = "linear", verbose = FALSE)
  twice <- SeuratObject::GetAssayData(counts[["spliced"]], "counts") * 2
  counts[["spliced"]] <- SeuratObject::CreateAssayObject(counts = twice)
  stale(IntegrateCells(counts, cells = 1, verbose = FALSE), "counts changed in 200 of 200")
})

test_that("least squares is least squares, and the mean is the mean", {
  data <- field_data()
  model <- tiny_field("linear")
  train <- model$part == "training"
  expect_identical(as.vector(table(model$part)), c(160L, 20L, 20L))
  naive <- qr.solve(data$x[train, ], data$y[train, ])
  expect_equal(unname(model_velocity(model, data$x)), unname(data$x %*% naive), tolerance = 1e-6)
  mean <- model_velocity(tiny_field("mean"), data$x)
  expect_equal(mean[7, ], colMeans(data$y[train, ]))
  expect_equal(model$error$mse[[3L]], mean((data$x %*% naive - data$y)[model$part == "test", ]^2))
})

test_that("the default field does not collapse, the published one does", {
  model <- tiny_field(epochs = 60)
  expect_gt(model$fit$spread, 0.2)
  expect_gt(model$fit$kl, 0.1)
  expect_gt(model$error$r2[[3L]], 0.2)
  published <- tiny_field(compat = "deepvelo", encoder = NULL, latent = NULL, decoder = NULL, epochs = 20,
    learning.rate = 1e-4)
  expect_identical(published$config$encoder, 64)
  expect_lt(published$fit$spread, 0.1)
  expect_lt(published$fit$kl, 0.1)
  expect_error(tiny_field(kl.weight = 1000, validation = 0), "collapsed", class = "fatefield_error_numeric")
})

test_that("the same seed gives the same bytes on one thread and two, saved and restored", {
  one <- tiny_field(threads = 1, n.models = 2)
  two <- tiny_field(threads = 2, n.models = 2)
  expect_identical(one$states, two$states)
  expect_false(identical(one$states[[1L]], one$states[[2L]]))
  file <- withr::local_tempfile()
  SaveModel(one, file)
  expect_identical(LoadModel(file), one)
  x <- field_data()$x
  expect_identical(model_velocity(LoadModel(file), x), model_velocity(one, x))
})

test_that("whole groups are held out, and a covariate is averaged over", {
  data <- field_data()
  group <- rep(1:10, 20)
  model <- tiny_field("ridge", split.by = group)
  parts <- tapply(as.character(model$part), group, function(p) length(unique(p)))
  expect_true(all(parts == 1L))
  expect_identical(sum(model$part == "test"), 20L)
  # A shift between batches that the states do not show is learned and averaged.
  batch <- rep(c("a", "b"), 100)
  shifted <- data$y + outer(ifelse(batch == "b", 2, 0), rep(1, ncol(data$y)))
  both <- tiny_field("mlp", hidden = 32, batch = batch, epochs = 60, data = list(x = data$x, y = shifted))
  level <- mean(model_velocity(both, data$x) - data$y)
  expect_equal(level, 1, tolerance = 0.2)
  expect_input_error(tiny_field("ridge", batch = batch), "batch")
  expect_input_error(tiny_field(split.by = group[-1]), "split.by")
})

test_that("bad input is named by its class and argument", {
  data <- field_data()
  expect_input_error(FitVelocityField(SimulateTwoBranch(n.cells = 60, n.genes = 12)), "object", "EstimateVelocity")
  expect_input_error(FitVelocityField(field_cells(), velocity = "nothing"), "velocity")
  expect_input_error(FitVelocityField(field_cells(), genes = "geneX"), "genes")
  expect_input_error(FitVelocityField(data$x), "velocity")
  expect_input_error(FitVelocityField(data$x, data$y[, -1]), "velocity", "200 x")
  other <- data$y
  colnames(other)[[2L]] <- "other"
  expect_input_error(FitVelocityField(data$x, other), "velocity", "number 2 is \"other\"")
  expect_input_error(FitVelocityField(data$x, data$y * 0 + 1, verbose = FALSE), "velocity", "same for all")
  expect_input_error(FitVelocityField(data$x[1:20, ], data$y[1:20, ], verbose = FALSE), "x", "20 are needed")
  expect_input_error(tiny_field("forest"), "field")
  expect_input_error(tiny_field(latents = 3), "latents", "latent")
  expect_input_error(tiny_field(validation = 1), "validation")
  expect_input_error(tiny_field(compat = "deepvel"), "compat")
  expect_input_error(tiny_field("sparsevfc", vfc = list(lamda = 1)), "lamda", "lambda")
  expect_error(PredictFate(FitVelocityField(field_cells(), field = "mean", verbose = FALSE), labels = "stage"),
    "type \"sde\"", class = "fatefield_error_model")
})

test_that("options print, and the published ones are those of the paper", {
  expect_output(print(FieldOptions()), "kl.weight")
  published <- FieldOptions(compat = "deepvelo")
  expect_identical(published$latent, 16)
  expect_identical(published$decoder, c(16, 64))
  expect_identical(published$batch.size, 2)
  expect_identical(FieldOptions("ae", compat = "deepvelo")$learning.rate, 5e-5)
})

test_that("cells far from all others are left out and named, and constant genes do not move", {
  data <- field_data()
  far <- data
  far$x[9L, 3L] <- 1e9
  expect_warning(model <- tiny_field("vae", data = far), rownames(far$x)[[9L]], class = "fatefield_warning_outliers")
  without <- tiny_field("vae", data = lapply(data, function(m) m[-9L, ]))
  expect_identical(model$states, without$states)
  expect_identical(model$outliers, rownames(far$x)[[9L]])
  expect_output(print(summary(model)), "left out")
  fast <- data
  fast$y[9L, 3L] <- 1e9
  expect_warning(tiny_field("linear", data = fast), class = "fatefield_warning_outliers")
  still <- data
  still$x[, 2L] <- 1.5
  still$y[, 2L] <- 0
  for (field in c("vae", "ae", "mlp", "linear", "ridge", "pca", "mean", "knn", "sparsevfc")) {
    found <- expect_silent(tiny_field(field, data = still))
    expect_identical(unname(model_velocity(found, still$x)[, 2L]), numeric(nrow(still$x)), label = field)
  }
})
