# Perturbations, screens and doses to ggplot. A fate has its colour of the definition of fates in each.

#' @rdname PerturbCells
#' @return `plot()`: a ggplot of the change of each fate with its interval.
#' @export
plot.fatefield_perturbation <- function(x, fates = NULL, ...) {
  check_no_dots(c("x", "fates"), ...)
  table <- rows_of_fates(x$table, fates)
  if (!is.null(x$published)) table$change_low <- table$change_high <- table$change
  draw_changes(table, x$cols, "fate", describe_change(x$change))
}

#' @rdname PerturbCells
#' @export
plot.fatefield_perturbations <- function(x, fates = NULL, ...) {
  check_no_dots(c("x", "fates"), ...)
  draw_changes(rows_of_fates(x$table, fates), x$cols, "gene", NULL) + ggplot2::facet_wrap("fate")
}

# Rows of some fates, which are a factor then, in the order in which they are in the table.
rows_of_fates <- function(table, fates) {
  present <- unique(as.character(table$fate))
  if (!is.null(fates)) present <- check_among(fates, present, "fates")
  table <- table[as.character(table$fate) %in% present, , drop = FALSE]
  table$fate <- factor(table$fate, levels = present)
  table
}

draw_changes <- function(table, cols, rows, title) {
  table$row <- factor(table[[rows]], levels = rev(unique(as.character(table[[rows]]))))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$change, y = .data$row, colour = .data$fate)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60") +
    ggplot2::geom_linerange(
      ggplot2::aes(xmin = .data$change_low, xmax = .data$change_high), linewidth = 0.8, na.rm = TRUE
    ) +
    ggplot2::geom_point(size = 2.5, na.rm = TRUE) +
    scale_labels(levels(table$fate), cols, guide = "none") +
    ggplot2::labs(x = "change of probability", y = NULL, title = title) + theme_curves()
}

draw_volcano <- function(table, cols, n.label, repel, one.model) {
  table <- table[is.finite(table$p_genes), ]
  if (nrow(table) == 0L) {
    stop_input("x", "`x` has no p values to draw a volcano of: screen with `n.null` above 0, or take ",
      "`type = \"heatmap\"`.")
  }
  # p of an extreme z is 0 in double precision.
  table$height <- pmin(-log10(pmax(table$p_genes, 1e-300)), 50)
  sure <- table[table$q_genes < 0.05, ]
  named <- do.call(rbind, lapply(split(table, table$fate), function(t) {
    utils::head(t[order(t$q_genes >= 0.05, -abs(t$change)), ], n.label)
  }))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$change, y = .data$height)) +
    ggplot2::geom_point(size = 0.9, alpha = 0.7, colour = "grey60") +
    ggplot2::geom_point(ggplot2::aes(colour = .data$fate), sure, size = 1.2) +
    gene_names(named, ggplot2::aes(.data$change, .data$height, label = .data$gene), repel) +
    ggplot2::facet_wrap("fate", scales = "free_x") +
    scale_labels(levels(table$fate), cols, guide = "none") +
    ggplot2::labs(
      x = "change of probability", y = "-log10 p against other genes",
      caption = paste0("in colour: q < 0.05", if (one.model) "; of one model, another training may differ")
    ) +
    theme_curves()
}

# Names of genes beside their points.
gene_names <- function(data, mapping, repel) {
  if (check_flag(repel, "repel") && requireNamespace("ggrepel", quietly = TRUE)) {
    return(ggrepel::geom_text_repel(mapping, data, size = 2.8, seed = 1, inherit.aes = FALSE, na.rm = TRUE))
  }
  ggplot2::geom_text(
    mapping, data, size = 2.8, vjust = -0.6, check_overlap = TRUE, inherit.aes = FALSE, na.rm = TRUE
  )
}

draw_screen_map <- function(table, n.label) {
  genes <- utils::head(unique(table$gene[order(-abs(table$change))]), max(1L, n.label))
  table <- table[table$gene %in% genes, ]
  table$gene <- factor(table$gene, levels = rev(genes))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$fate, y = .data$gene, fill = .data$change)) +
    ggplot2::geom_tile() +
    ggplot2::scale_fill_gradient2(low = "#0072B2", mid = "white", high = "#D55E00") +
    ggplot2::labs(x = NULL, y = NULL, fill = "change") + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
}

#' @rdname DoseResponse
#' @param x A result of `DoseResponse()`.
#' @return `plot()`: a ggplot of the probability by dose with its interval; doses at which more than a fifth of the
#'   starts are off the cells are hollow.
#' @export
plot.fatefield_dose <- function(x, fates = NULL, ...) {
  check_no_dots(c("x", "fates"), ...)
  table <- rows_of_fates(x$table, fates)
  table$far <- table$off > most_off
  ggplot2::ggplot(table, ggplot2::aes(.data$dose, .data$probability, colour = .data$fate, fill = .data$fate)) +
    ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data$probability_low, ymax = .data$probability_high), alpha = 0.25, colour = NA,
      na.rm = TRUE
    ) +
    ggplot2::geom_line() +
    ggplot2::geom_point(ggplot2::aes(shape = .data$far)) +
    ggplot2::scale_shape_manual(values = c(`FALSE` = 16, `TRUE` = 1), guide = "none") +
    ggplot2::facet_wrap("fate") +
    scale_labels(levels(table$fate), x$cols, c("colour", "fill"), guide = "none") +
    ggplot2::labs(x = paste0(paste(x$genes, collapse = " + "), " (", x$units, ")"), y = "probability") +
    theme_curves()
}
