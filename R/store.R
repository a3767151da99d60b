# Writes results back, the same way for Seurat and SingleCellExperiment. Values per cell go where
# subset() takes them along (meta.data, reductions, assays; colData, reducedDims, altExps); models
# and the like into tools$fatefield or metadata(x)$fatefield. Results for some of the cells are NA
# for the others. Nothing of the user's is overwritten: what was written here is on record, all else is theirs.

# The name to store a result under, found out before any work is done. `store.as`: what the user says, or NULL for
# `default`. `columns`, `slots`: from that name to those of the columns and of the assays and reductions that will be
# written. Columns of the user's make a default give way, with a warning; anything else that is taken is an error.
store_name <- function(object, store.as, default, columns = function(stem) stem, slots = function(stem) character()) {
  stem <- if (is.null(store.as)) default else check_string(store.as, "store.as")
  foreign <- users_columns(object, columns(stem))
  if (length(foreign) > 0L && is.null(store.as)) {
    stem <- paste0("fatefield_", default)
    rlang::warn(
      paste0(
        "The object has a column ", quoted(foreign[[1L]]), " of your own, which is kept; the result is stored as ",
        quoted(stem), ". Name it with `store.as`."
      ),
      class = "fatefield_warning_name"
    )
  }
  if (length(foreign) > 0L) check_own_columns(object, columns(stem))
  shadowed <- if (is_seurat(object)) intersect(columns(stem), c(assay_names(object), reduction_names(object)))
  if (length(shadowed) > 0L) {
    stop_input("store.as", "`store.as`: the object has an assay or reduction ", quoted(shadowed[[1L]]),
      ", which would ",
      "hide a column of that name; give another name.")
  }
  for (name in slots(stem)) check_slot(object, name)
  stem
}

# Stops where a column of the user's would be overwritten.
check_own_columns <- function(object, columns) {
  foreign <- users_columns(object, columns)
  if (length(foreign) > 0L) {
    stop_input("store.as", "`store.as`: the object has a column ", quoted(foreign[[1L]]),
      " of your own, which would be ",
      "overwritten; give another name.")
  }
}

# Those of the columns that the object has and that were not written here as they are now.
users_columns <- function(object, columns) {
  columns <- intersect(columns, column_names(object))
  columns[!vapply(columns, function(column) {
    written <- tool(object, "columns", column)
    at <- match(cell_names(object), written$cells)
    if (is.null(written)) {
      return(FALSE)
    }
    digest <- value_digests(cell_column(object, column, "store.as"))
    # Cells with other names are known by what they hold.
    if (anyNA(at)) all(digest %in% written$digest) else identical(written$digest[at], digest)
  }, logical(1))]
}

value_digests <- function(x) {
  if (is.numeric(x) && !is.factor(x)) row_digests(matrix(as.numeric(x))) else text_digests(x)
}

# Stops where an assay or reduction of this name would take the place of something of the user's, or could not be
# found again behind a column.
check_slot <- function(object, name) {
  taken <- if (name %in% column_names(object)) {
    "a column of the cell data"
  } else if (name %in% c(assay_names(object), reduction_names(object), neighbour_names(object)) &&
      !name %in% tool_names(object, "slots")) {
    "an assay, reduction or graph of your own"
  }
  if (!is.null(taken)) {
    stop_input("store.as", "`store.as`: the object has ", taken, " with the name ", quoted(name), ", which the result ",
      "needs; give another name.")
  }
}

# Columns per cell. `data`: data.frame whose row names are cells of the object.
store_cells <- function(object, data) {
  cells <- cell_names(object)
  check_rows(rownames(data), cells)
  check_own_columns(object, names(data))
  full <- data[match(cells, rownames(data)), , drop = FALSE]
  rownames(full) <- cells
  for (column in names(full)) {
    object <- put_tool(object, "columns", column, list(cells = cells, digest = value_digests(full[[column]])))
  }
  if (is_seurat(object)) {
    return(set_cell_data(object, full))
  }
  data <- SummarizedExperiment::colData(object)
  for (column in names(full)) data[[column]] <- full[[column]]
  SummarizedExperiment::colData(object) <- data
  object
}

