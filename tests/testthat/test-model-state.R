# Models beside the object as it is now: times are the model's own, cells are known by their values, a reduction that
# was computed anew is an error in every verb that reads a model.

# A Seurat object with a reduction that has loadings, as RunPCA() leaves it.
seurat_with_loadings <- function(x = tiny_cells()$x, turn = 0) {
  object <- tiny_seurat("v3", nrow(x))
  loadings <- outer(1:12, 1:3, function(g, d) sin(g * d + turn))
  dimnames(loadings) <- list(rownames(object), paste0("PC_", 1:3))
  dimnames(x) <- list(colnames(object), paste0("PC_", 1:3))
  object[["pca"]] <- SeuratObject::CreateDimReducObject(
    embeddings = x, loadings = loadings, key = "PC_", assay = SeuratObject::DefaultAssay(object)
  )
  object
}

starts_of <- function(object) cell_starts(object, GetModel(object))

test_that("times given as a column or as values are the model's own and start cells alike", {
  for (object in tiny_objects()) {
    by.name <- tiny_fit(object)
    by.value <- tiny_fit(object, time = tiny_cells()$time)
    expect_identical(GetModel(by.name)$states, GetModel(by.value)$states)
    expect_identical(starts_of(by.value), starts_of(by.name))
    expect_identical(starts_of(by.value), tiny_cells()$time)
  }
  cells <- tiny_cells()
  model <- tiny_fit(cells$x, cells$time)
  expect_identical(cell_starts(cells$x, model), cells$time)
  expect_identical(cell_starts(cells$x[9:2, ], model), cells$time[9:2])
})

test_that("a renamed column, and renamed, reordered or fewer cells do no harm", {
  object <- tiny_fit(tiny_seurat())
  object$age <- object$day
  object$day <- NULL
  expect_identical(starts_of(object), tiny_cells()$time)
  object$day <- 7
  expect_identical(starts_of(object), tiny_cells()$time)
  for (object in tiny_objects()) {
    object <- tiny_fit(object)
    some <- object[, c(31:60, 5)]
    at <- match(colnames(some), colnames(object))
    expect_identical(starts_of(some), tiny_cells()$time[at])
    if (is_seurat(some)) some <- SeuratObject::RenameCells(some, new.names = paste0("z", seq_len(ncol(some))))
    if (!is_seurat(some)) colnames(some) <- paste0("z", seq_len(ncol(some)))
    expect_identical(starts_of(some), tiny_cells()$time[at])
    futures <- SimulateCells(some, n.sim = 1L, verbose = FALSE)
    expect_identical(futures$times, seq(0, 2, 0.25))
    expect_identical(levels(futures$cell), colnames(some)[tiny_cells()$time[at] == 0])
  }
})

test_that("the unit of times is remembered and shown", {
  cells <- tiny_cells()
  expect_null(tiny_fit(cells$x, cells$time)$time.unit)
  model <- tiny_fit(cells$x, paste("Day", cells$time))
  expect_identical(model$time.unit, "day")
  expect_identical(model$times, c(0, 1, 2))
  expect_output(print(model), "times    : day 0 (20 cells), 1 (20), 2 (20)", fixed = TRUE)
})

# Every verb that reads a model of an object, with what it needs beside it.
reads_model <- list(
  SimulateCells = function(o) SimulateCells(o, verbose = FALSE),
  InterpolateTime = function(o) InterpolateTime(o, t.out = 1.5, verbose = FALSE),
  ScoreInterpolation = function(o) ScoreInterpolation(o, t.out = 1, verbose = FALSE),
  PredictFate = function(o) PredictFate(o, labels = "state", n.sim = 5L, verbose = FALSE),
  DriftDiffusion = function(o) DriftDiffusion(o),
  IntegrateCells = function(o) IntegrateCells(o, verbose = FALSE),
  CellCriticality = function(o) CellCriticality(o, verbose = FALSE),
  LyapunovExponents = function(o) LyapunovExponents(o),
  PerturbCells = function(o) PerturbCells(o, genes = c(g1 = 1), labels = "state"),
  FindFateDrivers = function(o) FindFateDrivers(o, fate = "up", labels = "state"),
  FateDynamics = function(o) FateDynamics(o, labels = "state"),
  CompareNoise = function(o) CompareNoise(o, labels = "state"),
  PlotPotential = function(o) PlotPotential(o)
)

