# Draws what FateDynamics() found: labels of the mass by time, the entropy of fates, first passages.

#' Plot the labels of the mass by time
#'
#' Areas show which share of the simulated mass has which label at each time: the whole stream of cells from
#' their start into their fates.
#'
#' @param object A result of [FateDynamics()], or an object that has been through it.
#' @param name Name of the result in the object; `NULL` takes the last.
#' @param labels (strings) Labels to draw, in this order from the bottom up; the others are joined to `"other"`.
#'   `NULL` takes all.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: [FateDynamics()] has not been called, or no such label.
#' @seealso [FateDynamics()], [PlotCommitment()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
#'   n.sim = 10, verbose = FALSE)
#' PlotFateStream(cells)
#' @export
PlotFateStream <- function(object, name = NULL, labels = NULL) {
  stream <- fetch_dynamics(object, name)$stream
  present <- levels(stream$label)
  if (!is.null(labels)) {
    labels <- check_among(labels, present, "labels")
    stream$label <- factor(ifelse(stream$label %in% labels, as.character(stream$label), "other"),
      levels = c(labels, if (length(labels) < length(present)) "other"))
    stream <- stats::aggregate(share ~ time + label, stream, sum)
  }
  shown <- levels(stream$label)[tapply(stream$share, stream$label, max) > 1e-6]
  stream <- stream[stream$label %in% shown, ]
  stream$label <- factor(stream$label, levels = rev(shown))
  ggplot2::ggplot(stream, ggplot2::aes(.data$time, .data$share, fill = .data$label)) +
    ggplot2::geom_area(colour = "white", linewidth = 0.2) +
    fill_labels(setdiff(shown, c("unassigned", "other"))) +
    ggplot2::scale_x_continuous(expand = c(0, 0)) +
    ggplot2::scale_y_continuous(expand = c(0, 0), labels = function(x) paste0(100 * x, " %")) +
    ggplot2::labs(x = "time", y = "share of the mass", fill = NULL) + theme_curves()
}

# The fills of labels, grey for what has none.
fill_labels <- function(levels) {
  grey <- c(unassigned = "grey80", other = "grey60")
  if (length(levels) > length(label_palette)) {
    return(ggplot2::scale_fill_hue())
  }
  ggplot2::scale_fill_manual(values = c(stats::setNames(label_palette[seq_along(levels)], levels), grey))
}

#' Plot when fates are decided
#'
#' Draws the mean entropy of the fates to come by time with its interval, and the commitment point, at which it
#' falls fastest; or the share of paths that have reached the region of each fate.
#'
#' @inheritParams PlotFateStream
#' @param type `"entropy"` (default) or `"passage"`.
#' @param by.cell Draw the entropy of each cell as a thin line. Default `FALSE`.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: [FateDynamics()] has not been called.
#' @seealso [FateDynamics()], [PlotFateStream()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
#'   n.sim = 10, verbose = FALSE)
#' PlotCommitment(cells)
#' PlotCommitment(cells, type = "passage")
#' @export
PlotCommitment <- function(object, type = c("entropy", "passage"), by.cell = FALSE, name = NULL) {
  x <- fetch_dynamics(object, name)
  type <- check_choice(type, c("entropy", "passage"), "type")
  check_flag(by.cell, "by.cell")
  if (type == "passage") {
    return(draw_passages(x$passage, setdiff(levels(x$stream$label), "unassigned")))
  }
  plot <- ggplot2::ggplot(x$entropy, ggplot2::aes(.data$time, .data$entropy))
  if (by.cell) {
    lines <- data.frame(
      time = rep(x$entropy$time, each = nrow(x$by.cell)), entropy = as.vector(x$by.cell),
      cell = rownames(x$by.cell)
    )
    plot <- plot + ggplot2::geom_line(data = lines[!is.nan(lines$entropy), ],
      ggplot2::aes(group = .data$cell), colour = "grey75", linewidth = 0.2, alpha = 0.6)
  }
  if (!is.na(x$point$time)) {
    plot <- plot +
      ggplot2::annotate("rect", xmin = x$point$low, xmax = x$point$high, ymin = -Inf, ymax = Inf,
        fill = label_palette[[2L]], alpha = 0.15) +
      ggplot2::geom_vline(xintercept = x$point$time, colour = label_palette[[2L]], linetype = 2)
  }
  plot +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high), alpha = 0.25,
      fill = label_palette[[1L]]) +
    ggplot2::geom_line(colour = label_palette[[1L]], linewidth = 0.8) +
    ggplot2::expand_limits(y = 0) +
    ggplot2::labs(x = "time", y = "entropy of the fates to come (nats)") + theme_curves()
}

# `labels`: of all cells, so that fates have the colours of the stream.
draw_passages <- function(passage, labels) {
  colours <- scale_labels(union(labels, levels(passage$fate)), name = NULL, aesthetics = c("colour", "fill"))
  ggplot2::ggplot(passage, ggplot2::aes(.data$time, .data$share, colour = .data$fate)) +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high, fill = .data$fate), alpha = 0.15,
      colour = NA) +
    ggplot2::geom_line(linewidth = 0.8) + colours + ggplot2::coord_cartesian(ylim = c(0, 1)) +
    ggplot2::labs(x = "time", y = "share that has reached the fate") + theme_curves()
}