# A reduction. `values`: cells x dims with cell names as rows; `key`: letters and digits, the stem
# of Seurat's column names (another is taken when the object has it already).
store_reduction <- function(object, values, name, key = name, loadings = NULL, stdev = numeric()) {
  check_slot(object, name)
  object <- put_tool(object, "slots", name, TRUE)
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
  check_slot(object, name)
  object <- put_tool(object, "slots", name, TRUE)
  # Such matrices can be most of the memory: they are copied only where something changes.
  whole <- identical(colnames(values), cell_names(object))
  full <- if (whole) values else t(all_cells(t(values), object))
  features <- if (is.null(features)) data.frame(row.names = rownames(full)) else features
  features[["name"]] <- rownames(full)
  if (is_seurat(object)) {
    names <- seurat_feature_names(rownames(full))
    if (!identical(rownames(full), names)) rownames(full) <- names
    assay <- new_assay(data = full, key = free_key(object, key, name), features = features)
    return(add_assay(object, name, assay))
  }
  SingleCellExperiment::altExp(object, name) <- SummarizedExperiment::SummarizedExperiment(
    assays = list(data = as_sce_cells(full, object, 2L)),
    rowData = S4Vectors::DataFrame(features, row.names = rownames(full))
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
  present <- assay_names(object)
  if (!name %in% present) {
    stop_input(
      "assay", "`assay`: the object has no alternative experiment ", quoted(name), "; it has ",
      quoted(present), "."
    )
  }
  values <- SummarizedExperiment::assay(sce_experiment(object, name), "data")
  if (is.null(colnames(values))) colnames(values) <- cell_names(object)
  values
}

# What store_assay() was told about the features: data.frame with the names it was given as rows.
fetch_features <- function(object, name) {
  if (is_seurat(object)) {
    data <- feature_data(object, check_assay(object, name))
  } else {
    data <- as.data.frame(
      SummarizedExperiment::rowData(sce_experiment(object, name)),
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

# What a result of a model was made from: the cells where they are now, and the model where the object holds it.
model_inputs <- function(object, model) {
  name <- model_name(object, model)
  where <- if (model$type == "field") {
    list(field_input(object, model), states_input(object, model))
  } else {
    list(coordinates_input(object, model$reduction, x = model_coordinates(object, model)))
  }
  c(Filter(Negate(is.null), where), if (!is.null(name)) list(model_input(model, name)))
}

# The object with a command in its log: the function's name and the arguments that `frame`, its method, was given.
log_call <- function(object, name, frame = parent.frame()) {
  if (!is_seurat(object)) {
    return(object)
  }
  known <- setdiff(names(formals(sys.function(sys.parent()))), c("object", "..."))
  given <- known[!vapply(known, function(a) eval(call("missing", as.name(a)), frame), logical(1))]
  # Models and values of all cells have no place in a log.
  log_command(object, name, lapply(mget(given, envir = frame), function(v) {
    if (length(v) > 100L || is.list(v)) described(v) else v
  }))
}

# A result for the record, with what it was made from. `inputs`: list of inputs, see fingerprint.R, the first of which
# tells who the cells are; `remake`: the call that makes it anew.
put_result <- function(object, kind, name, result, inputs = list(), remake = NULL) {
  put_tool(object, "results", kind, c(
    tool(object, "results", kind)[setdiff(tool_names_of(object, kind), name)],
    stats::setNames(list(list(result = result, inputs = inputs, remake = remake)), name)
  ))
}

# Names of the results of a kind, the last made last.
tool_names_of <- function(object, kind) names(tool(object, "results", kind))

# The result of a kind, checked to fit the object as it is; that of the name, or the last. Its rows are the cells that
# the object has now, under the names that they have now.
take_result <- function(object, kind, name = NULL, make = NULL, argument = "object") {
  present <- tool_names_of(object, kind)
  if (length(present) == 0L || (!is.null(name) && !check_string(name, "name") %in% present)) {
    stop_input(
      argument, "`", argument, "` holds no result ", quoted(if (length(present) == 0L) kind else name),
      if (length(present) > 0L) paste0("; it holds ", quoted(present)), ".",
      if (!is.null(make)) paste0(" Run ", make, " first.")
    )
  }
  if (is.null(name)) name <- present[[length(present)]]
  kept <- tool(object, "results", kind)[[name]]
  what <- paste0("the result ", quoted(name), " of kind ", quoted(kind))
  at <- NULL
  for (input in kept$inputs) {
    found <- check_input(object, input, what, kept$remake, at = at)
    if (is.null(at)) at <- found
  }
  if (is.null(at) || !identical(attr(kept$result, "by"), "cell")) {
    return(kept$result)
  }
  made <- kept$inputs[[1L]]$cells
  now <- cell_names(object)
  if (!is.null(made)) names(now) <- made[at]
  follow_cells(kept$result, now)
}

# `now`: names of the object's cells, named by what they were called when the result was made.
follow_cells <- function(result, now) {
  if (is.null(names(now))) names(now) <- now
  rows <- unique(as.character(result$table$cell))
  now <- now[names(now) %in% rows]
  if (identical(unname(now), names(now)) && identical(names(now), rows)) {
    return(result)
  }
  rename_cells(subset_result(result, names(now)), now)
}

# `names`: new names of the cells of a result, in its order.
rename_cells <- function(x, names) UseMethod("rename_cells")

rename_cells.default <- function(x, names) {
  x$table$cell <- unname(names[as.character(x$table$cell)])
  x
}

#' The results kept in an object
#'
#' Results that are more than columns of cells stay in the object, too: fates, criticality, commitment, drift, latent
#' embeddings, and the definition of fates.
#' `GetResult()` takes one out, for the cells that the object has now.
#'
#' @section Basic use:
#' ```r
#' GetResult(cells)              # what there is
#' fates <- GetResult(cells, "fates")
#' summary(fates)
#' ```
#' @param object A Seurat object or a SingleCellExperiment.
#' @param what The kind of result, such as `"fates"` or `"criticality"`.
#'   `NULL` gives a data.frame of what there is.
#' @param name The name under which it was stored (`store.as`); `NULL` takes the one stored last.
#' @param ... Not used.
#' @return The result, see [results]; for `what = NULL` a data.frame with the columns `what` and `name`.
#' @section Errors:
#' `fatefield_error_input`: the object holds no such result.
#' `fatefield_error_stale`: the object has changed since, for example another reduction, model or velocity; the message
#' says what changed and which call makes the result anew.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
#' GetResult(cells)
#' GetResult(cells, "definition")
#' @export
GetResult <- function(object, what = NULL, name = NULL, ...) {
  check_no_dots(names(formals(GetResult)), ...)
  check_object(object)
  if (is_plain_matrix(object)) {
    stop_input("object", "`object` is a matrix and holds no results; give a Seurat object or a SingleCellExperiment.")
  }
  # Vectors are a reduction; only the record of what they were made from is kept here.
  kinds <- setdiff(tool_names(object, "results"), "vectors")
  if (is.null(what)) {
    names <- lapply(kinds, tool_names_of, object = object)
    return(data.frame(what = rep(kinds, lengths(names)), name = as.character(unlist(names))))
  }
  if (!check_string(what, "what") %in% kinds) {
    stop_input("what", "`what`: the object holds no ", quoted(what), "; it holds ", quoted(kinds), ".",
      near(what, kinds))
  }
  take_result(object, what, name)
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
