# Simulates futures of cells. Takes an object or a matrix with a model; gives trajectories, or their
# moments, in the units of the reduction. Work is cut into chunks, so that memory grows with what is
# kept, not with what is simulated.

# Numbers of states simulated at a time.
simulation_chunk <- 5e6

# Without times by hand: intervals into which a simulation is parted, so that paths are smooth, and the numbers (160 MB)
# that all kept times together may take before fewer are kept.
simulation_intervals <- 40
simulation_kept <- 2e7

#' Simulate futures of cells
#'
#' Each cell is simulated `n.sim` times by the neural SDE of a model, by each member of an ensemble.
#' The same seed gives the same trajectories, whatever the number of threads.
#'
#' @section Basic use:
#' ```
#' futures <- SimulateCells(cells, cells = 1:5, n.sim = 20)
#' plot(futures, observed = cells)
#' ```
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param model A model from [FitSDE()], or the name of one in the object; `NULL` takes the last
#'   one fitted.
#' @param cells (names, numbers or TRUE/FALSE) Start cells.
#'   `NULL` takes the cells of the model's first time, or all where times are not known.
#' @param n.sim Simulations of each cell and member of the ensemble.
#' @param t.out Times at which states are kept, in the units of the time column.
#'   Without `t.start` the first of several is the start.
#'   `NULL` takes the model's times from that of the start cells on, which must then be the same
#'   for all, and, where states or moments are kept, times between them, about 40 in all, so that paths are smooth;
#'   fewer, down to the model's times alone, where all kept states would be more than 20 million numbers (160 MB).
#'   Times between are ends of steps of the simulation, which they do not change.
#' @param time Times of the cells: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#' @param t.start One time at which all cells start; it is kept too.
#' @param keep `"states"` (default): all states at `t.out`; `"end"`: only those at the last time;
#'   `"moments"`: only mean and standard deviation of each cell's simulations at each time.
#' @param seed.use Seed; `NULL` draws one from R's generator, which is else untouched.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param device Where networks run, `"cpu"` or `"cuda"`, see [FitSDE()].
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return For `keep = "states"` and `"end"` [trajectories].
#'
#'   For `"moments"` a result of class `fatefield_moments`, see [results], with `mean` and `sd`, arrays (cell x dim x
#'   time), `growth` (cell x time, the mean mass a cell has become) and `times`; simulations that gained mass by growth
#'   weigh more.
#'   Its table has the columns `cell`, `dim`, `time`, `mean`, `sd` and `growth`.
#' @section Errors:
#' `fatefield_error_input` for cells that are not there, `n.sim` below 1, times that do not
#' increase; `fatefield_error_model` where there is no model or it was fitted on other dimensions.
#' @seealso [FitSDE()], [PredictFate()], [plot.fatefield_trajectories()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' futures <- SimulateCells(cells, cells = 1:3, n.sim = 5, t.out = 0:3, verbose = FALSE)
#' futures
#' @export
SimulateCells <- function(object, ...) UseMethod("SimulateCells")

#' @rdname SimulateCells
#' @export
SimulateCells.default <- function(object, model = NULL, cells = NULL, n.sim = 100L, t.out = NULL, time = NULL,
                                  t.start = NULL, keep = c("states", "end", "moments"), seed.use = 42L, threads = NULL,
                                  device = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(SimulateCells.default)), ...)
  model <- choose_model(object, model)
  x <- model_coordinates(object, model)
  n.sim <- check_count(n.sim, "n.sim")
  keep <- check_choice(keep, c("states", "end", "moments"), "keep")
  check_flag(verbose, "verbose")
  # Where the cells and the start are named, their own times do not matter.
  named <- !is.null(cells) && is.null(time) && (!is.null(t.start) || length(t.out) > 1L)
  starts <- if (!named) cell_starts(object, model, time, x = x)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  times <- simulation_times(t.out, t.start, starts[cells], model)
  seed <- seed_from(seed.use)
  members <- seq_along(model$states)
  engines <- lapply(members, function(member) model_engine(model, member, device))
  if (is.null(t.out) && keep != "end") {
    each <- if (keep == "states") as.numeric(n.sim) * length(members) else 2
    times <- path_times(times, engines[[1L]]$steps, each * length(cells) * ncol(x))
  }
  kept <- length(members) * (ncol(x) + 1) * c(states = length(times), end = 1, moments = 0)[[keep]]
  # One cell's futures are simulated together, at all times; what is kept is joined once.
  check_memory(
    n.sim * ((ncol(x) + 1) * length(times) + 2 * length(cells) * kept), "n.sim", n.sim, "the simulated states"
  )
  tick <- progress_bar(length(cells) * length(members), "Simulating", verbose)
  parts <- lapply(members, function(member) {
    before <- length(cells) * (member - 1L)
    simulate_member(
      engines[[member]], x[cells, , drop = FALSE], times, n.sim, seed + member - 1, keep,
      function(done) tick(before + done)
    )
  })
  if (keep == "moments") {
    return(join_moments(parts, times, rownames(x)[cells], colnames(x)))
  }
  join_states(parts, n.sim, times, rownames(x)[cells], model, keep)
}

#' @rdname SimulateCells
#' @export
SimulateCells.Seurat <- function(object, model = NULL, cells = NULL, n.sim = 100L, t.out = NULL, time = NULL,
                                 t.start = NULL, keep = c("states", "end", "moments"), seed.use = 42L, threads = NULL,
                                 device = NULL, verbose = TRUE, ...) {
  call_worker(SimulateCells.default, ...)
}

#' @rdname SimulateCells
#' @export
SimulateCells.SingleCellExperiment <- SimulateCells.Seurat

