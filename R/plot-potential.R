# Draws the potential of a model as a landscape over a plane of the cells, smoothed and masked.

#' Plot the potential landscape
#'
#' The potential at the cells is smoothed over a plane by a Gaussian kernel and drawn with contours.
#' Where there are no cells, nothing is drawn: a model says nothing there that could be checked.
#'
#' The sign is that of [DriftDiffusion()]: the drift is the gradient of the potential, so cells climb, and fates
#' are summits.
#' With `downhill = TRUE` the negative is drawn, in which cells run down, as in Waddington's picture.
#' Height is known up to a constant, and in another reduction than the model's own the slope drawn is that of the
#' smoothed surface, not the drift.
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day")
#' PlotPotential(cells)
#' ```
#'
#' @inheritParams PlotFate
#' @param object A Seurat object or SingleCellExperiment with a model, or a result of [DriftDiffusion()] for a
#'   matrix.
#' @param paths [trajectories] to draw over the landscape, from the same cells; `NULL` for none.
#' @param downhill Draw the negative of the potential. Default `FALSE`.
#' @param model Model, or its name in the object.
#'   `NULL` takes the potential that [DriftDiffusion()] left in the object, and where there is none asks the last model
#'   fitted.
#' @param n.grid Squares along the wider side. Default 120.
#' @param bandwidth Standard deviation of the kernel as a share of the wider side. Default 0.02.
#' @param n.contours Number of contour lines. Default 10.
#' @param observed Draw the cells as faint points. Default `FALSE`.
#' @param max.paths At most this many paths are drawn, evenly spread. Default 100.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: no such reduction; paths of other dimensions. `fatefield_error_model`: no model, or
#'   one whose drift is no gradient and has no potential.
#'   `fatefield_error_stale`: the potential in the object is older than its model or its coordinates.
#' @references Waddington (1957) The strategy of the genes.
#' @seealso [DriftDiffusion()], [PlotDriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' PlotPotential(cells)
#' @export
PlotPotential <- function(object, ...) UseMethod("PlotPotential")

