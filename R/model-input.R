# What a model needs of an object: coordinates in the model's own space, and the times of cells.

# The model given, or the one the object holds, checked to be of one of the types. `NULL` takes the last one fitted of
# the first of these types that the object has, and says which where there are several; with `last` the last of all.
choose_model <- function(object, model = NULL, type = "sde", argument = "model", last = FALSE) {
  if (is.null(model) && is_plain_matrix(object)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE()",
      if ("field" %in% type) " or FitVelocityField()", ".")
  }
  if (is.character(model)) {
    return(check_model(fetch_model(object, model), argument, type = type))
  }
  if (is.null(model)) model <- preferred_model(object, type, last)
  check_model(model, argument, type = type)
}

preferred_model <- function(object, type, last) {
  if (inherits(object, "fatefield_model")) {
    return(object)
  }
  names <- tool_names(object, "models")
  types <- vapply(names, function(name) as.character(tool(object, "models", name)$type), character(1))
  fits <- names[types %in% type]
  if (length(fits) == 0L) {
    return(fetch_model(object))
  }
  wanted <- if (last) fits else fits[types[types %in% type] == intersect(type, types)[[1L]]]
  name <- wanted[[length(wanted)]]
  if (length(fits) > 1L) {
    rlang::inform(
      paste0("Using the model ", quoted(name), ", one of ", quoted(fits), "; another is taken with `model`."),
      class = "fatefield_message_model"
    )
  }
  fetch_model(object, name)
}

# The name of a model in the object, or NULL where it is not there.
model_name <- function(object, model) {
  names <- tool_names(object, "models")
  for (name in rev(names)) if (identical(tool(object, "models", name)$states, model$states)) return(name)
  NULL
}

# One function for each member of the ensemble, which rebuilds its engine: one is alive at a time.
model_engines <- function(model) {
  lapply(seq_along(model$states), function(i) function() model_engine(model, i))
}

# Coordinates of all cells, cells x dims, in the dimensions the model was fitted on; for a velocity field
# size-normalised spliced counts of its genes, on the linear scale. Stops where the cells that the model was fitted on
# have other coordinates now; new cells are welcome.
model_coordinates <- function(object, model) {
  if (model$type == "field") {
    return(field_coordinates(object, model))
  }
  x <- model_space(object, model)
  check_model_dims(model, x)
  if (!is_plain_matrix(object) && !is.null(model$source)) {
    check_input(
      object, model$source, "the model", "FitSDE()", new.cells = TRUE,
      now = coordinates_input(object, model$reduction, x = x)
    )
  }
  x
}

# All cells in the reduction of the model, in its dimensions where the reduction has them.
model_space <- function(object, model) {
  x <- embedding(object, if (!is_plain_matrix(object)) model$reduction)
  if (all(model$dims %in% colnames(x))) x[, model$dims, drop = FALSE] else x
}

# The time of each cell, in the units of the model. `t.start`: one number, at which all cells start. `time`: a column of
# the object or one value for each cell. Without either: the times that the model has of its own cells, for others
# those of the column it was fitted with, else its first time, which is said. `x`: the model_coordinates(), where the
# caller has them already.
cell_starts <- function(object, model, time = NULL, t.start = NULL, x = model_space(object, model)) {
  n <- length(cell_names(object))
  if (!is.null(t.start)) {
    return(rep(check_number(t.start, "t.start"), n))
  }
  if (is.numeric(time) && length(time) == 1L && n != 1L) {
    stop_input("time", "`time` must be a column or one value for each cell; one time for all cells is `t.start`.")
  }
  if (!is.null(time)) {
    return(model_times(cell_column(object, time, "time"), model, n))
  }
  starts <- if (has_own_times(model)) known_times(model, x) else rep(NA_real_, n)
  open <- is.na(starts)
  if (!any(open)) {
    return(starts)
  }
  column <- model$time.name
  if (!is_plain_matrix(object) && !is.null(column) && column %in% column_names(object)) {
    values <- cell_column(object, column, "time")
    starts[open] <- model_times(values, model, n)[open]
    return(starts)
  }
  rlang::inform(
    paste0(
      "The times of ", sum(open), " of ", n, " cells are not known; they start at the first time of the model, ",
      format(min(model$times)), ". Say otherwise with `time` or `t.start`."
    ),
    class = "fatefield_message_start"
  )
  starts[open] <- min(model$times)
  starts
}

# Times as numbers in the unit of the model, those that are its own but for rounding being its own.
model_times <- function(time, model, n) {
  clock <- structure(model$times, unit = model$time.unit, origin = model$time.origin)
  nearest_known(as.numeric(check_times(time, "time", n, distinct = 1L, like = clock)), model$times)
}

has_own_times <- function(model) !is.null(model$cell.times) && !is.null(model$source)

# Times of the cells `x` that the model was fitted on, NA for others.
known_times <- function(model, x) {
  if (ncol(x) != length(model$dims)) {
    return(rep(NA_real_, nrow(x)))
  }
  model$cell.times[match_inputs(model$source, input_of("coordinates", x))$at]
}

# The same of the cells that the training saw; NA for those that it left out, too.
trained_times <- function(model, x) replace(known_times(model, x), rownames(x) %in% model$outliers, NA)

column_names <- function(object) {
  if (is_plain_matrix(object)) {
    return(character())
  }
  names(if (is_seurat(object)) cell_data(object) else SummarizedExperiment::colData(object))
}

# Numbers of the cells asked about, NULL for those that start first, all of which start at one time. `names`: those of
# all cells; `remedy`: what else could be asked, in words.
cells_of_one_time <- function(cells, names, starts, remedy) {
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, names)
  times <- sort(unique(starts[cells]))
  if (length(times) > 1L) {
    stop_input("cells", "`cells` are of different times (", paste(format(times), collapse = ", "), "); ", remedy,
      ", or set `t.start`.")
  }
  cells
}
