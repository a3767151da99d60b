# Draws genes along simulated time, with observed cells behind.

#' Plot genes along simulated time
#'
#' One panel per gene: the mean of the simulated paths of each fate with an interval, and observed cells behind.
#' Points are means of the observed cells of a time, in the colour of a fate where their label is one, else dark
#' grey, with their standard error.
#'
#' @param object Result of [GeneTrends()].
#' @param genes,fates (strings) What to draw; `NULL` takes all.
#' @param interval `"mean"` (default): the confidence interval of the mean; `"spread"`: between which the paths
#'   are; `"none"`.
#' @param observed Draw observed cells where there are any? `"means"` (default), `"cells"` too, or `"none"`.
#' @param ncol Columns of panels.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input`: no trends, no such gene or fate.
#' @seealso [GeneTrends()]
#' @examples
#' time <- seq(0, 2, 0.1)
#' trends <- data.frame(fate = rep(c("up", "down"), each = 21), gene = "g1", time = time,
#'   mean = c(1 + time / 2, 1 - time / 4), se = 0.05)
#' trends$low <- trends$lower <- trends$mean - 0.1
#' trends$high <- trends$upper <- trends$mean + 0.1
#' PlotGeneTrends(structure(list(trends = trends), class = "fatefield_trends"))
#' @export
PlotGeneTrends <- function(object, genes = NULL, fates = NULL, interval = c("mean", "spread", "none"),
                           observed = c("means", "cells", "none"), ncol = NULL, ...) {
  check_no_dots(names(formals(PlotGeneTrends)), ...)
  if (!inherits(object, "fatefield_trends")) {
    stop_input("object", "`object` must be trends from GeneTrends(), not ", described(object), ".")
  }
  interval <- check_choice(interval, c("mean", "spread", "none"), "interval")
  observed <- check_choice(observed, c("means", "cells", "none"), "observed")
  trends <- object$trends
  genes <- if (is.null(genes)) unique(trends$gene) else known_genes(genes, unique(trends$gene))
  fates <- if (is.null(fates)) unique(trends$fate) else check_shown(fates, unique(trends$fate))
  trends <- trends[trends$gene %in% genes & trends$fate %in% fates, ]
  trends$gene <- factor(trends$gene, levels = genes)
  trends$fate <- factor(trends$fate, levels = fates)
  edges <- switch(interval, mean = c("low", "high"), spread = c("lower", "upper"))
  plot <- ggplot2::ggplot(trends, ggplot2::aes(.data$time, .data$mean))
  if (observed != "none") plot <- plot + observed_layers(object$observed, genes, fates, observed == "cells")
  if (!is.null(edges)) {
    plot <- plot + ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data[[edges[[1L]]]], ymax = .data[[edges[[2L]]]], fill = .data$fate), alpha = 0.2
    )
  }
  plot + ggplot2::geom_line(ggplot2::aes(colour = .data$fate), linewidth = 0.8) +
    ggplot2::facet_wrap("gene", scales = "free_y", ncol = ncol) + scale_labels(fates, aesthetics = c("colour", "fill")) +
    ggplot2::labs(x = "time", y = "expression") + theme_curves()
}

check_shown <- function(fates, present) {
  lost <- setdiff(fates, present)
  if (length(lost) > 0L) {
    stop_input("fates", "`fates`: there is no fate ", quoted(lost[[1L]]), "; there are ", quoted(present), ".",
      near(lost[[1L]], present))
  }
  fates
}

observed_layers <- function(observed, genes, fates, cells) {
  if (is.null(observed)) {
    return(NULL)
  }
  of_fates <- function(data) {
    data <- data[data$gene %in% genes, ]
    data$gene <- factor(data$gene, levels = genes)
    data$fate <- factor(data$label, levels = fates)
    data
  }
  means <- of_fates(observed$means)
  means$bar <- ifelse(is.na(means$se), 0, means$se)
  # What is of no fate is shown together, as one point a time.
  others <- means[is.na(means$fate), ]
  layers <- list()
  if (cells) {
    all <- of_fates(observed$cells)
    layers <- list(ggplot2::geom_point(
      data = all, ggplot2::aes(.data$time, .data$expression, colour = .data$fate), size = 0.4, alpha = 0.25
    ))
  }
  c(layers, list(
    ggplot2::geom_pointrange(
      data = pooled_means(others), ggplot2::aes(ymin = .data$mean - .data$bar, ymax = .data$mean + .data$bar),
      colour = "grey45", size = 0.25
    ),
    ggplot2::geom_pointrange(
      data = means[!is.na(means$fate), ],
      ggplot2::aes(ymin = .data$mean - .data$bar, ymax = .data$mean + .data$bar, colour = .data$fate), size = 0.25
    )
  ))
}

# Means of several labels at a time as one.
pooled_means <- function(means) {
  parts <- split(means, list(means$time, means$gene), drop = TRUE)
  rows <- lapply(parts, function(p) {
    mean <- sum(p$n * p$mean) / sum(p$n)
    within <- sum(p$n^2 * p$bar^2) + sum(p$n * (p$mean - mean)^2)
    data.frame(time = p$time[[1L]], gene = p$gene[[1L]], mean = mean, bar = sqrt(within) / sum(p$n))
  })
  if (length(rows) == 0L) data.frame(means[0L, c("time", "gene", "mean", "bar")]) else do.call(rbind, rows)
}
