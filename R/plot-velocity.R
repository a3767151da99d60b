# Velocities over the cells: streamlines, arrows on a grid, or the arrow of each cell. Takes an object that
# EmbedVelocity() has seen; gives a ggplot.

#' Plot RNA velocities in a reduction
#'
#' `"stream"` draws lines that follow the mean direction of the cells around and keep a distance from each
#' other; they are thicker where the velocities agree more.
#' `"grid"` draws the mean arrows at the points of a grid, `"arrows"` those of single cells.
#' Lines and mean arrows are drawn only where cells are.
#'
#' @section Basic use:
#' ```
#' PlotVelocity(cells, reduction = "umap", group.by = "type")
#' PlotVelocity(cells, reduction = "umap", style = "arrows", split.by = "batch")
#' ```
#'
#' @details
#' Lines show directions, not times, and a smooth line may average velocities that contradict each other:
#' look at the confidence of the cells too.
#'
#' Arrows belong to the coordinates they were made for.
#' Where the reduction has been computed anew since, they are computed anew from the velocity graph, which a message
#' says.
#'
#' @param object A Seurat object or SingleCellExperiment that [EmbedVelocity()] has seen; or a matrix of
#'   coordinates (cells x dims).
#' @param reduction Name of the reduction; `NULL` takes the one that was embedded last.
#' @param style `"stream"` (default), `"grid"` or `"arrows"`.
#' @param group.by Colours of the cells: a column of the cell data, or one value for each cell; numbers
#'   get a continuous scale.
#'   `NULL` takes the identities of a Seurat object where there are several, else grey.
#' @param split.by A panel for each of these labels: a column of the cell data, or one value for each cell.
#'   Lines of a panel are those of its cells.
#' @param arrows For a matrix of coordinates: the arrows (cells x dims).
#'   For an object the name of the reduction that holds them; `NULL` finds it by `reduction`.
#' @param dims (two numbers) Dimensions to draw.
#' @param density Density of lines or of the grid; default 1, 2 draws twice as many side by side.
#' @param cols Colours: for groups by label or in their order, else a scale from low to high values; `NULL` takes
#'   those of [DefineFates()], where the object has them.
#' @param pt.size,pt.alpha Size and opacity of the cells; `NULL` chooses the size by their number.
#' @param raster Draw points as pixels?
#'   `NULL` does so for more than 50,000 cells, if scattermore is installed.
#' @param order Draw high values, or the last groups, on top?
#'   By default groups are mixed.
#' @param label Write the names of the groups among the cells in place of a legend?
#'   `NULL` does so for up to 12 groups.
#' @param repel Keep these names apart? Needs ggrepel.
#' @param linewidth,arrow.colour Width and colour of lines and arrows.
#' @param arrow.size Size of arrow heads in points; default 5.
#' @param max.arrows At most this many cells have an arrow under `"arrows"`; default 1,000, evenly spread.
#' @param ncol Columns of panels; `NULL` chooses.
#' @param title Title of the plot, `NULL` for none.
#' @param ... More options: `r doc_option("stream", "smooth")`, the standard deviation over which arrows are
#'   averaged; `r doc_option("stream", "separation")`, the distance of lines;
#'   `r doc_option("stream", "min.length")` and `r doc_option("stream", "max.length")` of lines, all as shares
#'   of the longer side of the plot; `r doc_option("stream", "approach")`, the share of the distance at which
#'   lines end; `r doc_option("stream", "min.mass")`, the share of the usual number of cells below which nothing
#'   is drawn; `r doc_option("stream", "n.grid")`.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no arrows for this reduction, arrows of another one, no such column.
#'   `fatefield_error_stale`: velocities were estimated anew since [EmbedVelocity()], or counts have changed.
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
                         group.by = NULL, split.by = NULL, arrows = NULL, dims = 1:2, density = 1, cols = NULL,
                         pt.size = NULL, pt.alpha = 0.55, raster = NULL, order = FALSE, label = NULL, repel = FALSE,
                         linewidth = 0.5, arrow.colour = "grey10", arrow.size = 5, max.arrows = 1000L, ncol = NULL,
                         title = NULL, ...) {
  style <- check_choice(style, c("stream", "grid", "arrows"), "style")
  density <- check_number(density, "density", min = 0.1, max = 10)
  for (size in c("linewidth", "arrow.size", "pt.alpha")) check_number(get(size), size, min = 0)
  max.arrows <- check_count(max.arrows, "max.arrows")
  options <- merge_options(stream_defaults(), list(...), argument = "")
  places <- arrow_places(object, reduction, arrows, dims)
  group <- plot_groups(object, group.by, cols)
  panel <- if (!is.null(split.by)) check_labels(cell_column(object, split.by, "split.by"), "split.by")
  look <- list(linewidth = linewidth, colour = arrow.colour, head = arrow.size)
  cells <- plane_frame(places$plane)
  cells$group <- group$values
  cells$panel <- panel
  drawn <- cells[order_of_cells(group, nrow(cells), order), , drop = FALSE]
  if (!is.null(panel)) drawn <- drawn[!is.na(drawn$panel), , drop = FALSE]
  plot <- ggplot2::ggplot(drawn, ggplot2::aes(.data$x, .data$y)) +
    group_points(drawn, group, pt.size, 2 * point_size(nrow(drawn)), pt.alpha, raster) +
    switch(style,
      stream = stream_layers(by_panel(places, panel, stream_lines, options, density), look),
      grid = grid_layers(by_panel(places, panel, grid_arrows, options, density), look),
      arrows = cell_arrow_layers(by_panel(places, panel, cell_arrows), max.arrows, look)
    )
  plot + label_layers(cells, group, label, repel) + ggplot2::coord_equal() +
    (if (!is.null(panel)) ggplot2::facet_wrap("panel", ncol = ncol)) +
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
  ours <- !is.null(vectors_record(object, names$arrows)$result$velocity)
  found <- if (ours) fresh_arrows(object, names$arrows) else embedding_or_missing(object, names$arrows)
  found <- vectors_by_dimension(object, found, names$arrows, names$reduction)
  if (ncol(found) < max(dims)) {
    stop_input("dims", "`dims` asks for dimension ", max(dims), ", but there are arrows in ",
      ncol(found), "; run EmbedVelocity() with `dims = NULL`.")
  }
  nowhere <- dims[colSums(!is.na(found[, dims])) == 0]
  if (length(nowhere) > 0L) {
    stop_input("dims", "`dims`: there are no vectors ", quoted(names$arrows), " in dimension ", nowhere[[1L]], ".")
  }
  list(plane = plane, arrows = found[, dims])
}

