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
  structure(c(parts, more[!vapply(more, is.null, logical(1))]), class = "fatefield_trajectories")
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
#' Its elements are
#' `states`, an array (trajectory x dimension x time) in the units of the reduction;
#' `times`, in the units of the time column;
#' `cell`, the factor of start cells, one value per trajectory;
#' `sim` and `member`, the number of the replicate and of the member of the ensemble;
#' `log_weights`, a matrix (trajectory x time), the log of the mass that growth gave a trajectory;
#' `reduction` and `dims`, the names of the space.
#' Those of [IntegrateCells()] have also `speed`, `growth` and `paths`, see there, `start`, the time at which the
#' paths are at their cells, and, along a velocity field, `axes`: the `centre` and `rotation` of the principal
#' components of `log1p()` in which a path's nearest cells are found.
#'
#' @param x Trajectories.
#' @param i (numbers, TRUE/FALSE or names) Trajectories to keep; names are names of start cells.
#' @param j (numbers or names) Dimensions to keep.
#' @param k (numbers) Which of the stored times to keep, by their position.
#' @param ... Not used.
#' @param row.names,optional Not used; part of the generic.
#' @return `[` gives trajectories; `dim()` the numbers of trajectories, dimensions and times;
#'   `as.data.frame()` one row per trajectory and time with columns `trajectory`, `cell`, `sim`,
#'   `member`, `time`, `log_weight`, `speed` and `growth` where there are any, and one column per
#'   dimension.
#' @name trajectories
#' @examples
#' walk <- structure(
#'   list(
#'     states = array(sin(1:24), c(4, 2, 3), list(NULL, c("PC_1", "PC_2"), NULL)),
#'     times = c(0, 1, 2), cell = factor(c("a", "a", "b", "b")), sim = c(1L, 2L, 1L, 2L),
#'     member = rep(1L, 4), log_weights = matrix(0, 4, 3), reduction = "pca",
#'     dims = c("PC_1", "PC_2")
#'   ),
#'   class = "fatefield_trajectories"
#' )
#' walk
#' dim(walk["a"])
#' head(as.data.frame(walk))
NULL

#' @rdname trajectories
#' @export
print.fatefield_trajectories <- function(x, ...) {
  size <- dim(x$states)
  span <- range(x$times)
  cat(
    "fatefield trajectories: ", size[[1L]], " of ", length(unique(x$cell)), " cell",
    if (length(unique(x$cell)) != 1L) "s", ", ", size[[2L]], " dimension",
    if (size[[2L]] != 1L) "s", if (!is.null(x$reduction)) paste0(" of ", quoted(x$reduction)),
    ", ", size[[3L]], " time", if (size[[3L]] != 1L) "s", " from ", format(span[[1L]]), " to ",
    format(span[[2L]]), "\n",
    sep = ""
  )
  members <- length(unique(x$member))
  if (members > 1L) cat("simulated by ", members, " models of an ensemble\n", sep = "")
  if (!is.null(x$paths)) {
    ends <- table(droplevels(x$paths$end))
    cat("ends: ", paste0(names(ends), " ", ends, collapse = ", "), "\n", sep = "")
  }
  invisible(x)
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
