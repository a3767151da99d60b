# The catalogue of bad input: every kind gives a classed error that names the argument and says what
# is needed. One small model is trained for all.

trained <- local({
  model <- NULL
  function() {
    if (is.null(model)) {
      cells <- tiny_cells()
      model <<- FitSDE(
        cells$x, time = cells$time, drift.hidden = 4, diffusion.hidden = 4, updates = 2,
        batch.size = 8, verbose = FALSE
      )
    }
    model
  }
})

# A Seurat object and an SCE with the trained model in them.
trained_objects <- function() {
  model <- trained()
  model$reduction <- "pca"
  model["time.name"] <- list("day")
  lapply(tiny_objects(), SetModel, model = model)
}

fit <- function(object, ..., verbose = FALSE) {
  FitSDE(object, ..., drift.hidden = 4, updates = 2, verbose = verbose)
}

expect_model_error <- function(expr, argument, regexp = NULL) {
  e <- expect_error(expr, regexp, class = "fatefield_error_model")
  if (!is.null(e)) expect_identical(e$argument, argument)
}

test_that("no such column", {
  for (object in trained_objects()) {
    expect_input_error(
      fit(object, time = "days"), "time", "no column \"days\".*Did you mean \"day\""
    )
    expect_input_error(fit(object, time = "day", clone = "clone_id"), "clone", "\"clone_id\"")
    expect_input_error(fit(object, time = "day", growth = "rate"), "growth", "\"rate\"")
    expect_input_error(PredictFate(object, labels = "cell_type"), "labels", "\"cell_type\"")
    expect_input_error(PredictFate(object, labels = "state", time = "dya"), "time", "\"day\"")
    expect_input_error(DriftDiffusion(object, time = "dya"), "time", "\"day\"")
  }
})

test_that("one time point", {
  cells <- tiny_cells()
  expect_input_error(fit(cells$x, time = rep(2, 60)), "time", "at least 2 different times.*2")
  for (object in tiny_objects()) {
    expect_input_error(fit(object, time = rep(1, 60)), "time", "at least 2 different times")
    one <- which(cells$time == 1)
    expect_input_error(fit(object, time = "day", cells = one), "time", "at least 2 different")
  }
})

test_that("times that are NA or text", {
  cells <- tiny_cells()
  for (object in c(list(matrix = cells$x), tiny_objects())) {
    expect_input_error(fit(object, time = replace(cells$time, 3, NA)), "time", "NA.*cell 3")
    expect_input_error(fit(object, time = replace(cells$time, 3, Inf)), "time", "Inf")
    expect_input_error(fit(object, time = paste0("d", cells$time, "_a")), "time", "text.*one unit")
    expect_input_error(fit(object, time = factor(c("a", "b"))[cells$time %% 2 + 1]), "time", "text.*one unit")
  }
})

test_that("NaN in the reduction", {
  cells <- tiny_cells()
  x <- replace(cells$x, 64, NaN)
  expect_input_error(fit(x, time = cells$time), "object", "NaN at cell \"cell004\".*PC_2")
  expect_input_error(SimulateCells(x, trained()), "object", "NaN")
  object <- tiny_seurat()
  object[["bad"]] <- SeuratObject::CreateDimReducObject(x, key = "BAD_", assay = "RNA")
  expect_input_error(fit(object, time = "day", reduction = "bad"), "reduction", "NaN.*cell004")
})

test_that("fewer cells than the batch", {
  cells <- tiny_cells()
  expect_input_error(
    fit(cells$x, time = cells$time, batch.size = 1000), "batch.size", "one time has only"
  )
})

test_that("labels missing", {
  for (object in trained_objects()) {
    expect_input_error(PredictFate(object), "labels", "needed")
    expect_input_error(PredictFate(object, labels = rep(NA, 60)), "labels", "none of the cells")
    expect_input_error(PredictFate(object, labels = rep("", 60)), "labels", "none of the cells")
    expect_input_error(PredictFate(object, labels = c("a", "b")), "labels", "60 cells")
    expect_input_error(
      PredictFate(object, labels = "state", fates = c("up", "left")), "fates", "left"
    )
  }
})

test_that("a model fitted on other dimensions or genes", {
  x <- tiny_cells()$x
  genes <- `colnames<-`(x, c("Gata1", "Spi1", "Elane"))
  for (use in list(SimulateCells, DriftDiffusion)) {
    expect_model_error(use(x[, 1:2], trained()), "model", "3 dimensions.*PC_1.*here are 2")
    expect_model_error(use(cbind(x, PC_4 = 0)[, c(1, 2, 4)], trained()), "model", "PC_3.*PC_4")
    expect_model_error(use(genes, trained()), "model", "other dimensions or genes.*PC_1.*Gata1")
  }
  expect_model_error(
    PredictFate(genes, trained(), labels = tiny_cells()$label), "model", "Gata1"
  )
  expect_model_error(
    FitSDE(genes, time = tiny_cells()$time, resume = trained(), verbose = FALSE), "resume", "Gata1"
  )
})

test_that("an object without that reduction", {
  for (object in tiny_objects()) {
    expect_input_error(
      fit(object, time = "day", reduction = "umap"), "reduction", "no reduction \"umap\".*(?i)pca"
    )
    expect_input_error(fit(object, time = "day", dims = 1:9), "dims", "dimension 4")
    model <- trained()
    model$reduction <- "harmony"
    expect_input_error(SimulateCells(object, model), "reduction", "\"harmony\"")
  }
})

