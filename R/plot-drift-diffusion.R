# Draws what DriftDiffusion() found over a plane of the cells, and the drift as arrows.

#' Plot drift and diffusion
#'
#' Draws cells in two dimensions, one panel for each quantity, coloured by its size.
#' Arrows on a grid show the mean drift of the cells around, the longest as long as a square.
#' In another reduction than the model's own the drift is projected onto neighbours: arrows lead to where the nearest
#' cells of a small step along the drift lie.
#'
#' @section Basic use:
#' ```
#' cells <- DriftDiffusion(cells)
#' PlotDriftDiffusion(cells)
#' ```
#'
#' @inheritParams PlotFate
#' @param object A Seurat object or SingleCellExperiment after [DriftDiffusion()], or its result for
#'   a matrix.
#' @param what (strings) Quantities to draw: of a neural SDE `"drift"`, `"diffusion"`, `"potential"` and
#'   `"growth"`, of a velocity field `"speed"`, `"divergence"`, `"acceleration"` and `"support"`.
#'   `NULL` takes the first two.
#' @param arrows Draw the drift as arrows? `NULL` does so where there is one.
#' @param n.grid Arrows along the wider side. Default 20.
#' @param order Draw cells with high values last, on top. Default `FALSE`.
#' @param combine Put the panels into one plot where patchwork is installed. Default `TRUE`; else a
#'   list.
#' @param name Name of the result in the object; `NULL` takes the one stored last.
#' @return A ggplot, or several as a patchwork or list.
#' @section Errors:
#'   `fatefield_error_input`: [DriftDiffusion()] has not been called, no such reduction or quantity.
#'   `fatefield_error_stale`: model or coordinates have changed since; call [DriftDiffusion()] again.
#' @seealso [DriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- DriftDiffusion(cells)
#' PlotDriftDiffusion(cells, what = "drift")
#' @export
PlotDriftDiffusion <- function(object, ...) UseMethod("PlotDriftDiffusion")

