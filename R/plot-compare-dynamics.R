# Draws what CompareDynamics() found: means of groups, effects beside controls, or correlations with the number of fates.

#' Plot a comparison of dynamics
#'
#' `type = "effect"` draws how far each group is from all other cells, in standard deviations, as it is and adjusted for
#' the controls; `"mean"` draws the means of the groups; `"trend"` the rank correlations with the number of fates, alone
#' and given each control.
#' Lines are bootstrap intervals.
#'
#' @param object The result of [CompareDynamics()].
#' @param type `"effect"` (default), `"mean"` or `"trend"`.
#' @param ncol Panels beside each other.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input` where `"trend"` is asked for without fates.
#' @seealso [CompareDynamics()]
#' @examples
#' set <- data.frame(drift = c(1:30, 11:40), diffusion = rep(1:20, 3) / 10)
#' found <- CompareDynamics(set, group.by = rep(c("early", "late"), each = 30), n.boot = 100)
#' PlotCompareDynamics(found)
#' @export
PlotCompareDynamics <- function(object, type = c("effect", "mean", "trend"), ncol = NULL, ...) {
  check_no_dots(names(formals(PlotCompareDynamics)), ...)
  if (!inherits(object, "fatefield_comparison")) {
    stop_input("object", "`object` must be from CompareDynamics(), not ", described(object), ".")
  }
  type <- check_choice(type, c("effect", "mean", "trend"), "type")
  if (type == "trend" && is.null(object$trend)) {
    stop_input("type", "`type`: the comparison knows of no fates; give CompareDynamics() `clone` and `labels`.")
  }
  rows <- switch(type, mean = drawn_means(object), effect = drawn_effects(object), trend = drawn_trend(object))
  aside <- ggplot2::position_dodge(width = 0.5)
  # Groups count from below, the legend from above.
  rows$order <- -as.integer(rows$kind)
  plot <- ggplot2::ggplot(
    rows, ggplot2::aes(.data$value, .data$place, colour = .data$kind, group = .data$order)
  ) +
    ggplot2::geom_linerange(ggplot2::aes(xmin = .data$low, xmax = .data$high), position = aside, linewidth = 0.6) +
    ggplot2::geom_point(position = aside, size = 1.8) +
    scale_labels(levels(rows$kind), name = NULL) +
    ggplot2::facet_wrap("panel", scales = if (type == "mean") "free" else "free_y", ncol = ncol) +
    ggplot2::labs(y = NULL, x = c(
      effect = "Difference from all other cells (standard deviations)", mean = "Mean",
      trend = "Rank correlation with the number of fates"
    )[[type]]) + theme_curves() + ggplot2::theme(legend.position = if (type == "effect") "bottom" else "none")
  if (type == "mean") plot else plot + ggplot2::geom_vline(xintercept = 0, colour = "grey60", linewidth = 0.3)
}

comparison_panels <- function(groups) {
  by <- c(group = "", fates = ", number of fates")
  text <- paste0(groups$quantity, by[groups$grouping])
  factor(text, unique(text))
}

drawn_means <- function(object) {
  g <- object$groups
  data.frame(panel = comparison_panels(g), place = factor(g$group, rev(unique(g$group))), kind = factor("mean"),
    value = g$mean, low = g$mean_low, high = g$mean_high)
}

drawn_effects <- function(object) {
  g <- object$groups
  one <- function(kind, part) {
    data.frame(panel = comparison_panels(g), place = factor(g$group, rev(unique(g$group))), kind = kind,
      value = g[[part]], low = g[[paste0(part, "_low")]], high = g[[paste0(part, "_high")]])
  }
  rows <- rbind(one("as it is", "effect"), one("given the controls", "adjusted"))
  rows$kind <- factor(rows$kind, c("as it is", "given the controls"))
  rows
}

drawn_trend <- function(object) {
  t <- object$trend
  # The same order in all panels: nothing, single quantities and controls, all.
  order <- unique(c("nothing", unique(t$quantity), setdiff(t$given, "all"), "all"))
  data.frame(panel = factor(t$quantity, unique(t$quantity)), place = factor(t$given, rev(intersect(order, t$given))),
    kind = factor("trend"), value = t$correlation, low = t$low, high = t$high)
}
