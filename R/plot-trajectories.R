# Draws simulated paths over the cells they came from.

#' Plot simulated trajectories
#'
#' Draws paths from [SimulateCells()] or [IntegrateCells()] over the cells, coloured by time, by the cell they
#' start from, by the member of the ensemble, or by the label of their end.
#' In another reduction than that of the simulation each state is drawn at the mean of its nearest
#' cells there.
#' Paths along a velocity field are drawn in principal components of `log1p()` of its genes where no reduction
#' is named.
#'
#' @section Basic use:
#' ```
#' futures <- SimulateCells(cells, cells = 1:5, n.sim = 20)
#' plot(futures, observed = cells, group.by = "fate")
#' ```
#' @param x Trajectories.
#' @param observed The cells to draw behind: the object they came from, or a matrix (cells x dims)
#'   in the space of the trajectories; `NULL` for none.
#' @param group.by `"time"` (default), `"cell"`, `"member"`, or `"fate"`, the label of the nearest reference cells
#'   at the end.
#' @param labels For `"fate"`: the column of labels in `observed`, or one label for each of its cells; `NULL` takes
#'   those of [DefineFates()].
#' @param reduction Reduction to draw; `NULL` takes that of the simulation.
#' @param dims (two numbers) Dimensions to draw.
#' @param cols Colours by label, cell or member; `NULL` takes those of [DefineFates()] for labels.
#' @param n.paths At most this many paths are drawn, evenly spread.
#' @param pt.size Size of the points of the observed cells; `NULL` suits it to their number.
#' @param raster Draw them as pixels? `NULL` does so for more than 50,000.
#' @param linewidth,alpha Of the paths.
#' @param span Share of the time span over which states are averaged along each path (tri-cube weights, less towards
#'   its ends, which stay where they are), so that ways show through the noise; 0 draws the states as they are.
#'   Where nothing is said simulated paths are averaged over 0.3, those of [IntegrateCells()] not at all.
#' @param k Reference cells that label an end; `NULL` takes that of [DefineFates()].
#' @param n.neighbors Nearest cells whose mean is a state's place in another reduction.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input` names the argument: nothing observed for `"fate"`, no such column or
#'   reduction, other dimensions than those of the trajectories.
#' @seealso [SimulateCells()], [trajectories]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' futures <- SimulateCells(cells, cells = 1:3, n.sim = 5, t.out = seq(0, 3, 0.25), verbose = FALSE)
#' plot(futures, observed = cells)
#' plot(futures, observed = cells, group.by = "fate", labels = "state")
#' @export
plot.fatefield_trajectories <- function(x, observed = NULL, group.by = c("time", "cell", "fate", "member"),
                                        labels = NULL, reduction = NULL, dims = 1:2, cols = NULL, n.paths = 300L,
                                        pt.size = NULL, raster = NULL, linewidth = 0.3, alpha = 0.5, span = NULL,
                                        k = NULL, n.neighbors = 20L, ...) {
  check_no_dots(names(formals(plot.fatefield_trajectories)), ...)
  group.by <- check_choice(group.by, c("time", "cell", "fate", "member"), "group.by")
  n.neighbors <- check_count(n.neighbors, "n.neighbors")
  x <- x[thinned(length(x$cell), check_count(n.paths, "n.paths"))]
  cells <- background_cells(x, observed)
  x <- near_trajectories(x)
  shown <- shown_states(x, observed, cells, reduction, dims, n.neighbors)
  paths <- path_frame(smooth_states(shown$states, x$times, smooth_width(span, x)), x)
  if (group.by == "fate") {
    found <- end_labels(x, observed, cells, labels, k)
    paths$colour <- found$ends[paths$trajectory]
    cols <- c(cols, found$cols[setdiff(names(found$cols), names(cols))])
  } else {
    paths$colour <- if (group.by == "time") paths$time else droplevels(factor(paths[[group.by]]))
  }
  plot <- ggplot2::ggplot(paths, ggplot2::aes(.data$x, .data$y))
  if (!is.null(shown$plane)) {
    behind <- plane_frame(shown$plane)
    plot <- plot + cell_points(behind, pt.size = pt.size, raster = raster, colour = "grey85")
  }
  plot + ggplot2::geom_path(
    ggplot2::aes(colour = .data$colour, group = .data$trajectory), linewidth = linewidth,
    alpha = alpha, lineend = "round"
  ) +
    ggplot2::geom_point(data = paths[paths$time %in% x$times[start_index(x)], ], size = 0.8) +
    path_colours(paths$colour, group.by, cols) + ggplot2::coord_equal() + theme_cells() +
    ggplot2::labs(x = shown$names[[1L]], y = shown$names[[2L]])
}

smooth_width <- function(span, x) {
  if (is.null(span)) {
    return(if (is.null(x$paths)) 0.3 else 0)
  }
  check_number(span, "span", min = 0, max = 1)
}

