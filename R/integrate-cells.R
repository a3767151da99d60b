# Integrates cells along the drift of a model: paths without noise, forward and back in time. Takes an
# object or a matrix with a model; gives trajectories.

# Numbers of states integrated at a time.
integration_chunk <- 2e7

#' Integrate cells along a model
#'
#' Each cell is moved along dx/dt = kappa f(x), forward or back in time, with steps of its own, so that
#' no path depends on the cells integrated beside it.
#' f is a velocity field from [FitVelocityField()], whose states are the counts of its genes, or the drift of a
#' neural SDE from [FitSDE()].
#'
#' @section Basic use:
#' ```
#' paths <- IntegrateCells(cells, cells = cells$type == "progenitor")
#' paths
#' ClassifyTrajectories(paths, labels = "type", reference = cells)
#' ```
#'
#' @section Solvers:
#' `r doc_integrate_solvers(TRUE)` choose their steps by the error, with SciPy's rules: the root mean
#' square over genes of the error over `atol + rtol * max(|x0|, |x1|)` stays below 1.
#' `"dopri5"` (Dormand and Prince) is the default: at the default tolerance it takes the fewest
#' evaluations of the model between two projections onto the cells; `"dop853"` pays at
#' `rtol` of 1e-6 and below, `"rk23"` where the field has kinks.
#' `r doc_integrate_solvers(FALSE)` take equal steps of about `dt`.
#' Names are those of SciPy, where capital letters do not matter, and of torchdiffeq.
#' The velocity is always that of the current state.
#'
#' @section Projecting onto the cells:
#' `snap = "none"` (default) trusts the field alone; a path ends where it leaves the cells (`support`).
#' Errors of a velocity add up along a path, against which states may be projected onto the cells.
#' `"partial"` moves each state every `snap.every` by `snap.share` (0.5) of the way to the mean of its
#' `n.neighbors` nearest observed cells, near ones counting more (tri-cube weights).
#' `"full"` puts that mean, with equal weights, in its place (`snap.statistic = "median"` the median), as
#' the published method does; such paths come to a stand where the field moves them less than the cells
#' are apart.
#'
#' Projections cost truth about fates.
#' The mean velocity of all cells that are in the same state moves a cloud of cells so that each branch gets its
#' share.
#' The mean of the nearest cells lies where cells are denser: every projection is a step up the density, and behind a
#' fork one towards the branch that is ahead.
#' With the true velocities of [SimulateTwoBranch()], where 61 % of the cells take the major branch, 62 % of the paths
#' end there, with a standard deviation of 9 points between eight systems; that grows to 11 points with partial and to
#' 19 with full projections.
#'
#' Neighbours are looked for in 30 principal components of `log1p()` of the observed cells for velocity
#' fields, in the model's own space for neural SDEs.
#' `snap.every` by default is the time in which a cell of median speed crosses the distance to the last of its
#' `n.neighbors`.
#'
#' @section How long:
#' A velocity field knows of no last time.
#' By default cells are followed for as long as it takes most paths to arrive: until, of 100 cells evenly spread over
#' the data, nine in ten have most of the cells that are nearest to their path in common with half of the time before.
#' Tried are 1 to 3 times the time in which a cell of median speed crosses the data, whose size is the 0.95 quantile
#' of the distances between two cells.
#' The span depends on the model and the data alone, not on the cells asked for.
#'
#' A path ends as `"reached"` where most of the cells nearest to it are the same as three quarters of the time to cross
#' the data before, so that its label hardly changes any more, else as `"time ran out"`; where these are most, a
#' warning says so.
#' Longer paths leave the cells, and the errors of a velocity add up: in the system above, by estimated velocities,
#' 57 % of the paths are among differentiated cells in three times the time to cross the data, and fewer in longer
#' ones.
#' Estimated velocities draw paths to the commoner branch, as the rates of genes that never come to rest are
#' estimated too high, by 30 % in the system above: there 71 % of the paths end on the major branch in the time to
#' cross the data and 80 % in twice of it, where true velocities give 62 % in both.
#' Compare several of `t.out` before a share is believed.
#'
#' A neural SDE is followed to the model's last time.
#'
#' @section Back in time:
#' Where paths meet going forward they part going back, and errors grow.
#' A small disturbance is carried along each path by the derivative of f; `growth` tells the logarithm of
#' its growth, and a path ends where that exceeds `growth.limit` (1000).
#' Partial projections shrink it by `1 - snap.share`; after a full one it is counted anew.
#'
#' @section The published scheme:
#' `compat = "deepvelo"` integrates as the paper did: `kappa = "quantile"`, the 0.99 quantile over genes of mean
#' velocity over mean count (`kappa.quantile`); as many unit steps as the 0.8 quantile (`span.quantile`) of
#' twice the standard deviation of a gene's counts over its mean velocity; full projections onto the mean of 30 cells
#' every `points - 1 = 2` of them; `"rk23"`; negative counts allowed; no events.
#' What was a slip in the published code stays mended: the velocity is that of the current state, not of the
#' start, and neighbours are found among logarithms.
#'
#' @section Probability flow:
#' The drift of a neural SDE leaves the noise out, so that a cloud of its paths is narrower than the
#' cells.
#' With `path = "probability-flow"` the noise is replaced by a velocity under which a cloud keeps the
#' density of the SDE: f minus the divergence of g^2 p over 2 p, where p is the density of a cloud of 2,000
#' futures of the cells of the model's first time (of the start cells, where `object` is a matrix).
#' p is estimated at 41 times by Gaussian kernels, whose width makes left-out points likeliest and whose centres
#' are drawn together so that the variance of the cloud is kept.
#' The more dimensions, the wider the kernels and the nearer p to a normal density.
#'
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims; for a velocity field
#'   size-normalised spliced counts, cells x genes).
#' @param model A model from [FitVelocityField()] or [FitSDE()], or the name of one in the object; `NULL`
#'   takes the last one fitted.
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes the cells of the model's first
#'   time, for a velocity field all.
#' @param t.out Times at which states are kept, increasing, in the unit of the model's times; along a velocity field
#'   cells start at 0, and times before the start are negative.
#'   The start is added.
#'   `NULL` takes 31 times from the start to `t.max`.
#' @param t.max The longest time to follow cells; `NULL` takes the time from the cells to the model's last time
#'   (backward: to its first), for a velocity field the time in which most paths arrive (backward: in which a cell of
#'   median speed crosses the data), see below.
#' @param time Times of the cells for a neural SDE: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#' @param t.start One time at which all cells start, in place of their own.
#' @param direction `"forward"` (default), `"backward"`, or `"both"`: one path through each cell.
#' @param solver See below; `NULL` takes `r doc_default("integrate", "solver")`, or `"euler"` where there is
#'   noise on the way.
#' @param snap `"none"`, `"partial"` or `"full"`, see below; `NULL` takes
#'   `r doc_default("integrate", "snap")`.
#' @param path Of a neural SDE: `"drift"` (default) or `"probability-flow"`, see below.
#' @param noise Noise on the way (Euler and Maruyama): the standard deviation that it alone would give
#'   each gene over the whole time, in units of the noise of single cells, which is the standard deviation
#'   of the observed cells around the mean of their `n.neighbors` nearest.
#' @param start.noise Noise on the starts, in the same units: cells that were not observed.
#'   0.5 is a moderate choice.
#' @param n.sim Paths of each cell, where there is noise.
#' @param n.neighbors Nearest cells to project onto and to measure the noise by; default
#'   `r doc_default("integrate", "k")`.
#' @param kappa Factor of the velocity, default `r doc_default("integrate", "kappa")`: how fast the clock runs.
#'   For a velocity field also `"quantile"` or `"ratio"` (of mean absolute velocity to mean count), the
#'   published ones.
#' @param keep `"states"` (default), or `"end"`: only those at the last time, which for many cells and genes
#'   saves memory.
#' @param compat `"none"` (default), or `"deepvelo"`, see below.
#' @param seed.use Seed of the noise; `NULL` draws one from R's generator, which is else untouched.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param ... More options by name, with their defaults: `r doc_option("integrate", "rtol")`,
#'   `r doc_option("integrate", "atol")`, `r doc_option("integrate", "dt")` (a hundredth of the time),
#'   `r doc_option("integrate", "first.step")` (estimated), `r doc_option("integrate", "max.steps")`;
#'   `r doc_option("integrate", "snap.every")` (see below), `r doc_option("integrate", "snap.share")`,
#'   `r doc_option("integrate", "snap.statistic")`; `r doc_option("integrate", "fixed.point")`: a path has
#'   arrived where no velocity is above this; `r doc_option("integrate", "support")`, `"cells"` or `"none"`: a
#'   path ends where the field's own score of support is above `r doc_option("integrate", "support.limit")` (99
#'   of 100 of its cells have at most 1), or its mean distance to the `n.neighbors` nearest cells more than that many
#'   times the 0.99 quantile of that distance among the cells (defaults `"field"` for velocity fields, `"none"`
#'   for neural SDEs); `r doc_option("integrate", "positive")`: hold counts of a velocity field at 0 or above;
#'   `r doc_option("integrate", "components")`; `r doc_option("integrate", "shadow")`, `"always"` or `"never"`:
#'   follow a disturbance; `r doc_option("integrate", "growth.limit")`.
#'   Of the published clock and span `r doc_option("integrate", "kappa.quantile")`,
#'   `r doc_option("integrate", "span.quantile")` and `r doc_option("integrate", "points")`.
#'
#' @return [trajectories] with, beside their usual elements, `speed` (path x time: the length of
#'   kappa f), `growth` (path x time, where it was followed), and `paths`, a data.frame of one row per path:
#'   `end` is `"reached"` (has arrived, see below), `"time ran out"`, `"fixed point"`, `"repeats"` (was fully
#'   projected to where it was), `"left cells"`, `"grown"`, or `"step too small"`, `"too many steps"`,
#'   `"not finite"`; `end_time`, `steps` and `rejected` steps.
#'   A path that ended early stays where it was; one that failed, the last three, has `NaN` after that.
#' @section Errors:
#' `fatefield_error_input` for cells that are not there, times that do not increase or are not above 0,
#' options out of range; `fatefield_error_stale` where velocities or counts have changed since the fit;
#' `fatefield_error_model` where there is no model or it was fitted on other dimensions;
#' `fatefield_error_numeric` where no path could be integrated.
#' Where some could not, a warning of class `fatefield_warning_paths` names the first and what may help.
#' `fatefield_warning_horizon`: most paths still move among the cells when their time is over.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#'
#' Hairer, Norsett, Wanner (1993) Solving ordinary differential equations I.
#'
#' Song et al. (2021) Score-based generative modeling through stochastic differential equations. ICLR.
#' @seealso [SimulateCells()] for stochastic futures, [plot.fatefield_trajectories()], [PredictFate()]
#' @examples
#' # Progenitors along a velocity field, and where they end.
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, verbose = FALSE)
#' paths <- IntegrateCells(cells, cells = which(cells$stage == "progenitor"), verbose = FALSE)
#' paths
#' head(paths$paths)
#' ClassifyTrajectories(paths, labels = "stage", reference = cells, among = c("minor", "major"))
#'
#' # Along the drift of a neural SDE.
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' IntegrateCells(cells, cells = 1:3, verbose = FALSE)
#'
#' # Where cells of the last day come from.
#' late <- which(cells$day == max(cells$day))[1:3]
#' IntegrateCells(cells, cells = late, direction = "backward", verbose = FALSE)
#' @export
IntegrateCells <- function(object, ...) UseMethod("IntegrateCells")

