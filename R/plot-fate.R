# Draws fate probabilities over a plane of the cells.

#' Plot fates
#'
#' Draws cells in two dimensions, coloured by their most probable fate or, one panel a fate, by the
#' probability.
#' For the most probable fate, cells are the paler the less certain they are: their opacity is one
#' minus the entropy over its largest value.
#' Cells without a prediction, and those that reach no fate, are grey.
#'
#' @section Basic use:
#' ```
#' cells <- PredictFate(cells, labels = "state", exclude = "progenitor")
#' PlotFate(cells)
#' PlotFate(cells, type = "probability", reduction = "umap")
#' ```
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
#' @param split.by Panels: a column of the object, or one value for each cell.
#' @param cols Colours by fate, `c(fate = "colour")`, or one for each fate in their order; `NULL` takes those of
#'   [DefineFates()].
#' @param pt.size Size of the points; `NULL` suits the number of cells.
#' @param raster Draw points as pixels, which needs scattermore? `NULL` does so for more than 50,000 cells.
#' @param order Draw cells with high values last, on top. `NULL` does so for probabilities.
#' @param label Write the names of the fates among their cells. Default `FALSE`.
#' @param repel Keep these names apart, which needs ggrepel. Default `TRUE`.
#' @param ncol Columns of panels.
#' @param name Name of the fates in the object; `NULL` takes those stored last.
#' @param ... Passed to methods.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: no such fates, reduction or fate.
#'   `fatefield_error_stale`: the fates are older than the model, the coordinates or the labels; run [PredictFate()]
#'   again.
#' @seealso [PredictFate()], [DefineFates()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- PredictFate(cells, labels = "state", exclude = "progenitor", n.sim = 10, verbose = FALSE)
#' PlotFate(cells, label = TRUE)
#' PlotFate(cells, type = "probability")
#' @export
PlotFate <- function(object, ...) UseMethod("PlotFate")

#' @rdname PlotFate
#' @export
PlotFate.default <- function(object, embedding, type = c("dominant", "probability"), fates = NULL, dims = 1:2,
                             split.by = NULL, cols = NULL, pt.size = NULL, raster = NULL, order = NULL, label = FALSE,
                             repel = TRUE, ncol = NULL, ...) {
  check_no_dots(names(formals(PlotFate.default)), ...)
  if (!inherits(object, "fatefield_fate")) {
    stop_input("object", "`object` must be fates from PredictFate() or an object that holds them, ",
      "not ", described(object), ".")
  }
  if (missing(embedding) || is.null(embedding)) {
    stop_input("embedding", "`embedding` is needed: a matrix (cells x dims) to draw the cells in.")
  }
  if (!is_plain_matrix(embedding)) {
    stop_input("embedding", "`embedding` must be a matrix (cells x dims), not ", described(embedding), ".")
  }
  plane <- plane_of(embedding, dims = dims, argument = "embedding")
  look <- list(
    type = check_choice(type, c("dominant", "probability"), "type"), pt.size = pt.size, raster = raster, order = order,
    label = label, repel = repel, ncol = ncol
  )
  if (!is.null(split.by)) split.by <- check_labels(cell_column(plane, split.by, "split.by"), "split.by")
  draw_fates(object, plane, fates, chosen_colours(cols, colnames(object$probability), object$cols),
    split.by, look)
}

#' @rdname PlotFate
#' @export
PlotFate.Seurat <- function(object, type = c("dominant", "probability"), fates = NULL, reduction = NULL, dims = 1:2,
                            split.by = NULL, cols = NULL, pt.size = NULL, raster = NULL, order = NULL, label = FALSE,
                            repel = TRUE, ncol = NULL, name = NULL, ...) {
  check_no_dots(names(formals(PlotFate.Seurat)), ...)
  fate <- fates_of_object(object, name)
  plane <- plane_of(object, reduction, dims)
  if (!is.null(split.by)) split.by <- cell_column(object, split.by, "split.by")
  call_worker(PlotFate.default, object = fate, embedding = plane, dims = 1:2, split.by = split.by)
}

