# Do drift, diffusion and the like differ between groups of cells, and with the number of fates of clones? Takes
# quantities of cells, groups and clones; gives effects with intervals, tests, and what is left of them beside controls.

#' Compare dynamics between groups of cells
#'
#' Compares drift, diffusion, potential or criticality between groups of cells (`group.by`), and between cells whose
#' clones have few or many fates (`clone` and `labels`, or `n.fates`).
#'
#' @section Basic use:
#' ```
#' cells <- DriftDiffusion(cells)
#' compared <- CompareDynamics(cells, group.by = "cluster", clone = "barcode", time = "day")
#' compared
#' plot(compared)
#' ```
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
#' How sure one model is of them no number of cells can tell: where the quantities are known to be of a model with one
#' member, `p` and `q` are `NA`, and `p_cells` holds the p-values over cells (or blocks), of this one model, as do
#' the intervals.
#' Fit `n.models = 3` or more.
#'
#' `effect` is the mean of a group less that of all other cells, over the standard deviation of all cells; `adjusted` is
#' the same of the residuals after least squares on all controls, fitted anew in each bootstrap sample.
#' `trend` holds rank correlations with the number of fates: alone, given each control, and given all.
#' Their p-values come from the standard error of the bootstrap, as in [GeneDynamics()].
#'
#' @param object A Seurat object, a SingleCellExperiment, or a data.frame or matrix of quantities (cells x
#'   quantities), or what [DriftDiffusion()] or [CellCriticality()] gave.
#' @param quantities (strings) Of objects: names of numeric columns; `NULL` takes those present of `"drift"`,
#'   `"diffusion"`, `"potential"`, `"criticality"` and `"lyapunov"`.
#'   Of tables: those of their columns; `NULL` takes all.
#' @param group.by A column of groups, or one label for each cell.
#' @param clone A column of clones, or one value for each cell; `NA`, `""` and negative numbers mean none.
#' @param labels A column of labels of cells, or one for each cell: the fates of a clone are the labels of its cells.
#'   `NULL` takes those of [DefineFates()], as it does for `fates` and `exclude`; `FALSE` does not count fates.
#' @param fates,exclude (strings) Labels that count as fates, and those that do not; `NULL` takes all.
#' @param n.fates In place of `clone` and `labels`: a column, or one number for each cell; `NA` where not known.
#' @param max.fates Numbers of fates above this are one group; default 3.
#' @param block A column, or one value for each cell, of what the bootstrap draws; `NULL` takes the clones.
#' @param time A column, or one number for each cell, to adjust for.
#' @param density Of objects: adjust for the density of cells, the negative logarithm of the mean distance to the
#'   `n.neighbors` nearest in `reduction`?
#'   Of both: one number for each cell, or a column.
#'   `NULL` means `TRUE` for objects and `FALSE` for tables.
#' @param reduction Where density is measured; `NULL` takes the PCA.
#' @param n.neighbors Nearest cells of the density; default 30.
#' @param adjust More columns to adjust for, or a matrix (cells x covariates).
#' @param n.boot Bootstrap samples; default 500.
#' @param conf.level Of the intervals; default 0.95.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_comparison`, see [results].
#'   Its table has one row per quantity, grouping and group: `cells`, `blocks`, `mean`, `median`, `mean_low`,
#'   `mean_high`, `effect` and `adjusted` with their `_low` and `_high`.
#'   `[` keeps some of the groups.
#'   Further elements:
#'   \item{tests}{One row per quantity and grouping: the statistic of Kruskal and Wallis, `df`, `p`, `q` (Benjamini and
#'     Hochberg over the rows), `epsilon2`, the share of the variance of ranks between groups, and `p_cells`.
#'     `summary()` gives it, too.}
#'   \item{pairs}{Dunn's tests: `z`, `p` and `q`, over the pairs of one quantity and grouping.}
#'   \item{trend}{With fates: `quantity`, `given`, `correlation` with its `_low` and `_high`, `p`.}
#'   \item{controls}{Names of the controls.}
#'   \item{members}{Members of the model that the quantities are of, where that is known.}
#' @section Errors:
#' `fatefield_error_input` names the argument: there is nothing to compare by, one group only, fewer than 3 blocks, no
#' such column.
#' `fatefield_error_stale`: a quantity was made by this package from something that has changed since.
#' @references
#' Dunn (1964) Multiple comparisons using rank sums. Technometrics 6.
#'
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#' @seealso [DriftDiffusion()], [GeneDynamics()]
#' @examples
#' set <- data.frame(drift = c(1:30, 11:40), diffusion = rep(1:20, 3) / 10)
#' compared <- CompareDynamics(set, group.by = rep(c("early", "late"), each = 30), n.boot = 100)
#' compared
#' plot(compared)
#' @export
CompareDynamics <- function(object, ...) UseMethod("CompareDynamics")

