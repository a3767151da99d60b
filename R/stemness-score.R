# How far a cell is from being differentiated, by the number of its genes that are seen. Takes counts; gives a
# score per cell from 0 (last) to 1 (first).

#' Score how little differentiated cells are
#'
#' Less differentiated cells express more genes (Gulati et al. 2020).
#' The number of genes seen in a cell is noisy, so it is taken through genes that follow it: expression is
#' normalised so that a cell's sum is its number of genes, the `n.genes` genes that correlate with that number
#' most are averaged, and the average is drawn together with that of neighbouring cells until it stands still:
#' s = `alpha` A s + (1 - `alpha`) s0, with A the mean over the `n.neighbors` nearest cells.
#' Ranks of the result, from 0 to 1, are the score.
#'
#' @section Basic use:
#' ```
#' cells <- StemnessScore(cells)
#' cells <- BinTime(cells, time = "stemness", reverse = TRUE)
#' ```
#' @details
#' The idea is that of the published score; neighbours are those of a reduction, and there is no regression on
#' them, so that numbers differ.
#'
#' The number of genes also depends on how deep a cell was sequenced, on doublets, on the cell cycle and on the
#' kind of cell: look whether the score agrees with what is known before its direction is believed.
#'
#' @param object A matrix of counts (genes x cells, dense or sparse), a Seurat object or a SingleCellExperiment.
#' @param reduction For a matrix: coordinates (cells x dims) in which neighbours are found.
#'   For an object the name of a reduction; `NULL` takes the PCA.
#' @param dims Dimensions of the reduction; `NULL` takes all.
#' @param assay,layer Where the counts are; `NULL` takes the default assay and its layer `counts`.
#'   For a SingleCellExperiment `assay` may name one of its assays or alternative experiments.
#' @param n.genes Genes that are averaged; default 200, or all where there are fewer.
#' @param n.neighbors Nearest cells; default 30.
#' @param alpha Weight of the neighbours, from 0 up to below 1; default 0.9.
#' @param store.as Name of the new column; `NULL` means `"stemness"`, or `"fatefield_stemness"` where the object has
#'   such a column of your own, which is never overwritten.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Passed to methods.
#'
#' @return For a matrix a result of class `fatefield_stemness`, see [results].
#'   Its table has a row for each cell: `cell`, `stemness` (0 to 1, high: little differentiated), `n_genes` (genes seen
#'   in the cell) and `raw` (before neighbours are looked at).
#'   The same is in `score`, `n.genes` and `raw`, named by cells; `genes` is a data.frame of `gene`, `correlation` and
#'   whether it was `used`.
#'   For a Seurat object or a SingleCellExperiment the object with the column of `store.as`;
#'   `GetResult(object, "stemness")` gives the whole result.
#' @section Errors:
#' `fatefield_error_input`: counts below 0, the same number of genes in all cells, `n.neighbors` beyond the
#' cells.
#' @references Gulati et al. (2020) Single-cell transcriptional diversity is a hallmark of developmental potential.
#'   Science 367.
#' @seealso [BinTime()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- StemnessScore(cells, n.genes = 20)
#' GetResult(cells, "stemness")
#' cells <- BinTime(cells, time = "stemness", n.bins = 4, reverse = TRUE)
#' @export
StemnessScore <- function(object, ...) UseMethod("StemnessScore")

#' @rdname StemnessScore
#' @export
StemnessScore.default <- function(object, reduction = NULL, dims = NULL, assay = NULL, layer = NULL, n.genes = 200L,
                                  n.neighbors = 30L, alpha = 0.9, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(StemnessScore.default)), ...)
  if (!is_plain_matrix(object)) {
    stop_input("object", "`object` must be a matrix of counts (genes x cells), a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  counts <- as_counts(object, "object")
  check_linear(counts, "object")
  if (is.null(reduction)) stop_input("reduction", "`reduction` is needed: a matrix (cells x dims).")
  space <- check_matrix(reduction, "reduction")
  space <- match_cells(space, colnames(object), "reduction", ncol(counts))
  if (!is.null(dims)) space <- embedding(space, NULL, dims)
  n.genes <- check_count(n.genes, "n.genes")
  k <- check_count(n.neighbors, "n.neighbors")
  alpha <- check_number(alpha, "alpha", min = 0)
  if (alpha >= 1) stop_input("alpha", "`alpha` must be below 1, not ", alpha, ".")
  if (k >= ncol(counts)) {
    stop_input("n.neighbors", "`n.neighbors` is ", k, "; fewer than the ", ncol(counts), " cells is needed.")
  }
  score_stemness(counts, space, n.genes, k, alpha)
}

#' @rdname StemnessScore
#' @export
StemnessScore.Seurat <- function(object, reduction = NULL, dims = NULL, assay = NULL, layer = NULL, n.genes = 200L,
                                 n.neighbors = 30L, alpha = 0.9, threads = NULL, store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "stemness")
  reduction <- choose_reduction(object, reduction)
  space <- embedding(object, reduction, dims)
  # Without a layer a named assay of a SingleCellExperiment says all.
  if (is.null(layer) && (is_seurat(object) || is.null(assay))) layer <- "counts"
  counts <- feature_values(object, assay, layer)
  result <- call_worker(StemnessScore.default, object = counts, reduction = space, dims = NULL, assay = NULL,
    layer = NULL, ...)
  result <- rename_cells(result, stats::setNames(cell_names(object), result$table$cell))
  column <- stats::setNames(data.frame(result$table$stemness, row.names = result$table$cell), store.as)
  object <- store_cells(object, column)
  object <- put_result(object, "stemness", store.as, result, list(coordinates_input(object, reduction, x = space)),
    "StemnessScore()")
  log_call(object, "StemnessScore")
}

