# How near velocity fields come to velocities of cells they have not seen, kind beside kind. Takes an object
# after EstimateVelocity() or matrices; gives a table.

# All but one of the networks that are much alike, the plainer ones first.
score_fields <- function() setdiff(rev(field_kinds()), "mlp")

score_metrics <- c("mse", "r2", "cosine", "sign")

#' Compare velocity fields on held-out cells
#'
#' Fits each kind of field to the same cells, several times, and compares its velocities with those of cells that
#' were held out before anything else was done: single cells and, with `split.by`, whole groups such as
#' clusters, which asks for more.
#' Next to them stand the noise of the velocities themselves, below which no field that has learned the truth
#' can come.
#'
#' @section Basic use:
#' ```
#' scores <- ScoreVelocityField(cells)
#' scores
#' plot(scores)
#' ```
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
#' @return A result of class `fatefield_field_scores`, see [results], whose table has a row for each kind of split
#'   (`held.out`: `"cells"`, `"groups"`) and `field`, best first, and the columns `mse`,
#'   the mean squared error over cells and genes, in units of the velocities squared; `r2`, beside the mean
#'   velocity of the training cells; `cosine`, the mean over cells of that between the two velocities;
#'   `sign`, the share of velocities other than 0 whose sign is right; their means over splits, and `_sd`,
#'   the standard deviations between splits; and `seconds` of fitting.
#'   `summary()` gives these and the noise beside each other.
#'   Its parts are
#'   \item{splits}{The same for each split.}
#'   \item{genes}{data.frame of `field`, `gene`, `r2`: of each gene, over all splits by cells.}
#'   \item{noise}{`mse`, `r2`, `cosine` and `sign` of the noise, or `NULL`.}
#' @section Errors:
#' As those of [FitVelocityField()].
#' A field that collapses or cannot be fitted has `NA`, with a warning of class `fatefield_warning_field`.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#' @seealso [FitVelocityField()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 200, n.genes = 30)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' ScoreVelocityField(cells, fields = c("mean", "ridge", "vae"), n.splits = 2, n.boot = 1, epochs = 30,
#'   verbose = FALSE)
#' @export
ScoreVelocityField <- function(object, ...) UseMethod("ScoreVelocityField")

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.default <- function(object, velocity, fields = score_fields(), split.by = NULL,
                                       validation = 0.1, test = 0.1, n.splits = 5L, seed.use = 42L,
                                       threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  x <- embedding(object)
  if (missing(velocity)) stop_input("velocity", "`velocity` is missing: velocities of the cells are needed.")
  y <- known_velocities(plain_matrix(velocity, "velocity"), x)
  x <- x[, colnames(y), drop = FALSE]
  fields <- unique(vapply(fields, check_choice, "", choices = field_kinds(), argument = "fields"))
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
  new_field_scores(results, colnames(x))
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.fatefield_velocity <- function(object, fields = score_fields(), split.by = NULL, validation = 0.1,
                                                  test = 0.1, n.splits = 5L, n.boot = 3L, genes = NULL, seed.use = 42L,
                                                  threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  n.boot <- check_count(n.boot, "n.boot", min = 0L)
  seed.use <- seed_from(seed.use)
  data <- velocity_states(object, genes = genes)
  result <- call_worker(ScoreVelocityField.default, object = data$x, velocity = data$y, ...)
  with_velocity_noise(result, object, data$y, n.boot, seed.use)
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.Seurat <- function(object, velocity = NULL, fields = score_fields(), split.by = NULL,
                                      validation = 0.1, test = 0.1, n.splits = 5L, n.boot = 3L, genes = NULL,
                                      seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  n.boot <- check_count(n.boot, "n.boot", min = 0L)
  seed.use <- seed_from(seed.use)
  data <- velocity_states(object, velocity, genes)
  groups <- if (!is.null(split.by)) cell_column(object, split.by, "split.by")
  result <- call_worker(ScoreVelocityField.default, object = data$x, velocity = data$y, split.by = groups, ...)
  with_velocity_noise(result, if (n.boot > 0L) fetch_velocity(object, data$name), data$y, n.boot, seed.use)
}

#' @rdname ScoreVelocityField
#' @export
ScoreVelocityField.SingleCellExperiment <- ScoreVelocityField.Seurat

# The result with the noise of the velocities `y` (cells x genes), where their moments were not given.
with_velocity_noise <- function(result, found, y, n.boot, seed) {
  if (n.boot == 0L || !is.null(found$inputs$known)) {
    return(result)
  }
  noise <- lapply(seq_len(n.boot), function(b) {
    compare_velocities(redrawn_velocity(found, colnames(y), seed + b), y, colMeans(y))
  })
  result$noise <- colMeans(do.call(rbind, noise))
  result
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

new_field_scores <- function(results, genes) {
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
  new_result("field_scores", table, list(splits = splits, genes = per.gene), by = "field")
}

headline.fatefield_field_scores <- function(x) {
  best <- vapply(unique(x$table$held.out), function(kind) {
    part <- x$table[x$table$held.out == kind, ]
    shown <- paste0(part$field, " ", sprintf("%.3f", part$r2))
    paste0("R2 on held-out ", kind, ": ", paste(utils::head(shown, 6L), collapse = ", "))
  }, "")
  c(
    paste0("velocity fields, mean of ", counted(max(x$splits$split), "split"), if (!is.null(x$noise)) paste0(
      "; the noise of the velocities alone gives R2 ", format(x$noise[["r2"]], digits = 3L)
    )),
    unname(best)
  )
}

#' @rdname ScoreVelocityField
#' @export
summary.fatefield_field_scores <- function(object, ...) {
  out <- object$table[c("held.out", "field", score_metrics, "seconds")]
  if (is.null(object$noise)) {
    return(out)
  }
  rbind(out, data.frame(held.out = "cells", field = "(noise)", t(object$noise[score_metrics]), seconds = NA_real_))
}

#' @rdname ScoreVelocityField
#' @param x Scores.
#' @param metrics Scores to draw, of `"mse"`, `"r2"`, `"cosine"` and `"sign"`; default all.
#'   Large points are means, small ones the single splits; the dashed line is the noise of the velocities.
#' @export
plot.fatefield_field_scores <- function(x, metrics = score_metrics, ...) {
  check_no_dots(c("x", "metrics"), ...)
  metrics <- vapply(metrics, check_choice, "", choices = score_metrics, argument = "metrics")
  labels <- c(mse = "mean squared error", r2 = "R2", cosine = "cosine", sign = "share of right signs")
  splits <- x$splits[x$splits$field %in% x$table$field, ]
  long <- do.call(rbind, lapply(metrics, function(m) {
    data.frame(splits[c("held.out", "field")], metric = labels[[m]], value = splits[[m]])
  }))
  order <- x$table$field[x$table$held.out == x$table$held.out[[1L]]]
  long$field <- factor(long$field, rev(order))
  long$metric <- factor(long$metric, labels[metrics])
  long <- long[is.finite(long$value), ]
  plot <- ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$field, colour = .data$held.out)) +
    ggplot2::geom_point(size = 0.9, alpha = 0.5, position = ggplot2::position_dodge(width = 0.5)) +
    ggplot2::stat_summary(fun = mean, geom = "point", size = 2.4,
      position = ggplot2::position_dodge(width = 0.5)) +
    ggplot2::facet_wrap("metric", scales = "free_x") +
    scale_labels(unique(long$held.out), name = "held out") + theme_curves() + ggplot2::labs(x = NULL, y = NULL)
  if (is.null(x$noise)) {
    return(plot)
  }
  noise <- data.frame(metric = factor(labels[metrics], labels[metrics]), value = x$noise[metrics])
  plot + ggplot2::geom_vline(
    data = noise, ggplot2::aes(xintercept = .data$value), linetype = "dashed", colour = "grey40"
  )
}
