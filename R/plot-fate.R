# Draws fate probabilities over a plane of the cells.

#' Plot fates
#'
#' Draws cells in two dimensions, coloured by their most probable fate or, one panel a fate, by the
#' probability.
#' For the most probable fate, cells are the paler the less certain they are: their opacity is one
#' minus the entropy over its largest value.
#' Cells without a prediction are grey.
#'
#' @param object A Seurat object or SingleCellExperiment after [PredictFate()], or its result for a
#'   matrix.
#' @param type `"dominant"` (default): the most probable fate; `"probability"`: a panel for each
#'   fate.
#' @param fates (strings) Fates to show in panels; `NULL` takes all.
#' @param reduction Reduction to draw; `NULL` takes the UMAP, t-SNE, latent space or PCA, whichever
#'   is there first.
#' @param embedding Where `object` is no Seurat object and no SCE: a matrix (cells x dims) with the
#'   names of the cells.
#' @param dims (two numbers) Dimensions to draw.
#' @param pt.size Size of the points; `NULL` suits the number of cells.
#' @param max.cells At most this many cells are drawn, evenly spread over all; default 50,000.
#' @param ncol Columns of panels.
#' @param assay Assay or alternative experiment with the fates.
#' @param ... Passed to methods.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: no such assay, reduction or fate.
#' @seealso [PredictFate()]
#' @examples
#' cells <- matrix(c(0, 1, 2, 0, 1, -1), 3, dimnames = list(c("a", "b", "c"), c("x", "y")))
#' fate <- list(
#'   probability = cbind(up = c(0.5, 0.9, 0.1), down = c(0.5, 0.1, 0.9)),
#'   entropy = c(0.69, 0.33, 0.33), fate = factor(c("up", "up", "down"))
#' )
#' rownames(fate$probability) <- rownames(cells)
#' PlotFate(structure(fate, class = "fatefield_fate"), embedding = cells)
#' @export
PlotFate <- function(object, ...) UseMethod("PlotFate")

#' @rdname PlotFate
#' @export
PlotFate.default <- function(object, embedding, type = c("dominant", "probability"), fates = NULL,
                             dims = 1:2, pt.size = NULL, max.cells = 50000L, ncol = NULL, ...) {
  check_no_dots(names(formals(PlotFate.default)), ...)
  if (!inherits(object, "fatefield_fate")) {
    stop_input("object", "`object` must be fates from PredictFate() or an object that holds them, ",
      "not ", described(object), ".")
  }
  if (missing(embedding) || !is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims) to draw the cells in.")
  }
  draw_fates(object$probability, plane_of(embedding, dims = dims, argument = "embedding"),
    check_choice(type, c("dominant", "probability"), "type"), fates, pt.size, max.cells, ncol)
}

#' @rdname PlotFate
#' @export
PlotFate.Seurat <- function(object, type = c("dominant", "probability"), fates = NULL,
                            reduction = NULL, dims = 1:2, pt.size = NULL, max.cells = 50000L,
                            ncol = NULL, assay = "fates", ...) {
  check_no_dots(names(formals(PlotFate.Seurat)), ...)
  plane <- plane_of(object, reduction, dims)
  draw_fates(t(fetch_assay(object, assay)), plane,
    check_choice(type, c("dominant", "probability"), "type"), fates, pt.size, max.cells, ncol)
}

#' @rdname PlotFate
#' @method PlotFate SingleCellExperiment
#' @export
PlotFate.SingleCellExperiment <- PlotFate.Seurat

# `p`: cells x fates; `plane`: all cells x 2. Rows are matched by name.
draw_fates <- function(p, plane, type, fates, pt.size, max.cells, ncol) {
  if (!is.null(fates)) {
    lost <- setdiff(fates, colnames(p))
    if (length(lost) > 0L) {
      stop_input("fates", "`fates`: there is no fate ", quoted(lost[[1L]]), "; the fates are ",
        quoted(colnames(p)), ".", near(lost[[1L]], colnames(p)))
    }
  }
  at <- match(rownames(plane), rownames(p))
  if (all(is.na(at))) {
    stop_input("embedding", "`embedding`: none of its cells has a predicted fate.")
  }
  p <- p[at, , drop = FALSE]
  keep <- thinned(nrow(plane), max.cells)
  size <- point_size(length(keep), pt.size)
  plot <- if (type == "dominant") {
    draw_dominant(p[keep, , drop = FALSE], plane[keep, , drop = FALSE], size)
  } else {
    shown <- if (is.null(fates)) colnames(p) else fates
    draw_probabilities(p[keep, shown, drop = FALSE], plane[keep, , drop = FALSE], size, ncol)
  }
  plot + ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

draw_dominant <- function(p, plane, size) {
  entropy <- -rowSums(ifelse(p > 0, p * log(p), 0))
  cells <- plane_frame(plane, fate = most_probable(p), certainty = 1 - entropy / log(ncol(p)))
  known <- !is.na(cells$fate)
  ggplot2::ggplot(cells[known, ], ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_point(data = cells[!known, ], colour = "grey88", size = size, stroke = 0) +
    ggplot2::geom_point(
      ggplot2::aes(colour = .data$fate, alpha = .data$certainty), size = size, stroke = 0
    ) +
    scale_labels(colnames(p)) +
    ggplot2::scale_alpha_continuous(limits = c(0, 1), range = c(0.12, 1)) +
    big_key(alpha = ggplot2::guide_legend(order = 2, override.aes = list(size = 2.5)))
}

draw_probabilities <- function(p, plane, size, ncol) {
  cells <- do.call(rbind, lapply(colnames(p), function(f) {
    plane_frame(plane, fate = f, probability = p[, f])
  }))
  cells$fate <- factor(cells$fate, levels = colnames(p))
  known <- !is.na(cells$probability)
  # High values last, so that a rare fate is not painted over.
  top <- cells[known, ][order(cells$probability[known]), ]
  ggplot2::ggplot(top, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_point(data = cells[!known, ], colour = "grey88", size = size, stroke = 0) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$probability), size = size, stroke = 0) +
    ggplot2::facet_wrap("fate", ncol = ncol) +
    ggplot2::scale_colour_viridis_c(option = "magma", direction = -1, limits = c(0, 1))
}
