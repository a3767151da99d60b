# How groups of cells hang together and in which direction cells cross between them. Takes transitions and groups; gives
# a graph of the groups.

#' Connect groups of cells, with directions
#'
#' A small graph in place of many cells: which groups touch each other more than chance would have it, and which way do
#' cells cross the border by their velocities?
#'
#' @section Basic use:
#' ```
#' cells <- EmbedVelocity(cells, reduction = "umap")
#' graph <- ConnectGroups(cells, group.by = "celltype")
#' graph
#' plot(graph)
#' ```
#'
#' @details
#' The connectivity of two groups is that of PAGA: the number of neighbours that cells of one have in the other, both
#' ways, over the number to be expected if the same cells chose their neighbours at random, at most 1.
#'
#' The direction compares the probability of steps across the border with what it would be if a cell went to each of the
#' cells in its reach alike.
#' With a and b these ratios there and back, it is (a - b) / (a + b): 1 where all steps go `from` the one `to` the
#' other, 0 where nothing speaks for either.
#' How many cells lie on each side of the border has no say in it.
#' Its interval and `p` (of no direction) are those of the logarithm of a / b over the cells at the border, by the
#' effective number of these, see [RankVelocityGenes()].
#'
#' @param object A Seurat object or SingleCellExperiment, or transitions from [TransitionMatrix()].
#' @param group.by Groups of the cells: a column, or one label for each cell; cells without one are left out.
#' @param transitions Transitions of the cells of an object; `NULL` makes those of its velocities to neighbours, after
#'   [EmbedVelocity()].
#' @param knn For transitions: the neighbours of each cell, an index (cells x neighbours) or `list(index, distance)`;
#'   `NULL` takes the cells that can be reached in a step.
#' @param conf.level Level of the intervals.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param reduction,dims Where a figure has the centres of the groups; `NULL` takes what people look at, a UMAP first.
#' @param ... Not used.
#' @return A result of class `fatefield_group_graph`, see [results].
#'   Its table has a row for each pair of groups that has a neighbour or step in common, the most connected first:
#'   `edge`, `from` and `to` (in the direction of the steps), `connectivity`, `flow` and `flow.back` (mean
#'   probability of a step there of the cells of the one group, and back of the
#'   other), `direction` with its interval, `p` and `q`.
#'   `groups` has for each group `cells`, `stay`, the probability that a step does not leave it, and `x` and `y`, its
#'   centre in the reduction.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocity graph, no such column, one group alone, transitions that do
#' not sum to 1 or are of other cells.
#' `fatefield_error_stale`: the object has changed since the transitions were made.
#' @references Wolf et al. (2019) PAGA: graph abstraction reconciles clustering with trajectory inference through a
#'   topology preserving map of single cells. Genome Biology 20.
#' @seealso [TransitionMatrix()], [ScoreVelocity()], [FindMacrostates()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
#' graph <- ConnectGroups(cells, group.by = "state", reduction = "latent")
#' graph
#' plot(graph)
#' @export
ConnectGroups <- function(object, ...) UseMethod("ConnectGroups")

