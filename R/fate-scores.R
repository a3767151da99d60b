# What ScoreFate() gives: a table of scores, one row a method, and what its figures need.

# A gap is never negative, so that chance alone makes one, and a bootstrap sample adds its own: the samples of the
# calibration error lie too high by about what it is itself too high. Its interval is brought down by that.
# `scored`: one matrix (scores x bootstrap samples, the data first) per method; `data`: see common_cells().
score_table <- function(scored, data, conf.level, bins, cols, pair = NULL) {
  per_fate <- startsWith(rownames(scored[[1L]]), "auroc:")
  value <- t(vapply(scored, function(s) s[, 1L], numeric(length(per_fate))))
  value[is.nan(value)] <- NA
  over_samples <- function(f) {
    t(vapply(scored, function(s) {
      if (ncol(s) < 3L) rep(NA_real_, nrow(s)) else apply(s[, -1L], 1L, f)
    }, numeric(length(per_fate))))
  }
  edge <- function(p) over_samples(function(v) stats::quantile(v, p, na.rm = TRUE, names = FALSE))
  low <- edge((1 - conf.level) / 2)
  high <- edge((1 + conf.level) / 2)
  gap <- match("calibration", rownames(scored[[1L]]))
  bias <- over_samples(mean)[, gap] - value[, gap]
  low[, gap] <- pmin(pmax(low[, gap] - 2 * bias, 0), value[, gap])
  high[, gap] <- pmax(high[, gap] - bias, value[, gap])
  spread <- list(se = over_samples(function(v) stats::sd(v, na.rm = TRUE)), low = low, high = high)
  table <- data.frame(method = names(scored), cells = nrow(data$observed), row.names = NULL)
  for (s in which(!per_fate)) {
    name <- rownames(scored[[1L]])[[s]]
    table[[name]] <- value[, s]
    for (part in names(spread)) table[[paste0(name, "_", part)]] <- spread[[part]][, s]
  }
  auroc <- value[, per_fate, drop = FALSE]
  colnames(auroc) <- colnames(data$observed)
  of_methods <- function(f) {
    parts <- lapply(names(data$methods), function(m) data.frame(method = m, f(data$methods[[m]])))
    out <- do.call(rbind, parts)
    out$method <- factor(out$method, levels = names(data$methods))
    out
  }
  new_table(
    "fate_scores", table, by = "method", auroc = auroc, scores = rownames(scored[[1L]])[!per_fate],
    calibration = of_methods(function(p) calibration_curve(p, data$observed, bins)),
    confusion = of_methods(function(p) confusion_table(p, data$observed)),
    plan = beside_plan(scored, conf.level), cols = colours_of(colnames(data$observed), cols),
    pair = pair
  )
}

# list(method, difference, low, high) of the cross-entropy of the first method less that of plans, over the same
# samples; NULL without plans, or with plans alone. `scored`: see score_table().
beside_plan <- function(scored, conf.level) {
  if (!"plan" %in% names(scored)[-1L]) {
    return(NULL)
  }
  difference <- scored[[1L]]["cross.entropy", ] - scored$plan["cross.entropy", ]
  edge <- function(p) {
    if (length(difference) < 3L) NA_real_ else stats::quantile(difference[-1L], p, na.rm = TRUE, names = FALSE)
  }
  list(
    method = names(scored)[[1L]], difference = difference[[1L]], low = edge((1 - conf.level) / 2),
    high = edge((1 + conf.level) / 2)
  )
}

plan_text <- function(x) {
  beside <- attr(x, "plan")
  if (is.null(beside) || !all(c(beside$method, "plan") %in% x$method)) {
    return(NULL)
  }
  paste0("cross-entropy less that of plans: ",
    with_interval(round(beside$difference, 3L), round(beside$low, 3L), round(beside$high, 3L)),
    if (isTRUE(beside$low > 0)) paste0("; ", beside$method, " lost some of what it was trained on: train longer ",
      "(`updates`), or take `PredictFate(method = \"plan\")`"))
}

# One row a bin that has cells: mean probability of the most probable fate, and the observed share of it.
calibration_curve <- function(p, observed, bins) {
  confidence <- apply(p, 1L, max)
  bin <- confidence_bins(confidence, bins)
  sums <- rowsum(cbind(confidence, rowSums(top_shares(p) * observed), 1), bin)
  n <- sums[, 3L]
  data.frame(predicted = sums[, 1L] / n, observed = sums[, 2L] / n, cells = n, row.names = NULL)
}

# For each observed fate (the most frequent of a cell) the share of cells for which each fate is the most probable.
confusion_table <- function(p, observed) {
  truth <- max.col(observed, "first")
  n <- tabulate(truth, ncol(p))
  counts <- rowsum(rbind(top_shares(p), matrix(0, ncol(p), ncol(p))), c(truth, seq_len(ncol(p))))
  fates <- factor(colnames(p), levels = colnames(p))
  data.frame(
    truth = rep(fates, ncol(p)), predicted = rep(fates, each = ncol(p)),
    share = as.vector(counts / ifelse(n > 0, n, NA)), cells = as.vector(counts)
  )
}

