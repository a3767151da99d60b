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
#' A gene whose cells do not bend away from the line tells nothing of direction, however high its velocity.
#'
#' @param object A Seurat object or SingleCellExperiment that [EstimateVelocity()] has seen, or a result of
#'   it.
#' @param features Names of genes.
#' @param group.by Colours of the cells: a column of the cell data, one value for each cell, or
#'   `"velocity"` for the velocity of the gene itself.
#'   `NULL` takes the identities of a Seurat object where there are several, else grey.
#' @param pt.size,pt.alpha Size and opacity of the cells; `NULL` chooses the size by their number.
#' @param ncol Columns of panels; `NULL` chooses.
#' @param max.cells At most this many cells are drawn, evenly spread; default 20,000.
#' @param name Name of the velocities in the object; `NULL` takes those estimated last.
#' @param ... Not used.
#' @return A ggplot with a panel for each gene.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no velocities, a gene that is not among the fitted ones.
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
PlotPhase <- function(object, features, group.by = NULL, pt.size = NULL, pt.alpha = 0.6, ncol = NULL,
                      max.cells = 20000L, name = NULL, ...) {
  check_no_dots(names(formals(PlotPhase)), ...)
  check_number(pt.alpha, "pt.alpha", min = 0, max = 1)
  velocity <- fetch_velocity(object, name)
  if (missing(features) || !is.character(features) || anyNA(features) || length(features) == 0L) {
    stop_input("features", "`features` must be names of genes.")
  }
  lost <- setdiff(features, rownames(velocity$genes))
  if (length(lost) > 0L) {
    stop_input("features", "`features`: ", quoted(lost[[1L]]), " is not among the ",
      nrow(velocity$genes), " genes with velocities.", near(lost[[1L]], rownames(velocity$genes)))
  }
  features <- unique(features)
  group <- phase_groups(object, velocity, group.by)
  keep <- thinned(ncol(velocity$velocity), max.cells)
  keep <- keep[order((seq_along(keep) * 0.6180339887) %% 1)]
  cells <- phase_cells(velocity, features, group, keep)
  lines <- steady_lines(velocity$genes, features, cells)
  curves <- near_cells(phase_curves(velocity$genes, features), cells)
  size <- if (is.null(pt.size)) 1.5 * point_size(length(keep)) else point_size(1L, pt.size)
  plot <- ggplot2::ggplot(cells, ggplot2::aes(.data$spliced, .data$unspliced)) +
    phase_points(group, size, pt.alpha)
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

# list(values, name); values "velocity" where each gene has its own.
phase_groups <- function(object, velocity, group.by) {
  own <- inherits(object, "fatefield_velocity")
  if (identical(group.by, "velocity")) {
    return(list(values = "velocity", name = "velocity"))
  }
  if (!own) {
    return(plot_groups(object, group.by))
  }
  if (is.null(group.by)) {
    return(list(values = NULL, name = NULL))
  }
  plot_groups(matrix(0, nrow(velocity$cells), 1, dimnames = list(rownames(velocity$cells), NULL)), group.by)
}

phase_cells <- function(velocity, features, group, keep) {
  moments <- velocity_moments(velocity, features)
  column <- function(x) as.vector(t(x[features, keep, drop = FALSE]))
  cells <- data.frame(
    spliced = column(moments$Ms), unspliced = column(moments$Mu),
    gene = factor(rep(features, each = length(keep)), levels = features)
  )
  if (identical(group$values, "velocity")) {
    v <- velocity$velocity[features, , drop = FALSE]
    # Genes differ in scale; the sign and the rank within the gene are what can be compared.
    v <- v / apply(abs(v), 1L, stats::quantile, 0.98, na.rm = TRUE)
    cells$group <- column(v)
  } else if (!is.null(group$values)) {
    cells$group <- rep(group$values[keep], length(features))
  }
  cells
}

phase_points <- function(group, size, alpha) {
  if (is.null(group$values)) {
    return(ggplot2::geom_point(size = size, stroke = 0, alpha = alpha, colour = "grey60"))
  }
  points <- ggplot2::geom_point(
    ggplot2::aes(colour = .data$group), size = size, stroke = 0, alpha = alpha
  )
  if (is.factor(group$values)) {
    return(list(points, scale_labels(levels(group$values), name = group$name), big_key()))
  }
  if (!identical(group$values, "velocity")) {
    return(list(points, ggplot2::scale_colour_viridis_c(group$name, na.value = "grey85")))
  }
  list(points, ggplot2::scale_colour_gradient2(
    "velocity\n(scaled)", low = "#2166AC", mid = "grey90", high = "#B2182B", limits = c(-1, 1),
    oob = function(x, range) pmin(pmax(x, range[[1L]]), range[[2L]]), na.value = "grey85"
  ))
}

# The line of the steady state up to the edge of the cells; NULL where no gene has one.
steady_lines <- function(genes, features, cells) {
  fitted <- "fit_gamma" %in% names(genes)
  slope <- if (fitted) {
    genes[features, "fit_gamma"] / genes[features, "fit_beta"]
  } else {
    genes[features, "velocity_gamma"]
  }
  offset <- if (!fitted && "velocity_offset" %in% names(genes)) genes[features, "velocity_offset"] else 0
  most <- function(column) as.vector(tapply(cells[[column]], cells$gene, max))
  xend <- pmin(most("spliced"), (most("unspliced") - offset) / slope)
  lines <- data.frame(
    gene = factor(features, levels = features), offset = offset, xend = xend,
    yend = offset + slope * xend
  )
  lines <- lines[is.finite(lines$yend) & lines$xend > 0, , drop = FALSE]
  if (nrow(lines) > 0L) lines
}

# Points of the fitted curves, on and off, for genes with kinetics; NULL where there are none.
phase_curves <- function(genes, features) {
  needed <- paste0("fit_", c("alpha", "beta", "gamma", "scaling", "t_"))
  if (!all(needed %in% names(genes))) {
    return(NULL)
  }
  fits <- genes[features, needed]
  fits <- fits[stats::complete.cases(fits), , drop = FALSE]
  if (nrow(fits) == 0L) {
    return(NULL)
  }
  names(fits) <- sub("^fit_", "", names(fits))
  curves <- lapply(rownames(fits), function(gene) phase_curve(as.list(fits[gene, ]), gene))
  curves <- do.call(rbind, curves)
  curves$gene <- factor(curves$gene, levels = features)
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
