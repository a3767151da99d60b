# Moments of simulated futures, one for each cell, dimension and time. Its table is made on demand: as a data.frame it
# takes several times the memory of the arrays.

# `mean`, `sd`: arrays [cell, dim, time]; `growth`: matrix [cell, time].
new_moments <- function(mean, sd, growth, times) {
  structure(
    list(mean = mean, sd = sd, growth = growth, times = times), class = c("fatefield_moments", "fatefield_result")
  )
}

headline.fatefield_moments <- function(x) {
  size <- dim(x$mean)
  last <- size[[3L]]
  c(
    paste0("moments of the futures of ", counted(size[[1L]], "cell"), " in ", counted(size[[2L]], "dimension"), " at ",
      counted(last, "time"), " from ", format(x$times[[1L]]), " to ", format(x$times[[last]])),
    paste0(
      "at the end a cell's futures have a standard deviation of ", format(sqrt(mean(x$sd[, , last]^2)), digits = 3L),
      " in a dimension, on average",
      if (any(x$growth != 1)) paste0("; one cell has become ", format(mean(x$growth[, last]), digits = 3L))
    )
  )
}

#' @rdname SimulateCells
#' @param x Moments.
#' @param row.names,optional Not used; part of the generic.
#' @export
as.data.frame.fatefield_moments <- function(x, row.names = NULL, optional = FALSE, ...) {
  size <- dim(x$mean)
  data.frame(
    cell = rep(rownames(x$mean), size[[2L]] * size[[3L]]),
    dim = rep(rep(colnames(x$mean), each = size[[1L]]), size[[3L]]),
    time = rep(x$times, each = size[[1L]] * size[[2L]]), mean = as.vector(x$mean), sd = as.vector(x$sd),
    growth = as.vector(x$growth[, rep(seq_len(size[[3L]]), each = size[[2L]])])
  )
}

#' @rdname SimulateCells
#' @export
summary.fatefield_moments <- function(object, ...) {
  over_cells <- function(a) as.vector(apply(a, c(2L, 3L), mean))
  size <- dim(object$mean)
  data.frame(
    dim = rep(colnames(object$mean), size[[3L]]), time = rep(object$times, each = size[[2L]]),
    mean = over_cells(object$mean), between = as.vector(apply(object$mean, c(2L, 3L), stats::sd)),
    within = sqrt(over_cells(object$sd^2))
  )
}

result_rows.fatefield_moments <- function(x) rownames(x$mean)

subset_result.fatefield_moments <- function(x, keep) {
  new_moments(
    x$mean[keep, , , drop = FALSE], x$sd[keep, , , drop = FALSE], x$growth[keep, , drop = FALSE], x$times
  )
}

#' @rdname SimulateCells
#' @param dims Dimensions to draw, numbers or names; `NULL` takes the first six.
#' @param cols Colours by cell; others are chosen.
#' @export
plot.fatefield_moments <- function(x, dims = NULL, cols = NULL, ...) {
  check_no_dots(c("x", "dims", "cols"), ...)
  names <- colnames(x$mean)
  dims <- if (is.null(dims)) utils::head(names, 6L) else names[place_of(dims, names, "dims")]
  few <- nrow(x$mean) <= 10L
  table <- as.data.frame(x)
  table <- table[table$dim %in% dims, ]
  table$dim <- factor(table$dim, dims)
  table$cell <- factor(table$cell, rownames(x$mean))
  plot <- ggplot2::ggplot(table, ggplot2::aes(.data$time, .data$mean, group = .data$cell))
  if (!few) {
    return(
      plot + ggplot2::geom_line(colour = label_palette[[1L]], linewidth = 0.3, alpha = 0.4) +
        ggplot2::facet_wrap("dim", scales = "free_y") + theme_curves() + ggplot2::labs(y = "mean of the futures")
    )
  }
  ribbon <- ggplot2::aes(ymin = .data$mean - .data$sd, ymax = .data$mean + .data$sd, fill = .data$cell)
  plot + ggplot2::geom_ribbon(ribbon, alpha = 0.2) + ggplot2::geom_line(ggplot2::aes(colour = .data$cell)) +
    scale_labels(levels(table$cell), cols, c("colour", "fill")) + ggplot2::facet_wrap("dim", scales = "free_y") +
    theme_curves() + ggplot2::labs(y = "mean and standard deviation of the futures")
}
