test_that("an embedding is the same numbers from every kind of object", {
  x <- tiny_cells()$x
  expect_identical(embedding(x), x)
  expect_identical(embedding(as.data.frame(x)), x)
  for (object in tiny_objects()) {
    expect_equal(embedding(object), x)
    expect_equal(embedding(object, "pca", dims = c(3, 1)), x[, c(3, 1)])
    expect_identical(cell_names(object), rownames(x))
  }
  bare <- embedding(unname(x))
  expect_identical(dimnames(bare), list(as.character(1:60), paste0("dim_", 1:3)))
})

test_that("a reduction that is absent is answered with those present", {
  for (object in tiny_objects()) {
    expect_input_error(embedding(object, "umap"), "reduction", "(?i)umap.*pca")
    expect_input_error(embedding(object, "pcas"), "reduction", "Did you mean")
    expect_input_error(embedding(object, dims = 1:4), "dims", "dimension 4, but there are 3")
    expect_input_error(embedding(object, dims = c(1, 1)), "dims", "twice")
    expect_input_error(embedding(object, dims = 0), "dims")
    expect_input_error(embedding(object, dims = "a"), "dims")
  }
  expect_input_error(embedding(list(1)), "object", "Seurat object")
})

test_that("a value that is not finite in the reduction is an error", {
  for (object in tiny_objects()) {
    x <- tiny_cells()$x
    x[4, 1] <- NA
    if (is_sce(object)) {
      SingleCellExperiment::reducedDim(object, "bad") <- x
    } else {
      object <- add_reduction(object, x, "bad", "bad")
    }
    expect_input_error(embedding(object, "bad"), "reduction", "cell004")
    expect_silent(embedding(object, "bad", dims = 2:3))
  }
})

test_that("a column of the cells comes by name or as a vector", {
  time <- tiny_cells()$time
  for (object in tiny_objects()) {
    expect_identical(cell_column(object, "day", "time"), time)
    expect_identical(cell_column(object, "state", "labels"), tiny_cells()$label)
    expect_identical(cell_column(object, time, "time"), time)
    shuffled <- rev(stats::setNames(time, cell_names(object)))
    expect_identical(cell_column(object, shuffled, "time"), time)
    expect_input_error(cell_column(object, "days", "time"), "time", "Did you mean \"day\"")
    expect_input_error(cell_column(object, 1:3, "time"), "time", "60 cells")
    expect_input_error(cell_column(object, NULL, "time"), "time", "NULL")
  }
  x <- tiny_cells()$x
  expect_identical(cell_column(x, time, "time"), time)
  expect_input_error(cell_column(x, "day", "time"), "time")
  names(time) <- c("nobody", rownames(x)[-1])
  expect_input_error(cell_column(x, time, "time"), "time", "cell001")
})

test_that("layers come whole from every kind of assay", {
  counts <- tiny_counts()
  for (version in c("v3", "v5", "split")) {
    if (version != "v3" && !has_layers()) next
    object <- tiny_seurat(version)
    expect_equal(as.matrix(layer_data(object, "counts")), as.matrix(counts), info = version)
    expect_input_error(layer_data(object, "no_such"), "layer", "counts")
    expect_input_error(layer_data(object, "counts", "ADT"), "assay", "RNA")
  }
})

test_that("parts of a split layer with different features are joined with zeros", {
  counts <- tiny_counts()
  joined <- join_pieces(list(counts[1:8, 1:20], counts[5:12, 21:60]), features = rownames(counts))
  expected <- as.matrix(counts)
  expected[9:12, 1:20] <- 0
  expected[1:4, 21:60] <- 0
  expect_equal(as.matrix(joined), expected)
  expect_s4_class(joined, "CsparseMatrix")
})
