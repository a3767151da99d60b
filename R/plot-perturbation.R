# Perturbations, screens and doses to ggplot.

#' Plot perturbations
#'
#' @param object A result of [PerturbCells()] (the change of each fate with its interval) or of
#'   [ScreenPerturbations()].
#' @param type Of a screen: `"volcano"` (default: change against significance, one panel per fate) or `"heatmap"` (change
#'   of the genes with the largest changes, by fate).
#' @param fate (strings) Fates to show; `NULL` takes all.
#' @param n.label Number of genes named in each panel, the largest changes with q < 0.05 first, or shown in the heat map.
#' @return A ggplot.
#' @seealso [PlotDose()]
#' @examples
#' # See PerturbCells() and ScreenPerturbations().
#' @export
PlotPerturbation <- function(object, type = c("volcano", "heatmap"), fate = NULL, n.label = 10L) {
  type <- check_choice(type, c("volcano", "heatmap"), "type")
  n.label <- check_count(n.label, "n.label", min = 0L)
  if (!inherits(object, c("fatefield_perturbation", "fatefield_screen"))) {
    stop_input("object", "`object` must come from PerturbCells() or ScreenPerturbations(), not ", described(object), ".")
  }
  table <- object$table
  if (!is.null(fate)) table <- table[table$fate %in% check_among(fate, unique(table$fate), "fate"), ]
  if (inherits(object, "fatefield_perturbation")) return(plot_change(table, object))
  if (type == "heatmap") plot_screen_map(table, n.label) else plot_volcano(table, n.label)
}

plot_change <- function(table, object) {
  if (!is.null(object$published)) {
    table$change <- table$perturbed - table$control
    table$low <- table$high <- table$change
  }
  ggplot2::ggplot(table, ggplot2::aes(x = .data$change, y = .data$fate)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60") +
    ggplot2::geom_errorbarh(ggplot2::aes(xmin = .data$low, xmax = .data$high), height = 0.2, colour = "grey30") +
    ggplot2::geom_point(size = 2.5, colour = "#0072B2") +
    ggplot2::labs(x = "change of probability", y = NULL, title = describe_change(object$change)) +
    ggplot2::theme_bw()
}

plot_volcano <- function(table, n.label) {
  table <- table[is.finite(table$p), ]
  if (nrow(table) == 0L) {
    stop_input("object", "`object` has no p values to draw a volcano of: screen with `n.null` above 0, or take ",
      "`type = \"heatmap\"`.")
  }
  # p of an extreme z is 0 in double precision.
  table$height <- pmin(-log10(pmax(table$p, 1e-300)), 50)
  table$found <- ifelse(table$q < 0.05, "q < 0.05", "other")
  named <- do.call(rbind, lapply(split(table, table$fate), function(t) {
    utils::head(t[order(t$q >= 0.05, -abs(t$change)), ], n.label)
  }))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$change, y = .data$height, colour = .data$found)) +
    ggplot2::geom_point(size = 0.9, alpha = 0.7) +
    ggplot2::geom_text(data = named, ggplot2::aes(label = .data$gene), size = 2.6, vjust = -0.6, colour = "black",
      check_overlap = TRUE) +
    ggplot2::facet_wrap(ggplot2::vars(.data$fate), scales = "free_x") +
    ggplot2::scale_colour_manual(values = c("q < 0.05" = "#D55E00", other = "grey60")) +
    ggplot2::labs(x = "change of probability", y = "-log10 p against matched genes", colour = NULL) +
    ggplot2::theme_bw()
}

plot_screen_map <- function(table, n.label) {
  genes <- utils::head(unique(table$gene[order(-abs(table$change))]), max(1L, n.label))
  table <- table[table$gene %in% genes, ]
  table$gene <- factor(table$gene, levels = rev(genes))
  ggplot2::ggplot(table, ggplot2::aes(x = .data$fate, y = .data$gene, fill = .data$change)) +
    ggplot2::geom_tile() +
    ggplot2::scale_fill_gradient2(low = "#0072B2", mid = "white", high = "#D55E00") +
    ggplot2::labs(x = NULL, y = NULL, fill = "change") +
    ggplot2::theme_bw() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
}

#' Plot fates by dose
#'
#' @param object A result of [DoseResponse()].
#' @param fate (strings) Fates to show; `NULL` takes all.
#' @return A ggplot: probability by dose with its interval; doses at which more than a fifth of the starts are off the
#'   cells are hollow.
#' @examples
#' # See DoseResponse().
#' @export
PlotDose <- function(object, fate = NULL) {
  if (!inherits(object, "fatefield_dose")) {
    stop_input("object", "`object` must come from DoseResponse(), not ", described(object), ".")
  }
  table <- object$table
  if (!is.null(fate)) table <- table[table$fate %in% check_among(fate, unique(table$fate), "fate"), ]
  table$off <- table$off > most_off
  ggplot2::ggplot(table, ggplot2::aes(x = .data$dose, y = .data$probability)) +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high), fill = "#56B4E9", alpha = 0.4) +
    ggplot2::geom_line(colour = "#0072B2") +
    ggplot2::geom_point(ggplot2::aes(shape = .data$off), colour = "#0072B2") +
    ggplot2::scale_shape_manual(values = c(`FALSE` = 16, `TRUE` = 1), guide = "none") +
    ggplot2::facet_wrap(ggplot2::vars(.data$fate)) +
    ggplot2::labs(x = paste0(paste(object$genes, collapse = " + "), " (", object$units, ")"), y = "probability") +
    ggplot2::theme_bw()
}
