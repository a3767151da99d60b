# When fates are decided: takes simulated futures and labelled cells; gives, per cell, the time to commitment,
# and for all of them first passages to fates, the entropy of fates along the way and the shares of labels
# by time. What is computed of paths stands in commitment.R.

#' When cells commit to a fate
#'
#' Looks at simulated futures not only at their ends but along the way.
#' At each time the `k` nearest labelled cells vote, as in [PredictFate()].
#'
#' A path is in the region of a fate where that fate has at least `threshold` of the votes.
#' Its first passage is when it first gets there; it commits when it gets there and does not leave again
#' until the end.
#' Between two times the share of the votes is taken as linear.
#' The shares of paths that have passed by each time are those of Kaplan and Meier: paths that were lost on the
#' way count as long as they last.
#'
#' The entropy is that of the fate that is still to come, not of the votes where the path is.
#' The fates to come at a state are the shares of the fates among the ends of the `k.paths` other paths that are
#' nearest at the same time; at the start, of all futures of the same cell where these are as many.
#' It is ln(fates) where all are equally likely and 0 where the fate is sealed.
#' From `k.paths` neighbours it comes out too low by about (fates - 1) / (2 `k.paths`).
#' The commitment point is the time at which its mean falls fastest, the middle of the steepest stretch.
#' Where strong noise goes on to the end, fates are open to the end, and the point lies there: look at the whole
#' curve.
#'
#' The commitment time of a cell is the mean over its futures of the time from the start to commitment, where a
#' future that never commits counts with the whole time (the restricted mean of survival analysis): compare it
#' among cells simulated over the same times.
#'
#' Futures that gained mass by growth count for more.
#' Intervals are from the bootstrap over cells, all paths of a cell kept together; over paths where there is
#' but one cell.
#' They do not know how wrong the model is; `spread` and the standard errors see the ensemble.
#'
#' @inheritParams PredictFate
#' @param object A Seurat object, a SingleCellExperiment, a matrix (cells x dims), or [trajectories].
#' @param reference Of objects, cells that vote (names, numbers or TRUE/FALSE); `NULL` takes all labelled ones.
#'   Of trajectories, the labelled cells: a matrix (cells x dims) in their space, or the object they came from.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   last one fitted.
#'   Along a velocity field each cell has one path, from [IntegrateCells()].
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes those of the model's first time, for a
#'   velocity field all.
#' @param n.sim Simulations of each cell and member. Default 50.
#' @param times Times at which paths are looked at, the start first, in the units of the time column; along a
#'   velocity field counted from the start.
#'   `NULL` takes 31 from the start of the cells to the last time of the training, or those of
#'   [IntegrateCells()].
#' @param threshold Share of the votes from which on a path is in the region of a fate, above 0.5 so that
#'   regions do not overlap. Default 0.6.
#' @param k.paths Paths that tell what becomes of a state. Default 30.
#' @param conf.level Of the intervals. Default 0.95.
#' @param n.boot Bootstrap samples. Default 200.
#' @param seed.use Seed of simulations and bootstrap; `NULL` draws one from R's generator.
#' @param name Name of the result in the object.
#'
#' @return For matrices and trajectories a list of class `fatefield_dynamics`:
#'   \item{cells}{data.frame, one row per cell: `commitment_time` and `commitment_time_se`, in units of time from
#'     the start; `commitment_share` of its futures that commit at all; `start_entropy` (nats).}
#'   \item{passage}{data.frame: for each `fate` and `time` the `share` of paths that have been in its region by
#'     then, with `low` and `high`.}
#'   \item{median}{data.frame, one row per fate: the `median` time of first passage from the start with `low` and
#'     `high` (`NA` where less than half get there), and the `share` that get there.}
#'   \item{entropy}{data.frame: `time`, mean `entropy`, `low`, `high`, and `spread`, the standard deviation between
#'     members.}
#'   \item{point}{The commitment point: `time`, `low`, `high`, and `state`, the mean state of the paths then,
#'     weighted by their entropy: where those are that are undecided.}
#'   \item{stream}{data.frame: for each `time` and `label` the `share` of the mass with that label.}
#'   \item{by.cell}{Matrix cells x times: the mean entropy of each cell's paths.}
#'   \item{paths}{data.frame, one row per path: `cell`, `sim`, `member`, `fate` and `commitment_time` (`NA` where it
#'     does not commit).}
#'   For objects the object with the columns `commitment_time`, `commitment_time_se` and `commitment_share`
#'   (`NA` for cells not asked for) and the whole result, from which [PlotFateStream()] and [PlotCommitment()]
#'   draw.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no labels, fewer than two fates, trajectories of one time, a
#'   threshold that is not above 0.5. `fatefield_error_model`: no model, or one of other dimensions.
#' @references Kaplan, Meier (1958) Nonparametric estimation from incomplete observations. Journal of the
#'   American Statistical Association 53.
#' @seealso [PredictFate()], [SimulateCells()], [PlotFateStream()], [PlotCommitment()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
#'   n.sim = 10, verbose = FALSE)
#' summary(cells$commitment_time)
#' PlotFateStream(cells)
#' @export
FateDynamics <- function(object, ...) UseMethod("FateDynamics")

