# Writes results back, the same way for Seurat and SingleCellExperiment. Values per cell go where
# subset() takes them along (meta.data, reductions, assays; colData, reducedDims, altExps); models
# and the like into tools$fatefield or metadata(x)$fatefield. Results for some of the cells are NA
# for the others.

# Columns per cell. `data`: data.frame whose row names are cells of the object.
store_cells <- function(object, data) {
  cells <- cell_names(object)
  check_rows(rownames(data), cells)
  full <- data[match(cells, rownames(data)), , drop = FALSE]
  rownames(full) <- cells
  if (is_seurat(object)) {
    return(set_cell_data(object, full))
  }
  for (column in names(full)) {
    SummarizedExperiment::colData(object)[[column]] <- full[[column]]
  }
  object
}

# A reduction. `values`: cells x dims with cell names as rows; `key`: letters and digits, the stem
# of Seurat's column names (another is taken when the object has it already).
store_reduction <- function(object, values, name, key = name, loadings = NULL, stdev = numeric()) {
  full <- all_cells(values, object)
  if (is_seurat(object)) {
    return(add_reduction(object, full, name, key, loadings, stdev))
  }
  SingleCellExperiment::reducedDim(object, name) <- as_sce_cells(full, object, 1L)
  object
}

# A matrix as an SCE takes it: without names of cells where the object has none. `side`: where the cells are.
as_sce_cells <- function(x, object, side) {
  if (is.null(colnames(object))) dimnames(x)[side] <- list(NULL)
  x
}

# A matrix whose columns are cells, as a new assay (Seurat) or alternative experiment (SCE).
# `values`: features x cells with names both ways; `features`: data.frame about the features, or
# NULL.
store_assay <- function(object, values, name, key = name, features = NULL) {
  # Such matrices can be most of the memory: they are copied only where something changes.
  whole <- identical(colnames(values), cell_names(object))
  full <- if (whole) values else t(all_cells(t(values), object))
  features <- if (is.null(features)) data.frame(row.names = rownames(full)) else features
  features[["name"]] <- rownames(full)
  if (is_seurat(object)) {
    if (name %in% SeuratObject::Reductions(object)) {
      stop_input("name", "`name`: ", quoted(name), " is already a reduction of the object.")
    }
    names <- seurat_feature_names(rownames(full))
    if (!identical(rownames(full), names)) rownames(full) <- names
    assay <- new_assay(data = full, key = free_key(object, key, name), features = features)
    return(add_assay(object, name, assay))
  }
  SingleCellExperiment::altExp(object, name) <- SummarizedExperiment::SummarizedExperiment(
    assays = list(data = as_sce_cells(full, object, 2L)), rowData = S4Vectors::DataFrame(features, row.names = rownames(full))
  )
  object
}

# What store_assay() put: features x cells, under the names it was given.
fetch_assay <- function(object, name) {
  if (is_seurat(object)) {
    values <- as.matrix(layer_data(object, "data", check_assay(object, name)))
    given <- feature_data(object, name)[["name"]]
    if (!is.null(given) && !identical(rownames(values), given)) rownames(values) <- given
    return(values)
  }
  present <- SingleCellExperiment::altExpNames(object)
  if (!name %in% present) {
    stop_input(
      "assay", "`assay`: the object has no alternative experiment ", quoted(name), "; it has ",
      quoted(present), "."
    )
  }
  values <- SummarizedExperiment::assay(SingleCellExperiment::altExp(object, name), "data")
  if (is.null(colnames(values))) colnames(values) <- cell_names(object)
  values
}

# What store_assay() was told about the features: data.frame with the names it was given as rows.
fetch_features <- function(object, name) {
  if (is_seurat(object)) {
    data <- feature_data(object, check_assay(object, name))
  } else {
    data <- as.data.frame(
      SummarizedExperiment::rowData(SingleCellExperiment::altExp(object, name)),
      optional = TRUE
    )
  }
  rownames(data) <- data[["name"]]
  data[setdiff(names(data), "name")]
}

# Anything that is not per cell, under kind and name, e.g. put_tool(object, "models", "sde", model).
put_tool <- function(object, kind, name, value) {
  all <- tools_of(object)
  if (is.null(all)) all <- list()
  if (is.null(all[[kind]])) all[[kind]] <- list()
  # Last written, last in the list: that one is the default when no name is given.
  all[[kind]][[name]] <- NULL
  all[[kind]][[name]] <- value
  if (is_seurat(object)) {
    return(set_tools(object, all))
  }
  S4Vectors::metadata(object)[["fatefield"]] <- all
  object
}

# The value, or NULL where there is none; `name` NULL takes the one stored last.
tool <- function(object, kind, name = NULL) {
  of_kind <- tools_of(object)[[kind]]
  if (is.null(name)) {
    return(if (length(of_kind) > 0L) of_kind[[length(of_kind)]])
  }
  of_kind[[name]]
}

tool_names <- function(object, kind) {
  present <- names(tools_of(object)[[kind]])
  if (is.null(present)) character() else present
}

tools_of <- function(object) {
  if (is_seurat(object)) get_tools(object) else S4Vectors::metadata(object)[["fatefield"]]
}

# The object with a model under a name of its own.
store_model <- function(object, model, name = "sde") {
  put_tool(object, "models", check_string(name, "name"), model)
}

# The model of that name; NULL takes the one stored last.
fetch_model <- function(object, name = NULL) {
  if (inherits(object, "fatefield_model")) {
    return(object)
  }
  check_object(object)
  if (is_plain_matrix(object)) {
    stop_input(
      "object",
      "`object` is a matrix and holds no model; give a Seurat object, an SCE or the model itself."
    )
  }
  present <- tool_names(object, "models")
  if (length(present) == 0L) {
    stop_model(
      "name", "The object holds no model; fit one first, e.g. with FitSDE()."
    )
  }
  if (!is.null(name) && !check_string(name, "name") %in% present) {
    stop_model(
      "name", "The object holds no model ", quoted(name), "; it holds ", quoted(present), "."
    )
  }
  tool(object, "models", name)
}

# Rows of a result put in the order of the object's cells; rows it lacks are NA.
all_cells <- function(values, object) {
  cells <- cell_names(object)
  check_rows(rownames(values), cells)
  if (identical(rownames(values), cells)) {
    return(values)
  }
  full <- as.matrix(values)[match(cells, rownames(values)), , drop = FALSE]
  rownames(full) <- cells
  full
}

check_rows <- function(rows, cells) {
  lost <- setdiff(rows, cells)
  if (is.null(rows) || length(lost) > 0L) {
    found <- if (is.null(rows)) "has no cell names" else paste0("has ", quoted(lost, 3L),
    ", not in the object")
    stop_input("cells", "`cells`: the result ", found, ".")
  }
  if (anyDuplicated(rows) > 0L) {
    stop_input("cells", "`cells`: the result has ", quoted(rows[[anyDuplicated(rows)]]), " twice.")
  }
}
