# How good velocities are where something is known: do they cross from one group into the next, do near cells agree, and
# do fates along them agree with clones? Takes velocities with neighbours; gives scores beside what shuffled ones have.

#' Score velocities by what is known of the cells
#'
#' Do cells at the border of one group move into the group that is known to follow?
#' Beside each score stands that of shuffled velocities, which know as much of the mean motion, but not
#' which cell has it.
#'
#' @section Basic use:
#' ```
#' scores <- ScoreVelocity(cells, group.by = "celltype", edges = list(c("Pre-endocrine", "Beta")))
#' scores
#' plot(scores)
#' ```
#'
#' @details
#' **Direction across a border**: for each cell of the source that has neighbours in the target, the mean cosine of its
#' velocity and the steps to these; the score is the mean over these cells, from -1 to 1.
#' In the space of the velocity genes by default; with `reduction`, of the arrows there, as scores are usually
#' published.
#' Arrows are means over many neighbours and their cosines are much larger; compare scores of one space only.
#' The interval is that of a mean over the effective number of cells, see [RankVelocityGenes()].
#' `floor` is the mean score of `n.shuffle` shuffles of the velocities among all cells, and `p` the share of these that
#' reach the score, so never below 1 / (n.shuffle + 1).
#'
#' **Confidence** is the mean correlation of a cell's velocity with those of its neighbours, **coherence** the mean
#' cosine with those of its neighbours in the same group.
#' Neighbours share counts, so that both are high for meaningless velocities, too: low ones tell more than high ones.
#'
#' **Time**: with `pseudotime`, the share of cells whose expected step by the velocities goes to later cells less the
#' share whose step goes back, from -1 to 1; a warning where that is negative or weak, below 0.1.
#'
#' **Clones**: with `clone` and `pair`, cells outside the two groups of `pair` that have clone mates there are scored as
#' by [ScoreFate()]: probabilities of absorption in the one rather than the other, along velocities and along neighbours
#' alone, against the shares of the mates; intervals draw whole clones.
#'
#' @param object A Seurat object or SingleCellExperiment with velocities, a result of [EstimateVelocity()], or a matrix
#'   of velocities (genes x cells).
#' @param group.by Groups of the cells: a column, or one label for each cell.
#' @param edges What is known to follow what: a list of pairs `c(source, target)`, or a matrix or data.frame of two
#'   columns.
#' @param reduction Name of a reduction with arrows from [EmbedVelocity()]; `NULL` scores velocities of genes.
#' @param expression,knn For a matrix: expression in the same shape, and neighbours as in [EmbedVelocity()].
#' @param genes Genes to use; `NULL` takes the velocity genes.
#' @param pseudotime A column, or one number for each cell; an order to hold the velocities against.
#' @param clone Clones of the cells: a column, or one value for each cell, `NA` for none.
#' @param pair (two strings) Groups that are two fates, such as neutrophils and monocytes.
#' @param n.shuffle Shuffles for the floor.
#' @param conf.level Level of the intervals.
#' @param seed.use Seed of the shuffles; `NULL` draws one from R's generator.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#' @return A result of class `fatefield_velocity_scores`, see [results].
#'   Its table has a row for each edge: `edge`, `from`, `to`, `cells` (of the source at the border), `effective` (what
#'   they are worth), `score` with its interval, `floor`, `p`; a score is missing where no cell is at the border.
#'   \item{groups}{data.frame: `group`, `cells`, `confidence`, `coherence`, `length` of the velocities, means over
#'     cells.}
#'   \item{cells}{data.frame, a row for each cell: `cell`, `group`, `confidence`, `coherence`, `length`.}
#'   \item{mean}{Mean score of all edges, and that of the `floor`.}
#'   \item{ahead}{With `pseudotime`: the agreement with it.}
#'   \item{clones}{With `clone`: the scores, of [ScoreFate()], with lines `velocity` and `neighbours`.}
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities, no such group in `edges` or `pair`, no arrows in the
#' reduction, no clone with cells in the pair and outside of it.
#' `fatefield_error_stale`: counts or velocities have changed since.
#' `fatefield_warning_direction`: the velocities go against the pseudotime, or hardly along it.
#' @references Qiao, Huang (2021) Representation learning of RNA velocity reveals robust cell transitions. PNAS 118.
#'
#'   Weinreb et al. (2020) Lineage tracing on transcriptional landscapes links state to fate during differentiation.
#'   Science 367.
#' @seealso [ConnectGroups()], [ScoreFate()], [EmbedVelocity()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' scores <- ScoreVelocity(cells, group.by = "state", edges = list(c("progenitor", "fateA"), c("progenitor", "fateB")))
#' scores
#' plot(scores)
#' @export
ScoreVelocity <- function(object, ...) UseMethod("ScoreVelocity")

