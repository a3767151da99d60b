# Futures of start states under a model, for either type of model. futures_of() gives a list:
#
#   x            all cells, cells x dims, in the model's space; cells: numbers of those that start
#   start, end   times, in the units of the model
#   places       all cells where ends are labelled, cells x coordinates: x itself, or principal components of
#                log1p of it for velocity fields
#   coordinates  function(states): the same of any states
#   n.sim        futures of each start
#   members      one function per member that is ready to simulate: a function(arms, rows, seed), where `arms` is
#                a list of list(states = n x dims, hold) and `rows` the numbers (1, 2, ...) of these n starts among
#                all; gives list(states = trajectory x coordinate, log_weights), arm after arm, trajectories of a
#                start together
#
# Trajectories of one number have the same noise in every arm. `hold`: what stays as it starts, from
# held_directions(), or NULL.

# `time`, `t.start`: see cell_starts(). `given`: options of the integration of a field, and its `noise`.
futures_of <- function(object, model, cells, time, t.start, t.end, n.sim, given) {
  if (identical(model$type, "field")) {
    check_timeless(time, t.start)
    return(futures_of_field(object, model, cells, t.end, n.sim, given))
  }
  do.call(check_no_dots, c(list(names(formals(PerturbCells.default))), given))
  x <- model_coordinates(object, model)
  starts <- cell_starts(object, model, time, t.start)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  start <- unique(starts[cells])
  if (length(start) > 1L) {
    stop_input("cells", "`cells` are of different times (", paste(format(sort(start)), collapse = ", "),
      "); take those of one time, or set `t.start`.")
  }
  end <- if (is.null(t.end)) max(model$times) else check_number(t.end, "t.end")
  if (end <= start) {
    stop_input("t.end", "`t.end`: the cells are at ", format(start), " and the simulation ends at ", format(end),
      "; name earlier cells or a later end.")
  }
  n.sim <- sims_of(n.sim, length(cells))
  list(
    x = x, cells = cells, start = start, end = end, places = x, coordinates = identity, n.sim = n.sim,
    members = lapply(model_engines(model), function(open) {
      function() sde_ends(open(), c(start, end), n.sim)
    })
  )
}

check_timeless <- function(time, t.start) {
  given <- c("time", "t.start")[c(!is.null(time), !is.null(t.start))]
  if (length(given) > 0L) {
    stop_input(given[[1L]], "`", given[[1L]], "`: the cells of a velocity field have no time.")
  }
}

# About 2,000 trajectories in all, and 10 of each cell.
sims_of <- function(n.sim, n) if (is.null(n.sim)) max(10L, ceiling(2000 / n)) else check_count(n.sim, "n.sim")

sde_ends <- function(engine, times, n.sim) {
  force(engine)
  function(arms, rows, seed) {
    x <- do.call(rbind, lapply(arms, `[[`, "states"))
    first <- (rows[[1L]] - 1) * n.sim
    hold <- lapply(arms, `[[`, "hold")
    out <- if (length(arms) == 1L && is.null(hold[[1L]])) {
      engine$simulate(x, times, n.sim, seed, first)
    } else {
      directions <- do.call(rbind, hold)
      if (is.null(directions)) directions <- matrix(0, 0L, ncol(x))
      of.arm <- cumsum(c(0, vapply(hold, NROW, numeric(1))))
      engine$simulate_arms(x, times, n.sim, seed, first,
        list(n = length(arms), hold = directions, hold.of.arm = of.arm))
    }
    last <- length(times)
    list(states = matrix(out$states[, , last], ncol = ncol(x)), log_weights = as.numeric(out$log_weights[, last]))
  }
}

# Paths of a field end where its integration leaves them. `given$noise` is that of IntegrateCells().
futures_of_field <- function(object, model, cells, t.end, n.sim, given) {
  check_path_options(given)
  way <- if (is.null(given$noise)) 0 else check_number(given$noise, "noise", min = 0)
  if (!is.null(given$n.neighbors)) given$k <- check_count(given$n.neighbors, "n.neighbors")
  given[c("noise", "n.neighbors")] <- NULL
  motion <- motion_of_field(object, model, cells, "drift", list(way = way, start = 0, n.sim = 1L), given, "none")
  x <- model_coordinates(object, model)
  end <- if (is.null(t.end)) motion$span("forward") else check_number(t.end, "t.end")
  if (end <= 0) stop_input("t.end", "`t.end` must be above 0, not ", end, ".")
  n.sim <- if (is.null(n.sim)) 1L else check_count(n.sim, "n.sim")
  if (n.sim > 1L && way == 0) {
    stop_input("n.sim", "`n.sim` is ", n.sim, ", but paths along a velocity field are all the same without `noise`.")
  }
  parts <- cell_space_parts(motion$space)
  rownames(parts$cells) <- rownames(x)
  list(
    x = x, cells = check_cells(cells, rownames(x)), start = 0, end = end, places = parts$cells,
    coordinates = function(states) sweep(log1p(pmax(states, 0)), 2L, parts$centre) %*% parts$rotation,
    n.sim = n.sim,
    members = lapply(motion$members, function(open) function() field_ends(motion, open, end, way, n.sim))
  )
}

# Options of IntegrateCells() by name; its neighbours are `n.neighbors` here, as there.
check_path_options <- function(given) {
  known <- c("noise", "n.neighbors", setdiff(names(integrate_defaults("none")), "k"))
  slips <- given[!names(given) %in% known]
  if (length(given) > 0L && is.null(names(given))) slips <- given
  do.call(check_no_dots, c(list(c(known, names(formals(PerturbCells.default)))), slips))
}

field_ends <- function(motion, open, end, way, n.sim) {
  along <- open(end, 0)
  options <- motion$options
  if (options$snap != "none" && options$snap.every == 0) options$snap.every <- motion$crossing(along)
  noise.sd <- if (way > 0) way * cell_noise(motion$space, thread_count()) / sqrt(end) else numeric()
  function(arms, rows, seed) {
    parts <- lapply(arms, function(arm) {
      request <- list(
        n.sim = n.sim, seed = seed, coordinates = TRUE, start.sd = numeric(), noise.sd = noise.sd,
        first = (rows[[1L]] - 1) * n.sim
      )
      if (!is.null(arm$hold)) request$held <- sort(as.integer(arm$hold))
      out <- integrate_motion(along, motion$space, arm$states, c(0, end), request, options, function(n) NULL,
        thread_count())
      matrix(out$states[, , 2L], nrow(arm$states) * n.sim)
    })
    states <- do.call(rbind, parts)
    # A path that could not be integrated ends nowhere.
    lost <- rowSums(!is.finite(states)) > 0
    states[lost, ] <- 0
    list(states = states, log_weights = ifelse(lost, -Inf, 0))
  }
}

# What keeps genes as they start: an orthonormal basis (m x dims) of their loadings, or numbers of dimensions.
held_directions <- function(space, genes) {
  if (space$kind == "genes") {
    return(match(genes, space$genes))
  }
  q <- qr(t(space$loadings[genes, , drop = FALSE]))
  t(qr.Q(q)[, seq_len(q$rank), drop = FALSE])
}