#' @rdname IntegrateCells
#' @export
IntegrateCells.default <- function(object, model = NULL, cells = NULL, t.out = NULL, t.max = NULL, time = NULL,
                                   t.start = NULL, direction = c("forward", "backward", "both"), solver = NULL,
                                   snap = NULL, path = c("drift", "probability-flow"), noise = 0, start.noise = 0,
                                   n.sim = 1L, n.neighbors = NULL, kappa = NULL, keep = c("states", "end"),
                                   compat = "none", seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_flag(verbose, "verbose")
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  noise <- list(
    way = check_number(noise, "noise", min = 0),
    start = check_number(start.noise, "start.noise", min = 0),
    n.sim = check_count(n.sim, "n.sim")
  )
  direction <- check_choice(direction, c("forward", "backward", "both"), "direction")
  path <- check_choice(path, c("drift", "probability-flow"), "path")
  given <- integration_options(solver, snap, n.neighbors, kappa, list(...), names(formals(IntegrateCells.default)))
  motion <- if (model$type == "field") {
    check_timeless_field(time, t.start)
    motion_of_field(object, model, cells, path, noise, given, compat)
  } else {
    motion_of_sde(object, model, cells, path, noise, given, compat, time, t.start)
  }
  # Others who integrate do not ask where paths have arrived, which takes a search for neighbours.
  motion$arrived <- motion$arrival
  paths <- integrate_directions(
    motion, ways_of(t.out, t.max, motion, direction), direction, noise,
    check_choice(keep, c("states", "end"), "keep"), seed_from(seed.use), verbose
  )
  if (model$type == "field" && direction != "backward" && is.null(t.out) && compat == "none") {
    warn_of_horizon(paths$paths, max(paths$times))
  }
  paths
}

