# When fates are decided: takes simulated futures and labelled cells; gives, per cell, the time to commitment,
# and for all of them first passages to fates, the entropy of fates along the way and the shares of labels
# by time. What is computed of paths stands in commitment.R.

#' When cells commit to a fate
#'
#' Looks at simulated futures not only at their ends but along the way.
#' At each time the `k` nearest reference cells vote, as in [PredictFate()].
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day")
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor")
#' PlotCommitment(cells)
#' ```
#'
#' @details
#' A path is in the region of a fate where that fate has at least `threshold` of the votes.
#' Its first passage is when it first gets there; it commits when it gets there and does not leave again
#' until the end.
#' Between two times the share of the votes is taken as linear.
#' The shares of paths that have passed by each time are those of Kaplan and Meier: paths that were lost on the
#' way count as long as they last.
#'
#' The entropy is that of the fate that is still to come, not of the votes where the path is.
#' The fates to come at a state are the shares of the fates among the ends of the `n.neighbors` other paths that are
#' nearest at the same time; at the start, of all futures of the same cell where these are as many.
#' It is ln(fates) where all are equally likely and 0 where the fate is sealed.
#' From `n.neighbors` paths it comes out too low by about (fates - 1) / (2 `n.neighbors`).
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
#' @param reference Of objects, reference cells (names, numbers or TRUE/FALSE); `NULL` takes those of [DefineFates()],
#'   else all labelled ones.
#'   Of trajectories, the labelled cells: a matrix (cells x dims) in their space, or the object they came from.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   last neural SDE, or the last field where there is none.
#'   Along a velocity field each cell has one path, from [IntegrateCells()].
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes those of the model's first time, for a
#'   velocity field all.
#' @param n.sim Simulations of each cell and member. Default 50.
#' @param t.out Times at which paths are looked at, the start first, in the units of the time column; along a
#'   velocity field counted from the start.
#'   `NULL` takes 31 from the start of the cells to the last time of the training, or those of
#'   [IntegrateCells()].
#' @param threshold Share of the votes from which on a path is in the region of a fate, above 0.5 so that
#'   regions do not overlap. Default 0.6.
#' @param n.neighbors Paths that tell what becomes of a state. Default 30.
#' @param conf.level Of the intervals. Default 0.95.
#' @param n.boot Bootstrap samples. Default 200.
#' @param seed.use Seed of simulations and bootstrap; `NULL` draws one from R's generator.
#' @param store.as Stem of the names under which the result is kept; `NULL` means `"commitment"`, or
#'   `"fatefield_commitment"` where the object has such columns of your own, which are never overwritten.
#'
#' @return For matrices and trajectories a result of class `fatefield_dynamics`, see [results]:
#'   \item{table}{data.frame, one row per `cell`: `commitment_time` and `commitment_time_se`, in units of time from
#'     the start; `commitment_share` of its futures that commit at all; `start_entropy` (nats).}
#'   \item{passage}{data.frame: for each `fate` and `time` the `share` of paths that have been in its region by
#'     then, with `share_low` and `share_high`.}
#'   \item{median}{data.frame, one row per fate: the `median` time of first passage from the start with `median_low`
#'     and `median_high` (`NA` where less than half get there), and the `share` that get there.}
#'   \item{entropy}{data.frame: `time`, mean `entropy`, `entropy_low`, `entropy_high`, and `spread`, the standard
#'     deviation between members.}
#'   \item{point}{The commitment point: `time`, `time_low`, `time_high`, and `state`, the mean state of the paths then,
#'     weighted by their entropy: where those are that are undecided.}
#'   \item{stream}{data.frame: for each `time` and `label` the `share` of the mass with that label.}
#'   \item{by.cell}{Matrix cells x times: the mean entropy of each cell's paths.}
#'   \item{paths}{data.frame, one row per path: `cell`, `sim`, `member`, `fate` and `commitment_time` (`NA` where it
#'     does not commit).}
#'   Some of its cells, by `[`, have the table, `by.cell` and `paths` of these; what is of all paths stays.
#'
#'   For objects the object with the columns `commitment_time`, `commitment_time_se` and `commitment_share`
#'   (`NA` for cells not asked for) and the whole result, which [GetResult()] gives and [PlotCommitment()] draws.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no labels, fewer than two fates, trajectories of one time, a
#'   threshold that is not above 0.5. `fatefield_error_model`: no model, or one of other dimensions.
#' @references Kaplan, Meier (1958) Nonparametric estimation from incomplete observations. Journal of the
#'   American Statistical Association 53.
#' @seealso [PredictFate()], [SimulateCells()], [PlotCommitment()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
#'   n.sim = 10, verbose = FALSE)
#' summary(cells$commitment_time)
#' PlotCommitment(cells)
#' @export
FateDynamics <- function(object, ...) UseMethod("FateDynamics")

#' @rdname FateDynamics
#' @export
FateDynamics.default <- function(object, model = NULL, labels = NULL, cells = NULL, n.sim = 50L, t.out = NULL,
                                 fates = NULL, exclude = NULL, reference = NULL, threshold = 0.6, k = NULL,
                                 weights = NULL, vote = NULL, cutoff = NULL, n.neighbors = 30L, conf.level = 0.95,
                                 n.boot = 200L, seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(FateDynamics.default)), ...)
  model <- choose_model(object, model, type = c("sde", "field"))
  settings <- dynamics_settings(threshold, n.neighbors, conf.level, n.boot, seed_from(seed.use))
  x <- model_coordinates(object, model)
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff)
  if (model$type == "field") {
    paths <- IntegrateCells.default(object, model, cells, t.out, verbose = verbose)
    return(dynamics_of(near_trajectories(paths), fate_references(near_space(paths, x), definition), definition,
      settings))
  }
  votes <- fate_references(x, definition)
  starts <- cell_starts(object, model, x = x)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  if (is.null(t.out)) t.out <- way_times(starts[cells], model)
  paths <- SimulateCells.default(object, model, cells, n.sim, t.out, seed.use = settings$seed,
    verbose = verbose)
  dynamics_of(paths, votes, definition, settings)
}

