# The same few cells in every kind of object the package takes.

shared_path <- function(...) {
  root <- Sys.getenv("FATEFIELD_SHARED", testthat::test_path("..", "..", "..", "shared"))
  file.path(root, ...)
}

skip_without_shared <- function(...) {
  path <- shared_path(...)
  if (!file.exists(path)) testthat::skip(paste("no such reference file:", path))
  path
}

# n cells x d dims; two groups that part as time goes on, n/3 cells at each of the times 0, 1, 2.
tiny_cells <- function(n = 60L, d = 3L) {
  i <- seq_len(n)
  time <- (i - 1L) %% 3L
  side <- ifelse(i %% 2L == 0L, 1, -1)
  # A low-discrepancy stand-in for noise: no random numbers, the same everywhere.
  noise <- outer(i, seq_len(d), function(a, b) (a * sqrt(b + 1)) %% 1 - 0.5)
  x <- noise + cbind(time, side * time, matrix(0, n, max(0L, d - 2L)))[, seq_len(d), drop = FALSE]
  dimnames(x) <- list(sprintf("cell%03d", i), paste0("PC_", seq_len(d)))
  list(
    x = x, time = as.numeric(time),
    label = factor(ifelse(time < 2, "progenitor", ifelse(side > 0, "up", "down")),
      levels = c("progenitor", "up", "down")
    )
  )
}

# genes x cells counts, sparse, with gene names g1, g2, ...
tiny_counts <- function(cells = rownames(tiny_cells()$x), genes = 12L) {
  m <- outer(seq_len(genes), seq_along(cells), function(g, c) (7L * g + 3L * c) %% 5L)
  m[m > 3] <- 0
  dimnames(m) <- list(paste0("g", seq_len(genes)), cells)
  Matrix::Matrix(m, sparse = TRUE)
}

# version: "v3" (Assay, every Seurat), "v5" (Assay5), "split" (Assay5 with layers counts.a,
# counts.b).
tiny_seurat <- function(version = "v3", n = 60L, d = 3L) {
  cells <- tiny_cells(n, d)
  counts <- tiny_counts(rownames(cells$x))
  assay <- if (version == "v3") {
    SeuratObject::CreateAssayObject(counts = counts)
  } else {
    skip_if_no_assay5()
    getExportedValue("SeuratObject", "CreateAssay5Object")(counts = counts)
  }
  SeuratObject::Key(assay) <- "rna_"
  object <- SeuratObject::CreateSeuratObject(assay, assay = "RNA")
  if (version == "split") {
    object[["RNA"]] <- split(object[["RNA"]], f = rep(c("a", "b"), length.out = n))
  }
  object <- SeuratObject::AddMetaData(
    object, data.frame(day = cells$time, state = cells$label, row.names = rownames(cells$x))
  )
  object[["pca"]] <- SeuratObject::CreateDimReducObject(embeddings = cells$x, key = "PC_",
  assay = "RNA")
  object
}

skip_if_no_assay5 <- function() {
  if (!exists("CreateAssay5Object", envir = asNamespace("SeuratObject"))) {
    testthat::skip("SeuratObject before 5 has no Assay5")
  }
}

tiny_sce <- function(n = 60L, d = 3L) {
  testthat::skip_if_not_installed("SingleCellExperiment")
  cells <- tiny_cells(n, d)
  SingleCellExperiment::SingleCellExperiment(
    assays = list(counts = tiny_counts(rownames(cells$x))),
    colData = S4Vectors::DataFrame(day = cells$time, state = cells$label,
    row.names = rownames(cells$x)),
    reducedDims = list(PCA = cells$x)
  )
}

# All kinds of object that this machine can make, by name.
tiny_objects <- function(n = 60L, d = 3L) {
  objects <- list(v3 = tiny_seurat("v3", n, d))
  if (exists("CreateAssay5Object", envir = asNamespace("SeuratObject"))) {
    objects$v5 <- tiny_seurat("v5", n, d)
    objects$split <- tiny_seurat("split", n, d)
  }
  if (requireNamespace("SingleCellExperiment", quietly = TRUE)) objects$sce <- tiny_sce(n, d)
  objects
}

# Expects an input error that names `argument` and whose message matches `regexp`.
expect_input_error <- function(expr, argument, regexp = NULL) {
  e <- testthat::expect_error(expr, regexp, class = "fatefield_error_input")
  if (!is.null(e)) testthat::expect_identical(e$argument, argument)
  invisible(e)
}

# The object with columns as a user writes them.
store_cells_of_user <- function(object, ...) {
  columns <- list(...)
  for (column in names(columns)) {
    values <- rep_len(columns[[column]], length(cell_names(object)))
    if (is_seurat(object)) {
      object <- set_cell_data(object, stats::setNames(data.frame(values), column))
    } else {
      SummarizedExperiment::colData(object)[[column]] <- values
    }
  }
  object
}

# The object with other coordinates in a reduction, as a user writes them.
set_coordinates <- function(object, name, x) {
  if (!is_seurat(object)) {
    SingleCellExperiment::reducedDim(object, name) <- x
    return(object)
  }
  old <- object[[name]]
  object[[name]] <- SeuratObject::CreateDimReducObject(x, key = SeuratObject::Key(old), assay = "RNA")
  object
}
