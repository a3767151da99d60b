# Draws what FateDynamics() found: labels of the mass by time, the entropy of fates, first passages.

#' Plot when fates are decided
#'
#' `"stream"` draws which share of the simulated mass has which label at each time: the whole stream of cells from
#' their start into their fates.
#' `"entropy"` draws the mean entropy of the fates to come by time with its interval, and the commitment point, at which
#' it falls fastest.
#' `"passage"` draws the share of paths that have reached the region of each fate, with its interval.
#'
#' @section Basic use:
#' ```
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor")
#' PlotCommitment(cells)
#' PlotCommitment(cells, type = "entropy")
#' ```
#'
#' @param object A Seurat object or SingleCellExperiment that has been through [FateDynamics()], or its result.
#' @param type `"stream"` (default), `"entropy"` or `"passage"`.
#' @param fates (strings) Fates to draw, for a stream also other labels, in this order from the bottom up; all else is
#'   joined to `"other"`.
#'   `NULL` takes all.
#' @param by.cell Draw the entropy of each cell as a thin line. Default `FALSE`.
#' @param cols Colours by label, `c(label = "colour")`; `NULL` takes those of [DefineFates()].
#' @param name Name of the result in the object; `NULL` takes the last.
#' @param ... Passed to methods.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: [FateDynamics()] has not been called, or no such label.
#'   `fatefield_error_stale`: model or coordinates have changed since; call [FateDynamics()] again.
#' @seealso [FateDynamics()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
#'   n.sim = 10, verbose = FALSE)
#' PlotCommitment(cells)
#' PlotCommitment(cells, type = "passage")
#' @export
PlotCommitment <- function(object, ...) UseMethod("PlotCommitment")

#' @rdname PlotCommitment
#' @export
PlotCommitment.default <- function(object, type = c("stream", "entropy", "passage"), fates = NULL, by.cell = FALSE,
                                   cols = NULL, ...) {
  check_no_dots(names(formals(PlotCommitment.default)), ...)
  if (!inherits(object, "fatefield_dynamics")) {
    stop_input("object", "`object` must be from FateDynamics() or an object that has been through it, not ",
      described(object), ".")
  }
  type <- check_choice(type, c("stream", "entropy", "passage"), "type")
  check_flag(by.cell, "by.cell")
  if (type == "entropy") {
    return(draw_entropy(object, by.cell))
  }
  cols <- chosen_colours(cols, setdiff(levels(object$stream$label), "unassigned"), object$cols)
  if (type == "stream") draw_stream(object$stream, fates, cols) else draw_passages(object$passage, fates, cols)
}

#' @rdname PlotCommitment
#' @export
PlotCommitment.Seurat <- function(object, type = c("stream", "entropy", "passage"), fates = NULL, by.cell = FALSE,
                                  cols = NULL, name = NULL, ...) {
  found <- take_result(object, "dynamics", name, "FateDynamics()")
  found$cols <- label_colours(object, setdiff(levels(found$stream$label), "unassigned"))
  call_worker(PlotCommitment.default, object = found, ...)
}

#' @rdname PlotCommitment
#' @method PlotCommitment SingleCellExperiment
#' @export
PlotCommitment.SingleCellExperiment <- PlotCommitment.Seurat

#' @rdname PlotCommitment
#' @param x A result of [FateDynamics()].
#' @export
plot.fatefield_dynamics <- function(x, ...) PlotCommitment.default(x, ...)

draw_stream <- function(stream, fates, cols) {
  present <- levels(stream$label)
  if (!is.null(fates)) {
    fates <- check_among(fates, present, "fates")
    stream$label <- factor(ifelse(stream$label %in% fates, as.character(stream$label), "other"),
      levels = c(fates, if (length(fates) < length(present)) "other"))
    stream <- stats::aggregate(share ~ time + label, stream, sum)
  }
  shown <- levels(stream$label)[tapply(stream$share, stream$label, max) > 1e-6]
  stream <- stream[stream$label %in% shown, ]
  stream$label <- factor(stream$label, levels = rev(shown))
  ggplot2::ggplot(stream, ggplot2::aes(.data$time, .data$share, fill = .data$label)) +
    ggplot2::geom_area(colour = "white", linewidth = 0.2) +
    scale_labels(rev(shown), cols, aesthetics = "fill", name = NULL) +
    ggplot2::scale_x_continuous(expand = c(0, 0)) +
    ggplot2::scale_y_continuous(expand = c(0, 0), labels = function(x) paste0(100 * x, " %")) +
    ggplot2::labs(x = "time", y = "share of the mass", fill = NULL) + theme_curves()
}

draw_entropy <- function(x, by.cell) {
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
      ggplot2::annotate("rect", xmin = x$point$time_low, xmax = x$point$time_high, ymin = -Inf, ymax = Inf,
        fill = label_palette[[2L]], alpha = 0.15) +
      ggplot2::geom_vline(xintercept = x$point$time, colour = label_palette[[2L]], linetype = 2)
  }
  plot +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$entropy_low, ymax = .data$entropy_high), alpha = 0.25,
      fill = label_palette[[1L]]) +
    ggplot2::geom_line(colour = label_palette[[1L]], linewidth = 0.8) +
    ggplot2::expand_limits(y = 0) +
    ggplot2::labs(x = "time", y = "entropy of the fates to come (nats)") + theme_curves()
}

draw_passages <- function(passage, fates, cols) {
  if (!is.null(fates)) {
    passage <- passage[passage$fate %in% check_among(fates, levels(passage$fate), "fates"), ]
    passage$fate <- factor(passage$fate, levels = fates)
  }
  ggplot2::ggplot(passage, ggplot2::aes(.data$time, .data$share, colour = .data$fate)) +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$share_low, ymax = .data$share_high, fill = .data$fate),
      alpha = 0.15, colour = NA) +
    ggplot2::geom_line(linewidth = 0.8) +
    scale_labels(levels(passage$fate), cols, name = NULL, aesthetics = c("colour", "fill")) +
    ggplot2::coord_cartesian(ylim = c(0, 1)) +
    ggplot2::labs(x = "time", y = "share that has reached the fate") + theme_curves()
}
