quietly_loom <- function(path, ...) ReadLoom(path, verbose = FALSE, ...)

assay_counts <- function(object, assay) as.matrix(layer_data(object, "counts", assay))

test_that("matrix and layers become assays of counts, with the same genes and cells", {
  object <- quietly_loom(loom_file())
  expect_s4_class(object, "Seurat")
  expect_setequal(SeuratObject::Assays(object), c("RNA", "spliced", "unspliced"))
  expect_identical(assay_counts(object, "RNA"), loom_counts() * 3)
  expect_identical(assay_counts(object, "spliced"), loom_counts())
  expect_identical(assay_counts(object, "unspliced"), loom_counts() * 2)
  expect_s4_class(layer_data(object, "counts", "unspliced"), "dgCMatrix")
  expect_silent(methods::validObject(layer_data(object, "counts", "unspliced")))
  expect_identical(feature_data(object, "RNA")$Accession, paste0("ENSG", 1:4))
  expect_identical(SeuratObject::DefaultAssay(quietly_loom(loom_file(), assay = "x")), "x")
  expect_silent(quietly_loom(loom_file()))
})

test_that("numbers of every type and chunked, packed matrices give the same counts", {
  types <- hdf5r::h5types
  for (type in c("H5T_STD_U16LE", "H5T_STD_U32LE", "H5T_STD_I64LE", "H5T_IEEE_F32LE", "H5T_IEEE_F64BE")) {
    path <- loom_file(matrix = NULL, layers = list(), more = function(file) {
      loom_put_as(file, "matrix", t(loom_counts()), types[[type]])
      loom_put_as(file[["layers"]], "spliced", t(loom_counts()), types[[type]])
      loom_put_as(file[["layers"]], "unspliced", t(loom_counts()), types[[type]])
    })
    object <- quietly_loom(path)
    expect_identical(assay_counts(object, "spliced"), loom_counts(), info = type)
  }
  path <- loom_file(layers = list(), more = function(file) {
    at <- file[["layers"]]
    at$create_dataset("spliced", robj = t(loom_counts()), chunk_dims = c(2, 3), gzip_level = 4)
  })
  expect_identical(assay_counts(quietly_loom(path), "spliced"), loom_counts())
})

test_that("names of fixed or variable length and whole numbers name genes and cells", {
  fixed <- hdf5r::H5T_STRING$new(size = 8)
  path <- loom_file(row = list(), col = list(), more = function(file) {
    loom_put_as(file[["row_attrs"]], "Gene", h5ad_genes, fixed)
    loom_put_as(file[["col_attrs"]], "CellID", h5ad_cells, fixed)
  })
  expect_identical(dimnames(quietly_loom(path)), list(h5ad_genes, h5ad_cells))
  big <- 9007199254740900 + 1:5
  path <- loom_file(row = list(), col = list(), more = function(file) {
    loom_put_as(file[["row_attrs"]], "gene_id", 11:14, hdf5r::h5types$H5T_STD_I64LE)
    loom_put_as(file[["col_attrs"]], "barcode", big, hdf5r::h5types$H5T_STD_I64LE)
  })
  object <- quietly_loom(path)
  expect_identical(rownames(object), as.character(11:14))
  expect_match(colnames(object), "^900719925474090[0-9]$")
  expect_identical(anyDuplicated(colnames(object)), 0L)
})

test_that("names are chosen, made up or made unique with a word", {
  path <- loom_file(
    row = list(Gene = c("a_b", "a_b", "Spi1", ""), Accession = paste0("E", 1:4)),
    col = list(CellID = c("x", "x", "y", "z", "w"))
  )
  messages <- testthat::capture_messages(object <- ReadLoom(path))
  expect_match(messages, "1 genes occur twice", all = FALSE)
  expect_match(messages, "1 cells occur twice", all = FALSE)
  expect_identical(rownames(object), c("a-b", "a-b.1", "Spi1", "unnamed"))
  expect_identical(colnames(object), c("x", "x.1", "y", "z", "w"))
  expect_identical(feature_data(object, "RNA")$loom.name, c("a_b", "a_b", "Spi1", ""))
  expect_identical(rownames(quietly_loom(path, gene.names = "Accession")), paste0("E", 1:4))
  expect_input_error(ReadLoom(path, gene.names = "gene"), "gene.names", "Did you mean|row_attrs/gene")
  expect_input_error(ReadLoom(path, cell.names = "barcode"), "cell.names", "CellID")

  path <- loom_file(row = list(), col = list(batch = c("a", "a", "b", "b", "b")))
  messages <- testthat::capture_messages(object <- ReadLoom(path))
  expect_match(messages, "names no genes", all = FALSE)
  expect_match(messages, "names no cells.*cell.names.*batch", all = FALSE)
  expect_identical(colnames(object), paste0("cell", 1:5))
  expect_identical(cell_data(object)$batch, c("a", "a", "b", "b", "b"))
})

