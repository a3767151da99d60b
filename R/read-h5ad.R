# An AnnData file as a Seurat object. The core reads and checks the parts; here they find their
# places.

#' Read an AnnData file (.h5ad) into a Seurat object
#'
#' Reads files of anndata 0.6 to 0.12: compressed sparse rows and columns and dense arrays,
#' categoricals in all three encodings, nullable arrays, data frames and sparse matrices in `obsm`.
#' Sparse matrices are never made dense.
#'
#' What becomes of the parts:
#' \describe{
#'   \item{`X`}{the `counts` of the assay where all values are whole and not negative, else its
#'     `data`.
#'     A layer named `counts` on the same genes is taken as `counts`, and `X` then is `data`.
#'     Where there is no `X`, the layer `counts`, else `spliced`, takes its place.}
#'   \item{`layers`}{each an assay of its own name, such as `spliced` and `unspliced`, which
#'     [EstimateVelocity()] finds by these names.}
#'   \item{`obs`}{the cells' meta data; categoricals become factors with the order of their levels,
#'     nullable values are `NA` where masked.
#'     A column whose name is that of an assay or a reduction gets `.obs` behind its name.}
#'   \item{`var`}{the feature meta data of the assays.}
#'   \item{`obsm`}{each a reduction: `X_pca` becomes `pca` with key `PC_`, `X_umap` becomes `umap`
#'     with `UMAP_`.
#'     A data frame gives its numeric columns; a sparse matrix becomes an assay, as a reduction
#'     would be dense.}
#'   \item{`obsp`}{sparse matrices become graphs of their name, such as `connectivities`.}
#'   \item{`uns`, `varm`, `varp`}{not read.}
#' }
#'
#' Names of cells and genes that occur twice are made unique, and `_` and `|` in the names of genes
#' become `-`, as Seurat has it; the names in the file are kept in the feature meta data as
#' `h5ad.name` where any of them was changed.
#'
#' @section Basic use:
#' ```r
#' cells <- ReadH5AD("cells.h5ad")
#' cells <- EstimateVelocity(cells)               # where it has spliced and unspliced counts
#' ```
#' @param file path of the file.
#' @param assay name of the assay for `X`.
#' @param layers names of the layers to read.
#'   `NULL` reads `counts`, the counts of spliced and unspliced molecules under their usual names
#'   (`spliced`, `mature`, `exon`; `unspliced`, `nascent`, `intron`), and their first moments `Ms` and
#'   `Mu`; others, such as scaled copies, are named in a message.
#' @param use.raw read `raw/X` and its genes in the place of `X`?
#'   `FALSE` by default; `raw` usually holds all genes before some were selected and scaled.
#' @param verbose say what was left out or renamed?
#' @param ... Not used.
#' @return A Seurat object, of Seurat 4 or 5, whichever is installed.
#'   Matrices are genes x cells.
#' @section Errors:
#' `fatefield_error_file` with argument `file` where the file is missing, truncated, no AnnData, or
#' its parts do not fit each other; the message gives the path inside the file.
#' `fatefield_error_input` with argument `layers` where there is no such layer.
#' @section Damaged files:
#' Before a file is read, a forked child process goes through it, so that a file on which the HDF5 library crashes or
#' does not end is an error in place of the end of the R session. This takes some milliseconds. On Windows and macOS,
#' where it is not safe to fork, it is left out; the other checks of the file's structure are made everywhere.
#' @source The format: <https://anndata.readthedocs.io/en/stable/fileformat-prose.html>.
#' @examplesIf requireNamespace("hdf5r", quietly = TRUE)
#' # A file of 4 cells and 3 genes; dense arrays are cells x genes, which hdf5r writes transposed.
#' path <- tempfile(fileext = ".h5ad")
#' file <- hdf5r::H5File$new(path, "w")
#' file[["X"]] <- matrix(0:11 %% 3, 3)
#' obs <- file$create_group("obs")
#' obs[["_index"]] <- paste0("cell", 1:4)
#' obs[["day"]] <- c(2, 2, 4, 4)
#' var <- file$create_group("var")
#' var[["_index"]] <- c("Gata1", "Spi1", "Elane")
#' file$close_all()
#'
#' cells <- ReadH5AD(path)
#' cells$day
#' @export
ReadH5AD <- function(file, assay = "RNA", layers = NULL, use.raw = FALSE, verbose = TRUE, ...) {
  check_no_dots(names(formals(ReadH5AD)), ...)
  check_string(file, "file")
  check_string(assay, "assay")
  check_flag(use.raw, "use.raw")
  check_flag(verbose, "verbose")
  path <- file_path(file)
  explain_filters(path, read_h5ad(path, assay, layers, use.raw, verbose))
}

