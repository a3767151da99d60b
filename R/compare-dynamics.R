# Do drift, diffusion and the like differ between groups of cells, and with the number of fates of clones? Takes
# quantities of cells, groups and clones; gives effects with intervals, tests, and what is left of them beside controls.

#' Compare dynamics between groups of cells
#'
#' Compares drift, diffusion, potential or criticality between groups of cells (`group.by`), and between cells whose clones
#' have few or many fates (`clone` and `labels`, or `n.fates`).
#'
#' @details
#' Cells of a clone are not independent.
#' Intervals come from a bootstrap over blocks (clones); the tests of Kruskal and Wallis and of Dunn take one value for
#' each block in each group, the mean of its cells.
#' Without `block` or `clone` cells are the blocks.
#'
#' Three things can make drift or diffusion rise with the number of fates without any biology, so each comparison is
#' given beside controls:
#' \itemize{
#'   \item Training ties drift and diffusion to each other: what is left of one given the other.
#'   \item A model knows least where cells are few: given the density of the cells.
#'   \item Early cells have more fates before them: given time.
#'     Large clones are seen in more fates: given the logarithm of the number of labelled cells of the clone.
#' }
#' Quantities are taken at the cells themselves, never as the largest along a path, which grows with the spread of the
#' paths.
#' The level of the diffusion of one model is not that of another; cells of one model are compared.
#'
#' `effect` is the mean of a group less that of all other cells, over the standard deviation of all cells; `adjusted` is
#' the same of the residuals after least squares on all controls, fitted anew in each bootstrap sample.
#' `trend` holds rank correlations with the number of fates: alone, given each control, and given all.
#' Their p-values come from the standard error of the bootstrap, as in [GeneDynamics()].
#'
#' @param object A Seurat object, a SingleCellExperiment, or a data.frame or matrix of quantities (cells x quantities), or
#'   what [DriftDiffusion()] gave.
#' @param quantities Of objects: names of numeric columns; `NULL` takes those present of `"drift"`, `"diffusion"`,
#'   `"potential"`, `"criticality"` and `"lyapunov"`.
#' @param group.by A column of groups, or one label for each cell.
#' @param clone A column of clones, or one value for each cell; `NA`, `""` and negative numbers mean none.
#' @param labels A column of labels of cells, or one for each cell: the fates of a clone are the labels of its cells.
#' @param fates (strings) Labels that count as fates; `NULL` takes all.
#' @param n.fates In place of `clone` and `labels`: a column, or one number for each cell; `NA` where not known.
#' @param max.fates Numbers of fates above this are one group; default 3.
#' @param block A column, or one value for each cell, of what the bootstrap draws; `NULL` takes the clones.
#' @param time A column, or one number for each cell, to adjust for.
#' @param density Of objects: adjust for the density of cells, the negative logarithm of the mean distance to the 30
#'   nearest in `reduction`; default `TRUE`.
#'   Of matrices: one number for each cell, or `NULL`.
#' @param reduction Where density is measured; `NULL` takes the PCA.
#' @param adjust More columns to adjust for, or a matrix (cells x covariates).
#' @param n.boot Bootstrap samples; default 500.
#' @param conf.level Of the intervals; default 0.95.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#' @param ... Of objects: passed to the matrix method.
#'
#' @return A list of class `fatefield_comparison` of data.frames:
#'   \item{groups}{One row per quantity, grouping and group: `cells`, `blocks`, `mean`, `median`, `mean_low`, `mean_high`,
#'     `effect` and `adjusted` with their `_low` and `_high`.}
#'   \item{tests}{One row per quantity and grouping: the statistic of Kruskal and Wallis, `df`, `p`, `fdr` (Benjamini and
#'     Hochberg over the rows) and `epsilon2`, the share of the variance of ranks between groups.}
#'   \item{pairs}{Dunn's tests: `z`, `p` and `fdr`, over the pairs of one quantity and grouping.}
#'   \item{trend}{With fates: `quantity`, `given`, `correlation`, `low`, `high`, `p`.}
#'   \item{controls}{Names of the controls.}
#' @section Errors:
#' `fatefield_error_input` names the argument: there is nothing to compare by, one group only, fewer than 3 blocks, no
#' such column.
#' @references
#' Dunn (1964) Multiple comparisons using rank sums. Technometrics 6.
#'
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#' @seealso [PlotCompareDynamics()], [DriftDiffusion()], [GeneDynamics()]
#' @examples
#' set <- data.frame(drift = c(1:30, 11:40), diffusion = rep(1:20, 3) / 10)
#' CompareDynamics(set, group.by = rep(c("early", "late"), each = 30), n.boot = 100)
#' @export
CompareDynamics <- function(object, ...) UseMethod("CompareDynamics")