#' @rdname IntegrateCells
#' @export
IntegrateCells.Seurat <- function(object, model = NULL, cells = NULL, t.out = NULL, t.max = NULL, time = NULL,
                                  t.start = NULL, direction = c("forward", "backward", "both"), solver = NULL,
                                  snap = NULL, path = c("drift", "probability-flow"), noise = 0, start.noise = 0,
                                  n.sim = 1L, n.neighbors = NULL, kappa = NULL, keep = c("states", "end"),
                                  compat = "none", seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  call_worker(IntegrateCells.default, ...)
}

#' @rdname IntegrateCells
#' @export
IntegrateCells.SingleCellExperiment <- IntegrateCells.Seurat

# Options of the engine by its own names. `more`: those that the user named in the dots; `arguments`: of the verb.
integration_options <- function(solver, snap, n.neighbors, kappa, more, arguments) {
  open <- setdiff(names(integrate_defaults("none")), c("solver", "snap", "k", "kappa"))
  do.call(check_no_dots, c(list(c(arguments, open)), more[!names_or_none(more) %in% open]))
  c(list(solver = solver, snap = snap, k = if (!is.null(n.neighbors)) check_count(n.neighbors, "n.neighbors"),
    kappa = kappa), more)
}

names_or_none <- function(x) if (is.null(names(x))) rep("", length(x)) else names(x)

