# Draws predicted cells of a left-out time: scores beside the lines that need no model, or the cells
# themselves over those observed.

#' Plot the prediction of a left-out time
#'
#' Of scores: one panel for each, one point for each predictor with its standard deviation over the
#' draws, and a dashed line where it is as good as can be: at fresh cells of the same time, or at 1
#' for ratios of variances.
#' Of an interpolation: the predicted cells in two dimensions, over other cells.
#'
#' @param object Scores from [ScoreInterpolation()], or an interpolation from [InterpolateTime()].
#' @param background Cells drawn in grey under an interpolation: a matrix (cells x dims) in its
#'   dimensions, or an object with its reduction; `NULL` for none.
#' @param scores (strings) Scores to draw; `NULL` takes all.
#' @param dims Two dimensions of an interpolation.
#' @param max.cells Cells drawn of each, at most; a larger number is thinned evenly.
#' @param pt.size Size of the points; `NULL` suits it to their number.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input`: other kinds of objects, no such score, a background of other dimensions.
#' @seealso [ScoreInterpolation()], [InterpolateTime()]
#' @examples
#' x <- cbind(a = sin(1:90), b = cos(2 * 1:90)) + rep(0:2, each = 30)
#' scores <- ScoreInterpolation(
#'   x, time.out = 1, model = x[31:60, ] + 0.1, time = rep(0:2, each = 30), n.repeats = 3,
#'   verbose = FALSE
#' )
#' PlotInterpolation(scores)
#' @export
PlotInterpolation <- function(object, background = NULL, scores = NULL, dims = 1:2,
                              max.cells = 5000L, pt.size = NULL, ...) {
  check_no_dots(names(formals(PlotInterpolation)), ...)
  if (inherits(object, "fatefield_interpolation_scores")) {
    return(plot_interpolation_scores(object, scores))
  }
  if (!inherits(object, "fatefield_interpolation")) {
    stop_input(
      "object", "`object` must be from ScoreInterpolation() or InterpolateTime(), not ",
      described(object), "."
    )
  }
  plot_interpolation_cells(object, background, dims, max.cells, pt.size)
}

plot_interpolation_scores <- function(table, scores) {
  present <- score_names(table)
  scores <- if (is.null(scores)) present else scores
  lost <- setdiff(scores, present)
  if (length(lost) > 0L) {
    stop_input("scores", "`scores`: there is no score ", quoted(lost[[1L]]), "; there are ",
      quoted(present), ".", near(lost[[1L]], present))
  }
  order <- factor(table$predictor, levels = rev(table$predictor))
  long <- do.call(rbind, lapply(scores, function(s) {
    data.frame(predictor = order, score = s, value = table[[s]], sd = table[[paste0(s, ".sd")]])
  }))
  long$score <- factor(long$score, levels = scores)
  long$sd[is.na(long$sd)] <- 0
  floor <- long[long$predictor == "noise floor", ]
  floor$value[startsWith(as.character(floor$score), "variance")] <- 1
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$predictor)) +
    ggplot2::geom_vline(
      data = floor, ggplot2::aes(xintercept = .data$value), linetype = "dashed", colour = "grey50"
    ) +
    ggplot2::geom_linerange(
      ggplot2::aes(xmin = .data$value - .data$sd, xmax = .data$value + .data$sd),
      colour = label_palette[[1L]]
    ) +
    ggplot2::geom_point(size = 1.8, colour = label_palette[[1L]]) +
    ggplot2::facet_wrap("score", scales = "free_x") + ggplot2::scale_x_continuous(n.breaks = 3) + theme_curves() +
    ggplot2::labs(x = NULL, y = NULL, title = paste("Time", format(attr(table, "time"))))
}

plot_interpolation_cells <- function(object, background, dims, max.cells, pt.size) {
  if (length(dims) != 2L) {
    stop_input("dims", "`dims` must be two dimensions such as 1:2, not ", described(dims), ".")
  }
  plane <- object$states[, check_dims(dims, ncol(object$states)), drop = FALSE]
  # Cells of more weight are drawn more often.
  shown <- draw_cells(nrow(plane), min(nrow(plane), check_count(max.cells, "max.cells")),
    object$weights, 0, 0)
  points <- plane_frame(plane[shown, , drop = FALSE])
  size <- point_size(nrow(points), pt.size)
  plot <- ggplot2::ggplot(points, ggplot2::aes(.data$x, .data$y))
  if (!is.null(background)) {
    behind <- interpolation_background(background, object)[, dims, drop = FALSE]
    behind <- plane_frame(behind[thinned(nrow(behind), max.cells), , drop = FALSE])
    plot <- plot + ggplot2::geom_point(data = behind, size = size, colour = "grey80")
  }
  plot + ggplot2::geom_point(size = size, colour = label_palette[[2L]], alpha = 0.6) +
    theme_cells() + plane_labels(plane) +
    ggplot2::labs(title = paste0("Time ", format(object$time), ", predicted from ", format(object$from)))
}

interpolation_background <- function(background, object) {
  reduction <- if (is_plain_matrix(background)) NULL else object$reduction
  x <- embedding(background, reduction, argument = "background")
  if (all(object$dims %in% colnames(x))) x <- x[, object$dims, drop = FALSE]
  if (ncol(x) != ncol(object$states)) {
    stop_input("background", "`background` has ", ncol(x), " dimensions, the predicted cells ",
      ncol(object$states), ".")
  }
  x
}