#' @rdname CompareDynamics
#' @export
CompareDynamics.default <- function(object, group.by = NULL, clone = NULL, labels = NULL, fates = NULL, n.fates = NULL,
                                    max.fates = 3L, block = NULL, time = NULL, density = NULL, adjust = NULL,
                                    n.boot = 500L, conf.level = 0.95, seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(CompareDynamics.default)), ...)
  cells <- comparison_cells(object)
  values <- quantity_columns(object, cells)
  like <- matrix(0, length(cells), 1L, dimnames = list(cells, NULL))
  column <- function(x, argument) if (!is.null(x)) cell_column(like, x, argument)
  clones <- clone_names(column(clone, "clone"))
  sizes <- NULL
  if (is.null(n.fates) && !is.null(clones) && !is.null(labels)) {
    found <- clone_fates(clones, column(labels, "labels"), fates)
    n.fates <- found$number
    sizes <- log(found$labelled)
  } else if (!is.null(n.fates)) {
    n.fates <- numeric_column(like, n.fates, "n.fates")
  }
  if (is.null(group.by) && is.null(n.fates)) {
    stop_input("group.by", "There is nothing to compare by: give `group.by`, `clone` with `labels`, or `n.fates`.")
  }
  groupings <- c(
    if (!is.null(group.by)) list(group = check_labels(column(group.by, "group.by"), "group.by", distinct = 2L)),
    if (!is.null(n.fates)) list(fates = fate_groups(n.fates, check_count(max.fates, "max.fates", 2L)))
  )
  controls <- cbind(
    if (!is.null(density)) cbind(density = numeric_column(like, density, "density")),
    if (!is.null(time)) cbind(time = read_times(cell_column(like, time, "time"), "time")$time),
    if (!is.null(adjust)) adjust_columns(like, adjust)
  )
  blocks <- if (is.null(block)) clones else column(block, "block")
  compare_groups(
    values, groupings, controls, sizes, n.fates, if (!is.null(blocks)) block_codes(like, blocks),
    check_count(n.boot, "n.boot", 2L), check_level(conf.level), seed_from(seed.use)
  )
}

#' @rdname CompareDynamics
#' @export
CompareDynamics.Seurat <- function(object, quantities = NULL, group.by = NULL, clone = NULL, labels = NULL,
                                   n.fates = NULL, block = NULL, time = NULL, density = TRUE, reduction = NULL,
                                   adjust = NULL, ...) {
  values <- object_quantities(object, quantities)
  column <- function(x, argument) if (!is.null(x)) cell_column(object, x, argument)
  near <- if (is.logical(density) && length(density) == 1L) {
    if (check_flag(density, "density")) cell_density(embedding(object, reduction))
  } else {
    column(density, "density")
  }
  CompareDynamics.default(
    values, group.by = column(group.by, "group.by"), clone = column(clone, "clone"), labels = column(labels, "labels"),
    n.fates = column(n.fates, "n.fates"), block = column(block, "block"), time = column(time, "time"), density = near,
    adjust = if (!is.null(adjust)) adjust_columns(object, adjust), ...
  )
}

#' @rdname CompareDynamics
#' @method CompareDynamics SingleCellExperiment
#' @export
CompareDynamics.SingleCellExperiment <- CompareDynamics.Seurat

comparison_cells <- function(object) {
  names <- if (inherits(object, "fatefield_drift")) {
    rownames(object$vectors)
  } else if (inherits(object, "fatefield_criticality")) {
    names(object$criticality)
  } else if (is_plain_matrix(object)) {
    cell_names(object)
  } else {
    stop_input("object", "`object` must be a table of quantities (cells x quantities), a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  as.character(names)
}

# Negative logarithm of the mean distance to the nearest cells.
cell_density <- function(x, k = 30L) {
  k <- min(k, nrow(x) - 1L)
  -log(pmax(rowMeans(knn_self(x, k, knn_defaults(), thread_count())$distance), .Machine$double.xmin))
}

# Clones as text, NA for none.
clone_names <- function(clone) {
  if (is.null(clone)) {
    return(NULL)
  }
  none <- is.na(clone) | (is.numeric(clone) & suppressWarnings(as.numeric(as.character(clone)) < 0)) | as.character(clone) == ""
  out <- as.character(clone)
  out[none] <- NA
  if (all(none)) stop_input("clone", "`clone`: no cell has a clone.")
  out
}

# list(number of different fates, labelled cells) of the clone of each cell; NA where there are none.
clone_fates <- function(clones, labels, fates) {
  labels <- check_labels(labels, "labels", length(clones))
  if (!is.null(fates)) labels[!labels %in% check_among(fates, levels(labels), "fates")] <- NA
  counts <- table(clones, droplevels(labels))
  number <- rowSums(counts > 0)
  number[number == 0] <- NA
  at <- match(clones, rownames(counts))
  list(number = as.numeric(number)[at], labelled = unname(ifelse(is.na(number[at]), NA, rowSums(counts)[at])))
}

# Numbers of fates as groups "1", "2", "3+".
fate_groups <- function(n.fates, most) {
  highest <- max(n.fates, 0, na.rm = TRUE)
  text <- ifelse(n.fates >= most & highest > most, paste0(most, "+"), as.character(pmin(n.fates, most)))
  levels <- unique(text[order(n.fates)])
  check_labels(factor(text, levels[!is.na(levels)]), "n.fates", distinct = 2L)
}
