# Transitions: probabilities of steps between cells with what they were made from. A dgCMatrix of cells x cells, whose
# rows are the cells that steps start from, of a class of its own.

#' Transitions
#'
#' What [TransitionMatrix()] gives: a `dgCMatrix` of cells x cells whose rows sum to 1 or, for cells that have no steps,
#' are empty.
#' It works like any other sparse matrix; what is computed from it is a plain one.
#'
#' @slot kernel Named numbers: which kernels they were made of, and the share of each.
#' @slot inputs What they were made from, so that [FindMacrostates()] and [AbsorptionProbabilities()] notice where the
#'   object has changed since.
#' @importClassesFrom Matrix dgCMatrix
#' @name fatefield_transitions-class
#' @exportClass fatefield_transitions
methods::setClass("fatefield_transitions", contains = "dgCMatrix", slots = c(kernel = "numeric", inputs = "list"))

#' @rdname fatefield_transitions-class
#' @param object Transitions.
#' @export
methods::setMethod("show", "fatefield_transitions", function(object) {
  cells <- nrow(object)
  walking <- sum(diff(methods::as(Matrix::t(plain_steps(object)), "CsparseMatrix")@p) > 0)
  writeLines(c(
    paste0("transitions of ", counted(cells, "cell"), ", ", counted(length(object@x), "step"), ", by ",
      kernel_text(object@kernel)),
    if (walking < cells) paste0(counted(cells - walking, "cell"), " without steps")
  ))
})

new_transitions <- function(steps, kernel, inputs = list()) {
  methods::new("fatefield_transitions", plain_steps(steps), kernel = kernel, inputs = inputs)
}

# The matrix alone.
plain_steps <- function(x) {
  if (methods::is(x, "fatefield_transitions")) methods::as(x, "dgCMatrix") else x
}

kernel_text <- function(kernel) {
  paste(if (length(kernel) == 1L) names(kernel) else paste(format(kernel, digits = 2L), names(kernel)),
    collapse = " + ")
}

# Transitions that a user gives, checked: a dgCMatrix of the class, with names. `cells`: names that it must have, in
# this order, or NULL.
check_transitions <- function(x, argument = "transitions", cells = NULL) {
  if (!is_plain_matrix(x)) {
    stop_input(argument, "`", argument,
      "` must be probabilities of steps, cells x cells, from TransitionMatrix(), not ",
      described(x), ".")
  }
  kernel <- if (methods::is(x, "fatefield_transitions")) x@kernel else c(given = 1)
  inputs <- if (methods::is(x, "fatefield_transitions")) x@inputs else list()
  x <- sparse_steps(x, argument)
  check_step_rows(x, argument)
  if (!is.null(cells)) x <- steps_of_cells(x, cells, argument)
  if (is.null(rownames(x))) dimnames(x) <- rep(list(as.character(seq_len(nrow(x)))), 2L)
  new_transitions(x, kernel, inputs)
}

sparse_steps <- function(x, argument) {
  if (is.data.frame(x)) x <- plain_matrix(x, argument)
  if (nrow(x) != ncol(x)) {
    stop_input(argument, "`", argument, "` must be cells x cells, not ", nrow(x), " x ", ncol(x), ".")
  }
  if (!is.null(rownames(x)) && !is.null(colnames(x)) && !identical(rownames(x), colnames(x))) {
    stop_input(argument, "`", argument, "` has other cells in its columns than in its rows.")
  }
  names <- rownames(x)
  x <- methods::as(methods::as(methods::as(plain_steps(x), "dMatrix"), "generalMatrix"), "CsparseMatrix")
  dimnames(x) <- list(names, names)
  Matrix::drop0(x)
}

check_step_rows <- function(x, argument) {
  name_of <- function(i) if (is.null(rownames(x))) i else quoted(rownames(x)[[i]])
  bad <- which(!is.finite(x@x) | x@x < 0)
  if (length(bad) > 0L) {
    stop_input(argument, "`", argument, "` has ", length(bad), " negative or missing probabilities, the first of cell ",
      name_of(x@i[[bad[[1L]]]] + 1L), "; they must be from 0 to 1.")
  }
  sums <- Matrix::rowSums(x)
  off <- which(abs(sums - 1) > 1e-6 & sums != 0)
  if (length(off) > 0L) {
    stop_input(argument, "`", argument, "`: the probabilities of ", length(off), " of ", nrow(x),
      " cells do not sum to 1; ",
      "those of cell ", name_of(off[[1L]]), " sum to ", format(sums[[off[[1L]]]], digits = 4L), ".")
  }
}

steps_of_cells <- function(x, cells, argument) {
  if (nrow(x) != length(cells)) {
    stop_input(argument, "`", argument, "` is of ", nrow(x), " cells, but there are ", length(cells), ".")
  }
  if (is.null(rownames(x)) || identical(rownames(x), cells)) {
    dimnames(x) <- list(cells, cells)
    return(x)
  }
  if (!setequal(rownames(x), cells)) {
    stop_input(argument, "`", argument, "` is of other cells; ", quoted(setdiff(cells, rownames(x))[[1L]]),
      " is missing.")
  }
  x[cells, cells]
}

# Rows divided by what each of them has; those that have nothing become 0.
divided_rows <- function(x, by = Matrix::rowSums(x)) Matrix::Diagonal(x = ifelse(by > 0, 1 / by, 0)) %*% x

# Of some of the cells: the steps to those left share all the probability.
steps_among <- function(x, cells) {
  some <- plain_steps(x)[cells, cells, drop = FALSE]
  some <- methods::as(divided_rows(some), "CsparseMatrix")
  dimnames(some) <- list(cells, cells)
  new_transitions(some, x@kernel, x@inputs)
}

# Stops where the object is no longer what the transitions were made from.
check_transition_inputs <- function(object, transitions) {
  at <- NULL
  for (input in transitions@inputs) {
    found <- check_input(object, input, "the transitions", "TransitionMatrix()", at = at)
    if (is.null(at)) at <- found
  }
}

# The convex combination of several. `shares`: one each, sum 1.
combine_transitions <- function(parts, shares) {
  kernel <- unlist(Map(function(p, s) p@kernel * s, parts, shares), use.names = FALSE)
  names(kernel) <- unlist(lapply(parts, function(p) names(p@kernel)))
  kernel <- vapply(split(kernel, factor(names(kernel), unique(names(kernel)))), sum, 1)
  used <- which(shares > 0)
  # A cell that one of them knows no steps of goes by the others.
  known <- lapply(parts[used], function(p) as.numeric(Matrix::rowSums(plain_steps(p)) > 0))
  weight <- Reduce(`+`, Map(`*`, known, shares[used]))
  scaled <- Map(function(p, s) s * plain_steps(p), parts[used], shares[used])
  sum <- Reduce(`+`, scaled)
  steps <- methods::as(divided_rows(sum, weight), "generalMatrix")
  steps <- methods::as(steps, "CsparseMatrix")
  dimnames(steps) <- dimnames(plain_steps(parts[[1L]]))
  inputs <- unlist(lapply(parts[used], function(p) p@inputs), recursive = FALSE)
  new_transitions(steps, kernel[kernel > 0], unique(inputs))
}
