# What GeneTrends() found, in words and as a figure: genes along simulated time, with observed cells behind.

# The gene whose fates differ most at the end, in units of its range, and its means there.
headline.fatefield_trends <- function(x) {
  ends <- summary(x)
  apart <- tapply(ends$end, ends$gene, function(v) diff(range(v)))
  width <- tapply(x$table$mean, x$table$gene, function(v) diff(range(v)))[names(apart)]
  gene <- if (nrow(x$fates) > 1L) names(apart)[[which.max(ifelse(width > 0, apart / width, 0))]] else ends$gene[[1L]]
  rows <- ends[ends$gene == gene, ]
  shown <- paste0(rows$fate, " ", with_interval(rows$end, rows$end_low, rows$end_high))
  c(
    paste0(counted(nrow(x$genes), "gene"), " along ", counted(length(unique(x$table$time)), "time"), ", by ",
      quoted(unique(x$genes$method)), "; paths: ", paste(x$fates$fate, x$fates$paths, collapse = ", ")),
    paste0(gene, " at time ", format(max(x$table$time)), ": ", paste(shown, collapse = ", ")),
    if (!all(is.na(x$genes$explained))) paste0("states explain ", paste(format(round(100 * range(x$genes$explained,
      na.rm = TRUE)), trim = TRUE), collapse = " to "), " % of the variance of genes")
  )
}

#' @rdname GeneTrends
#' @export
summary.fatefield_trends <- function(object, ...) {
  parts <- split(object$table, object$table[c("fate", "gene")], drop = TRUE)
  rows <- lapply(parts, function(p) {
    p <- p[order(p$time), ]
    first <- p[1L, ]
    last <- p[nrow(p), ]
    data.frame(
      gene = first$gene, fate = first$fate, start = first$mean, start_low = first$mean_low,
      start_high = first$mean_high, end = last$mean, end_low = last$mean_low, end_high = last$mean_high,
      peak = p$time[[which.max(p$mean)]]
    )
  })
  out <- do.call(rbind, rows)
  out <- out[order(match(out$gene, object$genes$gene), match(out$fate, object$fates$fate)), ]
  rownames(out) <- NULL
  out
}

subset_result.fatefield_trends <- function(x, keep) {
  x <- subset_result.default(x, keep)
  x$genes <- x$genes[match(keep, x$genes$gene), , drop = FALSE]
  rownames(x$genes) <- NULL
  for (part in names(x$observed)) x$observed[[part]] <- x$observed[[part]][x$observed[[part]]$gene %in% keep, ]
  x
}

# Other genes of the same paths.
bind_results.fatefield_trends <- function(first, parts) {
  for (part in parts) {
    if (!inherits(part, "fatefield_trends") || !identical(part$fates, first$fates)) {
      stop_input("...", "Trends can be bound where they are of the same fates and paths.")
    }
  }
  twice <- unlist(lapply(parts, function(p) p$genes$gene))
  if (anyDuplicated(twice) > 0L) {
    stop_input("...", "Gene ", quoted(twice[[anyDuplicated(twice)]]), " is in two of the trends.")
  }
  stacked <- function(get) do.call(rbind, lapply(parts, get))
  first$genes <- stacked(function(p) p$genes)
  table <- stacked(function(p) p$table)
  table <- table[order(match(table$fate, first$fates$fate), match(table$gene, first$genes$gene)), ]
  rownames(table) <- NULL
  first$table <- table
  if (!is.null(first$observed)) {
    for (part in names(first$observed)) first$observed[[part]] <- stacked(function(p) p$observed[[part]])
  }
  first
}

