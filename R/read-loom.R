# A loom file as a Seurat object. The core reads and checks the parts; here they find their places.

#' Read a loom file into a Seurat object
#'
#' Reads the files in which velocyto, kallisto bustools, alevin-fry and others put counts of spliced and
#' unspliced molecules.
#' Matrices are read a block of genes at a time and are sparse in R.
#'
#' What becomes of the parts:
#' \describe{
#'   \item{`matrix`}{the `counts` of the assay where all values are whole and not negative, else its
#'     `data`.
#'     Where it is missing or all 0, the spliced counts take its place.}
#'   \item{`layers`}{each an assay of its own name, such as `spliced` and `unspliced`, which
#'     [EstimateVelocity()] finds by these names.
#'     A layer `ambiguous` is read only when it is named, and need not be there.}
#'   \item{`col_attrs`}{the cells' meta data; those with several numbers for each cell become
#'     reductions.}
#'   \item{`row_attrs`}{the feature meta data of the assays.}
#'   \item{graphs}{not read.}
#' }
#'
#' Names of cells and genes that occur twice are made unique, with a message, and `_` and `|` in the
#' names of genes become `-`, as Seurat has it; the names in the file are kept in the feature meta data
#' as `loom.name` where any of them was changed.
#'
#' @section Basic use:
#' ```r
#' cells <- ReadLoom("cells.loom")
#' cells <- EstimateVelocity(cells)
#' ```
#' @param file path of the file.
#' @param assay name of the assay for `matrix`.
#' @param layers names of the layers to read.
#'   `NULL` reads the counts of spliced and unspliced molecules under their usual names: `spliced`,
#'   `mature` or `exon`; `unspliced`, `nascent` or `intron`.
#' @param gene.names,cell.names names of the row attribute with the names of genes, and of the column
#'   attribute with those of cells.
#'   `NULL` looks for the usual ones, such as `Gene`, `Accession` and `CellID`.
#' @param verbose say what was left out or renamed?
#' @param ... Not used.
#' @return A Seurat object, of Seurat 4 or 5, whichever is installed.
#'   Matrices are genes x cells.
#' @section Errors:
#' `fatefield_error_file` with argument `file` where the file is missing, truncated, no loom file, or
#' its parts do not fit each other; the message gives the path inside the file.
#' `fatefield_error_input` with argument `layers`, `gene.names` or `cell.names` where there is no such
#' layer or attribute.
#' @inheritSection ReadH5AD Damaged files
#' @source The format: <https://linnarssonlab.org/loompy/format/index.html>.
#' @seealso [ReadH5AD()], [EstimateVelocity()]
#' @examplesIf requireNamespace("hdf5r", quietly = TRUE)
#' # A file of 4 cells and 3 genes; matrices are genes x cells, which hdf5r writes transposed.
#' path <- tempfile(fileext = ".loom")
#' file <- hdf5r::H5File$new(path, "w")
#' spliced <- matrix(0:11 %% 3, 3)
#' unspliced <- matrix(0:11 %% 2, 3)
#' file[["matrix"]] <- t(spliced + unspliced)
#' layers <- file$create_group("layers")
#' layers[["spliced"]] <- t(spliced)
#' layers[["unspliced"]] <- t(unspliced)
#' genes <- file$create_group("row_attrs")
#' genes[["Gene"]] <- c("Gata1", "Spi1", "Elane")
#' columns <- file$create_group("col_attrs")
#' columns[["CellID"]] <- paste0("cell", 1:4)
#' file$close_all()
#'
#' cells <- ReadLoom(path)
#' SeuratObject::Assays(cells)
#' @export
ReadLoom <- function(file, assay = "RNA", layers = NULL, gene.names = NULL, cell.names = NULL,
                     verbose = TRUE, ...) {
  check_no_dots(names(formals(ReadLoom)), ...)
  check_string(file, "file")
  check_string(assay, "assay")
  check_flag(verbose, "verbose")
  path <- file_path(file)
  explain_filters(path, read_loom(path, assay, layers, gene.names, cell.names, verbose))
}

