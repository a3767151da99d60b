# Velocities over the cells: streamlines, arrows on a grid, or the arrow of each cell. Takes an object that
# EmbedVelocity() has seen; gives a ggplot.

#' Plot RNA velocities in a reduction
#'
#' `"stream"` draws lines that follow the mean direction of the cells around and keep a distance from each
#' other; they are thicker where the velocities agree more.
#' `"grid"` draws the mean arrows at the points of a grid, `"arrows"` those of single cells.
#' Lines and mean arrows are drawn only where cells are.
#'
#' Lines show directions, not times, and a smooth line may average velocities that contradict each other:
#' look at the confidence of the cells too.
#'
#' @param object A Seurat object or SingleCellExperiment that [EmbedVelocity()] has seen; or a matrix of
#'   coordinates (cells x dims).
#' @param reduction Name of the reduction; `NULL` takes the one that was embedded last.
#' @param style `"stream"` (default), `"grid"` or `"arrows"`.
#' @param group.by Colours of the cells: a column of the cell data, or one value for each cell; numbers
#'   get a continuous scale.
#'   `NULL` takes the identities of a Seurat object where there are several, else grey.
#' @param arrows For a matrix of coordinates: the arrows (cells x dims).
#'   For an object the name of the reduction that holds them; `NULL` finds it by `reduction`.
#' @param dims (two numbers) Dimensions to draw.
#' @param density Density of lines or of the grid; default 1, 2 draws twice as many side by side.
#' @param label Write the names of the groups among the cells in place of a legend?
#'   `NULL` does so for up to 12 groups.
#' @param pt.size,pt.alpha Size and opacity of the cells; `NULL` chooses the size by their number.
#' @param linewidth,colour Width and colour of lines and arrows.
#' @param arrow.size Size of arrow heads in points; default 5.
#' @param max.arrows At most this many cells have an arrow under `"arrows"`; default 1,000, evenly spread.
#' @param max.cells At most this many cells are drawn; default 50,000.
#' @param title Title of the plot, `NULL` for none.
#' @param ... More options: `r doc_option("stream", "smooth")`, the standard deviation over which arrows are
#'   averaged; `r doc_option("stream", "separation")`, the distance of lines;
#'   `r doc_option("stream", "min.length")` and `r doc_option("stream", "max.length")` of lines, all as shares
#'   of the longer side of the plot; `r doc_option("stream", "approach")`, the share of the distance at which
#'   lines end; `r doc_option("stream", "min.mass")`, the share of the usual number of cells below which nothing
#'   is drawn; `r doc_option("stream", "n.grid")`.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no arrows for this reduction, no such column.
#' @references Jobard and Lefer (1997) Creating evenly-spaced streamlines of arbitrary density.
#'   Visualization in Scientific Computing.
#' @seealso [EmbedVelocity()], [PlotPhase()]
#' @examples
#' angle <- seq(0, 2 * pi, length.out = 500)
#' cells <- cbind(x = cos(angle), y = sin(angle)) * (1 + sin(1:500 * 7) / 5)
#' turned <- cbind(-cells[, 2], cells[, 1])
#' PlotVelocity(cells, arrows = turned, group.by = angle)
#' @export
PlotVelocity <- function(object, reduction = NULL, style = c("stream", "grid", "arrows"),
                         group.by = NULL, arrows = NULL, dims = 1:2, density = 1, label = NULL,
                         pt.size = NULL, pt.alpha = 0.55, linewidth = 0.5, colour = "grey10",
                         arrow.size = 5, max.arrows = 1000L, max.cells = 50000L, title = NULL, ...) {
  style <- check_choice(style, c("stream", "grid", "arrows"), "style")
  density <- check_number(density, "density", min = 0.1, max = 10)
  for (size in c("linewidth", "arrow.size", "pt.alpha")) check_number(get(size), size, min = 0)
  max.arrows <- check_count(max.arrows, "max.arrows")
  places <- arrow_places(object, reduction, arrows, dims)
  options <- merge_options(stream_defaults(), list(...), argument = "")
  keep <- thinned(nrow(places$plane), max.cells)
  group <- plot_groups(object, group.by)
  size <- if (is.null(pt.size)) 2 * point_size(length(keep)) else point_size(1L, pt.size)
  plot <- cell_layer(places$plane, group, keep, size, pt.alpha)
  look <- list(linewidth = linewidth, colour = colour, head = arrow.size)
  plot <- plot + switch(style,
    stream = stream_layers(places, options, density, look),
    grid = grid_layers(places, options, density, look),
    arrows = cell_arrow_layers(places, max.arrows, look)
  )
  plot + label_layers(places$plane, group, label) + ggplot2::coord_equal() +
    plane_labels(places$plane) + theme_cells() + ggplot2::labs(title = title)
}

