# Reference results of scVelo in double precision, and small counts with known moments.

golden_sets <- c("pancreas_50obs", "dentategyrus_50obs", "dentategyrus_100obs")

# An object of a preprocessed set, with its stored moments.
golden_object <- function(set) {
  skip_without_hdf5()
  path <- skip_without_shared("golden", paste0(set, "_preprocessed.h5ad"))
  ReadH5AD(path, layers = c("spliced", "unspliced", "Ms", "Mu"), verbose = FALSE)
}

golden_array <- function(...) {
  testthat::skip_if_not_installed("hdf5r")
  file <- hdf5r::H5File$new(skip_without_shared("golden", "scvelo.h5"), "r")
  on.exit(file$close_all())
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
