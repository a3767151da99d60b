# Integrates cells along the drift of a model: paths without chance, forward and back in time. Takes an
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
#' @section Solvers:
#' `"rk23"`, `"dopri5"` and `"dop853"` choose their steps by the error, with SciPy's rules: the root mean
#' square over genes of the error over `atol + rtol * max(|x0|, |x1|)` stays below 1.
#' `"dopri5"` (Dormand and Prince, order 5) is the default: at the default tolerance it takes the fewest
#' evaluations of the model between two pulls back to the cells; `"dop853"` (order 8) pays at
#' `rtol` of 1e-6 and below, `"rk23"` (order 3) where the field has kinks.
#' `"euler"` and `"rk4"` take equal steps of about `dt`.
#' The velocity is always that of the current state.
#'
#' @section Pulling back:
#' `snap = "none"` (default) trusts the field alone; a path ends where it leaves the cells (`support`).
#' Errors of a velocity add up along a path, against which states may be pulled back to the cells.
#' `"partial"` moves each state every `snap.every` by `snap.share` (0.5) of the way to the mean of its `k`
#' nearest observed cells, near ones counting more (tri-cube weights).
#' `"full"` puts that mean, with equal weights, in its place (`snap.statistic = "median"` the median), as
#' the published method does; such paths come to a stand where the field moves them less than the cells
#' are apart.
#'
#' Pulls cost truth about fates.
#' The mean velocity of all cells that are in the same state moves a cloud of cells so that each branch gets its
#' share.
#' The mean of the nearest cells lies where cells are denser: every pull is a step up the density, and behind a
#' fork one towards the branch that is ahead.
#' With the true velocities of [SimulateTwoBranch()], where 61 % of the cells take the major branch, 62 % of the paths
#' end there, with a standard deviation of 9 points between eight systems; that grows to 11 points with partial and to
#' 19 with full pulls.
#'
#' Neighbours are looked for in 30 principal components of `log1p()` of the observed cells for velocity
#' fields, in the model's own space for neural SDEs.
#' `snap.every` by default is the time in which a cell of median speed crosses the distance to its `k`-th
#' neighbour.
#'
#' @section How long:
#' A velocity field knows of no last time.
#' By default cells are followed for the time in which a cell of median speed crosses the data, whose size is the 0.95
#' quantile of the distances between two cells.
#' That is a scale of the data, not the time to an end: slow cells do not arrive, which [ClassifyTrajectories()] shows
#' where cells of all types vote.
#' Longer paths arrive, but the errors of a velocity add up.
#' Estimated velocities draw paths to the commoner branch, as the rates of genes that never come to rest are
#' estimated too high, by 30 % in the system above: there 71 % of the paths end on the major branch in this time and
#' 80 % in twice of it, where true velocities give 62 % in both.
#' Compare several of `times` before a share is believed.
#'
#' @section Back in time:
#' Where paths meet going forward they part going back, and errors grow.
#' A small disturbance is carried along each path by the derivative of f; `growth` tells the logarithm of
#' its growth, and a path ends where that exceeds `growth.limit` (1000).
#' Partial pulls shrink it by `1 - snap.share`; after a full one it is counted anew.
#'
#' @section The published scheme:
#' `compat = "deepvelo"` integrates as the paper did: `kappa = "quantile"`, the 0.99 quantile over genes of mean
#' velocity over mean count (`kappa.quantile`); as many unit steps as the 0.8 quantile (`span.quantile`) of
#' twice the standard deviation of a gene's counts over its mean velocity; full pulls to the mean of 30 cells
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
#' @param times Times at which states are kept, counted from the start and increasing; 0 is added.
#'   They count back in time where `direction` does.
#'   `NULL` takes 31 times from 0 to `t.max`.
#' @param t.max The last time; `NULL` takes the time from the cells to the model's last time (backward: to
#'   its first), for a velocity field the time in which a cell of median speed crosses the data.
#' @param direction `"forward"` (default), `"backward"`, or `"both"`: one path through each cell.
#' @param solver See below; `NULL` takes `r doc_default("integrate", "solver")`, or `"euler"` where there is
#'   noise on the way.
#' @param snap `"none"`, `"partial"` or `"full"`, see below; `NULL` takes
#'   `r doc_default("integrate", "snap")`.
#' @param path Of a neural SDE: `"drift"` (default) or `"probability-flow"`, see below.
#' @param noise Noise on the way (Euler and Maruyama): the standard deviation that it alone would give
#'   each gene over the whole time, in units of the noise of single cells, which is the standard deviation
#'   of the observed cells around the mean of their `k` nearest.
#' @param start.noise Noise on the starts, in the same units: cells that were not observed.
#'   0.5 is a moderate choice.
#' @param n.sim Paths of each cell, where there is noise.
#' @param k Nearest cells to project onto and to measure the noise by; default
#'   `r doc_default("integrate", "k")`.
#' @param kappa Factor of the velocity, default `r doc_default("integrate", "kappa")`: how fast the clock
#'   runs.
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
#'   of 100 of its cells have at most 1), or its mean distance to the `k` nearest cells more than that many
#'   times the 0.99 quantile of that distance among the cells (defaults `"field"` for velocity fields, `"none"`
#'   for neural SDEs); `r doc_option("integrate", "positive")`: hold counts of a velocity field at 0 or above;
#'   `r doc_option("integrate", "components")`; `r doc_option("integrate", "shadow")`, `"always"` or `"never"`:
#'   follow a disturbance; `r doc_option("integrate", "growth.limit")`.
#'   Of the published clock and span `r doc_option("integrate", "kappa.quantile")`,
#'   `r doc_option("integrate", "span.quantile")` and `r doc_option("integrate", "points")`.
#'
#' @return [trajectories] with, beside their usual elements, `speed` (path x time: the length of
#'   kappa f), `growth` (path x time, where it was followed), and `paths`, a data.frame of one row per path:
#'   `end` is `"reached"` (the last time), `"fixed point"`, `"repeats"` (was fully pulled back to
#'   where it was), `"left cells"`, `"grown"`, or `"step too small"`, `"too many steps"`,
#'   `"not finite"`; `end_time`, `steps` and `rejected` steps.
#'   A path that ended early stays where it was; one that failed, the last three, has `NaN` after that.
#' @section Errors:
#' `fatefield_error_input` for cells that are not there, times that do not increase or are not above 0,
#' options out of range; `fatefield_error_model` where there is no model or it was fitted on other dimensions;
#' `fatefield_error_numeric` where no path could be integrated.
#' Where some could not, a warning of class `fatefield_warning_paths` names the first and what may help.
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
IntegrateCells.default <- function(object, model = NULL, cells = NULL, times = NULL, t.max = NULL,
                                   direction = c("forward", "backward", "both"), solver = NULL,
                                   snap = NULL, path = c("drift", "probability-flow"), noise = 0,
                                   start.noise = 0, n.sim = 1L, k = NULL, kappa = NULL,
                                   keep = c("states", "end"), compat = "none", seed.use = 42L,
                                   threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from ",
      "FitVelocityField() or FitSDE().")
  }
  check_flag(verbose, "verbose")
  model <- choose_model(object, model, type = c("sde", "field"))
  noise <- list(
    way = check_number(noise, "noise", min = 0),
    start = check_number(start.noise, "start.noise", min = 0),
    n.sim = check_count(n.sim, "n.sim")
  )
  direction <- check_choice(direction, c("forward", "backward", "both"), "direction")
  path <- check_choice(path, c("drift", "probability-flow"), "path")
  given <- list(solver = solver, snap = snap, k = k, kappa = kappa, ...)
  motion <- if (model$type == "field") {
    motion_of_field(object, model, cells, path, noise, given, compat)
  } else {
    motion_of_sde(object, model, cells, path, noise, given, compat)
  }
  elapsed <- if (is.null(times) && is.null(t.max) && !is.null(motion$times)) {
    motion$times
  } else {
    elapsed_times(times, t.max, motion$span, direction)
  }
  integrate_directions(motion, elapsed, direction, noise, check_choice(keep, c("states", "end"), "keep"),
    seed_from(seed.use), verbose)
}