# list(plane, arrows), both cells x 2, the cells in the same order.
arrow_places <- function(object, reduction, arrows, dims) {
  if (is_plain_matrix(object)) {
    if (is.null(arrows)) {
      stop_input("arrows", "`arrows` is needed beside a matrix of coordinates.")
    }
    plane <- plane_of(object, dims = dims)
    arrows <- plain_matrix(arrows, "arrows")
    if (nrow(arrows) != nrow(plane) || ncol(arrows) < max(dims)) {
      stop_input("arrows", "`arrows` is ", nrow(arrows), " x ", ncol(arrows), ", but there are ",
        nrow(plane), " cells and dimensions ", paste(dims, collapse = " and "), " to draw.")
    }
    arrows <- match_cells(arrows, rownames(plane), "arrows")
    return(list(plane = plane, arrows = unname(arrows[, dims])))
  }
  check_object(object)
  names <- arrow_names(object, reduction, arrows)
  plane <- plane_of(object, names$reduction, dims)
  found <- embedding_or_missing(object, names$arrows)
  if (ncol(found) < max(dims)) {
    stop_input("dims", "`dims` asks for dimension ", max(dims), ", but there are arrows in ",
      ncol(found), "; run EmbedVelocity() with `dims = NULL`.")
  }
  list(plane = plane, arrows = found[, dims])
}

# Arrows of cells may be missing.
embedding_or_missing <- function(object, name) {
  x <- if (is_seurat(object)) {
    SeuratObject::Embeddings(object, name)[colnames(object), , drop = FALSE]
  } else {
    SingleCellExperiment::reducedDim(object, name)
  }
  unname(plain_matrix(x, "arrows"))
}

# list(reduction, arrows): names of the two, found by each other.
arrow_names <- function(object, reduction, arrows) {
  present <- reduction_names(object)
  if (!is.null(arrows)) {
    arrows <- choose_reduction(object, arrows, argument = "arrows")
    if (is.null(reduction)) reduction <- sub("^[^_]*_", "", arrows)
    return(list(reduction = choose_reduction(object, reduction), arrows = arrows))
  }
  stems <- paste0(tool_names(object, "velocity"), "_")
  pairs <- lapply(present, function(r) {
    of <- intersect(paste0(stems, r), present)
    if (length(of) > 0L) list(reduction = r, arrows = of[[length(of)]])
  })
  pairs <- Filter(Negate(is.null), pairs)
  if (!is.null(reduction)) {
    reduction <- choose_reduction(object, reduction)
    pairs <- Filter(function(pair) pair$reduction == reduction, pairs)
  }
  if (length(pairs) == 0L) {
    stop_input(
      "reduction", "There are no arrows for ",
      if (is.null(reduction)) "any reduction" else paste("reduction", quoted(reduction)),
      "; run EmbedVelocity(", if (!is.null(reduction)) paste0("reduction = ", quoted(reduction)),
      ") first, or name them with `arrows`."
    )
  }
  last <- vapply(pairs, function(pair) match(pair$arrows, present), integer(1))
  pairs[[which.max(last)]]
}

# Values to colour cells by: list(values, name), values a factor, numbers or NULL.
plot_groups <- function(object, group.by) {
  if (is.null(group.by)) {
    if (!is_seurat(object)) {
      return(list(values = NULL, name = NULL))
    }
    values <- droplevels(as.factor(SeuratObject::Idents(object)))
    return(list(values = if (nlevels(values) > 1L) unname(values), name = NULL))
  }
  values <- cell_column(object, group.by, "group.by")
  name <- if (is.character(group.by) && length(group.by) == 1L) group.by
  if (is.numeric(values)) {
    return(list(values = values, name = name))
  }
  list(values = check_labels(values, "group.by"), name = name)
}

cell_layer <- function(plane, group, keep, size, alpha) {
  cells <- plane_frame(plane)
  cells$group <- group$values
  # Groups drawn one after the other would hide each other: by turns, always in the same order.
  cells <- cells[keep[order((seq_along(keep) * 0.6180339887) %% 1)], , drop = FALSE]
  plot <- ggplot2::ggplot(cells, ggplot2::aes(.data$x, .data$y))
  if (is.null(group$values)) {
    return(plot + ggplot2::geom_point(colour = "grey75", size = size, stroke = 0, alpha = alpha))
  }
  plot <- plot + ggplot2::geom_point(
    ggplot2::aes(colour = .data$group), size = size, stroke = 0, alpha = alpha
  )
  if (is.factor(group$values)) {
    return(plot + scale_labels(levels(group$values), name = group$name) + big_key())
  }
  plot + ggplot2::scale_colour_viridis_c(group$name, na.value = "grey85")
}

# Names of groups where most of their cells are, in black with a white rim.
label_layers <- function(plane, group, label) {
  if (!is.factor(group$values)) {
    return(NULL)
  }
  if (is.null(label)) label <- nlevels(group$values) <= 12L
  if (!check_flag(label, "label")) {
    return(NULL)
  }
  side <- max(diff(range(plane[, 1L])), diff(range(plane[, 2L])))
  at <- vapply(split(seq_len(nrow(plane)), group$values), function(rows) {
    densest_place(plane[rows, , drop = FALSE], side / 12)
  }, numeric(2))
  names <- data.frame(x = at[1L, ], y = at[2L, ], label = levels(group$values))
  text <- function(dx, dy, colour) {
    ggplot2::geom_text(
      data = names, ggplot2::aes(label = .data$label), colour = colour, size = 3.6, fontface = "bold",
      position = ggplot2::position_nudge(dx, dy)
    )
  }
  rim <- 0.004 * side
  around <- seq(0, 2 * pi, length.out = 13L)[-1L]
  c(
    lapply(around, function(a) text(rim * cos(a), rim * sin(a), "white")),
    list(text(0, 0, "black"), ggplot2::guides(colour = "none"))
  )
}

