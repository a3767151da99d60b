# How good fate predictions are, beside what knows nothing. Takes predicted and observed fates of
# cells; gives a table of scores with bootstrap errors.

#' Score fate predictions
#'
#' Compares predicted with observed fates, such as those of a clone's descendants.
#' Below the prediction stand two lines that know nothing of the cell: `uniform` (all fates alike)
#' and `prior` (the frequencies of the fates).
#' A prediction that does not beat the prior in cross-entropy is over-confident, whatever its
#' accuracy.
#'
#' @section Basic use:
#' ```
#' cells <- PredictFate(cells, labels = "state", exclude = "progenitor")
#' ScoreFate(cells, truth = "clone_fate")
#' ```
#'
#' @section Beside plans:
#' Fates that were predicted with `plan = TRUE` have a line `plan` below them; in a list of methods it is the one of
#' that name.
#' The difference of the first line and it in cross-entropy is told with an interval, from the same bootstrap samples of
#' both.
#' A model that is worse beyond the interval has lost some of what it was trained on: train it longer (`updates`), or
#' take the fates of `PredictFate(method = "plan")`.
#'
#' @section Scores:
#' * `accuracy`: share of cells whose most probable fate is the most frequent observed one (the
#'   first of equals); equals among the predicted share the credit.
#' * `cross.entropy`: mean over cells of -sum(observed x ln predicted), in nats; lower is better,
#'   `uniform` has ln(fates).
#' * `brier`: mean over cells of the squared distance between predicted and observed fractions, 0
#'   to 2; lower is better.
#' * `calibration`: expected calibration error: the mean gap, over bins of equal width, between the
#'   probability of the most probable fate and how often it is observed; lower is better.
#'   Few cells make gaps by chance: its interval, unlike those of the others, takes away what resampling adds.
#' * `auroc`: area under the ROC curve of each fate against the rest, averaged over fates that some
#'   but not all cells have; 0.5 is that of guessing.
#' * `pair.pearson`: correlation of predicted with observed a / (a + b) for the `pair` (a, b), over
#'   cells with either; 0 / 0 counts as 0.5, and a constant prediction has 0.
#' * `pair.auroc`, `pair.accuracy`: the same ratio on cells that have only one of the two.
#'
#' @param object An object that holds fates, fates from [PredictFate()], or a matrix (cells x
#'   fates) of probabilities or counts; or a named list of these, to compare methods on the same
#'   cells.
#'   Counts become (count + `smooth`) / sum.
#' @param truth A matrix or data.frame (cells x fates) of counts or fractions, or one label for
#'   each cell; of an object also the name of a column.
#'   Rows or names are matched to the predicted cells where both have names.
#'   Cells without any observed fate are left out.
#' @param pair (two strings) Two fates for the pair scores, or `NULL`.
#' @param group Group of each cell of `truth`, such as its clone; of an object also the name of a column: the
#'   bootstrap draws groups, since cells of one clone are not independent; `NULL` draws cells.
#' @param prior Frequencies of the fates for the line `prior`: a named vector, or a matrix of
#'   observed fates of other cells; `NULL` takes the scored cells themselves, which flatters the
#'   line.
#' @param smooth Pseudo-count of each fate where predictions are counts, default 0.5.
#' @param floor Smallest probability in the cross-entropy, default 1e-12.
#' @param n.bins Bins of the calibration error, default 10.
#' @param n.boot Bootstrap samples for the standard errors, default 200; 0 for none.
#' @param conf.level Level of the intervals, which are quantiles of the bootstrap; default 0.95.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param name Name of the fates in an object; `NULL` takes those stored last.
#' @param ... Not used.
#'
#' @return A data.frame of class `fatefield_fate_scores`, see [results], with one row per method and the columns
#'   `method`, `cells`, and each score followed by its standard error and interval (`accuracy`, `accuracy_se`,
#'   `accuracy_low`, `accuracy_high`, ...).
#'   Attribute `auroc` holds a matrix, method x fate; `plan`, where plans were scored beside a model, the names of both
#'   and the `difference` in cross-entropy with its `low` and `high`.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no cell in common, negative numbers, a fate of
#'   `pair` that nobody has, an object without fates.
#'   `fatefield_error_stale`: the fates of the object are older than its model, coordinates or labels.
#' @references Weinreb et al. (2020) Lineage tracing on transcriptional landscapes links state to
#'   fate during differentiation. Science 367. Brier (1950) Monthly Weather Review 78. Naeini et
#'   al. (2015) Obtaining well calibrated probabilities using Bayesian binning. AAAI.
#' @seealso [PredictFate()]
#' @examples
#' observed <- cbind(neu = c(4, 0, 3, 1), mono = c(0, 5, 1, 1))
#' predicted <- cbind(neu = c(0.8, 0.3, 0.7, 0.4), mono = c(0.2, 0.7, 0.3, 0.6))
#' scores <- ScoreFate(predicted, observed, pair = c("neu", "mono"), n.boot = 50)
#' scores
#' plot(scores, type = "confusion")
#' @export
ScoreFate <- function(object, ...) UseMethod("ScoreFate")

