# Draws predicted cells of a left-out time: scores beside the lines that need no model, or the cells
# themselves over those observed.

#' @rdname ScoreInterpolation
#' @param x Scores.
#' @param scores (strings) Scores to draw; `NULL` takes all.
#' @export
plot.fatefield_interpolation_scores <- function(x, scores = NULL, ...) {
  check_no_dots(c("x", "scores"), ...)
  present <- score_names(x)
  scores <- if (is.null(scores)) present else scores
  lost <- setdiff(scores, present)
  if (length(lost) > 0L) {
    stop_input("scores", "`scores`: there is no score ", quoted(lost[[1L]]), "; there are ",
      quoted(present), ".", near(lost[[1L]], present))
  }
  order <- factor(x$predictor, levels = rev(x$predictor))
  long <- do.call(rbind, lapply(scores, function(s) {
    data.frame(predictor = order, score = s, value = x[[s]], sd = x[[paste0(s, "_sd")]])
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
    ggplot2::labs(x = NULL, y = NULL, title = paste("Time", format(attr(x, "time"))))
}

#' @rdname InterpolateTime
#' @param x An interpolation.
#' @param observed Cells drawn in grey behind: a matrix (cells x dims) in the same dimensions, or an object with the
#'   reduction; `NULL` for none.
#' @param dims Two dimensions to draw.
#' @param pt.size Size of the points; `NULL` suits it to their number.
#' @param raster Draw points as pixels? `NULL` does so for more than 50,000.
#' @export
plot.fatefield_interpolation <- function(x, observed = NULL, dims = 1:2, pt.size = NULL, raster = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_interpolation)), ...)
  if (length(dims) != 2L) {
    stop_input("dims", "`dims` must be two dimensions such as 1:2, not ", described(dims), ".")
  }
  plane <- x$states[, check_dims(dims, ncol(x$states)), drop = FALSE]
  points <- plane_frame(plane, weight = x$weights * nrow(plane))
  plot <- ggplot2::ggplot(points, ggplot2::aes(.data$x, .data$y))
  if (!is.null(observed)) {
    behind <- plane_frame(interpolation_background(observed, x)[, dims, drop = FALSE])
    plot <- plot + cell_points(behind, pt.size = pt.size, raster = raster, colour = "grey80")
  }
  plot + predicted_points(points, pt.size, raster) + theme_cells() + plane_labels(plane) +
    ggplot2::labs(title = paste0("Time ", format(x$time), ", predicted from ", format(x$t.start)))
}

# Cells of more weight are less transparent.
predicted_points <- function(points, pt.size, raster) {
  if (diff(range(points$weight)) == 0) {
    return(cell_points(points, pt.size = pt.size, raster = raster, colour = label_palette[[2L]], alpha = 0.6))
  }
  list(
    cell_points(points, ggplot2::aes(.data$x, .data$y, alpha = .data$weight), pt.size, raster,
      colour = label_palette[[2L]]),
    ggplot2::scale_alpha_continuous(range = c(0.1, 0.9), limits = c(0, NA))
  )
}

interpolation_background <- function(observed, object) {
  reduction <- if (is_plain_matrix(observed)) NULL else object$reduction
  x <- embedding(observed, reduction, argument = "observed")
  if (all(object$dims %in% colnames(x))) x <- x[, object$dims, drop = FALSE]
  if (ncol(x) != ncol(object$states)) {
    stop_input("observed", "`observed` has ", ncol(x), " dimensions, the predicted cells ",
      ncol(object$states), ".")
  }
  x
}
