# Which genes rise and fall together: correlations over cells or simulated states, edges, modules and hubs. Takes
# a matrix (cells or states x genes), an object or trajectories; gives tables of genes and modules.

#' Find networks of genes that change together
#'
#' Genes are correlated over cells, or over the states that cells pass through by a model.
#' Correlations become edges, edges become modules by the algorithm of Leiden, and genes that follow their
#' module most closely are its hubs.
#'
#' @section Basic use:
#' ```
#' network <- CoexpressionNetwork(cells)
#' network
#' plot(network)
#' ```
#' @section Edges:
#' `edges = "soft"` (default) keeps all pairs with the weight r^`power`.
#' The power is the first up to `max.power` (20) by which the strengths of genes follow a power law with an R2 of
#' at least `min.fit` (0.8), or 6 where none does and where there are fewer than 100 genes.
#' `"hard"` keeps pairs of the highest correlations: at most a share `top` (0.05) of all, and so few that the
#' expected share of false ones is at most `fdr` (0.05).
#' That is estimated by shuffling each gene `n.perm` (5) times among cells, or within each trajectory.
#' With `signed = TRUE` negative correlations are no edges, so that genes of a module rise together; else their
#' size counts.
#'
#' @section Trajectories:
#' All states after the start are pooled, those that a path repeats after its end once.
#' Along a path everything that changes with time correlates; `differences = TRUE` correlates steps between
#' successive times instead of states.
#' Paths in a reduction are turned into genes first, as in [GeneTrends()], for which `cells` is needed.
#' Growth is not taken into account.
#'
#' @param object A matrix (cells or states x genes), a Seurat object, a SingleCellExperiment, or
#'   [trajectories].
#' @param genes (strings) Genes to use; `NULL` takes all of a matrix or of trajectories, the variable features of
#'   an object.
#'   Genes without spread or with a mean below `min.mean` are left out.
#' @param assay,layer Where the expression of an object is; `NULL` takes the default assay, and the layer `data`
#'   (`logcounts`).
#'   For a SingleCellExperiment `assay` may name one of its assays or alternative experiments.
#' @param cells For matrices and objects: (names, numbers or TRUE/FALSE) cells to use; `NULL` takes all.
#'   For trajectories in a reduction: the object that they came from.
#' @param n.neighbors Nearest cells, the cell among them, over which expression is averaged first; `NULL`: none.
#'   Smoothing alone raises correlations: it is the control of what simulated states are worth.
#'   For trajectories in a reduction: nearest cells that give a state its genes where the loadings cannot, 30 of them
#'   unless said.
#' @param reduction,dims Where nearest cells are looked for; `NULL` takes the PCA and all its dimensions.
#'   For a matrix `reduction` is a matrix (cells x dims).
#' @param differences Correlate steps rather than states? Default `FALSE`.
#' @param transform `"log1p"` for values on a linear scale, `"none"` for values that are logarithms already.
#'   `NULL` takes `"none"` for the layer `data` or `logcounts` and for paths in a reduction, else `"log1p"`.
#' @param method `"pearson"` (default) or `"spearman"`.
#' @param edges `"soft"` (default) or `"hard"`, see below.
#' @param signed Do only genes that rise together belong together? Default `TRUE`.
#' @param power Power of soft edges; default `r doc_default("network", "power")`, which chooses it, see below.
#' @param resolution The higher, the smaller the modules; default `r doc_default("leiden", "resolution")`.
#' @param n.modules Number of modules wanted: the resolution is searched for one that gives it, or as near as
#'   there is; for comparisons of networks.
#' @param min.size Least genes of a module, default `r doc_default("network", "min.size")`; genes of smaller
#'   ones belong to none.
#' @param min.kME Genes that follow their module less leave it; default `r doc_default("network", "min.kME")`.
#' @param min.mean Least mean of a gene; default `r doc_default("network", "min.mean")`.
#' @param max.power,min.fit How the power is chosen, see below; defaults `r doc_default("network", "max.power")` and
#'   `r doc_default("network", "min.fit")`.
#' @param top,fdr,n.perm How hard edges are chosen, see below; defaults `r doc_default("network", "top")`,
#'   `r doc_default("network", "fdr")` and `r doc_default("network", "n.perm")`.
#' @param groups A code for each row, within which `"hard"` edges shuffle; `NULL`: all rows are alike.
#'   Those of trajectories are the paths.
#' @param seed.use Seed of the modules and of shuffling; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Say how many genes are left out, and which power was chosen.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_network`, see [results].
#'   Its table has one row per gene: `gene`, `module` (factor, the largest first; `NA`: none), `kME` (correlation with
#'   the first principal component of its module), `degree` (sum of its edges), `within` (of those within its module),
#'   `rank` (1: the hub of the module).
#'   `[` keeps some of the genes, with what was found for them in the whole network.
#'   Further elements:
#'   \item{modules}{data.frame: `module`, `size`, `hub`, `explained` (share of the variance of its genes that the
#'     component explains); `summary()` gives it, too.}
#'   \item{membership}{matrix, genes x modules: kME for each module.}
#'   \item{correlation}{matrix, genes x genes.}
#'   \item{edges}{list: `kind`, `signed`, `power` and `fit` (power, R2, slope), or `threshold` and `fdr`, a
#'     data.frame of the number of edges and the expected share of false ones by threshold.}
#'   \item{n, resolution, modularity}{number of rows, and of the modules found.}
#' @section Errors:
#' `fatefield_error_input` names the argument: no such genes, fewer than three genes left, negative values under
#' `"log1p"`, trajectories in a reduction without `cells`.
#' A warning of class `fatefield_warning_modules`: no module is large enough.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#'
#' Zhang and Horvath (2005) A general framework for weighted gene co-expression network analysis. Statistical
#' Applications in Genetics and Molecular Biology 4.
#'
#' Traag, Waltman and van Eck (2019) From Louvain to Leiden: guaranteeing well-connected communities. Scientific
#' Reports 9.
#' @seealso [RetrogradeCells()], [EnrichModules()]
#' @examples
#' # Two programmes of 15 genes each, and 10 genes on their own.
#' programme <- cbind(sin(1:200), cos(1:200 * 1.7))[, rep(1:2, each = 15)]
#' alone <- sin(outer(1:200, 1:10 + 20, function(i, j) i * sqrt(j)))
#' x <- exp(cbind(programme, alone) + sin(outer(1:200, 1:40, function(i, j) i * sqrt(j + 50))) / 2)
#' colnames(x) <- paste0("g", 1:40)
#' network <- CoexpressionNetwork(x, verbose = FALSE)
#' network
#' head(as.data.frame(network))
#' plot(network)
#' @export
CoexpressionNetwork <- function(object, ...) UseMethod("CoexpressionNetwork")

