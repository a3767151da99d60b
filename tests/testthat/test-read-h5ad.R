read_quietly <- function(path, ...) ReadH5AD(path, verbose = FALSE, ...)

main_counts <- function(object) methods::as(layer_data(object, "counts", "RNA"), "CsparseMatrix")

test_that("counts are the same from compressed rows, compressed columns and dense arrays", {
  for (layout in c("csr", "csc", "dense", "csr-0.6")) {
    object <- read_quietly(h5ad_file(layout))
    expect_identical(main_counts(object), h5ad_counts(), info = layout)
    expect_silent(methods::validObject(main_counts(object)))
    expect_identical(feature_data(object, "RNA")[["length"]], (1:4) / 2)
  }
})

test_that("values that are not whole are data, not counts", {
  x <- h5ad_counts() / 2
  for (layout in c("csr", "csc", "dense")) {
    object <- read_quietly(h5ad_file(layout, x = x), assay = "expr")
    expect_equal(as.matrix(layer_data(object, "data", "expr")), as.matrix(x), info = layout)
    expect_identical(SeuratObject::DefaultAssay(object), "expr")
  }
  full <- h5ad_counts()
  full@x <- -full@x
  object <- read_quietly(h5ad_file(x = full))
  expect_equal(as.matrix(layer_data(object, "data", "RNA")), as.matrix(full))
})

test_that("columns of the cells keep their types, levels and missing values", {
  obs <- h5ad_obs()
  meta <- cell_data(read_quietly(h5ad_file()))
  expect_identical(meta$stage, obs$stage)
  expect_identical(meta$n, obs$n)
  expect_identical(meta$ok, obs$ok)
  expect_identical(meta$score[-2], obs$score[-2])
  expect_identical(meta$note, obs$note)
  obs$note[[3L]] <- NA
  obs$stage <- factor(obs$stage, ordered = TRUE, levels = c("late", "early"))
  meta <- cell_data(read_quietly(h5ad_file(obs = obs)))
  expect_identical(meta$note, obs$note)
  expect_identical(meta$stage, obs$stage)
})

test_that("tables of anndata 0.7 give the same factors", {
  obs <- h5ad_obs()[c("stage", "note")]
  # This encoding had no missing text, and releases of hdf5r write it in their own ways.
  obs$note[is.na(obs$note)] <- "none"
  obs$code <- c(1L, 0L, 3L, 2L, 1L)
  meta <- cell_data(read_quietly(h5ad_file(encoding = "0.7", obs = obs)))
  expect_identical(meta[names(obs)], obs)
})

test_that("tables before anndata 0.7, which are compound, give the same factors", {
  path <- h5ad_file(more = function(file) {
    file$link_delete("obs")
    file[["obs"]] <- data.frame(
      index = h5ad_cells, stage = c(0L, 1L, -1L, 0L, 1L), score = (1:5) / 4
    )
    h5ad_put(h5ad_group(file, "uns"), "stage_categories", c("late", "early"))
  })
  object <- read_quietly(path)
  expect_identical(colnames(object), h5ad_cells)
  expect_identical(cell_data(object)$stage, h5ad_obs()$stage)
  expect_identical(cell_data(object)$score, (1:5) / 4)
})

test_that("layers become assays, and a layer of counts the counts of the assay", {
  counts <- h5ad_counts()
  path <- h5ad_file(x = counts / 4, more = function(file) {
    layers <- h5ad_group(file, "layers")
    h5ad_put_matrix(layers, "counts", counts)
    h5ad_put_matrix(layers, "spliced", counts, "csc")
    h5ad_put_matrix(layers, "unspliced", counts * 2, "dense")
    h5ad_put_matrix(layers, "Ms", counts + 0.5, "dense")
    h5ad_put_matrix(layers, "scaled", counts - 0.5, "dense")
  })
  expect_message(object <- ReadH5AD(path), "Layers not read: \"scaled\"")
  expect_setequal(SeuratObject::Assays(object), c("RNA", "spliced", "unspliced", "Ms"))
  expect_identical(main_counts(object), counts)
  expect_equal(as.matrix(layer_data(object, "data", "RNA")), as.matrix(counts / 4))
  expect_equal(as.matrix(layer_data(object, "counts", "spliced")), as.matrix(counts))
  expect_equal(as.matrix(layer_data(object, "counts", "unspliced")), as.matrix(counts * 2))
  expect_identical(anyDuplicated(object_keys(object)), 0L)

  object <- read_quietly(path, layers = "Ms")
  expect_setequal(SeuratObject::Assays(object), c("RNA", "Ms"))
  expect_equal(as.matrix(layer_data(object, "data", "Ms")), as.matrix(counts + 0.5))
  expect_identical(SeuratObject::Assays(read_quietly(path, layers = character())), "RNA")
  expect_input_error(ReadH5AD(path, layers = "splice"), "layers", "Did you mean \"spliced\"")
  expect_input_error(ReadH5AD(path, layers = 1), "layers")
})

