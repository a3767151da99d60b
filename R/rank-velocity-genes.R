# Genes whose velocity sets a group of cells apart. Takes velocities and groups; gives a table of tests, group by group.

#' Rank genes by their velocity in groups of cells
#'
#' Which genes does each group raise or lower faster than all other cells do?
#' Expression marks what cells are; velocity marks what they are about to be.
#'
#' @section Basic use:
#' ```
#' cells <- EstimateVelocity(cells)
#' ranked <- RankVelocityGenes(cells, group.by = "celltype")
#' ranked
#' plot(ranked)
#' ```
#'
#' @details
#' Welch's t test of the velocities of the group against those of all other cells, where the others count as no more
#' cells than the group has: the test with overestimated variance that scVelo ranks genes by.
#' Velocities are means over neighbours, so that cells share counts, and n of them are worth fewer.
#' The effective number of cells of a group is n^2 / sum of r, with r the share of neighbours that two of its cells have
#' in common, over all pairs; it stands in the place of n in the score and in the p value.
#' The order of genes within a group is hardly touched by this, the p values are: without it they are far too small.
#' Groups that were made from the same counts are apart in any case; the test does not know that.
#'
#' @param object A Seurat object or SingleCellExperiment with velocities, a result of [EstimateVelocity()], or a matrix
#'   of velocities (genes x cells).
#' @param group.by Groups of the cells: a column, or one label for each cell; cells without one are left out.
#' @param genes Genes to compare; `NULL` takes the velocity genes, of a matrix all.
#' @param knn For a matrix: neighbours over which velocities were averaged, an index (cells x neighbours) or
#'   `list(index, distance)`; `NULL` takes cells as independent.
#' @param min.cells Least cells of a group.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param ... Not used.
#' @return A result of class `fatefield_velocity_genes`, see [results].
#'   Its table has a row for each group and gene, the highest score of a group first: `group`, `gene`, `score` (the t
#'   statistic), `difference` of the mean velocities, `mean`, `mean.rest`, `direction` (`"up"` or `"down"` against the
#'   others), `p` and `q`.
#'   `groups` has for each group the `cells` and the `effective` ones.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities, no such column, fewer than two groups of `min.cells`
#' cells, genes without velocities.
#' `fatefield_error_stale`: the counts have changed since [EstimateVelocity()].
#' @references Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical modeling.
#'   Nature Biotechnology 38.
#'
#'   Welch (1947) The generalization of Student's problem. Biometrika 34.
#' @seealso [EstimateVelocity()], [ScoreVelocity()], [DifferentialKinetics()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' ranked <- RankVelocityGenes(cells, group.by = "state")
#' ranked
#' plot(ranked, n.top = 5)
#' @export
RankVelocityGenes <- function(object, ...) UseMethod("RankVelocityGenes")

