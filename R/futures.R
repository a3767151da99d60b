# Futures of start states under a model, for either type of model. futures_of() gives a list:
#
#   x            all cells, cells x dims, in the model's space; cells: numbers of those that start
#   start, end   times, in the units of the model
#   places       all cells where ends are labelled, cells x coordinates: x itself, or principal components of
#                log1p of it for velocity fields
#   coordinates  function(states): the same of any states
#   n.sim        futures of each start
#   correction   where the ends of futures are to be corrected, see correction_source(); else NULL. at: the start times
#                for which they can be
#   members      one function(seed) per member that opens it: list(shares, moved).
#                shares is a function(references, arms, seed, first, tick), where `arms` is a list of
#                list(states = n x dims, hold); gives for each arm list(share, first): the shares of the labels where
#                futures end (starts x (labels + 1), the last column is unassigned), and with `first` the label of the
#                first future of each start. `tick`: NULL, or told the number of starts that are done.
#                moved: by how much ends were corrected, with weights that `seed` gives and that are the same in all
#                arms; NULL without
#
# Trajectories of one number have the same noise in every arm. `hold`: what stays as it starts, from
# held_directions(), or NULL.

# `time`, `t.start`: see cell_starts(). `given`: options of the integration of a field, and its `noise`. `correct`: are
# ends to meet the observed cells? `shared`: are the usual futures those of all members together, not of each?
futures_of <- function(object, model, cells, time, t.start, t.end, n.sim, given, correct = FALSE,
                       shared = FALSE) {
  if (identical(model$type, "field")) {
    check_timeless(time, t.start)
    if (correct) {
      stop_input("correct", "`correct` needs a model of times, from FitSDE(): a velocity field has none to be held to.")
    }
    return(futures_of_field(object, model, cells, t.end, n.sim, given))
  }
  do.call(check_no_dots, c(list(names(formals(PerturbCells.default))), given))
  x <- model_coordinates(object, model)
  starts <- cell_starts(object, model, time, t.start, x)
  cells <- cells_of_one_time(cells, rownames(x), starts, "take those of one time")
  start <- starts[[cells[[1L]]]]
  end <- if (is.null(t.end)) max(model$times) else check_number(t.end, "t.end")
  if (end <= start) {
    stop_input("t.end", "`t.end`: the cells are at ", format(start), " and the simulation ends at ", format(end),
      "; name earlier cells or a later end.")
  }
  n.sim <- sims_of(n.sim, length(cells), if (shared) length(model$states) else 1L)
  check_future_memory(n.sim, ncol(x))
  observed <- nearest_known(end, model$times)
  correction <- if (correct) correction_source(model, x, observed, FALSE)
  at <- correctable(correction, start, observed)
  list(
    x = x, cells = cells, start = start, end = end, places = x, coordinates = identity, n.sim = n.sim,
    correction = correction, at = at,
    members = lapply(model_engines(model), function(open) {
      function(seed) {
        engine <- open()
        sde_shares(engine, start, end, n.sim, member_weights(engine, correction, at, observed, seed))
      }
    })
  )
}

check_timeless <- function(time, t.start) {
  given <- c("time", "t.start")[c(!is.null(time), !is.null(t.start))]
  if (length(given) > 0L) {
    stop_input(given[[1L]], "`", given[[1L]], "`: the cells of a velocity field have no time.")
  }
}

# About 2,000 trajectories, and 10 of each of n cells, of as many models together.
sims_of <- function(n.sim, n, models = 1L) {
  if (is.null(n.sim)) max(ceiling(10 / models), ceiling(2000 / (n * models))) else check_count(n.sim, "n.sim")
}

# `ends`: weights of ends, see member_weights(), or NULL.
sde_shares <- function(engine, start, end, n.sim, ends) {
  shares <- function(references, arms, seed, first = FALSE, tick = NULL) {
    x <- stacked_starts(arms)
    hold <- lapply(arms, `[[`, "hold")
    directions <- do.call(rbind, hold)
    request <- list(
      n.sim = n.sim, seed = seed, arms = length(arms), hold = directions, first = first,
      hold.of.arm = if (!is.null(directions)) cumsum(c(0, vapply(hold, NROW, numeric(1))))
    )
    times <- rep(start, nrow(x) / length(arms))
    request <- c(request, ends[c("weights", "weight.times")])
    by_arm(engine$fates(references$index, x, times, end, request, tick), length(arms))
  }
  list(shares = shares, moved = ends$moved)
}

stacked_starts <- function(arms) do.call(rbind, lapply(arms, `[[`, "states"))

# What the core found, arm by arm.
by_arm <- function(found, n.arms) {
  n <- nrow(found$share) / n.arms
  lapply(seq_len(n.arms), function(a) {
    rows <- (a - 1) * n + seq_len(n)
    list(share = found$share[rows, , drop = FALSE], first = found$first[rows])
  })
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
  check_future_memory(n.sim, ncol(x))
  parts <- cell_space_parts(motion$space)
  rownames(parts$cells) <- rownames(x)
  list(
    x = x, cells = check_cells(cells, rownames(x)), start = 0, end = end, places = parts$cells,
    coordinates = function(states) sweep(log1p(pmax(states, 0)), 2L, parts$centre) %*% parts$rotation,
    n.sim = n.sim,
    members = lapply(motion$members, function(open) function(seed) field_shares(motion, open, end, way, n.sim))
  )
}

# Options of IntegrateCells() by name; its neighbours are `n.neighbors` here, as there.
check_path_options <- function(given) {
  known <- c("noise", "n.neighbors", setdiff(names(integrate_defaults("none")), "k"))
  slips <- given[!names(given) %in% known]
  if (length(given) > 0L && is.null(names(given))) slips <- given
  do.call(check_no_dots, c(list(c(known, names(formals(PerturbCells.default)))), slips))
}

field_shares <- function(motion, open, end, way, n.sim) {
  along <- open(end, 0)
  options <- motion$options
  if (options$snap != "none" && options$snap.every == 0) options$snap.every <- motion$crossing(along)
  noise.sd <- if (way > 0) way * cell_noise(motion$space, thread_count()) / sqrt(end)
  shares <- function(references, arms, seed, first = FALSE, tick = NULL) {
    x <- stacked_starts(arms)
    hold <- lapply(arms, function(arm) sort(as.numeric(arm$hold)))
    request <- list(
      n.sim = n.sim, seed = seed, noise.sd = noise.sd, arms = length(arms), hold = matrix(unlist(hold), ncol = 1L),
      hold.of.arm = cumsum(c(0, lengths(hold))), first = first
    )
    times <- numeric(nrow(x) / length(arms))
    by_arm(motion_fates(
      along, motion$space, options, references$index, x, times, end, request, tick, thread_count()
    ), length(arms))
  }
  list(shares = shares)
}

# What keeps genes as they start: an orthonormal basis (m x dims) of their loadings, or numbers of dimensions.
held_directions <- function(space, genes) {
  if (space$kind == "genes") {
    return(match(genes, space$genes))
  }
  q <- qr(t(space$loadings[genes, , drop = FALSE]))
  t(qr.Q(q)[, seq_len(q$rank), drop = FALSE])
}