check_timeless_field <- function(time, t.start) {
  given <- c("time", "t.start")[c(!is.null(time), !is.null(t.start))]
  if (length(given) > 0L) {
    stop_input(given[[1L]], "`", given[[1L]], "`: a velocity field knows of no time; its paths start at 0.")
  }
}

# The times of each way, the start first.
ways_of <- function(t.out, t.max, motion, direction) {
  ways <- if (direction == "both") c("backward", "forward") else direction
  sign <- c(backward = -1, forward = 1)[ways]
  if (!is.null(t.out)) {
    if (!is.null(t.max)) stop_input("t.max", "`t.max` cannot be given beside `t.out`.")
    return(moments_of_ways(t.out, motion$start, sign))
  }
  if (is.null(t.max) && !is.null(motion$times)) {
    return(lapply(sign, function(s) s * motion$times))
  }
  span <- if (is.null(t.max)) vapply(ways, motion$span, numeric(1)) else {
    rep(check_number(t.max, "t.max"), length(ways))
  }
  if (is.null(t.max) && !any(span > 0)) {
    stop_input("t.max", "`t.max` is needed: the cells are at the model's ",
      if (direction == "forward") "last" else "first", " time.")
  }
  if (!is.null(t.max) && t.max <= 0) stop_input("t.max", "`t.max` must be above 0, not ", t.max, ".")
  # A way that has no length of its own is as long as the other.
  span[!(span > 0)] <- max(span)
  Map(function(s, length) motion$start + s * seq(0, length, length.out = 31L), sign, span)
}

