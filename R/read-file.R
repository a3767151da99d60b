# What readers of files share: names, layers, matrices, and where they go in a Seurat object.

# Layers that are read when none are named: counts of the two kinds of molecules under the names that
# programs give them, and their first moments.
usual_layers <- function() {
  c("counts", unlist(splicing_aliases, use.names = FALSE), "Ms", "Mu")
}

# The path in the form of the file system; a file error where there is no such file.
file_path <- function(file) {
  path <- path.expand(file)
  if (!file.exists(path) || dir.exists(path)) {
    stop_file("file", "`file`: there is no file ", quoted(file), ".")
  }
  path
}

# `code` reads the file; where the HDF5 library lacks a filter, such as a compression, the error says which and what to
# do.
explain_filters <- function(path, code) {
  tryCatch(code, fatefield_error_file = function(e) {
    plugin <- grepl("can't open directory|required filter|filter .*not (registered|available)|plugin",
      conditionMessage(e), ignore.case = TRUE)
    found <- if (plugin) file_filters(path) else character()
    if (length(found) == 0L) stop(e)
    stop_file(
      "file", "`file`: ", quoted(path), " is compressed by ", quoted(found[[1L]]),
      ", which the HDF5 library here cannot ",
      "read. Write it again with gzip where it can be read, such as in Python",
      if (!grepl("\\.loom$", path)) " by adata.write_h5ad(\"new.h5ad\", compression = \"gzip\")", "."
    )
  })
}

# Filters of the data sets that are not the library's own, by the names that stand in the file.
file_filters <- function(path) {
  known <- c(lzf = "lzf\\x00", blosc = "blosc", zstd = "zstd|Zstandard", bitshuffle = "bitshuffle",
    lz4 = "lz4|LZ4 filter",
    bzip2 = "bzip2", szip = "szip")
  connection <- file(path, "rb")
  on.exit(close(connection))
  before <- raw()
  repeat {
    block <- readBin(connection, "raw", 2^22)
    if (length(block) == 0L) {
      return(character())
    }
    seen <- c(before, block)
    found <- vapply(known, function(name) length(grepRaw(name, seen)) > 0L, logical(1))
    if (any(found)) {
      return(names(known)[found])
    }
    before <- utils::tail(block, 16L)
  }
}

add_note <- function(notes, ...) notes$lines <- c(notes$lines, paste0(...))

# `all`: names of the layers of the file; `readable`: those that are matrices. Names come back as they are in the file.
choose_layers <- function(layers, all, readable, notes) {
  in.file <- readable
  all <- valid_text(all)
  readable <- valid_text(readable)
  if (is.null(layers)) {
    chosen <- intersect(usual_layers(), readable)
    rest <- setdiff(all, chosen)
    if (length(rest) > 0L) {
      add_note(notes, "Layers not read: ", quoted(rest), "; name them in `layers` to read them.")
    }
    return(in.file[match(chosen, readable)])
  }
  if (!is.character(layers) || anyNA(layers)) {
    stop_input("layers", "`layers` must be names of layers, not ", described(layers), ".")
  }
  absent <- setdiff(layers, readable)
  if (length(absent) > 0L) {
    stop_input(
      "layers", "`layers`: the file has no layer ", quoted(absent), " that is a matrix; it has ",
      quoted(readable), ".", near(absent[[1L]], readable)
    )
  }
  in.file[match(unique(layers), readable)]
}

# A table of the file, list(index, columns, skipped), as a data.frame with unique names as rows.
# `part`: what the file calls it; `original`: the column that keeps names that had to be changed.
file_frame <- function(table, part, notes, feature, original) {
  given <- valid_text(table$index)
  if (length(given) == 0L) stop_file("file", "`file`: ", part, " is empty.")
  if (length(table$skipped) > 0L) {
    add_note(
      notes, "Columns of ", part, " of an unknown kind, not read: ", quoted(table$skipped), "."
    )
  }
  what <- if (feature) "genes" else "cells"
  names <- given
  names[!nzchar(names)] <- "unnamed"
  twice <- sum(duplicated(names))
  if (twice > 0L) {
    add_note(notes, "Names of ", twice, " ", what, " occur twice and were made unique.")
  }
  names <- make.unique(names)
  if (feature) names <- seurat_feature_names(names)
  columns <- lapply(table$columns, function(column) {
    if (is.factor(column)) levels(column) <- valid_text(levels(column))
    if (is.character(column)) valid_text(column) else column
  })
  names(columns) <- valid_text(names(table$columns))
  changed <- sum(names != given)
  if (feature && changed > 0L) {
    if (changed > twice) add_note(notes, "\"_\" and \"|\" in names of genes became \"-\".")
    columns[[original]] <- given
  }
  structure(columns, class = "data.frame", row.names = names)
}

# Texts that are no UTF-8 are taken as Latin-1, the usual encoding of such old files.
valid_text <- function(x) {
  bad <- !validUTF8(x)
  x[bad] <- iconv(x[bad], "latin1", "UTF-8")
  x
}

counts_or_data <- function(x) {
  if (is_counts(x)) list(counts = as_sparse(x), data = NULL) else list(counts = NULL, data = x)
}

is_counts <- function(x) {
  values <- if (is.matrix(x)) x else x@x
  isTRUE(all(values >= 0 & values == round(values)))
}

as_sparse <- function(x) methods::as(x, "CsparseMatrix")

# Parts of a sparse or dense matrix, as the core gives them, with names.
name_matrix <- function(parts, features, cells) {
  names <- list(features, cells)
  if (is.null(parts$p)) {
    return(matrix(parts$x, parts$dim[[1L]], parts$dim[[2L]], dimnames = names))
  }
  methods::new(
    "dgCMatrix", p = parts$p, i = parts$i, x = parts$x, Dim = parts$dim, Dimnames = names
  )
}

add_file_assay <- function(object, x, name, features = NULL) {
  name <- free_name(object, name)
  x <- counts_or_data(x)
  key <- free_key(object, key_stem(name), name)
  assay <- new_assay(counts = x$counts, data = x$data, key = key, features = features)
  add_assay(object, name, assay)
}

# A name that no assay and no reduction of the object has.
free_name <- function(object, name) {
  name <- valid_text(name)
  taken <- c(seurat_assays(object), seurat_reductions(object))
  utils::tail(make.unique(c(taken, name)), 1L)
}

key_stem <- function(name) {
  known <- c(pca = "PC", umap = "UMAP", tsne = "tSNE", ica = "IC", diffmap = "DC")
  if (tolower(name) %in% names(known)) {
    return(known[[tolower(name)]])
  }
  stem <- gsub("[^A-Za-z0-9]", "", name)
  if (nzchar(stem)) stem else "dim"
}

add_file_cells <- function(object, cells, notes, part) {
  taken <- c(seurat_assays(object), seurat_reductions(object))
  clash <- names(cells) %in% taken
  if (any(clash)) {
    add_note(notes, "Columns of ", part, " with the name of an assay or a reduction: ",
      quoted(names(cells)[clash]), "; \".", part, "\" was put behind.")
    names(cells)[clash] <- paste0(names(cells)[clash], ".", part)
  }
  set_cell_data(object, cells)
}
