# Probabilities of fates made to say how often they come true, learned from fates observed in clones. Takes fates, what
# was observed, and clones; gives the same fates with other probabilities.

#' Calibrate probabilities of fates
#'
#' A model may be too sure of itself, or favour some fates.
#' Where the fates of some cells have been observed, as those of their clones, this finds how predicted probabilities
#' have to be changed to say how often each fate comes true, and changes them.
#' It never happens by itself, and fates that were calibrated say so.
#'
#' @section Basic use:
#' ```r
#' cells <- PredictFate(cells)
#' cells <- CalibrateFates(cells, truth = "clone_fate", group = "clone")
#' ScoreFate(cells, truth = "clone_fate", group = "clone")
#' ```
#'
#' @section How:
#' The new probabilities are softmax(W log p + b) of the old ones, p.
#' There are three forms, each of which holds the one before:
#' * `"temperature"`: W = I / T. Above 1, the temperature T makes all probabilities less sure; below, surer.
#' * `"weights"`: each fate has a weight, too, so that the new probability is proportional to weight x p^(1 / T).
#' * `"dirichlet"`: any W and b (Kull et al. 2019), so that a fate may take from certain others. A ridge holds W near
#'   I / T, b near 0.
#'
#' The form and its ridge are those with the least cross-entropy on whole clones that were left out.
#'
#' @section Cells that were observed:
#' A cell with an observed fate must not get a probability that its own fate, or its sisters', had a part in.
#' So clones are dealt out to `n.folds` folds by [SplitByClone()], and the cells of a fold get what the other folds
#' taught, form and ridge included.
#' All other cells get what all taught.
#' Scores of [ScoreFate()] are therefore honest, and so are those in `calibration`.
#'
#' Where this does not lower the cross-entropy the fates stay as they were, with a warning.
#'
#' @section What stays:
#' Cells that are at the end already, whose label is known, cells without a fate (all futures ended elsewhere) and cells
#' with `NA` stay as they are and teach nothing.
#' Neither do cells whose clone is `NA`, whatever their fate.
#'
#' @section Errors of the probabilities:
#' `low` and `high` hold the interval of level `conf.level` from bootstrap samples of clones (one Newton step each, even
#' on the scale of log odds, Student's t with the number of clones) and from how well other forms and ridges did: how
#' well the map is known.
#' It is the interval of how often a fate comes true in cells of such a prediction; what a prediction lacks because it
#' had few futures is in the map already.
#' `se` is the standard error of the same.
#' `spread` between models is carried through the map.
#'
#' @param object An object that holds fates, fates from [PredictFate()], or a matrix (cells x fates) of probabilities.
#' @param truth Observed fates, a matrix or data.frame (cells x fates) of counts or fractions, or one label for each
#'   cell; of an object also the name of a column.
#'   Rows or names are matched to the predicted cells where both have names.
#'   Each cell counts once, whatever its number of descendants; cells without any observed fate are `NA`, `""` or all 0.
#' @param group Clone of each cell of `truth`; of an object also the name of a column.
#' @param calibration Fates that were calibrated before, in place of `truth` and `group`: what they learned is done to
#'   these fates, which must be of the same labels.
#' @param form `"temperature"`, `"weights"` or `"dirichlet"`, see below; `NULL` chooses.
#' @param n.folds Folds of clones, default 5; fewer where there are fewer clones.
#' @param floor Smallest probability that is believed, before calibration.
#'   `NULL`: one part in F (n + 1), with F fates and n the effective number of futures of the cell (200 where a matrix
#'   does not tell).
#' @param n.boot Bootstrap samples of clones, default 200; 0 for no intervals.
#' @param conf.level Level of the intervals, default 0.9.
#' @param seed.use Seed of folds and bootstrap; `NULL` draws one from R's generator.
#' @param name Name of the fates in an object; `NULL` takes those stored last that are not calibrated.
#' @param store.as Stem of the names under which the result is kept, see [PredictFate()]; `NULL` means `"calibrated"`.
#'   The fates that were calibrated stay, too.
#' @param ... Passed to methods.
#'
#' @return Fates as from [PredictFate()], with new `probability`, `fate`, `entropy`, `se`, `spread`, `low` and `high`,
#'   and
#'   * `probability_raw`: the probabilities before;
#'   * `fold`: the fold of each cell, `NA` where the map of all was used;
#'   * `calibration`: a list with `form` (`"none"` where nothing was changed), `temperature`, `weights` (of the fates,
#'     with geometric mean 1; for `"dirichlet"` those at the mean of log p), `W` and `b`, `ridge`, `scores` (one row
#'     before and one after: cross-entropy, accuracy, Brier score of the cells with an observed fate), `difference`
#'     (after less before in cross-entropy with its interval), `tried` (the cross-entropy of each form and ridge),
#'     `cells` and `groups` (numbers).
#'
#'   For an object the object with them, stored as by [PredictFate()].
#' @section Errors:
#'   `fatefield_error_input` names the argument: fewer than 20 cells or 2 clones, a fate in `truth` that was not
#'   predicted, no cell in common, fates that are calibrated already.
#'   `fatefield_error_stale`: the fates of the object are older than its model, coordinates or labels.
#'   `fatefield_warning_calibration`: calibration would not help, the fates stay.
#' @references Kull et al. (2019) Beyond temperature scaling: obtaining well-calibrated multi-class probabilities with
#'   Dirichlet calibration. NeurIPS. Guo et al. (2017) On calibration of modern neural networks. ICML.
#' @seealso [ScoreFate()], [SplitByClone()]
#' @examples
#' # Predictions that are twice too sure.
#' set.seed(1)
#' right <- matrix(rexp(600), 200, 3, dimnames = list(NULL, c("neu", "mono", "mast")))
#' right <- right / rowSums(right)
#' truth <- apply(right, 1, function(p) sample(colnames(right), 1, prob = p))
#' sure <- right^2 / rowSums(right^2)
#' CalibrateFates(sure, truth, group = rep(1:50, each = 4), n.boot = 50)
#' @export
CalibrateFates <- function(object, ...) UseMethod("CalibrateFates")