test_that("a number of simulations that is none", {
  x <- tiny_cells()$x
  for (bad in list(-1, 0, 1.5, NA, "many", c(1, 2), NULL)) {
    expect_input_error(SimulateCells(x, trained(), n.sim = bad), "n.sim", "whole number")
    expect_input_error(
      PredictFate(x, trained(), labels = tiny_cells()$label, n.sim = bad), "n.sim", "whole number"
    )
  }
})

test_that("a model file that is truncated or foreign", {
  file <- tempfile(fileext = ".fatefield")
  SaveModel(trained(), file)
  bytes <- readBin(file, "raw", file.size(file))
  for (n in c(0L, 7L, 100L, length(bytes) - 1L)) {
    writeBin(utils::head(bytes, n), file)
    expect_file_error(LoadModel(file))
  }
  saveRDS(trained(), file)
  expect_file_error(LoadModel(file), "foreign")
})

test_that("a model that is none, damaged, or of a newer format", {
  x <- tiny_cells()$x
  expect_model_error(SimulateCells(x, list(1)), "model", "must be a fatefield model")
  newer <- trained()
  newer$format <- 99L
  expect_model_error(SimulateCells(x, newer), "model", "update the package")
  damaged <- trained()
  damaged$states[[1L]] <- utils::head(damaged$states[[1L]], 200L)
  expect_model_error(SimulateCells(x, damaged), "model", "member 1")
  foreign <- trained()
  foreign$states[[1L]] <- archive_pack(list(a = 1))
  expect_error(SimulateCells(x, foreign), class = "fatefield_error_model")
  expect_model_error(SimulateCells(tiny_seurat()), "name", "holds no model")
})

test_that("what is no object of cells", {
  for (bad in list(NULL, "a", list(1), sum, 1:3)) {
    expect_input_error(fit(bad, time = 1:3), "object")
    expect_input_error(SimulateCells(bad, trained()), "object")
  }
})

test_that("options that are not there or out of range", {
  cells <- tiny_cells()
  expect_input_error(fit(cells$x, time = cells$time, drft = "forward"), "drft", "drift")
  expect_input_error(fit(cells$x, time = cells$time, batch.size = -1), "batch.size")
  expect_input_error(fit(cells$x, time = cells$time, learning.rate = "fast"), "learning.rate")
  expect_input_error(fit(cells$x, time = cells$time, n.models = 0), "n.models")
  expect_input_error(fit(cells$x, time = cells$time, seed.use = -1), "seed.use")
  expect_input_error(fit(cells$x), "time", "missing")
  expect_input_error(SimulateCells(cells$x, trained(), nsim = 5), "nsim", "n.sim")
  expect_input_error(SimulateCells(cells$x, trained(), t.out = c(2, 1)), "t.out", "increasing")
  expect_input_error(SimulateCells(cells$x, trained(), cells = "nobody"), "cells", "nobody")
})

test_that("an argument that a function does not have is an error that names it, at every export", {
  exports <- grep("^[A-Z]", getNamespaceExports("fatefield"), value = TRUE)
  classes <- c("NeuralSDE", "SinkhornLoss", "VelocityVAE")
  object <- trained_objects()[[1L]]
  for (verb in setdiff(grep("^Rcpp_", exports, value = TRUE, invert = TRUE), classes)) {
    use <- get(verb)
    generic <- !is.null(utils::getS3method(verb, "default", optional = TRUE))
    plain <- !generic && !grepl("Options$", verb)
    first <- if (grepl("Options$|^Simulate[TD]", verb)) list() else if (grepl("^Read|^Load",
      verb)) list("a") else list(object)
    e <- tryCatch(suppressMessages(do.call(use, c(first, list(zzz.none = 1)))), error = identity)
    expect_s3_class(e, "fatefield_error")
    # What is needed may be missed first.
    if (!grepl("is needed|is missing|must be|holds no|has no assay", conditionMessage(e))) {
      expect_identical(e$argument, "zzz.none", info = paste(verb, conditionMessage(e)))
    }
    if (plain) expect_true("..." %in% names(formals(use)), info = verb)
  }
  expect_input_error(GetModel(object, model = "sde"), "model", "no argument `model`")
  expect_input_error(SetModel(object), "model", "is missing")
})

test_that("arguments of the version before are told what they are called now", {
  object <- trained_objects()[[1L]]
  now <- list(
    list(function() PredictFate(object, labels = "state", start = 0), "start", "It is `t.start` now"),
    list(function() SimulateCells(object, times = 1:2), "times", "It is `t.out` now"),
    list(function() InterpolateTime(object, 1, time.out = 1), "time.out", "It is `t.out` now"),
    list(function() StemnessScore(object, k = 5), "k", "It is `n.neighbors` now"),
    list(function() GeneDynamics(object, features = "g1"), "features", "It is `genes` now"),
    list(function() PlotCriticality(object, colour.by = "day"), "colour.by", "It is `group.by` now"),
    list(function() PlotFate(object, max.cells = 9), "max.cells", "It is `raster` now"),
    list(function() PredictFate(object, labels = "state", name = "a"), "name", "named by `store.as`"),
    list(function() DriftDiffusion(object, column = "a"), "column", "named by `store.as`"),
    list(function() FitSDE(object, time = "day", name = "a"), "name", "It is `velocity` or `store.as` now")
  )
  for (case in now) expect_input_error(case[[1L]](), case[[2L]], case[[3L]])
})
