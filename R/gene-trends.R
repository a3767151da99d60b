# Genes along simulated time, fate by fate. Takes trajectories and the cells they came from; gives weighted means
# with intervals at each time, and what was observed.

#' Follow genes along simulated time
#'
#' Simulated states are turned into expression, and each path is counted for the fate at which it ends.
#' At each time the paths of a fate are averaged; those that gained mass by growth count for more.
#'
#' @section From states to genes:
#' `"linear"` undoes the reduction by its loadings, for the genes that it was made of.
#' What the kept dimensions leave out is lost: such profiles are smooth, and flat where `explained` is low.
#' `"nearest"` takes the mean over the `k` nearest observed cells, near ones counting more: any gene, any
#' reduction.
#' `"ridge"` is a straight line through all cells, with a penalty for each gene by generalised cross-validation;
#' it goes on beyond the cells, where the nearest cannot.
#' `"states"` is for paths whose dimensions are the genes, as those of velocity fields.
#' `"auto"` takes the states where they are the genes, the loadings where they reproduce the reduction and have
#' all genes asked for, else the nearest cells.
#'
#' @section Intervals:
#' `low` and `high` are about the mean: its standard error is that of a bootstrap over start cells (over paths
#' where all start from one cell), or the spread between members of an ensemble over the root of their number,
#' whichever is larger.
#' `lower` and `upper` are about cells: between them lies the share `spread` of the simulated paths.
#' Neither knows how well the model or the reduction fits.
#'
#' @param object [trajectories] of [SimulateCells()] or [IntegrateCells()].
#' @param cells The object that they came from, or a matrix (cells x dims).
#' @param genes (strings) Genes, or features of any other assay.
#' @param labels Column of `cells` with the labels that ends are given by the vote of the `k.vote` nearest cells,
#'   or one label per cell; `NULL` takes all paths together.
#' @param fates (strings) Labels to show; `NULL` takes all at which at least 5 paths end.
#' @param reference (names, numbers or TRUE/FALSE) Cells that vote, such as those of the last day; `NULL` takes
#'   all with a label.
#' @param time Column of `cells` with the time at which they were observed, in the units of the trajectories;
#'   `NULL` shows no observed cells.
#' @param method How states become genes, see below.
#' @param assay,layer Where expression is; `NULL` takes the default assay and `data` (`logcounts`).
#'   For a SingleCellExperiment an alternative experiment may be named.
#' @param expression For a matrix `cells`: matrix of expression, cells x genes.
#' @param transform Of `"states"`: `"log1p"` or `"none"`; `NULL` takes the former where `cells` is an object.
#' @param smooth Share of the times over which a local quadratic curve is drawn through means and intervals;
#'   default 0.4, 0 leaves them as they are.
#'   Ends are as smooth as the middle.
#' @param conf.level Of `low` and `high`; default 0.95.
#' @param spread Share of paths between `lower` and `upper`; default 0.8.
#' @param k Nearest cells that are averaged; default 30.
#' @param k.vote Nearest cells that vote; default 20.
#' @param n.boot Bootstrap samples; default 200.
#' @param max.cells At most this many observed cells are kept for the plot, evenly spread; default 2000.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#'
#' @return A list of class `fatefield_trends`:
#'   \item{trends}{data.frame, one row per fate, gene and time: `mean`, `se`, `low`, `high`, `lower`, `upper`, in
#'     the units of the expression.}
#'   \item{genes}{data.frame: `gene`, `method`, `explained` (share of the variance of observed cells that states
#'     explain; of cells left out for `"nearest"` and `"ridge"`).}
#'   \item{fates}{data.frame: `fate`, `paths`.}
#'   \item{observed}{data.frame of observed cells: `cell`, `time`, `label`, `gene`, `expression`; and `means` by
#'     time and label, of all of them.}
#' @section Errors:
#' `fatefield_error_input` names the argument: no such gene, label or column, other dimensions than those of the
#' trajectories, no loadings for `"linear"`, no fate reached.
#' @references
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#' @seealso [PlotGeneTrends()], [SimulateCells()]
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
#' futures <- SimulateCells(cells, n.sim = 2, times = seq(0, 3, 0.25), verbose = FALSE)
#' last <- cells$day == max(cells$day)
#' trends <- GeneTrends(futures, cells, genes = c("peak-1", "peak-2"), assay = "ATAC", labels = "state",
#'   reference = last, time = "day", n.boot = 20)
#' trends
#' PlotGeneTrends(trends)
#' # Genes of the other assay, by the cells nearby.
#' GeneTrends(futures, cells, genes = rownames(cells[["RNA"]])[1:2], assay = "RNA", n.boot = 20)
#' @export
GeneTrends <- function(object, cells, genes, labels = NULL, fates = NULL, reference = NULL, time = NULL,
                       method = c("auto", "linear", "nearest", "ridge", "states"), assay = NULL, layer = NULL,
                       expression = NULL, transform = NULL, smooth = 0.4, conf.level = 0.95, spread = 0.8,
                       k = 30L, k.vote = 20L, n.boot = 200L, max.cells = 2000L, seed.use = 42L, threads = NULL,
                       ...) {
  local_threads(threads)
  check_no_dots(names(formals(GeneTrends)), ...)
  check_trajectories(object)
  check_object(cells, "cells")
  if (missing(genes)) stop_input("genes", "`genes` is needed: the genes to follow.")
  options <- list(
    smooth = check_number(smooth, "smooth", min = 0, max = 1),
    conf.level = check_number(conf.level, "conf.level", min = 0, max = 1),
    spread = check_number(spread, "spread", min = 0, max = 1), n.boot = check_count(n.boot, "n.boot"),
    seed = seed_from(seed.use)
  )
  source <- list(assay = assay, layer = layer, expression = expression, transform = transform,
    k = check_count(k, "k"), method = check_choice(method, eval(formals(GeneTrends)$method), "method"))
  fate <- path_fates(object, cells, labels, fates, reference, check_count(k.vote, "k.vote"))
  decoded <- decoded_paths(object, cells, genes, source)
  trends <- do.call(rbind, lapply(levels(fate), function(f) {
    trend_of_fate(object, decoded$values, which(fate == f), f, options)
  }))
  structure(
    list(
      trends = trends, genes = decoded$genes,
      fates = data.frame(fate = levels(fate), paths = as.vector(table(fate))),
      observed = observed_trends(cells, decoded, labels, time, source, max.cells), conf.level = conf.level,
      spread = spread
    ),
    class = "fatefield_trends"
  )
}

