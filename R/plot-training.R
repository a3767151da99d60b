# Draws the history of a training: one panel for each stage and quantity, one line for each member.

#' Plot the training
#'
#' Draws the history of a model's training, one panel for each stage and quantity: the loss, what held-out cells
#' say, the Sinkhorn divergence at each time, and the other numbers recorded.
#' `variance ratio` is the simulated over the observed variance of held-out cells (the median of
#' dimensions and later times), 1 where clouds are as wide as they should be.
#' The axis of a panel whose values are all positive is logarithmic.
#' The subtitle says how the fit went: the verdict of [FitSDE()], or how the training ended.
#'
#' @section Basic use:
#' ```
#' PlotTraining(cells)
#' ```
#' @param object A Seurat object or a SingleCellExperiment that holds a model, a model, or a data.frame of a history.
#' @param model A model, or the name of one in the object; `NULL` takes the last one fitted.
#' @param columns (strings) Columns of the history to draw; `NULL` takes all that vary.
#' @param log10 Make the axes of positive values logarithmic?
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
  model <- if (!is.data.frame(object)) chosen_model(object, model)
  history <- if (is.null(model)) object else model$history
  if (nrow(history) == 0L) stop_input("object", "`object`: its history of training is empty.")
  long <- long_history(history, columns)
  logarithmic <- if (log10) logarithmic_panels(long)
  long$y <- long$value
  as_logarithm <- long$panel %in% logarithmic
  long$y[as_logarithm] <- log10(long$value[as_logarithm])
  members <- length(unique(long$member))
  shared <- setdiff(unique(as.character(long$key)), "alone")
  ggplot2::ggplot(long, ggplot2::aes(
    .data$step, .data$y, colour = .data$key, group = interaction(.data$key, .data$member)
  )) +
    ggplot2::geom_line(linewidth = 0.4, alpha = if (members > 1L) 0.6 else 1) +
    ggplot2::geom_point(data = sparse_points(long), size = 0.9) +
    facet_panels(logarithmic) +
    ggplot2::scale_colour_manual(values = key_colours(shared), breaks = shared) +
    # All panels of a stage have its span.
    ggplot2::geom_blank(data = stage_spans(long)) +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::scale_y_continuous(breaks = plain_breaks, labels = plain_labels) +
    (if (length(shared) > 0L) big_key() else ggplot2::guides(colour = "none")) + theme_curves() +
    ggplot2::labs(x = attr(long, "step"), y = NULL, colour = NULL, subtitle = training_subtitle(model))
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

# What the model says of its fit, in lines that a figure has room for; NULL for none.
training_subtitle <- function(model, width = 100L) {
  if (is.null(model)) {
    return(NULL)
  }
  text <- if (is.null(model$verdict)) verdict_text(training_ends(model)) else fit_text(model$verdict)
  paste(strwrap(text, width), collapse = "\n")
}

# Rows step, member, stage, series, value, panel, key (which of the lines of a panel, "alone" where it has one); steps
# without a value are left out.
long_history <- function(history, columns) {
  numeric <- names(history)[vapply(history, is.numeric, logical(1))]
  step <- intersect(c("update", "epoch", "step", "iteration"), numeric)[1L]
  member <- intersect(c("member", "model", "seed"), names(history))[1L]
  series <- setdiff(numeric, c(step, member))
  lost <- setdiff(columns, series)
  if (length(lost) > 0L) {
    stop_input("columns", "`columns`: the history has no ", quoted(lost[[1L]]), "; it has ",
      quoted(series), ".", near(lost[[1L]], series))
  }
  long <- do.call(rbind, lapply(if (is.null(columns)) series else columns, function(s) {
    data.frame(
      step = if (is.na(step)) seq_len(nrow(history)) else history[[step]],
      member = if (is.na(member)) 1 else history[[member]],
      stage = if (is.null(history[["stage"]])) "" else as.character(history$stage), series = s, value = history[[s]]
    )
  }))
  long <- long[is.finite(long$value), ]
  if (is.null(columns) && !is.null(long)) long <- long[varying(long), ]
  if (NROW(long) == 0L) stop_input("object", "`object`: its history has no numbers that vary.")
  long <- in_panels(long, of.field = identical(step, "epoch"))
  attr(long, "step") <- if (is.na(step)) "row" else step
  long
}

