# States that cells of known type come from, by integrating a model back in time. Takes an object with a model;
# gives trajectories without their starts.

#' Walk cells back in time
#'
#' Cells of the types given are integrated backward along a velocity field or the drift of a neural SDE.
#' The states they pass through, without the observed cells themselves, are free of the noise of single cells and
#' in the order of time, so that genes may be correlated over them.
#'
#' @section Basic use:
#' ```
#' walked <- RetrogradeCells(cells, group.by = "cluster", ident = c("Beta", "Alpha"))
#' network <- CoexpressionNetwork(walked, cells = cells)
#' ```
#' @details
#' What they are depends on the model alone: that genes correlate along its paths says nothing new about cells
#' where the model is wrong, and a model is smooth, so that correlations are higher than in cells.
#' [EnrichModules()] of several networks holds it against smoothed cells.
#'
#' @inheritParams IntegrateCells
#' @param group.by Column of the labels of the cells, or one label for each cell; `NULL` takes the labels of
#'   [DefineFates()].
#' @param ident (strings) Labels whose cells are walked back, such as terminal types; `NULL` takes the fates of
#'   [DefineFates()], where `group.by` is left to it, too.
#' @param max.cells At most this many cells of each label, drawn at random; default 1000.
#' @param n.steps Number of states kept of each path, at equal times; default 30.
#' @param t.max Time to walk; `NULL`: as in [IntegrateCells()].
#' @param ... More options of [IntegrateCells()], such as `rtol`, `support` and `noise`.
#'
#' @return [trajectories] of the times after the start, which count back in time, with `start`, the time of the
#'   cells, and the factor `label` of one value per trajectory.
#' @section Errors:
#' `fatefield_error_input` names the argument: no such column or label, no cells of a time the model knows.
#' Those of [IntegrateCells()].
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#' @seealso [CoexpressionNetwork()], [EnrichModules()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' RetrogradeCells(cells, group.by = "state", ident = c("fateA", "fateB"), max.cells = 20, verbose = FALSE)
#' @export
RetrogradeCells <- function(object, ...) UseMethod("RetrogradeCells")

#' @rdname RetrogradeCells
#' @export
RetrogradeCells.default <- function(object, model = NULL, group.by = NULL, ident = NULL, max.cells = 1000L,
                                    n.steps = 30L, t.max = NULL, solver = NULL, snap = NULL, kappa = NULL,
                                    seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  asked <- walked_labels(object, group.by, ident)
  labels <- asked$labels
  n.steps <- check_count(n.steps, "n.steps")
  max.cells <- check_count(max.cells, "max.cells")
  seed <- seed_from(seed.use)
  eligible <- last_cells(object, model, labels, asked$ident)
  chosen <- unlist(lapply(seq_along(asked$ident), function(i) {
    sampled_cells(eligible[labels[eligible] == asked$ident[[i]]], max.cells, seed, i)
  }))
  paths <- IntegrateCells(object, model = model, cells = chosen, direction = "backward", solver = solver, snap = snap,
    kappa = kappa, seed.use = seed, verbose = verbose, t.out = if (!is.null(t.max)) {
      path_starts(object, model)[[chosen[[1L]]]] - rev(step_times(check_number(t.max, "t.max"), n.steps))
    }, ...)
  if (is.null(t.max)) paths <- thinned_times(paths, n.steps)
  paths <- paths[, , setdiff(seq_along(paths$times), start_index(paths))]
  paths$label <- factor(labels[match(paths$cell, cell_names(object))], levels = asked$ident)
  paths
}

#' @rdname RetrogradeCells
#' @export
RetrogradeCells.Seurat <- function(object, model = NULL, group.by = NULL, ident = NULL, max.cells = 1000L,
                                   n.steps = 30L, t.max = NULL, solver = NULL, snap = NULL, kappa = NULL,
                                   seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  call_worker(RetrogradeCells.default, ...)
}

#' @rdname RetrogradeCells
#' @export
RetrogradeCells.SingleCellExperiment <- RetrogradeCells.Seurat

# list(labels (factor, one a cell), ident): those of the call, or of the definition of fates.
walked_labels <- function(object, group.by, ident) {
  stored <- stored_definition(object)
  check_derived(object, group.by)
  if (is.null(group.by) && is.null(stored)) {
    stop_input("group.by", "`group.by` is needed: which cells are of which type.")
  }
  if (is.null(group.by)) {
    definition <- fate_definition(object)
    labels <- definition$labels
    if (is.null(ident)) ident <- stored$table$label[stored$table$fate]
  } else {
    labels <- check_labels(cell_column(object, group.by, "group.by"), "group.by")
  }
  if (is.null(ident)) stop_input("ident", "`ident` is needed: labels of the cells that are walked back.")
  list(labels = labels, ident = check_among(ident, levels(labels), "ident"))
}

# Cells of these labels, of a neural SDE those of the last time at which there are any.
last_cells <- function(object, model, labels, ident) {
  cells <- which(labels %in% ident)
  if (!identical(model$type, "sde")) {
    return(cells)
  }
  starts <- cell_starts(object, model)[cells]
  if (max(starts) <= min(model$times)) {
    stop_input("ident", "`ident`: all cells of ", quoted(ident), " are of the model's first time, from which ",
      "there is no way back.")
  }
  cells[starts == max(starts)]
}

sampled_cells <- function(cells, most, seed, draw) {
  if (length(cells) <= most) {
    return(cells)
  }
  sort(cells[draw_cells(length(cells), most, numeric(), seed, draw)])
}

step_times <- function(t.max, n.steps) {
  if (t.max <= 0) stop_input("t.max", "`t.max` must be above 0, not ", t.max, ".")
  seq(0, t.max, length.out = n.steps + 1L)
}

thinned_times <- function(paths, n.steps) {
  all <- length(paths$times) - 1L
  if (n.steps >= all) {
    return(paths)
  }
  paths[, , c(1L, 1L + unique(round(seq(all / n.steps, all, length.out = n.steps))))]
}