#' @rdname StemnessScore
#' @export
StemnessScore.SingleCellExperiment <- StemnessScore.Seurat

# `counts`: genes x cells, dgCMatrix or dense; `space`: cells x dims.
score_stemness <- function(counts, space, n.genes, k, alpha) {
  seen <- Matrix::colSums(counts > 0)
  if (length(unique(seen)) < 2L) {
    stop_input("object", "`object`: all cells have ", seen[[1L]], " genes, which tells nothing about them.")
  }
  factor <- ifelse(seen > 0, seen / pmax(Matrix::colSums(counts), 1e-300), 0)
  x <- log1p(counts %*% Matrix::Diagonal(x = factor))
  correlation <- row_correlations(x, seen)
  used <- utils::head(order(-correlation, na.last = NA), n.genes)
  raw <- Matrix::colMeans(x[used, , drop = FALSE])
  near <- knn_self(space, k, knn_defaults(), thread_count())$index
  score <- settled_scores(raw, near, alpha)
  cells <- if (is.null(colnames(counts))) as.character(seq_len(ncol(counts))) else colnames(counts)
  genes <- rownames(counts)
  new_stemness(
    cells, (rank(score) - 1) / (length(score) - 1), as.numeric(seen), as.numeric(raw),
    data.frame(gene = if (is.null(genes)) seq_along(correlation) else genes, correlation = correlation,
      used = seq_along(correlation) %in% used)
  )
}

new_stemness <- function(cells, score, n.genes, raw, genes) {
  named <- function(v) stats::setNames(v, cells)
  new_result(
    "stemness", data.frame(cell = cells, stemness = score, n_genes = n.genes, raw = raw),
    list(score = named(score), n.genes = named(n.genes), raw = named(raw), genes = genes), by = "cell"
  )
}

# Correlation of each row with a vector, NA for rows without spread.
row_correlations <- function(x, y) {
  n <- ncol(x)
  y <- y - mean(y)
  mean <- Matrix::rowMeans(x)
  squares <- Matrix::rowSums(x^2) - n * mean^2
  product <- as.numeric(x %*% y)
  ifelse(squares > 1e-12 * n * mean^2 & squares > 0, product / sqrt(squares * sum(y^2)), NA_real_)
}

# The fixed point of s = alpha mean of neighbours + (1 - alpha) s0, which each step comes nearer by the factor alpha.
settled_scores <- function(start, near, alpha) {
  score <- start
  repeat {
    around <- rowMeans(matrix(score[near], nrow(near)))
    moved <- alpha * around + (1 - alpha) * start
    if (max(abs(moved - score)) <= 1e-9 * (1 - alpha) * max(abs(start), 1e-300)) {
      return(moved)
    }
    score <- moved
  }
}

subset_result.fatefield_stemness <- function(x, keep) {
  table <- x$table[match(keep, x$table$cell), ]
  new_stemness(table$cell, table$stemness, table$n_genes, table$raw, x$genes)
}

rename_cells.fatefield_stemness <- function(x, names) {
  table <- x$table
  new_stemness(unname(names[table$cell]), table$stemness, table$n_genes, table$raw, x$genes)
}

headline.fatefield_stemness <- function(x) {
  seen <- x$n.genes
  c(
    paste0("stemness of ", counted(nrow(x$table), "cell"), " by ", counted(sum(x$genes$used), "gene"), "; they have ",
      min(seen), " to ", max(seen), " genes"),
    paste0("agreement with the number of genes (Spearman): ",
      format(stats::cor(x$score, seen, method = "spearman"), digits = 3L))
  )
}

#' @rdname StemnessScore
#' @param x A result.
#' @export
plot.fatefield_stemness <- function(x, ...) {
  check_no_dots("x", ...)
  ggplot2::ggplot(x$table, ggplot2::aes(.data$n_genes, .data$stemness)) +
    cell_points(x$table) + ggplot2::labs(x = "genes seen in the cell", y = "stemness") + theme_curves()
}