# Arrows of cells may be missing.
embedding_or_missing <- function(object, name) {
  x <- if (is_seurat(object)) {
    SeuratObject::Embeddings(object, name)[colnames(object), , drop = FALSE]
  } else {
    sce_reduction(object, name)
  }
  unname(plain_matrix(x, "arrows"))
}

# list(reduction, arrows): names of the two, found by each other.
arrow_names <- function(object, reduction, arrows) {
  if (!is.null(arrows)) {
    arrows <- choose_reduction(object, arrows, argument = "arrows")
    ours <- !is.null(vectors_record(object, arrows)$result$velocity)
    home <- if (ours) vectors_home(object, arrows, reduction) else vectors_for(object, arrows, reduction)
    if (is.null(home)) home <- choose_reduction(object, sub("^[^_]*_", "", arrows))
    return(list(reduction = home, arrows = arrows))
  }
  is_arrows <- function(r) !is.null(r$result$velocity) || !is.null(r$result$drift)
  records <- Filter(is_arrows, tool(object, "results", "vectors"))
  records <- records[intersect(names(records), reduction_names(object))]
  homes <- vapply(records, function(r) r$result$reduction, character(1))
  if (!is.null(reduction)) {
    reduction <- choose_reduction(object, reduction)
    homes <- homes[homes == reduction]
  }
  if (length(homes) == 0L) {
    stop_input(
      "reduction", "There are no arrows for ",
      if (is.null(reduction)) "any reduction" else paste("reduction", quoted(reduction)),
      "; run EmbedVelocity(", if (!is.null(reduction)) paste0("reduction = ", quoted(reduction)),
      ") first, or name them with `arrows`."
    )
  }
  last <- length(homes)
  list(reduction = homes[[last]], arrows = names(homes)[[last]])
}