#' @rdname ScoreFate
#' @export
ScoreFate.default <- function(object, truth, pair = NULL, group = NULL, prior = NULL, smooth = 0.5, floor = 1e-12,
                              n.bins = 10L, n.boot = 200L, conf.level = 0.95, seed.use = 42L, ...) {
  check_no_dots(names(formals(ScoreFate.default)), ...)
  if (missing(truth) || is.null(truth)) stop_input("truth", "`truth` is needed: the observed fates of the cells.")
  smooth <- check_number(smooth, "smooth", min = 0)
  floor <- check_number(floor, "floor", 0, 1)
  n.bins <- check_count(n.bins, "n.bins")
  n.boot <- check_count(n.boot, "n.boot", min = 0L)
  conf.level <- check_number(conf.level, "conf.level", min = 0, max = 1)
  methods <- lapply(prediction_list(object), prediction_matrix, smooth = smooth)
  truth <- observed_matrix(truth)
  group <- check_groups(group, nrow(truth))
  data <- common_cells(methods, truth, group)
  check_pair(pair, data$observed)
  data$methods$uniform <- data$observed * 0 + 1 / ncol(data$observed)
  data$methods$prior <- prior_lines(prior, data$observed)
  check_memory(2 * nrow(data$observed) * (n.boot + 1), "n.boot", n.boot, "the bootstrap samples")
  weights <- bootstrap_weights(data$group, nrow(data$observed), n.boot, seed_from(seed.use))
  scored <- lapply(data$methods, function(p) {
    in_blocks(weights, function(w) score_once(p, data$observed, w, pair, floor, n.bins))
  })
  score_table(scored, data, conf.level, n.bins, known_colours(object), pair)
}

#' @rdname ScoreFate
#' @export
ScoreFate.Seurat <- function(object, truth, pair = NULL, group = NULL, prior = NULL, smooth = 0.5, floor = 1e-12,
                             n.bins = 10L, n.boot = 200L, conf.level = 0.95, seed.use = 42L, name = NULL, ...) {
  column <- function(x, argument) named_column(object, x, argument)
  if (missing(truth)) stop_input("truth", "`truth` is needed: the observed fates of the cells.")
  call_worker(
    ScoreFate.default, object = fates_of_object(object, name), truth = column(truth, "truth"),
    group = column(group, "group"), ...
  )
}

#' @rdname ScoreFate
#' @export
ScoreFate.SingleCellExperiment <- ScoreFate.Seurat

# A column under the names of the cells; what is no name of a column stays.
named_column <- function(object, x, argument) {
  if (!is.character(x) || length(x) != 1L) {
    return(x)
  }
  stats::setNames(cell_column(object, x, argument), cell_names(object))
}

# The fates of an object, in the colours that its labels have now.
fates_of_object <- function(object, name = NULL) {
  fate <- take_result(object, "fates", name, "PredictFate()")
  fate$cols <- label_colours(object, colnames(fate$counts))
  fate
}

prediction_list <- function(object) {
  several <- is.list(object) && !is.data.frame(object) && !inherits(object, "fatefield_fate")
  if (!several) {
    beside <- if (inherits(object, "fatefield_fate")) object$probability_plan
    return(c(list(predicted = object), if (!is.null(beside)) list(plan = beside)))
  }
  if (length(object) == 0L || is.null(names(object)) || !all(nzchar(names(object)))) {
    stop_input("object", "`object`: each method of the list must have a name.")
  }
  object
}

known_colours <- function(object) {
  if (inherits(object, "fatefield_fate")) {
    return(object$cols)
  }
  if (is.list(object) && !is.data.frame(object)) unlist(unname(lapply(object, known_colours)))
}