#' @rdname IntegrateCells
#' @export
IntegrateCells.Seurat <- function(object, ...) IntegrateCells.default(object, ...)

#' @rdname IntegrateCells
#' @export
IntegrateCells.SingleCellExperiment <- function(object, ...) IntegrateCells.default(object, ...)

# Times from the start on, 0 first.
elapsed_times <- function(times, t.max, span, direction) {
  if (!is.null(times)) {
    if (!is.null(t.max)) stop_input("t.max", "`t.max` cannot be given beside `times`.")
    fits <- is.numeric(times) && length(times) > 0L && all(is.finite(times)) && all(diff(times) > 0)
    if (!fits || times[[1L]] < 0 || max(times) == 0) {
      stop_input("times", "`times` must be increasing numbers from 0 on, counted from the start of the ",
        "paths, not ", described(times), ".")
    }
    return(unique(c(0, as.numeric(times))))
  }
  if (is.null(t.max)) {
    t.max <- if (direction == "both") pmax(span("forward"), span("backward")) else span(direction)
    if (!(t.max > 0)) {
      stop_input("t.max", "`t.max` is needed: the cells are at the model's ",
        if (direction == "forward") "last" else "first", " time.")
    }
  }
  t.max <- check_number(t.max, "t.max")
  if (t.max <= 0) stop_input("t.max", "`t.max` must be above 0, not ", t.max, ".")
  seq(0, t.max, length.out = 31L)
}

