# Unspliced against spliced molecules of genes, with what the velocities rest on. Takes velocities; gives a
# ggplot.

#' Plot phase portraits of genes
#'
#' Draws the smoothed unspliced against the smoothed spliced molecules of each gene, a point for each cell,
#' as the velocities were estimated from them.
#' The dashed line is the steady state: cells above it are raising the gene, cells below are lowering it.
#' Where the kinetics of a gene were fitted (`mode = "dynamical"`), a curve shows the fit: up from the origin
#' while the gene is on, and back once it is off, as far as there are cells near it.
#'
#' @section Basic use:
#' ```
#' PlotPhase(cells, c("Cpe", "Sulf2"), group.by = "type")
#' ```
#'
#' @details
#' A gene whose cells do not bend away from the line tells nothing of direction, however high its velocity.
#'
#' @param object A Seurat object or SingleCellExperiment that [EstimateVelocity()] has seen, or a result of
#'   it.
#' @param genes Names of genes.
#' @param group.by Colours of the cells: a column of the cell data, one value for each cell, or
#'   `"velocity"` for the velocity of the gene itself.
#'   `NULL` takes the identities of a Seurat object where there are several, else grey.
#' @param cols Colours: for groups by label or in their order, else a scale from low to high values; `NULL` takes
#'   those of [DefineFates()], where the object has them.
#' @param pt.size,pt.alpha Size and opacity of the cells; `NULL` chooses the size by their number.
#' @param raster Draw points as pixels?
#'   `NULL` does so for more than 50,000 points, if scattermore is installed.
#' @param order Draw high values, or the last groups, on top?
#'   By default groups are mixed.
#' @param ncol Columns of panels; `NULL` chooses.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param ... Not used.
#' @return A ggplot with a panel for each gene.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no velocities, a gene that is not among the fitted ones.
#'   `fatefield_error_stale`: the counts have changed since [EstimateVelocity()].
#' @references
#' La Manno et al. (2018) RNA velocity of single cells. Nature 560.
#'
#' Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical
#' modeling. Nature Biotechnology 38.
#' @seealso [EstimateVelocity()], [PlotVelocity()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' genes <- rownames(cells[["velocity"]])[1:2]
#' PlotPhase(cells, genes)
#' @export
PlotPhase <- function(object, genes, group.by = NULL, cols = NULL, pt.size = NULL, pt.alpha = 0.6, raster = NULL,
                      order = FALSE, ncol = NULL, velocity = NULL, ...) {
  check_no_dots(names(formals(PlotPhase)), ...)
  check_number(pt.alpha, "pt.alpha", min = 0, max = 1)
  found <- fetch_velocity(object, velocity)
  if (missing(genes) || !is.character(genes) || anyNA(genes) || length(genes) == 0L) {
    stop_input("genes", "`genes` must be names of genes.")
  }
  lost <- setdiff(genes, rownames(found$genes))
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: ", quoted(lost[[1L]]), " is not among the ",
      nrow(found$genes), " genes with velocities.", near(lost[[1L]], rownames(found$genes)))
  }
  genes <- unique(genes)
  group <- phase_groups(object, found, group.by, cols)
  cells <- phase_cells(found, genes, group, order)
  lines <- steady_lines(found$genes, genes, cells)
  curves <- near_cells(phase_curves(found$genes, genes), cells)
  plot <- ggplot2::ggplot(cells, ggplot2::aes(.data$spliced, .data$unspliced)) +
    phase_points(cells, group, pt.size, pt.alpha, raster)
  if (!is.null(lines)) {
    plot <- plot + ggplot2::geom_segment(
      data = lines, ggplot2::aes(x = 0, y = .data$offset, xend = .data$xend, yend = .data$yend),
      linetype = "dashed", linewidth = 0.5, colour = "grey20"
    )
  }
  if (!is.null(curves)) {
    plot <- plot + ggplot2::geom_path(
      data = curves, ggplot2::aes(group = .data$branch), linewidth = 0.8, colour = "#7A1FA2"
    )
  }
  plot + ggplot2::facet_wrap("gene", scales = "free", ncol = ncol) + theme_curves() +
    ggplot2::theme(panel.grid = ggplot2::element_blank()) +
    ggplot2::labs(x = "spliced", y = "unspliced")
}

# As plot_groups(); values "velocity" where each gene has its own.
phase_groups <- function(object, found, group.by, cols) {
  if (identical(group.by, "velocity")) {
    return(list(values = "velocity", name = "velocity", cols = cols))
  }
  if (!inherits(object, "fatefield_velocity")) {
    return(plot_groups(object, group.by, cols))
  }
  if (is.null(group.by)) {
    return(list(values = NULL, name = NULL))
  }
  names <- list(rownames(found$cells), NULL)
  plot_groups(matrix(0, nrow(found$cells), 1, dimnames = names), group.by, cols)
}

