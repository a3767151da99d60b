# Probabilities of steps between cells. Takes the velocity graph; gives a sparse matrix of cells x cells.

#' Transition matrix of RNA velocities
#'
#' How likely each cell is to step to each of its near cells next, from the correlations of its velocity
#' with these steps.
#'
#' @section Basic use:
#' ```
#' steps <- TransitionMatrix(cells)   # after EmbedVelocity()
#' ```
#'
#' @details
#' Of the cells that the object has now: where some were taken out, the steps to those left share all the probability.
#'
#' A correlation `p` becomes a weight, and the weights of a cell are divided by the sum of their absolute
#' values:
#'
#' - `negative = "exponential"`: `exp(scale * p)` for all near cells, so that steps against the velocity
#'   are unlikely but possible.
#' - `"none"`: `exp(scale * p) - 1` for steps along the velocity, none against it.
#' - `"signed"`: the same, and `1 - exp(-scale * p)`, which is negative, for steps against the velocity;
#'   for projections rather than walks.
#'
#' With `self.transitions` a cell stays with the weight of what its best correlation lacks of the 98th
#' percentile of these over all cells.
#'
#' @param object An object with a velocity graph, from [EmbedVelocity()], a `fatefield_arrows`, or the
#'   graph itself (cells x cells).
#' @param scale Correlations are multiplied by this before they are exponentiated; `NULL` means
#'   `r doc_default("transition", "scale")`.
#' @param self.transitions May cells stay? Default `TRUE`.
#' @param negative What becomes of steps against the velocity, see details.
#' @param backward Give the steps back: the transpose with rows that sum to 1?
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param ... Not used.
#' @return A dgCMatrix, cells x cells; row `i` holds the steps of cell `i`.
#'   Rows of cells without a velocity are empty, the others sum to 1, for `"signed"` in absolute value.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocity graph, steps that cannot be turned back.
#' `fatefield_error_stale`: velocities were estimated anew, or counts are others, since [EmbedVelocity()].
#' @references Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical
#'   modeling. Nature Biotechnology 38.
#' @seealso [EmbedVelocity()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
#' steps <- TransitionMatrix(cells)
#' range(Matrix::rowSums(steps))
#' @export
TransitionMatrix <- function(object, ...) UseMethod("TransitionMatrix")

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.default <- function(object, scale = NULL, self.transitions = TRUE,
                                     negative = c("exponential", "none", "signed"), backward = FALSE, ...) {
  check_no_dots(names(formals(TransitionMatrix.default)), ...)
  negative <- check_choice(negative, c("exponential", "none", "signed"), "negative")
  check_flag(self.transitions, "self.transitions")
  check_flag(backward, "backward")
  if (backward && negative == "signed") {
    stop_input("negative", "`negative` cannot be \"signed\" for steps back: they would not be ",
      "probabilities.")
  }
  graph <- check_graph(object)
  options <- merge_options(transition_defaults(), list(
    scale = scale, self.transitions = self.transitions, negative = negative
  ))
  steps <- step_probabilities(graph, options, backward)
  dimnames(steps) <- dimnames(graph)
  steps
}

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.fatefield_arrows <- function(object, scale = NULL, self.transitions = TRUE,
                                              negative = c("exponential", "none", "signed"), backward = FALSE, ...) {
  call_worker(TransitionMatrix.default, object = object$graph, ...)
}

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.Seurat <- function(object, scale = NULL, self.transitions = TRUE,
                                    negative = c("exponential", "none", "signed"), backward = FALSE,
                                    velocity = NULL, ...) {
  graph <- velocity_graph(object, velocity_name(object, velocity))
  call_worker(TransitionMatrix.default, object = graph, ...)
}

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.SingleCellExperiment <- TransitionMatrix.Seurat

# A graph of cells as a dgCMatrix.
check_graph <- function(graph) {
  if (!is_plain_matrix(graph)) {
    stop_input("object", "`object` must hold a velocity graph, from EmbedVelocity(), or be one, not ", described(graph),
      ".")
  }
  if (is.data.frame(graph)) graph <- plain_matrix(graph, "object")
  graph <- methods::as(methods::as(methods::as(graph, "dMatrix"), "generalMatrix"), "CsparseMatrix")
  if (nrow(graph) != ncol(graph)) {
    stop_input("object", "`object` must be a graph of cells x cells, not ", nrow(graph), " x ",
      ncol(graph), ".")
  }
  graph
}