headline.fatefield_fate_scores <- function(x) {
  first <- x$method[[1L]]
  of <- function(score) with_interval(x[[score]], x[[paste0(score, "_low")]], x[[paste0(score, "_high")]])
  prior <- match("prior", x$method)
  compared <- !is.na(prior) && prior != 1L
  beside <- function(score) {
    paste0(of(score)[[1L]], if (compared) paste0(", prior ", format(x[[score]][[prior]], digits = 3L)))
  }
  worse <- compared && isTRUE(x$cross.entropy[[1L]] >= x$cross.entropy[[prior]])
  c(
    paste0("fates of ", counted(x$cells[[1L]], "cell"), " scored; ", first, ": accuracy ", beside("accuracy")),
    paste0("cross-entropy ", beside("cross.entropy"), ", lower is better",
      if (worse) "; no better than the frequencies alone"),
    paste0("calibration error ", of("calibration")[[1L]], ": how far probabilities are from how often they come true",
      if (!is.null(attr(x, "pair"))) paste0("; ", pair_text(x))),
    plan_text(x)
  )
}

# Predicted against observed share of the first of the pair, by clones where these were given.
pair_text <- function(x) {
  pair <- attr(x, "pair")
  if (is.null(pair)) {
    return(NULL)
  }
  of <- function(score) with_interval(x[[score]], x[[paste0(score, "_low")]], x[[paste0(score, "_high")]])[[1L]]
  paste0(pair[[1L]], " or ", pair[[2L]], ": r ", of("pair.pearson"), ", AUROC ", of("pair.auroc"))
}

#' @rdname ScoreFate
#' @param x Scores.
#' @export
print.fatefield_fate_scores <- function(x, ...) {
  table <- plain_table(x)
  writeLines(headline(x))
  print(data.frame(lapply(table[c("method", attr(x, "scores"))], function(v) {
    if (is.numeric(v)) signif(zapsmall(v), 3L) else v
  }), check.names = FALSE))
  invisible(x)
}

#' @rdname ScoreFate
#' @param type `"scores"`: each score of each method with its interval; `"calibration"`: how often the most probable
#'   fate is observed, by its probability; `"confusion"`: which fate is predicted where which is observed.
#' @export
plot.fatefield_fate_scores <- function(x, type = c("scores", "calibration", "confusion"), ...) {
  check_no_dots(c("x", "type"), ...)
  type <- check_choice(type, c("scores", "calibration", "confusion"), "type")
  if (type == "calibration") {
    return(draw_calibration(own_rows(x, "calibration")))
  }
  if (type == "confusion") {
    return(draw_confusion(own_rows(x, "confusion"), attr(x, "cols")))
  }
  scores <- attr(x, "scores")
  part <- function(suffix) unlist(lapply(scores, function(s) x[[paste0(s, suffix)]]))
  long <- data.frame(
    method = factor(rep(x$method, length(scores)), levels = rev(unique(x$method))),
    score = factor(rep(scores, each = nrow(x)), levels = scores), value = part(""), low = part("_low"),
    high = part("_high")
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$method)) +
    ggplot2::geom_segment(ggplot2::aes(x = .data$low, xend = .data$high, yend = .data$method), na.rm = TRUE) +
    ggplot2::geom_point(size = 2, na.rm = TRUE) + ggplot2::facet_wrap("score", scales = "free_x") +
    ggplot2::labs(x = NULL, y = NULL) + theme_curves()
}

# Of the methods that the table still has.
own_rows <- function(x, part) {
  table <- attr(x, part)
  table <- table[table$method %in% x$method, , drop = FALSE]
  table$method <- factor(table$method, levels = intersect(levels(table$method), x$method))
  table
}

draw_calibration <- function(curve) {
  ggplot2::ggplot(curve, ggplot2::aes(.data$predicted, .data$observed)) +
    ggplot2::geom_abline(slope = 1, intercept = 0, colour = "grey60", linetype = 2) +
    ggplot2::geom_line(colour = label_palette[[1L]]) +
    ggplot2::geom_point(ggplot2::aes(size = .data$cells), colour = label_palette[[1L]]) +
    ggplot2::scale_size_area(max_size = 5) + ggplot2::coord_equal(xlim = c(0, 1), ylim = c(0, 1)) +
    ggplot2::facet_wrap("method") +
    ggplot2::labs(x = "probability of the most probable fate", y = "how often it is observed") + theme_curves()
}

draw_confusion <- function(table, cols) {
  ggplot2::ggplot(table, ggplot2::aes(.data$truth, .data$share, fill = .data$predicted)) +
    ggplot2::geom_col(na.rm = TRUE) +
    scale_labels(levels(table$predicted), cols, aesthetics = "fill", name = "predicted") +
    ggplot2::facet_wrap("method") + ggplot2::labs(x = "observed fate", y = "share of cells") + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
}
