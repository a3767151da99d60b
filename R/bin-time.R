# Times for cells of one snapshot: a score that orders them is cut into bins, which FitSDE() takes as times. Takes
# a vector or an object with a column; gives whole numbers from 0 on.

#' Cut pseudotime into times
#'
#' Cells measured at one time are of many ages.
#' A score that orders them, such as a pseudotime or [StemnessScore()], is cut into `n.bins` bins, and bins are
#' taken for times by [FitSDE()].
#'
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
#' @param name Name of the new column.
#' @param ... Passed to methods.
#'
#' @return For a vector a list of class `fatefield_bins`: `time`, one number per cell, and `bins`, data.frame of
#'   `bin`, `time`, `from`, `to` (edges of the score: least and largest of the bin for `"count"`), `n`.
#'   For an object the object with the column `name`; the table of bins is among its tools.
#' @section Errors:
#' `fatefield_error_input` names the argument: scores that are `NA`, infinite or all the same, more bins than
#' cells, bins with fewer than `min.size` cells, which are named.
#' @seealso [StemnessScore()], [EmbedVelocity()], [FitSDE()]
#' @examples
#' BinTime(c(0.1, 0.5, 0.2, 0.9, 0.7, 0.3), n.bins = 3, min.size = 1)
#'
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- BinTime(cells, time = "pseudotime", n.bins = 4)
#' table(cells$time_bin)
#' cells <- FitSDE(cells, time = "time_bin", reduction = "latent", updates = 20, verbose = FALSE)
#' @export
BinTime <- function(object, ...) UseMethod("BinTime")

#' @rdname BinTime
#' @export
BinTime.default <- function(object, n.bins = 10L, method = c("count", "width"), min.size = 5L, reverse = FALSE,
                            scale = c("index", "mean"), ...) {
  check_no_dots(names(formals(BinTime.default)), ...)
  if (is.null(object) || !is.atomic(object) || !is.null(dim(object))) {
    stop_input("object", "`object` must be a vector of one number per cell, a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  bin_scores(object, "object", n.bins, method, min.size, reverse, scale)
}

#' @rdname BinTime
#' @export
BinTime.Seurat <- function(object, time, n.bins = 10L, method = c("count", "width"), min.size = 5L,
                           reverse = FALSE, scale = c("index", "mean"), name = "time_bin", ...) {
  check_no_dots(names(formals(BinTime.Seurat)), ...)
  if (missing(time)) stop_input("time", "`time` is needed: the column that orders the cells.")
  name <- check_string(name, "name")
  score <- cell_column(object, time, "time")
  found <- bin_scores(score, "time", n.bins, method, min.size, reverse, scale)
  column <- stats::setNames(data.frame(found$time, row.names = cell_names(object)), name)
  put_tool(store_cells(object, column), "bins", name, found$bins)
}

#' @rdname BinTime
#' @method BinTime SingleCellExperiment
#' @export
BinTime.SingleCellExperiment <- BinTime.Seurat

bin_scores <- function(score, argument, n.bins, method, min.size, reverse, scale) {
  n.bins <- check_count(n.bins, "n.bins", min = 2L)
  min.size <- check_count(min.size, "min.size")
  method <- check_choice(method, c("count", "width"), "method")
  scale <- check_choice(scale, c("index", "mean"), "scale")
  # A score of each cell is no time that cells share.
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
  structure(list(time = as.numeric(bins$time[bin + 1L]), bins = bins), class = "fatefield_bins")
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

#' @export
print.fatefield_bins <- function(x, ...) {
  cat(length(x$time), " cells in ", nrow(x$bins), " bins\n", sep = "")
  print(x$bins, row.names = FALSE, digits = 4L)
  invisible(x)
}