#' @rdname CalibrateFates
#' @export
CalibrateFates.default <- function(object, truth = NULL, group = NULL, calibration = NULL, form = NULL, n.folds = 5L,
                                   floor = NULL, n.boot = 200L, conf.level = 0.9, seed.use = 42L, ...) {
  check_no_dots(names(formals(CalibrateFates.default)), ...)
  fates <- fates_to_calibrate(object)
  if (!is.null(calibration)) {
    if (!is.null(truth)) stop_input("truth", "Give `truth`, or the `calibration` that learned from one, not both.")
    return(apply_calibration(fates, calibration))
  }
  if (is.null(truth)) stop_input("truth", "`truth` is needed: the observed fates of the cells.")
  if (is.null(group)) {
    stop_input("group", "`group` is needed: the clone of each cell, as sisters must not teach what they are tested ",
      "on. Cells that are no sisters have one each, `seq_along(truth)`.")
  }
  settings <- list(
    form = if (!is.null(form)) check_choice(form, calibration_forms[-1L], "form"),
    n.folds = check_count(n.folds, "n.folds", min = 2L),
    floor = if (!is.null(floor)) check_number(floor, "floor", 0, 1), n.boot = check_count(n.boot, "n.boot", min = 0L),
    conf.level = check_number(conf.level, "conf.level", min = 0, max = 1), seed = seed_from(seed.use)
  )
  calibrate(fates, taught_cells(fates, truth, group), settings)
}

#' @rdname CalibrateFates
#' @export
CalibrateFates.Seurat <- function(object, truth = NULL, group = NULL, calibration = NULL, form = NULL, n.folds = 5L,
                                  floor = NULL, n.boot = 200L, conf.level = 0.9, seed.use = 42L, name = NULL,
                                  store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "calibrated", fate_columns, fate_assays)
  fates <- fates_of_object(object, name <- plain_fates(object, name))
  result <- call_worker(
    CalibrateFates.default, object = fates, truth = named_column(object, truth, "truth"),
    group = named_column(object, group, "group"),
    calibration = if (is_seurat(calibration) || is_sce(calibration)) fates_of_object(calibration) else calibration, ...
  )
  made <- lapply(tool(object, "results", "fates")[[name]]$inputs, input_now, object = object)
  columns <- Filter(function(x) is.character(x) && length(x) == 1L, list(truth, group))
  inputs <- c(made, lapply(columns, column_input, object = object))
  log_call(store_fate(object, result, store.as, inputs, remake = "CalibrateFates()"), "CalibrateFates")
}

#' @rdname CalibrateFates
#' @export
CalibrateFates.SingleCellExperiment <- CalibrateFates.Seurat

# The name of the fates that are meant: that which is given, else of those stored last that are not calibrated.
plain_fates <- function(object, name) {
  if (!is.null(name)) {
    return(name)
  }
  plain <- Filter(function(kept) is.null(kept$result$calibration), tool(object, "results", "fates"))
  if (length(plain) > 0L) names(plain)[[length(plain)]]
}