#' @rdname ConnectGroups
#' @export
ConnectGroups.default <- function(object, group.by, knn = NULL, conf.level = 0.95, ...) {
  check_no_dots(names(formals(ConnectGroups.default)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  transitions <- check_transitions(object, "object")
  group <- cell_vector(group.by, rownames(transitions), "group.by")
  connected_groups(transitions, group, check_knn(knn, rownames(transitions)), conf.level)
}

#' @rdname ConnectGroups
#' @export
ConnectGroups.Seurat <- function(object, group.by, conf.level = 0.95, transitions = NULL, velocity = NULL,
                                 reduction = NULL, dims = 1:2, ...) {
  check_no_dots(names(formals(ConnectGroups.Seurat)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  group <- cell_column(object, group.by, "group.by")
  knn <- if (is.null(transitions)) fetch_velocity(object, velocity)$knn
  found <- connected_groups(transitions_for(object, transitions, c(velocity = 1), velocity), group, knn, conf.level)
  plane <- plane_of(object, reduction, dims)
  centre <- function(v) as.vector(tapply(v, factor(as.character(group), found$groups$group), stats::median))
  found$groups$x <- centre(plane[, 1L])
  found$groups$y <- centre(plane[, 2L])
  found$axes <- colnames(plane)
  found$cols <- label_colours(object, found$groups$group)
  found
}

#' @rdname ConnectGroups
#' @export
ConnectGroups.SingleCellExperiment <- ConnectGroups.Seurat

# `knn`: list(index, distance), or NULL for what a step reaches.
connected_groups <- function(transitions, group, knn, conf.level) {
  conf.level <- check_number(conf.level, "conf.level", 0, 1)
  group <- check_labels(group, "group.by", nrow(transitions), 2L)
  steps <- plain_steps(transitions)
  n <- nrow(steps)
  near <- if (is.null(knn)) reached_cells(steps) else
    Matrix::sparseMatrix(i = as.vector(row(knn$index)), j = as.vector(knn$index), x = 1, dims = c(n, n))
  member <- group_members(group)
  k <- nlevels(group)
  sides <- border_sides(steps, member, group)
  pairs <- which(upper.tri(diag(k)), arr.ind = TRUE)
  connectivity <- group_connectivity(near, member)
  rows <- lapply(seq_len(nrow(pairs)), function(i) {
    g <- pairs[i, 1L]
    h <- pairs[i, 2L]
    pair_row(levels(group), g, h, connectivity[g, h], border_ratio(sides, g, h), border_ratio(sides, h, g), conf.level)
  })
  table <- do.call(rbind, rows)
  table <- table[table$connectivity > 0 | table$flow > 0 | table$flow.back > 0, , drop = FALSE]
  table$q <- stats::p.adjust(table$p, "BH")
  table <- table[order(-table$connectivity, table$p), , drop = FALSE]
  flow <- as.matrix(Matrix::crossprod(member, sides$steps)) / as.vector(table(group))
  groups <- data.frame(group = levels(group), cells = as.vector(table(group)), stay = diag(flow), row.names = NULL)
  new_result("group_graph", table, list(groups = groups, flow = flow, cols = colours_of(levels(group))), by = "edge")
}

# Cells x groups, 1 where the cell is of the group.
group_members <- function(group) {
  known <- which(!is.na(group))
  Matrix::sparseMatrix(i = known, j = as.integer(group)[known], x = 1, dims = c(length(group), nlevels(group)),
    dimnames = list(NULL, levels(group)))
}

# 1 where a step leads to another cell.
reached_cells <- function(steps) {
  steps@x <- rep(1, length(steps@x))
  diag(steps) <- 0
  methods::as(Matrix::drop0(steps), "CsparseMatrix")
}

# Neighbours between each two groups over those to be expected, groups x groups. `near`: 1 for each neighbour.
group_connectivity <- function(near, member) {
  between <- as.matrix(Matrix::crossprod(member, near %*% member))
  size <- Matrix::colSums(member)
  reach <- rowSums(between)
  both <- between + t(between)
  expected <- (outer(reach, size) + outer(size, reach)) / (sum(size) - 1)
  out <- ifelse(expected > 0, pmin(both / expected, 1), 0)
  diag(out) <- 0
  out
}

# list(steps, alike (cells x groups), shared, group): probabilities of steps into each group, and what they are if a
# cell goes to all in its reach alike. Steps to itself are none.
border_sides <- function(steps, member, group) {
  reach <- reached_cells(steps)
  moving <- steps
  diag(moving) <- 0
  leave <- Matrix::rowSums(moving)
  list(
    steps = as.matrix(steps %*% member), moves = as.matrix(moving %*% member),
    alike = as.matrix(divided_rows(reach) %*% member) * leave,
    shared = unit_rows(reach + Matrix::Diagonal(nrow(steps))), group = as.integer(group)
  )
}

# list(flow, ratio, error): mean probability of a step from g to h, its ratio to that of steps alike, and the standard
# error of the logarithm of the ratio.
border_ratio <- function(sides, g, h) {
  of <- which(sides$group == g)
  at <- of[sides$alike[of, h] > 0]
  flow <- mean(sides$steps[of, h])
  if (length(at) == 0L) {
    return(list(flow = flow, ratio = 0, error = NA_real_))
  }
  moves <- sides$moves[at, h]
  alike <- sides$alike[at, h]
  ratio <- sum(moves) / sum(alike)
  spread <- if (length(at) > 1L) stats::var(moves - ratio * alike) else NA_real_
  error <- sqrt(spread / effective_cells(sides$shared, at)) / mean(alike) / ratio
  list(flow = flow, ratio = ratio, error = error)
}

# One row, turned the way the steps go.
pair_row <- function(names, g, h, connectivity, ahead, back, conf.level) {
  apart <- ahead$ratio == 0 && back$ratio == 0
  log.ratio <- if (apart) 0 else log(ahead$ratio) - log(back$ratio)
  turned <- isTRUE(log.ratio < 0)
  if (turned) {
    both <- list(ahead, back)
    ahead <- both[[2L]]
    back <- both[[1L]]
    log.ratio <- -log.ratio
  }
  ends <- names[if (turned) c(h, g) else c(g, h)]
  # Where no step goes back nothing tells how sure that is.
  error <- if (is.finite(log.ratio)) sqrt(ahead$error^2 + back$error^2) else NA_real_
  half <- stats::qnorm(0.5 + conf.level / 2) * error
  data.frame(
    edge = paste(ends, collapse = " -> "), from = ends[[1L]], to = ends[[2L]], connectivity = connectivity,
    flow = ahead$flow, flow.back = back$flow, direction = tanh(log.ratio / 2),
    direction_low = tanh((log.ratio - half) / 2), direction_high = tanh((log.ratio + half) / 2),
    p = 2 * stats::pnorm(-abs(log.ratio) / error)
  )
}