# States averaged over windows of time, at most `width` of the span, symmetric and within it.
smooth_states <- function(states, times, width) {
  reach <- pmin(width / 2 * diff(range(times)), times - min(times), max(times) - times)
  weights <- pmax(1 - (abs(outer(times, times, "-")) / pmax(reach, .Machine$double.xmin))^3, 0)^3
  weights <- weights / rowSums(weights)
  for (d in seq_len(dim(states)[[2L]])) {
    flat <- matrix(states[, d, ], dim(states)[[1L]])
    # A state that is not there spoils its neighbours only, not the whole path.
    known <- is.finite(flat)
    flat[!known] <- 0
    smooth <- (flat %*% t(weights)) / (known %*% t(weights))
    states[, d, ] <- ifelse(known, smooth, NA_real_)
  }
  states
}

path_colours <- function(colour, group.by, cols) {
  if (group.by == "time") {
    return(ggplot2::scale_colour_viridis_c("time", option = "viridis", end = 0.9))
  }
  # A legend of very many start cells tells nothing and leaves no room for the plot.
  crowded <- nlevels(colour) > 20L
  list(
    scale_labels(levels(colour), cols, name = group.by),
    if (crowded) ggplot2::guides(colour = "none") else big_key()
  )
}

# The background's cells in the space in which cells are near each other, see near_space(), cells x dims; NULL
# where there is no background.
background_cells <- function(object, background, argument = "observed") {
  if (is.null(background)) {
    return(NULL)
  }
  check_object(background, argument)
  x <- if (is_plain_matrix(background)) {
    check_matrix(background, argument)
  } else if (is.null(object$axes)) {
    embedding(background, object$reduction)
  } else {
    field_states(object, background, argument)
  }
  if (all(object$dims %in% colnames(x))) x <- x[, object$dims, drop = FALSE]
  if (ncol(x) != length(object$dims)) {
    stop_input(argument, "`", argument, "` has ", ncol(x), " dimensions, the trajectories have ",
      length(object$dims), ".")
  }
  near_space(object, x)
}

# States of an object's cells, of the genes of trajectories along one of its velocity fields.
field_states <- function(object, background, argument) {
  for (name in rev(tool_names(background, "models"))) {
    model <- tool(background, "models", name)
    if (model$type == "field" && identical(model$dims, object$dims)) {
      return(model_coordinates(background, model))
    }
  }
  stop_input(argument, "`", argument, "` holds no velocity field of the genes of the trajectories; give a ",
    "matrix, cells x genes, or the object they came from.")
}

# States to draw, array [trajectory, 2, time], the plane of the background and names of the axes.
shown_states <- function(object, background, cells, reduction, dims, k) {
  own <- is.null(reduction) || identical(tolower(reduction), tolower(object$reduction))
  if (own) {
    if (length(dims) != 2L) {
      stop_input("dims", "`dims` must be two dimensions such as 1:2, not ", described(dims), ".")
    }
    dims <- check_dims(dims, length(object$dims))
    return(list(
      states = object$states[, dims, , drop = FALSE], names = object$dims[dims],
      plane = if (!is.null(cells)) cells[, dims, drop = FALSE]
    ))
  }
  if (is.null(cells) || is_plain_matrix(background)) {
    stop_input("observed", "`observed` must be the object that holds reduction ",
      quoted(reduction), ".")
  }
  plane <- plane_of(background, reduction, dims)
  size <- dim(object$states)
  flat <- matrix(aperm(object$states, c(1L, 3L, 2L)), ncol = size[[2L]])
  placed <- array(place_among(flat, cells, plane, k), c(size[[1L]], size[[3L]], 2L))
  list(states = aperm(placed, c(1L, 3L, 2L)), plane = plane, names = colnames(plane))
}

# Where states (n x dims of `cells`) lie in the plane: the mean of their k nearest cells there.
place_among <- function(states, cells, plane, k) {
  near <- knn_query(cells, states, min(k, nrow(cells)), knn_defaults(), thread_count())$index
  mean_of <- function(d) rowMeans(matrix(plane[near, d], nrow(near)))
  cbind(mean_of(1L), mean_of(2L))
}

path_frame <- function(states, object) {
  n <- dim(states)[[1L]]
  times <- length(object$times)
  data.frame(
    x = as.vector(states[, 1L, ]), y = as.vector(states[, 2L, ]),
    trajectory = rep(seq_len(n), times), time = rep(object$times, each = n),
    cell = rep(object$cell, times), member = rep(object$member, times)
  )
}

# The label of the end of each trajectory, NA where it is far from all cells, and the colours: list(ends, cols).
end_labels <- function(object, observed, cells, labels, k) {
  if (is.null(cells)) {
    stop_input("observed", "`observed` is needed to label the ends of the trajectories.")
  }
  definition <- fate_definition(observed, labels, k = k)
  references <- label_references(cells, definition$labels, definition$reference, definition$options)
  found <- label_states(references$index, states_at(object), thread_count())$label
  list(ends = factor(references$labels[found], levels = references$labels), cols = definition$cols)
}