test_that("without X the counts or spliced layer stands in, and without both it is an error", {
  path <- h5ad_file(x = NULL, more = function(file) {
    h5ad_put_matrix(h5ad_group(file, "layers"), "spliced", h5ad_counts())
  })
  expect_message(object <- ReadH5AD(path), "no `X`; the layer \"spliced\"")
  expect_identical(main_counts(object), h5ad_counts())
  expect_true("spliced" %in% SeuratObject::Assays(object))
  expect_file_error(ReadH5AD(h5ad_file(x = NULL)), "neither `X` nor")
})

test_that("raw/X with its own genes is read when asked for", {
  raw <- rbind(h5ad_counts(), Pf4 = 1:5)
  path <- h5ad_file(x = h5ad_counts() / 3, more = function(file) {
    group <- h5ad_group(file, "raw")
    h5ad_put_matrix(group, "X", raw)
    h5ad_put_table(group, "var", data.frame(row.names = rownames(raw)))
  })
  expect_equal(nrow(read_quietly(path)), 4L)
  expect_equal(as.matrix(main_counts(read_quietly(path, use.raw = TRUE))), as.matrix(raw))
  expect_file_error(ReadH5AD(h5ad_file(), use.raw = TRUE), "no `raw/X`")
})

test_that("embeddings become reductions, sparse ones assays", {
  pca <- matrix((1:10) / 3, 5)
  clone <- Matrix::t(h5ad_counts())
  path <- h5ad_file(more = function(file) {
    obsm <- h5ad_group(file, "obsm", "encoding-type" = "dict")
    obsm[["X_pca"]] <- t(pca)
    obsm[["X_umap"]] <- t(pca + 1)
    obsm[["spatial"]] <- t(pca * 2)
    obsm[["one"]] <- as.numeric(1:5)
    obsm[["names"]] <- h5ad_cells
    h5ad_put_matrix(obsm, "X_clone", Matrix::t(clone))
    h5ad_put_table(obsm, "scores", data.frame(
      a = (1:5) / 2, b = letters[1:5], c = 5:1, row.names = h5ad_cells
    ))
  })
  expect_message(object <- ReadH5AD(path), "obsm/names")
  expect_setequal(SeuratObject::Reductions(object), c("pca", "umap", "spatial", "one", "scores"))
  expect_equal(unname(embedding(object, "pca")), pca)
  expect_identical(colnames(embedding(object, "pca")), c("PC_1", "PC_2"))
  expect_identical(colnames(embedding(object, "umap")), c("UMAP_1", "UMAP_2"))
  expect_equal(unname(embedding(object, "scores")), cbind((1:5) / 2, 5:1))
  expect_equal(unname(embedding(object, "one")), matrix(as.numeric(1:5)))
  expect_equal(
    unname(as.matrix(layer_data(object, "counts", "clone"))), unname(as.matrix(h5ad_counts()))
  )
})

test_that("sparse pairings of cells become graphs, rows in their direction", {
  pairs <- Matrix::sparseMatrix(
    i = c(1, 1, 2, 5), j = c(2, 3, 4, 1), x = c(0.5, 0.25, 1, 2), dims = c(5, 5),
    dimnames = list(h5ad_cells, h5ad_cells)
  )
  path <- h5ad_file(more = function(file) {
    obsp <- h5ad_group(file, "obsp")
    # The writer takes what is in the file as columns: the transpose of what anndata says.
    h5ad_put_matrix(obsp, "connectivities", Matrix::t(pairs))
    obsp[["dense"]] <- as.matrix(pairs)
  })
  object <- read_quietly(path)
  expect_identical(SeuratObject::Graphs(object), "connectivities")
  expect_equal(as.matrix(object[["connectivities"]]), as.matrix(pairs))
})