test_that("attributes of cells become meta data and reductions", {
  xy <- matrix(1:10 / 2, 5)
  path <- loom_file(
    col = list(CellID = h5ad_cells, Clusters = c(1L, 1L, 2L, 2L, 3L), UMAP = t(xy), spliced = 5:1)
  )
  expect_message(object <- ReadLoom(path), "spliced.*\\.loom")
  expect_equal(unname(embedding(object, "UMAP")), xy)
  expect_identical(colnames(embedding(object, "UMAP")), c("UMAP_1", "UMAP_2"))
  expect_identical(cell_data(object)$Clusters, c(1L, 1L, 2L, 2L, 3L))
  expect_identical(cell_data(object)$spliced.loom, 5:1)
})

test_that("the layer ambiguous is optional, and other programs' layers are known", {
  three <- list(spliced = loom_counts(), unspliced = loom_counts() * 2, ambiguous = loom_counts())
  expect_message(object <- ReadLoom(loom_file(layers = three)), "not read: \"ambiguous\"")
  expect_false("ambiguous" %in% SeuratObject::Assays(object))
  object <- quietly_loom(loom_file(layers = three), layers = names(three))
  expect_identical(assay_counts(object, "ambiguous"), loom_counts())
  kb <- loom_file(
    matrix = loom_counts() * 0, layers = list(mature = loom_counts(), nascent = loom_counts()),
    row = list(gene_name = h5ad_genes), col = list(barcode = h5ad_cells)
  )
  expect_message(object <- ReadLoom(kb), "All values of `matrix` are 0; the layer \"mature\"")
  expect_identical(assay_counts(object, "RNA"), loom_counts())
  expect_true(all(c("mature", "nascent") %in% SeuratObject::Assays(object)))
})

test_that("a file without layers is read with a word, and naming one is an error with a remedy", {
  path <- loom_file(layers = list())
  expect_message(object <- ReadLoom(path), "no layer of spliced counts.*velocyto")
  expect_identical(SeuratObject::Assays(object), "RNA")
  expect_input_error(ReadLoom(path, layers = "spliced"), "layers", "no layer \"spliced\"")
  none <- loom_file(matrix = NULL, layers = list())
  expect_file_error(ReadLoom(none), "lacks `matrix`")
  expect_message(object <- ReadLoom(loom_file(matrix = NULL)), "no `matrix`; the layer \"spliced\"")
  expect_identical(assay_counts(object, "RNA"), loom_counts())
})

test_that("values that are not whole are data", {
  object <- quietly_loom(loom_file(layers = list(spliced = loom_counts() / 3)))
  expect_equal(as.matrix(layer_data(object, "data", "spliced")), loom_counts() / 3)
})

test_that("parts that do not fit each other are file errors that name the part", {
  small <- loom_counts()[1:3, ]
  expect_file_error(ReadLoom(loom_file(layers = list(spliced = small))), "layers/spliced.*3 x 5.*4 genes")
  expect_file_error(ReadLoom(loom_file(row = list(Gene = letters[1:3]))), "row_attrs/Gene.*3 values.*4")
  expect_file_error(ReadLoom(loom_file(col = list(CellID = letters))), "col_attrs/CellID.*26 values.*5")
  text <- matrix(letters[1:20], 4)
  expect_file_error(ReadLoom(loom_file(matrix = text)), "/matrix.*numbers")
  deep <- loom_file(more = function(file) {
    file$link_delete("matrix")
    file$create_group("matrix")
  })
  expect_file_error(ReadLoom(deep), "group")
  for (part in c("row_attrs", "col_attrs")) {
    path <- loom_file(more = function(file) file$link_delete(part))
    expect_file_error(ReadLoom(path), paste0("lacks `", part, "`"))
  }
  expect_file_error(ReadLoom(h5ad_file()), "no loom file.*ReadH5AD")
})

test_that("a file that is missing, foreign or truncated is a file error", {
  expect_file_error(ReadLoom(tempfile()), "no file")
  expect_input_error(ReadLoom(1), "file")
  path <- loom_file()
  bytes <- readBin(path, "raw", file.size(path))
  cut <- tempfile(fileext = ".loom")
  for (n in c(0L, 10L, 600L, length(bytes) %/% 2L, length(bytes) - 1L)) {
    writeBin(utils::head(bytes, n), cut)
    expect_file_error(ReadLoom(cut))
  }
})

test_that("bytes changed anywhere give an object or a classed error", {
  skip_without_hdf5()
  outcome <- outcomes_of_changed_bytes(loom_file(), ReadLoom, 241L)
  expect_gt(length(outcome), 150L)
  expect_true(all(outcome))
})

test_that("without HDF5 the error says how to get it", {
  skip_if(nzchar(h5ad_library()), "built with HDF5")
  path <- tempfile(fileext = ".loom")
  file.create(path)
  expect_file_error(ReadLoom(path), "libhdf5-dev|without HDF5")
})

test_that("names that are no UTF-8 are read as Latin-1", {
  skip_without_hdf5()
  path <- skip_without_shared("cases", "files", "not_utf8.loom")
  object <- suppressWarnings(ReadLoom(path, verbose = FALSE))
  expect_equal(dim(object), c(40, 60))
  expect_length(SeuratObject::Reductions(object), 1L)
  expect_true(all(validUTF8(c(SeuratObject::Reductions(object), names(object[[]])))))
})
