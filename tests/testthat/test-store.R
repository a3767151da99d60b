cells_of <- function(object, column) cell_column(object, column, "name")

test_that("columns of some cells are NA elsewhere, keep their types, and follow subset", {
  for (object in tiny_objects()) {
    names <- cell_names(object)
    some <- names[c(10, 2, 30)]
    data <- data.frame(
      fate_entropy = c(1, 2, 3), fate = factor(c("b", "a", "b"), levels = c("b", "a")),
      ok = c(TRUE, FALSE, NA),
      row.names = some
    )
    object <- store_cells(object, data)
    expect_identical(cells_of(object, "fate_entropy")[c(10, 2, 30)], c(1, 2, 3))
    expect_identical(sum(is.na(cells_of(object, "fate_entropy"))), 57L)
    expect_identical(levels(cells_of(object, "fate")), c("b", "a"))
    expect_type(cells_of(object, "ok"), "logical")
    expect_identical(cells_of(object, "day"), tiny_cells()$time)
    part <- object[, c(2, 10)]
    expect_identical(cells_of(part, "fate_entropy"), c(2, 1))
    expect_input_error(
      store_cells(object, data.frame(a = 1, row.names = "nobody")), "cells", "nobody"
    )
    again <- store_cells(object, data.frame(fate_entropy = 9, row.names = some[[1]]))
    expect_identical(which(!is.na(cells_of(again, "fate_entropy"))), 10L)
  }
})

test_that("a reduction is found again under its name, with NA where there is no value", {
  for (object in tiny_objects()) {
    names <- cell_names(object)
    values <- matrix(1:6, 3, dimnames = list(names[c(3, 1, 2)], NULL))
    expect_silent(object <- store_reduction(object, values, "drift", key = "sde_drift_"))
    x <- if (is_sce(object)) SingleCellExperiment::reducedDim(object, "drift") else
      SeuratObject::Embeddings(object, "drift")
    expect_equal(unname(x[c(3, 1, 2), ]), matrix(1:6, 3))
    expect_true(all(is.na(x[-(1:3), ])))
    part <- object[, 1:2]
    expect_equal(unname(embedding(part, "drift")), rbind(c(2, 5), c(3, 6)))
    if (is_seurat(object)) expect_identical(colnames(x), c("sdedrift_1", "sdedrift_2"))
  }
})

test_that("a key that is taken is replaced without a warning and without touching the other", {
  object <- tiny_seurat()
  full <- tiny_cells()$x
  expect_silent(object <- store_reduction(object, full, "latent", key = "PC_"))
  expect_identical(colnames(SeuratObject::Embeddings(object, "pca")), paste0("PC_", 1:3))
  expect_identical(colnames(SeuratObject::Embeddings(object, "latent")), paste0("PCa_", 1:3))
  expect_silent(object <- store_reduction(object, full, "latent", key = "PC_"))
  expect_identical(colnames(SeuratObject::Embeddings(object, "latent")), paste0("PCa_", 1:3))
  expect_input_error(store_reduction(object, full, "RNA"), "store.as")
  expect_input_error(
    store_cells(object, data.frame(pca = 1:60, row.names = rownames(full))), "name"
  )
})

test_that("an assay of fates keeps its names, is NA for other cells, and follows subset", {
  for (object in tiny_objects()) {
    names <- cell_names(object)
    p <- rbind(Neu_1 = c(.5, 1), `Neu-1` = c(.25, 0), Ery = c(.25, 0))
    colnames(p) <- names[c(7, 3)]
    expect_silent(
      object <- store_assay(object, p, "fate",
      features = data.frame(n = 1:3, row.names = rownames(p)))
    )
    found <- fetch_assay(object, "fate")
    expect_equal(found[, c(7, 3)], p)
    expect_true(all(is.na(found[, -c(3, 7)])))
    expect_equal(fetch_assay(object[, 7:8], "fate")[, 1], p[, 1])
    expect_error(fetch_assay(object, "nothing"), class = "fatefield_error_input")
    if (is_seurat(object)) expect_identical(SeuratObject::DefaultAssay(object), "RNA")
  }
})

test_that("a model is kept whole by subset and saveRDS, the last one being the default", {
  file <- tempfile(fileext = ".rds")
  for (object in tiny_objects()) {
    expect_error(fetch_model(object), class = "fatefield_error_model")
    object <- store_model(object, list(a = 1), "first")
    object <- store_model(object, list(a = 2), "second")
    expect_identical(fetch_model(object)$a, 2)
    object <- store_model(object, list(a = 3), "first")
    expect_identical(fetch_model(object)$a, 3)
    expect_identical(fetch_model(object, "second")$a, 2)
    expect_error(
      fetch_model(object, "third"), "\"second\", \"first\"", class = "fatefield_error_model"
    )
    part <- object[, 1:5]
    expect_identical(fetch_model(part)$a, 3)
    saveRDS(object, file)
    expect_identical(fetch_model(readRDS(file), "second")$a, 2)
  }
})

test_that("a command is logged without matrices or long vectors", {
  object <- tiny_seurat()
  params <- list(time = "day", x = matrix(0, 100, 100), dims = 1:3, cells = rep("a", 1e4), f = mean)
  expect_silent(object <- log_command(object, "FitSDE", params))
  command <- SeuratObject::Command(object, "FitSDE")
  expect_identical(command@params, params[c("time", "dims")])
  expect_identical(command@call.string, "FitSDE(object, time = \"day\", dims = 1:3)")
})