#' @rdname PlotDriftDiffusion
#' @export
PlotDriftDiffusion.default <- function(object, embedding, what = NULL, dims = 1:2, arrows = NULL, n.grid = 20L,
                                       split.by = NULL, pt.size = NULL, raster = NULL, order = FALSE, ncol = NULL,
                                       combine = TRUE, ...) {
  check_no_dots(names(formals(PlotDriftDiffusion.default)), ...)
  if (!inherits(object, "fatefield_drift")) {
    stop_input("object", "`object` must be from DriftDiffusion() or an object that has been ",
      "through it, not ", described(object), ".")
  }
  if (missing(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  own <- all(colnames(plane) %in% colnames(object$vectors))
  steps <- if (wants_arrows(arrows, object) && own) {
    object$vectors[match(rownames(plane), rownames(object$vectors)), colnames(plane)]
  }
  look <- list(pt.size = pt.size, raster = raster, order = order, split = split_panels(plane, split.by))
  draw_quantities(object, what, plane, steps, n.grid, look, ncol, combine)
}

#' @rdname PlotDriftDiffusion
#' @export
PlotDriftDiffusion.Seurat <- function(object, what = NULL, reduction = NULL, dims = 1:2, arrows = NULL, n.grid = 20L,
                                      split.by = NULL, pt.size = NULL, raster = NULL, order = FALSE, ncol = NULL,
                                      combine = TRUE, name = NULL, ...) {
  check_no_dots(names(formals(PlotDriftDiffusion.Seurat)), ...)
  found <- take_result(object, "drift", name, "DriftDiffusion()")
  plane <- plane_of(object, reduction, dims)
  steps <- if (wants_arrows(arrows, found)) drift_steps(object, found, plane, reduction)
  look <- list(pt.size = pt.size, raster = raster, order = order, split = split_panels(object, split.by))
  draw_quantities(found, what, plane, steps, n.grid, look, ncol, combine)
}

#' @rdname PlotDriftDiffusion
#' @method PlotDriftDiffusion SingleCellExperiment
#' @export
PlotDriftDiffusion.SingleCellExperiment <- PlotDriftDiffusion.Seurat

#' @rdname DriftDiffusion
#' @param x A result.
#' @param embedding A matrix (cells x dims) to draw the cells in; without it the distribution of each quantity is drawn.
#' @export
plot.fatefield_drift <- function(x, embedding = NULL, ...) {
  if (!is.null(embedding)) {
    return(PlotDriftDiffusion(x, embedding = embedding, ...))
  }
  check_no_dots(c("x", "embedding"), ...)
  long <- data.frame(
    quantity = factor(rep(x$quantities, each = nrow(x$table)), levels = x$quantities),
    value = unlist(lapply(x$quantities, function(part) unname(x[[part]])))
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$value)) +
    ggplot2::geom_histogram(bins = 40L, fill = label_palette[[1L]], na.rm = TRUE) +
    ggplot2::facet_wrap("quantity", scales = "free") + ggplot2::labs(x = NULL, y = "cells") + theme_curves()
}

# Factor of the panel of each cell, or NULL. `object`: or the plane, a matrix.
split_panels <- function(object, split.by) {
  if (!is.null(split.by)) check_labels(cell_column(object, split.by, "split.by"), "split.by")
}

wants_arrows <- function(arrows, found) {
  if (is.null(arrows)) {
    return(!is.null(found$vectors))
  }
  if (check_flag(arrows, "arrows") && is.null(found$vectors)) {
    stop_input("arrows", "`arrows`: a velocity field has no drift in a reduction; draw its velocities with ",
      "PlotVelocity() after EmbedVelocity().")
  }
  arrows
}

check_quantities <- function(what, found) {
  if (is.null(what)) {
    return(found$quantities[1:2])
  }
  known <- c("drift", "diffusion", "potential", "growth", "speed", "divergence", "acceleration", "support")
  if (!is.character(what) || length(what) == 0L || !all(what %in% known)) {
    stop_input("what", "`what` must be among ", quoted(known), ", not ", described(what), ".")
  }
  lost <- setdiff(what, found$quantities)
  if (length(lost) > 0L) {
    stop_input("what", "`what`: there is no ", quoted(lost[[1L]]), " in what DriftDiffusion() found; it has ",
      quoted(found$quantities), ". Models without potential or growth have none.")
  }
  what
}

# The drift as steps in the plane, cells x 2; NA for cells without. `reduction`: that of the plane, as the user gave it.
drift_steps <- function(object, found, plane, reduction) {
  v <- found$vectors[match(cell_names(object), rownames(found$vectors)), , drop = FALSE]
  if (identical(drawn_reduction(object, reduction), found$reduction) && all(colnames(plane) %in% colnames(v))) {
    return(v[, colnames(plane), drop = FALSE])
  }
  x <- embedding(object, found$reduction)[, colnames(v), drop = FALSE]
  known <- which(stats::complete.cases(v))
  # A step as long as a few neighbours are away, whatever the unit of time.
  around <- min(30L, nrow(x) - 1L)
  reach <- stats::median(knn_self(x, around, knn_defaults(), thread_count())$distance[, around])
  speed <- stats::median(sqrt(rowSums(v[known, , drop = FALSE]^2)))
  step <- v[known, , drop = FALSE] * (2 * reach / max(speed, 1e-12))
  k <- min(15L, nrow(x))
  out <- matrix(NA_real_, nrow(x), 2L)
  from <- x[known, , drop = FALSE]
  out[known, ] <- place_among(from + step, x, plane, k) - place_among(from, x, plane, k)
  out
}

# The values of the cells of the plane, by quantity.
draw_quantities <- function(found, what, plane, steps, n.grid, look, ncol, combine) {
  what <- check_quantities(what, found)
  at <- match(rownames(plane), found$table$cell)
  if (all(is.na(at))) stop_input("embedding", "`embedding`: none of its cells is in `object`.")
  field <- if (!is.null(steps)) mean_steps(plane, steps, check_count(n.grid, "n.grid", 2L))
  plots <- lapply(what, function(part) draw_quantity(unname(found[[part]][at]), part, plane, field, look))
  combine_plots(plots, check_flag(combine, "combine"), ncol)
}

draw_quantity <- function(value, name, plane, field, look) {
  cells <- plane_frame(plane, value = value)
  if (!is.null(look$split)) cells$split <- look$split
  known <- !is.na(value)
  shown <- cells[known, ]
  shown <- shown[drawing_order(shown$value, look$order), ]
  size <- pt_size(look, cells)
  option <- c(
    drift = "viridis", diffusion = "magma", potential = "cividis", growth = "mako", speed = "viridis",
    divergence = "cividis", acceleration = "magma", support = "mako"
  )
  # A few cells far out would leave one colour for all the others.
  limits <- stats::quantile(value, c(0.01, 0.99), na.rm = TRUE, names = FALSE)
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$x, .data$y)) +
    cell_points(cells[!known, ], pt.size = size, raster = look$raster, colour = "grey88") +
    cell_points(shown, ggplot2::aes(colour = .data$value), size, look$raster) +
    ggplot2::scale_colour_viridis_c(
      name, option = option[[name]], limits = limits, oob = function(x, range) {
        pmin(pmax(x, range[[1L]]), range[[2L]])
      }
    ) +
    ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
  if (!is.null(look$split)) plot <- plot + ggplot2::facet_wrap("split")
  if (is.null(field)) {
    return(plot)
  }
  plot + ggplot2::geom_segment(
    data = field,
    ggplot2::aes(xend = .data$x + .data$dx, yend = .data$y + .data$dy),
    arrow = ggplot2::arrow(length = ggplot2::unit(0.08, "cm")), linewidth = 0.3,
    colour = "grey15"
  )
}

# Mean step of the cells in each square of a grid; the longest arrow is as long as a square.
# Squares with few cells have none.
mean_steps <- function(plane, steps, n.grid) {
  known <- stats::complete.cases(steps)
  xy <- plane[known, , drop = FALSE]
  steps <- steps[known, , drop = FALSE]
  side <- max(apply(xy, 2L, function(v) diff(range(v)))) / n.grid
  square <- floor(sweep(xy, 2L, apply(xy, 2L, min)) / max(side, 1e-12))
  id <- paste(square[, 1L], square[, 2L])
  count <- as.vector(table(id)[unique(id)])
  mean_of <- function(m) rowsum(m, id, reorder = FALSE) / count
  at <- mean_of(xy)
  to <- mean_of(steps)
  enough <- count >= max(1, 0.1 * stats::median(count))
  longest <- max(sqrt(rowSums(to[enough, , drop = FALSE]^2)), 1e-12)
  data.frame(
    x = at[enough, 1L], y = at[enough, 2L], dx = to[enough, 1L] / longest * side,
    dy = to[enough, 2L] / longest * side, row.names = NULL
  )
}