#' @rdname PlotFate
#' @method PlotFate SingleCellExperiment
#' @export
PlotFate.SingleCellExperiment <- PlotFate.Seurat

# Colours of `levels`: those that the user gives, by name or in order as Seurat takes them, over those of the object.
chosen_colours <- function(cols, levels, known) {
  if (is.character(cols) && is.null(names(cols)) && length(cols) >= length(levels)) {
    cols <- stats::setNames(cols[seq_along(levels)], levels)
  }
  given <- if (is.null(cols)) known else c(cols, known[setdiff(names(known), names(cols))])
  colours_of(levels, given)
}

# `x`: fates; `plane`: all cells x 2. Rows are matched by name. `cols`: by fate; `split`: factor of the cells of the
# plane, or NULL.
draw_fates <- function(x, plane, fates, cols, split, look) {
  p <- x$probability
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
  plot <- if (look$type == "dominant") {
    draw_dominant(p, x$fate[at], plane, cols, split, look)
  } else {
    draw_probabilities(p[, if (is.null(fates)) colnames(p) else fates, drop = FALSE], plane, split, look)
  }
  plot + ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

draw_dominant <- function(p, fate, plane, cols, split, look) {
  entropy <- share_entropy(p)
  cells <- plane_frame(plane, fate = fate, certainty = 1 - entropy / log(ncol(p)))
  if (!is.null(split)) cells$split <- split
  known <- !is.na(cells$fate)
  shown <- cells[known, ]
  shown <- shown[drawing_order(shown$certainty, isTRUE(look$order)), ]
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$x, .data$y)) +
    cell_points(cells[!known, ], pt.size = pt_size(look, cells), raster = look$raster, colour = "grey88") +
    cell_points(
      shown, ggplot2::aes(colour = .data$fate, alpha = .data$certainty), pt_size(look, cells), look$raster
    ) +
    scale_labels(colnames(p), cols) +
    ggplot2::scale_alpha_continuous(limits = c(0, 1), range = c(0.12, 1)) +
    big_key(alpha = ggplot2::guide_legend(order = 2, override.aes = list(size = 2.5)))
  if (check_flag(look$label, "label")) {
    plot <- plot + group_labels(data.frame(x = shown$x, y = shown$y, group = shown$fate), look$repel)
  }
  if (is.null(split)) plot else plot + ggplot2::facet_wrap("split", ncol = look$ncol)
}

# All layers of a plot have points of one size.
pt_size <- function(look, cells) {
  if (is.null(look$pt.size) && !use_raster(look$raster, nrow(cells))) point_size(nrow(cells)) else look$pt.size
}

draw_probabilities <- function(p, plane, split, look) {
  cells <- do.call(rbind, lapply(colnames(p), function(f) {
    plane_frame(plane, fate = f, probability = p[, f])
  }))
  cells$fate <- factor(cells$fate, levels = colnames(p))
  if (!is.null(split)) cells$split <- rep(split, ncol(p))
  known <- !is.na(cells$probability)
  # High values last, so that a rare fate is not painted over.
  top <- cells[known, ]
  top <- top[drawing_order(top$probability, is.null(look$order) || check_flag(look$order, "order")), ]
  size <- pt_size(look, plane)
  panels <- if (is.null(split)) ggplot2::facet_wrap("fate", ncol = look$ncol) else ggplot2::facet_grid(split ~ fate)
  ggplot2::ggplot(top, ggplot2::aes(.data$x, .data$y)) +
    cell_points(cells[!known, ], pt.size = size, raster = look$raster, colour = "grey88") +
    cell_points(top, ggplot2::aes(colour = .data$probability), size, look$raster) + panels +
    ggplot2::scale_colour_viridis_c(option = "magma", direction = -1, limits = c(0, 1))
}
