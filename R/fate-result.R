# What PredictFate() gives: probabilities of fates with their errors, one row a cell.

# `shares`: one list(share, effective) per member; `cells`: their names; `votes`: see fate_references(). `arrived`:
# which cells were not simulated, as they are at the end already: they have no prior. `more`: further parts.
new_fate <- function(shares, cells, votes, definition, arrived = logical(length(cells)), more = list()) {
  fates <- votes$counted
  labels <- votes$references$labels
  t <- without_prior(fate_summary(shares, fates, definition$options$fate), shares, fates, arrived)
  named <- function(m, columns) {
    dimnames(m) <- list(cells, columns)
    m
  }
  probability <- named(t$probability, labels[fates])
  counts <- Reduce(`+`, lapply(shares, function(s) s$share[, seq_along(labels), drop = FALSE] * s$effective))
  known <- rowSums(counts[, fates, drop = FALSE]) > 0
  parts <- list(
    probability = probability, se = named(t$se, labels[fates]), spread = named(t$spread, labels[fates]),
    counts = named(counts, labels), fate = most_probable(probability, known),
    entropy = stats::setNames(t$entropy, cells), unassigned = stats::setNames(t$unassigned, cells),
    other = stats::setNames(t$other, cells), effective = stats::setNames(t$effective, cells),
    n.models = length(shares), cutoff = label_cutoff(votes$references$index), cols = definition$cols,
    column = definition$column
  )
  if (length(shares) > 1L) parts <- c(parts, member_interval(probability, parts$se, length(shares)))
  new_result("fate", fate_table(parts), c(parts, more), by = "cell")
}

# list(low, high) of probabilities, cells x fates: the 95 % interval of the mean over `n` members by Student's t.
member_interval <- function(probability, se, n) {
  half <- stats::qt(0.975, n - 1) * se
  list(low = pmax(probability - half, 0), high = pmin(probability + half, 1))
}

# The summary `t` with the rows of cells that have arrived as plain shares of their labels.
without_prior <- function(t, shares, fates, arrived) {
  in.fates <- rowSums(Reduce(`+`, lapply(shares, function(s) s$share[, fates, drop = FALSE])))
  rows <- which(arrived & in.fates > 0)
  if (length(rows) == 0L) {
    return(t)
  }
  own <- lapply(shares, function(s) list(share = s$share[rows, , drop = FALSE], effective = s$effective[rows]))
  plain <- fate_summary(own, fates, merge_options(fate_defaults(), list(prior = 0), ""))
  for (part in c("probability", "se", "spread")) t[[part]][rows, ] <- plain[[part]]
  t$entropy[rows] <- plain$entropy
  t
}

# The column with the largest value of each row as a factor; NA where the row is not `known`.
most_probable <- function(p, known = TRUE) {
  best <- max.col(replace(p, is.na(p), 0), ties.method = "first")
  best[!known | is.na(p[, 1L])] <- NA
  factor(colnames(p)[best], levels = colnames(p))
}

# One row a cell: each probability with its error, the most probable fate, entropy, and what ended in no fate.
fate_table <- function(x) {
  errors <- x$se
  colnames(errors) <- paste0(colnames(errors), "_se")
  both <- cbind(x$probability, errors)[, order(rep(seq_len(ncol(errors)), 2L)), drop = FALSE]
  data.frame(
    c(
      list(cell = rownames(x$probability)), as.data.frame(both, optional = TRUE),
      list(fate = x$fate, entropy = x$entropy, unassigned = x$unassigned, other = x$other),
        unclass(x)[intersect("steps", names(x))]
    ), check.names = FALSE, row.names = NULL
  )
}

fate_columns <- function(stem) paste0(stem, c("", "_entropy", "_unassigned"))

fate_assays <- function(stem) paste0(stem, c("s", "s_se"))

# What fates were made from: the model with its cells, or the cells alone.
fate_inputs <- function(object, model, reduction = NULL, dims = NULL) {
  if (!is.null(model)) {
    return(model_inputs(object, model))
  }
  list(coordinates_input(object, reduction, x = embedding(object, reduction, dims)))
}

# `inputs`: see fate_inputs(); `labels`: the column of the labels, or NULL.
store_fate <- function(object, result, store.as, inputs, labels = NULL, remake = "PredictFate()") {
  assays <- fate_assays(store.as)
  object <- store_assay(object, t(result$probability), assays[[1L]], key = store.as)
  object <- store_assay(object, t(result$se), assays[[2L]], key = paste0(store.as, "se"))
  columns <- data.frame(result$fate, result$entropy, result$unassigned, row.names = rownames(result$probability))
  object <- store_cells(object, stats::setNames(columns, fate_columns(store.as)))
  if (!is.null(labels)) inputs <- c(inputs, list(column_input(object, labels)))
  put_result(object, "fates", store.as, result, inputs, remake)
}

