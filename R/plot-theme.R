# What the plots share: theme, colours that colour-blind people can tell apart, points that suit the
# number of cells, and the plane they are drawn in.

#' @importFrom rlang .data
NULL

theme_cells <- function() {
  ggplot2::theme_classic(base_size = 11) + ggplot2::theme(
    axis.text = ggplot2::element_blank(), axis.ticks = ggplot2::element_blank(),
    axis.title = ggplot2::element_text(size = 9, hjust = 0),
    axis.line = ggplot2::element_line(colour = "grey60", linewidth = 0.3),
    strip.background = ggplot2::element_blank(), strip.text = ggplot2::element_text(size = 10),
    legend.key.size = ggplot2::unit(0.9, "lines"), plot.title = ggplot2::element_text(size = 11)
  )
}

theme_curves <- function() {
  ggplot2::theme_bw(base_size = 11) + ggplot2::theme(
    panel.grid.minor = ggplot2::element_blank(),
    panel.border = ggplot2::element_rect(colour = "grey70"),
    strip.background = ggplot2::element_blank(), strip.text = ggplot2::element_text(hjust = 0),
    # The last number of the axis stands half outside the panel.
    plot.margin = ggplot2::margin(5.5, 12, 5.5, 5.5)
  )
}

# Okabe and Ito's colours (their yellow last: it is faint on white) and Tol's muted ones; hues
# beyond 16, where no palette is safe.
label_palette <- c(
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255",
  "#117733", "#999933", "#AA4499", "#44AA99", "#CC6677", "#88CCEE", "#661100", "#F0E442"
)

# `cols`: colours by label, such as those of the definition of fates; labels that it lacks get others.
scale_labels <- function(levels, cols = NULL, aesthetics = "colour", ...) {
  ggplot2::scale_colour_manual(
    values = label_values(levels, cols), drop = FALSE, na.value = "grey85", aesthetics = aesthetics, ...
  )
}

# Ends that no label fits are grey in every figure.
label_values <- function(levels, cols = NULL) {
  grey <- c(unassigned = "grey75", other = "grey55", ambiguous = "grey65")
  open <- setdiff(levels, names(grey))
  c(colours_of(open, cols), grey)[levels]
}

big_key <- function(...) {
  ggplot2::guides(
    colour = ggplot2::guide_legend(
      order = 1, override.aes = list(size = 2.5, alpha = 1, linewidth = 1)
    ), ...
  )
}

# Point size for n cells.
point_size <- function(n, given = NULL) {
  if (is.null(given)) min(2, max(0.25, 3000 / n)) else check_number(given, "pt.size", min = 0)
}

# Points of cells; as pixels where there are many and scattermore is installed. `raster`: TRUE, FALSE, or NULL for more
# than 50,000 points.
cell_points <- function(data, mapping = NULL, pt.size = NULL, raster = NULL, ...) {
  if (use_raster(raster, nrow(data))) {
    size <- if (is.null(pt.size)) 1.2 else check_number(pt.size, "pt.size", min = 0)
    return(scattermore::geom_scattermore(mapping, data, pointsize = size, pixels = c(1024, 1024), ...))
  }
  ggplot2::geom_point(mapping, data, size = point_size(nrow(data), pt.size), shape = 16, ...)
}

use_raster <- function(raster, n) {
  there <- requireNamespace("scattermore", quietly = TRUE)
  if (is.null(raster)) {
    return(n > 50000 && there)
  }
  if (check_flag(raster, "raster") && !there) need_package("scattermore", "to draw points as pixels")
  raster
}

# Rows in the order in which they are drawn: as they are, or, with `order`, high values last, on top.
drawing_order <- function(values, order) {
  if (check_flag(order, "order")) base::order(as.numeric(values), na.last = FALSE) else seq_along(values)
}

# The names of groups at the medians of their cells. `data`: columns x, y and `group`.
group_labels <- function(data, repel = TRUE, size = 4) {
  data <- data[!is.na(data$group), , drop = FALSE]
  centre <- function(v) as.vector(tapply(v, data$group, stats::median))
  at <- data.frame(x = centre(data$x), y = centre(data$y), group = levels(as.factor(data$group)))
  at <- at[is.finite(at$x), , drop = FALSE]
  mapping <- ggplot2::aes(.data$x, .data$y, label = .data$group)
  if (check_flag(repel, "repel") && requireNamespace("ggrepel", quietly = TRUE)) {
    return(ggrepel::geom_text_repel(mapping, at, size = size, inherit.aes = FALSE, seed = 1, min.segment.length = 1))
  }
  ggplot2::geom_text(mapping, at, size = size, inherit.aes = FALSE)
}

# At most `most` of n, evenly spread and always the same.
thinned <- function(n, most) {
  most <- check_count(most, "max.cells")
  if (n <= most) seq_len(n) else unique(as.integer(round(seq(1, n, length.out = most))))
}

# Two coordinates of all cells with their names, the reduction chosen as people look at it.
plane_of <- function(object, reduction = NULL, dims = 1:2, argument = "reduction") {
  if (length(dims) != 2L) {
    stop_input("dims", "`dims` must be two dimensions such as 1:2, not ", described(dims), ".")
  }
  if (!is_plain_matrix(object)) reduction <- drawn_reduction(object, reduction, argument)
  embedding(object, reduction, dims, argument)
}

# The reduction that figures show.
drawn_reduction <- function(object, reduction = NULL, argument = "reduction") {
  choose_reduction(object, reduction, prefer = c("umap", "tsne", "latent", "pca"), argument = argument)
}

# A data.frame of the plane with columns x and y.
plane_frame <- function(plane, ...) {
  data.frame(x = plane[, 1L], y = plane[, 2L], ..., row.names = NULL)
}

plane_labels <- function(plane) ggplot2::labs(x = colnames(plane)[[1L]], y = colnames(plane)[[2L]])

# Several plots beside each other where patchwork is installed and wanted, else a list.
combine_plots <- function(plots, combine, ncol = NULL) {
  if (length(plots) == 1L) {
    return(plots[[1L]])
  }
  if (!combine || !requireNamespace("patchwork", quietly = TRUE)) {
    return(plots)
  }
  patchwork::wrap_plots(plots, ncol = ncol)
}
