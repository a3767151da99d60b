# Vectors of cells in a reduction: arrows of velocities, drift. They are kept as a reduction of their own, and a record
# says which reduction they live in and what its coordinates were.

# The object with vectors (cells x dims) under `name`. `coordinates`: those they were drawn for, of `reduction`.
# `more`: what else the maker has to know again.
store_vectors <- function(object, values, name, reduction, coordinates, remake, more = list()) {
  object <- store_reduction(object, values, name, key = gsub("_", "", name))
  put_result(
    object, "vectors", name, c(list(reduction = reduction), more),
    list(coordinates_input(object, reduction, x = coordinates)), remake
  )
}

# The record of vectors, or NULL where they were not made here.
vectors_record <- function(object, vectors) tool(object, "results", "vectors")[[vectors]]

# The name of the reduction that vectors live in. Stops where `reduction` is another one, or where its coordinates are
# not those of then. Vectors that were not made here live where the user says.
vectors_for <- function(object, vectors, reduction = NULL) {
  home <- vectors_home(object, vectors, reduction)
  if (!is.null(vectors_record(object, vectors))) take_result(object, "vectors", vectors)
  home
}

vectors_home <- function(object, vectors, reduction = NULL) {
  record <- vectors_record(object, vectors)
  if (!is.null(reduction)) reduction <- choose_reduction(object, reduction)
  if (is.null(record)) {
    return(reduction)
  }
  home <- record$result$reduction
  if (!is.null(reduction) && reduction != home) {
    stop_input(
      "reduction", "`reduction`: the vectors ", quoted(vectors), " are of the reduction ", quoted(home),
      " and say nothing in ", quoted(reduction), ". Draw them in ", quoted(home), ", or make others for ",
      quoted(reduction), "."
    )
  }
  home
}

# The columns of `found` (cells x dims of the vectors) in the order of those of the reduction that they live in; NA
# where there are none, as of a model of some dimensions only.
vectors_by_dimension <- function(object, found, vectors, reduction) {
  made <- vectors_record(object, vectors)$inputs[[1L]]$dims
  if (is.null(made) || ncol(found) != length(made)) {
    return(found)
  }
  columns <- colnames(embedding(object, reduction))
  found[, match(columns[seq_len(max(match(made, columns)))], made), drop = FALSE]
}
