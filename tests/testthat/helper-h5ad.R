# Small .h5ad files of every encoding, written by hdf5r. Matrices are given as genes x cells.

h5ad_cells <- c("c1", "c2", "c3", "c4", "c5")
h5ad_genes <- c("Gata1", "Cebpa", "Spi1", "Elane")

# Counts with an empty cell and an empty gene; values that are whole.
h5ad_counts <- function() {
  m <- matrix(
    c(1, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 4, 5, 0, 0, 6, 0, 0, 7), 4, 5,
    dimnames = list(h5ad_genes, h5ad_cells)
  )
  methods::as(m, "CsparseMatrix")
}

h5ad_obs <- function() {
  data.frame(
    stage = factor(c("late", "early", NA, "late", "early"), levels = c("late", "early")),
    n = c(3L, NA, 1L, 0L, -2L), ok = c(TRUE, NA, FALSE, TRUE, FALSE),
    score = c(0.5, NA, 1e10, -1, 2), note = c("a", NA, "\u00e9t\u00e9", "", "e"),
    row.names = h5ad_cells
  )
}

# What file$close_all() does but its collection of garbage, which takes a second where all packages of the tests are
# loaded; what is still open is closed all the same. Where garbage is collected in the middle of it, and closes some of
# this, it does all.
close_hdf5 <- function(file) {
  close <- file$close_all
  environment(close) <- list2env(list(gc = function(...) NULL), parent = environment(close))
  tryCatch(close(), error = function(e) file$close_all())
}

# A writer of parts into an open file.
h5ad_put <- function(at, name, x, ...) {
  at[[name]] <- x
  h5ad_mark(at[[name]], ...)
  invisible(at[[name]])
}

h5ad_mark <- function(at, ...) {
  marks <- list(...)
  for (mark in names(marks)) hdf5r::h5attr(at, mark) <- marks[[mark]]
}

h5ad_group <- function(at, name, ...) {
  group <- at$create_group(name)
  h5ad_mark(group, ...)
  group
}

# `layout`: "csr" (compressed by cell), "csc" (by gene), "dense", or "csr-0.6" with its old
# attributes.
h5ad_put_matrix <- function(at, name, m, layout = "csr") {
  if (layout == "dense") {
    return(h5ad_put(at, name, as.matrix(m), "encoding-type" = "array"))
  }
  extent <- rev(dim(m))
  if (layout == "csc") m <- Matrix::t(m)
  m <- methods::as(m, "CsparseMatrix")
  group <- if (layout == "csr-0.6") {
    h5ad_group(at, name, h5sparse_format = "csr", h5sparse_shape = extent)
  } else {
    h5ad_group(at, name, "encoding-type" = paste0(layout, "_matrix"), shape = extent)
  }
  group[["data"]] <- m@x
  group[["indices"]] <- m@i
  group[["indptr"]] <- m@p
  invisible(group)
}

h5ad_put_factor <- function(at, name, x, levels_at = NULL) {
  codes <- as.integer(x) - 1L
  codes[is.na(codes)] <- -1L
  if (!is.null(levels_at)) {
    at[[name]] <- codes
    return(h5ad_put(at, paste0(levels_at, "/", name), levels(x), ordered = is.ordered(x)))
  }
  group <- h5ad_group(at, name, "encoding-type" = "categorical", ordered = is.ordered(x))
  group[["codes"]] <- codes
  group[["categories"]] <- levels(x)
}

h5ad_put_nullable <- function(at, name, x, type) {
  group <- h5ad_group(at, name, "encoding-type" = type)
  missing <- is.na(x)
  x[missing] <- if (is.character(x)) "" else if (is.logical(x)) FALSE else 1L
  group[["values"]] <- x
  group[["mask"]] <- missing
}

