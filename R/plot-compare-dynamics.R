# What CompareDynamics() found, in words and as a figure: means of groups, effects beside controls, or correlations with
# the number of fates.

headline.fatefield_comparison <- function(x) {
  tests <- summary(x)
  c(
    paste0("dynamics compared between groups of cells", if (length(x$controls) > 0L) paste0(
      "; controls: each other, ", paste(x$controls, collapse = ", ")
    ), if (identical(x$members, 1L)) paste0("; ", one_model_of_cells)),
    utils::head(paste0(tests$quantity, " by ", tests$grouping, ": ", tests$group, " differs most, by ",
      with_interval(tests$effect, tests$effect_low, tests$effect_high), " SD of all cells",
      if (!identical(x$members, 1L)) paste0("; Kruskal-Wallis p ", format(tests$p, digits = 2L), ", q ",
        format(tests$q, digits = 2L))), 2L)
  )
}

# Where cells of one member are compared.
one_model_of_cells <- paste0("intervals are over cells of one model, which cannot tell how sure it is: no p; ",
  "fit `n.models = 3` or more")

#' @rdname CompareDynamics
#' @export
summary.fatefield_comparison <- function(object, ...) {
  tests <- object$tests
  most <- do.call(rbind, lapply(seq_len(nrow(tests)), function(i) {
    rows <- object$table[object$table$quantity == tests$quantity[[i]] & object$table$grouping == tests$grouping[[i]], ]
    rows[which.max(abs(rows$effect)), c("group", "effect", "effect_low", "effect_high")]
  }))
  data.frame(tests, most, row.names = NULL)
}

subset_result.fatefield_comparison <- function(x, keep) {
  x <- subset_result.default(x, keep)
  x$pairs <- x$pairs[x$pairs$first %in% keep & x$pairs$second %in% keep, ]
  rownames(x$pairs) <- NULL
  x
}

#' @rdname CompareDynamics
#' @param x A comparison.
#' @param type Of the figure: `"effect"` (default) draws how far each group is from all other cells, in standard
#'   deviations, as it is and adjusted for the controls; `"mean"` the means of the groups; `"trend"` the rank
#'   correlations with the number of fates, alone and given each control.
#'   Lines are bootstrap intervals.
#' @param cols Of the figure: colours by name, such as `c("as it is" = "grey40", "given the controls" = "firebrick")`.
#' @param ncol Of the figure: panels beside each other.
#' @export
plot.fatefield_comparison <- function(x, type = c("effect", "mean", "trend"), cols = NULL, ncol = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_comparison)), ...)
  type <- check_choice(type, c("effect", "mean", "trend"), "type")
  if (type == "trend" && is.null(x$trend)) {
    stop_input("type", "`type`: the comparison knows of no fates; give CompareDynamics() `clone` and `labels`.")
  }
  rows <- switch(type, mean = drawn_means(x), effect = drawn_effects(x), trend = drawn_trend(x))
  aside <- ggplot2::position_dodge(width = 0.5)
  # Groups count from below, the legend from above.
  rows$order <- -as.integer(rows$kind)
  plot <- ggplot2::ggplot(
    rows, ggplot2::aes(.data$value, .data$place, colour = .data$kind, group = .data$order)
  ) +
    ggplot2::geom_linerange(ggplot2::aes(xmin = .data$low, xmax = .data$high), position = aside, linewidth = 0.6) +
    ggplot2::geom_point(position = aside, size = 1.8) +
    scale_labels(levels(rows$kind), cols, name = NULL) +
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

drawn_means <- function(x) {
  g <- x$table
  data.frame(panel = comparison_panels(g), place = factor(g$group, rev(unique(g$group))), kind = factor("mean"),
    value = g$mean, low = g$mean_low, high = g$mean_high)
}

drawn_effects <- function(x) {
  g <- x$table
  one <- function(kind, part) {
    data.frame(panel = comparison_panels(g), place = factor(g$group, rev(unique(g$group))), kind = kind,
      value = g[[part]], low = g[[paste0(part, "_low")]], high = g[[paste0(part, "_high")]])
  }
  rows <- rbind(one("as it is", "effect"), one("given the controls", "adjusted"))
  rows$kind <- factor(rows$kind, c("as it is", "given the controls"))
  rows
}

drawn_trend <- function(x) {
  t <- x$trend
  # The same order in all panels: nothing, single quantities and controls, all.
  order <- unique(c("nothing", unique(t$quantity), setdiff(t$given, "all"), "all"))
  data.frame(panel = factor(t$quantity, unique(t$quantity)), place = factor(t$given, rev(intersect(order, t$given))),
    kind = factor("trend"), value = t$correlation, low = t$correlation_low, high = t$correlation_high)
}
