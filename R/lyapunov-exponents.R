# How fast paths that start beside a cell part from its own. Takes an object or a matrix with a model; gives the leading
# finite-time Lyapunov exponents per cell, per unit of time.

#' Local divergence of cells
#'
#' Finite-time Lyapunov exponents tell how fast small differences between cells grow along their way: two cells that
#' differ by delta differ by about delta exp(exponent `t.max`) a time `t.max` later, where delta points in the direction
#' that grows fastest.
#'
#' @section Basic use:
#' ```
#' cells <- LyapunovExponents(cells)
#' plot(GetResult(cells, "lyapunov"))
#' ```
#'
#' @section What is followed:
#' A difference delta follows d delta/dt = kappa J(x) delta, where J is the derivative of the velocity field, or of the
#' drift of a neural SDE.
#' Path and differences are integrated by Runge and Kutta in `n.steps` steps and orthonormalised by QR on the way; the
#' exponents are the logarithms of the singular values of what that takes out, over the time.
#'
#' A positive exponent says that neighbouring paths part: a fork between two fates has one, though each of its branches
#' is stable.
#' It is local divergence over a finite time, and no sign of chaos.
#'
#' Differences start in `n.directions` directions: with as many as the model has dimensions, all there are; with
#' fewer, the leading principal components of the cells, those along which cells really differ.
#' States are not projected onto the cells.
#'
#' @inheritParams CellCriticality
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param n.exponents Exponents to give; default 1.
#' @param t.max Time to look ahead.
#'   `NULL` takes a quarter of the time of the model, of a velocity field a quarter of the time in which a cell of
#'   median speed crosses the data: time enough to part, short enough to tell where.
#' @param n.directions Directions in which differences start; `NULL` takes all dimensions up to 30.
#' @param n.steps Steps of the integration; default `r doc_default("lyapunov", "steps")`.
#' @param kappa Factor of the velocity; default 1.
#' @param store.as Name of the new column, for the first exponent, and of the result kept; the other columns have it
#'   with their number.
#'   `NULL` means `"lyapunov"`, or `"fatefield_lyapunov"` where the object has such a column of your own.
#' @param ... Not used.
#' @return For a matrix a result of class `fatefield_lyapunov`, see [results], whose table has the columns `cell`,
#'   `exponent_1`, `exponent_2` and so on, falling in each row, and for an ensemble, of which they are the mean,
#'   `exponent_1_sd`, the standard deviation between members.
#'   Its parts are `exponents`, the matrix cells x exponents, `sd`, and `t.max`.
#'
#'   For a Seurat object or a SingleCellExperiment the object with the column `lyapunov`, for several exponents also
#'   `lyapunov_2` and so on, and for ensembles `lyapunov_sd`; `GetResult(object, "lyapunov")` gives the whole result.
#'   Cells not asked for, and those whose path is not finite, have `NA`.
#' @section Errors:
#' `fatefield_error_input` names the argument; `fatefield_error_model`: no model, or one of other dimensions.
#' @references
#' Benettin, Galgani, Giorgilli, Strelcyn (1980) Lyapunov characteristic exponents for smooth dynamical systems.
#' Meccanica 15.
#' @seealso [CellCriticality()], [DriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, n.models = 1, verbose = FALSE)
#' cells <- LyapunovExponents(cells, cells = 1:10, verbose = FALSE)
#' summary(cells$lyapunov)
#' @export
LyapunovExponents <- function(object, ...) UseMethod("LyapunovExponents")

#' @rdname LyapunovExponents
#' @export
LyapunovExponents.default <- function(object, model = NULL, cells = NULL, n.exponents = 1L, t.max = NULL,
                                      n.directions = NULL, n.steps = NULL, kappa = 1, threads = NULL, verbose = TRUE,
                                      ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(LyapunovExponents.default)), ...)
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  k <- check_count(n.exponents, "n.exponents")
  if (k > ncol(x)) stop_input("n.exponents", "`n.exponents` is ", k, ", but the model has ", ncol(x), " dimensions.")
  n <- if (is.null(n.directions)) max(k, min(30L, ncol(x))) else check_count(n.directions, "n.directions")
  axes <- start_directions(x, n)
  t.max <- if (is.null(t.max)) lyapunov_horizon(x, model) else check_number(t.max, "t.max")
  options <- lyapunov_defaults()
  if (!is.null(n.steps)) options$steps <- check_count(n.steps, "n.steps")
  options$kappa <- check_number(kappa, "kappa")
  options$positive <- identical(model$type, "field")
  starts <- path_starts(object, model, x)[cells]
  tick <- progress_bar(length(cells) * length(model$states), "Following differences", check_flag(verbose, "verbose"))
  groups <- unname(split(seq_along(cells), starts))
  pieces <- unlist(lapply(seq_along(model$states), function(member) {
    lapply(groups, function(rows) list(member = member, rows = rows))
  }), recursive = FALSE)
  before <- c(0, cumsum(lengths(lapply(pieces, `[[`, "rows"))))
  found <- plan_chunks(
    pieces, lyapunov_worker(model, x[cells, , drop = FALSE], axes, starts, t.max, k, options),
    function(n) tick(before[[n + 1L]]), function(i, n) tick(before[[i]] + n)
  )
  if (!found$whole) rlang::interrupt()
  members <- lapply(seq_along(model$states), function(member) {
    out <- matrix(NA_real_, length(cells), k)
    for (i in which(vapply(pieces, `[[`, 0L, "member") == member)) out[pieces[[i]]$rows, ] <- found$results[[i]]
    out
  })
  new_lyapunov(members, rownames(x)[cells], t.max)
}