read_loom <- function(path, assay, layers, gene.names, cell.names, verbose) {
  check_hdf5(path)
  notes <- new.env(parent = emptyenv())
  notes$lines <- character()
  contents <- loom_contents(path)
  layers <- choose_layers(layers, contents$layers, contents$layers, notes)
  genes <- loom_frame(contents$row_attrs, contents$genes, gene.names, "gene.names", notes)
  cells <- loom_frame(contents$col_attrs, contents$cells, cell.names, "cell.names", notes)
  if (!any(splicing_aliases$spliced %in% contents$layers)) {
    add_note(notes, "There is no layer of spliced counts, which EstimateVelocity() needs; count with ",
      "velocyto, STARsolo, alevin-fry or kallisto bustools.")
  }
  main <- loom_main(path, contents, layers, cells, genes, notes)
  object <- new_seurat(main$counts, main$data, assay, data.frame(row.names = rownames(cells)),
    features = genes)
  for (layer in layers) {
    x <- read_loom_matrix(path, paste0("layers/", layer), cells, genes)
    object <- add_file_assay(object, x, layer, genes)
  }
  for (entry in contents$col_attrs$matrices) {
    values <- loom_cell_matrix(path, entry)
    rownames(values) <- rownames(cells)
    name <- free_name(object, entry)
    object <- add_reduction(object, values, name, key_stem(name))
  }
  object <- add_file_cells(object, cells, notes, "loom")
  if (verbose) for (line in notes$lines) message(line)
  object
}

# Attributes that hold the names, the usual ones first.
loom_names <- list(
  gene.names = c(
    "Gene", "gene_names", "gene_name", "var_names", "Accession", "gene_ids", "gene_id",
    "target_name", "index"
  ),
  cell.names = c(
    "CellID", "cell_names", "obs_names", "cell_id", "barcode", "barcodes", "index"
  )
)

# Attributes as a data.frame with names as rows. `n`: how many genes or cells there are; `argument`:
# "gene.names" or "cell.names"; `given`: its value.
loom_frame <- function(attributes, n, given, argument, notes) {
  feature <- argument == "gene.names"
  columns <- attributes$columns
  names(columns) <- valid_text(names(columns))
  part <- if (feature) "row_attrs" else "col_attrs"
  if (!is.null(given)) {
    check_string(given, argument)
    if (!given %in% names(columns)) {
      stop_input(
        argument, "`", argument, "`: the file has no `", part, "/", given, "`; it has ",
        quoted(names(columns)), ".", near(given, names(columns))
      )
    }
  } else {
    given <- match(tolower(loom_names[[argument]]), tolower(names(columns)))
    given <- names(columns)[given[!is.na(given)]]
  }
  index <- if (length(given) == 0L) {
    what <- if (feature) "gene" else "cell"
    add_note(notes, "The file names no ", what, "s; they are called ", what, "1, ", what,
      "2, ... Say with `", argument, "` which of ", quoted(names(columns)), " holds names.")
    paste0(what, seq_len(n))
  } else {
    name_texts(columns[[given[[1L]]]])
  }
  if (length(given) > 0L && !is.numeric(columns[[given[[1L]]]])) columns[[given[[1L]]]] <- NULL
  table <- list(index = index, columns = columns, skipped = valid_text(attributes$skipped))
  file_frame(table, part, notes, feature, "loom.name")
}

# Whole numbers in full, however large.
name_texts <- function(x) {
  if (is.numeric(x) && !is.factor(x)) {
    return(format(x, digits = 15L, scientific = FALSE, trim = TRUE))
  }
  as.character(x)
}

# The matrix of the assay: list(counts, data).
loom_main <- function(path, contents, layers, cells, genes, notes) {
  x <- if (contents$matrix) read_loom_matrix(path, "matrix", cells, genes)
  if (!is.null(x) && length(x@x) > 0L) {
    return(counts_or_data(x))
  }
  stands_in <- intersect(c(splicing_aliases$spliced, layers), contents$layers)
  if (length(stands_in) == 0L) {
    if (is.null(x)) stop_file("file", "`file`: there is neither a `matrix` nor a layer that is read.")
    add_note(notes, "All values of `matrix` are 0.")
    return(counts_or_data(x))
  }
  add_note(notes, if (is.null(x)) "There is no `matrix`" else "All values of `matrix` are 0",
    "; the layer ", quoted(stands_in[[1L]]), " takes its place.")
  counts_or_data(read_loom_matrix(path, paste0("layers/", stands_in[[1L]]), cells, genes))
}

# A matrix of the file with names: genes x cells, dgCMatrix.
read_loom_matrix <- function(path, part, cells, genes) {
  name_matrix(loom_matrix(path, part), rownames(genes), rownames(cells))
}
