# Draws the history of a training: one panel for each kind of number, one line for each member.

#' Plot the training
#'
#' Draws the history of a model's training: the loss of training and held-out cells, the Sinkhorn
#' divergence at each time, and the other numbers recorded.
#' `variance ratio` is the simulated over the observed variance of held-out cells (the median of
#' dimensions and later times), 1 where clouds are as wide as they should be.
#' For a good fit the held-out loss levels off near the loss of training; where it rises again,
#' the training has been too long.
#'
#' @section Basic use:
#' ```
#' PlotTraining(cells)
#' ```
#' @param object A Seurat object or a SingleCellExperiment that holds a model, a model, or a data.frame of a history.
#' @param model A model, or the name of one in the object; `NULL` takes the last one fitted.
#' @param columns (strings) Columns of the history to draw; `NULL` takes all that vary.
#' @param log10 Draw positive losses on a logarithmic axis?
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input`: an empty history or no such column; `fatefield_error_model`: no model.
#' @seealso [FitSDE()], [FitVelocityField()], and `summary()` of a model, which says how its training ended
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 40, verbose = FALSE)
#' PlotTraining(cells)
#' @export
PlotTraining <- function(object, ...) UseMethod("PlotTraining")

#' @rdname PlotTraining
#' @export
PlotTraining.default <- function(object, model = NULL, columns = NULL, log10 = TRUE, ...) {
  check_no_dots(names(formals(PlotTraining.default)), ...)
  check_flag(log10, "log10")
  history <- if (is.data.frame(object)) object else chosen_model(object, model)$history
  if (nrow(history) == 0L) stop_input("object", "`object`: its history of training is empty.")
  long <- long_history(history, columns)
  members <- length(unique(long$member))
  plot <- ggplot2::ggplot(long, ggplot2::aes(
    .data$step, .data$value, colour = .data$series,
    group = interaction(.data$series, .data$member)
  )) +
    ggplot2::geom_line(linewidth = 0.4, alpha = if (members > 1L) 0.6 else 1) +
    ggplot2::geom_point(data = sparse_points(long), size = 0.9) +
    ggplot2::facet_wrap("panel", scales = "free_y", labeller = ggplot2::label_wrap_gen(24)) +
    scale_labels(levels(long$series), breaks = shared_series(long)) + big_key() + theme_curves() +
    ggplot2::labs(x = attr(long, "step"), y = NULL, colour = NULL)
  positive <- all(long$value > 0)
  if (log10 && positive) plot + ggplot2::scale_y_log10() else plot
}

#' @rdname PlotTraining
#' @export
PlotTraining.Seurat <- function(object, model = NULL, columns = NULL, log10 = TRUE, ...) {
  call_worker(PlotTraining.default, ...)
}

#' @rdname PlotTraining
#' @export
PlotTraining.SingleCellExperiment <- PlotTraining.Seurat

#' @rdname PlotTraining
#' @param x A model.
#' @export
plot.fatefield_model <- function(x, ...) PlotTraining(x, ...)

# A model of any type.
chosen_model <- function(object, model) {
  if (inherits(object, "fatefield_model")) {
    return(check_model(object, "object"))
  }
  check_object(object)
  choose_model(object, model, type = c("sde", "field"), last = TRUE)
}

# Rows step, member, series, value, panel; steps without a value are left out.
long_history <- function(history, columns) {
  numeric <- names(history)[vapply(history, is.numeric, logical(1))]
  step <- intersect(c("update", "epoch", "step", "iteration"), numeric)[1L]
  at <- if (is.na(step)) seq_len(nrow(history)) else history[[step]]
  member <- intersect(c("member", "model", "seed"), names(history))[1L]
  series <- setdiff(numeric, c(step, member))
  if (is.null(columns)) {
    varies <- function(x) any(is.finite(x)) && diff(range(x[is.finite(x)])) > 0
    series <- series[vapply(history[series], varies, logical(1))]
  } else {
    lost <- setdiff(columns, series)
    if (length(lost) > 0L) {
      stop_input("columns", "`columns`: the history has no ", quoted(lost[[1L]]), "; it has ",
        quoted(series), ".", near(lost[[1L]], series))
    }
    series <- columns
  }
  if (length(series) == 0L) stop_input("object", "`object`: its history has no numbers that vary.")
  series <- series[order(as.integer(history_panel(series)))]
  long <- do.call(rbind, lapply(series, function(s) {
    data.frame(step = at, member = if (is.na(member)) 1 else history[[member]], series = s,
      value = history[[s]])
  }))
  long <- long[is.finite(long$value), ]
  long$panel <- history_panel(long$series)
  long$series <- factor(gsub("[._]", " ", long$series), levels = gsub("[._]", " ", series))
  attr(long, "step") <- if (is.na(step)) "row" else step
  long
}

# Losses share a panel, so do the distances of a kind at each time; all else has its own.
history_panel <- function(series) {
  panel <- gsub("[._]", " ", series)
  panel[series %in% c("loss", "error", "train", "held_out", "held.out", "heldout", "validation") |
    grepl("(loss|train|valid).*", series)] <- "loss"
  panel[startsWith(series, "sinkhorn")] <- "divergence at each time"
  panel[startsWith(series, "sliced")] <- "sliced distance at each time"
  factor(panel, levels = unique(panel))
}

# Series that share a panel with others; the title names those that do not.
shared_series <- function(long) {
  pairs <- unique(long[c("panel", "series")])
  as.character(pairs$series[pairs$panel %in% pairs$panel[duplicated(pairs$panel)]])
}

# Series known at few steps only are drawn with points, or a line of one value would not be seen.
sparse_points <- function(long) {
  most <- length(unique(long$step))
  few <- names(which(table(long$series) < 0.5 * most * length(unique(long$member))))
  long[long$series %in% few, ]
}