# Values to colour cells by: list(values, name, cols), values a factor, numbers or NULL; `cols` of a factor are one for
# each level.
plot_groups <- function(object, group.by, cols = NULL) {
  values <- NULL
  if (!is.null(group.by)) {
    values <- cell_column(object, group.by, "group.by")
    if (!is.numeric(values)) values <- check_labels(values, "group.by")
  } else if (is_seurat(object)) {
    values <- unname(droplevels(as.factor(SeuratObject::Idents(object))))
    if (nlevels(values) < 2L) values <- NULL
  }
  list(
    values = values, name = if (is.character(group.by) && length(group.by) == 1L) group.by,
    cols = if (is.factor(values)) group_colours(object, levels(values), cols) else cols
  )
}

group_colours <- function(object, levels, cols) {
  if (is.null(cols)) {
    return(label_colours(object, levels))
  }
  if (is.null(names(cols))) names(cols) <- levels[seq_along(cols)]
  colours_of(levels, cols)
}

# Groups drawn one after the other would hide each other: by turns, always in the same order.
mixed_order <- function(n) base::order((seq_len(n) * 0.6180339887) %% 1)

order_of_cells <- function(group, n, order) {
  if (!check_flag(order, "order") || is.null(group$values)) mixed_order(n) else drawing_order(group$values, TRUE)
}

# Points in the colours of their groups, with the scale. `most`: their size where none is given.
group_points <- function(cells, group, size, most, alpha, raster) {
  if (is.null(group$values)) {
    return(sized_points(cells, NULL, size, most, alpha, raster, colour = "grey65"))
  }
  points <- sized_points(cells, ggplot2::aes(colour = .data$group), size, most, alpha, raster)
  if (is.factor(group$values)) {
    return(list(points, scale_labels(levels(group$values), group$cols, name = group$name), big_key()))
  }
  scale <- if (length(group$cols) > 1L) {
    ggplot2::scale_colour_gradientn(group$name, colours = unname(group$cols), na.value = "grey85")
  } else {
    ggplot2::scale_colour_viridis_c(group$name, na.value = "grey85")
  }
  list(points, scale)
}

sized_points <- function(cells, mapping, size, most, alpha, raster, ...) {
  if (is.null(size) && !use_raster(raster, nrow(cells))) size <- most
  cell_points(cells, mapping, size, raster, alpha = alpha, inherit.aes = TRUE, ...)
}

# f(places of a panel, ...) bound together, with the column `panel` where there are panels.
by_panel <- function(places, panel, f, ...) {
  if (is.null(panel)) {
    return(f(places, ...))
  }
  parts <- lapply(levels(panel), function(level) {
    rows <- which(panel == level)
    part <- f(list(plane = places$plane[rows, , drop = FALSE], arrows = places$arrows[rows, , drop = FALSE]), ...)
    if (nrow(part) > 0L) part$panel <- factor(level, levels(panel))
    if ("line" %in% names(part)) part$line <- paste(level, part$line)
    if (nrow(part) > 0L) part
  })
  do.call(rbind, c(list(data.frame()), parts))
}

