# Draws criticality over a plane of the cells, or by groups of cells.

#' Plot the criticality of cells
#'
#' `type = "embedding"` draws the cells in two dimensions, coloured by their criticality.
#' `"violin"` and `"box"` draw it by groups, for an ensemble with the p-value of the test of Kruskal and Wallis that all
#' groups are alike; one model cannot tell how sure it is.
#' That test takes cells as independent; [CompareDynamics()] takes clones into account.
#'
#' @section Basic use:
#' ```
#' PlotCriticality(cells)
#' PlotCriticality(cells, type = "violin", group.by = "type")
#' ```
#' @param object A Seurat object or SingleCellExperiment after [CellCriticality()], or its result.
#' @param type `"embedding"` (default), `"violin"` or `"box"`.
#' @param group.by Name of the column of groups, or one label for each cell; needed for `"violin"` and `"box"`.
#' @param embedding Of results: a matrix (cells x dims) to draw the cells in.
#' @param reduction Reduction to draw the cells in; `NULL` takes UMAP, t-SNE or PCA, whichever there is.
#' @param dims Two of its dimensions.
#' @param criticality Name under which the criticality was stored; `NULL` takes the last.
#' @param pt.size Size of the points.
#' @param raster Draw the points as pixels; `NULL` does so for more than 50,000 where scattermore is installed.
#' @param order Draw cells of high criticality last, on top; default `TRUE`.
#' @param cols Colours of the groups, `c(group = "colour")`; of an object those of its definition of fates, see
#'   [DefineFates()].
#' @param log Draw `"violin"` and `"box"` on a logarithmic axis; default `TRUE`.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input`: there is no criticality, or no groups where they are needed.
#' `fatefield_error_stale`: the model, velocities or coordinates have changed since.
#' @seealso [CellCriticality()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- CellCriticality(cells, measure = "path", n.sim = 5, n.steps = 10, verbose = FALSE)
#' PlotCriticality(cells)
#' PlotCriticality(cells, type = "violin", group.by = "state")
#' @export
PlotCriticality <- function(object, ...) UseMethod("PlotCriticality")

#' @rdname PlotCriticality
#' @export
PlotCriticality.default <- function(object, type = c("embedding", "violin", "box"), group.by = NULL, embedding = NULL,
                                    dims = 1:2, pt.size = NULL, raster = NULL, order = TRUE, cols = NULL, log = TRUE,
                                    ...) {
  check_no_dots(names(formals(PlotCriticality.default)), ...)
  if (!inherits(object, "fatefield_criticality")) {
    stop_input("object", "`object` must be from CellCriticality() or an object that has been through it, not ",
      described(object), ".")
  }
  value <- object$criticality
  type <- check_choice(type, c("embedding", "violin", "box"), "type")
  if (type != "embedding") {
    if (!is.null(names(group.by)) && all(names(value) %in% names(group.by))) group.by <- group.by[names(value)]
    return(draw_groups(unname(value), group.by, type, "criticality", log, cols, object$n.models))
  }
  if (is.null(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  at <- match(rownames(plane), names(value))
  if (all(is.na(at))) stop_input("embedding", "`embedding`: none of its cells is in `object`.")
  draw_critical(unname(value[at]), plane, "criticality", pt.size, raster, order)
}

#' @rdname PlotCriticality
#' @export
PlotCriticality.Seurat <- function(object, type = c("embedding", "violin", "box"), group.by = NULL, reduction = NULL,
                                   dims = 1:2, criticality = NULL, pt.size = NULL, raster = NULL, order = TRUE,
                                   cols = NULL, log = TRUE, ...) {
  check_no_dots(names(formals(PlotCriticality.Seurat)), ...)
  type <- check_choice(type, c("embedding", "violin", "box"), "type")
  if (!is.null(criticality)) check_string(criticality, "criticality")
  result <- take_result(object, "criticality", criticality, make = "CellCriticality()")
  value <- unname(result$criticality[cell_names(object)])
  name <- if (is.null(criticality)) "criticality" else criticality
  if (type == "embedding") {
    return(draw_critical(value, plane_of(object, reduction, dims), name, pt.size, raster, order))
  }
  if (is.null(group.by)) stop_groups()
  groups <- check_labels(cell_column(object, group.by, "group.by"), "group.by", length(value), distinct = 2L)
  if (is.null(cols)) cols <- label_colours(object, levels(groups))
  draw_groups(value, groups, type, name, log, cols, result$n.models)
}

#' @rdname PlotCriticality
#' @method PlotCriticality SingleCellExperiment
#' @export
PlotCriticality.SingleCellExperiment <- PlotCriticality.Seurat

draw_critical <- function(value, plane, name, pt.size, raster, order) {
  cells <- plane_frame(plane, value = value)
  known <- !is.na(cells$value)
  # A few cells far out would leave one colour for all the others.
  limits <- stats::quantile(value, c(0.01, 0.99), na.rm = TRUE, names = FALSE)
  at <- ggplot2::aes(.data$x, .data$y, colour = .data$value)
  if (is.null(pt.size)) pt.size <- point_size(nrow(cells))
  shown <- cells[known, ]
  ggplot2::ggplot() +
    cell_points(cells[!known, ], ggplot2::aes(.data$x, .data$y), pt.size, raster, colour = "grey88") +
    cell_points(shown[drawing_order(shown$value, order), ], at, pt.size, raster) +
    ggplot2::scale_colour_viridis_c(
      option = "magma", direction = -1, name = name, limits = limits,
      oob = function(v, range = limits) pmin(pmax(v, range[[1L]]), range[[2L]])
    ) +
    ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

stop_groups <- function() {
  stop_input("group.by", "`group.by` is needed to draw groups: a column, or one label per cell.")
}

# Values by groups, with the test that all are alike where they are of several models.
draw_groups <- function(value, groups, type, name, log, cols = NULL, members = NULL) {
  if (is.null(groups)) stop_groups()
  groups <- check_labels(groups, "group.by", length(value), distinct = 2L)
  cells <- data.frame(group = groups, value = value)
  cells <- cells[!is.na(cells$value) & !is.na(groups), ]
  if (check_flag(log, "log") && any(cells$value <= 0)) {
    positive <- cells$value[cells$value > 0]
    cells$value <- pmax(cells$value, if (length(positive) > 0L) min(positive) else 1)
  }
  test <- stats::kruskal.test(cells$value, droplevels(cells$group))
  said <- paste0(if (identical(as.integer(members), 1L)) "One model cannot be tested" else paste0("Kruskal-Wallis ",
    if (test$p.value < 1e-300) "p < 1e-300" else paste("p =", format(test$p.value, digits = 2L))), ", ", nrow(cells),
    " cells")
  shape <- if (type == "violin") {
    list(
      ggplot2::geom_violin(ggplot2::aes(fill = .data$group), colour = NA, alpha = 0.5, scale = "width"),
      ggplot2::geom_boxplot(width = 0.15, outlier.shape = NA, linewidth = 0.3)
    )
  } else {
    ggplot2::geom_boxplot(ggplot2::aes(fill = .data$group), alpha = 0.5, outlier.size = 0.4, linewidth = 0.3)
  }
  plot <- ggplot2::ggplot(cells, ggplot2::aes(.data$group, .data$value)) + shape +
    scale_labels(levels(groups), cols, "fill", guide = "none") +
    ggplot2::labs(x = NULL, y = name, subtitle = said) + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 35, hjust = 1))
  if (log) plot + ggplot2::scale_y_log10() else plot
}