test_that("names that occur twice, or that Seurat cannot hold, are made fit with a message", {
  counts <- h5ad_counts()
  rownames(counts) <- c("a_b", "a_b", "", "d")
  obs <- h5ad_obs()
  attr(obs, "row.names") <- c("c1", "c1", "c3", "c4", "c5")
  path <- h5ad_file(x = counts, obs = obs)
  messages <- testthat::capture_messages(object <- ReadH5AD(path))
  expect_match(messages, "1 cells occur twice", all = FALSE)
  expect_match(messages, "1 genes occur twice", all = FALSE)
  expect_match(messages, "became \"-\"", all = FALSE)
  expect_identical(colnames(object), c("c1", "c1.1", "c3", "c4", "c5"))
  expect_identical(rownames(object), c("a-b", "a-b.1", "unnamed", "d"))
  expect_identical(feature_data(object, "RNA")$h5ad.name, rownames(counts))
  expect_silent(ReadH5AD(path, verbose = FALSE))
})

test_that("a column of the cells with the name of a reduction is renamed", {
  obs <- data.frame(pca = 1:5, row.names = h5ad_cells)
  path <- h5ad_file(obs = obs, more = function(file) {
    h5ad_put(h5ad_group(file, "obsm"), "X_pca", matrix(1:10 / 2, 2))
  })
  expect_message(object <- ReadH5AD(path), "pca.*behind")
  expect_identical(cell_data(object)$pca.obs, 1:5)
})

test_that("rows in any order and entries given twice become a valid sparse matrix", {
  path <- h5ad_file(more = function(file) {
    for (part in c("data", "indices", "indptr")) file[["X"]]$link_delete(part)
    file[["X/data"]] <- c(1, 2, 3, 4, 5, 6)
    file[["X/indices"]] <- c(3L, 0L, 2L, 1L, 2L, 1L)
    file[["X/indptr"]] <- c(0L, 2L, 2L, 6L, 6L, 6L)
  })
  expected <- matrix(0, 4, 5, dimnames = list(h5ad_genes, h5ad_cells))
  expected[c(1, 4), 1] <- c(2, 1)
  expected[2:3, 3] <- c(10, 8)
  object <- read_quietly(path)
  expect_silent(methods::validObject(main_counts(object)))
  expect_equal(as.matrix(main_counts(object)), expected)
})

test_that("positions may be whole numbers of 64 bits", {
  path <- h5ad_file(more = function(file) {
    for (part in c("indices", "indptr")) {
      values <- file[["X"]][[part]]$read()
      file[["X"]]$link_delete(part)
      file[["X"]]$create_dataset(part, values, dtype = hdf5r::h5types$H5T_STD_I64LE)
    }
  })
  expect_identical(main_counts(read_quietly(path)), main_counts(read_quietly(h5ad_file())))
})

# A file in which one part of X is something else.
damaged <- function(part, value, layout = "csr") {
  h5ad_file(layout, more = function(file) {
    file[["X"]]$link_delete(part)
    if (!is.null(value)) file[["X"]][[part]] <- value
  })
}

test_that("a sparse matrix that points out of its bounds is a file error", {
  for (layout in c("csr", "csc")) {
    indices <- if (layout == "csr") c(0L, 3L, 1L, 0L, 1L, 0L, 3L) else c(0L, 3L, 4L, 1L, 3L, 0L, 4L)
    over <- replace(indices, 2L, 9L)
    under <- replace(indices, 7L, -1L)
    expect_file_error(ReadH5AD(damaged("indices", over, layout)), "/X/indices.*points at 9")
    expect_file_error(ReadH5AD(damaged("indices", under, layout)), "/X/indices.*points at -1")
    expect_file_error(ReadH5AD(damaged("indices", indices[-1L], layout)), "there are 7 values")
    expect_file_error(ReadH5AD(damaged("indices", indices + 0, layout)), "whole numbers")
    expect_file_error(ReadH5AD(damaged("indices", NULL, layout)), "/X: it is no matrix")
    expect_file_error(ReadH5AD(damaged("indptr", 0:3, layout)), "/X/indptr.*4 numbers")
    n <- if (layout == "csr") 6L else 5L
    falling <- c(0L, 7L, 2L, 2L, 7L, 7L)[seq_len(n)]
    falling[[n]] <- 7L
    expect_file_error(ReadH5AD(damaged("indptr", falling, layout)), "must ascend")
    expect_file_error(
      ReadH5AD(damaged("indptr", rep(c(0L, 8L), c(n - 1L, 1L)), layout)), "must ascend"
    )
    expect_file_error(ReadH5AD(damaged("data", letters[1:7], layout)), "/X/data.*no numbers")
  }
})