#' @rdname ScoreVelocity
#' @export
ScoreVelocity.default <- function(object, group.by, edges = NULL, expression = NULL, knn = NULL, genes = NULL,
                                  pseudotime = NULL, clone = NULL, pair = NULL, n.shuffle = 20L, conf.level = 0.95,
                                  seed.use = 42L, threads = NULL, ...) {
  check_no_dots(names(formals(ScoreVelocity.default)), ...)
  local_threads(threads)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  field <- velocity_field_of(object, expression, knn, genes)
  cells <- colnames(field$velocity)
  given <- function(x, argument) if (!is.null(x)) cell_vector(x, cells, argument)
  space <- list(v = field$velocity, x = field$expression)
  scored_velocities(field, space, list(
    group = cell_vector(group.by, cells, "group.by"), edges = edges, time = given(pseudotime, "pseudotime"),
    clone = given(clone, "clone"), pair = pair, n.shuffle = n.shuffle, conf.level = conf.level,
    seed = seed_from(seed.use)
  ))
}

#' @rdname ScoreVelocity
#' @export
ScoreVelocity.Seurat <- function(object, group.by, edges = NULL, genes = NULL, pseudotime = NULL, clone = NULL,
                                 pair = NULL, n.shuffle = 20L, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                 reduction = NULL, velocity = NULL, ...) {
  check_no_dots(names(formals(ScoreVelocity.Seurat)), ...)
  local_threads(threads)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  velocity <- velocity_name(object, velocity)
  field <- velocity_field_of(fetch_velocity(object, velocity), NULL, NULL, genes)
  column <- function(x, argument) if (!is.null(x)) cell_column(object, x, argument)
  space <- if (is.null(reduction)) list(v = field$velocity, x = field$expression) else
    arrow_space(object, reduction, velocity)
  found <- scored_velocities(field, space, list(
    group = cell_column(object, group.by, "group.by"), edges = edges, time = column(pseudotime, "pseudotime"),
    clone = column(clone, "clone"), pair = pair, n.shuffle = n.shuffle, conf.level = conf.level,
    seed = seed_from(seed.use)
  ))
  found$cols <- label_colours(object, found$groups$group)
  found
}

#' @rdname ScoreVelocity
#' @export
ScoreVelocity.SingleCellExperiment <- ScoreVelocity.Seurat

# Arrows and coordinates, dims x cells.
arrow_space <- function(object, reduction, velocity) {
  name <- paste0(velocity, "_", reduction)
  if (!name %in% reduction_names(object)) {
    stop_input("reduction", "`reduction`: the object has no arrows in ", quoted(reduction),
      "; run EmbedVelocity() with it first.")
  }
  arrows <- fresh_arrows(object, name)
  list(v = t(arrows), x = t(embedding(object, reduction)[, seq_len(ncol(arrows)), drop = FALSE]))
}

# `field`: see velocity_field_of(); `space`: list(v, x), dims x cells; `task`: list(group, edges, time, clone, pair,
# n.shuffle, conf.level, seed).
scored_velocities <- function(field, space, task) {
  n <- ncol(field$velocity)
  group <- check_labels(task$group, "group.by", n)
  edges <- edge_pairs(task$edges, levels(group))
  n.shuffle <- check_count(task$n.shuffle, "n.shuffle")
  conf.level <- check_number(task$conf.level, "conf.level", 0, 1)
  index <- field$knn$index
  shared <- shared_cells(index, n)
  orders <- shuffled_orders(n, n.shuffle, task$seed)
  rows <- lapply(seq_len(nrow(edges)), function(i) {
    edge_row(edges$from[[i]], edges$to[[i]], space, group, index, shared, orders, conf.level)
  })
  table <- do.call(rbind, c(list(empty_edges()), rows))
  cells <- cell_agreement(field, index, group)
  ahead <- if (!is.null(task$time)) time_agreement(field, task$time)
  clones <- if (!is.null(task$clone)) clone_agreement(field, group, task)
  new_result("velocity_scores", table, list(
    groups = group_agreement(cells), cells = cells, ahead = ahead, clones = clones,
    mean = c(score = mean(table$score, na.rm = TRUE), floor = mean(table$floor, na.rm = TRUE)),
    pair = task$pair, cols = colours_of(levels(group))
  ), by = "edge")
}