#' @rdname PlotPotential
#' @export
PlotPotential.default <- function(object, embedding, dims = 1:2, paths = NULL, downhill = FALSE, n.grid = 120L,
                                  bandwidth = 0.02, n.contours = 10L, observed = FALSE, pt.size = NULL, raster = NULL,
                                  max.paths = 100L, ...) {
  check_no_dots(names(formals(PlotPotential.default)), ...)
  if (!inherits(object, "fatefield_drift")) {
    stop_input("object", "`object` must be an object with a model or from DriftDiffusion(), not ",
      described(object), ".")
  }
  if (is.null(object$potential)) stop_potential()
  if (missing(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  at <- match(rownames(plane), names(object$potential))
  if (all(is.na(at))) stop_input("embedding", "`embedding`: none of its cells is in `object`.")
  way <- plane_paths(paths, embedding, NULL, dims, max.paths)
  look <- list(observed = observed, pt.size = pt.size, raster = raster)
  draw_potential(unname(object$potential[at]), plane, way, downhill, n.grid, bandwidth, n.contours, look)
}

#' @rdname PlotPotential
#' @export
PlotPotential.Seurat <- function(object, reduction = NULL, dims = 1:2, paths = NULL, downhill = FALSE, model = NULL,
                                 n.grid = 120L, bandwidth = 0.02, n.contours = 10L, observed = FALSE, pt.size = NULL,
                                 raster = NULL, max.paths = 100L, ...) {
  check_no_dots(names(formals(PlotPotential.Seurat)), ...)
  reduction <- drawn_reduction(object, reduction)
  plane <- plane_of(object, reduction, dims)
  found <- if (is.null(model)) stored_potential(object)
  if (is.null(found)) found <- DriftDiffusion.default(object, choose_model(object, model))
  if (is.null(found$potential)) stop_potential()
  way <- plane_paths(paths, object, reduction, dims, max.paths)
  look <- list(observed = observed, pt.size = pt.size, raster = raster)
  psi <- unname(found$potential[match(rownames(plane), found$table$cell)])
  draw_potential(psi, plane, way, downhill, n.grid, bandwidth, n.contours, look)
}

#' @rdname PlotPotential
#' @method PlotPotential SingleCellExperiment
#' @export
PlotPotential.SingleCellExperiment <- PlotPotential.Seurat

# What DriftDiffusion() found last that has a potential, or NULL.
stored_potential <- function(object) {
  kept <- tool(object, "results", "drift")
  with.it <- names(kept)[vapply(kept, function(k) !is.null(k$result$potential), logical(1))]
  if (length(with.it) > 0L) take_result(object, "drift", with.it[[length(with.it)]])
}

stop_potential <- function() {
  stop_model("model", "The drift of this model is no gradient, so it has no potential.")
}

# Paths in the plane as a data.frame, or NULL.
plane_paths <- function(paths, background, reduction, dims, max.paths) {
  if (is.null(paths)) {
    return(NULL)
  }
  check_trajectories(paths, "paths")
  paths <- paths[thinned(length(paths$cell), check_count(max.paths, "max.paths"))]
  cells <- background_cells(paths, background, "paths")
  path_frame(shown_states(paths, background, cells, reduction, dims, 20L)$states, paths)
}

draw_potential <- function(psi, plane, paths, downhill, n.grid, bandwidth, n.contours, look) {
  if (check_flag(downhill, "downhill")) psi <- -psi
  surface <- smoothed_surface(psi, plane, check_count(n.grid, "n.grid", 2L),
    check_number(bandwidth, "bandwidth", min = 1e-4, max = 1))
  plot <- ggplot2::ggplot(surface, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_raster(ggplot2::aes(fill = .data$height), na.rm = TRUE) +
    ggplot2::geom_contour(ggplot2::aes(z = .data$height), colour = "white", alpha = 0.5, linewidth = 0.25,
      bins = check_count(n.contours, "n.contours") + 1L, na.rm = TRUE) +
    ggplot2::scale_fill_viridis_c(if (downhill) "- potential" else "potential", option = "cividis",
      na.value = NA)
  if (check_flag(look$observed, "observed")) {
    size <- look$pt.size
    if (is.null(size) && !use_raster(look$raster, nrow(plane))) size <- point_size(nrow(plane)) / 2
    plot <- plot + cell_points(plane_frame(plane), pt.size = size, raster = look$raster, colour = "black", alpha = 0.25)
  }
  if (!is.null(paths)) {
    plot <- plot + ggplot2::geom_path(data = paths, ggplot2::aes(group = .data$trajectory),
      colour = label_palette[[2L]], alpha = 0.5, linewidth = 0.3)
  }
  plot + ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

# The kernel mean of `value` (one per row of the plane) on a grid; NA where no cell is near. Cells are put into
# squares first, so that the time does not grow with their number times that of the squares.
smoothed_surface <- function(value, plane, n.grid, bandwidth) {
  known <- !is.na(value)
  xy <- plane[known, , drop = FALSE]
  low <- apply(xy, 2L, min)
  extent <- apply(xy, 2L, max) - low
  side <- max(extent, 1e-12) / n.grid
  # A margin of two bandwidths shows the whole edge.
  margin <- ceiling(2 * bandwidth * n.grid)
  size <- pmax(1, ceiling(extent / side + 1e-9)) + 2L * margin
  square <- sweep(floor(sweep(xy, 2L, low) / side), 2L, size - 2L * margin - 1, pmin) + 1L + margin
  id <- factor(square[, 1L] + size[[1L]] * (square[, 2L] - 1L), levels = seq_len(prod(size)))
  count <- matrix(tabulate(id, nlevels(id)), size[[1L]])
  sums <- matrix(0, size[[1L]], size[[2L]])
  by.square <- rowsum(value[known], as.integer(id))
  sums[as.integer(rownames(by.square))] <- by.square
  kernel <- function(n) exp(-0.5 * (outer(seq_len(n), seq_len(n), `-`) / (bandwidth * n.grid))^2)
  over <- function(m) kernel(size[[1L]]) %*% m %*% kernel(size[[2L]])
  weight <- over(count)
  height <- over(sums) / weight
  # Half the weight of one cell: a cell within 1.2 bandwidths.
  height[weight < 0.5] <- NA
  data.frame(
    x = low[[1L]] + side * (as.vector(row(height)) - margin - 0.5),
    y = low[[2L]] + side * (as.vector(col(height)) - margin - 0.5), height = as.vector(height)
  )
}