test_that("parts that do not fit each other are file errors that name the part", {
  reshaped <- function(extent) {
    h5ad_file(more = function(file) h5ad_mark(file[["X"]], shape = extent))
  }
  expect_file_error(ReadH5AD(reshaped(c(5L, 3L))), "4 genes|4 features")
  expect_file_error(ReadH5AD(reshaped(c(2e9, 4))), "whole numbers|cells")
  expect_file_error(ReadH5AD(reshaped(c(-5L, 4L))), "shape")
  expect_file_error(ReadH5AD(reshaped(5L)), "two whole numbers")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    file[["obs"]]$link_delete("score")
    file[["obs/score"]] <- c(1, 2)
  })), "/obs/score.*2 values.*5 rows")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    file[["obs/stage"]]$link_delete("codes")
    file[["obs/stage/codes"]] <- c(0L, 1L, 2L, 0L, 0L)
  })), "/obs/stage.*code 2")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    file[["obs/stage"]]$link_delete("categories")
    file[["obs/stage/categories"]] <- c("x", "x")
  })), "/obs/stage.*different")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    file[["obs"]]$link_delete("score")
  })), "/obs/score.*missing")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    h5ad_put(h5ad_group(file, "obsm"), "X_pca", matrix(0, 2, 4))
  })), "obsm/X_pca.*4 cells")
  expect_file_error(ReadH5AD(h5ad_file(more = function(file) {
    h5ad_mark(file[["X"]], "encoding-type" = "coo_matrix")
  })), "coo_matrix")
})

test_that("a file that is missing, foreign, truncated or another HDF5 file is a file error", {
  expect_file_error(ReadH5AD(tempfile()), "no file")
  expect_file_error(ReadH5AD(tempdir()), "no file")
  expect_input_error(ReadH5AD(NA), "file")
  path <- h5ad_file()
  bytes <- readBin(path, "raw", file.size(path))
  cut <- tempfile(fileext = ".h5ad")
  for (n in c(0L, 10L, 600L, length(bytes) %/% 2L, length(bytes) - 1L)) {
    writeBin(utils::head(bytes, n), cut)
    expect_file_error(ReadH5AD(cut))
  }
  writeLines("gene,cell", cut)
  expect_file_error(ReadH5AD(cut), "foreign")
  other <- h5ad_file(more = function(file) file$link_delete("var"))
  expect_file_error(ReadH5AD(other), "no AnnData: it has no `var`")
})

test_that("bytes changed anywhere give an object or a classed error", {
  skip_without_hdf5()
  outcome <- outcomes_of_changed_bytes(h5ad_file(), ReadH5AD, 61L)
  expect_gt(length(outcome), 500L)
  expect_true(all(outcome))
})

test_that("without HDF5 the error says how to get it", {
  skip_if(nzchar(h5ad_library()), "built with HDF5")
  path <- tempfile(fileext = ".h5ad")
  file.create(path)
  expect_file_error(ReadH5AD(path), "libhdf5-dev|without HDF5")
})

test_that("real files are read as they are", {
  skip_without_hdf5()
  larry <- read_quietly(skip_without_shared("data", "larry", "expression781.h5ad"))
  expect_equal(dim(larry), c(2481L, 781L))
  expect_identical(levels(cell_data(larry)$time_info), c("2", "4", "6"))
  expect_identical(dim(embedding(larry, "pca")), c(781L, 40L))
  expect_equal(unname(embedding(larry, "pca")[1, 1:3]), c(0.542976, -4.19295, 7.48243),
    tolerance = 1e-5)
  expect_s4_class(layer_data(larry, "data", "RNA"), "dgCMatrix")

  small <- read_quietly(skip_without_shared("golden", "pancreas_50obs.h5ad"))
  expect_equal(dim(small), c(27998L, 50L))
  expect_setequal(SeuratObject::Assays(small), c("RNA", "spliced", "unspliced"))
})

test_that("a compression that HDF5 cannot undo is named, with what to do", {
  skip_without_hdf5()
  for (file in c("compressed.h5ad", "compressed.loom")) {
    path <- skip_without_shared("cases", "files", file)
    read <- if (grepl("loom$", file)) ReadLoom else ReadH5AD
    e <- expect_error(read(path, verbose = FALSE), "\"lzf\".*gzip", class = "fatefield_error_file")
    expect_identical(e$argument, "file")
  }
})

test_that("filters are found by name across the blocks in which a file is read", {
  file <- tempfile()
  writeBin(c(raw(2^22 - 2), charToRaw("lzf"), raw(50)), file)
  expect_identical(file_filters(file), "lzf")
  writeBin(raw(50), file)
  expect_identical(file_filters(file), character())
})
