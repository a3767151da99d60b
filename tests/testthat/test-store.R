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
  expect_input_error(store_reduction(object, full, "pca"), "store.as", "of your own")
  expect_input_error(store_reduction(object, full, "RNA"), "store.as", "of your own")
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

test_that("columns of the user's are never overwritten, those written here are", {
  for (object in tiny_objects()) {
    cells <- cell_names(object)
    made <- function(v) data.frame(fate = v, row.names = cells)
    mine <- cells_of(object, "state")
    expect_input_error(store_cells(object, data.frame(state = 1:60, row.names = cells)), "store.as",
      "\"state\" of your own")
    expect_identical(cells_of(object, "state"), mine)
    object <- store_cells(object, made(1:60 / 7))
    object <- store_cells(object, made(factor(rep(c("a", NA), 30))))
    # A subset of what was written is ours still, also under other names of the cells.
    expect_silent(store_cells(object[, 10:5], data.frame(fate = 1, row.names = cells[[7]])))
    if (is_seurat(object)) {
      renamed <- SeuratObject::RenameCells(object, add.cell.id = "new")
      expect_silent(store_cells(renamed, data.frame(fate = 1, row.names = colnames(renamed)[[1]])))
      object$fate <- rep(c("b", "a"), 30)
    } else {
      object$fate <- rep(c("b", "a"), 30)
    }
    expect_input_error(store_cells(object, made(1:60)), "store.as", "\"fate\" of your own")
    expect_identical(unname(cells_of(object, "fate")), rep(c("b", "a"), 30))
  }
})

test_that("the default name gives way to a column of the user's with a warning, a given name does not", {
  for (object in tiny_objects()) {
    object$fate <- 1:60
    columns <- function(stem) paste0(stem, c("", "_entropy"))
    expect_warning(stem <- store_name(object, NULL, "fate", columns), "\"fate\" of your own, which is kept",
      class = "fatefield_warning_name")
    expect_identical(stem, "fatefield_fate")
    expect_input_error(store_name(object, "fate", "fate", columns), "store.as", "overwritten")
    expect_identical(store_name(object, "mine", "fate", columns), "mine")
    expect_silent(expect_identical(store_name(object, NULL, "other", columns), "other"))
    # An assay behind a column of its name could not be found again.
    expect_input_error(store_name(object, NULL, "x", slots = function(stem) "fate"), "store.as", "a column")
    reduction <- reduction_names(object)[[1]]
    expect_input_error(store_name(object, NULL, "x", slots = function(stem) reduction), "store.as", "of your own")
  }
})

test_that("a result in an object follows its cells, and is refused when what it was made from has changed", {
  for (object in tiny_objects()) {
    result <- new_result("test", data.frame(cell = cell_names(object), value = 1:60), by = "cell")
    object <- put_result(object, "scores", "a", result, list(coordinates_input(object, "pca")), "ScoreCells()")
    object <- put_result(object, "scores", "b", new_result("test", data.frame(value = 2)))
    expect_identical(GetResult(object)$name, c("a", "b"))
    expect_identical(GetResult(object, "scores")$table$value, 2)
    # Seurat 5 keeps the order of the object.
    some <- object[, c(9, 4)]
    part <- GetResult(some, "scores", "a")
    expect_identical(part$table$value, match(cell_names(some), cell_names(object)))
    if (is_seurat(object)) {
      renamed <- SeuratObject::RenameCells(object[, 9:30], add.cell.id = "new")
      expect_identical(GetResult(renamed, "scores", "a")$table$cell, colnames(renamed))
    }
    expect_input_error(GetResult(object, "score"), "what", "Did you mean \"scores\"")
    expect_input_error(GetResult(object, "scores", "c"), "object", "it holds \"a\", \"b\"")
    changed <- object
    moved <- tiny_cells()$x + 1
    if (is_seurat(object)) {
      changed[["pca"]] <- SeuratObject::CreateDimReducObject(moved, key = "PC_", assay = "RNA")
    } else {
      SingleCellExperiment::reducedDim(changed, "PCA") <- moved
    }
    expect_error(GetResult(changed, "scores", "a"), "changed in 60 of 60 cells", class = "fatefield_error_stale")
  }
  expect_input_error(GetResult(tiny_cells()$x), "object", "matrix")
})