#' @rdname CoexpressionNetwork
#' @export
CoexpressionNetwork.default <- function(object, genes = NULL, assay = NULL, layer = NULL, cells = NULL,
                                        n.neighbors = NULL, reduction = NULL, dims = NULL, transform = NULL,
                                        method = c("pearson", "spearman"), edges = c("soft", "hard"), signed = TRUE,
                                        power = NULL, resolution = NULL, n.modules = NULL, min.size = NULL,
                                        min.kME = NULL, min.mean = NULL, max.power = NULL, min.fit = NULL, top = NULL,
                                        fdr = NULL, n.perm = NULL, groups = NULL, seed.use = 42L, threads = NULL,
                                        verbose = TRUE, ...) {
  local_threads(threads)
  check_no_dots(names(formals(CoexpressionNetwork.default)), ...)
  check_object(object)
  check_flag(verbose, "verbose")
  input <- network_cells(object, genes, assay, layer, cells, n.neighbors, reduction, dims, transform)
  x <- network_input(input$x, input$genes, input$transform)
  options <- network_options(list(
    power = power, min.size = min.size, min.kME = min.kME, min.mean = min.mean, max.power = max.power,
    min.fit = min.fit, top = top, fdr = fdr, n.perm = n.perm
  ), edges)
  search <- list(
    options = merge_options(leiden_defaults(), list(resolution = resolution), ""),
    n = if (!is.null(n.modules)) check_count(n.modules, "n.modules"), seed = seed_from(seed.use)
  )
  groups <- row_groups(groups, rownames(x), nrow(x))
  x <- varying_genes(x, options$min.mean, verbose)
  ranks <- check_choice(method, c("pearson", "spearman"), "method") == "spearman"
  r <- column_correlations(x, ranks, thread_count())
  dimnames(r) <- list(colnames(x), colnames(x))
  edges <- choose_edges(r, x, ranks, groups, check_flag(signed, "signed"), options, search$seed, verbose)
  new_network(r, edges, search, options, nrow(x))
}

#' @rdname CoexpressionNetwork
#' @export
CoexpressionNetwork.Seurat <- function(object, genes = NULL, assay = NULL, layer = NULL, cells = NULL,
                                       n.neighbors = NULL, reduction = NULL, dims = NULL, transform = NULL,
                                       method = c("pearson", "spearman"), edges = c("soft", "hard"), signed = TRUE,
                                       power = NULL, resolution = NULL, n.modules = NULL, min.size = NULL,
                                       min.kME = NULL, min.mean = NULL, max.power = NULL, min.fit = NULL, top = NULL,
                                       fdr = NULL, n.perm = NULL, groups = NULL, seed.use = 42L, threads = NULL,
                                       verbose = TRUE, ...) {
  call_worker(CoexpressionNetwork.default, ...)
}

