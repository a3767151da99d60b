# Reads what users give (matrix, Seurat, SingleCellExperiment) into checked plain values.
# Matrices are cells x dims; every complaint names the user's argument, what was found and what is
# needed.

is_seurat <- function(object) inherits(object, "Seurat")

is_sce <- function(object) inherits(object, "SingleCellExperiment")

# Stops when `object` is none of the kinds the package takes.
check_object <- function(object, argument = "object") {
  if (is_plain_matrix(object)) {
    return(invisible(object))
  }
  if (is_seurat(object)) {
    check_seurat(object, argument)
    return(invisible(object))
  }
  if (is_sce(object)) {
    need_package("SingleCellExperiment", "to work on a SingleCellExperiment")
    return(invisible(object))
  }
  stop_input(
    argument,
    "`",
    argument, "` must be a matrix (cells x dims), a Seurat object or a SingleCellExperiment, not ",
    described(object), ".", part_hint(object)
  )
}

# What to give in the place of a part of an object, or of a file.
part_hint <- function(object) {
  if (inherits(object, c("Assay", "StdAssay", "DimReduc", "Graph", "Neighbor"))) {
    return(" Give the Seurat object that it is a part of.")
  }
  if (inherits(object, c("loom", "H5File", "LoomExperiment"))) {
    return(" Read the file with ReadLoom() or ReadH5AD().")
  }
  if (is.character(object) && length(object) == 1L && grepl("\\.(loom|h5ad)$", object, ignore.case = TRUE)) {
    return(" Read the file with ReadLoom() or ReadH5AD().")
  }
  if (inherits(object, "SummarizedExperiment")) {
    return(" Turn it into one with as(x, \"SingleCellExperiment\").")
  }
  ""
}

is_plain_matrix <- function(x) is.matrix(x) || is.data.frame(x) || inherits(x, "Matrix")

need_package <- function(package, why) {
  if (!requireNamespace(package, quietly = TRUE)) {
    stop_input("", "The package ", quoted(package), " is needed ", why, "; install it first.")
  }
}

# Names of all cells; their numbers as text where a matrix or an SCE has no names.
cell_names <- function(object) {
  check_object(object)
  names <- if (is_plain_matrix(object)) {
    rownames(object)
  } else if (is_sce(object)) {
    sce_cells(object)
  } else {
    colnames(object)
  }
  n <- if (is_plain_matrix(object)) nrow(object) else ncol(object)
  if (n == 0L) stop_input("object", "`object` has no cells.")
  if (!is_seurat(object)) check_unique_names(names, "cell", "object")
  if (is.null(names)) as.character(seq_len(n)) else names
}

reduction_names <- function(object) {
  check_object(object)
  if (is_seurat(object)) {
    return(seurat_reductions(object))
  }
  if (is_sce(object)) {
    return(sce_names(object, "reducedDims", SingleCellExperiment::reducedDimNames))
  }
  character()
}

assay_names <- function(object) {
  if (is_seurat(object)) seurat_assays(object) else sce_names(object, "altExps", SingleCellExperiment::altExpNames)
}

# Names of what an SCE keeps beside the data of its cells, one reduction and one alternative experiment.
# SingleCellExperiment's own functions bring the object up to date at every call, which takes 50 ms; only one of an old
# version needs that.
sce_names <- function(object, part, of_old) {
  names <- colnames(SingleCellExperiment::int_colData(object)[[part]])
  if (is.null(names)) of_old(object) else names
}

sce_reduction <- function(object, name) {
  x <- SingleCellExperiment::int_colData(object)[["reducedDims"]][[name]]
  if (is.null(x)) SingleCellExperiment::reducedDim(object, name) else x
}

sce_experiment <- function(object, name) {
  x <- SingleCellExperiment::int_colData(object)[["altExps"]][[name]]
  if (is.null(x) || !methods::.hasSlot(x, "se")) {
    return(SingleCellExperiment::altExp(object, name))
  }
  x <- methods::slot(x, "se")
  colnames(x) <- sce_cells(object)
  x
}