#' @rdname FateDynamics
#' @export
FateDynamics.default <- function(object, model = NULL, labels = NULL, cells = NULL, n.sim = 50L,
                                 times = NULL, fates = NULL, exclude = NULL, reference = NULL,
                                 threshold = 0.6, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                 k.paths = 30L, conf.level = 0.95, n.boot = 200L, seed.use = 42L,
                                 threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(FateDynamics.default)), ...)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE().")
  }
  model <- choose_model(object, model, type = c("sde", "field"))
  settings <- dynamics_settings(threshold, k.paths, conf.level, n.boot, seed_from(seed.use))
  options <- vote_options(k, weights, vote, cutoff, NULL, NULL)
  x <- model_coordinates(object, model)
  labels <- label_column(object, labels)
  if (model$type == "field") {
    paths <- IntegrateCells.default(object, model, cells, times, verbose = verbose)
    voters <- label_voters(near_space(paths, x), labels, reference, options)
    return(dynamics_of(near_trajectories(paths), voters, which_fates(voters, fates, exclude), settings))
  }
  voters <- label_voters(x, labels, reference, options)
  counted <- which_fates(voters, fates, exclude)
  starts <- cell_starts(object, model)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  if (is.null(times)) times <- way_times(starts[cells], model)
  paths <- SimulateCells.default(object, model, cells, n.sim, times, seed.use = settings$seed,
    verbose = verbose)
  dynamics_of(paths, voters, counted, settings)
}

#' @rdname FateDynamics
#' @export
FateDynamics.Seurat <- function(object, ..., name = "fates") dynamics_and_store(object, list(...), name)

#' @rdname FateDynamics
#' @export
FateDynamics.SingleCellExperiment <- function(object, ..., name = "fates") {
  dynamics_and_store(object, list(...), name)
}

#' @rdname FateDynamics
#' @export
FateDynamics.fatefield_trajectories <- function(object, labels = NULL, reference = NULL, fates = NULL,
                                                exclude = NULL, threshold = 0.6, k = NULL,
                                                weights = NULL, vote = NULL, cutoff = NULL,
                                                k.paths = 30L, conf.level = 0.95, n.boot = 200L,
                                                seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(FateDynamics.fatefield_trajectories)), ...)
  if (is.null(reference)) {
    stop_input("reference", "`reference` is needed: the labelled cells, a matrix (cells x dims) or an object.")
  }
  settings <- dynamics_settings(threshold, k.paths, conf.level, n.boot, seed_from(seed.use))
  x <- background_cells(object, reference, "reference")
  voters <- label_voters(x, label_column(reference, labels), NULL,
    vote_options(k, weights, vote, cutoff, NULL, NULL))
  dynamics_of(near_trajectories(object), voters, which_fates(voters, fates, exclude), settings)
}

dynamics_settings <- function(threshold, k.paths, conf.level, n.boot, seed) {
  threshold <- check_number(threshold, "threshold", min = 0.5, max = 1)
  if (threshold == 0.5) {
    stop_input("threshold", "`threshold` must be above 0.5, so that a path is in the region of one fate only.")
  }
  list(
    threshold = threshold, k = check_count(k.paths, "k.paths"),
    conf.level = check_number(conf.level, "conf.level", min = 0, max = 1),
    n.boot = check_count(n.boot, "n.boot"), seed = seed
  )
}

# 31 times from the start of the cells to the last of the model.
way_times <- function(starts, model) {
  start <- unique(starts)
  if (length(start) > 1L) {
    stop_input("times", "`times` is needed: the cells are of different times (",
      paste(format(sort(start)), collapse = ", "), "); name a start and later times.")
  }
  if (start >= max(model$times)) {
    stop_input("times", "`times` is needed: the cells are at the model's last time, ", format(start),
      "; name a start and a later time.")
  }
  seq(start, max(model$times), length.out = 31L)
}

dynamics_and_store <- function(object, arguments, name) {
  check_string(name, "name")
  result <- do.call(FateDynamics.default, c(list(object), arguments))
  columns <- c("commitment_time", "commitment_time_se", "commitment_share")
  object <- store_cells(object, result$cells[columns])
  object <- put_tool(object, "dynamics", name, result)
  if (!is_seurat(object)) {
    return(object)
  }
  log_command(object, "FateDynamics", c(arguments[nzchar(names(arguments))], name = name))
}

# The result in an object, or itself.
fetch_dynamics <- function(object, name = NULL) {
  if (inherits(object, "fatefield_dynamics")) {
    return(object)
  }
  found <- if (is_seurat(object) || is_sce(object)) tool(object, "dynamics", name)
  if (is.null(found)) {
    stop_input("object", "`object` must be from FateDynamics() or an object that has been through it, not ",
      described(object), ".")
  }
  found
}

#' @export
print.fatefield_dynamics <- function(x, ...) {
  cat("fates of ", nrow(x$paths), " paths of ", nrow(x$cells), " cell", if (nrow(x$cells) != 1L) "s",
    " along ", nrow(x$entropy), " times\n", sep = "")
  committed <- !is.na(x$paths$fate)
  cat(format(100 * mean(committed), digits = 3L), " % commit, on average after ",
    format(mean(x$paths$commitment_time[committed]), digits = 3L), "\n", sep = "")
  print(data.frame(lapply(x$median, function(v) if (is.numeric(v)) signif(v, 3L) else v), check.names = FALSE),
    row.names = FALSE)
  if (!is.na(x$point$time)) {
    cat("the entropy of fates falls fastest at ", format(x$point$time, digits = 3L), " (",
      format(x$point$low, digits = 3L), " to ", format(x$point$high, digits = 3L), ")\n", sep = "")
  }
  invisible(x)
}
