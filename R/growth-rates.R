# Growth rates of cells from the genes of division and death. Takes expression (cells x genes, or an
# object), gives one rate per cell and unit of time.

#' Growth rates from genes of birth and death
#'
#' Scores each cell by the mean z-score of genes of division and of genes of death, smooths both
#' scores over neighbours, and turns them into rates of birth and death by a logistic curve.
#' Their difference is the growth rate, for the argument `growth` of [FitSDE()].
#'
#' @section Basic use:
#' ```
#' cells <- GrowthRates(cells, birth = birth.genes, death = death.genes)
#' cells <- FitSDE(cells, time = "day", growth = "growth")
#' ```
#'
#' @details
#' The smoothed score is `(1 - beta) * mean over the `n.neighbors` nearest cells + beta * own score`, repeated
#' `n.iter` times, each time from the scores of the time before.
#' The rate is `L0 + L / (1 + exp(-slope * score))` with `slope = log(0.001) / min(score)`, so that
#' the lowest score has a rate near `L0` and a score of 0 has `L0 + L / 2`.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix of log-normalised expression
#'   (cells x genes).
#' @param birth,death Names of genes of division and of death; genes the object lacks are passed
#'   over with a message.
#' @param assay Name of the assay of a Seurat object, or of an alternative experiment; `NULL` takes the default one.
#' @param layer Layer or assay of log-normalised expression: `NULL` takes `"data"` of a Seurat object, `"logcounts"`
#'   of a SingleCellExperiment.
#' @param reduction Reduction in which neighbours are sought; a matrix (cells x dims) where
#'   `object` is a matrix.
#'   `NULL` takes the PCA.
#' @param n.neighbors Cells to smooth over; default 20.
#' @param beta Weight of a cell's own score; default 0.1.
#' @param n.iter Rounds of smoothing; default 5.
#' @param L0,L Lowest rate and range of the rates, per unit of time; defaults 0.3 and 1.1.
#' @param store.as Name of the new column in an object; `NULL` means `"growth"`, or `"fatefield_growth"` where the
#'   object has such a column of your own, which is never overwritten.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#' @param ... Not used.
#' @return The object with a column of rates, or for a matrix the rates, one per cell.
#' @section Errors:
#' `fatefield_error_input` where none of the genes is there, or the arguments are out of range.
#' @references Yeo et al. (2021) Generative modeling of single-cell time series with PRESCIENT
#'   enables prediction of cell trajectories with interventions. Nature Communications 12.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' genes <- rownames(cells)
#' cells <- GrowthRates(cells, birth = genes[1:5], death = genes[6:10])
#' summary(cells$growth)
#' @export
GrowthRates <- function(object, ...) UseMethod("GrowthRates")

#' @rdname GrowthRates
#' @export
GrowthRates.default <- function(object, birth = NULL, death = NULL, reduction, n.neighbors = 20L, beta = 0.1,
                                n.iter = 5L, L0 = 0.3, L = 1.1, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(GrowthRates.default)), ...)
  if (missing(reduction)) stop_input("reduction", "`reduction` is needed: a matrix (cells x dims).")
  x <- check_matrix(object, "object")
  space <- check_matrix(reduction, "reduction")
  space <- match_cells(space, rownames(x), "reduction", nrow(x))
  n.neighbors <- check_count(n.neighbors, "n.neighbors")
  beta <- check_number(beta, "beta", min = 0, max = 1)
  n.iter <- check_count(n.iter, "n.iter", min = 0L)
  if (n.neighbors >= nrow(x)) {
    stop_input("n.neighbors", "`n.neighbors` is ", n.neighbors, "; fewer than the ", nrow(x), " cells is needed.")
  }
  neighbours <- knn_self(space, n.neighbors, knn_defaults(), thread_count())$index
  rate <- function(genes, argument) {
    score <- rowMeans(z_scores(x[, present_genes(genes, colnames(x), argument), drop = FALSE]))
    logistic_rate(smooth_scores(score, neighbours, beta, n.iter), L0, L)
  }
  stats::setNames(rate(birth, "birth") - rate(death, "death"), rownames(x))
}

z_scores <- function(x) {
  centred <- sweep(x, 2L, colMeans(x))
  sd <- sqrt(colMeans(centred^2))
  sweep(centred, 2L, ifelse(sd > 0, sd, 1), `/`)
}

present_genes <- function(genes, present, argument) {
  if (!(is.character(genes) || is.factor(genes)) || length(clean_genes(genes)) == 0L) {
    stop_input(argument, "`", argument, "` must be names of genes, not ", described(genes), ".")
  }
  genes <- clean_genes(genes)
  found <- intersect(genes, present)
  if (length(found) == 0L) {
    stop_input(argument, "`", argument, "`: none of the ", length(genes), " genes is in the object",
      ", the first is ", quoted(genes[[1L]]), ".", near(genes[[1L]], present))
  }
  if (length(found) < length(unique(genes))) {
    message(length(unique(genes)) - length(found), " of the genes of `", argument,
      "` are not in the object and are passed over.")
  }
  found
}

smooth_scores <- function(score, neighbours, beta, n.iter) {
  for (i in seq_len(n.iter)) {
    around <- rowMeans(matrix(score[neighbours], nrow(neighbours)))
    score <- (1 - beta) * around + beta * score
  }
  score
}

# A score that is nowhere below zero has no lowest rate to anchor the curve; all cells then get the
# middle.
logistic_rate <- function(score, L0, L) {
  lowest <- min(score)
  slope <- if (lowest < 0) log(0.001) / lowest else 0
  L0 + L / (1 + exp(-slope * score))
}

#' @rdname GrowthRates
#' @export
GrowthRates.Seurat <- function(object, birth = NULL, death = NULL, assay = NULL, layer = NULL, reduction = NULL,
                               n.neighbors = 20L, beta = 0.1, n.iter = 5L, L0 = 0.3, L = 1.1, threads = NULL,
                               store.as = NULL, ...) {
  check_no_dots(names(formals(GrowthRates.Seurat)), ...)
  store.as <- store_name(object, store.as, "growth")
  values <- feature_values(object, assay, layer)
  wanted <- intersect(clean_genes(c(as.character(birth), as.character(death))), rownames(values))
  if (length(wanted) == 0L) present_genes(birth, rownames(values), "birth")
  rates <- call_worker(
    GrowthRates.default, object = t(as.matrix(values[wanted, , drop = FALSE])),
    reduction = embedding(object, reduction), ...
  )
  object <- store_cells(object, stats::setNames(data.frame(rates, row.names = colnames(values)), store.as))
  log_call(object, "GrowthRates")
}

#' @rdname GrowthRates
#' @export
GrowthRates.SingleCellExperiment <- GrowthRates.Seurat
