# Simulated paths of cells: the class SimulateCells() returns and what can be done with it.
# states is an array [trajectory, dim, time]; cell, sim and member say what each trajectory is.

# `states`: array [trajectory, dim, time]. `times`: one number per time, increasing. `cell`: factor,
# the start cell of each trajectory. `sim`, `member`: whole numbers, the replicate and the member of
# the ensemble. `log_weights`: matrix [trajectory, time], the log of the mass that growth gave; NULL
# means 0. `dims`: names of the dimensions, else those of `states`.
# Of integrated paths also `speed` and `growth`, matrices [trajectory, time], `paths`, a data.frame of one
# row per trajectory, and `start`, the time at which paths are at their cells, else the first. `axes`, of paths
# in genes: list(centre, rotation) of the principal components of log1p in which cells are near each other.
new_trajectories <- function(states, times, cell, sim, member = NULL, log_weights = NULL,
                             reduction = NULL, dims = NULL, ...) {
  if (!is.array(states) || !is.numeric(states) || length(dim(states)) != 3L) {
    stop_input(
      "states", "`states` must be an array [trajectory, dim, time], not ", described(states), "."
    )
  }
  n <- dim(states)[[1L]]
  if (is.null(member)) member <- rep(1L, n)
  if (is.null(log_weights)) log_weights <- matrix(0, n, length(times))
  if (is.null(dims)) dims <- dimnames(states)[[2L]]
  if (is.null(dims)) dims <- paste0("dim_", seq_len(dim(states)[[2L]]))
  check_extent(times, dim(states)[[3L]], "times")
  check_extent(dims, dim(states)[[2L]], "dims")
  check_extent(cell, n, "cell")
  check_extent(sim, n, "sim")
  check_extent(member, n, "member")
  if (!identical(dim(log_weights), c(n, length(times)))) {
    stop_input(
      "log_weights", "`log_weights` must be a matrix of ", n, " trajectories x ", length(times),
      " times, not ", described(log_weights), "."
    )
  }
  dimnames(states) <- list(NULL, as.character(dims), NULL)
  parts <- list(
    states = states, times = as.numeric(times), cell = as.factor(cell), sim = as.integer(sim),
    member = as.integer(member), log_weights = unname(log_weights), reduction = reduction,
    dims = as.character(dims)
  )
  more <- list(...)
  structure(
    c(parts, more[!vapply(more, is.null, logical(1))]), class = c("fatefield_trajectories", "fatefield_result")
  )
}

check_extent <- function(x, n, argument) {
  if (length(x) != n) {
    stop_input(
      argument, "`", argument, "` has ", length(x), " values, but `states` needs ", n, "."
    )
  }
}

check_trajectories <- function(x, argument = "object") {
  if (!inherits(x, "fatefield_trajectories")) {
    stop_input(
      argument, "`", argument, "` must be trajectories from SimulateCells(), not ", described(x),
      "."
    )
  }
  invisible(x)
}

# States of all trajectories at one of the stored times (the nearest one): trajectory x dim.
states_at <- function(x, time = NULL) {
  at <- if (is.null(time)) length(x$times) else which.min(abs(x$times - time))
  matrix(x$states[, , at], dim(x$states)[[1L]], dim(x$states)[[2L]], dimnames = list(NULL, x$dims))
}

#' Simulated trajectories
#'
#' [SimulateCells()] and [IntegrateCells()] return trajectories: a list of class `fatefield_trajectories`.
#'
#' @section Basic use:
#' ```
#' futures <- SimulateCells(cells, cells = 1:5, n.sim = 20)
#' summary(futures)
#' plot(futures, observed = cells, group.by = "fate")
#' ```
#' @section Elements:
#' `states`, an array (trajectory x dimension x time) in the units of the reduction;
#' `times`, in the units of the time column;
#' `cell`, the factor of start cells, one value per trajectory;
#' `sim` and `member`, the number of the replicate and of the member of the ensemble;
#' `log_weights`, a matrix (trajectory x time), the log of the mass that growth gave a trajectory;
#' `reduction` and `dims`, the names of the space.
#'
#' Those of [IntegrateCells()] have also `speed`, `growth` and `paths`, see there, `start`, the time at which the
#' paths are at their cells, and, along a velocity field, `axes`: the `centre` and `rotation` of the principal
#' components of `log1p()` in which a path's nearest cells are found.
#'
#' @param x,object Trajectories.
#' @param i (numbers, TRUE/FALSE or names) Trajectories to keep; names are names of start cells.
#' @param j (numbers or names) Dimensions to keep.
#' @param k (numbers) Which of the stored times to keep, by their position.
#' @param by `"time"` (default): one row for each time; `"cell"`: one for each start cell and time.
#' @param ... For `c()` trajectories in the same space and at the same times, else not used.
#' @param row.names,optional Not used; part of the generic.
#' @return `[` and `c()` give trajectories; `dim()` the numbers of trajectories, dimensions and times.
#'
#'   `as.data.frame()` gives one row per trajectory and time with columns `trajectory`, `cell`, `sim`,
#'   `member`, `time`, `log_weight`, `speed` and `growth` where there are any, and one column per dimension.
#'
#'   `summary()` gives a data.frame with, for each time, the numbers of `cells` and `trajectories`, `mass` (what one
#'   start cell has become by growth), `moved` (distance of the mean of a cell's trajectories from where they were at
#'   their start) and `spread` (standard deviation of a cell's trajectories, all dimensions together).
#' @name trajectories
#' @seealso [plot.fatefield_trajectories()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' futures <- SimulateCells(cells, cells = 1:3, n.sim = 5, t.out = 0:3, verbose = FALSE)
#' futures
#' summary(futures)
#' dim(futures["cell001"])
#' head(as.data.frame(futures))
NULL