# All times of the simulation, the start first. `starts`: times of the start cells, or NULL where `t.out` says it.
simulation_times <- function(t.out, t.start, starts, model) {
  if (!is.null(t.out)) check_moments(t.out)
  if (is.null(t.start) && length(t.out) > 1L) {
    return(as.numeric(t.out))
  }
  start <- if (is.null(t.start)) unique(starts) else check_number(t.start, "t.start")
  if (length(start) > 1L) {
    stop_input(
      "t.out", "`t.out` is needed: the cells are of different times (", paste(format(sort(start)), collapse = ", "),
      "); name a start and later times, or the start with `t.start`."
    )
  }
  later <- if (is.null(t.out)) model$times else t.out[t.out != start]
  if (!is.null(t.out) && any(later < start)) {
    stop_input("t.out", "`t.out`: ", format(later[[1L]]), " is before the start, ", format(start), ".")
  }
  later <- later[later > start]
  if (length(later) == 0L) {
    stop_input("t.out", "`t.out` is needed: the cells start at ", format(start),
      if (is.null(t.out)) ", the model's last time", "; name a later time.")
  }
  c(start, as.numeric(later))
}

# `times` and ends of steps between them, about equally far apart. `steps`: a function of times, see NeuralSDE; `size`:
# the numbers that a kept time takes.
path_times <- function(times, steps, size) {
  most <- min(simulation_intervals, floor(simulation_kept / size) - 1)
  span <- times[[length(times)]] - times[[1L]]
  between <- lapply(seq_along(times)[-1L], function(k) {
    at <- steps(times[c(k - 1L, k)])
    parts <- max(1, min(round(most * (times[[k]] - times[[k - 1L]]) / span), length(at) - 1L))
    at[round(seq(1, length(at), length.out = parts + 1))][-c(1L, parts + 1L)]
  })
  sort(c(times, unlist(between)))
}

check_moments <- function(t.out) {
  if (!is.numeric(t.out) || length(t.out) == 0L || any(!is.finite(t.out)) || any(diff(t.out) <= 0)) {
    stop_input("t.out", "`t.out` must be increasing numbers, not ", described(t.out), ".")
  }
}

# One member's simulations of all cells, chunk by chunk.
simulate_member <- function(engine, x, times, n.sim, seed, keep, tick, chunk = simulation_chunk) {
  per_cell <- n.sim * ncol(x) * length(times)
  most <- max(1L, as.integer(chunk / per_cell))
  chunks <- split(seq_len(nrow(x)), (seq_len(nrow(x)) - 1L) %/% most)
  lapply(unname(chunks), function(rows) {
    out <- engine$simulate(
      x[rows, , drop = FALSE], times, n.sim, seed, (rows[[1L]] - 1) * n.sim
    )
    tick(rows[[length(rows)]])
    if (keep == "end") {
      last <- length(times)
      return(list(
        states = out$states[, , last, drop = FALSE],
        log_weights = out$log_weights[, last, drop = FALSE]
      ))
    }
    if (keep == "moments") path_moments(out, n.sim) else out
  })
}

# Weighted sums over the simulations of each cell: mass (cell x time), first and second moments
# (cell x dim x time).
path_moments <- function(out, n.sim) {
  size <- dim(out$states)
  cell <- rep(seq_len(size[[1L]] / n.sim), each = n.sim)
  weights <- exp(out$log_weights)
  mass <- rowsum(weights, cell)
  by_time <- function(power) {
    sums <- vapply(seq_len(size[[3L]]), function(k) {
      rowsum(matrix(out$states[, , k], size[[1L]])^power * weights[, k], cell)
    }, matrix(0, nrow(mass), size[[2L]]))
    array(sums, c(nrow(mass), size[[2L]], size[[3L]]))
  }
  list(mass = unname(mass), first = by_time(1), second = by_time(2), n = n.sim)
}

# Members are added cell by cell; chunks of a member follow each other.
join_moments <- function(parts, times, cells, dims) {
  members <- lapply(parts, function(chunks) {
    list(
      mass = do.call(rbind, lapply(chunks, `[[`, "mass")),
      first = bind_first(lapply(chunks, `[[`, "first")),
      second = bind_first(lapply(chunks, `[[`, "second")), n = chunks[[1L]]$n
    )
  })
  total <- function(name) Reduce(`+`, lapply(members, `[[`, name))
  mass <- total("mass")
  spread <- function(a) a / as.vector(mass[rep(seq_len(nrow(mass)), length(dims)), ])
  mean <- spread(total("first"))
  sd <- sqrt(pmax(spread(total("second")) - mean^2, 0))
  names <- list(cells, dims, NULL)
  new_moments(
    mean = array(mean, dim(mean), names), sd = array(sd, dim(sd), names),
    growth = structure(mass / total("n"), dimnames = list(cells, NULL)), times = times
  )
}

# Arrays one below the other along the first dimension.
bind_first <- function(arrays) {
  size <- dim(arrays[[1L]])
  if (length(arrays) == 1L) {
    return(arrays[[1L]])
  }
  flat <- do.call(rbind, lapply(arrays, function(a) matrix(a, dim(a)[[1L]])))
  array(flat, c(nrow(flat), size[[2L]], size[[3L]]))
}

join_states <- function(parts, n.sim, times, cells, model, keep) {
  chunks <- unlist(parts, recursive = FALSE)
  new_trajectories(
    states = bind_first(lapply(chunks, `[[`, "states")),
    times = if (keep == "end") times[[length(times)]] else times,
    cell = factor(rep(rep(cells, each = n.sim), length(parts)), levels = cells),
    sim = rep(seq_len(n.sim), times = length(cells) * length(parts)),
    member = rep(seq_along(parts), each = n.sim * length(cells)),
    log_weights = do.call(rbind, lapply(chunks, `[[`, "log_weights")),
    reduction = model$reduction, dims = model$dims
  )
}