# Names of groups where most of their cells are, in black with a white rim.
label_layers <- function(cells, group, label, repel) {
  if (!is.factor(group$values)) {
    return(NULL)
  }
  if (is.null(label)) label <- nlevels(group$values) <= 12L
  if (!check_flag(label, "label")) {
    return(NULL)
  }
  side <- max(diff(range(cells$x)), diff(range(cells$y)))
  panels <- if (is.null(cells$panel)) rep("", nrow(cells)) else cells$panel
  names <- do.call(rbind, lapply(split(seq_len(nrow(cells)), list(cells$group, panels), drop = TRUE), function(rows) {
    at <- densest_place(as.matrix(cells[rows, c("x", "y")]), side / 12)
    one <- rows[[1L]]
    data.frame(x = at[[1L]], y = at[[2L]], label = as.character(cells$group[[one]]), panel = panels[[one]])
  }))
  rownames(names) <- NULL
  no.key <- ggplot2::guides(colour = "none")
  if (check_flag(repel, "repel")) {
    need_package("ggrepel", "to keep labels apart")
    return(list(
      ggrepel::geom_text_repel(
        ggplot2::aes(label = .data$label), names, size = 3.6, fontface = "bold", bg.colour = "white", bg.r = 0.15,
        seed = 1
      ), no.key
    ))
  }
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
    list(text(0, 0, "black"), no.key)
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

stream_lines <- function(places, options, density) {
  options$separation <- min(1, options$separation / density)
  lines <- data.frame(arrow_streams(places$plane, places$arrows, options))
  if (nrow(lines) == 0L) {
    return(lines)
  }
  lines$fast <- max(stats::quantile(lines$speed, 0.95, names = FALSE), 1e-300)
  lines
}

stream_layers <- function(lines, look) {
  if (nrow(lines) == 0L) {
    return(no_arrows())
  }
  lines$width <- look$linewidth * (0.45 + 0.75 * pmin(lines$speed / lines$fast, 1))
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
  heads <- data.frame(x = lines$x[at], y = lines$y[at], xend = lines$x[at + 1L], yend = lines$y[at + 1L])
  heads$panel <- lines$panel[at]
  ggplot2::geom_segment(
    data = heads,
    ggplot2::aes(xend = .data$xend, yend = .data$yend), arrow = arrow_head(look$head),
    colour = look$colour, linewidth = 0.2, linejoin = "mitre"
  )
}

arrow_head <- function(size, type = "closed") {
  ggplot2::arrow(angle = 22, length = ggplot2::unit(size, "pt"), type = type)
}

# Arrows with the factor from their length to that in the plot.
grid_arrows <- function(places, options, density) {
  options$n.grid <- max(5, round(density * options$n.grid * 0.6))
  found <- arrow_grid(places$plane, places$arrows, options)
  field <- data.frame(found[c("x", "y", "dx", "dy")])
  speed <- sqrt(field$dx^2 + field$dy^2)
  field <- field[speed > 0, , drop = FALSE]
  if (nrow(field) == 0L) {
    return(field)
  }
  field$factor <- 1.3 * found$step / stats::quantile(speed[speed > 0], 0.95, names = FALSE)
  field
}

grid_layers <- function(field, look) if (nrow(field) == 0L) no_arrows() else segment_layer(field, look, 0.8)

cell_arrows <- function(places) {
  field <- data.frame(
    x = places$plane[, 1L], y = places$plane[, 2L], dx = places$arrows[, 1L], dy = places$arrows[, 2L]
  )
  speed <- sqrt(field$dx^2 + field$dy^2)
  field[which(is.finite(speed) & speed > 0), , drop = FALSE]
}

cell_arrow_layers <- function(field, max.arrows, look) {
  if (nrow(field) == 0L) {
    return(no_arrows())
  }
  side <- max(diff(range(field$x)), diff(range(field$y)))
  field$factor <- 0.03 * side / stats::quantile(sqrt(field$dx^2 + field$dy^2), 0.95, names = FALSE)
  segment_layer(field[thinned(nrow(field), max.arrows), , drop = FALSE], look, 0.6)
}

# Heads shrink with their arrows; each panel is a layer, as heads go by their place in it.
segment_layer <- function(field, look, head) {
  if (!is.null(field$panel) && nlevels(field$panel) > 1L) {
    return(lapply(split(droplevels(field), droplevels(field)$panel), segment_layer, look, head))
  }
  size <- sqrt(field$dx^2 + field$dy^2)
  share <- pmin(1, size / stats::quantile(size, 0.95, names = FALSE))
  field$head <- look$head * head * (0.3 + 0.7 * share)
  ggplot2::geom_segment(
    data = field,
    ggplot2::aes(xend = .data$x + .data$factor * .data$dx, yend = .data$y + .data$factor * .data$dy),
    arrow = arrow_head(field$head), colour = look$colour, linewidth = 0.6 * look$linewidth, linejoin = "mitre"
  )
}

no_arrows <- function() {
  rlang::warn("No arrows are drawn: nowhere do cells move together.", class = "fatefield_warning_no_arrows")
  NULL
}
