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
    strip.background = ggplot2::element_blank(), strip.text = ggplot2::element_text(hjust = 0)
  )
}

# Okabe and Ito's colours (their yellow last: it is faint on white) and Tol's muted ones; hues
# beyond 16, where no palette is safe.
label_palette <- c(
  "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255",
  "#117733", "#999933", "#AA4499", "#44AA99", "#CC6677", "#88CCEE", "#661100", "#F0E442"
)

scale_labels <- function(levels, ...) {
  if (length(levels) > length(label_palette)) {
    return(ggplot2::scale_colour_hue(drop = FALSE, na.value = "grey85", ...))
  }
  values <- stats::setNames(label_palette[seq_along(levels)], levels)
  ggplot2::scale_colour_manual(values = values, drop = FALSE, na.value = "grey85", ...)
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
  if (!is_plain_matrix(object)) {
    reduction <- choose_reduction(object, reduction, prefer = c("umap", "tsne", "latent", "pca"),
      argument = argument)
  }
  embedding(object, reduction, dims, argument)
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