# Whether a quantity varies over its stage, for each row.
varying <- function(long) {
  spread <- function(v) stats::ave(v, paste(long$stage, long$series), FUN = function(v) diff(range(v)))
  spread(long$value) > 0 & spread(long$step) > 0
}

# One row for each panel and end of its stage.
stage_spans <- function(long) {
  first <- long[!duplicated(long$panel), ]
  do.call(rbind, lapply(list(min, max), function(end) {
    first$step <- vapply(first$stage, function(stage) end(long$step[long$stage == stage]), 0)
    first
  }))
}

whole_breaks <- function(limits) unique(round(pretty(limits, 3L)))

# A quantity at several times is one panel, and so are the errors of training and held-out cells of a velocity field,
# which are of one kind; the held-out divergence of a neural SDE is not of the kind of its loss.
in_panels <- function(long, of.field) {
  name <- gsub("[._]", " ", long$series)
  quantity <- sub("^sinkhorn .*", "Sinkhorn divergence", sub("^sliced .*", "sliced distance", name))
  key <- ifelse(quantity == name, "alone", sub("^(sinkhorn|sliced) ", "time ", name))
  errors <- of.field & long$series %in% c("error", "held_out")
  quantity[errors] <- "error"
  key[errors] <- ifelse(long$series[errors] == "error", "training", "held out")
  stages <- unique(long$stage)
  long$panel <- factor(paste0(if (length(stages) > 1L) paste0(long$stage, ": "), quantity))
  first <- order(match(long$stage, stages), match(quantity, unique(quantity)))
  long$panel <- factor(long$panel, unique(long$panel[first]))
  several <- stats::ave(as.integer(factor(key)), long$panel, FUN = function(k) length(unique(k))) > 1
  long$key <- factor(ifelse(several, key, "alone"), union("alone", unique(key)))
  long
}

# Times from dark to light; the line of a panel of its own is grey.
key_colours <- function(keys) {
  times <- startsWith(keys, "time ")
  colours <- stats::setNames(label_palette[seq_along(keys)], keys)
  colours[times] <- grDevices::hcl.colors(sum(times) + 1L, "viridis")[seq_len(sum(times))]
  c(alone = "grey25", colours)
}

# Panels that are drawn as logarithms: those of positive values.
logarithmic_panels <- function(long) {
  positive <- stats::ave(long$value, long$panel, FUN = min) > 0
  unique(as.character(long$panel[positive]))
}

# A panel for each quantity. All share a transformation, so logarithms come as values of `logarithmic` panels, whose
# axes alone say the numbers that they stand for.
facet_panels <- function(logarithmic) {
  plain <- ggplot2::facet_wrap("panel", scales = "free", labeller = ggplot2::label_wrap_gen(28))
  ggplot2::ggproto(NULL, plain, init_scales = function(self, layout, x_scale = NULL, y_scale = NULL, params) {
    scales <- ggplot2::ggproto_parent(plain, self)$init_scales(layout, x_scale, y_scale, params)
    own <- if (!is.null(scales$y)) layout$SCALE_Y[layout$panel %in% logarithmic]
    for (i in own) {
      scales$y[[i]]$breaks <- log_breaks
      scales$y[[i]]$labels <- log_labels
    }
    scales
  })
}

plain_breaks <- function(limits) pretty(limits, 4L)

# Of limits that are logarithms to base 10.
log_breaks <- function(limits) {
  if (diff(limits) < 2) {
    return(log10(grDevices::axisTicks(limits, log = TRUE, nint = 3L)))
  }
  seq(ceiling(limits[[1L]]), limits[[2L]], by = ceiling(diff(limits) / 4))
}

plain_labels <- function(breaks) format_each(breaks, 3L)

log_labels <- function(breaks) plain_labels(10^breaks)

# Series known at few steps only are drawn with points, or a line of one value would not be seen.
sparse_points <- function(long) {
  steps <- function(v) length(unique(v))
  of <- stats::ave(long$step, paste(long$panel, long$series), FUN = steps)
  long[of < 0.5 * stats::ave(long$step, long$stage, FUN = steps), ]
}
