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