# What colnames() gives, which makes the names of the genes as well.
sce_cells <- function(object) rownames(SummarizedExperiment::colData(object))

# The reduction meant: the exact name, else the only one equal but for case; NULL takes the first
# of `prefer` that is present, else the first of the object.
choose_reduction <- function(object, reduction = NULL, prefer = "pca", argument = "reduction") {
  present <- reduction_names(object)
  if (is.null(reduction)) {
    wanted <- match(prefer, tolower(present))
    wanted <- wanted[!is.na(wanted)]
    if (length(present) == 0L) {
      stop_input(argument, "`", argument, "`: the object has no reduction; run a PCA first.")
    }
    return(if (length(wanted) > 0L) present[[wanted[[1L]]]] else present[[1L]])
  }
  check_string(reduction, argument)
  if (reduction %in% present) {
    return(reduction)
  }
  same <- present[tolower(present) == tolower(reduction)]
  if (length(same) == 1L) {
    return(same)
  }
  has <- if (length(present) == 0L) "it has none" else paste0("it has ", quoted(present))
  stop_input(
    argument, "`", argument, "`: the object has no reduction ", quoted(reduction), "; ", has, ".",
    near(reduction, present)
  )
}

# Coordinates of all cells as a plain numeric matrix, cells x dims, with row and column names, all
# finite.
# A matrix is its own reduction. `dims`: numbers of the columns to take, NULL for all.
embedding <- function(object, reduction = NULL, dims = NULL, argument = "reduction") {
  check_object(object)
  if (is_plain_matrix(object)) {
    argument <- "object"
    x <- object
  } else {
    reduction <- choose_reduction(object, reduction, argument = argument)
    x <- if (is_seurat(object)) {
      SeuratObject::Embeddings(object, reduction = reduction)
    } else {
      sce_reduction(object, reduction)
    }
    if (is_seurat(object) && nrow(x) < ncol(object)) {
      without <- setdiff(colnames(object), rownames(x))
      stop_input(
        argument, "`", argument, "`: ", quoted(reduction), " does not cover all cells; ",
        length(without),
        " are without, the first is ", quoted(without[[1L]]), "."
      )
    }
  }
  x <- plain_matrix(x, argument)
  check_filled(x, argument)
  if (is_sce(object) && nrow(x) == ncol(object)) rownames(x) <- NULL
  if (is.null(rownames(x))) rownames(x) <- cell_names(object)
  if (is_seurat(object) && !identical(rownames(x), colnames(object))) x <- x[colnames(object), , drop = FALSE]
  if (is.null(colnames(x))) colnames(x) <- paste0("dim_", seq_len(ncol(x)))
  if (!is.null(dims)) x <- x[, check_dims(dims, ncol(x)), drop = FALSE]
  check_matrix(x, argument)
}

check_dims <- function(dims, available, argument = "dims") {
  whole <- is.numeric(dims) && length(dims) > 0L && all(is.finite(dims)) && all(dims == round(dims))
  if (!whole) {
    stop_input(
      argument, "`", argument, "` must be whole numbers such as 1:10, not ", described(dims), "."
    )
  }
  wrong <- dims[dims < 1 | dims > available]
  if (length(wrong) > 0L) {
    stop_input(
      argument, "`", argument, "` asks for dimension ", wrong[[1L]], ", but there are ", available,
      "."
    )
  }
  if (anyDuplicated(dims) > 0L) {
    stop_input(
      argument, "`", argument, "` names dimension ", dims[[anyDuplicated(dims)]], " twice."
    )
  }
  as.integer(dims)
}