subset_result.fatefield_fate <- function(x, keep) {
  for (part in tables_per_cell(x)) x[[part]] <- x[[part]][keep, , drop = FALSE]
  x$fate <- x$fate[match(keep, names(x$entropy))]
  for (part in values_per_cell(x)) x[[part]] <- x[[part]][keep]
  x$table <- fate_table(x)
  x
}

rename_cells.fatefield_fate <- function(x, names) {
  for (part in tables_per_cell(x)) rownames(x[[part]]) <- unname(names[rownames(x[[part]])])
  for (part in values_per_cell(x)) names(x[[part]]) <- unname(names[names(x[[part]])])
  x$table <- fate_table(x)
  x
}

tables_per_cell <- function(x) {
  shown <- c("probability", "se", "spread", "low", "high", "counts", "probability_plain", "probability_plan",
    "steps.to")
  intersect(shown, names(x))
}

# Named by cell; ends of trajectories have no start of their own.
values_per_cell <- function(x) {
  intersect(c("entropy", "unassigned", "other", "effective", "starts", "descendants", "steps"), names(x))
}

method_text <- function(x) {
  if (identical(x$method, "absorption")) {
    return(paste0("by absorption along transitions by ", kernel_text(x$kernel)))
  }
  if (!identical(x$method, "plan")) {
    return(counted(x$n.models, "model"))
  }
  paste0("by plans between ", length(x$plan.times), " times (", if (isTRUE(x$own)) "those of the model" else "no model",
    ")")
}

headline.fatefield_fate <- function(x) {
  p <- colMeans(x$probability, na.rm = TRUE)
  most <- table(x$fate)
  shown <- paste0(names(p), " ", format(round(p, 3L), trim = TRUE), " (", most[names(p)], " cells)")
  c(
    paste0("fates of ", counted(nrow(x$probability), "cell"), ", ", method_text(x),
      if (!is.null(x$time)) paste0(", at time ", format(x$time)), if (!is.null(x$n.sim)) paste0(", ",
        counted(x$n.sim, "future"), " of each")),
    paste0("mean probability (most probable for): ", paste(shown, collapse = ", ")),
    if (!is.null(x$steps)) paste0("steps to a terminal state: ", quartiles(x$steps)),
    paste0(if (is.null(x$steps)) standard_error_text(x) else paste0("probabilities known to ", format(x$error,
      digits = 1L)),
      ", unassigned ",
      format(100 * mean(x$unassigned), digits = 2L), " %, other labels ",
      format(100 * mean(x$other), digits = 2L), " %"),
    correction_text(x), agreement_text(x)
  )
}

standard_error_text <- function(x) {
  paste0("mean standard error ", format(mean(x$se, na.rm = TRUE), digits = 2L), if (x$n.models > 1L) paste0(
    ", standard deviation between models ", format(mean(x$spread, na.rm = TRUE), digits = 2L)
  ))
}

#' @rdname PredictFate
#' @export
summary.fatefield_fate <- function(object, ...) {
  p <- object$probability
  out <- data.frame(
    fate = colnames(p), probability = colMeans(p, na.rm = TRUE),
    probability_se = if (is.null(object$steps)) sqrt(colMeans(object$se^2, na.rm = TRUE)) else NA_real_,
    spread = if (object$n.models > 1L) sqrt(colMeans(object$spread^2, na.rm = TRUE)) else NA_real_,
    cells = as.vector(table(object$fate)),
    entropy = vapply(colnames(p), function(f) mean(object$entropy[which(object$fate == f)]), numeric(1)),
    row.names = NULL
  )
  plan <- object$probability_plan
  if (is.null(plan)) {
    return(out)
  }
  out$probability_plan <- unname(colMeans(plan, na.rm = TRUE))
  out$distance_plan <- unname(colMeans(abs(p - plan)))
  out
}

#' @rdname PredictFate
#' @param x Fates.
#' @param type `"probability"`: how many cells have which probability of each fate; `"embedding"`: the cells in a plane
#'   in the colour of their most probable fate, paler where it is less certain.
#' @param embedding For `"embedding"`: a matrix (cells x dims) of all the cells.
#' @export
plot.fatefield_fate <- function(x, type = c("probability", "embedding"), embedding = NULL, ...) {
  type <- check_choice(type, c("probability", "embedding"), "type")
  if (type == "embedding") {
    return(PlotFate(x, embedding = embedding, ...))
  }
  check_no_dots(c("x", "type", "embedding"), ...)
  long <- data.frame(
    fate = factor(rep(colnames(x$probability), each = nrow(x$probability)), colnames(x$probability)),
    probability = as.vector(x$probability)
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$probability, fill = .data$fate)) +
    ggplot2::geom_histogram(breaks = seq(0, 1, 0.05), na.rm = TRUE) +
    ggplot2::facet_wrap("fate") + ggplot2::scale_fill_manual(values = x$cols, guide = "none") +
    ggplot2::labs(x = "probability of the fate", y = "cells") + theme_curves()
}
