# What IntegrateCells() moves along, of either type of model: a list of
#   members   one function per member that gives a motion (glue_motion.hpp) for paths up to a time,
#   starts    the start states, cells x dims; start: their time,
#   space     the observed cells (cell_space()); axes: their space where it is not that of the states,
#   options   of the integration,
#   span      function(way): how long to integrate by default, so that most paths arrive (integrate-ends.R),
#   arrival   function(states, times): which paths (path x dim x time) have arrived at the last time,
#   times     the published times, or NULL,
#   crossing  the time in which a cell of median speed crosses a neighbourhood,
#   model;
# of a velocity field also horizon(), the time in which a cell of median speed crosses the data.

motion_of_sde <- function(object, model, cells, path, noise, given, compat = "none", time = NULL, t.start = NULL) {
  if (compat != "none") {
    stop_input("compat", "`compat` is for velocity fields; the model is a neural SDE.")
  }
  x <- model_coordinates(object, model)
  starts <- cell_starts(object, model, time, t.start, x)
  cells <- cells_of_one_time(cells, rownames(x), starts, "integrate those of one time at a time")
  start <- starts[[cells[[1L]]]]
  defaults <- utils::modifyList(integrate_defaults("none"), list(
    positive = FALSE, support = "none", solver = default_solver(noise)
  ))
  options <- merge_options(defaults, given, argument = "")
  # A matrix does not tell which of its cells are the first: those that start stand for them.
  first <- if (is_plain_matrix(object)) cells else which(starts == min(starts))
  # A few states of one's own need no neighbours unless something looks for them.
  looked.for <- options$snap != "none" || options$support == "cells" || noise$way > 0 || noise$start > 0
  if (looked.for) check_neighbour_count(options$k, nrow(x))
  space <- if (looked.for) cell_space(t(x), FALSE, options, thread_count())
  list(
    options = options, starts = x[cells, , drop = FALSE], start = start, space = space,
    members = lapply(model$states, function(bytes) {
      function(end, seed) {
        population <- if (path == "probability-flow") x[first, , drop = FALSE]
        sde_motion(bytes, population, min(starts), max(model$times, end), seed, thread_count())
      }
    }),
    span = function(way) if (way == "forward") max(model$times) - start else start - min(model$times),
    arrival = function(states, times) {
      last <- times[[length(times)]]
      slack <- 1e-9 * diff(range(model$times))
      there <- if (last > times[[1L]]) last >= max(model$times) - slack else last <= min(model$times) + slack
      rep(there, dim(states)[[1L]])
    },
    crossing = function(motion) {
      motion_scales(motion, space, options$kappa, start, thread_count())$crossing
    },
    model = model
  )
}

default_solver <- function(noise) if (noise$way > 0) "euler" else integrate_defaults("none")$solver

motion_of_field <- function(object, model, cells, path, noise, given, compat) {
  if (path != "drift") {
    stop_input("path", "`path`: only a neural SDE has a probability flow; the model is a velocity field.")
  }
  compat <- check_choice(compat, c("none", "deepvelo"), "compat")
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  defaults <- integrate_defaults(compat)
  defaults$components <- min(defaults$components, ncol(x), nrow(x) - 1)
  if (noise$way > 0) defaults$solver <- "euler"
  how <- if (is.null(given$kappa) && compat == "deepvelo") "quantile" else given$kappa
  given["kappa"] <- if (!is.character(how)) list(how)
  options <- merge_options(defaults, given, argument = "")
  clock <- published_clock(model, how, options, compat)
  if (!is.null(clock)) options$kappa <- clock$kappa
  check_neighbour_count(options$k, nrow(x))
  space <- cell_space(t(x), TRUE, options, thread_count())
  scales <- function(motion) motion_scales(motion, space, options$kappa, 0, thread_count())
  parts <- cell_space_parts(space)
  axes <- parts[c("centre", "rotation")]
  horizon <- function() scales(field_motion(model$states[[1L]]))$horizon
  motion <- list(
    options = options, starts = x[cells, , drop = FALSE], start = 0, space = space, axes = axes, times = clock$times,
    members = lapply(model$states, function(bytes) function(end, seed) field_motion(bytes)),
    crossing = function(motion) scales(motion)$crossing,
    horizon = horizon, arrival = arrived_among_cells(axes, parts$cells, options$k, horizon), model = model
  )
  found <- NULL
  motion$span <- function(way) {
    # Going back there is nothing to arrive at, and errors grow.
    if (way == "backward") {
      return(motion$horizon())
    }
    if (is.null(found)) {
      found <<- arrival_span(motion, x, motion$horizon(), nearest_to(axes, parts$cells, options$k))
    }
    found
  }
  motion
}

check_neighbour_count <- function(k, n) {
  if (k >= n) stop_input("n.neighbors", "`n.neighbors` is ", k, ", but there are ", n, " cells; fewer are needed.")
}

# list(kappa, times) by the published rules where they are asked for, of the first member, whose data are those
# of all; else NULL.
published_clock <- function(model, how, options, compat) {
  if (is.character(how)) check_choice(how, c("quantile", "ratio"), "kappa")
  if (!is.character(how) && compat == "none") {
    return(NULL)
  }
  clock <- field_clock(
    model$states[[1L]], if (is.character(how)) how else "", options$kappa.quantile, options$span.quantile
  )
  if (!is.character(how)) clock$kappa <- options$kappa
  if (compat == "none") {
    return(clock["kappa"])
  }
  pulls <- max(1, floor(clock$steps / options$points))
  list(kappa = clock$kappa, times = (options$points - 1) * seq(0, pulls))
}