# Probabilities, cells x fates, rows summing to 1.
prediction_matrix <- function(predicted, smooth) {
  if (is_seurat(predicted) || is_sce(predicted)) predicted <- fates_of_object(predicted)
  p <- if (inherits(predicted, "fatefield_fate")) predicted$probability else plain_matrix(predicted, "object")
  p <- p[stats::complete.cases(p), , drop = FALSE]
  check_fractions(p, "object")
  counts <- max(rowSums(p)) > 1 + 1e-6
  if (counts) p <- p + smooth
  sums <- rowSums(p)
  # Rows that sum to 1 stay as they are: rounding would part what is equal.
  off <- sums > 0 & abs(sums - 1) > 1e-8
  p[off, ] <- p[off, , drop = FALSE] / sums[off]
  p[sums == 0, ] <- 1 / ncol(p)
  p
}

# Fractions, cells x fates, rows summing to 1; rows without any fate are 0.
observed_matrix <- function(observed) {
  if (is.factor(observed) || is.character(observed)) {
    label <- check_labels(observed, "truth")
    known <- !is.na(label)
    truth <- matrix(0, length(label), nlevels(label))
    dimnames(truth) <- list(names(observed), levels(label))
    truth[cbind(which(known), as.integer(label)[known])] <- 1
    return(truth)
  }
  truth <- plain_matrix(observed, "truth")
  truth[!stats::complete.cases(truth), ] <- 0
  check_fractions(truth, "truth")
  sums <- rowSums(truth)
  truth[sums > 0, ] <- truth[sums > 0, , drop = FALSE] / sums[sums > 0]
  truth
}

check_fractions <- function(x, argument) {
  if (is.null(colnames(x))) {
    stop_input(argument, "`", argument, "` must have the fates as names of its columns.")
  }
  if (nrow(x) == 0L || any(!is.finite(x)) || any(x < 0)) {
    stop_input(
      argument, "`", argument, "` must hold fractions or counts, none negative, for at least one ",
      "cell."
    )
  }
}

check_groups <- function(group, n) {
  if (is.null(group)) {
    return(NULL)
  }
  if (!is.atomic(group) || length(group) != n) {
    stop_input(
      "group", "`group` must be one value for each of the ", n, " cells of `truth`, not ",
      described(group), "."
    )
  }
  as.character(group)
}

check_pair <- function(pair, observed) {
  if (is.null(pair)) {
    return(invisible())
  }
  if (!is.character(pair) || length(pair) != 2L || anyNA(pair) || pair[[1L]] == pair[[2L]]) {
    stop_input("pair", "`pair` must be two different fates, not ", described(pair), ".")
  }
  lost <- setdiff(pair, colnames(observed))
  if (length(lost) > 0L) {
    stop_input("pair", "`pair`: there is no fate ", quoted(lost[[1L]]), "; the fates are ",
      quoted(colnames(observed)), ".", near(lost[[1L]], colnames(observed)))
  }
}

# The cells that every method predicts and that have an observed fate, over all fates of any.
common_cells <- function(methods, truth, group) {
  named <- !is.null(rownames(truth)) &&
    all(vapply(methods, function(p) !is.null(rownames(p)), logical(1)))
  if (!named && any(vapply(methods, nrow, 1L) != nrow(truth))) {
    stop_input(
      "truth", "`truth` has ", nrow(truth), " cells, the prediction ", nrow(methods[[1L]]),
      "; give both names of the cells, or the same cells."
    )
  }
  keep <- rowSums(truth) > 0
  if (named) for (p in methods) keep <- keep & rownames(truth) %in% rownames(p)
  if (!any(keep)) {
    stop_input("truth", "`truth`: no cell has both a predicted and an observed fate.")
  }
  fates <- unique(c(unlist(lapply(methods, colnames)), colnames(truth)))
  spread_out <- function(m, rows) {
    full <- matrix(0, length(rows), length(fates), dimnames = list(NULL, fates))
    full[, colnames(m)] <- m[rows, , drop = FALSE]
    full
  }
  rows_in <- function(p) if (named) match(rownames(truth)[keep], rownames(p)) else which(keep)
  list(
    methods = lapply(methods, function(p) spread_out(p, rows_in(p))),
    observed = spread_out(truth, which(keep)), group = group[keep]
  )
}

# The frequencies of the fates, the same for each cell.
prior_lines <- function(prior, observed) {
  frequency <- if (is.null(prior)) {
    colMeans(observed)
  } else if (is.matrix(prior) || is.data.frame(prior)) {
    given <- observed_matrix(prior)
    colMeans(given[rowSums(given) > 0, , drop = FALSE])
  } else {
    if (!is.numeric(prior) || is.null(names(prior)) || anyNA(prior) || any(prior < 0)) {
      stop_input("prior", "`prior` must be frequencies with the fates as names, not ",
        described(prior), ".")
    }
    prior
  }
  frequency <- frequency[colnames(observed)]
  frequency[is.na(frequency)] <- 0
  if (sum(frequency) == 0) stop_input("prior", "`prior` has none of the fates.")
  matrix(frequency / sum(frequency), nrow(observed), ncol(observed), byrow = TRUE,
    dimnames = dimnames(observed))
}