#' @rdname LyapunovExponents
#' @export
LyapunovExponents.Seurat <- function(object, model = NULL, cells = NULL, n.exponents = 1L, t.max = NULL,
                                     n.directions = NULL, n.steps = NULL, kappa = 1, threads = NULL, verbose = TRUE,
                                     store.as = NULL, ...) {
  count <- check_count(n.exponents, "n.exponents")
  columns <- function(stem) c(stem, if (count > 1L) paste0(stem, "_", seq_len(count)[-1L]), paste0(stem, "_sd"))
  store.as <- store_name(object, store.as, "lyapunov", columns)
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  result <- call_worker(LyapunovExponents.default, ...)
  values <- data.frame(result$exponents, if (is.null(result$sd)) NA_real_ else result$sd)
  names(values) <- columns(store.as)
  object <- store_cells(object, values[if (is.null(result$sd)) seq_len(count) else TRUE])
  object <- put_result(object, "lyapunov", store.as, result, model_inputs(object, model), "LyapunovExponents()")
  log_call(object, "LyapunovExponents")
}

#' @rdname LyapunovExponents
#' @method LyapunovExponents SingleCellExperiment
#' @export
LyapunovExponents.SingleCellExperiment <- LyapunovExponents.Seurat

# A function of list(member, rows): exponents of cells that start together, rows x exponents.
lyapunov_worker <- function(model, x, axes, starts, t.max, k, options) {
  states <- model$states
  type <- model$type
  force_all(x, axes, starts, t.max, k, options)
  rm(model)
  function(piece, tick) {
    lyapunov_of(states[[piece$member]], type, x[piece$rows, , drop = FALSE], axes, starts[[piece$rows[[1L]]]], t.max, k,
      options, tick, thread_count())
  }
}

# `members`: one matrix of cells x exponents each.
new_lyapunov <- function(members, cells, t.max) {
  exponents <- Reduce(`+`, members) / length(members)
  exponents[!is.finite(exponents)] <- NA
  dimnames(exponents) <- list(cells, paste0("exponent_", seq_len(ncol(exponents))))
  sd <- if (length(members) > 1L) {
    stats::setNames(row_sds(do.call(cbind, lapply(members, function(m) m[, 1L]))), cells)
  }
  new_result("lyapunov", lyapunov_table(exponents, sd), list(
    exponents = exponents, sd = sd, t.max = t.max, n.models = length(members)
  ), by = "cell")
}

lyapunov_table <- function(exponents, sd) {
  out <- data.frame(cell = rownames(exponents), exponents)
  if (!is.null(sd)) out$exponent_1_sd <- unname(sd)
  out
}

subset_result.fatefield_lyapunov <- function(x, keep) {
  x$exponents <- x$exponents[keep, , drop = FALSE]
  x$sd <- x$sd[keep]
  x$table <- lyapunov_table(x$exponents, x$sd)
  rownames(x$table) <- NULL
  x
}

rename_cells.fatefield_lyapunov <- function(x, names) {
  rownames(x$exponents) <- unname(names[rownames(x$exponents)])
  if (!is.null(x$sd)) names(x$sd) <- rownames(x$exponents)
  x$table$cell <- rownames(x$exponents)
  x
}

headline.fatefield_lyapunov <- function(x) {
  first <- x$exponents[, 1L]
  q <- stats::quantile(first, c(0.5, 0.05, 0.95), na.rm = TRUE, names = FALSE)
  c(
    paste0("largest Lyapunov exponent of ", counted(length(first), "cell"), ": median ",
      with_interval(q[[1L]], q[[2L]], q[[3L]]), ", 90 % of the cells in brackets"),
    paste0("above 0, where neighbouring paths part, in ", format(100 * mean(first > 0, na.rm = TRUE), digits = 3L),
      " % of the cells, over time ", format(x$t.max, digits = 3L), ", ", counted(x$n.models, "model"))
  )
}

#' @rdname LyapunovExponents
#' @param x Exponents.
#' @export
plot.fatefield_lyapunov <- function(x, ...) {
  check_no_dots("x", ...)
  long <- data.frame(
    exponent = as.vector(x$exponents), which = factor(rep(colnames(x$exponents), each = nrow(x$exponents)),
      colnames(x$exponents))
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$exponent)) +
    ggplot2::geom_histogram(bins = 40L, fill = label_palette[[1L]], na.rm = TRUE) +
    ggplot2::geom_vline(xintercept = 0, linetype = "dashed", colour = "grey40") +
    ggplot2::facet_wrap("which") + ggplot2::labs(x = "per unit of time", y = "cells") + theme_curves()
}

# dims x n: all axes, or the leading principal components of the cells.
start_directions <- function(x, n) {
  if (n > ncol(x)) {
    stop_input("n.directions", "`n.directions` is ", n, ", but the model has ", ncol(x), " dimensions.")
  }
  if (n == ncol(x)) {
    return(diag(n))
  }
  if (n >= nrow(x)) {
    stop_input("n.directions", "`n.directions` is ", n, "; fewer than the ", nrow(x), " cells are needed.")
  }
  svd(sweep(x, 2L, colMeans(x)), nu = 0L, nv = n)$v
}

lyapunov_horizon <- function(x, model) {
  if (!identical(model$type, "field")) {
    return(diff(range(model$times)) / 4)
  }
  no.noise <- list(way = 0, start = 0, n.sim = 1L)
  motion_of_field(x, model, 1L, "drift", no.noise, list(), "none")$horizon() / 4
}
