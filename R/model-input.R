# What a model needs of an object: coordinates in the model's own space, and the times of cells.

# The model given, or the one the object holds, checked to be of one of the types. `NULL` takes the last one
# fitted of these types.
choose_model <- function(object, model = NULL, type = "sde", argument = "model") {
  if (is.character(model)) {
    return(check_model(fetch_model(object, model), argument, type = type))
  }
  if (is.null(model)) model <- last_model(object, type)
  check_model(model, argument, type = type)
}

# The last model of one of these types, else the last model of all.
last_model <- function(object, type) {
  last <- fetch_model(object)
  if (inherits(object, "fatefield_model") || last$type %in% type) {
    return(last)
  }
  for (name in rev(tool_names(object, "models"))) {
    model <- tool(object, "models", name)
    if (model$type %in% type) {
      return(model)
    }
  }
  last
}

# One function for each member of the ensemble, which rebuilds its engine: one is alive at a time.
model_engines <- function(model) {
  lapply(seq_along(model$states), function(i) function() model_engine(model, i))
}

# Coordinates of all cells, cells x dims, in the dimensions the model was fitted on; for a velocity field
# size-normalised spliced counts of its genes, on the linear scale.
model_coordinates <- function(object, model) {
  if (model$type == "field") {
    return(field_coordinates(object, model))
  }
  reduction <- if (is_plain_matrix(object)) NULL else model$reduction
  x <- embedding(object, reduction)
  if (!is.null(colnames(x)) && all(model$dims %in% colnames(x))) {
    x <- x[, model$dims, drop = FALSE]
  }
  check_model_dims(model, x)
  x
}

# The time of each cell, in the units of the model. `start`: a number for all cells, a column of the
# object, one value for each cell, or NULL: the column the model was fitted with where the object
# has it, else the model's first time.
cell_starts <- function(object, model, start = NULL, argument = "start") {
  n <- length(cell_names(object))
  if (is.null(start)) {
    known <- !is_plain_matrix(object) && !is.null(model$time.name) &&
      model$time.name %in% column_names(object)
    if (!known) {
      return(rep(min(model$times), n))
    }
    start <- model$time.name
  }
  if (is.numeric(start) && length(start) == 1L) {
    return(rep(check_number(start, argument), n))
  }
  nearest_known(check_times(cell_column(object, start, argument), argument, n, distinct = 1L), model$times)
}

column_names <- function(object) {
  names(if (is_seurat(object)) cell_data(object) else SummarizedExperiment::colData(object))
}