# `t.out` shared out among the ways.
moments_of_ways <- function(t.out, start, sign) {
  fits <- is.numeric(t.out) && length(t.out) > 0L && all(is.finite(t.out)) && all(diff(t.out) > 0)
  if (!fits || all(t.out == start)) {
    stop_input("t.out", "`t.out` must be increasing times other than the start, ", format(start), ", not ",
      described(t.out), ".")
  }
  t.out <- as.numeric(t.out)
  by.way <- lapply(sign, function(s) {
    out <- if (s > 0) t.out[t.out > start] else rev(t.out[t.out < start])
    c(start, out)
  })
  empty <- lengths(by.way) == 1L
  wrong <- if (length(sign) == 1L) t.out[sign * (t.out - start) < 0]
  if (any(empty) || length(wrong) > 0L) {
    side <- if (any(sign[if (any(empty)) empty else TRUE] > 0)) "after" else "before"
    stop_input("t.out", "`t.out` must be times ", side, " the start of the paths, ", format(start), ", not ",
      format(if (length(wrong) > 0L) wrong[[1L]] else t.out[[1L]]), ".")
  }
  by.way
}

# All members and directions, joined to trajectories. `elapsed`: times from the start on, 0 first, or a list of the
# times of each way.
integrate_directions <- function(motion, elapsed, direction, noise, keep, seed, verbose,
                                 chunk = integration_chunk) {
  space <- motion$space
  options <- motion$options
  ways <- if (direction == "both") c("backward", "forward") else direction
  times <- if (is.list(elapsed)) elapsed else {
    lapply(ways, function(way) motion$start + elapsed * if (way == "backward") -1 else 1)
  }
  span <- vapply(times, function(t) abs(t[[length(t)]] - t[[1L]]), numeric(1))
  kept <- if (keep == "states") sum(lengths(times)) else length(times)
  check_memory(
    2 * nrow(motion$starts) * noise$n.sim * ncol(motion$starts) * kept * length(motion$members), "n.sim", noise$n.sim,
    "the paths"
  )
  unit <- if (noise$way > 0 || noise$start > 0) cell_noise(space, thread_count()) else numeric()
  request <- function(way) {
    list(
      n.sim = noise$n.sim, seed = seed, coordinates = FALSE,
      start.sd = if (noise$start > 0) noise$start * unit else numeric(),
      noise.sd = if (noise$way > 0) noise$way * unit / sqrt(span[[way]]) else numeric()
    )
  }
  each <- nrow(motion$starts) * noise$n.sim
  tick <- progress_bar(each * length(ways) * length(motion$members), "Integrating", verbose)
  parts <- lapply(seq_along(motion$members), function(member) {
    moved <- motion$members[[member]](motion$start + max(span), seed)
    if (options$snap != "none" && options$snap.every == 0) {
      options$snap.every <- motion$crossing(moved)
    }
    by.way <- lapply(seq_along(ways), function(w) {
      before <- each * ((member - 1L) * length(ways) + w - 1L)
      integrate_chunks(moved, motion, times[[w]], request(w), options, keep, chunk, function(n) tick(before + n))
    })
    if (length(ways) == 2L) join_ways(by.way[[1L]], by.way[[2L]]) else by.way[[1L]]
  })
  join_members(parts, motion, noise$n.sim)
}