# A base numeric matrix with the names kept, each once; no check of its values. `rows`: what its rows are, NULL where
# their names may repeat.
plain_matrix <- function(x, argument, rows = "cell") {
  if (is.data.frame(x)) {
    odd <- names(x)[!vapply(x, is.numeric, logical(1))]
    if (length(odd) > 0L) {
      stop_input(
        argument, "`", argument, "` must be numbers only; column ", quoted(odd[[1L]]), " is not."
      )
    }
    automatic <- is.integer(attr(x, "row.names"))
    wide <- vapply(x, inherits, logical(1), "integer64")
    x[wide] <- lapply(x[wide], integer64_values)
    x <- as.matrix(x)
    if (automatic) rownames(x) <- NULL
  }
  if (inherits(x, "Matrix")) x <- as.matrix(x)
  if (!is.matrix(x) || !is.numeric(x)) {
    stop_input(
      argument, "`", argument, "` must be a numeric matrix (cells x dims), not ", described(x), "."
    )
  }
  storage.mode(x) <- "double"
  if (!is.null(rows)) check_unique_names(rownames(x), rows, argument)
  check_unique_names(colnames(x), "column", argument)
  matrix(as.vector(x), nrow(x), ncol(x), dimnames = dimnames(x))
}

# Stops where a name is missing, empty or there twice. `what`: "cell", "gene", "column".
check_unique_names <- function(names, what, argument) {
  if (is.null(names)) {
    return(invisible())
  }
  empty <- which(is.na(names) | !nzchar(names))
  if (length(empty) > 0L) {
    stop_input(
      argument, "`", argument, "` has a ", what, " without a name, number ", empty[[1L]],
      "; give each a name of its own, or none at all."
    )
  }
  twice <- anyDuplicated(names)
  if (twice > 0L) {
    stop_input(
      argument, "`", argument, "` has the ", what, " ", quoted(names[[twice]]),
      " twice; make the names unique with make.unique()."
    )
  }
  invisible()
}

check_filled <- function(x, argument) {
  if (nrow(x) == 0L || ncol(x) == 0L) {
    stop_input(argument, "`", argument, "` is empty: ", nrow(x), " x ", ncol(x), ".")
  }
}

# A numeric matrix, finite everywhere, with at least one row and one column.
check_matrix <- function(x, argument, rows = "cell") {
  x <- plain_matrix(x, argument, rows)
  check_filled(x, argument)
  bad <- which(!is.finite(x))
  if (length(bad) > 0L) {
    stop_input(
      argument, "`", argument, "` must be finite: ", length(bad), " value",
      if (length(bad) > 1L) "s", " not, the ", "first is ", place_in(x, bad[[1L]]), "."
    )
  }
  check_range(x, argument)
}

# "Inf at cell "a", column "x"".
place_in <- function(x, i) {
  at <- arrayInd(i, dim(x))
  row <- if (is.null(rownames(x))) at[[1L]] else quoted(rownames(x)[[at[[1L]]]])
  column <- if (is.null(colnames(x))) at[[2L]] else quoted(colnames(x)[[at[[2L]]]])
  paste0(x[[i]], " at cell ", row, ", column ", column)
}

# Beyond this, squares of distances of many dimensions no longer fit into single precision.
largest_value <- 1e15

# Stops where values are too large to compute with; those that are not finite are let pass.
check_range <- function(x, argument) {
  most <- suppressWarnings(max(abs(x), na.rm = TRUE))
  if (most <= largest_value || !any(is.finite(x))) {
    return(x)
  }
  big <- which(is.finite(x) & abs(x) > largest_value)
  if (length(big) == 0L) {
    return(x)
  }
  stop_input(
    argument, "`", argument, "` must be of at most ", largest_value, " in absolute value, so that distances do not ",
    "overflow: ", counted(length(big), "value"), if (length(big) > 1L) " are" else " is", " larger, the first is ",
    place_in(x, big[[1L]]), ". Take out these cells, or change the unit."
  )
}

