# The paths along which CellCriticality() looks, some cells at a time, so that they need not all be in memory.

# `x`: all cells x dims; `cells`: numbers of those wanted; `space`: see profile_space().
criticality_of <- function(object, model, x, cells, space, request, seed, verbose, given) {
  starts <- path_starts(object, model, x)
  order <- cells[order(starts[cells], cells)]
  from <- if (request$k > 1L) smoothed_states(x, order, request$k, model) else x[order, , drop = FALSE]
  walk <- if (request$stochastic) {
    stochastic_paths(model, request, seed)
  } else {
    drift_paths(object, model, order, request, given, seed)
  }
  tick <- progress_bar(length(order), "Following cells", verbose)
  # States of all times, or some tables of the expression of genes at one.
  size <- walk$each * max(length(model$dims) * walk$times, 4L * length(space$mean))
  # Engines of paths without noise are shared by all cells, and stay where they are.
  workers <- if (request$stochastic) plan_workers() else 1L
  chunks <- criticality_chunks(starts[order], size)
  pieces <- lapply(chunks, function(rows) {
    list(cells = order[rows], from = from[rows, , drop = FALSE], start = starts[[order[[rows[[1L]]]]]],
      first = rows[[1L]])
  })
  work <- criticality_worker(model, space, request, seed, if (workers == 1L) walk)
  found <- plan_chunks(pieces, work, function(n) tick(sum(lengths(chunks[seq_len(n)]))), workers = workers)
  if (!found$whole) rlang::interrupt()
  parts <- found$results
  result <- new_criticality(parts, request, walk$kappa)
  result[rownames(x)[sort(cells)]]
}

# A function of list(cells, from, start, first): increments along their paths. `walk`: of this session, NULL to make one
# where it runs.
criticality_worker <- function(model, space, request, seed, walk) {
  for (value in list(model, space, request, seed, walk)) force(value)
  rm(value)
  function(piece, tick) {
    if (is.null(walk)) walk <- stochastic_paths(model, request, seed)
    path_increments(walk$paths(piece$cells, piece$from, piece$start, piece$first), space, request)
  }
}

# The states of one cell are in memory together, twice while they are joined.
check_criticality_memory <- function(request, dims, members) {
  each <- 2 * dims * members
  n.sim <- if (request$stochastic) request$n.sim else 1
  check_memory(each * (request$n.steps + 1), "n.steps", request$n.steps, "one path")
  check_memory(each * n.sim * (request$n.steps + 1), "n.sim", n.sim, "the paths of one cell")
}

# The time of each cell; a velocity field knows of none.
path_starts <- function(object, model, x = model_space(object, model)) {
  if (identical(model$type, "field")) numeric(length(cell_names(object))) else cell_starts(object, model, x = x)
}

# Runs of cells of one start time, each with at most criticality_chunk numbers; `size`: numbers of one cell. The same on
# any plan: masses are relative to the largest of a run.
criticality_chunks <- function(starts, size) {
  most <- max(1L, as.integer(criticality_chunk / size))
  unname(unlist(lapply(split(seq_along(starts), starts), function(rows) {
    split(rows, (seq_along(rows) - 1L) %/% most)
  }), recursive = FALSE))
}

# Means of cells and their nearest cells: in components of log1p for fields, in the model's space else.
smoothed_states <- function(x, cells, k, model) {
  if (k > nrow(x)) stop_input("n.neighbors", "`n.neighbors` is ", k, ", but there are ", nrow(x), " cells.")
  space <- if (identical(model$type, "field")) log_projection(x)(x) else x
  near <- knn_self(space, k - 1L, knn_defaults(), thread_count())$index[cells, , drop = FALSE]
  total <- x[cells, , drop = FALSE]
  for (j in seq_len(ncol(near))) total <- total + x[near[, j], , drop = FALSE]
  total / k
}

# Futures with noise, all members at once.
stochastic_paths <- function(model, request, seed) {
  t.max <- if (is.null(request$t.max)) diff(range(model$times)) else request$t.max
  if (!(t.max > 0)) stop_input("t.max", "`t.max` must be above 0, not ", t.max, ".")
  engines <- model_engines(model)
  n.sim <- request$n.sim
  paths <- function(cells, from, start, first) {
    times <- start + seq(0, t.max, length.out = request$n.steps + 1L)
    parts <- lapply(seq_along(engines), function(member) {
      list(engines[[member]]()$simulate(from, times, n.sim, seed + member - 1, (first - 1) * n.sim))
    })
    join_states(parts, n.sim, times, rownames(from), model, "states")
  }
  list(paths = paths, each = n.sim * length(engines), times = request$n.steps + 1, kappa = 1)
}

# Paths without noise. Cells of a field share one motion; those of a neural SDE one for each start time.
drift_paths <- function(object, model, cells, request, given, seed) {
  no.noise <- list(way = 0, start = 0, n.sim = 1L)
  motion_from <- function(cells) {
    find <- if (identical(model$type, "field")) motion_of_field else motion_of_sde
    find(object, model, cells, "drift", no.noise, given, request$compat)
  }
  shared <- motion_from(cells[[1L]])
  elapsed <- criticality_times(shared, model, request)
  paths <- function(cells, from, start, first) {
    motion <- if (identical(model$type, "field")) shared else motion_from(cells)
    motion$starts <- from
    integrate_directions(motion, elapsed, "forward", no.noise, "states", seed, FALSE)
  }
  list(paths = paths, each = length(model$states), times = length(elapsed), kappa = shared$options$kappa)
}

criticality_times <- function(motion, model, request) {
  if (is.null(request$t.max) && !is.null(motion$times)) {
    return(motion$times)
  }
  t.max <- if (!is.null(request$t.max)) {
    request$t.max
  } else if (identical(model$type, "field")) {
    motion$horizon()
  } else {
    diff(range(model$times))
  }
  if (!(t.max > 0)) stop_input("t.max", "`t.max` must be above 0, not ", t.max, ".")
  seq(0, t.max, length.out = request$n.steps + 1L)
}
