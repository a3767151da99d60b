# What is said and drawn of the genes that FindFateDrivers() found.

headline.fatefield_drivers <- function(x) {
  if (!is.null(x$table$correlation)) {
    return(c(
      paste0("correlation of ", counted(nrow(x$table), "gene"), " with the probability of ", quoted(x$fate),
        " against ",
        quoted(x$against, 6L), " over ", counted(x$n[[2L]], "cell")),
      if (nrow(x$table) > 0L) paste0("first: ", describe_driver(x$table[1L, ])),
      paste0(sum(x$table$q < 0.05, na.rm = TRUE), " genes with q < 0.05; cells are taken as independent")
    ))
  }
  c(
    paste0("genes for ", quoted(x$fate), " (", counted(x$n[[1L]], "cell"), ") against ", quoted(x$against, 6L), " (",
      counted(x$n[[2L]], "cell"), "): ", nrow(x$table), if (of_one_member(x$table))
        "; one model cannot tell how sure its sensitivities are, fit `n.models = 3` or more"),
    if (nrow(x$table) > 0L) paste0("first: ", describe_driver(x$table[1L, ])),
    if (!is.null(x$agreement)) paste0("agreement of the answers (Spearman): ", paste0(
      x$agreement$first, " and ", x$agreement$second, " ", format(x$agreement$rho, digits = 2L, trim = TRUE),
      collapse = ", "
    ))
  )
}

of_one_member <- function(table) !is.null(table$sensitivity) && all(is.na(table$sensitivity_se))

describe_driver <- function(row) {
  short <- function(v) format(v, digits = 3L)
  half <- stats::qnorm(0.975) * if (is.null(row$sensitivity_se)) NA_real_ else row$sensitivity_se
  paste(c(
    row$gene,
    if (!is.null(row$correlation)) paste0("correlation ",
      with_interval(row$correlation, row$correlation_low, row$correlation_high), ", q ", format(row$q, digits = 2L)),
    if (!is.null(row$sensitivity)) paste0("sensitivity ",
      with_interval(row$sensitivity, row$sensitivity - half, row$sensitivity + half)),
    if (!is.null(row$log2fc)) paste0("log2 fold change ", short(row$log2fc), ", q ", format(row$q, digits = 2L)),
    if (!is.null(row$activation)) paste0("activation ", short(row$activation))
  ), collapse = ", ")
}

#' @rdname FindFateDrivers
#' @export
summary.fatefield_drivers <- function(object, ...) {
  t <- object$table
  columns <- c(correlation = "correlation", expression = "auc", sensitivity = "sensitivity", activation = "activation")
  columns <- columns[columns %in% names(t)]
  found <- function(answer) {
    switch(answer,
      expression = , correlation = sum(t$q < 0.05, na.rm = TRUE), activation = NA_integer_,
      sensitivity = if (of_one_member(t)) NA_integer_ else
        sum(abs(t$sensitivity) > stats::qnorm(0.975) * t$sensitivity_se, na.rm = TRUE)
    )
  }
  do.call(rbind, lapply(names(columns), function(answer) {
    v <- t[[columns[[answer]]]]
    data.frame(
      answer = answer, genes = sum(!is.na(v)), found = found(answer), first.for = t$gene[which.max(v)],
      first.against = t$gene[which.min(v)]
    )
  }))
}

#' @rdname FindFateDrivers
#' @details
#' `plot()` draws each gene by its fold change between the predicted fates and its sensitivity, where both are there:
#' what marks the fate lies to the right, what would further it lies at the top.
#' Correlations against mean expression.
#' Else fold changes against activations or p values, or effects against their rank.
#' @param x A result of `FindFateDrivers()`.
#' @param n.label Number of genes to name, those with the largest combined rank for and against the fate.
#' @param genes (names) Genes to name in place of these.
#' @param fdr False discovery rate below which genes are coloured.
#' @param pt.size Size of the points; `NULL` suits the number of genes.
#' @param repel Keep names apart, where the package ggrepel is installed?
#' @export
plot.fatefield_drivers <- function(x, n.label = 20L, genes = NULL, fdr = 0.05, pt.size = NULL, repel = TRUE, ...) {
  check_no_dots(names(formals(plot.fatefield_drivers)), ...)
  table <- x$table
  shown <- driver_axes(table)
  data <- data.frame(
    gene = table$gene, x = shown$x, y = shown$y,
    side = driver_sides(table, check_number(fdr, "fdr", min = 0, max = 1))
  )
  named <- data[data$gene %in% genes_to_name(genes, n.label, table), ]
  size <- if (is.null(pt.size)) 2 * point_size(nrow(data)) else check_number(pt.size, "pt.size", min = 0)
  ggplot2::ggplot(data, ggplot2::aes(.data$x, .data$y)) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey80", linewidth = 0.3) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey80", linewidth = 0.3) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$side), size = size, stroke = 0, alpha = 0.7, na.rm = TRUE) +
    gene_names(named, ggplot2::aes(.data$x, .data$y, label = .data$gene), repel) +
    ggplot2::scale_colour_manual(name = NULL, drop = FALSE, values = side_colours(x), labels = c(
      `for` = paste("higher in", x$fate), against = "lower", neither = paste("no difference at FDR", fdr)
    )) +
    ggplot2::scale_x_continuous(expand = ggplot2::expansion(0.1)) +
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(0.08)) +
    ggplot2::labs(x = shown$names[[1L]], y = shown$names[[2L]], title = paste("Genes for", x$fate)) +
    theme_curves() + big_key()
}

# The colour of the fate, and that of its rival where it is one.
side_colours <- function(x) {
  cols <- colours_of(c(x$fate, x$against), x$cols)
  against <- if (length(x$against) == 1L) cols[[x$against]] else "grey35"
  c(`for` = cols[[x$fate]], against = against, neither = "grey75")
}

driver_axes <- function(table) {
  if (!is.null(table$correlation)) {
    return(list(
      x = table$mean, y = table$correlation, names = c("mean expression",
        "correlation with the probability of the fate")
    ))
  }
  effect <- if (is.null(table$sensitivity)) table$activation else table$sensitivity
  name <- if (is.null(table$sensitivity)) "activation (change of the margin by two s.d.)" else
    "sensitivity (change of the margin per s.d.)"
  if (is.null(table$log2fc)) {
    return(list(x = rank(-effect), y = effect, names = c("rank", name)))
  }
  fold <- "log2 fold change between predicted fates"
  if (is.null(effect)) {
    return(list(x = table$log2fc, y = -log10(pmax(table$p, 1e-300)), names = c(fold, "-log10 p")))
  }
  list(x = table$log2fc, y = effect, names = c(fold, name))
}

driver_sides <- function(table, fdr) {
  side <- if (is.null(table$q)) {
    ifelse(table$combined > 0, "for", "against")
  } else {
    up <- if (is.null(table$auc)) table$correlation > 0 else table$auc > 0.5
    ifelse(is.na(table$q) | table$q > fdr, "neither", ifelse(up, "for", "against"))
  }
  factor(side, levels = c("for", "against", "neither"))
}

# The genes asked for, or those at the ends of the ranking.
genes_to_name <- function(genes, n.label, table) {
  n <- check_count(n.label, "n.label", min = 0L)
  if (is.null(genes)) {
    return(table$gene[utils::head(order(-abs(table$combined)), n)])
  }
  lost <- setdiff(genes, table$gene)
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: there is no gene ", quoted(lost[[1L]]), " in the result.",
      near(lost[[1L]], table$gene))
  }
  genes
}