# A column of the cells' meta data, or a vector given in its place, see cell_vector(). Returns a vector in the order
# of the cells, without names.
cell_column <- function(object, name, argument) {
  check_object(object)
  cells <- cell_names(object)
  data <- if (is_seurat(object)) {
    cell_data(object)
  } else if (is_sce(object)) {
    SummarizedExperiment::colData(object)
  }
  if (is.character(name) && length(name) == 1L && is.null(names(name)) && !is.null(data)) {
    if (name %in% colnames(data)) {
      return(checked_column(data[[name]], name, argument))
    }
    stop_input(
      argument, "`", argument, "`: the object has no column ", quoted(name), " in its cell data",
      "; it has ", quoted(colnames(data)), ".", near(name, colnames(data))
    )
  }
  cell_vector(name, cells, argument, if (!is.null(data)) "the name of a column of the cell data or ")
}

# A vector of one value for each cell, in the order of the cells and without names. Values with names go by them and
# may hold further cells; others, and all where cells have numbers in the place of names, go by their order.
# `what`: what else could be given.
cell_vector <- function(values, cells, argument, what = NULL) {
  values <- plain_column(values)
  numbered <- identical(cells, as.character(seq_along(cells)))
  by.name <- is.atomic(values) && !is.null(names(values)) && !(numbered && !all(cells %in% names(values)))
  if (!is.atomic(values) || length(dim(values)) > 1L || length(values) < length(cells) ||
    (!by.name && length(values) != length(cells))) {
    stop_input(
      argument, "`", argument, "` must be ", what, "a vector of one value for each of the ", length(cells),
      " cells, not ", described(values), "."
    )
  }
  check_integer64(values, argument)
  if (!by.name) {
    return(unname(values))
  }
  at <- match(cells, names(values))
  if (anyNA(at)) {
    stop_input(
      argument, "`", argument, "` has names, but none is ", quoted(cells[[which(is.na(at))[[1L]]]]),
      ". Give the names of the cells, or take the names away with unname() where the order is that of the cells."
    )
  }
  twice <- names(values)[duplicated(names(values))]
  if (any(twice %in% cells)) {
    stop_input(argument, "`", argument, "` names the cell ", quoted(twice[twice %in% cells][[1L]]), " twice.")
  }
  unname(values[at])
}

checked_column <- function(x, name, argument) {
  x <- plain_column(x)
  if (!is.atomic(x) || length(dim(x)) > 1L) {
    stop_input(argument, "`", argument, "`: the column ", quoted(name), " must hold one value for each cell, not ",
      described(x), ".")
  }
  check_integer64(x, argument)
  unname(x)
}

# Vectors of other packages as R's own: 64 bit integers, runs of values, broken-down moments.
plain_column <- function(x) {
  if (inherits(x, "integer64")) {
    return(integer64_values(x))
  }
  if (inherits(x, "POSIXlt")) {
    return(as.POSIXct(x))
  }
  if (inherits(x, "Rle") && isS4(x)) S4Vectors::decode(x) else x
}

# The numbers behind the class of package bit64, whose doubles are bits of 64 bit integers.
integer64_values <- function(x) {
  halves <- readBin(writeBin(as.vector(unclass(x)), raw(), endian = "little"), "integer", 2L * length(x), 4L,
    endian = "little")
  low <- halves[c(TRUE, FALSE)]
  high <- halves[c(FALSE, TRUE)]
  # The bits of -2^31 are R's NA of an integer; in the upper half this is the NA of integer64.
  low <- ifelse(is.na(low), 2^31, ifelse(low < 0, low + 2^32, low))
  stats::setNames(high * 2^32 + low, names(x))
}

# Stops where numbers are the bits of 64 bit integers that have lost their class.
check_integer64 <- function(x, argument) {
  if (!is.double(x) || is.object(x)) {
    return(invisible())
  }
  some <- abs(x[is.finite(x) & x != 0])
  if (length(some) > 0L && all(some < 1e-300)) {
    stop_input(
      argument, "`", argument, "` has no number other than 0 above 1e-300, the first is ", format(some[[1L]]),
      ": these look like 64 bit integers (class integer64 of fread() or hdf5r) that have lost their class. ",
      "Turn them into numbers with as.numeric() while package bit64 is attached, before they are put into an object."
    )
  }
  invisible()
}
