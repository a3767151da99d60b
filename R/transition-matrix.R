# Probabilities of steps between cells. Takes the velocity graph, neighbours, a pseudotime, times or a model; gives a
# sparse matrix of cells x cells.

#' Transition matrix
#'
#' How likely each cell is to step to each of its near cells next: by RNA velocity, along neighbours, along a
#' pseudotime,
#' from one observed time to the next, by a neural SDE, or by any mixture of these.
#' From these steps [FindMacrostates()] finds where cells begin and end, and [AbsorptionProbabilities()] their fates.
#'
#' @section Basic use:
#' ```
#' steps <- TransitionMatrix(cells)   # after EmbedVelocity()
#' steps <- TransitionMatrix(cells, kernel = c(velocity = 0.8, connectivity = 0.2))
#' ```
#'
#' @section Kernels:
#' * `"velocity"`: from the correlations of velocities with the steps to near cells, after [EmbedVelocity()]; see
#'   details.
#' * `"connectivity"`: to near cells, in proportion to the weights of the fuzzy graph of neighbours, whatever the
#'   direction.
#' * `"pseudotime"`: the same, but steps back in `pseudotime` by d are (1 + exp(4 d / s)) / 2 times less likely, with s
#'   the mean difference of neighbours.
#' * `"time"`: from each cell to cells of the next observed time by the transport plans of `PredictFate(method =
#'   "plan")`, each of them weighted by its descendants; 100 systematic draws stand for a row of a plan.
#'   Cells of the last time step to their neighbours of that time.
#'   So walks that end in groups of cells of the last time have the fates of these plans.
#' * `"model"`: the jumps between cells by which the drift and the noise of a neural SDE from [FitSDE()] are met, at the
#'   times at which the cells are: how densely cells lie has no say in where they go.
#'   Cells where the model moves slowly stay with the probability that makes all steps equally long in time.
#'   The mean over the members of an ensemble.
#'
#' Of several kernels the probabilities are mixed in the shares that are given.
#' A cell of which a kernel knows no steps goes by the others.
#' A list of transitions is mixed in the same way.
#'
#' @details
#' Of the cells that the object has now: where some were taken out, the steps to those left share all the probability.
#'
#' By velocity, a correlation `p` becomes a weight, and the weights of a cell are divided by the sum of their absolute
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
#'   For other kernels an object or a matrix of coordinates (cells x dims).
#'   To mix transitions, a list of them.
#' @param scale Correlations are multiplied by this before they are exponentiated; `NULL` means
#'   `r doc_default("transition", "scale")`.
#' @param self.transitions May cells stay? Default `TRUE`.
#' @param negative What becomes of steps against the velocity, see details.
#' @param backward Give the steps back: the transpose with rows that sum to 1?
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param kernel Name of a kernel, several names, or shares by name, such as `c(velocity = 0.8, connectivity = 0.2)`.
#'   For a list of transitions one number each; `NULL` mixes them in equal shares.
#' @param reduction,dims Where neighbours are found, and for `"time"` plans; `NULL` takes the neighbours of the
#'   velocities where velocity is one of the kernels, else the PCA.
#' @param n.neighbors Near cells of each cell, for all kernels but velocity; `NULL` means
#'   `r doc_default("kernel", "n.neighbors")`.
#'   Cells that have it among theirs count, too.
#' @param pseudotime A column, or one number for each cell; `NULL` takes the latent time or the pseudotime of the
#'   velocities.
#' @param time Times of the cells: a column, or one value for each cell; `NULL` takes those that the model has of them.
#' @param model For `"model"`, and for the plans of `"time"`: a model from [FitSDE()], or the name of one in the object;
#'   `NULL` takes the one fitted last.
#' @param options Of the plans of `"time"`, as for [PredictFate()].
#' @param neighbors.only Steps by velocity to neighbours alone, in place of these and their neighbours?
#'   Small groups of cells then keep apart for longer.
#' @param seed.use Seed of the draws from plans; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#' @return Transitions, a dgCMatrix of class [fatefield_transitions-class], cells x cells; row `i` holds the steps of
#'   cell `i`.
#'   Rows of cells without a velocity or neighbours are empty, the others sum to 1; for `"signed"`, which is a plain
#'   dgCMatrix, in absolute value.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocity graph, steps that cannot be turned back, no such kernel,
#' shares below 0, a pseudotime that does not change, one time only; in a list probabilities that are negative or do
#' not sum to 1, or other cells.
#' `fatefield_error_stale`: velocities were estimated anew, or counts are others, since [EmbedVelocity()].
#' @references Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical
#'   modeling. Nature Biotechnology 38.
#'
#'   Lange et al. (2022) CellRank for directed single-cell fate mapping. Nature Methods 19.
#' @seealso [EmbedVelocity()], [FindMacrostates()], [AbsorptionProbabilities()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
#' steps <- TransitionMatrix(cells, kernel = c(velocity = 0.8, connectivity = 0.2))
#' steps
#' range(Matrix::rowSums(steps))
#' by.time <- TransitionMatrix(cells, kernel = "time", time = "day", reduction = "latent")
#' TransitionMatrix(list(steps, by.time), kernel = c(0.7, 0.3))
#' @export
TransitionMatrix <- function(object, ...) UseMethod("TransitionMatrix")

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.default <- function(object, scale = NULL, self.transitions = TRUE,
                                     negative = c("exponential", "none", "signed"), backward = FALSE,
                                     kernel = "velocity", dims = NULL, n.neighbors = NULL, pseudotime = NULL,
                                     time = NULL, model = NULL, options = NULL, seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(TransitionMatrix.default)), ...)
  kernel <- check_kernel(kernel)
  if ("velocity" %in% names(kernel) && length(kernel) > 1L) {
    stop_input("kernel", "`kernel`: a matrix is a velocity graph or coordinates, not both; give an object, or mix the ",
      "transitions of both as a list.")
  }
  task <- list(
    object = object, reduction = NULL, dims = dims, n.neighbors = n.neighbors, pseudotime = pseudotime, time = time,
    model = model, options = options, seed = seed_from(seed.use)
  )
  mixed_transitions(kernel, function() object, list(), task, scale, self.transitions, negative, backward)
}

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.list <- function(object, kernel = NULL, ...) {
  check_no_dots(names(formals(TransitionMatrix.list)), ...)
  if (is.data.frame(object)) stop_input("object", "`object` must be a list of transitions, not a data.frame.")
  if (length(object) == 0L) stop_input("object", "`object` is an empty list; it must hold transitions.")
  first <- check_transitions(object[[1L]], "object")
  parts <- c(list(first), lapply(object[-1L], check_transitions, argument = "object", cells = rownames(first)))
  if (is.null(kernel)) kernel <- rep(1, length(parts))
  if (!is.numeric(kernel) || length(kernel) != length(parts)) {
    stop_input("kernel", "`kernel` must be one share for each of the ", length(parts), " transitions, not ",
      described(kernel), ".")
  }
  check_shares(kernel)
  combine_transitions(parts, as.numeric(kernel) / sum(kernel))
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
                                    velocity = NULL, kernel = "velocity", reduction = NULL, dims = NULL,
                                    n.neighbors = NULL, pseudotime = NULL, time = NULL, model = NULL, options = NULL,
                                    seed.use = 42L, threads = NULL, neighbors.only = FALSE, ...) {
  local_threads(threads)
  check_no_dots(names(formals(TransitionMatrix.Seurat)), ...)
  check_flag(neighbors.only, "neighbors.only")
  kernel <- check_kernel(kernel)
  task <- list(
    object = object, reduction = reduction, dims = dims, n.neighbors = n.neighbors, pseudotime = pseudotime,
    time = time, model = model, options = options, seed = seed_from(seed.use)
  )
  graph <- inputs <- NULL
  if ("velocity" %in% names(kernel)) {
    name <- velocity_name(object, velocity)
    graph <- velocity_graph(object, name)
    if (neighbors.only) graph <- among_neighbours(graph, fetch_velocity(object, name)$knn)
    inputs <- list(velocity_input(object, name))
    task$neighbours <- function() {
      estimate <- fetch_velocity(object, name)
      list(knn = estimate$knn, cells = rownames(estimate$cells), inputs = inputs)
    }
  }
  mixed_transitions(kernel, function() graph, inputs, task, scale, self.transitions, negative, backward)
}

