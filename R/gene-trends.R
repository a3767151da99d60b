# Genes along simulated time, fate by fate. Takes trajectories and the cells they came from; gives weighted means
# with intervals at each time, and what was observed.

#' Follow genes along simulated time
#'
#' Simulated states are turned into expression, and each path is counted for the fate at which it ends.
#' At each time the paths of a fate are averaged; those that gained mass by growth count for more.
#'
#' @section Basic use:
#' ```
#' futures <- SimulateCells(cells, n.sim = 10)
#' trends <- GeneTrends(futures, cells, genes = c("Gata1", "Mpo"))
#' plot(trends)
#' ```
#' @section From states to genes:
#' `"linear"` undoes the reduction by its loadings, for the genes that it was made of.
#' What the kept dimensions leave out is lost: such profiles are smooth, and flat where `explained` is low.
#' `"nearest"` takes the mean over the `n.neighbors` nearest observed cells, near ones counting more: any gene, any
#' reduction.
#' `"ridge"` is a straight line through all cells, with a penalty for each gene by generalised cross-validation;
#' it goes on beyond the cells, where the nearest cannot.
#' `"states"` is for paths whose dimensions are the genes, as those of velocity fields.
#' `"auto"` takes the states where they are the genes, the loadings where they reproduce the reduction and have
#' all genes asked for, else the nearest cells.
#'
#' @section Intervals:
#' `mean_low` and `mean_high` are about the mean: its standard error is that of a bootstrap over start cells (over paths
#' where all start from one cell), or the spread between members of an ensemble over the root of their number,
#' whichever is larger.
#' `lower` and `upper` are about cells: between them lies the share `spread` of the simulated paths.
#' Neither knows how well the model or the reduction fits.
#'
#' @param object [trajectories] of [SimulateCells()] or [IntegrateCells()].
#' @param cells The object that they came from, or a matrix (cells x dims).
#' @param genes (strings) Genes, or features of any other assay.
#' @param labels Column of `cells` with the labels that ends are given, or one label for each cell.
#'   `NULL` takes those of [DefineFates()], as it does for `fates`, `exclude`, `reference`, `k`, `weights` and `cutoff`,
#'   or all paths together where there is no definition; `FALSE` takes all paths together.
#' @param fates (strings) Labels to show; `NULL` takes the fates at which at least 5 paths end.
#' @param exclude (strings) Labels that are no fates and are not shown.
#' @param reference (names, numbers or TRUE/FALSE) Reference cells, such as those of the last day; `NULL` takes
#'   all with a label.
#' @param k,weights Nearest reference cells that label the end of a path, and how they count, see [DefineFates()].
#' @param cutoff Ends further from their reference cells than this are of no fate, see [DefineFates()].
#'   Where neither the call nor the definition says it, every end is labelled.
#' @param time Column of `cells` with the time at which they were observed, in the units of the trajectories;
#'   `NULL` shows no observed cells.
#' @param method How states become genes, see below.
#' @param assay,layer Where expression is; `NULL` takes the default assay and `data` (`logcounts`).
#'   For a SingleCellExperiment an alternative experiment may be named.
#' @param expression For a matrix `cells`: matrix of expression, cells x genes.
#' @param transform Of `"states"`: `"log1p"` or `"none"`; `NULL` takes the former where `cells` is an object.
#' @param n.neighbors Nearest cells that are averaged by `"nearest"`; default 30.
#' @param span Share of the times over which a local quadratic curve is drawn through means and intervals;
#'   default 0.4, 0 leaves them as they are.
#'   Ends are as smooth as the middle.
#' @param spread Share of paths between `lower` and `upper`; default 0.8.
#' @param n.boot Bootstrap samples; default 200.
#' @param conf.level Of the intervals of means; default 0.95.
#' @param max.cells At most this many observed cells are kept for the plot, evenly spread; default 2000.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_trends`, see [results].
#'   Its table has one row per fate, gene and time: `mean` with `mean_se`, `mean_low` and `mean_high`, `lower` and
#'   `upper`, in the units of the expression.
#'   Further elements:
#'   \item{genes}{data.frame: `gene`, `method`, `explained` (share of the variance of observed cells that states
#'     explain; of cells left out for `"nearest"` and `"ridge"`).}
#'   \item{fates}{data.frame: `fate`, `paths`.}
#'   \item{observed}{`cells`, a data.frame of observed cells: `cell`, `time`, `label`, `gene`, `expression`; and `means`
#'     by time and label, of all of them.}
#'
#'   `summary()` has one row per fate and gene: `start` and `end`, the means at the first and the last time with their
#'   intervals, and `peak`, the time of the largest mean.
#' @section Errors:
#' `fatefield_error_input` names the argument: no such gene, label or column, other dimensions than those of the
#' trajectories, no loadings for `"linear"`, no fate reached.
#' `fatefield_error_stale`: the column of labels was made by this package from something that has changed since.
#' @references
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#' @seealso [SimulateCells()], [DefineFates()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' # A second assay of the same cells, with a space of its own: any reduction of any assay will do.
#' peaks <- SimulateDifferentiation(n.cells = 300, n.genes = 30, as = "list")$unspliced
#' rownames(peaks) <- paste0("peak-", seq_len(nrow(peaks)))
#' cells[["ATAC"]] <- SeuratObject::CreateAssayObject(data = log1p(peaks))
#' space <- prcomp(t(as.matrix(log1p(peaks))), rank. = 4)$x
#' colnames(space) <- paste0("LSI_", 1:4)
#' cells[["lsi"]] <- SeuratObject::CreateDimReducObject(space, key = "LSI_", assay = "ATAC")
#'
#' cells <- FitSDE(cells, time = "day", reduction = "lsi", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state", reference = cells$day == max(cells$day))
#' futures <- SimulateCells(cells, n.sim = 2, t.out = seq(0, 3, 0.25), verbose = FALSE)
#' trends <- GeneTrends(futures, cells, genes = c("peak-1", "peak-2"), assay = "ATAC", time = "day", n.boot = 20)
#' trends
#' summary(trends)
#' plot(trends)
#' # Genes of the other assay, by the cells nearby.
#' GeneTrends(futures, cells, genes = rownames(cells[["RNA"]])[1:2], labels = FALSE, assay = "RNA", n.boot = 20)
#' @export
GeneTrends <- function(object, ...) UseMethod("GeneTrends")