headline.fatefield_trajectories <- function(x) {
  size <- dim(x$states)
  span <- format_each(range(x$times), 4L)
  members <- length(unique(x$member))
  at.end <- path_summary(x, length(x$times))
  moved <- mean(at.end$moved, na.rm = TRUE)
  spread <- sqrt(mean(at.end$spread^2, na.rm = TRUE))
  shown <- function(v) format(v, digits = 3L)
  c(
    paste0("trajectories: ", size[[1L]], " of ", counted(length(unique(x$cell)), "cell"), ", ",
      counted(size[[2L]], "dimension"), if (!is.null(x$reduction)) paste0(" of ", quoted(x$reduction)), ", ",
      counted(size[[3L]], "time"), " from ", span[[1L]], " to ", span[[2L]],
      if (members > 1L) paste0(", ", members, " models of an ensemble")),
    if (is.null(x$paths)) {
      paste0(
        "at time ", span[[2L]], if (is.finite(moved)) paste0(" cells have moved by ", shown(moved), " on average, and"),
        " the futures of a cell spread by ", shown(spread)
      )
    } else {
      ends <- table(droplevels(x$paths$end))
      paste0("ends: ", paste0(names(ends), " ", ends, collapse = ", "))
    }
  )
}

#' @rdname trajectories
#' @export
summary.fatefield_trajectories <- function(object, by = c("time", "cell"), ...) {
  check_no_dots(c("object", "by"), ...)
  by <- check_choice(by, c("time", "cell"), "by")
  of.cells <- lapply(seq_along(object$times), path_summary, x = object)
  if (by == "cell") {
    return(do.call(rbind, of.cells))
  }
  do.call(rbind, lapply(of.cells, function(d) {
    data.frame(
      time = d$time[[1L]], cells = nrow(d), trajectories = sum(d$trajectories), mass = mean(d$mass),
      moved = mean(d$moved), spread = sqrt(mean(d$spread^2, na.rm = TRUE))
    )
  }))
}

# One row for each start cell at the stored time k. Trajectories count by their mass, those without a state not at all.
path_summary <- function(x, k) {
  cell <- droplevels(x$cell)
  from <- start_index(x)
  now <- weighted_states(x, k)
  total <- drop(rowsum(now$mass, cell))
  centre <- centres_of(now, cell)
  apart <- rowSums((now$states - centre[as.integer(cell), , drop = FALSE])^2)
  moved <- if (length(from) == 1L && length(x$times) > 1L) {
    sqrt(rowSums((centre - centres_of(weighted_states(x, from), cell))^2))
  }
  n <- tabulate(cell, nlevels(cell))
  data.frame(
    cell = levels(cell), time = x$times[[k]], trajectories = n, mass = total / n,
    moved = if (is.null(moved)) NA_real_ else moved, spread = sqrt(drop(rowsum(apart * now$mass, cell)) / total),
    row.names = NULL
  )
}

weighted_states <- function(x, k) {
  states <- matrix(x$states[, , k], dim(x$states)[[1L]])
  lost <- !is.finite(rowSums(states))
  states[lost, ] <- 0
  list(states = states, mass = ifelse(lost, 0, exp(x$log_weights[, k])))
}

centres_of <- function(now, cell) rowsum(now$states * now$mass, cell) / drop(rowsum(now$mass, cell))