# The fate of each path as a factor, NA for those that are not shown.
path_fates <- function(object, cells, labels, fates, reference, k) {
  if (is.null(labels)) {
    return(factor(rep("all", length(object$cell))))
  }
  labels <- label_column(cells, labels)
  x <- background_cells(object, cells, "cells")
  if (!is.null(reference)) {
    keep <- check_cells(reference, rownames_or_numbers(x), "reference")
    x <- x[keep, , drop = FALSE]
    labels <- labels[keep]
  }
  voters <- class_voters(x, labels, NULL, vote_options(k, NULL, "soft", 0, NULL, NULL)$label)
  if (!is.null(fates)) check_among(fates, voters$labels, "fates")
  found <- classify_states(states_at(object), voters, 0)$label
  reached <- table(found)
  shown <- if (is.null(fates)) names(reached)[reached >= 5L] else fates[reached[fates] > 0L]
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
  draws <- bootstrap_counts(max(unit), options$n.boot, options$seed)
  member <- object$member[paths]
  rows <- lapply(dimnames(values)[[2L]], function(gene) {
    y <- matrix(values[paths, gene, ], length(paths))
    # Paths that could not be integrated to the end.
    v <- ifelse(is.finite(y), w, 0)
    y[v == 0] <- 0
    band <- weighted_bands(y, v, (1 - options$spread) / 2)
    row <- data.frame(mean = colSums(v * y) / colSums(v), se = mean_error(y, v, unit, member, draws), band)
    row <- smooth_rows(row, times, options$smooth)
    row$se <- pmax(row$se, 0)
    half <- stats::qnorm((1 + options$conf.level) / 2) * row$se
    data.frame(fate = fate, gene = gene, time = times, mean = row$mean, se = row$se, low = row$mean - half,
      high = row$mean + half, lower = row$lower, upper = row$upper)
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

# Observed cells of the fates and of none: list(cells, means).
observed_trends <- function(cells, decoded, labels, time, source, max.cells) {
  if (is.null(time)) {
    return(NULL)
  }
  genes <- decoded$genes$gene
  y <- observed_expression(cells, genes, source)
  time <- check_times(cell_column(cells, time, "time"), "time", nrow(y), distinct = 1L)
  label <- if (is.null(labels)) rep("all", nrow(y)) else as.character(label_column(cells, labels))
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
    mean = vapply(groups, mean, 0), se = vapply(groups, stats::sd, 0) / sqrt(n), row.names = NULL)
  list(cells = long(thinned(nrow(y), max.cells)), means = means[order(means$gene, means$label, means$time), ])
}

#' @export
print.fatefield_trends <- function(x, ...) {
  cat(nrow(x$genes), " gene", if (nrow(x$genes) != 1L) "s", " along ", length(unique(x$trends$time)),
    " times, by ", quoted(unique(x$genes$method)), "\n", sep = "")
  cat("paths: ", paste(x$fates$fate, x$fates$paths, collapse = ", "), "\n", sep = "")
  shown <- utils::head(x$genes, 12L)
  shown$explained <- round(shown$explained, 3L)
  print(shown, row.names = FALSE)
  invisible(x)
}