# Cells of one way, as many at a time as fit. `moved`: the motion of one member.
integrate_chunks <- function(moved, motion, times, request, options, keep, chunk, tick) {
  starts <- motion$starts
  most <- max(1L, as.integer(chunk / (request$n.sim * ncol(starts) * length(times))))
  chunks <- split(seq_len(nrow(starts)), (seq_len(nrow(starts)) - 1L) %/% most)
  parts <- lapply(unname(chunks), function(rows) {
    before <- (rows[[1L]] - 1) * request$n.sim
    out <- integrate_motion(
      moved, motion$space, starts[rows, , drop = FALSE], times, c(request, list(first = before)), options,
      function(n) tick(before + n), thread_count()
    )
    part <- list(
      states = out$states, times = times, speed = out$speed, growth = out$growth,
      paths = if (is.null(motion$arrived)) path_table(out) else path_table(out, motion$arrived(out$states, times))
    )
    if (keep == "end") only_times(part, length(times)) else part
  })
  tick(nrow(starts) * request$n.sim)
  bind_paths(parts)
}

only_times <- function(part, k) {
  part$states <- part$states[, , k, drop = FALSE]
  for (name in c("speed", "growth")) {
    if (!is.null(part[[name]])) part[[name]] <- part[[name]][, k, drop = FALSE]
  }
  part$times <- part$times[k]
  part
}

# Pieces of one way, one below the other.
bind_paths <- function(parts) {
  if (length(parts) == 1L) {
    return(parts[[1L]])
  }
  stacked <- function(name) do.call(rbind, lapply(parts, `[[`, name))
  list(
    states = bind_first(lapply(parts, `[[`, "states")), times = parts[[1L]]$times,
    speed = stacked("speed"), growth = stacked("growth"), paths = stacked("paths")
  )
}

# The way back turned round, then the way forth from the same starts.
join_ways <- function(back, forth) {
  back <- only_times(back, rev(seq_along(back$times)))
  if (forth$times[[1L]] == back$times[[length(back$times)]]) {
    forth <- only_times(forth, seq_along(forth$times)[-1L])
  }
  side_by_side <- function(name) {
    parts <- lapply(list(back, forth), function(part) {
      if (is.null(part[[name]])) matrix(NA_real_, nrow(part$paths), length(part$times)) else part[[name]]
    })
    if (is.null(back[[name]]) && is.null(forth[[name]])) NULL else do.call(cbind, parts)
  }
  size <- dim(forth$states)
  size[[3L]] <- length(back$times) + length(forth$times)
  names(back$paths) <- paste0("back_", names(back$paths))
  list(
    states = array(c(back$states, forth$states), size), times = c(back$times, forth$times),
    speed = side_by_side("speed"), growth = side_by_side("growth"),
    paths = cbind(forth$paths, back$paths)
  )
}

# Trajectories from the parts of all members.
join_members <- function(parts, motion, n.sim) {
  all <- bind_paths(parts)
  cells <- rownames(motion$starts)
  warn_of_paths(all$paths, rep(rep(cells, each = n.sim), length(parts)))
  new_trajectories(
    states = all$states, times = all$times,
    cell = factor(rep(rep(cells, each = n.sim), length(parts)), levels = cells),
    sim = rep(seq_len(n.sim), times = length(cells) * length(parts)),
    member = rep(seq_along(parts), each = n.sim * length(cells)), reduction = motion$model$reduction,
    dims = motion$model$dims, speed = all$speed, growth = all$growth, paths = all$paths,
    start = motion$start, axes = motion$axes
  )
}