# A table as anndata 0.8 to 0.12 ("modern") or 0.7 writes it; 0.7 has no nullable columns.
h5ad_put_table <- function(at, name, data, encoding = "modern") {
  group <- h5ad_group(at, name, "_index" = "_index", "encoding-type" = "dataframe")
  if (ncol(data) > 0L) h5ad_mark(group, "column-order" = names(data))
  group[["_index"]] <- rownames(data)
  if (encoding == "0.7") group$create_group("__categories")
  for (column in names(data)) {
    x <- data[[column]]
    if (is.factor(x)) {
      h5ad_put_factor(group, column, x, if (encoding == "0.7") "__categories")
    } else if (encoding == "modern" && anyNA(x) && !is.double(x)) {
      h5ad_put_nullable(group, column, x, paste0("nullable-", switch(typeof(x),
        integer = "integer", logical = "boolean", "string-array")))
    } else {
      group[[column]] <- x
    }
  }
  group
}

# Writes a file; `more` gets the open file and may add or replace parts. Returns the path.
h5ad_file <- function(layout = "csr", encoding = "modern", x = h5ad_counts(), obs = h5ad_obs(), more = NULL) {
  testthat::skip_if_not_installed("hdf5r")
  skip_without_hdf5()
  path <- tempfile(fileext = ".h5ad")
  file.copy(h5ad_plain_file(layout, encoding, x, obs), path)
  if (is.null(more)) return(path)
  file <- hdf5r::H5File$new(path, "r+")
  on.exit(close_hdf5(file))
  more(file)
  path
}

# The file with no more in it; one for all that ask for the same.
h5ad_plain_file <- local({
  written <- list()
  function(layout, encoding, x, obs) {
    asked <- list(layout, encoding, x, obs)
    for (one in written) if (identical(one$asked, asked)) return(one$path)
    path <- tempfile(fileext = ".h5ad")
    file <- hdf5r::H5File$new(path, "w")
    on.exit(close_hdf5(file))
    h5ad_mark(file, "encoding-type" = "anndata")
    if (!is.null(x)) h5ad_put_matrix(file, "X", x, layout)
    h5ad_put_table(file, "obs", obs, encoding)
    genes <- if (is.null(x)) h5ad_genes else rownames(x)
    var <- data.frame(length = seq_along(genes) / 2)
    attr(var, "row.names") <- genes
    h5ad_put_table(file, "var", var, encoding)
    written <<- c(written, list(list(asked = asked, path = path)))
    path
  }
})

h5ad_library <- function() core_libraries()$hdf5[["version"]]

skip_without_hdf5 <- function() testthat::skip_if(!nzchar(h5ad_library()), "built without HDF5")

expect_file_error <- function(expr, regexp = NULL) {
  e <- testthat::expect_error(expr, regexp, class = "fatefield_error_file")
  if (!is.null(e)) testthat::expect_identical(e$argument, "file")
  invisible(e)
}

# What a reader does with files of which one byte is changed, every `step` bytes behind the head: TRUE where it gives
# an object or a classed error. In a process of its own: what HDF5 cannot close again of a damaged file, it complains
# about at its end.
outcomes_of_changed_bytes <- function(path, reader, step) {
  testthat::skip_on_os("windows")
  changed_files <- function() {
    # Most changed files have the contents of the whole one: of these, Seurat makes its objects once.
    namespace <- asNamespace("fatefield")
    for (name in c("new_seurat", "add_file_assay")) {
      local({
        make <- get(name, namespace)
        seen <- NULL
        remembering <- function(...) {
          if (identical(seen$given, list(...))) return(seen$made)
          made <- make(...)
          if (is.null(seen)) seen <<- list(given = list(...), made = made)
          made
        }
        unlockBinding(name, namespace)
        assign(name, remembering, namespace)
      })
    }
    reader(path)
    bytes <- readBin(path, "raw", file.size(path))
    at <- unique(c(seq_len(96L), seq(97L, length(bytes), by = step)))
    vapply(at, function(i) {
      changed <- bytes
      changed[[i]] <- xor(changed[[i]], as.raw(c(1L, 128L, 255L)[[i %% 3L + 1L]]))
      writeBin(changed, path)
      inherits(tryCatch(suppressMessages(reader(path)), error = identity), c("Seurat", "fatefield_error"))
    }, logical(1))
  }
  child <- parallel::mcparallel(changed_files(), mc.set.seed = FALSE)
  outcome <- parallel::mccollect(child, wait = FALSE, timeout = 300)[[1L]]
  if (is.null(outcome)) tools::pskill(child$pid, tools::SIGKILL)
  outcome
}