# data.frame(from, to), checked against the groups.
edge_pairs <- function(edges, groups) {
  if (is.null(edges)) {
    return(data.frame(from = character(), to = character()))
  }
  if (is.character(edges) && is.null(dim(edges))) edges <- list(edges)
  if (is.list(edges) && !is.data.frame(edges)) {
    whole <- vapply(edges, function(e) is.atomic(e) && length(e) == 2L, NA)
    if (length(edges) == 0L || !all(whole)) {
      stop_input("edges", "`edges` must be pairs c(source, target); number ", c(which(!whole), 1L)[[1L]], " is ",
        described(if (length(edges) > 0L) edges[[c(which(!whole), 1L)[[1L]]]]), ".")
    }
    edges <- do.call(rbind, lapply(edges, as.character))
  }
  if (length(dim(edges)) != 2L || ncol(edges) != 2L) {
    stop_input("edges", "`edges` must be a list of pairs c(source, target) or a table of two columns, not ",
      described(edges), ".")
  }
  out <- data.frame(from = as.character(edges[, 1L]), to = as.character(edges[, 2L]))
  check_group_names(c(out$from, out$to), groups, "edges")
  same <- which(out$from == out$to)
  if (length(same) > 0L) stop_input("edges", "`edges`: ", quoted(out$from[[same[[1L]]]]), " leads to itself.")
  out
}

check_group_names <- function(names, groups, argument) {
  lost <- setdiff(names, groups)
  if (length(lost) > 0L) {
    stop_input(argument, "`", argument, "`: there is no group ", quoted(lost[[1L]]), "; there are ", quoted(groups),
      ".", near(lost[[1L]], groups))
  }
}

# Columns are orders of the cells.
shuffled_orders <- function(n, times, seed) {
  signs <- random_signs(n, 30L * times, seed)
  key <- vapply(seq_len(times), function(s) {
    drop((signs[, 30L * (s - 1L) + seq_len(30L)] > 0) %*% 2^-seq_len(30L))
  }, numeric(n))
  apply(matrix(key, n), 2L, order)
}

# Cosines of velocities of the cells `i`, in columns of `v`, with the steps from `from` to `to`, in blocks for memory.
step_cosines <- function(v, x, i, from, to) {
  blocks <- split(seq_along(i), (seq_along(i) - 1L) %/% max(1L, as.integer(5e6 / nrow(v))))
  unlist(lapply(blocks, function(b) {
    step <- x[, to[b], drop = FALSE] - x[, from[b], drop = FALSE]
    own <- v[, i[b], drop = FALSE]
    size <- sqrt(colSums(step^2) * colSums(own^2))
    ifelse(size > 0, colSums(step * own) / size, 0)
  }), use.names = FALSE)
}

empty_edges <- function() {
  data.frame(
    edge = character(), from = character(), to = character(), cells = integer(), effective = numeric(),
    score = numeric(), score_low = numeric(), score_high = numeric(), floor = numeric(), p = numeric()
  )
}

edge_row <- function(from, to, space, group, index, shared, orders, conf.level) {
  source <- which(group == from)
  into <- matrix(index[source, ] %in% which(group == to), length(source))
  at <- which(into, arr.ind = TRUE)
  row <- data.frame(
    edge = paste(from, "->", to), from = from, to = to, cells = length(unique(at[, 1L])), effective = NA_real_,
    score = NA_real_, score_low = NA_real_, score_high = NA_real_, floor = NA_real_, p = NA_real_
  )
  if (nrow(at) == 0L) {
    return(row)
  }
  i <- source[at[, 1L]]
  j <- index[cbind(i, at[, 2L])]
  means <- function(who) as.vector(tapply(step_cosines(space$v, space$x, who, i, j), i, mean))
  own <- means(i)
  row$effective <- max(effective_cells(shared, sort(unique(i))), 1)
  row$score <- mean(own)
  df <- row$effective - 1
  half <- if (length(own) > 1L && df > 0) {
    stats::qt(0.5 + conf.level / 2, df) * stats::sd(own) / sqrt(row$effective)
  } else {
    NA_real_
  }
  row$score_low <- max(row$score - half, -1)
  row$score_high <- min(row$score + half, 1)
  floor <- apply(orders, 2L, function(o) mean(means(o[i])))
  row$floor <- mean(floor)
  row$p <- (1 + sum(floor >= row$score)) / (1 + length(floor))
  row
}