#' @rdname RankVelocityGenes
#' @export
RankVelocityGenes.default <- function(object, group.by, genes = NULL, knn = NULL, min.cells = 5L, ...) {
  check_no_dots(names(formals(RankVelocityGenes.default)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  v <- ranked_velocities(object, genes)
  group <- check_labels(cell_vector(group.by, colnames(v), "group.by"), "group.by", ncol(v), 2L)
  if (inherits(object, "fatefield_velocity")) knn <- object$knn
  shared <- shared_cells(check_knn(knn, colnames(v)), ncol(v))
  velocity_genes_of(v, group, shared, check_count(min.cells, "min.cells", 2L))
}

#' @rdname RankVelocityGenes
#' @export
RankVelocityGenes.Seurat <- function(object, group.by, genes = NULL, min.cells = 5L, velocity = NULL, ...) {
  check_no_dots(names(formals(RankVelocityGenes.Seurat)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  group <- cell_column(object, group.by, "group.by")
  found <- RankVelocityGenes.default(fetch_velocity(object, velocity), group, genes, min.cells = min.cells)
  found$cols <- label_colours(object, levels(found$table$group))
  found
}

#' @rdname RankVelocityGenes
#' @export
RankVelocityGenes.SingleCellExperiment <- RankVelocityGenes.Seurat

# Genes x cells, without genes that have no velocity.
ranked_velocities <- function(object, genes) {
  given <- inherits(object, "fatefield_velocity")
  v <- numbered(if (given) object$velocity else gene_matrix(object, "object"))
  genes <- if (given) asked_velocity_genes(object, genes) else
    if (is.null(genes)) rownames(v) else check_velocity_genes(genes, rownames(v))
  v <- v[genes, , drop = FALSE]
  v <- v[rowSums(!is.finite(v)) == 0, , drop = FALSE]
  if (nrow(v) == 0L) stop_input("genes", "`genes`: none of them has velocities.")
  v
}

velocity_genes_of <- function(v, group, shared, min.cells) {
  n <- compared_groups(group, min.cells)
  used <- names(n)
  known <- which(!is.na(group))
  parts <- lapply(used, function(g) welch_of_group(v, which(group == g), setdiff(known, which(group == g)), shared))
  table <- do.call(rbind, Map(function(part, g) data.frame(group = g, part$table), parts, used))
  table$group <- factor(table$group, used)
  table <- table[order(table$group, -table$score), ]
  groups <- data.frame(
    group = used, cells = as.vector(n), effective = vapply(parts, `[[`, 1, "effective"), row.names = NULL
  )
  new_result("velocity_genes", table, list(groups = groups, cols = colours_of(used)), by = "gene")
}

# list(table, effective). The others count as no more cells than those `at`.
welch_of_group <- function(v, at, rest, shared) {
  moments <- function(cells) {
    x <- v[, cells, drop = FALSE]
    mean <- rowMeans(x)
    list(mean = mean, var = rowSums((x - mean)^2) / (length(cells) - 1))
  }
  a <- moments(at)
  b <- moments(rest)
  n <- max(effective_cells(shared, at), 1)
  m <- min(n, effective_cells(shared, rest))
  error <- a$var / n + b$var / m
  df <- error^2 / ((a$var / n)^2 / max(n - 1, 1) + (b$var / m)^2 / max(m - 1, 1))
  difference <- a$mean - b$mean
  score <- ifelse(error > 0, difference / sqrt(error), 0)
  p <- 2 * stats::pt(-abs(score), ifelse(is.finite(df), df, 1))
  list(effective = n, table = data.frame(
    gene = rownames(v), score = score, difference = difference, mean = a$mean, mean.rest = b$mean,
    direction = ifelse(score > 0, "up", "down"), p = p, q = stats::p.adjust(p, "BH"), row.names = NULL
  ))
}

headline.fatefield_velocity_genes <- function(x) {
  t <- x$table
  first <- vapply(levels(t$group), function(g) {
    top <- t[t$group == g & t$score > 0, ]
    if (nrow(top) == 0L) "" else paste0(g, ": ", paste(utils::head(top$gene, 3L), collapse = ", "))
  }, "")
  c(
    paste0("velocities of ", counted(length(unique(t$gene)), "gene"), " in ", counted(nrow(x$groups), "group"), " of ",
      counted(sum(x$groups$cells), "cell"), "; ", sum(t$q < 0.05), " differences with q < 0.05"),
    paste0("raised first in ", paste(utils::head(first[nzchar(first)], 6L), collapse = "; "))
  )
}

#' @rdname RankVelocityGenes
#' @export
summary.fatefield_velocity_genes <- function(object, ...) {
  t <- object$table
  per <- function(f) vapply(split(t, t$group), f, f(t))
  groups <- object$groups
  groups$up <- per(function(g) sum(g$q < 0.05 & g$score > 0))[groups$group]
  groups$down <- per(function(g) sum(g$q < 0.05 & g$score < 0))[groups$group]
  groups$first <- per(function(g) if (nrow(g) == 0L) NA_character_ else g$gene[[which.max(g$score)]])[groups$group]
  rownames(groups) <- NULL
  groups
}

#' @rdname RankVelocityGenes
#' @param x Ranked genes.
#' @param n.top Genes of each group that are drawn.
#' @param cols Colours of the groups by name; `NULL` takes those of [DefineFates()], where the object has them.
#' @param ncol Columns of panels; `NULL` chooses.
#' @export
plot.fatefield_velocity_genes <- function(x, n.top = 10L, cols = NULL, ncol = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_velocity_genes)), ...)
  n.top <- check_count(n.top, "n.top")
  t <- x$table
  top <- do.call(rbind, lapply(split(t, t$group), function(g) utils::head(g[order(-g$score), ], n.top)))
  top$row <- factor(seq_len(nrow(top)), rev(seq_len(nrow(top))))
  top$sure <- ifelse(top$q < 0.05, "q < 0.05", "not sure")
  ggplot2::ggplot(top, ggplot2::aes(.data$score, .data$row, colour = .data$group)) +
    ggplot2::geom_segment(ggplot2::aes(x = 0, xend = .data$score, yend = .data$row), linewidth = 0.7) +
    ggplot2::geom_point(ggplot2::aes(shape = .data$sure), size = 2.2) +
    ggplot2::facet_wrap("group", scales = "free_y", ncol = ncol) +
    ggplot2::scale_y_discrete(labels = stats::setNames(top$gene, top$row)) +
    ggplot2::scale_shape_manual(NULL, values = c(`q < 0.05` = 16, `not sure` = 1)) +
    scale_labels(levels(t$group), c(cols, x$cols), guide = "none") +
    ggplot2::labs(x = "score (t) of the velocity against all other cells", y = NULL) + theme_curves()
}
