# Do groups of cells need kinetics of their own? Takes moments of spliced and unspliced counts with what the common fit
# leaves of these; gives an F test for each gene and group.

#' Genes with other kinetics in some groups of cells
#'
#' One rate of splicing and one of degradation for all cells is what every velocity rests on.
#' Where a group of cells needs its own, velocities of this gene mislead there: leave the gene out, or estimate
#' velocities of the group apart.
#'
#' @section Basic use:
#' ```
#' kinetics <- DifferentialKinetics(cells, group.by = "celltype")
#' kinetics
#' plot(kinetics)
#' ```
#'
#' @details
#' What the common fit (the line of the steady state, or the fitted curve in mode `"dynamical"`) leaves of the unspliced
#' counts is regressed on the spliced ones, through the origin, once with one slope for all cells and once with slopes
#' of its own for the group and for all others.
#' The F test of the second against the first is that of `lm()` and `anova()` where cells are independent.
#' Moments are means over neighbours, so that residuals of near cells go together: the variance of a slope is that of
#' independent cells times sum of (s_i s_j r_ij) / sum of s_i^2, with r_ij the share of neighbours that two cells have
#' in common, and the degrees of freedom are those of the effective number of cells, see [RankVelocityGenes()].
#' `genes` of the result has one test for all groups together.
#'
#' In the deterministic and stochastic modes a group that is only rising or falling lies to one side of the line, too,
#' and is told from one with other rates by its phase portrait alone, see [PlotPhase()]; a fitted curve accounts
#' for that.
#'
#' @param object A Seurat object or SingleCellExperiment with velocities, a result of [EstimateVelocity()], or a matrix
#'   of means of spliced counts (genes x cells).
#' @param group.by Groups of the cells: a column, or one label for each cell.
#' @param unspliced For a matrix: means of unspliced counts, in the same shape.
#' @param genes Genes to test; `NULL` takes the velocity genes.
#' @param knn For a matrix: neighbours over which means were taken, as in [RankVelocityGenes()].
#' @param min.cells Least cells of a group.
#' @param conf.level Level of the intervals.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param ... Not used.
#' @return A result of class `fatefield_kinetics`, see [results].
#'   Its table has a row for each gene and group, the smallest `p` first: `gene`, `group`, `slope` (that of the group
#'   less that of all others) with its interval, `statistic` (F with 1 and `df` degrees of freedom), `p`, and `q` over
#'   all rows.
#'   `genes` has a row for each gene: `gene`, `statistic`, `df1`, `df`, `p`, `q`, and the group that differs most.
#' @section Errors:
#' `fatefield_error_input` names the argument: no velocities, no such column or genes, fewer than two groups of
#' `min.cells` cells.
#' `fatefield_error_stale`: the counts have changed since [EstimateVelocity()].
#' @references Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical modeling.
#'   Nature Biotechnology 38.
#' @seealso [PlotPhase()], [EstimateVelocity()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' kinetics <- DifferentialKinetics(cells, group.by = "state")
#' kinetics
#' plot(kinetics)
#' @export
DifferentialKinetics <- function(object, ...) UseMethod("DifferentialKinetics")

