# Draws simulated paths over the cells they came from.

#' Plot simulated trajectories
#'
#' Draws paths from [SimulateCells()] or [IntegrateCells()] over the cells, coloured by time, by the cell they
#' start from, or by the label of their end.
#' In another reduction than that of the simulation each state is drawn at the mean of its nearest
#' cells there.
#' Paths along a velocity field are drawn in principal components of `log1p()` of its genes where no reduction
#' is named.
#'
#' @param object Trajectories.
#' @param background The cells to draw behind: the object they came from, or a matrix (cells x dims)
#'   in the space of the trajectories; `NULL` for none.
#' @param colour.by `"time"` (default), `"cell"`, `"member"`, or `"fate"`, the label of the nearest
#'   cells of the background at the end.
#' @param labels For `"fate"`: the column of labels in `background`, or one label for each of its
#'   cells.
#' @param reduction Reduction to draw; `NULL` takes that of the simulation.
#' @param dims (two numbers) Dimensions to draw.
#' @param max.paths At most this many paths are drawn, evenly spread; default 300.
#' @param max.cells At most this many cells of the background; default 20,000.
#' @param linewidth,alpha Of the paths.
#' @param k Nearest cells for labels and for another reduction. Default 20.
#' @param ... Not used.
#' @return A ggplot.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no background for `"fate"`, no such column or
#'   reduction, other dimensions than those of the trajectories.
#' @seealso [SimulateCells()]
#' @examples
#' s <- array(0, c(20, 2, 11), list(NULL, c("x", "y"), NULL))
#' for (t in 1:10) s[, , t + 1] <- s[, , t] + sin(1:40 * t) / 3
#' paths <- structure(
#'   list(
#'     states = s, times = 0:10, cell = factor(rep(c("a", "b"), each = 10)), sim = rep(1:10, 2),
#'     member = rep(1L, 20), log_weights = matrix(0, 20, 11), reduction = NULL, dims = c("x", "y")
#'   ),
#'   class = "fatefield_trajectories"
#' )
#' PlotTrajectories(paths)
#' @export
PlotTrajectories <- function(object, background = NULL,
                             colour.by = c("time", "cell", "fate", "member"), labels = NULL,
                             reduction = NULL, dims = 1:2, max.paths = 300L, max.cells = 20000L,
                             linewidth = 0.3, alpha = 0.6, k = 20L, ...) {
  check_no_dots(names(formals(PlotTrajectories)), ...)
  check_trajectories(object)
  colour.by <- check_choice(colour.by, c("time", "cell", "fate", "member"), "colour.by")
  max.paths <- check_count(max.paths, "max.paths")
  k <- check_count(k, "k")
  object <- object[thinned(length(object$cell), max.paths)]
  cells <- background_cells(object, background)
  object <- near_trajectories(object)
  shown <- shown_states(object, background, cells, reduction, dims, k)
  paths <- path_frame(shown$states, object)
  paths$colour <- if (colour.by == "fate") {
    end_labels(object, background, cells, labels, k)[paths$trajectory]
  } else if (colour.by == "time") {
    paths$time
  } else {
    droplevels(factor(paths[[colour.by]]))
  }
  plot <- ggplot2::ggplot(paths, ggplot2::aes(.data$x, .data$y))
  if (!is.null(shown$plane)) {
    keep <- thinned(nrow(shown$plane), max.cells)
    plot <- plot + ggplot2::geom_point(
      data = plane_frame(shown$plane[keep, , drop = FALSE]), colour = "grey85",
      size = point_size(length(keep)), stroke = 0
    )
  }
  plot + ggplot2::geom_path(
    ggplot2::aes(colour = .data$colour, group = .data$trajectory), linewidth = linewidth,
    alpha = alpha, lineend = "round"
  ) +
    ggplot2::geom_point(data = paths[paths$time %in% object$times[start_index(object)], ], size = 0.8) +
    path_colours(paths$colour, colour.by) + ggplot2::coord_equal() + theme_cells() +
    ggplot2::labs(x = shown$names[[1L]], y = shown$names[[2L]])
}

path_colours <- function(colour, colour.by) {
  if (colour.by == "time") {
    return(ggplot2::scale_colour_viridis_c("time", option = "viridis", end = 0.95))
  }
  # A legend of very many start cells tells nothing and leaves no room for the plot.
  crowded <- nlevels(colour) > 20L
  list(
    scale_labels(levels(colour), name = colour.by),
    if (crowded) ggplot2::guides(colour = "none") else big_key()
  )
}

# The background's cells in the space in which cells are near each other, see near_space(), cells x dims; NULL
# where there is no background.
background_cells <- function(object, background, argument = "background") {
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
    stop_input("background", "`background` must be the object that holds reduction ",
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

# The label of the end of each trajectory, NA where it is far from all cells.
end_labels <- function(object, background, cells, labels, k) {
  if (is.null(cells)) {
    stop_input("background", "`background` is needed to label the ends of the trajectories.")
  }
  if (is.null(labels)) stop_labels()
  voters <- label_voters(cells, label_column(background, labels), NULL,
    vote_options(k, NULL, NULL, NULL, NULL, NULL))
  found <- label_states(voters$index, states_at(object), thread_count())$label
  factor(voters$labels[found], levels = voters$labels)
}
