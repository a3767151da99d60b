# Draws criticality over a plane of the cells, or by groups of cells.

#' Plot the criticality of cells
#'
#' `type = "embedding"` draws the cells in two dimensions, coloured by their criticality.
#' `"violin"` and `"box"` draw it by groups, with the p-value of the test of Kruskal and Wallis that all groups are alike.
#' That test takes cells as independent; [CompareDynamics()] takes clones into account.
#'
#' @param object A Seurat object or SingleCellExperiment after [CellCriticality()], or its result for a matrix.
#' @param type `"embedding"` (default), `"violin"` or `"box"`.
#' @param group.by Name of the column of groups, or one label for each cell; needed for `"violin"` and `"box"`.
#' @param embedding Of results for a matrix: a matrix (cells x dims) to draw the cells in.
#' @param reduction Reduction to draw the cells in; `NULL` takes UMAP, t-SNE or PCA, whichever there is.
#' @param dims Two of its dimensions.
#' @param column Column to draw; default `"criticality"`.
#' @param pt.size Size of the points.
#' @param max.cells Draw at most so many cells; default 50,000.
#' @param log Draw `"violin"` and `"box"` on a logarithmic axis; default `TRUE`.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input`: there is no such column, or no groups where they are needed.
#' @seealso [CellCriticality()]
#' @examples
#' result <- structure(
#'   list(
#'     criticality = setNames(exp(-((1:100) / 30 - 1.5)^2) + 0.01, paste0("c", 1:100)),
#'     increments = matrix(0, 100, 2), n.models = 1L
#'   ),
#'   class = "fatefield_criticality"
#' )
#' plane <- cbind(x = 1:100, y = sin((1:100) / 15))
#' rownames(plane) <- paste0("c", 1:100)
#' PlotCriticality(result, embedding = plane)
#' PlotCriticality(result, type = "violin", group.by = rep(c("early", "middle", "late", "end"), each = 25))
#' @export
PlotCriticality <- function(object, ...) UseMethod("PlotCriticality")

#' @rdname PlotCriticality
#' @export
PlotCriticality.default <- function(object, type = c("embedding", "violin", "box"), group.by = NULL, embedding = NULL,
                                    dims = 1:2, pt.size = NULL, max.cells = 50000L, log = TRUE, ...) {
  check_no_dots(names(formals(PlotCriticality.default)), ...)
  if (!inherits(object, "fatefield_criticality")) {
    stop_input("object", "`object` must be from CellCriticality() or an object that has been through it, not ",
      described(object), ".")
  }
  value <- object$criticality
  if (check_choice(type, c("embedding", "violin", "box"), "type") != "embedding") {
    if (!is.null(names(group.by)) && all(names(value) %in% names(group.by))) group.by <- group.by[names(value)]
    return(draw_groups(unname(value), group.by, type[[1L]], "criticality", log))
  }
  if (is.null(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  at <- match(rownames(plane), names(value))
  if (all(is.na(at))) stop_input("embedding", "`embedding`: none of its cells is in `object`.")
  draw_critical(unname(value[at]), plane, "criticality", pt.size, max.cells)
}

#' @rdname PlotCriticality
#' @export
PlotCriticality.Seurat <- function(object, type = c("embedding", "violin", "box"), group.by = NULL, reduction = NULL,
                                   dims = 1:2, column = "criticality", pt.size = NULL, max.cells = 50000L, log = TRUE,
                                   ...) {
  check_no_dots(names(formals(PlotCriticality.Seurat)), ...)
  value <- numeric_column(object, column, "column")
  type <- check_choice(type, c("embedding", "violin", "box"), "type")
  if (type == "embedding") {
    return(draw_critical(value, plane_of(object, reduction, dims), column, pt.size, max.cells))
  }
  draw_groups(value, if (!is.null(group.by)) cell_column(object, group.by, "group.by"), type, column, log)
}

#' @rdname PlotCriticality
#' @method PlotCriticality SingleCellExperiment
#' @export
PlotCriticality.SingleCellExperiment <- PlotCriticality.Seurat

draw_critical <- function(value, plane, name, pt.size, max.cells) {
  keep <- thinned(nrow(plane), max.cells)
  cells <- plane_frame(plane[keep, , drop = FALSE], value = value[keep])
  known <- !is.na(cells$value)
  size <- point_size(length(keep), pt.size)
  # A few cells far out would leave one colour for all the others.
  limits <- stats::quantile(value, c(0.01, 0.99), na.rm = TRUE, names = FALSE)
  # High values last, so that they are not painted over.
  top <- cells[known, ][order(cells$value[known]), ]
  ggplot2::ggplot(top, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_point(data = cells[!known, ], colour = "grey88", size = size, stroke = 0) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$value), size = size, stroke = 0) +
    ggplot2::scale_colour_viridis_c(
      option = "magma", direction = -1, name = name, limits = limits,
      oob = function(v, range = limits) pmin(pmax(v, range[[1L]]), range[[2L]])
    ) +
    ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

# Values by groups, with the test that all are alike.
draw_groups <- function(value, groups, type, name, log) {
  if (is.null(groups)) stop_input("group.by", "`group.by` is needed to draw groups: a column, or one label per cell.")
  groups <- check_labels(groups, "group.by", length(value), distinct = 2L)
  cells <- data.frame(group = groups, value = value)
  cells <- cells[!is.na(cells$value) & !is.na(groups), ]
  if (check_flag(log, "log") && any(cells$value <= 0)) {
    positive <- cells$value[cells$value > 0]
    cells$value <- pmax(cells$value, if (length(positive) > 0L) min(positive) else 1)
  }
  test <- stats::kruskal.test(cells$value, droplevels(cells$group))
  said <- paste0("Kruskal-Wallis ", if (test$p.value < 1e-300) "p < 1e-300" else
    paste("p =", format(test$p.value, digits = 2L)), ", ", nrow(cells), " cells")
  shape <- if (type == "violin") {
    list(
      ggplot2::geom_violin(ggplot2::aes(fill = .data$group), colour = NA, alpha = 0.5, scale = "width"),
      ggplot2::geom_boxplot(width = 0.15, outlier.shape = NA, linewidth = 0.3)
    )
  } else {
    ggplot2::geom_boxplot(ggplot2::aes(fill = .data$group), alpha = 0.5, outlier.size = 0.4, linewidth = 0.3)
  }
  colours <- rep(label_palette, length.out = nlevels(groups))
  plot <- ggplot2::ggplot(cells, ggplot2::aes(.data$group, .data$value)) + shape +
    ggplot2::scale_fill_manual(values = stats::setNames(colours, levels(groups)), guide = "none") +
    ggplot2::labs(x = NULL, y = name, subtitle = said) + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 35, hjust = 1))
  if (log) plot + ggplot2::scale_y_log10() else plot
}