# All members and directions, joined to trajectories.
integrate_directions <- function(motion, elapsed, direction, noise, keep, seed, verbose,
                                 chunk = integration_chunk) {
  space <- motion$space
  options <- motion$options
  span <- elapsed[[length(elapsed)]]
  unit <- if (noise$way > 0 || noise$start > 0) cell_noise(space, thread_count()) else numeric()
  request <- list(
    n.sim = noise$n.sim, seed = seed, coordinates = FALSE,
    start.sd = if (noise$start > 0) noise$start * unit else numeric(),
    noise.sd = if (noise$way > 0) noise$way * unit / sqrt(span) else numeric()
  )
  ways <- if (direction == "both") c("backward", "forward") else direction
  each <- nrow(motion$starts) * noise$n.sim
  tick <- progress_bar(each * length(ways) * length(motion$members), "Integrating", verbose)
  parts <- lapply(seq_along(motion$members), function(member) {
    moved <- motion$members[[member]](motion$start + span, seed)
    if (options$snap != "none" && options$snap.every == 0) {
      options$snap.every <- motion$crossing(moved)
    }
    by.way <- lapply(seq_along(ways), function(w) {
      before <- each * ((member - 1L) * length(ways) + w - 1L)
      times <- motion$start + elapsed * if (ways[[w]] == "backward") -1 else 1
      integrate_chunks(moved, space, motion$starts, times, request, options, keep, chunk,
        function(n) tick(before + n))
    })
    if (length(ways) == 2L) join_ways(by.way[[1L]], by.way[[2L]]) else by.way[[1L]]
  })
  join_members(parts, motion, noise$n.sim)
}

# Cells of one way, as many at a time as fit.
integrate_chunks <- function(motion, space, starts, times, request, options, keep, chunk, tick) {
  most <- max(1L, as.integer(chunk / (request$n.sim * ncol(starts) * length(times))))
  chunks <- split(seq_len(nrow(starts)), (seq_len(nrow(starts)) - 1L) %/% most)
  parts <- lapply(unname(chunks), function(rows) {
    before <- (rows[[1L]] - 1) * request$n.sim
    out <- integrate_motion(
      motion, space, starts[rows, , drop = FALSE], times, c(request, list(first = before)), options,
      function(n) tick(before + n), thread_count()
    )
    part <- list(
      states = out$states, times = times, speed = out$speed, growth = out$growth, paths = path_table(out)
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

# How paths end, in the order of the core; the last ones are failures.
path_ends <- c(
  "reached", "fixed point", "repeats", "left cells", "grown", "step too small", "too many steps",
  "not finite"
)
path_failures <- path_ends[6:8]

path_table <- function(out) {
  data.frame(
    end = factor(path_ends[out$end + 1L], levels = path_ends), end_time = out$end.time,
    steps = out$steps, rejected = out$rejected
  )
}

# Says which paths could not be integrated; stops where none could.
warn_of_paths <- function(paths, cells) {
  ends <- paths[grep("end$", names(paths))]
  failed <- Reduce(`|`, lapply(ends, function(end) end %in% path_failures))
  if (!any(failed)) {
    return(invisible())
  }
  first <- which(failed)[[1L]]
  why <- Filter(function(end) end %in% path_failures, vapply(ends, function(e) as.character(e[[first]]), ""))
  remedy <- c(
    `step too small` = "a larger `rtol` and `atol`, or a shorter time, may help",
    `too many steps` = "a larger `rtol`, more `max.steps`, or a shorter time may help",
    `not finite` = "the model is not finite there; a shorter time, or `snap`, keeps paths near the cells"
  )
  text <- paste0(
    sum(failed), " of ", length(failed), " paths could not be integrated to the end; the first is that of ",
    "cell ", quoted(cells[[first]]), " (", why[[1L]], " at time ", format(paths$end_time[[first]]), "): ",
    remedy[[why[[1L]]]], "."
  )
  if (all(failed)) stop_core("numeric", "", text)
  rlang::warn(text, class = "fatefield_warning_paths")
}
