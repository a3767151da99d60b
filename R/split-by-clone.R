# Parts of the cells that share no clone, for tests on cells without a sister in training. Takes one clone for each
# cell; gives one part for each cell.

#' Split cells by clone
#'
#' Sisters resemble each other, and so do their fates: where some of a clone train and others test, a test tells how
#' well sisters are recognised.
#' So whole clones go into one part here.
#' Parts are alike in their numbers of cells and, where they are given, in the cells of each time and label.
#'
#' @section Basic use:
#' ```r
#' cells <- SplitByClone(cells, clone = "clone", time = "day")
#' for (fold in 1:5) {
#'   model <- FitSDE(cells[, !cells$fold %in% fold], time = "day")
#'   # ... and ask it about cells[, cells$fold %in% fold]
#' }
#' ```
#'
#' @details
#' Clones are dealt out one by one, the largest first, each to the part that it leaves the most even; those of one size
#' come in an order that the seed draws.
#' The parts depend on the clones alone, not on the order of the cells.
#' A clone with more cells than a part should have fills a part of its own.
#'
#' Cells without a clone have `NA`: nobody knows whose sisters they are, so they cannot test.
#' Training may have them, as in the use above, where `%in%` takes them for cells of other folds.
#'
#' @param object One clone for each cell, a vector in which `NA` and `""` mean none; a Seurat object or a
#'   SingleCellExperiment.
#' @param clone The column with the clones, or one value for each cell.
#' @param n.folds Number of parts, default 5.
#' @param share Share of the cells in a test part, in place of folds: the parts are then `"train"` and `"test"`.
#' @param time Times of the cells: a column of the object, or one value for each cell, so that each part has its share
#'   of each time.
#' @param labels Labels of the cells, in the same way; `NA` means unlabelled.
#' @param seed.use Seed of the order; `NULL` draws one from R's generator.
#' @param store.as Name of the column that is stored; `NULL` means `"fold"`, or `"fatefield_fold"` where the object has
#'   a column `fold` of your own.
#' @param ... Passed to methods.
#' @return For a vector of clones whole numbers from 1 to `n.folds`, or a factor with the levels `"train"` and `"test"`,
#'   under the names of the clones where they have any.
#'   For an object the object with them as a column.
#' @section Errors:
#'   `fatefield_error_input` names the argument: fewer clones than folds, no such column, a `share` that is not between
#'   0 and 1.
#' @seealso [CalibrateFates()], [ScoreFate()]
#' @examples
#' clone <- c("a", "a", "b", "c", NA, "d", "d", "d", "c")
#' SplitByClone(clone, n.folds = 2)
#' SplitByClone(clone, share = 0.3)
#' @export
SplitByClone <- function(object, ...) UseMethod("SplitByClone")

#' @rdname SplitByClone
#' @export
SplitByClone.default <- function(object, n.folds = 5L, share = NULL, time = NULL, labels = NULL, seed.use = 42L, ...) {
  check_no_dots(names(formals(SplitByClone.default)), ...)
  clone <- check_clones(object, "object")
  given <- Filter(Negate(is.null), list(time = time, labels = labels))
  cells <- if (is.null(names(object))) as.character(seq_along(clone)) else names(object)
  kinds <- Map(function(values, argument) as.character(cell_vector(values, cells, argument)), given, names(given))
  seed <- seed_from(seed.use)
  if (is.null(share)) {
    n.folds <- check_count(n.folds, "n.folds", min = 2L)
    if (n.folds > nlevels(clone)) {
      stop_input("n.folds", "`n.folds` is ", n.folds, ", but there are ", counted(nlevels(clone), "clone"),
        "; at least one for each fold is needed.")
    }
    return(stats::setNames(deal_clones(clone, rep(1 / n.folds, n.folds), kinds, seed), names(object)))
  }
  share <- check_number(share, "share", min = 0, max = 1)
  if (share == 0 || share == 1) stop_input("share", "`share` must be above 0 and below 1, not ", share, ".")
  if (nlevels(clone) < 2L) stop_input("object", "`object` has one clone; at least 2 are needed to part them.")
  part <- factor(c("train", "test"), c("train", "test"))[deal_clones(clone, c(1 - share, share), kinds, seed)]
  stats::setNames(part, names(object))
}

#' @rdname SplitByClone
#' @export
SplitByClone.Seurat <- function(object, clone, n.folds = 5L, share = NULL, time = NULL, labels = NULL, seed.use = 42L,
                                store.as = NULL, ...) {
  check_no_dots(names(formals(SplitByClone.Seurat)), ...)
  if (missing(clone)) stop_input("clone", "`clone` is needed: the column with the clones of the cells.")
  store.as <- store_name(object, store.as, "fold")
  column <- function(x, argument) if (!is.null(x)) cell_column(object, x, argument)
  part <- SplitByClone.default(
    check_clones(column(clone, "clone"), "clone"), n.folds, share, column(time, "time"), column(labels, "labels"),
    seed.use
  )
  data <- stats::setNames(data.frame(part, row.names = cell_names(object)), store.as)
  log_call(store_cells(object, data), "SplitByClone")
}

#' @rdname SplitByClone
#' @export
SplitByClone.SingleCellExperiment <- SplitByClone.Seurat

# Clones as a factor, NA for none.
check_clones <- function(clone, argument) {
  if (!is.atomic(clone) || is.null(clone) || !is.null(dim(clone))) {
    stop_input(argument, "`", argument, "` must be a vector of one clone for each cell, not ", described(clone), ".")
  }
  text <- as.character(clone)
  text[!is.na(text) & !nzchar(text)] <- NA
  if (all(is.na(text))) stop_input(argument, "`", argument, "`: none of the cells has a clone.")
  factor(text, levels = sort(unique(text), method = "radix"))
}

# The part of each cell, NA for those without a clone. `shares`: of the cells, one a part; `kinds`: list of vectors, one
# value a cell, each value of which is to be spread over the parts, too.
deal_clones <- function(clone, shares, kinds, seed) {
  known <- which(!is.na(clone))
  sizes <- lapply(kinds, function(kind) {
    table(factor(clone[known], levels(clone)), factor(kind[known], sort(unique(kind[known]), method = "radix")))
  })
  # Clones x quantities: cells, then those of each time and label, as shares of all there are.
  counts <- do.call(cbind, c(list(tabulate(clone[known], nlevels(clone))), lapply(sizes, unclass)))
  weights <- 1 / colSums(counts)
  turn <- order(-counts[, 1L], random_directions(nlevels(clone), diag(2), seed)[, 1L])
  goal <- outer(colSums(counts), shares)
  load <- goal * 0
  part <- integer(nlevels(clone))
  for (n in seq_along(turn)) {
    own <- counts[turn[[n]], ]
    # What the sum of squares over the parts' own goals grows by.
    cost <- colSums(weights * own * (2 * (load - goal) + own) / rep(shares, each = length(own)))
    # No part stays empty.
    empty <- load[1L, ] == 0
    if (sum(empty) > length(turn) - n) cost[!empty] <- Inf
    best <- which(cost <= min(cost) + 1e-12 * abs(min(cost)))
    to <- best[[which.min(load[1L, best] / shares[best])]]
    load[, to] <- load[, to] + own
    part[[turn[[n]]]] <- to
  }
  part[as.integer(clone)]
}