#' @rdname trajectories
#' @export
c.fatefield_trajectories <- function(...) {
  runs <- list(...)
  for (run in runs) {
    check_trajectories(run, "...")
    for (part in c("dims", "reduction", "times", "start", "axes")) {
      if (!isTRUE(all.equal(run[[part]], runs[[1L]][[part]]))) {
        stop_input("...", "Trajectories can be joined where they have the same space and times; their `", part,
          "` differ.")
      }
    }
  }
  present <- function(part) all(vapply(runs, function(run) !is.null(run[[part]]), NA))
  joined <- function(part, by) if (present(part)) do.call(by, lapply(unname(runs), `[[`, part))
  starts <- function(of) unlist(lapply(runs, function(run) of(run$cell)))
  cell <- factor(starts(as.character), unique(starts(levels)))
  member <- joined("member", c)
  first <- runs[[1L]]
  new_trajectories(
    states = bind_first(lapply(unname(runs), `[[`, "states")), times = first$times, cell = cell,
    sim = stats::ave(seq_along(cell), cell, member, FUN = seq_along), member = member,
    log_weights = joined("log_weights", rbind), reduction = first$reduction, dims = first$dims,
    speed = joined("speed", rbind), growth = joined("growth", rbind), paths = joined("paths", rbind),
    start = first$start, axes = first$axes
  )
}

#' @rdname trajectories
#' @export
dim.fatefield_trajectories <- function(x) dim(x$states)

#' @rdname trajectories
#' @export
`[.fatefield_trajectories` <- function(x, i, j, k, ...) {
  i <- if (missing(i)) seq_along(x$cell) else trajectory_index(i, x$cell)
  j <- if (missing(j)) seq_along(x$dims) else place_of(j, x$dims, "j")
  k <- if (missing(k)) seq_along(x$times) else place_of(k, x$times, "k")
  of_time <- function(m) if (!is.null(m)) m[i, k, drop = FALSE]
  new_trajectories(
    states = x$states[i, j, k, drop = FALSE], times = x$times[k], cell = droplevels(x$cell[i]),
    sim = x$sim[i], member = x$member[i], log_weights = of_time(x$log_weights),
    reduction = x$reduction, dims = x$dims[j], speed = of_time(x$speed), growth = of_time(x$growth),
    paths = if (!is.null(x$paths)) x$paths[i, , drop = FALSE], start = x$start,
    axes = if (identical(j, seq_along(x$dims))) x$axes
  )
}

# States (n x dims of the trajectories) in the space in which cells are near each other.
near_space <- function(x, states) {
  if (is.null(x$axes)) {
    return(states)
  }
  logs <- ifelse(states < 0, states, log1p(pmax(states, 0)))
  out <- sweep(logs, 2L, x$axes$centre) %*% x$axes$rotation
  dimnames(out) <- list(rownames(states), paste0("component_", seq_len(ncol(out))))
  out
}

# Which of the stored times is the start; NULL where it was left out.
start_index <- function(x) {
  if (is.null(x$start)) 1L else which(x$times == x$start)
}

# Trajectories whose states are in that space.
near_trajectories <- function(x) {
  if (is.null(x$axes)) {
    return(x)
  }
  size <- dim(x$states)
  flat <- near_space(x, matrix(aperm(x$states, c(1L, 3L, 2L)), ncol = size[[2L]]))
  x$states <- aperm(array(flat, c(size[[1L]], size[[3L]], ncol(flat))), c(1L, 3L, 2L))
  x$dims <- colnames(flat)
  dimnames(x$states) <- list(NULL, x$dims, NULL)
  x$axes <- NULL
  x
}

trajectory_index <- function(i, cell) {
  if (!is.character(i) && !is.factor(i)) {
    return(place_of(i, cell, "i"))
  }
  lost <- setdiff(as.character(i), levels(cell))
  if (length(lost) > 0L) {
    stop_input("i", "`i`: no trajectory starts from cell ", quoted(lost[[1L]]), ".")
  }
  which(cell %in% i)
}

place_of <- function(i, all, argument) {
  place <- seq_along(all)
  found <- if (is.character(i)) match(i, all) else place[i]
  if (length(found) == 0L || anyNA(found)) {
    stop_input(
      argument, "`", argument, "` selects ",
      if (length(found) == 0L) "nothing" else "what is not there", "; there are ", length(all), "."
    )
  }
  found
}

#' @rdname trajectories
#' @export
as.data.frame.fatefield_trajectories <- function(x, row.names = NULL, optional = FALSE, ...) {
  size <- dim(x$states)
  per_time <- function(values) rep(values, times = size[[3L]])
  coordinates <- lapply(seq_len(size[[2L]]), function(j) as.vector(x$states[, j, ]))
  names(coordinates) <- x$dims
  of_time <- lapply(Filter(is.matrix, unclass(x)[c("speed", "growth")]), as.vector)
  columns <- c(
    list(
      trajectory = per_time(seq_len(size[[1L]])), cell = per_time(x$cell), sim = per_time(x$sim),
      member = per_time(x$member), time = rep(x$times, each = size[[1L]]),
      log_weight = as.vector(x$log_weights)
    ),
    of_time, coordinates
  )
  data.frame(columns, check.names = FALSE)
}