# The mean of the cells in and around the square, of sides `side`, that has most of them.
densest_place <- function(plane, side) {
  square <- round(sweep(plane, 2L, apply(plane, 2L, stats::median)) / side)
  counts <- table(square[, 1L], square[, 2L])
  best <- arrayInd(which.max(counts), dim(counts))
  best <- as.numeric(c(rownames(counts)[[best[[1L]]]], colnames(counts)[[best[[2L]]]]))
  near <- abs(square[, 1L] - best[[1L]]) <= 1 & abs(square[, 2L] - best[[2L]]) <= 1
  unname(colMeans(plane[near, , drop = FALSE]))
}

stream_layers <- function(places, options, density, look) {
  options$separation <- min(1, options$separation / density)
  found <- arrow_streams(places$plane, places$arrows, options)
  lines <- data.frame(found)
  if (nrow(lines) == 0L) {
    return(no_arrows())
  }
  fast <- max(stats::quantile(lines$speed, 0.95, names = FALSE), 1e-300)
  lines$width <- look$linewidth * (0.45 + 0.75 * pmin(lines$speed / fast, 1))
  path <- function(...) {
    ggplot2::geom_path(
      data = lines, ggplot2::aes(group = .data$line, linewidth = .data$width), lineend = "round", ...
    )
  }
  list(path(colour = look$colour), ggplot2::scale_linewidth_identity(), stream_heads(lines, look))
}

# Heads in the middle of each line, on long lines several.
stream_heads <- function(lines, look) {
  each <- split(seq_len(nrow(lines)), lines$line)
  long <- stats::quantile(lengths(each), 0.75, names = FALSE)
  at <- unlist(lapply(each, function(rows) {
    n <- if (length(rows) > 1.5 * long) 2L else 1L
    rows[round(length(rows) * (seq_len(n) - 0.4) / (n + 0.2))]
  }))
  ggplot2::geom_segment(
    data = data.frame(
      x = lines$x[at], y = lines$y[at], xend = lines$x[at + 1L], yend = lines$y[at + 1L]
    ),
    ggplot2::aes(xend = .data$xend, yend = .data$yend), arrow = arrow_head(look$head),
    colour = look$colour, linewidth = 0.2, linejoin = "mitre"
  )
}

arrow_head <- function(size, type = "closed") {
  ggplot2::arrow(angle = 22, length = ggplot2::unit(size, "pt"), type = type)
}

grid_layers <- function(places, options, density, look) {
  options$n.grid <- max(5, round(density * options$n.grid * 0.6))
  found <- arrow_grid(places$plane, places$arrows, options)
  step <- found$step
  field <- data.frame(found[c("x", "y", "dx", "dy")])
  speed <- sqrt(field$dx^2 + field$dy^2)
  field <- field[speed > 0, , drop = FALSE]
  if (nrow(field) == 0L) {
    return(no_arrows())
  }
  segment_layer(field, 1.3 * step / stats::quantile(speed[speed > 0], 0.95, names = FALSE), look, 0.8)
}

cell_arrow_layers <- function(places, max.arrows, look) {
  field <- data.frame(
    x = places$plane[, 1L], y = places$plane[, 2L], dx = places$arrows[, 1L], dy = places$arrows[, 2L]
  )
  speed <- sqrt(field$dx^2 + field$dy^2)
  moving <- which(is.finite(speed) & speed > 0)
  if (length(moving) == 0L) {
    return(no_arrows())
  }
  side <- max(diff(range(field$x)), diff(range(field$y)))
  longest <- stats::quantile(speed[moving], 0.95, names = FALSE)
  field <- field[moving[thinned(length(moving), max.arrows)], , drop = FALSE]
  segment_layer(field, 0.03 * side / longest, look, 0.6)
}

# `factor`: from the length of an arrow to that in the plot. Heads shrink with their arrows.
segment_layer <- function(field, factor, look, head) {
  size <- sqrt(field$dx^2 + field$dy^2)
  share <- pmin(1, size / stats::quantile(size, 0.95, names = FALSE))
  ggplot2::geom_segment(
    data = field,
    ggplot2::aes(xend = .data$x + factor * .data$dx, yend = .data$y + factor * .data$dy),
    arrow = arrow_head(head * look$head * (0.3 + 0.7 * share)), colour = look$colour,
    linewidth = 0.6 * look$linewidth, linejoin = "mitre"
  )
}

no_arrows <- function() {
  rlang::warn("No arrows are drawn: nowhere do cells move together.", class = "fatefield_warning_no_arrows")
  NULL
}