phase_cells <- function(found, genes, group, order) {
  moments <- velocity_moments(found, genes)
  own <- identical(group$values, "velocity")
  keep <- if (own) mixed_order(ncol(found$velocity)) else order_of_cells(group, ncol(found$velocity), order)
  column <- function(x) as.vector(t(x[genes, keep, drop = FALSE]))
  cells <- data.frame(
    spliced = column(moments$Ms), unspliced = column(moments$Mu),
    gene = factor(rep(genes, each = length(keep)), levels = genes)
  )
  if (own) {
    v <- found$velocity[genes, , drop = FALSE]
    # Genes differ in scale; the sign and the rank within the gene are what can be compared.
    v <- v / apply(abs(v), 1L, stats::quantile, 0.98, na.rm = TRUE)
    cells$group <- column(v)
    if (check_flag(order, "order")) cells <- cells[drawing_order(cells$group, TRUE), , drop = FALSE]
  } else if (!is.null(group$values)) {
    cells$group <- rep(group$values[keep], length(genes))
  }
  cells
}

phase_points <- function(cells, group, size, alpha, raster) {
  n <- nrow(cells) / nlevels(cells$gene)
  if (!identical(group$values, "velocity")) {
    return(group_points(cells, group, size, 1.5 * point_size(n), alpha, raster))
  }
  cols <- if (length(group$cols) >= 3L) group$cols else c("#2166AC", "grey90", "#B2182B")
  list(
    sized_points(cells, ggplot2::aes(colour = .data$group), size, 1.5 * point_size(n), alpha, raster),
    ggplot2::scale_colour_gradientn(
      "velocity\n(scaled)", colours = unname(cols), limits = c(-1, 1),
      oob = function(x, range) pmin(pmax(x, range[[1L]]), range[[2L]]), na.value = "grey85"
    )
  )
}

# The line of the steady state up to the edge of the cells; NULL where no gene has one.
steady_lines <- function(fits, genes, cells) {
  fitted <- "fit_gamma" %in% names(fits)
  slope <- if (fitted) {
    fits[genes, "fit_gamma"] / fits[genes, "fit_beta"]
  } else {
    fits[genes, "velocity_gamma"]
  }
  offset <- if (!fitted && "velocity_offset" %in% names(fits)) fits[genes, "velocity_offset"] else 0
  most <- function(column) as.vector(tapply(cells[[column]], cells$gene, max))
  xend <- pmin(most("spliced"), (most("unspliced") - offset) / slope)
  lines <- data.frame(
    gene = factor(genes, levels = genes), offset = offset, xend = xend,
    yend = offset + slope * xend
  )
  lines <- lines[is.finite(lines$yend) & lines$xend > 0, , drop = FALSE]
  if (nrow(lines) > 0L) lines
}

# Points of the fitted curves, on and off, for genes with kinetics; NULL where there are none.
phase_curves <- function(fits, genes) {
  needed <- paste0("fit_", c("alpha", "beta", "gamma", "scaling", "t_"))
  if (!all(needed %in% names(fits))) {
    return(NULL)
  }
  fits <- fits[genes, needed]
  fits <- fits[stats::complete.cases(fits), , drop = FALSE]
  if (nrow(fits) == 0L) {
    return(NULL)
  }
  names(fits) <- sub("^fit_", "", names(fits))
  curves <- lapply(rownames(fits), function(gene) phase_curve(as.list(fits[gene, ]), gene))
  curves <- do.call(rbind, curves)
  curves$gene <- factor(curves$gene, levels = genes)
  curves
}

# The parts of the curves that cells come near: where only the beginning of a gene's kinetics is seen, the rest of the
# curve is far away and would leave the cells no room. A way back that comes in sight again only along the axis, below a
# tenth of what cells have unspliced, is none of theirs.
near_cells <- function(curves, cells) {
  if (is.null(curves)) {
    return(NULL)
  }
  seen <- function(column) {
    most <- tapply(cells[[column]], cells$gene, max)
    curves[[column]] <= 1.2 * most[as.character(curves$gene)]
  }
  shown <- curves[seen("spliced") & seen("unspliced"), , drop = FALSE]
  highest <- tapply(shown$unspliced, shown$branch, max)[shown$branch]
  least <- 0.1 * tapply(cells$unspliced, cells$gene, max)[as.character(shown$gene)]
  shown[endsWith(shown$branch, " on") | highest > least, , drop = FALSE]
}

# du/dt = alpha - beta u, ds/dt = beta u - gamma s, from the origin until t_, then with alpha = 0.
# `beta` is for unspliced molecules on their own scale, `scaling` times those of the equations.
phase_curve <- function(fit, gene) {
  beta <- fit$beta * fit$scaling
  at <- function(tau, alpha, u0, s0) {
    decay <- exp(-beta * tau)
    lost <- exp(-fit$gamma * tau)
    mixed <- if (abs(fit$gamma - beta) > 1e-8 * beta) {
      (alpha - beta * u0) / (fit$gamma - beta) * (lost - decay)
    } else {
      (beta * u0 - alpha) * tau * decay
    }
    data.frame(
      unspliced = u0 * decay + alpha / beta * (1 - decay),
      spliced = s0 * lost + alpha / fit$gamma * (1 - lost) + mixed
    )
  }
  on <- at(seq(0, fit$t_, length.out = 200L), fit$alpha, 0, 0)
  last <- on[nrow(on), ]
  # Slow rates need long to come back; after 6 mean lifetimes 0.2 % are left.
  off <- at(seq(0, 6 / min(beta, fit$gamma), length.out = 400L), 0, last$unspliced, last$spliced)
  curve <- rbind(cbind(on, branch = paste(gene, "on")), cbind(off, branch = paste(gene, "off")))
  curve$unspliced <- curve$unspliced * fit$scaling
  curve$gene <- gene
  curve
}