#' @rdname CoexpressionNetwork
#' @export
CoexpressionNetwork.SingleCellExperiment <- CoexpressionNetwork.Seurat

#' @rdname CoexpressionNetwork
#' @export
CoexpressionNetwork.fatefield_trajectories <- function(object, genes = NULL, assay = NULL, layer = NULL, cells = NULL,
                                                       n.neighbors = NULL, differences = FALSE, transform = NULL,
                                                       method = c("pearson", "spearman"), edges = c("soft", "hard"),
                                                       signed = TRUE, power = NULL, resolution = NULL,
                                                       n.modules = NULL, min.size = NULL, min.kME = NULL,
                                                       min.mean = NULL, max.power = NULL, min.fit = NULL, top = NULL,
                                                       fdr = NULL, n.perm = NULL, seed.use = 42L, threads = NULL,
                                                       verbose = TRUE, ...) {
  check_no_dots(names(formals(CoexpressionNetwork.fatefield_trajectories)), ...)
  check_flag(differences, "differences")
  pooled <- pooled_states(object)
  if (is.null(object$reduction)) {
    x <- network_input(pooled$states, genes, transform)
  } else {
    if (is.null(cells)) {
      stop_input("cells", "`cells` is needed: the trajectories are in the reduction ", quoted(object$reduction),
        "; give the object that they came from.")
    }
    k <- check_count(if (is.null(n.neighbors)) 30L else n.neighbors, "n.neighbors")
    source <- list(method = "auto", k = k, assay = assay, layer = layer)
    x <- decoded_states(pooled$states, cells, object, genes, source)$values
  }
  if (differences) {
    steps <- which(pooled$follows)
    if (length(steps) < 3L) stop_input("differences", "`differences`: the trajectories have too few steps.")
    x <- x[steps, , drop = FALSE] - x[steps - 1L, , drop = FALSE]
    pooled$path <- pooled$path[steps]
    # A step has no mean level that would tell whether a gene is expressed.
    min.mean <- -Inf
  }
  call_worker(CoexpressionNetwork.default, object = x, genes = NULL, assay = NULL, layer = NULL, cells = NULL,
    n.neighbors = NULL, transform = "none", groups = pooled$path, min.mean = min.mean)
}

# Expression of the cells to use: list(x = cells x genes, genes, transform).
network_cells <- function(object, genes, assay, layer, cells, n.neighbors, reduction, dims, transform) {
  plain <- is_plain_matrix(object)
  if (plain) {
    x <- check_matrix(object, "object", rows = NULL)
  } else {
    values <- feature_values(object, assay, layer)
    if (is.null(genes) && is_seurat(object)) genes <- SeuratObject::VariableFeatures(object, assay = assay)
    genes <- if (length(genes) > 0L) present_genes(genes, rownames(values), "genes") else rownames(values)
    if (is.null(transform)) transform <- if (is_log_layer(object, assay, layer)) "none" else "log1p"
    x <- t(as.matrix(values[genes, , drop = FALSE]))
    genes <- NULL
  }
  n.neighbors <- if (is.null(n.neighbors)) 0L else check_count(n.neighbors, "n.neighbors", min = 0L)
  if (n.neighbors > 0L) x <- smoothed_cells(x, network_space(object, reduction, dims), n.neighbors)
  if (!is.null(cells)) x <- x[check_cells(cells, rownames_or_numbers(x)), , drop = FALSE]
  list(x = x, genes = genes, transform = transform)
}

network_space <- function(object, reduction, dims) {
  if (!is_plain_matrix(object)) {
    return(embedding(object, reduction, dims))
  }
  if (is.null(reduction)) {
    stop_input("reduction", "`reduction` is needed: a matrix (cells x dims) in which cells are near to each other.")
  }
  space <- embedding(check_matrix(reduction, "reduction"), NULL, dims)
  if (nrow(space) != nrow(object)) {
    stop_input("reduction", "`reduction` has ", nrow(space), " cells, but `object` has ", nrow(object), ".")
  }
  space
}

# Is that what is read from an object on a logarithmic scale?
is_log_layer <- function(object, assay, layer) {
  if (is_sce(object) && !is.null(assay) && !assay %in% assay_names(object)) layer <- assay
  is.null(layer) || layer %in% c("data", "logcounts")
}

