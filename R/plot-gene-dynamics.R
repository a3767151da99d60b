# What GeneDynamics() found, in words and as a figure: the genes that go most with the dynamics of cells.

headline.fatefield_gene_dynamics <- function(x) {
  by <- attr(x, "sort.by")
  adjusted <- attr(x, "adjusted")
  if (!all(c("quantity", "gene", by, paste0(by, c("_low", "_high", "_q"))) %in% names(x))) {
    return(counted(nrow(x), "row"))
  }
  most <- summary(x)
  best <- with_interval(most$strongest, most$strongest_low, most$strongest_high)
  c(
    paste0("genes with dynamics: ", counted(length(unique(x$gene)), "gene"), ", by ", by, " correlation",
      if (by == "partial" && length(adjusted) > 0L) paste0(" (given ", paste(adjusted, collapse = ", "), ")")),
    utils::head(paste0(most$quantity, ": ", most$found, " of ", most$genes, " genes at FDR 0.05, strongest ",
      most$gene, " ", best), 2L)
  )
}

shown_columns.fatefield_gene_dynamics <- function(x) {
  by <- attr(x, "sort.by")
  intersect(c("quantity", "gene", "rank", "n", "detected", by, paste0(by, c("_low", "_high", "_p", "_q"))), names(x))
}

#' @rdname GeneDynamics
#' @export
summary.fatefield_gene_dynamics <- function(object, ...) {
  by <- attr(object, "sort.by")
  table <- plain_table(object)
  rows <- lapply(unique(table$quantity), function(q) {
    part <- table[table$quantity == q, ]
    top <- part[order(-abs(part[[by]])), ][1L, ]
    sure <- part[[paste0(by, "_q")]] <= 0.05
    data.frame(
      quantity = q, cells = top$n, genes = nrow(part), found = sum(sure, na.rm = TRUE),
      rising = sum(sure & part[[by]] > 0, na.rm = TRUE), gene = top$gene, strongest = top[[by]],
      strongest_low = top[[paste0(by, "_low")]], strongest_high = top[[paste0(by, "_high")]]
    )
  })
  do.call(rbind, rows)
}

#' @rdname GeneDynamics
#' @param x The table.
#' @param measure Of the figure: `"partial"`, `"pearson"` or `"spearman"`; `NULL` takes that by which the table is
#'   sorted.
#' @param n.genes Of the figure: strongest genes of each quantity, default 15; `genes` names others in their place.
#' @param fdr Of the figure: genes with a larger `q` are hollow; default 0.05.
#' @param cols Of the figure: colours of genes that rise and fall with the quantity, `c(rises = , falls = )`.
#' @param ncol Of the figure: panels beside each other, one for each quantity.
#' @export
plot.fatefield_gene_dynamics <- function(x, measure = NULL, quantities = NULL, n.genes = 15L, genes = NULL, fdr = 0.05,
                                         cols = NULL, ncol = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_gene_dynamics)), ...)
  table <- plain_table(x)
  measure <- check_choice(if (is.null(measure)) attr(x, "sort.by") else measure, gene_measures, "measure")
  present <- unique(table$quantity)
  quantities <- if (is.null(quantities)) present else check_rows_of(quantities, present, "quantities")
  if (!is.null(genes)) check_rows_of(genes, unique(table$gene), "genes")
  n.genes <- check_count(n.genes, "n.genes")
  fdr <- check_number(fdr, "fdr", min = 0, max = 1)
  rows <- do.call(rbind, lapply(quantities, function(q) {
    part <- table[table$quantity == q, ]
    part <- if (is.null(genes)) {
      utils::head(part[order(-abs(part[[measure]])), ], n.genes)
    } else {
      part[part$gene %in% genes, ]
    }
    q.value <- part[[paste0(measure, "_q")]]
    data.frame(
      quantity = q, gene = part$gene, value = part[[measure]], low = part[[paste0(measure, "_low")]],
      high = part[[paste0(measure, "_high")]], sure = !is.na(q.value) & q.value <= fdr
    )
  }))
  rows$quantity <- factor(rows$quantity, quantities)
  # A gene has its own place in each panel.
  rows <- rows[order(rows$quantity, rows$value), ]
  rows$place <- factor(paste(rows$quantity, rows$gene, sep = "\r"), unique(paste(rows$quantity, rows$gene, sep = "\r")))
  rows$side <- factor(ifelse(rows$value < 0, "falls", "rises"), c("rises", "falls"))
  side.cols <- if (is.null(cols)) c(rises = label_palette[[2L]], falls = label_palette[[1L]]) else cols
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
    scale_labels(c("rises", "falls"), side.cols, guide = "none") +
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