#' @rdname GeneTrends
#' @param x Trends.
#' @param interval Of the figure: `"mean"` (default): the confidence interval of the mean; `"spread"`: between which
#'   the paths are; `"none"`.
#' @param observed Of the figure: draw observed cells where there are any? `"means"` (default): points are means of the
#'   observed cells of a time, in the colour of a fate where their label is one, else dark grey, with their standard
#'   error; `"cells"` too, or `"none"`.
#' @param cols Colours by fate; `NULL` takes those of the definition of fates.
#' @param ncol Columns of panels, one for each gene.
#' @export
plot.fatefield_trends <- function(x, genes = NULL, fates = NULL, interval = c("mean", "spread", "none"),
                                  observed = c("means", "cells", "none"), cols = NULL, ncol = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_trends)), ...)
  interval <- check_choice(interval, c("mean", "spread", "none"), "interval")
  observed <- check_choice(observed, c("means", "cells", "none"), "observed")
  table <- x$table
  genes <- if (is.null(genes)) unique(table$gene) else known_genes(genes, unique(table$gene))
  fates <- if (is.null(fates)) unique(table$fate) else check_shown(fates, unique(table$fate))
  table <- table[table$gene %in% genes & table$fate %in% fates, ]
  table$gene <- factor(table$gene, levels = genes)
  table$fate <- factor(table$fate, levels = fates)
  edges <- switch(interval, mean = c("mean_low", "mean_high"), spread = c("lower", "upper"))
  plot <- ggplot2::ggplot(table, ggplot2::aes(.data$time, .data$mean))
  if (observed != "none") plot <- plot + observed_layers(x$observed, genes, fates, observed == "cells")
  if (!is.null(edges)) {
    plot <- plot + ggplot2::geom_ribbon(
      ggplot2::aes(ymin = .data[[edges[[1L]]]], ymax = .data[[edges[[2L]]]], fill = .data$fate), alpha = 0.2
    )
  }
  plot + ggplot2::geom_line(ggplot2::aes(colour = .data$fate), linewidth = 0.8) +
    ggplot2::facet_wrap("gene", scales = "free_y", ncol = ncol) +
    scale_labels(fates, if (is.null(cols)) x$cols else cols, aesthetics = c("colour", "fill")) +
    ggplot2::labs(x = "time", y = "expression") + theme_curves()
}

check_shown <- function(fates, present) {
  lost <- setdiff(fates, present)
  if (length(lost) > 0L) {
    stop_input("fates", "`fates`: there is no fate ", quoted(lost[[1L]]), "; there are ", quoted(present), ".",
      near(lost[[1L]], present))
  }
  fates
}

observed_layers <- function(observed, genes, fates, cells) {
  if (is.null(observed)) {
    return(NULL)
  }
  of_fates <- function(data) {
    data <- data[data$gene %in% genes, ]
    data$gene <- factor(data$gene, levels = genes)
    data$fate <- factor(data$label, levels = fates)
    data
  }
  means <- of_fates(observed$means)
  means$bar <- ifelse(is.na(means$mean_se), 0, means$mean_se)
  # What is of no fate is shown together, as one point a time.
  others <- means[is.na(means$fate), ]
  layers <- list()
  if (cells) {
    all <- of_fates(observed$cells)
    layers <- list(ggplot2::geom_point(
      data = all, ggplot2::aes(.data$time, .data$expression, colour = .data$fate), size = 0.4, alpha = 0.25
    ))
  }
  c(layers, list(
    ggplot2::geom_pointrange(
      data = pooled_means(others), ggplot2::aes(ymin = .data$mean - .data$bar, ymax = .data$mean + .data$bar),
      colour = "grey45", size = 0.25
    ),
    ggplot2::geom_pointrange(
      data = means[!is.na(means$fate), ],
      ggplot2::aes(ymin = .data$mean - .data$bar, ymax = .data$mean + .data$bar, colour = .data$fate), size = 0.25
    )
  ))
}

# Means of several labels at a time as one.
pooled_means <- function(means) {
  parts <- split(means, list(means$time, means$gene), drop = TRUE)
  rows <- lapply(parts, function(p) {
    mean <- sum(p$n * p$mean) / sum(p$n)
    within <- sum(p$n^2 * p$bar^2) + sum(p$n * (p$mean - mean)^2)
    data.frame(time = p$time[[1L]], gene = p$gene[[1L]], mean = mean, bar = sqrt(within) / sum(p$n))
  })
  if (length(rows) == 0L) data.frame(means[0L, c("time", "gene", "mean", "bar")]) else do.call(rbind, rows)
}
