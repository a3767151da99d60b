# What EstimateVelocity() gives for matrices, and what later steps read of an object: velocities with all they rest on,
# one row of the table a gene.

# `parts`: list(velocity (genes x cells), genes, cells (data.frames), knn, mode, ...); `batches`: how well they mix, or
# NULL.
velocity_result <- function(parts, batches = NULL) {
  table <- data.frame(gene = rownames(parts$genes), parts$genes, check.names = FALSE)
  structure(new_result("velocity", table, parts, by = "gene"), batches = batches)
}

headline.fatefield_velocity <- function(x) {
  used <- sum(x$genes$velocity_genes)
  c(
    paste0("RNA velocity (", x$mode, ") of ", counted(nrow(x$velocity), "gene"), " in ",
      counted(ncol(x$velocity), "cell")),
    paste0(counted(used, "velocity gene"), if (x$mode == "dynamical") {
      paste0(" of ", sum(x$genes$fit_status == "fitted"), " fitted")
    }),
    paste0("confidence of cells: ", quartiles(x$cells$velocity_confidence))
  )
}

# Median and the middle half, as people read it.
quartiles <- function(v) {
  q <- stats::quantile(v, c(0.5, 0.25, 0.75), na.rm = TRUE, names = FALSE)
  paste0("median ", with_interval(q[[1L]], q[[2L]], q[[3L]]))
}

subset_result.fatefield_velocity <- function(x, keep) {
  for (part in intersect(c("velocity", "variance", "u"), names(x))) x[[part]] <- x[[part]][keep, , drop = FALSE]
  if (!is.null(x$fit_t)) x$fit_t <- x$fit_t[intersect(keep, rownames(x$fit_t)), , drop = FALSE]
  x$genes <- x$genes[keep, , drop = FALSE]
  known <- x$inputs$known
  if (!is.null(known)) x$inputs$known <- lapply(known, function(m) m[keep, , drop = FALSE])
  subset_result.default(x, keep)
}

#' @rdname EstimateVelocity
#' @param x A result.
#' @param type `"phase"`: phase portraits of genes; `"confidence"`: how many cells have which confidence.
#' @param n.genes For `"phase"` without `genes`: that many of the best velocity genes, those of the highest likelihood
#'   (mode `"dynamical"`) or `r2`.
#' @export
plot.fatefield_velocity <- function(x, type = c("phase", "confidence"), genes = NULL, n.genes = 4L, ...) {
  type <- check_choice(type, c("phase", "confidence"), "type")
  if (type == "phase") {
    return(PlotPhase(x, if (is.null(genes)) best_genes(x$genes, n.genes) else genes, ...))
  }
  check_no_dots(c("x", "type", "genes", "n.genes"), ...)
  ggplot2::ggplot(x$cells, ggplot2::aes(.data$velocity_confidence)) +
    ggplot2::geom_histogram(bins = 30L, fill = label_palette[[1L]], na.rm = TRUE) +
    ggplot2::labs(x = "confidence (mean correlation with the velocities of the neighbours)", y = "cells") +
    theme_curves()
}

best_genes <- function(genes, n.genes) {
  score <- if ("fit_likelihood" %in% names(genes)) genes$fit_likelihood else genes$velocity_r2
  at <- order(!genes$velocity_genes, -score)
  rownames(genes)[utils::head(at, check_count(n.genes, "n.genes"))]
}
