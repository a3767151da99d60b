# Times for cells of one snapshot: a score that orders them is cut into bins, which FitSDE() takes as times. Takes
# a vector or an object with a column; gives whole numbers from 0 on.

#' Cut pseudotime into times
#'
#' Cells measured at one time are of many ages.
#' A score that orders them, such as a pseudotime or [StemnessScore()], is cut into `n.bins` bins, and bins are
#' taken for times by [FitSDE()].
#'
#' @section Basic use:
#' ```
#' cells <- BinTime(cells, time = "velocity_pseudotime")
#' cells <- FitSDE(cells, time = "time_bin")
#' ```
#' @details
#' Bins of equal numbers are cut between ranks, so that their sizes differ by one at most; cells of the same score
#' are in the same bin, which may be larger for that.
#' Bins of equal width are closed below and open above, the last closed on both sides.
#' Either way every cell is in exactly one bin.
#'
#' A bin is no hour: rates of a model fitted on bins are in units of bins, and which cells come first is what the
#' score says.
#' Where cells of several fates are in a bin, the model tells them apart by where they are; where a fate has no
#' cell in a bin, it finds a way around.
#'
#' @param object A vector of one score per cell, a Seurat object, or a SingleCellExperiment.
#' @param time For an object: the column of the score, such as `"velocity_pseudotime"`, or one value for each
#'   cell.
#' @param n.bins Number of bins, default 10.
#' @param method `"count"` (default): bins of equal numbers of cells; `"width"`: of equal width.
#' @param min.size Least cells of a bin; default 5.
#' @param reverse Does the score fall with time, as [StemnessScore()] does? Default `FALSE`.
#' @param scale `"index"` (default): 0, 1, 2, ...; `"mean"`: the mean score of the cells of the bin, so that bins
#'   close to each other are close in time.
#' @param store.as Name of the new column; `NULL` means `"time_bin"`, or `"fatefield_time_bin"` where the object has
#'   such a column of your own, which is never overwritten.
#' @param ... Not used.
#'
#' @return For a vector a result of class `fatefield_bins`, see [results].
#'   Its table has a row for each bin: `bin`, `time`, `from`, `to` (edges of the score: least and largest of the bin for
#'   `"count"`) and `n`.
#'   `time` is one number per cell, and `score` what was cut.
#'   For a Seurat object or a SingleCellExperiment the object with the column of `store.as`;
#'   `GetResult(object, "bins")` gives the whole result.
#' @section Errors:
#' `fatefield_error_input` names the argument: scores that are `NA`, infinite or all the same, more bins than
#' cells, bins with fewer than `min.size` cells, which are named.
#' `fatefield_error_stale`: the score was made by this package from something that has changed since.
#' @seealso [StemnessScore()], [EmbedVelocity()], [FitSDE()]
#' @examples
#' BinTime(c(0.1, 0.5, 0.2, 0.9, 0.7, 0.3), n.bins = 3, min.size = 1)
#'
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- BinTime(cells, time = "pseudotime", n.bins = 4)
#' GetResult(cells, "bins")
#' cells <- FitSDE(cells, time = "time_bin", reduction = "latent", updates = 20, verbose = FALSE)
#' @export
BinTime <- function(object, ...) UseMethod("BinTime")