# Means over the k nearest cells, the cell itself among them. `x`: cells x genes; `space`: cells x dims.
smoothed_cells <- function(x, space, k) {
  n <- nrow(x)
  if (k > n) stop_input("n.neighbors", "`n.neighbors` asks for ", k, " cells, but there are ", n, ".")
  if (k == 1L) {
    return(x)
  }
  near <- knn_self(space, k - 1L, knn_defaults(), thread_count())$index
  mean_of <- Matrix::sparseMatrix(i = rep(seq_len(n), k), j = c(seq_len(n), near), x = 1 / k, dims = c(n, n))
  out <- as.matrix(mean_of %*% x)
  dimnames(out) <- dimnames(x)
  out
}

# Genes chosen and values transformed.
network_input <- function(x, genes, transform) {
  if (is.null(colnames(x))) colnames(x) <- paste0("gene", seq_len(ncol(x)))
  if (anyDuplicated(colnames(x)) > 0L) {
    stop_input("object", "`object` has gene ", quoted(colnames(x)[[anyDuplicated(colnames(x))]]), " twice.")
  }
  if (!is.null(genes)) x <- x[, present_genes(genes, colnames(x), "genes"), drop = FALSE]
  transform <- if (is.null(transform)) "log1p" else check_choice(transform, c("log1p", "none"), "transform")
  if (transform == "none") {
    return(x)
  }
  if (any(x < 0)) {
    stop_input("transform", "`transform` \"log1p\" needs values of at least 0, the least is ", min(x),
      "; take \"none\" for values that are logarithms or z scores.")
  }
  log1p(x)
}

# Genes whose values differ between rows and are high enough on average.
varying_genes <- function(x, min.mean, verbose) {
  low <- colMeans(x) < min.mean
  flat <- apply(x, 2L, function(v) diff(range(v)) <= 1e-12 * max(abs(v)))
  keep <- !low & !flat
  if (verbose && any(!keep)) {
    message(sum(!keep), " of ", length(keep), " genes are left out: ", sum(flat), " without spread, ",
      sum(low & !flat), " with a mean below ", min.mean, ".")
  }
  if (sum(keep) < 3L) {
    stop_input("genes", "`genes`: ", sum(keep), " of ", length(keep), " vary and have a mean of at least ",
      min.mean, "; at least 3 are needed.")
  }
  x[, keep, drop = FALSE]
}

network_options <- function(given, edges) {
  options <- network_defaults()
  lowest <- given$min.mean
  given$min.mean <- NULL
  options <- merge_options(options, given, "")
  if (!is.null(lowest)) options$min.mean <- if (identical(lowest, -Inf)) -Inf else check_number(lowest, "min.mean")
  check_number(options$power, "power", min = 0)
  check_number(options$top, "top", min = 0, max = 1)
  check_number(options$fdr, "fdr", min = 0, max = 1)
  check_number(options$min.kME, "min.kME", min = -1, max = 1)
  options$n.perm <- check_count(options$n.perm, "n.perm")
  options$max.power <- check_count(options$max.power, "max.power")
  options$min.size <- check_count(options$min.size, "min.size", min = 2L)
  options$kind <- check_choice(edges, c("soft", "hard"), "edges")
  options
}

row_groups <- function(groups, rows, n) {
  if (is.null(groups)) {
    return(rep(1L, n))
  }
  if (!is.null(names(groups)) && !is.null(rows)) groups <- cell_vector(groups, rows, "groups")
  if (length(groups) != n || anyNA(groups)) {
    stop_input("groups", "`groups` must be a code for each of the ", n, " rows, not ", described(groups), ".")
  }
  match(groups, unique(groups))
}

# States of trajectories one below the other, time within trajectory: list(states, path, follows), where `follows`
# says that the row before is the time before of the same path. Without the start, states that are not finite,
# and those that repeat the one before because the path has ended.
pooled_states <- function(x) {
  check_trajectories(x)
  times <- setdiff(seq_along(x$times), start_index(x))
  if (length(times) == 0L) stop_input("object", "`object` holds no states after the start of its trajectories.")
  size <- dim(x$states)
  all <- aperm(x$states, c(3L, 1L, 2L))
  rows <- matrix(all, size[[3L]] * size[[1L]], size[[2L]], dimnames = list(NULL, x$dims))
  time <- rep(seq_len(size[[3L]]), size[[1L]])
  path <- rep(seq_len(size[[1L]]), each = size[[3L]])
  repeats <- c(FALSE, rowSums(rows[-1L, , drop = FALSE] != rows[-nrow(rows), , drop = FALSE]) == 0)
  repeats <- !is.na(repeats) & repeats & time > 1L
  keep <- which(time %in% times & !repeats & rowSums(!is.finite(rows)) == 0)
  if (length(keep) < 3L) stop_input("object", "`object` holds ", length(keep), " different states; 3 are needed.")
  list(
    states = rows[keep, , drop = FALSE], path = path[keep],
    follows = c(FALSE, diff(path[keep]) == 0L & diff(time[keep]) == 1L)
  )
}