# How often each cell counts: n x (1 + n.boot), the first column all 1.
bootstrap_weights <- function(group, n, n.boot, seed) {
  group <- if (is.null(group)) seq_len(n) else match(group, unique(group))
  cbind(1, bootstrap_counts(max(group), n.boot, seed)[group, , drop = FALSE])
}

# f(weights) gives a matrix with one column per column of weights; a block at a time, for memory.
in_blocks <- function(weights, f) {
  size <- max(1L, as.integer(5e6 / nrow(weights)))
  blocks <- split(seq_len(ncol(weights)), (seq_len(ncol(weights)) - 1L) %/% size)
  do.call(cbind, lapply(blocks, function(b) f(weights[, b, drop = FALSE])))
}

# All scores of one method: rows of the result are scores, columns those of `w` (n x samples).
score_once <- function(p, observed, w, pair, floor, bins) {
  total <- colSums(w)
  mean_of <- function(x) drop(x %*% w) / total
  top <- top_shares(p)
  truth <- max.col(observed, "first")
  auroc <- vapply(seq_len(ncol(p)), function(f) {
    weighted_auroc(p[, f], truth == f, w)
  }, numeric(ncol(w)))
  auroc <- matrix(auroc, ncol(w), dimnames = list(NULL, paste0("auroc:", colnames(p))))
  rbind(
    accuracy = mean_of(top[cbind(seq_len(nrow(p)), truth)]),
    cross.entropy = mean_of(-rowSums(observed * log(pmax(p, floor)))),
    brier = mean_of(rowSums((p - observed)^2)),
    calibration = calibration_error(apply(p, 1L, max), rowSums(top * observed), w, bins),
    auroc = rowMeans(auroc, na.rm = TRUE),
    if (!is.null(pair)) score_pair(p[, pair], observed[, pair], w),
    t(auroc)
  )
}

# 1 for the most probable fate of each cell; equals share it.
top_shares <- function(p) {
  top <- p == p[cbind(seq_len(nrow(p)), max.col(p, "first"))]
  top / rowSums(top)
}

score_pair <- function(p, observed, w) {
  ratio <- function(m) ifelse(rowSums(m) > 0, m[, 1L] / rowSums(m), 0.5)
  has <- rowSums(observed) > 0
  score <- ratio(p)[has]
  truth <- ratio(observed)[has]
  w <- w[has, , drop = FALSE]
  pure <- truth %in% c(0, 1)
  right <- ifelse(score[pure] == 0.5, 0.5, (score[pure] > 0.5) == (truth[pure] == 1))
  rbind(
    pair.pearson = weighted_pearson(score, truth, w),
    pair.auroc = weighted_auroc(score[pure], truth[pure] == 1, w[pure, , drop = FALSE]),
    pair.accuracy = drop(right %*% w[pure, , drop = FALSE]) / colSums(w[pure, , drop = FALSE])
  )
}

# Mann-Whitney: the share of pairs (positive, negative) in the right order, equals counting half.
weighted_auroc <- function(score, positive, w) {
  tied <- match(score, sort(unique(score)))
  up <- rowsum(w * positive, tied)
  down <- rowsum(w * !positive, tied)
  below <- apply(down, 2L, cumsum) - down / 2
  colSums(up * below) / (colSums(up) * colSums(down))
}

# 0 where either side is constant: a constant tells nothing.
weighted_pearson <- function(x, y, w) {
  total <- colSums(w)
  moment <- function(v) drop(v %*% w) / total
  covariance <- moment(x * y) - moment(x) * moment(y)
  variance <- function(v) moment(v^2) - moment(v)^2
  varies <- function(v) variance(v) > 1e-12 * moment(v^2)
  ifelse(varies(x) & varies(y), covariance / sqrt(abs(variance(x) * variance(y))), 0)
}

# `confidence`: probability of the most probable fate; `hit`: the observed share of that fate.
calibration_error <- function(confidence, hit, w, bins) {
  colSums(abs(rowsum(w * (confidence - hit), confidence_bins(confidence, bins)))) / colSums(w)
}

confidence_bins <- function(confidence, bins) pmin(floor(confidence * bins), bins - 1L)