#' @rdname BinTime
#' @export
BinTime.default <- function(object, time = NULL, n.bins = 10L, method = c("count", "width"), min.size = 5L,
                            reverse = FALSE, scale = c("index", "mean"), ...) {
  check_no_dots(names(formals(BinTime.default)), ...)
  if (is_seurat(object) || is_sce(object)) {
    if (is.null(time)) stop_input("time", "`time` is needed: the column that orders the cells.")
    check_derived(object, time)
    score <- stats::setNames(cell_column(object, time, "time"), cell_names(object))
    return(bin_scores(score, "time", n.bins, method, min.size, reverse, scale))
  }
  if (is.null(object) || !is.atomic(object) || !is.null(dim(object))) {
    stop_input("object", "`object` must be a vector of one number per cell, a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  if (!is.null(time)) stop_input("time", "`time` cannot be given beside a vector of scores.")
  bin_scores(object, "object", n.bins, method, min.size, reverse, scale)
}

#' @rdname BinTime
#' @export
BinTime.Seurat <- function(object, time = NULL, n.bins = 10L, method = c("count", "width"), min.size = 5L,
                           reverse = FALSE, scale = c("index", "mean"), store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "time_bin")
  result <- call_worker(BinTime.default, ...)
  column <- stats::setNames(data.frame(unname(result$time), row.names = cell_names(object)), store.as)
  object <- store_cells(object, column)
  inputs <- if (is.character(time) && length(time) == 1L) list(column_input(object, time)) else list()
  log_call(put_result(object, "bins", store.as, result, inputs, "BinTime()"), "BinTime")
}

#' @rdname BinTime
#' @export
BinTime.SingleCellExperiment <- BinTime.Seurat

bin_scores <- function(score, argument, n.bins, method, min.size, reverse, scale) {
  n.bins <- check_count(n.bins, "n.bins", min = 2L)
  min.size <- check_count(min.size, "min.size")
  method <- check_choice(method, c("count", "width"), "method")
  scale <- check_choice(scale, c("index", "mean"), "scale")
  # A score of each cell is no time that cells share.
  given <- score
  score <- as.vector(check_times(score, argument, merge = FALSE))
  if (n.bins > length(score)) {
    stop_input("n.bins", "`n.bins` is ", n.bins, ", but there are ", length(score), " cells.")
  }
  ordered <- if (check_flag(reverse, "reverse")) -score else score
  bin <- if (method == "count") {
    as.integer(((rank(ordered, ties.method = "min") - 1) * n.bins) %/% length(ordered))
  } else {
    findInterval(ordered, equal_edges(ordered, n.bins), rightmost.closed = TRUE) - 1L
  }
  check_bin_sizes(tabulate(bin + 1L, n.bins), min.size, score, method)
  bins <- data.frame(bin = seq_len(n.bins) - 1L, time = seq_len(n.bins) - 1L, bin_edges(ordered, bin, method, n.bins),
    n = tabulate(bin + 1L, n.bins))
  if (scale == "mean") bins$time <- as.vector(tapply(ordered, bin, mean))
  if (reverse) bins[c("from", "to")] <- -bins[c("to", "from")]
  cells <- names(given)
  new_result(
    "bins", bins, list(
      time = stats::setNames(as.numeric(bins$time[bin + 1L]), cells), score = stats::setNames(score, cells)
    ), by = "bin"
  )
}

equal_edges <- function(x, n.bins) {
  edges <- min(x) + (max(x) - min(x)) * (0:n.bins) / n.bins
  # Rounding must not leave the largest out.
  edges[[n.bins + 1L]] <- max(x)
  edges
}

bin_edges <- function(x, bin, method, n.bins) {
  if (method == "width") {
    edges <- equal_edges(x, n.bins)
    return(data.frame(from = edges[-(n.bins + 1L)], to = edges[-1L]))
  }
  data.frame(from = as.vector(tapply(x, bin, min)), to = as.vector(tapply(x, bin, max)))
}

check_bin_sizes <- function(sizes, min.size, score, method) {
  small <- which(sizes < min.size)
  if (length(small) == 0L) {
    return(invisible())
  }
  empty <- sum(sizes == 0L)
  stop_input(
    "n.bins", "`n.bins`: ", length(small), " of ", length(sizes), " bins have fewer than ", min.size, " cells",
    if (empty > 0L) paste0(" (", empty, " have none)"), ", the first is bin ", small[[1L]] - 1L, " with ",
    sizes[[small[[1L]]]], ". Fewer bins",
    if (method == "width") ", or method = \"count\"," else if (anyDuplicated(score) > 0L) paste0(
      " may help: only ", length(unique(score)), " different scores are there, and cells of one score stay together;"),
    " or a lower `min.size` may help."
  )
}

headline.fatefield_bins <- function(x) {
  bins <- x$table
  c(
    paste0(counted(sum(bins$n), "cell"), " in ", counted(nrow(bins), "bin"), " of ", min(bins$n), " to ", max(bins$n)),
    paste0("times ", format(min(bins$time), digits = 3L), " to ", format(max(bins$time), digits = 3L), ", scores ",
      format(min(bins$from), digits = 3L), " to ", format(max(bins$to), digits = 3L))
  )
}

#' @rdname BinTime
#' @export
summary.fatefield_bins <- function(object, ...) object$table

subset_result.fatefield_bins <- function(x, keep) {
  x <- subset_result.default(x, keep)
  at <- x$time %in% x$table$time
  x$time <- x$time[at]
  x$score <- x$score[at]
  x
}

#' @rdname BinTime
#' @param x A result.
#' @export
plot.fatefield_bins <- function(x, ...) {
  check_no_dots("x", ...)
  data <- data.frame(score = unname(x$score), bin = factor(x$table$bin[match(x$time, x$table$time)]))
  ggplot2::ggplot(data, ggplot2::aes(.data$score, fill = .data$bin)) +
    ggplot2::geom_histogram(bins = 60L, boundary = 0) +
    ggplot2::scale_fill_viridis_d(end = 0.95) + ggplot2::labs(x = "score", y = "cells") + theme_curves()
}
