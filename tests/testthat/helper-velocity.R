# Reference results of scVelo in double precision, and small counts with known moments.

golden_sets <- c("pancreas_50obs", "dentategyrus_50obs", "dentategyrus_100obs")

# An object of a preprocessed set, with its stored moments; read once in each file of tests.
golden_object <- local({
  read <- list()
  function(set) {
    skip_without_hdf5()
    path <- skip_without_shared("golden", paste0(set, "_preprocessed.h5ad"))
    if (is.null(read[[set]])) {
      read[[set]] <<- ReadH5AD(path, layers = c("spliced", "unspliced", "Ms", "Mu"), verbose = FALSE)
    }
    read[[set]]
  }
})

golden_array <- function(...) {
  testthat::skip_if_not_installed("hdf5r")
  file <- hdf5r::H5File$new(skip_without_shared("golden", "scvelo.h5"), "r")
  on.exit(close_hdf5(file))
  file[[paste(..., sep = "/")]]$read()
}

golden_table <- function(set, mode) {
  path <- skip_without_shared("golden", paste0(set, ".", mode, ".var.csv"))
  table <- utils::read.csv(path, row.names = 1L)
  table$velocity_genes <- table$velocity_genes == "True"
  table
}

# Expects each row of `x` to be within `tolerance` of the largest value of that row of `y`.
expect_rows_near <- function(x, y, tolerance) {
  scale <- apply(abs(y), 1L, max)
  worst <- max(abs(x - y)[scale > 0, ] / scale[scale > 0], 0)
  testthat::expect_lt(worst, tolerance)
  testthat::expect_true(all(abs(x[scale == 0, ]) == 0))
}

# `X` of a preprocessed set, genes x cells.
stored_x <- function(object) layer_data(object, "data", SeuratObject::DefaultAssay(object))

# Stored neighbours of a preprocessed set, cells x 29, in no order.
golden_neighbours <- function(set) {
  distances <- methods::as(golden_object(set)[["distances"]], "dgCMatrix")
  rows <- Matrix::t(distances)
  matrix(rows@i + 1L, nrow(rows), byrow = TRUE)
}

setequal_rows <- function(x, y) {
  all(vapply(seq_len(nrow(x)), function(i) setequal(x[i, ], y[i, ]), logical(1)))
}

# The same cells of known kinetics in every kind of object that holds two matrices, by name.
splicing_objects <- function(x) {
  new <- function() SeuratObject::CreateSeuratObject(x$spliced, assay = "spliced")
  seurat <- new()
  seurat <- add_assay(seurat, "unspliced", new_assay(x$unspliced, key = "un_"))
  objects <- list(seurat = seurat)
  if (exists("CreateAssay5Object", envir = asNamespace("SeuratObject"))) {
    assay <- getExportedValue("SeuratObject", "CreateAssay5Object")(
      counts = list(spliced = x$spliced, unspliced = x$unspliced)
    )
    objects$layers <- SeuratObject::CreateSeuratObject(assay, assay = "RNA")
  }
  if (requireNamespace("SingleCellExperiment", quietly = TRUE)) {
    objects$sce <- SingleCellExperiment::SingleCellExperiment(
      assays = list(counts = x$spliced, mature = x$spliced, nascent = x$unspliced)
    )
  }
  objects
}

# Cells that have some molecules of both kinds.
cells_of_known_kinetics <- function(n = 300L, genes = 80L, rate = 1) {
  x <- simulate_splicing(n + n %/% 5L, genes, rate, seed = 3)
  late <- which(x$time > 1)[seq_len(n)]
  cells <- colnames(x$spliced)[seq_len(n)]
  for (part in c("spliced", "unspliced")) {
    x[[part]] <- x[[part]][, late]
    colnames(x[[part]]) <- cells
  }
  x$time <- x$time[late]
  x
}

estimate <- function(x, ...) EstimateVelocity(x$spliced, x$unspliced, ..., verbose = FALSE)

# Principal components and neighbours in plain R, for up to a few hundred cells.
naive_knn <- function(x, k) {
  d <- as.matrix(stats::dist(x))
  diag(d) <- Inf
  index <- t(apply(d, 1L, order))[, seq_len(k - 1L)]
  list(index = unname(index), distance = unname(t(apply(d, 1L, sort)))[, seq_len(k - 1L)])
}