#' @rdname TransitionMatrix
#' @export
TransitionMatrix.SingleCellExperiment <- TransitionMatrix.Seurat

# Of the correlations those with cells that are neighbours, one way or the other.
among_neighbours <- function(graph, knn) {
  near <- fuzzy_neighbours(knn, thread_count())
  near@x <- rep(1, length(near@x))
  few <- methods::as(graph * near, "CsparseMatrix")
  dimnames(few) <- dimnames(graph)
  few
}

# `graph`: a function that gives the velocity graph; `inputs`: what it was made from; `task`: see transitions_of().
mixed_transitions <- function(kernel, graph, inputs, task, scale, self.transitions, negative, backward) {
  negative <- check_choice(negative, c("exponential", "none", "signed"), "negative")
  check_flag(self.transitions, "self.transitions")
  check_flag(backward, "backward")
  alone <- identical(names(kernel), "velocity")
  if (negative == "signed" && (backward || !alone)) {
    stop_input("negative", "`negative` cannot be \"signed\" for steps back", if (!alone) " or several kernels",
      ": they would not be ", "probabilities.")
  }
  by.velocity <- function() {
    graph <- check_graph(graph())
    options <- merge_options(transition_defaults(), list(
      scale = scale, self.transitions = self.transitions, negative = negative
    ))
    steps <- step_probabilities(graph, options, backward && alone)
    dimnames(steps) <- dimnames(graph)
    if (negative == "signed") steps else new_transitions(steps, c(velocity = 1), inputs)
  }
  steps <- transitions_of(kernel, by.velocity, task)
  if (!backward || alone) {
    return(steps)
  }
  back <- methods::as(divided_rows(Matrix::t(plain_steps(steps))), "CsparseMatrix")
  dimnames(back) <- dimnames(steps)
  new_transitions(back, steps@kernel, steps@inputs)
}

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