#' @rdname GeneTrends
#' @export
GeneTrends.default <- function(object, cells, genes, labels = NULL, fates = NULL, exclude = NULL, reference = NULL,
                               k = NULL, weights = NULL, cutoff = NULL, time = NULL,
                               method = c("auto", "linear", "nearest", "ridge", "states"), assay = NULL, layer = NULL,
                               expression = NULL, transform = NULL, n.neighbors = 30L, span = 0.4, spread = 0.8,
                               n.boot = 200L, conf.level = 0.95, max.cells = 2000L, seed.use = 42L, threads = NULL,
                               ...) {
  local_threads(threads)
  check_no_dots(names(formals(GeneTrends.default)), ...)
  check_trajectories(object)
  if (missing(cells)) stop_input("cells", "`cells` is needed: the object that the trajectories came from.")
  check_object(cells, "cells")
  if (missing(genes)) stop_input("genes", "`genes` is needed: the genes to follow.")
  options <- list(
    span = check_number(span, "span", min = 0, max = 1),
    conf.level = check_number(conf.level, "conf.level", min = 0, max = 1),
    spread = check_number(spread, "spread", min = 0, max = 1), n.boot = check_count(n.boot, "n.boot"),
    seed = seed_from(seed.use)
  )
  source <- list(assay = assay, layer = layer, expression = expression, transform = transform,
    k = check_count(n.neighbors, "n.neighbors"), method = check_choice(method, trend_methods, "method"))
  definition <- trend_definition(cells, labels, fates, exclude, reference, k, weights, cutoff)
  fate <- path_fates(object, cells, definition)
  decoded <- decoded_paths(object, cells, genes, source)
  table <- do.call(rbind, lapply(levels(fate), function(f) {
    trend_of_fate(object, decoded$values, which(fate == f), f, options)
  }))
  new_result("trends", table, list(
    genes = decoded$genes, fates = data.frame(fate = levels(fate), paths = as.vector(table(fate))),
    observed = observed_trends(cells, decoded, definition$labels, time, source, max.cells),
    conf.level = options$conf.level, spread = options$spread, cols = definition$cols
  ), by = "gene")
}

trend_methods <- c("auto", "linear", "nearest", "ridge", "states")

# The definition of fates by which ends are labelled, or NULL where all paths go together.
trend_definition <- function(cells, labels, fates, exclude, reference, k, weights, cutoff) {
  stored <- stored_definition(cells)
  if (isFALSE(labels) || (is.null(labels) && is.null(stored))) {
    return(NULL)
  }
  if (is.null(cutoff) && (!is.null(labels) && !identical(labels, stored$labels) || is.null(stored$cutoff))) cutoff <- 0
  check_derived(cells, labels, stored$labels)
  fate_definition(cells, labels, fates, exclude, reference, k, weights, cutoff = cutoff)
}

# The fate of each path as a factor, NA for those that are not shown.
path_fates <- function(object, cells, definition) {
  if (is.null(definition)) {
    return(factor(rep("all", length(object$cell))))
  }
  x <- background_cells(object, cells, "cells")
  references <- label_references(x, definition$labels, definition$reference, definition$options)
  fates <- definition$fates
  if (!is.null(fates)) check_among(fates, references$labels, "fates")
  if (!is.null(definition$exclude)) check_among(definition$exclude, references$known, "exclude")
  found <- classify_states(states_at(object), references, 0)$label
  reached <- table(found)
  shown <- if (is.null(fates)) names(reached)[reached >= 5L] else fates[reached[fates] > 0L]
  shown <- setdiff(shown, definition$exclude)
  if (length(shown) == 0L) {
    stop_input("fates", "`fates`: no path ends there; ends are ", quoted(names(reached)[reached > 0L]), ".")
  }
  factor(as.character(found), levels = shown)
}

