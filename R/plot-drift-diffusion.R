# Draws the size of drift and diffusion over a plane of the cells, and the drift as arrows.

#' Plot drift and diffusion
#'
#' Draws cells in two dimensions, one panel for each quantity, coloured by its size.
#' Arrows on a grid show the mean drift of the cells around, the longest as long as a square.
#' In another reduction than the model's own, arrows lead to where the nearest cells of a small step
#' along the drift lie.
#'
#' @inheritParams PlotFate
#' @param object A Seurat object or SingleCellExperiment after [DriftDiffusion()], or its result for
#'   a matrix.
#' @param what (strings) Quantities to draw, of `"drift"`, `"diffusion"`, `"potential"` and
#'   `"growth"`. Default the first two.
#' @param arrows Draw the drift as arrows. Default `TRUE`.
#' @param n.grid Arrows along the wider side. Default 20.
#' @param vectors Name of the reduction that holds the drift vectors.
#' @param model Model of the vectors, or its name in the object; `NULL` takes the last one fitted.
#' @param combine Put the panels into one plot where patchwork is installed. Default `TRUE`; else a
#'   list.
#' @return A ggplot, or several as a patchwork or list.
#' @section Errors:
#'   `fatefield_error_input`: [DriftDiffusion()] has not been called, no such reduction or quantity.
#' @seealso [DriftDiffusion()]
#' @examples
#' cells <- as.matrix(expand.grid(x = 1:8, y = 1:8))
#' rownames(cells) <- paste0("c", 1:64)
#' field <- structure(
#'   list(
#'     vectors = cbind(x = 4.5 - cells[, 2], y = cells[, 1] - 4.5), drift = cells[, 1],
#'     diffusion = cells[, 2], n.models = 1L
#'   ),
#'   class = "fatefield_drift"
#' )
#' PlotDriftDiffusion(field, embedding = cells, what = "drift")
#' @export
PlotDriftDiffusion <- function(object, ...) UseMethod("PlotDriftDiffusion")

#' @rdname PlotDriftDiffusion
#' @export
PlotDriftDiffusion.default <- function(object, embedding, what = c("drift", "diffusion"),
                                       dims = 1:2, arrows = TRUE, n.grid = 20L, pt.size = NULL,
                                       max.cells = 50000L, ncol = NULL, combine = TRUE, ...) {
  check_no_dots(names(formals(PlotDriftDiffusion.default)), ...)
  if (!inherits(object, "fatefield_drift")) {
    stop_input("object", "`object` must be from DriftDiffusion() or an object that has been ",
      "through it, not ", described(object), ".")
  }
  if (missing(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  at <- match(rownames(plane), rownames(object$vectors))
  if (all(is.na(at))) stop_input("embedding", "`embedding`: none of its cells is in `object`.")
  values <- lapply(check_quantities(what, names(object)), function(q) unname(object[[q]][at]))
  own <- all(colnames(plane) %in% colnames(object$vectors))
  steps <- if (check_flag(arrows, "arrows") && own) object$vectors[at, colnames(plane)]
  draw_quantities(values, what, plane, steps, n.grid, pt.size, max.cells, ncol, combine)
}

#' @rdname PlotDriftDiffusion
#' @export
PlotDriftDiffusion.Seurat <- function(object, what = c("drift", "diffusion"), reduction = NULL,
                                      dims = 1:2, arrows = TRUE, n.grid = 20L, pt.size = NULL,
                                      max.cells = 50000L, ncol = NULL, combine = TRUE,
                                      vectors = "drift_vectors", model = NULL, ...) {
  check_no_dots(names(formals(PlotDriftDiffusion.Seurat)), ...)
  check_quantities(what, column_names(object))
  plane <- plane_of(object, reduction, dims)
  values <- lapply(what, function(q) cell_column(object, q, "what"))
  steps <- if (check_flag(arrows, "arrows")) drift_steps(object, plane, vectors, model)
  draw_quantities(values, what, plane, steps, n.grid, pt.size, max.cells, ncol, combine)
}

#' @rdname PlotDriftDiffusion
#' @method PlotDriftDiffusion SingleCellExperiment
#' @export
PlotDriftDiffusion.SingleCellExperiment <- PlotDriftDiffusion.Seurat

check_quantities <- function(what, present) {
  known <- c("drift", "diffusion", "potential", "growth")
  if (!is.character(what) || length(what) == 0L || !all(what %in% known)) {
    stop_input("what", "`what` must be among ", quoted(known), ", not ", described(what), ".")
  }
  lost <- setdiff(what, present)
  if (length(lost) > 0L) {
    stop_input("what", "`what`: there is no ", quoted(lost[[1L]]), "; call DriftDiffusion() ",
      "first. Models without potential or growth have none.")
  }
  what
}

# The drift as steps in the plane, cells x 2; NA for cells without.
drift_steps <- function(object, plane, vectors, model) {
  if (!vectors %in% reduction_names(object)) {
    stop_input("vectors", "`vectors`: the object has no reduction ", quoted(vectors),
      "; call DriftDiffusion() first, or set arrows = FALSE.")
  }
  v <- stored_vectors(object, vectors)
  model <- choose_model(object, model)
  if (all(colnames(plane) %in% model$dims)) {
    return(v[, match(colnames(plane), model$dims), drop = FALSE])
  }
  x <- model_coordinates(object, model)
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

# A reduction that may hold NA, in the order of the cells.
stored_vectors <- function(object, name) {
  v <- if (is_seurat(object)) {
    SeuratObject::Embeddings(object, name)
  } else {
    SingleCellExperiment::reducedDim(object, name)
  }
  unname(as.matrix(v))
}

draw_quantities <- function(values, what, plane, steps, n.grid, pt.size, max.cells, ncol,
                            combine) {
  field <- if (!is.null(steps)) grid_arrows(plane, steps, check_count(n.grid, "n.grid", 2L))
  keep <- thinned(nrow(plane), max.cells)
  size <- point_size(length(keep), pt.size)
  plots <- lapply(seq_along(what), function(i) {
    draw_quantity(values[[i]][keep], what[[i]], plane[keep, , drop = FALSE], field, size)
  })
  combine_plots(plots, check_flag(combine, "combine"), ncol)
}

draw_quantity <- function(value, name, plane, field, size) {
  cells <- plane_frame(plane, value = value)
  known <- !is.na(value)
  option <- c(drift = "viridis", diffusion = "magma", potential = "cividis", growth = "mako")
  # A few cells far out would leave one colour for all the others.
  limits <- stats::quantile(value, c(0.01, 0.99), na.rm = TRUE, names = FALSE)
  plot <- ggplot2::ggplot(cells[known, ], ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_point(data = cells[!known, ], colour = "grey88", size = size, stroke = 0) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$value), size = size, stroke = 0) +
    ggplot2::scale_colour_viridis_c(
      name, option = option[[name]], limits = limits, oob = function(x, range) {
        pmin(pmax(x, range[[1L]]), range[[2L]])
      }
    ) +
    ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
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
grid_arrows <- function(plane, steps, n.grid) {
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