#' @rdname DifferentialKinetics
#' @export
DifferentialKinetics.default <- function(object, group.by, unspliced = NULL, genes = NULL, knn = NULL,
                                         min.cells = 10L, conf.level = 0.95, ...) {
  check_no_dots(names(formals(DifferentialKinetics.default)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  data <- kinetic_data(object, unspliced, genes, knn)
  cells <- colnames(data$s)
  group <- check_labels(cell_vector(group.by, cells, "group.by"), "group.by", length(cells), 2L)
  kinetics_of(data, group, check_count(min.cells, "min.cells", 3L), check_number(conf.level, "conf.level", 0, 1))
}

#' @rdname DifferentialKinetics
#' @export
DifferentialKinetics.Seurat <- function(object, group.by, genes = NULL, min.cells = 10L, conf.level = 0.95,
                                        velocity = NULL, ...) {
  check_no_dots(names(formals(DifferentialKinetics.Seurat)), ...)
  if (missing(group.by)) stop_input("group.by", "`group.by` is needed: the groups of the cells.")
  group <- cell_column(object, group.by, "group.by")
  found <- DifferentialKinetics.default(fetch_velocity(object, velocity), group, genes = genes, min.cells = min.cells,
    conf.level = conf.level)
  found$cols <- label_colours(object, levels(found$table$group))
  found
}

#' @rdname DifferentialKinetics
#' @export
DifferentialKinetics.SingleCellExperiment <- DifferentialKinetics.Seurat

# list(s, rest (genes x cells), shared): spliced means, what the common fit leaves of the unspliced ones, and who shares
# counts.
kinetic_data <- function(object, unspliced, genes, knn) {
  if (inherits(object, "fatefield_velocity")) {
    genes <- asked_velocity_genes(object, genes)
    moments <- velocity_moments(object, genes)
    return(list(s = moments$Ms, rest = moments$Mu - common_unspliced(object, genes, moments$Ms),
      shared = shared_cells(object$knn, ncol(moments$Ms))))
  }
  s <- gene_matrix(object, "object")
  if (is.null(unspliced)) stop_input("unspliced", "`unspliced` is needed beside a matrix of means of spliced counts.")
  u <- gene_matrix(unspliced, "unspliced")
  if (!identical(dim(u), dim(s))) {
    stop_input("unspliced", "`unspliced` is ", nrow(u), " x ", ncol(u), ", the spliced means are ", nrow(s), " x ",
      ncol(s), ".")
  }
  s <- numbered(s)
  dimnames(u) <- dimnames(s)
  if (!is.null(genes)) genes <- check_velocity_genes(genes, rownames(s)) else genes <- rownames(s)
  list(s = s[genes, , drop = FALSE], rest = u[genes, , drop = FALSE],
    shared = shared_cells(check_knn(knn, colnames(s)), ncol(s)))
}

# What the fit says of unspliced means, genes x cells: that of the curve at the time of the cell, or of the line.
common_unspliced <- function(object, genes, s) {
  fit <- object$genes[genes, , drop = FALSE]
  if (is.null(object$fit_t)) {
    offset <- if (is.null(fit$velocity_offset)) 0 else fit$velocity_offset
    return(fit$velocity_gamma * s + offset)
  }
  fitted <- intersect(genes, rownames(object$fit_t))
  line <- fit$fit_gamma / fit$fit_beta * s
  t <- object$fit_t[fitted, , drop = FALSE]
  fit <- fit[fitted, , drop = FALSE]
  beta <- fit$fit_beta * fit$fit_scaling
  top <- fit$fit_alpha / beta
  on <- top * (1 - exp(-beta * t))
  off <- top * (1 - exp(-beta * fit$fit_t_)) * exp(-beta * pmax(t - fit$fit_t_, 0))
  line[fitted, ] <- fit$fit_scaling * ifelse(t <= fit$fit_t_, on, off)
  line
}

kinetics_of <- function(data, group, min.cells, conf.level) {
  used <- names(compared_groups(group, min.cells))
  known <- which(!is.na(group))
  sums <- lapply(c(used, NA), function(g) {
    slope_sums(data, if (is.na(g)) known else which(group == g))
  })
  names(sums) <- c(used, "all")
  effective <- effective_cells(data$shared, known)
  rows <- lapply(used, function(g) {
    rest <- slope_sums(data, setdiff(known, which(group == g)))
    data.frame(gene = rownames(data$s), group = g, slope_test(sums[[g]], rest, effective, conf.level))
  })
  table <- do.call(rbind, rows)
  table$group <- factor(table$group, used)
  table$q <- stats::p.adjust(table$p, "BH")
  table <- table[order(table$p, -table$statistic), ]
  genes <- all_slopes_test(sums[used], effective)
  most <- table[!duplicated(table$gene), ]
  genes <- data.frame(gene = rownames(data$s), genes, group = most$group[match(rownames(data$s), most$gene)])
  new_result("kinetics", table, list(
    genes = genes[order(genes$p), ], effective = effective, cells = length(known), cols = colours_of(used)
  ), by = "gene")
}

# Sums over the cells `at`: of squares of s, of products, of squares of what is left; and by which factor shared counts
# raise the variance of the slope.
slope_sums <- function(data, at) {
  s <- data$s[, at, drop = FALSE]
  r <- data$rest[, at, drop = FALSE]
  ss <- rowSums(s^2)
  spread <- Matrix::rowSums((s %*% data$shared[at, , drop = FALSE])^2)
  list(ss = ss, sr = rowSums(s * r), rr = rowSums(r^2), design = ifelse(ss > 0, spread / ss, 1), n = length(at))
}

# Sum of squares that slopes of their own leave.
left_over <- function(x) x$rr - ifelse(x$ss > 0, x$sr^2 / x$ss, 0)

slope_test <- function(own, rest, effective, conf.level) {
  n <- own$n + rest$n
  variance <- pmax(left_over(own) + left_over(rest), 0) / (n - 2)
  slope <- own$sr / own$ss - rest$sr / rest$ss
  error <- variance * (own$design / own$ss + rest$design / rest$ss)
  df <- max(effective - 2, 1)
  statistic <- slope^2 / error
  half <- stats::qt(0.5 + conf.level / 2, df) * sqrt(error)
  data.frame(
    slope = slope, slope_low = slope - half, slope_high = slope + half, statistic = statistic, df = df,
    p = stats::pf(statistic, 1, df, lower.tail = FALSE), row.names = NULL
  )
}

# Do the slopes of the groups differ at all? Sums of all groups.
all_slopes_test <- function(sums, effective) {
  k <- length(sums)
  of <- function(f) vapply(sums, f, numeric(length(sums[[1L]]$ss)))
  as.columns <- function(m) matrix(m, ncol = k)
  n <- sum(vapply(sums, `[[`, 1, "n"))
  variance <- pmax(rowSums(as.columns(of(left_over))), 0) / (n - k)
  slope <- as.columns(of(function(x) ifelse(x$ss > 0, x$sr / x$ss, 0)))
  weight <- as.columns(of(function(x) x$ss / x$design))
  mean <- rowSums(weight * slope) / rowSums(weight)
  statistic <- rowSums(weight * (slope - mean)^2) / (variance * (k - 1))
  df <- max(effective - k, 1)
  p <- stats::pf(statistic, k - 1, df, lower.tail = FALSE)
  data.frame(statistic = statistic, df1 = k - 1, df = df, p = p, q = stats::p.adjust(p, "BH"), row.names = NULL)
}

headline.fatefield_kinetics <- function(x) {
  sure <- which(x$table$q < 0.05)
  first <- x$table[1L, ]
  c(
    paste0(sum(x$genes$q < 0.05, na.rm = TRUE), " of ", counted(nrow(x$genes), "gene"),
      " have kinetics that differ between groups (q < 0.05)"),
    paste0("most in ", first$group, ": ", first$gene, ", slope of unspliced on spliced ",
      if (isTRUE(first$slope > 0)) "above" else "below", " that of all others by ",
      with_interval(first$slope, first$slope_low, first$slope_high)),
    paste0(counted(x$cells, "cell"), " share counts with neighbours and count as ", format(x$effective, digits = 3L))
  )[c(TRUE, nrow(x$table) > 0L, TRUE)]
}

#' @rdname DifferentialKinetics
#' @export
summary.fatefield_kinetics <- function(object, ...) {
  parts <- split(object$table, object$table$group)
  data.frame(
    group = names(parts), genes = vapply(parts, nrow, 1L),
    higher = vapply(parts, function(t) sum(t$q < 0.05 & t$slope > 0, na.rm = TRUE), 1L),
    lower = vapply(parts, function(t) sum(t$q < 0.05 & t$slope < 0, na.rm = TRUE), 1L),
    first = vapply(parts, function(t) if (nrow(t) == 0L) NA_character_ else t$gene[[1L]], ""), row.names = NULL
  )
}

#' @rdname DifferentialKinetics
#' @param x Tests of kinetics.
#' @param n.label Genes of each group that are named.
#' @param cols Colours of the groups by name; `NULL` takes those of [DefineFates()], where the object has them.
#' @param ncol Columns of panels; `NULL` chooses.
#' @export
plot.fatefield_kinetics <- function(x, n.label = 3L, cols = NULL, ncol = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_kinetics)), ...)
  n.label <- check_count(n.label, "n.label", 0L)
  t <- x$table
  t$strength <- -log10(pmax(t$p, 1e-50))
  t$side <- ifelse(!is.na(t$q) & t$q < 0.05, as.character(t$group), NA)
  named <- do.call(rbind, lapply(split(t, t$group), function(g) utils::head(g[order(g$p), ], n.label)))
  ggplot2::ggplot(t, ggplot2::aes(.data$slope, .data$strength)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey80", linewidth = 0.3) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$side), size = 1, na.rm = TRUE) +
    gene_names(named, ggplot2::aes(.data$slope, .data$strength, label = .data$gene), TRUE) +
    ggplot2::facet_wrap("group", ncol = ncol) +
    scale_labels(levels(t$group), c(cols, x$cols), guide = "none") +
    ggplot2::labs(x = "slope of unspliced on spliced, less that of all other cells", y = "-log10 p") + theme_curves()
}