read_h5ad <- function(path, assay, layers, use.raw, verbose) {
  check_hdf5(path)
  notes <- new.env(parent = emptyenv())
  notes$lines <- character()
  contents <- h5ad_contents(path)
  kinds <- contents$layers
  layers <- choose_layers(layers, names(kinds), names(kinds)[kinds %in% c("sparse", "dense")], notes)
  cells <- h5ad_frame(path, "obs", notes, feature = FALSE)
  genes <- h5ad_frame(path, "var", notes, feature = TRUE)
  main <- h5ad_main(path, contents, layers, use.raw, cells, genes, notes)

  object <- new_seurat(main$counts, main$data, assay, data.frame(row.names = rownames(cells)),
    features = main$features)
  object <- add_h5ad_layers(object, path, setdiff(layers, main$used), cells, genes)
  object <- add_h5ad_obsm(object, path, contents$obsm, cells, notes)
  object <- add_h5ad_obsp(object, path, contents$obsp, cells)
  object <- add_file_cells(object, cells, notes, "obs")
  if (verbose) for (line in notes$lines) message(line)
  object
}

h5ad_frame <- function(path, part, notes, feature) {
  file_frame(h5ad_table(path, part), part, notes, feature, "h5ad.name")
}

# The matrix of the assay: list(counts, data, features, used = layers taken up).
h5ad_main <- function(path, contents, layers, use.raw, cells, genes, notes) {
  if (use.raw) {
    if (contents$raw == "none") {
      stop_file("file", "`file`: there is no `raw/X`; leave out `use.raw`.")
    }
    genes <- h5ad_frame(path, "raw/var", notes, feature = TRUE)
    return(c(counts_or_data(read_h5ad_matrix(path, "raw/X", cells, genes)), list(features = genes)))
  }
  if (contents$x == "none") {
    stands_in <- intersect(c("counts", "spliced"), names(contents$layers))
    if (length(stands_in) == 0L) {
      stop_file("file", "`file`: there is neither `X` nor a layer `counts` or `spliced`.")
    }
    add_note(notes, "There is no `X`; the layer ", quoted(stands_in[[1L]]), " takes its place.")
    x <- read_h5ad_matrix(path, paste0("layers/", stands_in[[1L]]), cells, genes)
    used <- intersect("counts", stands_in)
    return(c(counts_or_data(x), list(features = genes, used = used)))
  }
  x <- read_h5ad_matrix(path, "X", cells, genes)
  if ("counts" %in% layers) {
    counts <- read_h5ad_matrix(path, "layers/counts", cells, genes)
    if (is_counts(counts)) {
      return(list(counts = as_sparse(counts), data = x, features = genes, used = "counts"))
    }
  }
  c(counts_or_data(x), list(features = genes))
}

# A matrix of the file with names: genes x cells, dgCMatrix or, where it is mostly not 0, dense.
read_h5ad_matrix <- function(path, part, cells, genes) {
  parts <- h5ad_matrix(path, part, nrow(cells), nrow(genes), keep_dense = FALSE)
  name_matrix(parts, rownames(genes), rownames(cells))
}

add_h5ad_layers <- function(object, path, layers, cells, genes) {
  for (layer in layers) {
    x <- read_h5ad_matrix(path, paste0("layers/", layer), cells, genes)
    object <- add_file_assay(object, x, layer, genes)
  }
  object
}

add_h5ad_obsm <- function(object, path, kinds, cells, notes) {
  for (entry in names(kinds)) {
    part <- paste0("obsm/", entry)
    name <- free_name(object, sub("^X_", "", valid_text(entry)))
    if (kinds[[entry]] == "sparse") {
      parts <- h5ad_matrix(path, part, nrow(cells), -1, keep_dense = FALSE)
      features <- paste0(gsub("[_|]", "-", name), "-", seq_len(parts$dim[[1L]]))
      object <- add_file_assay(object, name_matrix(parts, features, rownames(cells)), name)
      next
    }
    x <- switch(kinds[[entry]],
      dense = t(name_matrix(
        h5ad_matrix(path, part, nrow(cells), -1, keep_dense = TRUE), NULL, rownames(cells)
      )),
      table = h5ad_numbers(path, part, cells)
    )
    if (is.null(x) || ncol(x) == 0L) {
      add_note(notes, "Not read, as it holds no matrix of numbers: ", part, ".")
      next
    }
    object <- add_reduction(object, x, name, key_stem(name))
  }
  object
}

add_h5ad_obsp <- function(object, path, kinds, cells) {
  for (entry in names(kinds)[kinds == "sparse"]) {
    parts <- h5ad_matrix(path, paste0("obsp/", entry), nrow(cells), nrow(cells), keep_dense = FALSE)
    # The core gives columns of cells: the rows of the file.
    pairs <- Matrix::t(name_matrix(parts, rownames(cells), rownames(cells)))
    object <- add_graph(object, free_name(object, entry), pairs)
  }
  object
}

# The numeric columns of a table in `obsm`, cells x columns.
h5ad_numbers <- function(path, part, cells) {
  table <- h5ad_table(path, part)
  if (length(table$index) != nrow(cells)) {
    stop_file(
      "file", "`file`: ", part, " has ", length(table$index), " rows, but there are ", nrow(cells),
      " cells."
    )
  }
  numeric <- Filter(function(column) is.numeric(column) && !is.factor(column), table$columns)
  matrix(
    as.numeric(unlist(numeric)), nrow(cells), length(numeric),
    dimnames = list(rownames(cells), NULL)
  )
}
