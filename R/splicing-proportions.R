# Shares of spliced and unspliced molecules in groups of cells. Takes two matrices of counts; gives a table.

#' Shares of spliced and unspliced molecules
#'
#' How many of the molecules of each cell are spliced, and do groups differ?
#' 10 to 25 unspliced molecules in 100 are usual.
#' Far fewer leave velocities to chance; a batch with another share, or a group without any unspliced molecules, is seen
#' here before velocities are misled by it.
#'
#' @section Basic use:
#' ```
#' shares <- SplicingProportions(cells, group.by = "celltype")
#' shares
#' plot(shares)
#' ```
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix of spliced counts (genes x cells).
#' @param unspliced,spliced As in [EstimateVelocity()]: for a matrix that of the unspliced counts, for an object the
#'   names of assays or layers, `NULL` looks for usual ones.
#' @param group.by Groups: a column, or one label for each cell; `NULL` takes all cells together.
#' @param conf.level Level of the intervals.
#' @param ... Not used.
#' @return A result of class `fatefield_splicing`, see [results].
#'   Its table has two rows for each group: `group`, `molecules` (`"spliced"`, `"unspliced"`), `cells`, and `share`, the
#'   mean over cells of the share of their molecules, with its interval over cells, `share_low` and `share_high`.
#'   `shares` has the share of unspliced molecules of each cell, missing for cells without any molecule.
#' @section Errors:
#' `fatefield_error_input` names the argument: no unspliced counts, other cells or genes in the two, no such column.
#' @seealso [EstimateVelocity()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' shares <- SplicingProportions(cells, group.by = "state")
#' shares
#' plot(shares)
#' @export
SplicingProportions <- function(object, ...) UseMethod("SplicingProportions")

#' @rdname SplicingProportions
#' @export
SplicingProportions.default <- function(object, unspliced, group.by = NULL, conf.level = 0.95, ...) {
  check_no_dots(names(formals(SplicingProportions.default)), ...)
  if (missing(unspliced)) {
    stop_input("unspliced", "`unspliced` is needed: a matrix of genes x cells beside the spliced one.")
  }
  conf.level <- check_number(conf.level, "conf.level", 0, 1)
  pair <- count_pair(object, unspliced, c("object", "unspliced"))
  group <- if (!is.null(group.by)) cell_vector(group.by, colnames(pair$spliced), "group.by")
  splicing_of(pair, group, conf.level)
}

#' @rdname SplicingProportions
#' @export
SplicingProportions.Seurat <- function(object, spliced = NULL, unspliced = NULL, group.by = NULL, conf.level = 0.95,
                                       ...) {
  check_no_dots(names(formals(SplicingProportions.Seurat)), ...)
  layer <- function(name, which) {
    layer_at(object, find_layer(object, name, splicing_aliases[[which]], which), which)
  }
  pair <- count_pair(layer(spliced, "spliced"), layer(unspliced, "unspliced"))
  group <- if (!is.null(group.by)) cell_column(object, group.by, "group.by")
  splicing_of(pair, group, check_number(conf.level, "conf.level", 0, 1))
}

#' @rdname SplicingProportions
#' @export
SplicingProportions.SingleCellExperiment <- SplicingProportions.Seurat

splicing_of <- function(pair, group, conf.level) {
  cells <- colnames(pair$spliced)
  u <- Matrix::colSums(pair$unspliced)
  total <- u + Matrix::colSums(pair$spliced)
  shares <- stats::setNames(ifelse(total > 0, u / total, NA), cells)
  group <- if (is.null(group)) factor(rep("all", length(cells))) else check_labels(group, "group.by", length(cells))
  half <- stats::qnorm(0.5 + conf.level / 2)
  rows <- lapply(levels(group), function(g) {
    x <- shares[which(group == g & total > 0)]
    width <- half * stats::sd(x) / sqrt(length(x))
    share <- c(1 - mean(x), mean(x))
    data.frame(
      group = g, molecules = c("spliced", "unspliced"), cells = length(x), share = share,
      share_low = pmax(share - width, 0), share_high = pmin(share + width, 1)
    )
  })
  table <- do.call(rbind, rows)
  table$group <- factor(table$group, levels(group))
  new_result("splicing", table, list(shares = shares), by = "group")
}

headline.fatefield_splicing <- function(x) {
  t <- x$table[x$table$molecules == "unspliced", ]
  all <- mean(x$shares, na.rm = TRUE)
  low <- t[which.min(t$share), ]
  high <- t[which.max(t$share), ]
  c(
    paste0(percent(all), " of the molecules of a cell are unspliced, over ", counted(sum(!is.na(x$shares)), "cell"),
      if (isTRUE(all < 0.05)) "; that is little for velocities"),
    if (nrow(t) > 1L) paste0("least in ", low$group, ", ", with_interval(low$share, low$share_low, low$share_high),
      "; most in ", high$group, ", ", with_interval(high$share, high$share_low, high$share_high))
  )
}

#' @rdname SplicingProportions
#' @export
summary.fatefield_splicing <- function(object, ...) object$table[object$table$molecules == "unspliced", ]

#' @rdname SplicingProportions
#' @param x Shares.
#' @export
plot.fatefield_splicing <- function(x, ...) {
  check_no_dots("x", ...)
  t <- x$table
  t$molecules <- factor(t$molecules, c("unspliced", "spliced"))
  edge <- t[t$molecules == "spliced", ]
  ggplot2::ggplot(t, ggplot2::aes(.data$share, .data$group)) +
    ggplot2::geom_col(ggplot2::aes(fill = .data$molecules), width = 0.75) +
    ggplot2::geom_segment(data = edge, ggplot2::aes(x = .data$share_low, xend = .data$share_high,
      yend = .data$group), linewidth = 0.8) +
    ggplot2::geom_text(data = edge, ggplot2::aes(x = 0.02, label = percent_each(.data$share)), hjust = 0,
      colour = "white", size = 3.2) +
    ggplot2::scale_fill_manual(NULL, values = c(unspliced = label_palette[[2L]], spliced = label_palette[[1L]])) +
    ggplot2::scale_y_discrete(limits = rev(levels(t$group))) +
    ggplot2::scale_x_continuous(expand = c(0, 0)) +
    ggplot2::labs(x = "share of molecules", y = NULL) + theme_curves()
}

percent_each <- function(share) vapply(share, percent, "")
