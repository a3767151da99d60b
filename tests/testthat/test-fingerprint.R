# What a result was made from: digests of cells, and whether they still hold.

test_that("digests of rows, columns, dense and sparse matrices agree", {
  x <- matrix(c(0, 1.5, -2, 0, 0, 3, 1e-300, 7), 4, dimnames = list(letters[1:4], c("g1", "g2")))
  expect_identical(row_digests(x), column_digests(t(x)))
  expect_identical(column_digests(t(x)), column_digests(methods::as(Matrix::Matrix(t(x), sparse = TRUE), "dgCMatrix")))
  expect_identical(anyDuplicated(row_digests(x)), 0L)
  expect_false(any(row_digests(x) == row_digests(x + 1e-12)))
})

test_that("cells are known by their values first and by their names second", {
  x <- matrix(as.numeric(1:12), 6, dimnames = list(paste0("c", 1:6), c("a", "b")))
  made <- input_of("coordinates", x)
  at <- function(now) match_inputs(made, input_of("coordinates", now))
  expect_identical(at(x[c(3, 1), ])$at, c(3L, 1L))
  renamed <- x
  rownames(renamed) <- paste0("new_", rownames(x))
  expect_identical(at(renamed[6:1, ])$at, 6:1)
  changed <- x
  changed[2, 1] <- 9
  expect_identical(which(at(changed)$changed), 2L)
  more <- rbind(x, other = c(50, 60))
  expect_identical(which(at(more)$new), 7L)
  expect_false(any(at(more)$changed))
  # Names that only count the rows say nothing.
  expect_null(input_of("coordinates", matrix(1, 2, 2, dimnames = list(c("1", "2"), NULL)))$cells)
})

test_that("what changed is named, and the call that makes it anew", {
  for (object in list(tiny_seurat(), tiny_sce())) {
    input <- coordinates_input(object, "pca")
    expect_identical(check_input(object, input, "the arrows", "EmbedVelocity()"), seq_len(ncol(object)))
    # Seurat 5 keeps the order of the object.
    some <- object[, 5:3]
    expect_identical(check_input(some, input, "the arrows", "EmbedVelocity()"), match(colnames(some), colnames(object)))
    input$digest[4:6] <- 1
    e <- expect_error(check_input(object, input, "the arrows", "EmbedVelocity()"), class = "fatefield_error_stale")
    expect_match(conditionMessage(e),
      "the arrows cannot be used any more: reduction \"(pca|PCA)\" changed in 3 of 60 cells")
    expect_match(conditionMessage(e), "Run EmbedVelocity() again", fixed = TRUE)
    expect_identical(e$argument, "object")
    expect_s3_class(e, "fatefield_error_input")
    gone <- input
    gone$reduction <- "umap"
    expect_error(check_input(object, gone, "the arrows", "x"), "\"umap\" is no longer in the object",
      class = "fatefield_error_stale")
  }
})

test_that("cells that a result has not seen are an error, unless it takes them", {
  object <- tiny_seurat()
  input <- coordinates_input(object, "pca")
  for (part in c("cells", "digest")) input[[part]] <- input[[part]][1:50]
  expect_error(check_input(object, input, "the fates", "PredictFate()"), "10 cells that it has not seen",
    class = "fatefield_error_stale")
  at <- check_input(object, input, "the model", "FitSDE()", new.cells = TRUE)
  expect_identical(at, c(1:50, rep(NA, 10)))
})
