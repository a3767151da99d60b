# Reads what users give (matrix, Seurat, SingleCellExperiment) into checked plain values.
# Matrices are cells x dims; every complaint names the user's argument, what was found and what is
# needed.

is_seurat <- function(object) inherits(object, "Seurat")

is_sce <- function(object) inherits(object, "SingleCellExperiment")

# Stops when `object` is none of the kinds the package takes.
check_object <- function(object, argument = "object") {
  if (is_seurat(object) || is_plain_matrix(object)) {
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
    described(object), "."
  )
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
  names <- if (is_plain_matrix(object)) rownames(object) else colnames(object)
  n <- if (is_plain_matrix(object)) nrow(object) else ncol(object)
  if (is.null(names)) as.character(seq_len(n)) else names
}

reduction_names <- function(object) {
  if (is_seurat(object)) {
    return(SeuratObject::Reductions(object))
  }
  if (is_sce(object)) {
    return(SingleCellExperiment::reducedDimNames(object))
  }
  character()
}

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
      SingleCellExperiment::reducedDim(object, reduction)
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
  if (is.null(rownames(x))) rownames(x) <- cell_names(object)
  if (is_seurat(object)) x <- x[colnames(object), , drop = FALSE]
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

# A base numeric matrix with the names kept; no check of its values.
plain_matrix <- function(x, argument) {
  if (is.data.frame(x)) {
    odd <- names(x)[!vapply(x, is.numeric, logical(1))]
    if (length(odd) > 0L) {
      stop_input(
        argument, "`", argument, "` must be numbers only; column ", quoted(odd[[1L]]), " is not."
      )
    }
    automatic <- is.integer(attr(x, "row.names"))
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
  matrix(as.vector(x), nrow(x), ncol(x), dimnames = dimnames(x))
}

# A numeric matrix, finite everywhere, with at least one row and one column.
check_matrix <- function(x, argument) {
  x <- plain_matrix(x, argument)
  if (nrow(x) == 0L || ncol(x) == 0L) {
    stop_input(argument, "`", argument, "` is empty: ", nrow(x), " x ", ncol(x), ".")
  }
  bad <- which(!is.finite(x))
  if (length(bad) > 0L) {
    at <- arrayInd(bad[[1L]], dim(x))
    row <- if (is.null(rownames(x))) at[[1L]] else quoted(rownames(x)[[at[[1L]]]])
    column <- if (is.null(colnames(x))) at[[2L]] else quoted(colnames(x)[[at[[2L]]]])
    stop_input(
      argument, "`", argument, "` must be finite: ", length(bad), " value",
      if (length(bad) > 1L) "s", " not, the ",
      "first is ", x[[bad[[1L]]]], " at cell ", row, ", column ", column, "."
    )
  }
  x
}

# A column of the cells' meta data, or a vector given in its place (one value a cell; names are
# matched if it has them). Returns a vector in the order of the cells, without names.
cell_column <- function(object, name, argument) {
  check_object(object)
  cells <- cell_names(object)
  data <- if (is_seurat(object)) {
    cell_data(object)
  } else if (is_sce(object)) {
    SummarizedExperiment::colData(object)
  }
  if (is.character(name) && length(name) == 1L && !is.null(data)) {
    if (name %in% colnames(data)) {
      return(unname(data[[name]]))
    }
    stop_input(
      argument, "`", argument, "`: the object has no column ", quoted(name), " in its cell data",
      "; it has ", quoted(colnames(data)), ".", near(name, colnames(data))
    )
  }
  if (!is.atomic(name) || length(name) != length(cells)) {
    stop_input(
      argument, "`", argument, "` must be ",
      if (!is.null(data)) "the name of a column of the cell data or ",
      "a vector of one value for each of the ", length(cells), " cells, not ", described(name), "."
    )
  }
  if (!is.null(names(name))) {
    at <- match(cells, names(name))
    if (anyNA(at)) {
      stop_input(
        argument, "`", argument, "` has names, but none is ",
        quoted(cells[[which(is.na(at))[[1L]]]]), "."
      )
    }
    name <- name[at]
  }
  unname(name)
}