fates_to_calibrate <- function(object) {
  fates <- if (inherits(object, "fatefield_fate")) object else fates_of_matrix(object)
  if (!is.null(fates$calibration)) {
    stop_input("object", "`object`: these fates are calibrated already; give those of PredictFate().")
  }
  if (ncol(fates$probability) < 2L) stop_input("object", "`object` has one fate; at least 2 are needed.")
  fates
}

# Probabilities as fates of which no more is known.
fates_of_matrix <- function(p) {
  p <- plain_matrix(p, "object")
  known <- stats::complete.cases(p)
  if (!any(known)) stop_input("object", "`object` has no row without NA.")
  p[!known, ] <- NA
  check_fractions(p[known, , drop = FALSE], "object")
  sums <- rowSums(p)
  if (any(abs(sums[known] - 1) > 1e-4)) {
    stop_input("object", "`object` must hold probabilities, whose rows sum to 1, not ",
      format(sums[known][which.max(abs(sums[known] - 1))]), "; divide counts by rowSums().")
  }
  if (is.null(rownames(p))) rownames(p) <- as.character(seq_len(nrow(p)))
  p <- p / sums
  value <- function(v) stats::setNames(ifelse(known, v, NA_real_), rownames(p))
  parts <- list(
    probability = p, se = p * NA, spread = p * NA, counts = p, fate = most_probable(p), entropy = share_entropy(p),
    unassigned = value(0), other = value(0), effective = value(200), n.models = 0L, cols = colours_of(colnames(p))
  )
  new_result("fate", fate_table(parts), parts, by = "cell")
}

# list(rows, observed, group) of cells with a prediction, an observed fate and a clone. `rows`: numbers of the cells.
taught_cells <- function(fates, truth, group) {
  observed <- observed_matrix(truth)
  check_unique_names(rownames(observed), "cell", "truth")
  labels <- colnames(fates$probability)
  strange <- setdiff(colnames(observed)[colSums(observed) > 0], labels)
  if (length(strange) > 0L) {
    stop_input("truth", "`truth` has the fate ", quoted(strange[[1L]]), ", which was not predicted; the fates are ",
      quoted(labels), ". Cells without one of these are NA.", near(strange[[1L]], labels))
  }
  if (is.null(names(group)) || is.null(rownames(observed))) {
    group <- check_groups(group, nrow(observed))
  } else {
    group <- as.character(cell_vector(group, rownames(observed), "group"))
  }
  group[!is.na(group) & !nzchar(group)] <- NA
  at <- rows_of_truth(fates, observed)
  use <- which(rowSums(observed) > 0 & !is.na(group) & at %in% which(open_cells(fates)))
  full <- matrix(0, length(use), length(labels), dimnames = list(NULL, labels))
  shared <- intersect(labels, colnames(observed))
  full[, shared] <- observed[use, shared, drop = FALSE]
  if (length(use) < 20L) {
    stop_input("truth", "`truth`: ", counted(length(use), "cell"), " of the fates ",
      if (length(use) == 1L) "has" else "have", " an observed fate and a clone; at least 20 are needed.")
  }
  if (length(unique(group[use])) < 2L) {
    stop_input("group", "`group`: all observed cells are of one clone; at least 2 are needed.")
  }
  # In the order of the predicted cells, so that the order of `truth` tells nothing.
  turn <- order(at[use])
  list(rows = at[use][turn], observed = full[turn, , drop = FALSE], group = group[use][turn])
}

# The predicted cell of each row of `observed`, NA for none.
rows_of_truth <- function(fates, observed) {
  cells <- rownames(fates$probability)
  numbered <- identical(cells, as.character(seq_along(cells)))
  if (!is.null(rownames(observed)) && (!numbered || all(rownames(observed) %in% cells))) {
    at <- match(rownames(observed), cells)
    if (all(is.na(at))) stop_input("truth", "`truth`: no cell has both a predicted and an observed fate.")
    return(at)
  }
  if (nrow(observed) != length(cells)) {
    stop_input("truth", "`truth` has ", nrow(observed), " cells, the prediction ", length(cells),
      "; give names of the cells, or the same cells.")
  }
  seq_along(cells)
}

# Cells of which something is open: not at the end already, with futures that ended in a fate.
open_cells <- function(fates) {
  open <- stats::complete.cases(fates$probability) & !is.na(fates$fate)
  if (!is.null(fates$starts) && !is.null(fates$time)) open <- open & fates$starts < fates$time
  unname(open)
}

# Logarithms of probabilities that are not below the floor.
log_probabilities <- function(fates, floor = NULL) {
  p <- fates$probability
  if (is.null(floor)) floor <- 1 / (ncol(p) * (ifelse(is.na(fates$effective), 200, fates$effective) + 1))
  p <- pmax(p, floor)
  log(p / rowSums(p))
}
