# Draws the genes that go most with the dynamics of cells, with their intervals.

#' Plot genes with dynamics
#'
#' Draws the correlations of the strongest genes of each quantity with their intervals, one panel for each quantity.
#' Genes whose adjusted p-value is above `fdr` are hollow.
#'
#' @param object The table of [GeneDynamics()].
#' @param measure `"partial"`, `"pearson"` or `"spearman"`; `NULL` takes that by which the table is sorted.
#' @param quantities (strings) Quantities to draw; `NULL` takes all.
#' @param n.genes Strongest genes of each quantity; default 15.
#' @param features (strings) Genes to draw in place of the strongest.
#' @param fdr Default 0.05.
#' @param ncol Panels beside each other.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#' `fatefield_error_input` for a quantity or gene that the table lacks.
#' @seealso [GeneDynamics()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' table <- GeneDynamics(cells, quantities = "pseudotime", n.boot = 50, verbose = FALSE)
#' PlotGeneDynamics(table, n.genes = 8)
#' @export
PlotGeneDynamics <- function(object, measure = NULL, quantities = NULL, n.genes = 15L, features = NULL, fdr = 0.05,
                             ncol = NULL, ...) {
  check_no_dots(names(formals(PlotGeneDynamics)), ...)
  if (!inherits(object, "fatefield_gene_dynamics")) {
    stop_input("object", "`object` must be a table from GeneDynamics(), not ", described(object), ".")
  }
  measure <- check_choice(if (is.null(measure)) attr(object, "sort.by") else measure, gene_measures, "measure")
  present <- unique(object$quantity)
  quantities <- if (is.null(quantities)) present else check_rows_of(quantities, present, "quantities")
  if (!is.null(features)) check_rows_of(features, unique(object$gene), "features")
  n.genes <- check_count(n.genes, "n.genes")
  fdr <- check_number(fdr, "fdr", min = 0, max = 1)
  rows <- do.call(rbind, lapply(quantities, function(q) {
    x <- as.data.frame(object)[object$quantity == q, ]
    x <- if (is.null(features)) utils::head(x[order(-abs(x[[measure]])), ], n.genes) else x[x$gene %in% features, ]
    data.frame(
      quantity = q, gene = x$gene, value = x[[measure]], low = x[[paste0(measure, "_low")]],
      high = x[[paste0(measure, "_high")]], sure = !is.na(x[[paste0(measure, "_fdr")]]) & x[[paste0(measure, "_fdr")]] <= fdr
    )
  }))
  rows$quantity <- factor(rows$quantity, quantities)
  # A gene has its own place in each panel.
  rows <- rows[order(rows$quantity, rows$value), ]
  rows$place <- factor(paste(rows$quantity, rows$gene, sep = "\r"), unique(paste(rows$quantity, rows$gene, sep = "\r")))
  rows$side <- factor(ifelse(rows$value < 0, "falls", "rises"), c("rises", "falls"))
  name <- c(pearson = "Pearson correlation", spearman = "Spearman correlation", partial = "Partial correlation")
  ggplot2::ggplot(rows, ggplot2::aes(.data$value, .data$place, colour = .data$side)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey70", linewidth = 0.3) +
    ggplot2::geom_segment(
      ggplot2::aes(x = .data$low, xend = .data$high, yend = .data$place), linewidth = 0.6, na.rm = TRUE
    ) +
    ggplot2::geom_point(ggplot2::aes(shape = .data$sure), size = 2, fill = "white") +
    ggplot2::scale_shape_manual(
      values = c(`TRUE` = 16, `FALSE` = 21), labels = c(`TRUE` = paste("FDR at most", fdr), `FALSE` = "above"),
      limits = c("TRUE", "FALSE"), name = NULL
    ) +
    ggplot2::scale_colour_manual(values = c(rises = label_palette[[2L]], falls = label_palette[[1L]]), guide = "none") +
    ggplot2::scale_y_discrete(labels = function(place) sub("^.*\r", "", place)) +
    ggplot2::facet_wrap("quantity", scales = "free_y", ncol = ncol) +
    ggplot2::labs(x = name[[measure]], y = NULL) + theme_curves() +
    ggplot2::theme(legend.position = "bottom", axis.text.y = ggplot2::element_text(face = "italic"))
}

# Names that must be among those of a table.
check_rows_of <- function(x, present, argument) {
  lost <- setdiff(x, present)
  if (!is.character(x) || length(x) == 0L || length(lost) > 0L) {
    stop_input(argument, "`", argument, "` must be among ", quoted(present), ", not ",
      if (is.character(x) && length(lost) > 0L) quoted(lost[[1L]]) else described(x), ".",
      if (is.character(x) && length(lost) > 0L) near(lost[[1L]], present))
  }
  unique(x)
}
