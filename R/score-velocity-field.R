# How near velocity fields come to velocities of cells they have not seen, kind beside kind. Takes an object
# after EstimateVelocity() or matrices; gives a table.

score_fields <- c("mean", "knn", "linear", "ridge", "pca", "sparsevfc", "ae", "vae")
score_metrics <- c("mse", "r2", "cosine", "sign")

#' Compare velocity fields on held-out cells
#'
#' Fits each kind of field to the same cells, several times, and compares its velocities with those of cells that
#' were held out before anything else was done: single cells and, with `split.by`, whole groups such as
#' clusters, which asks for more.
#' Next to them stand the noise of the velocities themselves, below which no field that has learned the truth
#' can come.
#'
#' @section Noise:
#' The velocity of a cell is a function of means over its neighbours.
#' `n.boot` times the neighbours of each cell are drawn anew, with replacement, all rates fitted again, and the
#' velocities compared with the original ones: that is row `"noise"`.
#' Held-out cells share neighbours with training cells, so that a field may know some of that noise and come
#' below it with single cells held out.
#' There is none for velocities whose moments were given.
#'
#' @inheritParams FitVelocityField
#' @param velocity For matrices velocities, cells x genes; for objects the name of the velocities.
#' @param fields Kinds of fields to compare, see [FitVelocityField()].
#' @param split.by Groups of which whole ones are held out too: a column, or one value for each cell.
#' @param n.splits Number of random splits; default 5.
#' @param n.boot Number of draws of the neighbours for the noise; default 3, 0 leaves it out.
#'   Velocities of the dynamical mode are fitted anew each time, which takes as long as [EstimateVelocity()].
#' @param ... Options of the fields by name, for all of them, see [FieldOptions()].
#' @return A list of class `fatefield_field_scores`:
#'   \item{table}{data.frame, one row per kind of split (`"cells"`, `"groups"`) and field, best first: `mse`,
#'     the mean squared error over cells and genes, in units of the velocities squared; `r2`, beside the mean
#'     velocity of the training cells; `cosine`, the mean over cells of that between the two velocities;
#'     `sign`, the share of velocities other than 0 whose sign is right; their means over splits, and `_sd`,
#'     the standard deviations between splits.
#'     Of the noise there is `mse`, `r2`, `cosine` and `sign` too.}
#'   \item{splits}{The same for each split, with `seconds` of fitting.}
#'   \item{genes}{data.frame of `field`, `gene`, `r2`: of each gene, over all splits by cells.}
#' @section Errors:
#' As those of [FitVelocityField()].
#' A field that collapses or cannot be fitted has `NA`, with a warning of class `fatefield_warning_field`.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#' @seealso [PlotFieldScores()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 200, n.genes = 30)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' ScoreVelocityField(cells, fields = c("mean", "ridge", "vae"), n.splits = 2, n.boot = 1, epochs = 30,
#'   verbose = FALSE)
#' @export
ScoreVelocityField <- function(object, ...) UseMethod("ScoreVelocityField")

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.default <- function(object, velocity, fields = score_fields, split.by = NULL,
                                       validation = 0.1, test = 0.1, n.splits = 5L, seed.use = 42L,
                                       threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  x <- embedding(object)
  if (missing(velocity)) stop_input("velocity", "`velocity` is missing: velocities of the cells are needed.")
  y <- known_velocities(plain_matrix(velocity, "velocity"), x)
  x <- x[, colnames(y), drop = FALSE]
  fields <- unique(vapply(fields, check_choice, "", choices = field_kinds, argument = "fields"))
  options <- lapply(stats::setNames(fields, fields), given_field_options, given = list(...))
  seed <- seed_from(seed.use)
  n.splits <- check_count(n.splits, "n.splits")
  groups <- list(cells = numeric(), groups = group_codes(split.by, rownames(x), "split.by"))
  if (is.null(split.by)) groups$groups <- NULL
  tick <- progress_bar(length(groups) * n.splits * length(fields), "Scoring fields", check_flag(verbose, "verbose"))
  done <- 0
  results <- list()
  for (kind in names(groups)) {
    for (s in seq_len(n.splits)) {
      part <- split_cells(nrow(x), groups[[kind]], check_number(validation, "validation"),
        check_number(test, "test", min = 1e-9), seed + s - 1)
      for (field in fields) {
        scored <- score_split(x, y, part, options[[field]], seed + s - 1)
        results[[length(results) + 1L]] <- c(list(kind = kind, split = s, field = field), scored)
        done <- done + 1
        tick(done, field)
      }
    }
  }
  new_field_scores(results, colnames(x), verbose)
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.fatefield_velocity <- function(object, fields = score_fields, n.boot = 3L, genes = NULL,
                                                  seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  score_found(object, velocity_states(object, genes = genes), fields, n.boot, seed_from(seed.use), ...)
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.Seurat <- function(object, velocity = NULL, fields = score_fields, split.by = NULL,
                                      n.boot = 3L, genes = NULL, seed.use = 42L, threads = NULL, ...) {
  score_fields_of(object, velocity, fields, split.by, n.boot, genes, seed.use, threads, ...)
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.SingleCellExperiment <- function(object, velocity = NULL, fields = score_fields,
                                                    split.by = NULL, n.boot = 3L, genes = NULL, seed.use = 42L,
                                                    threads = NULL, ...) {
  score_fields_of(object, velocity, fields, split.by, n.boot, genes, seed.use, threads, ...)
}

score_fields_of <- function(object, velocity, fields, split.by, n.boot, genes, seed.use, threads, ...) {
  local_threads(threads)
  data <- velocity_states(object, velocity, genes)
  if (!is.null(split.by)) split.by <- cell_column(object, split.by, "split.by")
  found <- if (check_count(n.boot, "n.boot", min = 0L) > 0L) fetch_velocity(object, data$name)
  score_found(found, data, fields, n.boot, seed_from(seed.use), split.by = split.by, ...)
}

score_found <- function(found, data, fields, n.boot, seed, ...) {
  n.boot <- check_count(n.boot, "n.boot", min = 0L)
  out <- ScoreVelocityField.default(data$x, data$y, fields, seed.use = seed, ...)
  if (n.boot > 0L && is.null(found$inputs$known)) {
    noise <- lapply(seq_len(n.boot), function(b) {
      compare_velocities(redrawn_velocity(found, colnames(data$y), seed + b), data$y, colMeans(data$y))
    })
    out$noise <- colMeans(do.call(rbind, noise))
  }
  out
}

# One field on one split: the scores of its test cells, squares of each gene, seconds.
score_split <- function(x, y, part, options, seed) {
  test <- part == 2L
  started <- proc.time()[["elapsed"]]
  fit <- tryCatch(
    fit_velocity_field(x, y, part, numeric(), unclass(options)[names(options) != "vfc"], options$vfc, seed,
      function(done, note) invisible(), thread_count()),
    fatefield_error_numeric = function(e) conditionMessage(e)
  )
  seconds <- proc.time()[["elapsed"]] - started
  mean <- colMeans(y[part == 0L, , drop = FALSE])
  total <- colSums(sweep(y[test, , drop = FALSE], 2L, mean)^2)
  if (is.character(fit)) {
    rlang::warn(paste0("Field ", quoted(options$field), ": ", fit), class = "fatefield_warning_field")
    none <- stats::setNames(rep(NA_real_, length(score_metrics)), score_metrics)
    return(list(scores = none, seconds = seconds, error = total * NA, total = total))
  }
  found <- field_velocity(fit$state, x[test, , drop = FALSE], thread_count())
  list(
    scores = compare_velocities(found, y[test, , drop = FALSE], mean), seconds = seconds,
    error = colSums((found - y[test, , drop = FALSE])^2), total = total
  )
}

# mse, r2 beside `mean`, cosine and sign accuracy; genes that are not known in `found` do not count.
compare_velocities <- function(found, y, mean) {
  known <- colSums(!is.finite(found)) == 0
  found <- found[, known, drop = FALSE]
  y <- y[, known, drop = FALSE]
  gap <- sum((found - y)^2)
  moves <- y != 0
  c(
    mse = gap / length(y), r2 = 1 - gap / sum(sweep(y, 2L, mean[known])^2),
    cosine = mean(row_cosines(found, y)), sign = mean(sign(found[moves]) == sign(y[moves]))
  )
}

# Velocities (cells x genes) with the neighbours of each cell drawn anew.
redrawn_velocity <- function(found, genes, seed) {
  knn <- found$knn
  counts <- bootstrap_counts(ncol(knn$index), nrow(knn$index), seed)
  pick <- t(vapply(seq_len(nrow(knn$index)), function(i) rep(seq_len(nrow(counts)), counts[, i]),
    integer(nrow(counts))))
  at <- cbind(as.vector(row(pick)), as.vector(pick))
  redrawn <- lapply(knn[c("index", "distance")], function(m) matrix(m[at], nrow(m)))
  how <- found$inputs$how
  how$neighbours <- redrawn
  prepared <- list(
    spliced = found$inputs$spliced, unspliced = found$inputs$unspliced,
    genes = match(genes, rownames(found$inputs$spliced)), names = genes, mode = found$mode,
    options = velocity_defaults(), variance = FALSE, velocity.u = FALSE, parity = FALSE,
    named = rep(TRUE, length(genes)), how = how, known = NULL, allowed = rep(TRUE, length(genes)),
    verbose = FALSE
  )
  fit <- if (found$mode == "dynamical") velocity_dynamical(prepared) else velocity_steady_state(prepared)
  t(fit$velocity)
}

new_field_scores <- function(results, genes, verbose) {
  splits <- do.call(rbind, lapply(results, function(r) {
    data.frame(held.out = r$kind, split = r$split, field = r$field, t(r$scores), seconds = r$seconds)
  }))
  by <- split(splits, list(splits$field, splits$held.out), drop = TRUE)
  table <- do.call(rbind, lapply(by, function(part) {
    mean <- vapply(part[c(score_metrics, "seconds")], mean, 0)
    sd <- vapply(part[score_metrics], stats::sd, 0)
    names(sd) <- paste0(names(sd), "_sd")
    data.frame(held.out = part$held.out[[1L]], field = part$field[[1L]], t(mean), t(sd))
  }))
  table <- table[order(match(table$held.out, c("cells", "groups")), table$mse), ]
  rownames(table) <- NULL
  of.cells <- Filter(function(r) r$kind == "cells", results)
  per.gene <- do.call(rbind, lapply(split(of.cells, vapply(of.cells, `[[`, "", "field")), function(of.field) {
    sums <- function(what) Reduce(`+`, lapply(of.field, `[[`, what))
    data.frame(field = of.field[[1L]]$field, gene = genes, r2 = 1 - sums("error") / sums("total"))
  }))
  rownames(per.gene) <- NULL
  structure(list(table = table, splits = splits, genes = per.gene, noise = NULL), class = "fatefield_field_scores")
}

#' @export
print.fatefield_field_scores <- function(x, ...) {
  for (kind in unique(x$table$held.out)) {
    part <- x$table[x$table$held.out == kind, ]
    cat("held-out ", kind, ", mean of ", max(x$splits$split), " splits\n", sep = "")
    shown <- part[c(score_metrics, "seconds")]
    shown[] <- lapply(shown, signif, digits = 3L)
    rownames(shown) <- part$field
    if (!is.null(x$noise)) shown["(noise)", score_metrics] <- signif(x$noise[score_metrics], 3L)
    print(shown)
  }
  invisible(x)
}

#' Plot the comparison of velocity fields
#'
#' Draws each score of each kind of field on held-out cells, its mean and the single splits; the dashed line is
#' the noise of the velocities, see [ScoreVelocityField()].
#'
#' @param object From [ScoreVelocityField()].
#' @param metrics Scores to draw, of `"mse"`, `"r2"`, `"cosine"` and `"sign"`; default all.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input` where `object` is something else, or there is no such score.
#' @seealso [ScoreVelocityField()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 200, n.genes = 30)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' scores <- ScoreVelocityField(cells, fields = c("mean", "ridge", "vae"), n.splits = 2, n.boot = 1,
#'   epochs = 30, verbose = FALSE)
#' PlotFieldScores(scores)
#' @export
PlotFieldScores <- function(object, metrics = score_metrics, ...) {
  check_no_dots(names(formals(PlotFieldScores)), ...)
  if (!inherits(object, "fatefield_field_scores")) {
    stop_input("object", "`object` must come from ScoreVelocityField(), not ", described(object), ".")
  }
  metrics <- vapply(metrics, check_choice, "", choices = score_metrics, argument = "metrics")
  labels <- c(mse = "mean squared error", r2 = "R2", cosine = "cosine", sign = "share of right signs")
  long <- do.call(rbind, lapply(metrics, function(m) {
    data.frame(object$splits[c("held.out", "field")], metric = labels[[m]], value = object$splits[[m]])
  }))
  order <- object$table$field[object$table$held.out == object$table$held.out[[1L]]]
  long$field <- factor(long$field, rev(order))
  long$metric <- factor(long$metric, labels[metrics])
  long <- long[is.finite(long$value), ]
  plot <- ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$field, colour = .data$held.out)) +
    ggplot2::geom_point(size = 0.9, alpha = 0.5, position = ggplot2::position_dodge(width = 0.5)) +
    ggplot2::stat_summary(fun = mean, geom = "point", size = 2.4,
      position = ggplot2::position_dodge(width = 0.5)) +
    ggplot2::facet_wrap("metric", scales = "free_x") +
    scale_labels(unique(long$held.out), name = "held out") + theme_curves() + ggplot2::labs(x = NULL, y = NULL)
  if (is.null(object$noise)) {
    return(plot)
  }
  noise <- data.frame(metric = factor(labels[metrics], labels[metrics]), value = object$noise[metrics])
  plot + ggplot2::geom_vline(
    data = noise, ggplot2::aes(xintercept = .data$value), linetype = "dashed", colour = "grey40"
  )
}
