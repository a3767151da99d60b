# Small .loom files, written by hdf5r, which transposes. Matrices are given as genes x cells.

loom_counts <- function() as.matrix(h5ad_counts())

# `layers`: named list of matrices; `row`, `col`: named lists of attributes. `more` gets the open file.
loom_file <- function(matrix = loom_counts() * 3,
                      layers = list(spliced = loom_counts(), unspliced = loom_counts() * 2),
                      row = list(Gene = h5ad_genes, Accession = paste0("ENSG", 1:4)),
                      col = list(CellID = h5ad_cells), more = function(file) NULL) {
  testthat::skip_if_not_installed("hdf5r")
  skip_without_hdf5()
  path <- tempfile(fileext = ".loom")
  file <- hdf5r::H5File$new(path, "w")
  on.exit(close_hdf5(file))
  if (!is.null(matrix)) file[["matrix"]] <- t(matrix)
  groups <- list(layers = lapply(layers, t), row_attrs = row, col_attrs = col)
  for (group in names(groups)) {
    at <- file$create_group(group)
    for (name in names(groups[[group]])) at[[name]] <- groups[[group]][[name]]
  }
  more(file)
  path
}

# One data set of a given type of HDF5, slowest dimension last, as hdf5r has it.
loom_put_as <- function(at, name, x, type) {
  space <- hdf5r::H5S$new(dims = if (is.null(dim(x))) length(x) else dim(x))
  at$create_dataset(name, robj = x, dtype = type, space = space)
}
