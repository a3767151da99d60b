# Draws genes by what FindFateDrivers() found of them.

#' Plot genes that drive a fate
#'
#' Draws each gene by its fold change between the predicted fates and its sensitivity, where both are there: what
#' marks the fate lies to the right, what would further it lies at the top.
#' Else fold changes against p values, or effects against their rank.
#'
#' @param object A result of [FindFateDrivers()].
#' @param labels Number of genes to name, those with the largest combined rank for and against the fate; or their
#'   names. Default 20.
#' @param fdr False discovery rate below which genes are coloured. Default 0.05.
#' @param pt.size Size of the points; `NULL` suits the number of genes.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: no result of [FindFateDrivers()], or no such gene.
#' @seealso [FindFateDrivers()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' drivers <- FindFateDrivers(cells, fate = "fateA", labels = "state", exclude = "progenitor",
#'   cells = which(cells$day <= 1), sources = "expression", verbose = FALSE)
#' PlotFateDrivers(drivers, labels = 5)
#' @export
PlotFateDrivers <- function(object, labels = 20L, fdr = 0.05, pt.size = NULL) {
  if (!inherits(object, "fatefield_drivers")) {
    stop_input("object", "`object` must be from FindFateDrivers(), not ", described(object), ".")
  }
  table <- object$table
  shown <- driver_axes(table)
  data <- data.frame(
    gene = table$gene, x = shown$x, y = shown$y,
    side = driver_sides(table, check_number(fdr, "fdr", min = 0, max = 1))
  )
  named <- data[data$gene %in% genes_to_name(labels, table), ]
  size <- if (is.null(pt.size)) 2 * point_size(nrow(data)) else check_number(pt.size, "pt.size", min = 0)
  ggplot2::ggplot(data, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey80", linewidth = 0.3) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey80", linewidth = 0.3) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$side), size = size, stroke = 0, alpha = 0.7, na.rm = TRUE) +
    ggplot2::geom_text(data = named, ggplot2::aes(label = .data$gene), size = 3, vjust = -0.6,
      check_overlap = TRUE, na.rm = TRUE) +
    ggplot2::scale_colour_manual(name = NULL, drop = FALSE, values = c(
      `for` = label_palette[[2L]], against = label_palette[[1L]], neither = "grey75"
    ), labels = c(
      `for` = paste("higher in", object$fate), against = "lower", neither = paste("no difference at FDR", fdr)
    )) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.1)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.08)) +
    ggplot2::labs(x = shown$names[[1L]], y = shown$names[[2L]], title = paste("Genes for", object$fate)) +
    theme_curves() + big_key()
}

driver_axes <- function(table) {
  sensitivity <- "sensitivity (change of the margin per s.d.)"
  if (is.null(table$log2fc)) {
    return(list(x = rank(-table$sensitivity), y = table$sensitivity, names = c("rank", sensitivity)))
  }
  fold <- "log2 fold change between predicted fates"
  if (is.null(table$sensitivity)) {
    return(list(x = table$log2fc, y = -log10(pmax(table$p, 1e-300)), names = c(fold, "-log10 p")))
  }
  list(x = table$log2fc, y = table$sensitivity, names = c(fold, sensitivity))
}

driver_sides <- function(table, fdr) {
  side <- if (is.null(table$q)) {
    ifelse(table$sensitivity > 0, "for", "against")
  } else {
    ifelse(is.na(table$q) | table$q > fdr, "neither", ifelse(table$auc > 0.5, "for", "against"))
  }
  factor(side, levels = c("for", "against", "neither"))
}

# The genes to name, from the ends of the ranking.
genes_to_name <- function(labels, table) {
  if (is.character(labels)) {
    return(check_among_genes(labels, table$gene))
  }
  n <- check_count(labels, "labels", min = 0L)
  order <- order(-abs(table$combined))
  table$gene[utils::head(order, n)]
}

check_among_genes <- function(genes, present) {
  lost <- setdiff(genes, present)
  if (length(lost) > 0L) {
    stop_input("labels", "`labels`: there is no gene ", quoted(lost[[1L]]), " in the result.",
      near(lost[[1L]], present))
  }
  genes
}