#' @rdname CompareDynamics
#' @export
CompareDynamics.default <- function(object, quantities = NULL, group.by = NULL, clone = NULL, labels = NULL,
                                    fates = NULL, exclude = NULL, n.fates = NULL, max.fates = 3L, block = NULL,
                                    time = NULL, density = NULL, reduction = NULL, n.neighbors = 30L, adjust = NULL,
                                    n.boot = 500L, conf.level = 0.95, seed.use = 42L, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(CompareDynamics.default)), ...)
  table <- compared_table(object, quantities)
  values <- table$values
  like <- table$like
  check_derived(like, group.by, clone, labels, n.fates, block, time, density, adjust)
  column <- function(x, argument) if (!is.null(x)) cell_column(like, x, argument)
  clones <- clone_names(column(clone, "clone"))
  known <- if (is.null(n.fates) && !is.null(clones)) clone_labels(like, labels, fates, exclude)
  sizes <- NULL
  if (!is.null(known)) {
    found <- clone_fates(clones, known$labels, known$fates)
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
  near <- compared_density(like, density, reduction, check_count(n.neighbors, "n.neighbors"))
  controls <- cbind(
    if (!is.null(near)) cbind(density = near),
    if (!is.null(time)) cbind(time = read_times(cell_column(like, time, "time"), "time")$time),
    if (!is.null(adjust)) adjust_columns(like, adjust)
  )
  blocks <- if (is.null(block)) clones else column(block, "block")
  compare_groups(
    values, groupings, controls, sizes, n.fates, if (!is.null(blocks)) block_codes(like, blocks),
    check_count(n.boot, "n.boot", 2L), check_level(conf.level), seed_from(seed.use),
    members_behind(object, colnames(values))
  )
}

# Members of the models that quantities are of: the least, or NULL where none is known.
members_behind <- function(object, quantities) {
  if (inherits(object, "fatefield_result")) {
    return(object$n.models)
  }
  if (is_plain_matrix(object)) {
    return(NULL)
  }
  n <- unlist(lapply(quantities, function(q) {
    owner <- column_owner(object, q)
    if (!is.null(owner)) tool(object, "results", owner$kind)[[owner$name]]$result$n.models
  }))
  if (length(n) > 0L) as.integer(min(n))
}

#' @rdname CompareDynamics
#' @export
CompareDynamics.Seurat <- function(object, quantities = NULL, group.by = NULL, clone = NULL, labels = NULL,
                                   fates = NULL, exclude = NULL, n.fates = NULL, max.fates = 3L, block = NULL,
                                   time = NULL, density = NULL, reduction = NULL, n.neighbors = 30L, adjust = NULL,
                                   n.boot = 500L, conf.level = 0.95, seed.use = 42L, threads = NULL, ...) {
  call_worker(CompareDynamics.default, ...)
}

#' @rdname CompareDynamics
#' @export
CompareDynamics.SingleCellExperiment <- CompareDynamics.Seurat

# list(values = cells x quantities, like = what columns of the cells are looked up in).
compared_table <- function(object, quantities) {
  if (is_seurat(object) || is_sce(object)) {
    values <- quantity_columns(object_quantities(object, quantities), cell_names(object))
    return(list(values = values, like = object))
  }
  cells <- comparison_cells(object)
  values <- quantity_columns(object, cells)
  if (!is.null(quantities)) values <- values[, check_rows_of(quantities, colnames(values), "quantities"), drop = FALSE]
  list(values = values, like = matrix(0, length(cells), 1L, dimnames = list(cells, NULL)))
}

# list(labels, fates) of the cells, or NULL where fates are not counted.
clone_labels <- function(like, labels, fates, exclude) {
  if (isFALSE(labels) || (is.null(labels) && is.null(stored_definition(like)))) {
    return(NULL)
  }
  definition <- fate_definition(like, labels, fates, exclude)
  present <- levels(definition$labels)
  counted <- if (is.null(definition$fates)) present else check_among(definition$fates, present, "fates")
  if (!is.null(definition$exclude)) counted <- setdiff(counted, check_among(definition$exclude, present, "exclude"))
  list(labels = definition$labels, fates = counted)
}

compared_density <- function(like, density, reduction, n.neighbors) {
  if (is.null(density)) density <- !is_plain_matrix(like)
  if (isFALSE(density)) {
    return(NULL)
  }
  if (!isTRUE(density)) {
    return(numeric_column(like, density, "density"))
  }
  if (is_plain_matrix(like)) {
    stop_input("density", "`density` of a table must be one number for each cell; only objects have a space.")
  }
  cell_density(embedding(like, reduction), n.neighbors)
}

comparison_cells <- function(object) {
  if (inherits(object, "fatefield_result")) {
    return(as.character(as.data.frame(object)$cell))
  }
  if (!is_plain_matrix(object)) {
    stop_input("object", "`object` must be a table of quantities (cells x quantities), a Seurat object or a ",
      "SingleCellExperiment, not ", described(object), ".")
  }
  cell_names(object)
}

# Negative logarithm of the mean distance to the nearest cells.
cell_density <- function(x, k) {
  k <- min(k, nrow(x) - 1L)
  -log(pmax(rowMeans(knn_self(x, k, knn_defaults(), thread_count())$distance), .Machine$double.xmin))
}

# Clones as text, NA for none.
clone_names <- function(clone) {
  if (is.null(clone)) {
    return(NULL)
  }
  none <- is.na(clone) | (is.numeric(clone) & suppressWarnings(as.numeric(as.character(clone)) < 0)) |
    as.character(clone) == ""
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
