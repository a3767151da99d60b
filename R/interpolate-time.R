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
#' @section Basic use:
#' ```
#' between <- InterpolateTime(cells, t.out = 1.5)
#' plot(between, observed = cells)
#' ```
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param t.out The time to predict, in the units of the time column; later than the model's
#'   first.
#' @param model A model from [FitSDE()], or the name of one in the object; `NULL` takes the last
#'   one fitted.
#' @param time Times of the cells: a column, or one value for each cell; `NULL` takes those that the model has of
#'   them.
#' @param t.start Time of the start cells; `NULL` takes the latest before `t.out` that the model was
#'   trained on.
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes all of the time `t.start`.
#' @param n.sim Simulations of each start cell and member of the ensemble; `NULL` takes as many as
#'   make 2,000 states.
#' @param seed.use Seed; `NULL` draws one from R's generator, which is else untouched.
#' @param threads,device As in [SimulateCells()].
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_interpolation`, see [results]:
#'   \item{states}{Matrix (simulated cells x dims) as the embeddings of a reduction: rows are named
#'     after the start cells, columns as in the reduction.}
#'   \item{weights}{One number for each, summing to 1: equal, but where the model has learned
#'     growth.}
#'   \item{growth}{The mass that one start cell has become, on average.}
#'   \item{cell, sim, member}{Start cell, number of the simulation, member of the ensemble.}
#'   \item{time, t.start}{The time predicted, and that of the start cells.}
#'   \item{seen}{Whether the model was trained on cells of this very time.}
#'   \item{reduction, dims}{Names of the space.}
#'   Its table has one row for each simulated cell, with the columns `cell`, `sim`, `member`, `time`, `weight` and one
#'   for each dimension; `[` keeps those of some start cells.
#' @section Errors:
#' `fatefield_error_input`: `t.out` not after the model's first time; no cell at the time `t.start`;
#' `fatefield_error_model`: no model, or one of other dimensions.
#' @seealso [ScoreInterpolation()], [SimulateCells()] for whole paths.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' days <- sort(unique(cells$day))
#' cells <- FitSDE(
#'   cells, time = "day", reduction = "latent", cells = which(cells$day != days[2]), updates = 20,
#'   verbose = FALSE
#' )
#' between <- InterpolateTime(cells, t.out = days[2], verbose = FALSE)
#' between
#' head(between$states)
#' plot(between, observed = cells)
#' @export
InterpolateTime <- function(object, ...) UseMethod("InterpolateTime")

#' @rdname InterpolateTime
#' @export
InterpolateTime.default <- function(object, t.out, model = NULL, time = NULL, t.start = NULL,
                                    cells = NULL, n.sim = NULL, seed.use = 42L, threads = NULL,
                                    device = NULL, verbose = TRUE, ...) {
  check_object(object)
  check_no_dots(names(formals(InterpolateTime.default)), ...)
  model <- choose_model(object, model)
  t.out <- interpolated_time(t.out, model$times)
  t.start <- interpolation_start(t.start, t.out, model$times)
  if (is.null(cells)) {
    starts <- cell_starts(object, model, time)
    cells <- which(starts == t.start)
    if (length(cells) == 0L) {
      stop_input(
        "t.start", "`t.start`: no cell is of time ", format(t.start), "; the cells are of ",
        paste(format(sort(unique(starts)), trim = TRUE), collapse = ", "), "."
      )
    }
  }
  cells <- check_cells(cells, cell_names(object))
  if (is.null(n.sim)) {
    n.sim <- max(1, ceiling(interpolation_states / (length(cells) * length(model$states))))
  }
  futures <- SimulateCells.default(
    object, model = model, cells = cells, n.sim = n.sim, t.out = c(t.start, t.out), keep = "end",
    seed.use = seed.use, threads = threads, device = device, verbose = verbose
  )
  new_interpolation(futures, t.out, t.start, t.out %in% model$times)
}

#' @rdname InterpolateTime
#' @export
InterpolateTime.Seurat <- function(object, t.out, model = NULL, time = NULL, t.start = NULL, cells = NULL,
                                   n.sim = NULL, seed.use = 42L, threads = NULL, device = NULL, verbose = TRUE, ...) {
  call_worker(InterpolateTime.default, ...)
}

#' @rdname InterpolateTime
#' @export
InterpolateTime.SingleCellExperiment <- InterpolateTime.Seurat

interpolated_time <- function(t.out, times) {
  if (missing(t.out)) {
    stop_input("t.out", "`t.out` is needed: the time to predict, one number.")
  }
  t.out <- nearest_known(check_number(t.out, "t.out"), times)
  if (t.out <= min(times)) {
    stop_input(
      "t.out", "`t.out` must be later than the model's first time, ", format(min(times)),
      ", not ", format(t.out), "."
    )
  }
  t.out
}

interpolation_start <- function(t.start, t.out, times) {
  if (is.null(t.start)) {
    return(max(times[times < t.out]))
  }
  t.start <- nearest_known(check_number(t.start, "t.start"), times)
  if (t.start >= t.out) {
    stop_input(
      "t.start", "`t.start` must be earlier than `t.out`, ", format(t.out), ", not ", format(t.start), "."
    )
  }
  t.start
}

# `futures`: trajectories of one stored time.
new_interpolation <- function(futures, time, t.start, seen) {
  states <- states_at(futures)
  replicate <- stats::ave(seq_along(futures$cell), futures$cell, FUN = seq_along)
  rownames(states) <- paste0(futures$cell, "_", replicate)
  mass <- exp(futures$log_weights[, 1L])
  parts <- list(
    states = states, weights = mass / sum(mass), growth = mean(mass), cell = futures$cell,
    sim = futures$sim, member = futures$member, time = time, t.start = t.start, seen = seen,
    reduction = futures$reduction, dims = futures$dims
  )
  new_result("interpolation", interpolation_cells(parts), parts, by = "cell")
}

interpolation_cells <- function(x) {
  data.frame(
    cell = x$cell, sim = x$sim, member = x$member, time = x$time, weight = x$weights, x$states, check.names = FALSE
  )
}

headline.fatefield_interpolation <- function(x) {
  c(
    paste0("Cells of time ", format(x$time), ", simulated from time ", format(x$t.start), ": ",
      nrow(x$states), " states of ", counted(nlevels(x$cell), "cell"), " in ", counted(ncol(x$states), "dimension"),
      if (!is.null(x$reduction)) paste0(" of ", quoted(x$reduction))),
    if (diff(range(x$weights)) > 0) {
      paste0("weighted by growth; one cell has become ", format(x$growth, digits = 3L))
    },
    if (x$seen) "the model was trained on cells of this time"
  )
}

#' @rdname InterpolateTime
#' @export
summary.fatefield_interpolation <- function(object, ...) {
  mean <- colSums(object$states * object$weights)
  gap <- sweep(object$states, 2L, mean)
  data.frame(
    dim = colnames(object$states), time = object$time, mean = unname(mean),
    sd = unname(sqrt(colSums(gap^2 * object$weights)))
  )
}

subset_result.fatefield_interpolation <- function(x, keep) {
  rows <- order(match(as.character(x$cell), keep), na.last = NA)
  mass <- x$weights[rows] * nrow(x$states) * x$growth
  x$states <- x$states[rows, , drop = FALSE]
  x$cell <- factor(x$cell[rows], keep)
  for (part in c("sim", "member")) x[[part]] <- x[[part]][rows]
  x$weights <- mass / sum(mass)
  x$growth <- mean(mass)
  x$table <- interpolation_cells(x)
  x
}
