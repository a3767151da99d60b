# Cells of a time that was not measured, or was measured and left out. Takes an object or a matrix with
# a model; gives simulated states (states x dims) with weights, in the units of the reduction.

# States simulated at least, where the number of simulations is not given.
interpolation_states <- 2000

#' Cells of a time that was not measured
#'
#' Simulates a fitted model from the cells of the nearest earlier time it was trained on to a time
#' in between, or beyond.
#' To see how good this is, leave a measured time out of the training, with the argument `cells` of
#' [FitSDE()], predict it, and compare with [ScoreInterpolation()].
#'
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param time.out The time to predict, in the units of the time column; later than the model's
#'   first.
#' @param model A model from [FitSDE()], or the name of one in the object; `NULL` takes the last
#'   one fitted.
#' @param time Column with the time of each cell, or one number for each; `NULL` takes the column
#'   the model was fitted with.
#'   A matrix has none: without `time` all its cells are of the model's first time.
#' @param from Time of the start cells; `NULL` takes the latest before `time.out` that the model was
#'   trained on.
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes all of the time `from`.
#' @param n.sim Simulations of each start cell and member of the ensemble; `NULL` takes as many as
#'   make 2,000 states.
#' @param seed.use Seed; `NULL` draws one from R's generator, which is else untouched.
#' @param threads,device As in [SimulateCells()].
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return A list of class `fatefield_interpolation`:
#'   \item{states}{Matrix (simulated cells x dims) as the embeddings of a reduction: rows are named
#'     after the start cells, columns as in the reduction.}
#'   \item{weights}{One number for each, summing to 1: equal, but where the model has learned
#'     growth.}
#'   \item{growth}{The mass that one start cell has become, on average.}
#'   \item{cell, sim, member}{Start cell, number of the simulation, member of the ensemble.}
#'   \item{time, from}{The time predicted, and that of the start cells.}
#'   \item{seen}{Whether the model was trained on cells of this very time.}
#'   \item{reduction, dims}{Names of the space.}
#'   `as.data.frame()` gives one row for each simulated cell.
#' @section Errors:
#' `fatefield_error_input`: `time.out` not after the model's first time; no cell at the time `from`;
#' `fatefield_error_model`: no model, or one of other dimensions.
#' @seealso [ScoreInterpolation()], [SimulateCells()] for whole paths.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' days <- sort(unique(cells$day))
#' cells <- FitSDE(
#'   cells, time = "day", reduction = "latent", cells = which(cells$day != days[2]), updates = 20,
#'   verbose = FALSE
#' )
#' between <- InterpolateTime(cells, time.out = days[2], verbose = FALSE)
#' between
#' head(between$states)
#' @export
InterpolateTime <- function(object, ...) UseMethod("InterpolateTime")

#' @rdname InterpolateTime
#' @export
InterpolateTime.default <- function(object, time.out, model = NULL, time = NULL, from = NULL,
                                    cells = NULL, n.sim = NULL, seed.use = 42L, threads = NULL,
                                    device = NULL, verbose = TRUE, ...) {
  check_object(object)
  check_no_dots(names(formals(InterpolateTime.default)), ...)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE().")
  }
  model <- choose_model(object, model)
  time.out <- interpolated_time(time.out, model$times)
  from <- start_time(from, time.out, model$times)
  starts <- cell_starts(object, model, time)
  cells <- if (is.null(cells)) which(starts == from) else check_cells(cells, cell_names(object))
  if (length(cells) == 0L) {
    stop_input(
      "from", "`from`: no cell is of time ", format(from), "; the cells are of ",
      paste(format(sort(unique(starts)), trim = TRUE), collapse = ", "), "."
    )
  }
  if (is.null(n.sim)) {
    n.sim <- max(1, ceiling(interpolation_states / (length(cells) * length(model$states))))
  }
  futures <- SimulateCells.default(
    object, model = model, cells = cells, n.sim = n.sim, times = c(from, time.out), keep = "end",
    seed.use = seed.use, threads = threads, device = device, verbose = verbose
  )
  new_interpolation(futures, time.out, from, time.out %in% model$times)
}

#' @rdname InterpolateTime
#' @export
InterpolateTime.Seurat <- function(object, ...) InterpolateTime.default(object, ...)

#' @rdname InterpolateTime
#' @export
InterpolateTime.SingleCellExperiment <- function(object, ...) InterpolateTime.default(object, ...)

interpolated_time <- function(time.out, times) {
  if (missing(time.out)) {
    stop_input("time.out", "`time.out` is needed: the time to predict, one number.")
  }
  time.out <- check_number(time.out, "time.out")
  if (time.out <= min(times)) {
    stop_input(
      "time.out", "`time.out` must be later than the model's first time, ", format(min(times)),
      ", not ", format(time.out), "."
    )
  }
  time.out
}

start_time <- function(from, time.out, times) {
  if (is.null(from)) {
    return(max(times[times < time.out]))
  }
  from <- check_number(from, "from")
  if (from >= time.out) {
    stop_input(
      "from", "`from` must be earlier than `time.out`, ", format(time.out), ", not ", format(from),
      "."
    )
  }
  from
}

# `futures`: trajectories of one stored time.
new_interpolation <- function(futures, time, from, seen) {
  states <- states_at(futures)
  replicate <- stats::ave(seq_along(futures$cell), futures$cell, FUN = seq_along)
  rownames(states) <- paste0(futures$cell, "_", replicate)
  mass <- exp(futures$log_weights[, 1L])
  structure(
    list(
      states = states, weights = mass / sum(mass), growth = mean(mass), cell = futures$cell,
      sim = futures$sim, member = futures$member, time = time, from = from, seen = seen,
      reduction = futures$reduction, dims = futures$dims
    ),
    class = "fatefield_interpolation"
  )
}

#' @export
print.fatefield_interpolation <- function(x, ...) {
  cat(
    "Cells of time ", format(x$time), ", simulated from time ", format(x$from), ": ",
    nrow(x$states), " states of ", nlevels(x$cell), " cells in ", ncol(x$states), " dimensions",
    if (!is.null(x$reduction)) paste0(" of ", quoted(x$reduction)), "\n",
    sep = ""
  )
  if (diff(range(x$weights)) > 0) {
    cat("  weighted by growth; one cell has become ", format(x$growth, digits = 3L), "\n", sep = "")
  }
  if (x$seen) cat("  the model was trained on cells of this time\n")
  invisible(x)
}

#' @export
as.data.frame.fatefield_interpolation <- function(x, row.names = NULL, optional = FALSE, ...) {
  data.frame(
    cell = x$cell, sim = x$sim, member = x$member, time = x$time, weight = x$weights, x$states,
    row.names = rownames(x$states), check.names = FALSE
  )
}
