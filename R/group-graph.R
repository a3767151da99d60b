# What ConnectGroups() gives: a graph of groups of cells, one row of the table an edge.

headline.fatefield_group_graph <- function(x) {
  t <- x$table
  sure <- t[which(t$q < 0.05), ]
  first <- sure[order(-sure$connectivity * sure$direction), ][1L, ]
  c(
    paste0(counted(nrow(x$groups), "group"), " of ", counted(sum(x$groups$cells), "cell"), ", ",
      counted(sum(t$connectivity > 0.1), "pair"), " with a connectivity above 0.1, ", nrow(sure),
      " with a direction (q < 0.05)"),
    if (nrow(sure) > 0L) paste0(first$edge, ": direction ",
      with_interval(first$direction, first$direction_low, first$direction_high), ", connectivity ",
      format(first$connectivity, digits = 2L))
  )
}

#' @rdname ConnectGroups
#' @export
summary.fatefield_group_graph <- function(object, ...) {
  t <- object$table[which(object$table$q < 0.05), ]
  groups <- object$groups
  said <- function(side, other) vapply(groups$group, function(g) paste(t[[other]][t[[side]] == g], collapse = ", "), "")
  data.frame(groups[c("group", "cells", "stay")], to = said("from", "to"), from = said("to", "from"), row.names = NULL)
}

#' @rdname ConnectGroups
#' @param x A graph of groups.
#' @param cutoff Least connectivity of the edges that are drawn.
#' @param fdr False discovery rate below which an edge has an arrow.
#' @param cols Colours of the groups by name; `NULL` takes those of [DefineFates()], where the object has them.
#' @param repel Keep names apart, where the package ggrepel is installed?
#' @export
plot.fatefield_group_graph <- function(x, cutoff = 0.05, fdr = 0.05, cols = NULL, repel = TRUE, ...) {
  check_no_dots(names(formals(plot.fatefield_group_graph)), ...)
  cutoff <- check_number(cutoff, "cutoff", 0, 1)
  fdr <- check_number(fdr, "fdr", 0, 1)
  nodes <- placed_groups(x$groups)
  edges <- placed_edges(x$table[x$table$connectivity >= cutoff, , drop = FALSE], nodes)
  sure <- !is.na(edges$q) & edges$q < fdr
  line <- ggplot2::aes(.data$x, .data$y, xend = .data$xend, yend = .data$yend, linewidth = .data$connectivity)
  arrow <- ggplot2::arrow(length = ggplot2::unit(0.16, "inches"), type = "closed", angle = 22)
  group <- factor(nodes$group, x$groups$group)
  plot <- ggplot2::ggplot(nodes, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_segment(line, edges[!sure, ], colour = "grey80", linetype = 2) +
    ggplot2::geom_segment(line, edges[sure, ], colour = "grey35", arrow = arrow, linejoin = "mitre") +
    ggplot2::geom_point(ggplot2::aes(colour = group, size = .data$cells)) +
    group_labels(data.frame(nodes[c("x", "y")], group = group), repel) +
    scale_labels(levels(group), c(cols, x$cols), guide = "none") +
    ggplot2::scale_size_area(max_size = 12) +
    ggplot2::scale_linewidth_continuous(range = c(0.3, 2.2), limits = c(0, 1)) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.12)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.12)) + ggplot2::coord_equal()
  if (is.null(x$axes)) {
    return(plot + ggplot2::labs(x = NULL, y = NULL) + theme_cells())
  }
  plot + ggplot2::labs(x = x$axes[[1L]], y = x$axes[[2L]]) + theme_cells()
}

# On a circle where no reduction says where the groups are.
placed_groups <- function(groups) {
  if (is.null(groups$x)) {
    angle <- 2 * pi * seq_len(nrow(groups)) / nrow(groups)
    groups$x <- cos(angle)
    groups$y <- sin(angle)
  }
  groups[is.finite(groups$x), ]
}

# Edges that end before the points of their groups.
placed_edges <- function(edges, nodes) {
  from <- nodes[match(edges$from, nodes$group), ]
  to <- nodes[match(edges$to, nodes$group), ]
  size <- max(diff(range(nodes$x)), diff(range(nodes$y)), 1e-9)
  length <- sqrt((to$x - from$x)^2 + (to$y - from$y)^2)
  gap <- pmin(0.045 * size / pmax(length, 1e-9), 0.35)
  data.frame(edges, x = from$x + gap * (to$x - from$x), y = from$y + gap * (to$y - from$y),
    xend = to$x - gap * (to$x - from$x), yend = to$y - gap * (to$y - from$y))
}
