# How far a cell is from being differentiated, by the number of its genes that are seen. Takes counts; gives a
# score per cell from 0 (last) to 1 (first).

#' Score how little differentiated cells are
#'
#' Less differentiated cells express more genes (Gulati et al. 2020).
#' The number of genes seen in a cell is noisy, so it is taken through genes that follow it: expression is
#' normalised so that a cell's sum is its number of genes, the `n.genes` genes that correlate with that number
#' most are averaged, and the average is drawn together with that of neighbouring cells until it stands still:
#' s = `alpha` A s + (1 - `alpha`) s0, with A the mean over the `k` nearest cells.
#' Ranks of the result, from 0 to 1, are the score.
#'
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
#' @param n.genes Genes that are averaged; default 200, or all where there are fewer.
#' @param k Nearest cells; default 30.
#' @param alpha Weight of the neighbours, from 0 up to below 1; default 0.9.
#' @param assay,layer Where the counts are; `NULL` takes the default assay and its layer `counts`.
#' @param name Name of the new column.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Passed to methods.
#'
#' @return For a matrix a list of class `fatefield_stemness`: `score` (named, 0 to 1, high: little
#'   differentiated), `n.genes` (genes seen in each cell), `raw` (before neighbours are looked at), and `genes`,
#'   data.frame of `gene`, `correlation` and whether it was `used`.
#'   For an object the object with the column `name`.
#' @section Errors:
#' `fatefield_error_input`: counts below 0, the same number of genes in all cells, `k` beyond the cells.
#' @references Gulati et al. (2020) Single-cell transcriptional diversity is a hallmark of developmental potential.
#'   Science 367.
#' @seealso [BinTime()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- StemnessScore(cells, n.genes = 20)
#' cells <- BinTime(cells, time = "stemness", n.bins = 4, reverse = TRUE)
#' @export
StemnessScore <- function(object, ...) UseMethod("StemnessScore")

#' @rdname StemnessScore
#' @export
StemnessScore.default <- function(object, reduction, n.genes = 200L, k = 30L, alpha = 0.9, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(StemnessScore.default)), ...)
  if (!is_plain_matrix(object)) {
    stop_input("object", "`object` must be a matrix of counts (genes x cells), a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  counts <- as_counts(object, "object")
  check_linear(counts, "object")
  if (missing(reduction)) stop_input("reduction", "`reduction` is needed: a matrix (cells x dims).")
  space <- check_matrix(reduction, "reduction")
  space <- match_cells(space, colnames(object), "reduction", ncol(counts))
  n.genes <- check_count(n.genes, "n.genes")
  k <- check_count(k, "k")
  alpha <- check_number(alpha, "alpha", min = 0)
  if (alpha >= 1) stop_input("alpha", "`alpha` must be below 1, not ", alpha, ".")
  if (k >= ncol(counts)) stop_input("k", "`k` is ", k, "; fewer than the ", ncol(counts), " cells is needed.")
  score_stemness(counts, space, n.genes, k, alpha)
}

#' @rdname StemnessScore
#' @export
StemnessScore.Seurat <- function(object, reduction = NULL, dims = NULL, assay = NULL, layer = "counts",
                                 name = "stemness", ...) {
  store_stemness(object, feature_values(object, assay, layer), reduction, dims, name, ...)
}

#' @rdname StemnessScore
#' @export
StemnessScore.SingleCellExperiment <- function(object, reduction = NULL, dims = NULL, assay = "counts",
                                               layer = NULL, name = "stemness", ...) {
  store_stemness(object, feature_values(object, assay, layer), reduction, dims, name, ...)
}

store_stemness <- function(object, counts, reduction, dims, name, ...) {
  found <- StemnessScore.default(counts, embedding(object, reduction, dims), ...)
  store_cells(object, stats::setNames(data.frame(found$score, row.names = cell_names(object)), name))
}

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
  cells <- colnames(counts)
  genes <- rownames(counts)
  structure(
    list(
      score = stats::setNames((rank(score) - 1) / (length(score) - 1), cells),
      n.genes = stats::setNames(as.numeric(seen), cells), raw = stats::setNames(as.numeric(raw), cells),
      genes = data.frame(gene = if (is.null(genes)) seq_along(correlation) else genes, correlation = correlation,
        used = seq_along(correlation) %in% used)
    ),
    class = "fatefield_stemness"
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

#' @export
print.fatefield_stemness <- function(x, ...) {
  cat("stemness of ", length(x$score), " cells by ", sum(x$genes$used), " genes; they have ",
    min(x$n.genes), " to ", max(x$n.genes), " genes\n", sep = "")
  cat("agreement with the number of genes (Spearman): ",
    format(stats::cor(x$score, x$n.genes, method = "spearman"), digits = 3L), "\n", sep = "")
  invisible(x)
}