# One fate's rows. `values`: array (path x gene x time).
trend_of_fate <- function(object, values, paths, fate, options) {
  times <- object$times
  log.w <- object$log_weights[paths, , drop = FALSE]
  w <- exp(sweep(log.w, 2L, apply(log.w, 2L, max)))
  unit <- object$cell[paths]
  if (length(unique(unit)) < 2L) unit <- seq_along(paths)
  unit <- match(unit, unique(unit))
  draws <- bootstrap_draws(max(unit), options$n.boot, options$seed)
  member <- object$member[paths]
  rows <- lapply(dimnames(values)[[2L]], function(gene) {
    y <- matrix(values[paths, gene, ], length(paths))
    # Paths that could not be integrated to the end.
    v <- ifelse(is.finite(y), w, 0)
    y[v == 0] <- 0
    band <- weighted_bands(y, v, (1 - options$spread) / 2)
    row <- data.frame(mean = colSums(v * y) / colSums(v), se = mean_error(y, v, unit, member, draws), band)
    row <- smooth_rows(row, times, options$span)
    row$se <- pmax(row$se, 0)
    half <- stats::qnorm((1 + options$conf.level) / 2) * row$se
    data.frame(fate = fate, gene = gene, time = times, mean = row$mean, mean_se = row$se,
      mean_low = row$mean - half, mean_high = row$mean + half, lower = row$lower, upper = row$upper)
  })
  do.call(rbind, rows)
}

# Standard error of the weighted mean of each column.
mean_error <- function(y, w, unit, member, draws) {
  sampled <- crossprod(draws, rowsum(w * y, unit)) / crossprod(draws, rowsum(w, unit))
  boot <- apply(sampled, 2L, stats::sd, na.rm = TRUE)
  if (length(unique(member)) < 2L) {
    return(boot)
  }
  by.member <- rowsum(w * y, member) / rowsum(w, member)
  pmax(boot, apply(by.member, 2L, stats::sd, na.rm = TRUE) / sqrt(nrow(by.member)))
}

# Weighted quantiles of each column: tail and 1 - tail.
weighted_bands <- function(y, w, tail) {
  at <- vapply(seq_len(ncol(y)), function(k) {
    order <- order(y[, k])
    upto <- cumsum(w[order, k])
    total <- upto[[length(upto)]]
    y[order[c(sum(upto < tail * total), sum(upto < (1 - tail) * total)) + 1L], k]
  }, numeric(2))
  data.frame(lower = at[1L, ], upper = at[2L, ])
}

# Columns drawn through by local quadratic curves along the times.
smooth_rows <- function(row, times, span) {
  n <- length(times)
  if (span == 0 || n < 7L) {
    return(row)
  }
  row[] <- lapply(row, function(v) {
    if (diff(range(v)) <= 1e-12 * max(abs(v))) {
      return(v)
    }
    fit <- stats::loess(v ~ times, span = max(span, 6 / n), degree = 2L, surface = "direct")
    unname(stats::fitted(fit))
  })
  row
}

# Observed cells of the fates and of none: list(cells, means). `labels`: one a cell, or NULL.
observed_trends <- function(cells, decoded, labels, time, source, max.cells) {
  if (is.null(time)) {
    return(NULL)
  }
  genes <- decoded$genes$gene
  y <- observed_expression(cells, genes, source)
  time <- check_times(cell_column(cells, time, "time"), "time", nrow(y), distinct = 1L)
  label <- if (is.null(labels)) rep("all", nrow(y)) else as.character(labels)
  long <- function(rows) {
    data.frame(cell = rep(rownames_or_numbers(y)[rows], length(genes)), time = rep(time[rows], length(genes)),
      label = rep(label[rows], length(genes)), gene = rep(genes, each = length(rows)),
      expression = as.vector(y[rows, ]))
  }
  all <- long(seq_len(nrow(y)))
  all$label[is.na(all$label)] <- "unlabelled"
  groups <- split(all$expression, all[c("time", "label", "gene")], drop = TRUE, sep = "\r")
  key <- do.call(rbind, strsplit(names(groups), "\r", fixed = TRUE))
  n <- lengths(groups)
  means <- data.frame(time = as.numeric(key[, 1L]), label = key[, 2L], gene = key[, 3L], n = unname(n),
    mean = vapply(groups, mean, 0), mean_se = vapply(groups, stats::sd, 0) / sqrt(n), row.names = NULL)
  list(cells = long(thinned(nrow(y), max.cells)), means = means[order(means$gene, means$label, means$time), ])
}