#' @rdname FateDynamics
#' @export
FateDynamics.Seurat <- function(object, model = NULL, labels = NULL, cells = NULL, n.sim = 50L, t.out = NULL,
                                fates = NULL, exclude = NULL, reference = NULL, threshold = 0.6, k = NULL,
                                weights = NULL, vote = NULL, cutoff = NULL, n.neighbors = 30L, conf.level = 0.95,
                                n.boot = 200L, seed.use = 42L, threads = NULL, verbose = TRUE, store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "commitment", commitment_columns)
  model <- choose_model(object, model, type = c("sde", "field"))
  result <- call_worker(FateDynamics.default, ...)
  log_call(store_dynamics(object, result, store.as, model), "FateDynamics")
}

#' @rdname FateDynamics
#' @export
FateDynamics.SingleCellExperiment <- FateDynamics.Seurat

#' @rdname FateDynamics
#' @export
FateDynamics.fatefield_trajectories <- function(object, labels = NULL, reference = NULL, fates = NULL, exclude = NULL,
                                                threshold = 0.6, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                                n.neighbors = 30L, conf.level = 0.95, n.boot = 200L, seed.use = 42L,
                                                threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(FateDynamics.fatefield_trajectories)), ...)
  if (is.null(reference)) {
    stop_input("reference", "`reference` is needed: the labelled cells, a matrix (cells x dims) or an object.")
  }
  settings <- dynamics_settings(threshold, n.neighbors, conf.level, n.boot, seed_from(seed.use))
  x <- background_cells(object, reference, "reference")
  definition <- fate_definition(reference, labels, fates, exclude, NULL, k, weights, vote, cutoff)
  dynamics_of(near_trajectories(object), fate_references(x, definition), definition, settings)
}

dynamics_settings <- function(threshold, n.neighbors, conf.level, n.boot, seed) {
  threshold <- check_number(threshold, "threshold", min = 0.5, max = 1)
  if (threshold == 0.5) {
    stop_input("threshold", "`threshold` must be above 0.5, so that a path is in the region of one fate only.")
  }
  list(
    threshold = threshold, k = check_count(n.neighbors, "n.neighbors"),
    conf.level = check_number(conf.level, "conf.level", min = 0, max = 1),
    n.boot = check_count(n.boot, "n.boot"), seed = seed
  )
}

# 31 times from the start of the cells to the last of the model.
way_times <- function(starts, model) {
  start <- unique(starts)
  if (length(start) > 1L) {
    stop_input("t.out", "`t.out` is needed: the cells are of different times (",
      paste(format(sort(start)), collapse = ", "), "); name a start and later times.")
  }
  if (start >= max(model$times)) {
    stop_input("t.out", "`t.out` is needed: the cells are at the model's last time, ", format(start),
      "; name a start and a later time.")
  }
  seq(start, max(model$times), length.out = 31L)
}

commitment_columns <- function(stem) paste0(stem, c("_time", "_time_se", "_share"))

store_dynamics <- function(object, result, store.as, model) {
  columns <- result$table[commitment_columns("commitment")]
  rownames(columns) <- result$table$cell
  object <- store_cells(object, stats::setNames(columns, commitment_columns(store.as)))
  inputs <- c(model_inputs(object, model), if (!is.null(result$column)) list(column_input(object, result$column)))
  put_result(object, "dynamics", store.as, result, inputs, "FateDynamics()")
}

subset_result.fatefield_dynamics <- function(x, keep) {
  x$table <- x$table[match(keep, x$table$cell), , drop = FALSE]
  rownames(x$table) <- NULL
  x$by.cell <- x$by.cell[keep, , drop = FALSE]
  x$paths <- x$paths[x$paths$cell %in% keep, , drop = FALSE]
  x$paths$cell <- factor(x$paths$cell, levels = keep)
  x
}

rename_cells.fatefield_dynamics <- function(x, names) {
  now <- unname(names[x$table$cell])
  x$table$cell <- rownames(x$by.cell) <- now
  x$paths$cell <- factor(unname(names[as.character(x$paths$cell)]), levels = now)
  x
}

headline.fatefield_dynamics <- function(x) {
  committed <- !is.na(x$paths$fate)
  reached <- x$median
  c(
    paste0("fates of ", counted(nrow(x$paths), "path"), " of ", counted(nrow(x$table), "cell"), " along ",
      counted(nrow(x$entropy), "time"), "; ", format(100 * mean(committed), digits = 3L),
      " % commit, on average after ", format(mean(x$paths$commitment_time[committed]), digits = 3L)),
    paste0("first passage of half of the paths (share that gets there): ", paste0(
      reached$fate, " ", ifelse(is.na(reached$median), "never",
        with_interval(reached$median, reached$median_low, reached$median_high)),
      " [", format(round(reached$share, 3L), trim = TRUE), "]", collapse = ", "
    )),
    if (!is.na(x$point$time)) {
      paste0("the entropy of fates falls fastest at ", with_interval(x$point$time, x$point$time_low, x$point$time_high))
    }
  )
}

#' @rdname FateDynamics
#' @export
summary.fatefield_dynamics <- function(object, ...) object$median