test_that("every verb that reads a model stops where its reduction was computed anew", {
  fitted <- tiny_fit(seurat_with_loadings())
  anew <- seurat_with_loadings(tiny_cells()$x %*% qr.Q(qr(matrix(c(1, 2, 3, 4, 5, 6, 7, 8, 1), 3))), turn = 1)
  fitted[["pca"]] <- anew[["pca"]]
  for (verb in names(reads_model)) {
    e <- expect_error(reads_model[[verb]](fitted), class = "fatefield_error_stale", label = verb)
    expect_match(conditionMessage(e), "reduction \"pca\" changed in 60 of 60 cells", label = verb)
    expect_match(conditionMessage(e), "FitSDE", label = verb)
  }
  # The same in an SCE, whose reductions have no loadings.
  object <- tiny_fit(tiny_sce())
  SingleCellExperiment::reducedDim(object, "PCA") <- -SingleCellExperiment::reducedDim(object, "PCA")
  for (verb in names(reads_model)) {
    expect_error(reads_model[[verb]](object), class = "fatefield_error_stale", label = verb)
  }
})

test_that("a model works on new cells in the same reduction, and not on those in another", {
  model <- GetModel(tiny_fit(seurat_with_loadings()))
  elsewhere <- function(turn) {
    object <- seurat_with_loadings(tiny_cells()$x + 0.01, turn)
    object <- SeuratObject::RenameCells(object, new.names = paste0("new", 1:60))
    SetModel(object, model)
  }
  e <- expect_error(PredictFate(elsewhere(1), labels = "state", n.sim = 5L, verbose = FALSE),
    class = "fatefield_error_stale")
  expect_match(conditionMessage(e), "other loadings")
  same <- elsewhere(0)
  expect_identical(starts_of(same), tiny_cells()$time)
  expect_s4_class(PredictFate(same, labels = "state", n.sim = 5L, verbose = FALSE), "Seurat")
})

test_that("files keep all that a model knows", {
  fitted <- tiny_fit(seurat_with_loadings(), n.models = 2L)
  model <- GetModel(fitted)
  model["time.unit"] <- "day"
  expect_identical(model$source$dims, model$dims)
  file <- tempfile(fileext = ".fatefield")
  SaveModel(model, file)
  loaded <- LoadModel(file)
  expect_identical(loaded, model)
  fitted[["pca"]] <- seurat_with_loadings(turn = 1)[["pca"]]
  expect_identical(cell_starts(fitted, loaded), tiny_cells()$time)
  fitted[["pca"]] <- seurat_with_loadings(-tiny_cells()$x, turn = 1)[["pca"]]
  expect_error(SimulateCells(fitted, loaded, verbose = FALSE), class = "fatefield_error_stale")
})

test_that("a summary says how well the training went, in numbers and in words", {
  model <- tiny_model(n.models = 2L, growth = "learned")
  s <- summary(model)
  expect_identical(s$times, data.frame(time = c(0, 1, 2), cells = c(20L, 20L, 20L)))
  expect_identical(s$training$updates, c(5L, 5L))
  expect_identical(s$training$ended, c("finished", "finished"))
  expect_match(s$training$verdict[[1L]], "too few to tell")
  expect_identical(s$seed, 42)
  expect_output(print(s), "growth   : learned.*noise    : diagonal.*members  : 2, seeds 42 to 43")
  expect_lte(length(capture.output(print(s))), 12L)
  table <- as.data.frame(s)
  expect_identical(names(table), c("quantity", "member", "time", "value", "value_low", "value_high"))
  expect_identical(table$value[table$quantity == "cells"], c(60, 20, 20, 20))
  expect_equal(table$value[table$quantity == "variance ratio" & table$time %in% 2],
    stats::median(model$dispersion$median[model$dispersion$time == 2]))
  given <- tiny_fit(tiny_cells()$x, tiny_cells()$time, growth = rep(0.1, 60L))
  expect_output(print(summary(given)), "growth   : given")
  expect_s3_class(plot(model), "ggplot")
  expect_identical(plot(model)$data, PlotTraining(model)$data)
})

test_that("a verdict follows from how the training ended and whether the loss still falls", {
  history <- function(loss) data.frame(member = 1L, update = seq_along(loss), stage = "bridge", loss = loss)
  verdict <- function(loss, ended = "finished") verdict_of(history(loss), ended, length(loss), "updates")
  wobble <- sin(1:100 * 7) / 50
  expect_identical(verdict(exp(-(1:100) / 5) + wobble), "100 updates, converged")
  expect_match(verdict(2 - 1:100 / 100 + wobble), "still falling: more `updates`")
  expect_match(verdict(1:5), "too few to tell")
  expect_match(verdict(1:5, "early"), "stopped early after 5 updates")
  expect_match(verdict(1:5, "interrupted"), "interrupted after 5 updates")
  expect_match(verdict(1:5, "diverged"), "not finite after 5 updates")
})
