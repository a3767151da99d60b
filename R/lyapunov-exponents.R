# How fast paths that start beside a cell part from its own. Takes an object or a matrix with a model; gives the leading
# finite-time Lyapunov exponents per cell, per unit of time.

#' Local divergence of cells
#'
#' Finite-time Lyapunov exponents tell how fast small differences between cells grow along their way: two cells that
#' differ by delta differ by about delta exp(exponent `t.max`) a time `t.max` later, where delta points in the direction
#' that grows fastest.
#'
#' @details
#' A difference delta follows d delta/dt = kappa J(x) delta, where J is the derivative of the velocity field, or of the
#' drift of a neural SDE.
#' Path and differences are integrated by Runge and Kutta in `steps` steps and orthonormalised by QR on the way; the
#' exponents are the logarithms of the singular values of what that takes out, over the time.
#'
#' A positive exponent says that neighbouring paths part: a fork between two fates has one, though each of its branches
#' is stable.
#' It is local divergence over a finite time, and no sign of chaos.
#'
#' Differences start in `directions` directions: with as many as the model has dimensions, all there are; with fewer, the
#' leading principal components of the cells, those along which cells really differ.
#' States are not pulled back to the cells.
#'
#' @inheritParams CellCriticality
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param k Exponents to give; default 1.
#' @param t.max Time to look ahead.
#'   `NULL` takes a quarter of the time of the model, of a velocity field a quarter of the time in which a cell of median
#'   speed crosses the data: time enough to part, short enough to tell where.
#' @param directions Directions in which differences start; `NULL` takes all dimensions up to 30.
#' @param steps Steps of the integration; default 40.
#' @param kappa Factor of the velocity; default 1.
#' @param column Name of the new column, for the first exponent; the others are `column` with their number.
#' @param ... Of objects: passed to the matrix method.
#' @return For a matrix a matrix, cells x `k`, falling in each row; for an ensemble the mean of the members, with their
#'   standard deviations as the attribute `sd`.
#'   For a Seurat object or a SingleCellExperiment the object with the column `lyapunov`, for `k` above 1 also
#'   `lyapunov_2` and so on, and for ensembles `lyapunov_sd`.
#'   Cells not asked for, and those whose path is not finite, have `NA`.
#' @section Errors:
#' `fatefield_error_input` names the argument; `fatefield_error_model`: no model, or one of other dimensions.
#' @references
#' Benettin, Galgani, Giorgilli, Strelcyn (1980) Lyapunov characteristic exponents for smooth dynamical systems.
#' Meccanica 15.
#' @seealso [CellCriticality()], [DriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- LyapunovExponents(cells, verbose = FALSE)
#' summary(cells$lyapunov)
#' @export
LyapunovExponents <- function(object, ...) UseMethod("LyapunovExponents")

#' @rdname LyapunovExponents
#' @export
LyapunovExponents.default <- function(object, model = NULL, cells = NULL, k = 1L, t.max = NULL, directions = NULL,
                                      steps = 40L, kappa = 1, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(LyapunovExponents.default)), ...)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitVelocityField() or FitSDE().")
  }
  model <- choose_model(object, model, type = c("sde", "field"))
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  k <- check_count(k, "k")
  if (k > ncol(x)) stop_input("k", "`k` is ", k, ", but the model has ", ncol(x), " dimensions.")
  n <- if (is.null(directions)) max(k, min(30L, ncol(x))) else check_count(directions, "directions")
  axes <- start_directions(x, n)
  t.max <- if (is.null(t.max)) lyapunov_horizon(x, model) else check_number(t.max, "t.max")
  options <- lyapunov_defaults()
  options$steps <- check_count(steps, "steps")
  options$kappa <- check_number(kappa, "kappa")
  options$positive <- identical(model$type, "field")
  starts <- path_starts(object, model)[cells]
  tick <- progress_bar(length(cells) * length(model$states), "Following differences", check_flag(verbose, "verbose"))
  members <- lapply(seq_along(model$states), function(member) {
    out <- matrix(NA_real_, length(cells), k)
    done <- length(cells) * (member - 1L)
    for (rows in split(seq_along(cells), starts)) {
      before <- done
      out[rows, ] <- lyapunov_of(
        model$states[[member]], model$type, x[cells[rows], , drop = FALSE], axes, starts[[rows[[1L]]]], t.max, k,
        options, function(n) tick(before + n), thread_count()
      )
      done <- done + length(rows)
      tick(done)
    }
    out
  })
  exponents <- Reduce(`+`, members) / length(members)
  exponents[!is.finite(exponents)] <- NA
  sd <- row_sds(do.call(cbind, lapply(members, function(m) m[, 1L])))
  dimnames(exponents) <- list(rownames(x)[cells], paste0("exponent_", seq_len(k)))
  structure(exponents, sd = if (length(members) > 1L) stats::setNames(sd, rownames(x)[cells]))
}

#' @rdname LyapunovExponents
#' @export
LyapunovExponents.Seurat <- function(object, ..., column = "lyapunov") {
  check_string(column, "column")
  result <- LyapunovExponents.default(object, ...)
  values <- as.data.frame(matrix(result, nrow(result), dimnames = dimnames(result)))
  names(values) <- c(column, if (ncol(result) > 1L) paste0(column, "_", seq_len(ncol(result))[-1L]))
  if (!is.null(attr(result, "sd"))) values[[paste0(column, "_sd")]] <- attr(result, "sd")
  object <- store_cells(object, values)
  if (is_seurat(object)) log_command(object, "LyapunovExponents", list(column = column)) else object
}

#' @rdname LyapunovExponents
#' @method LyapunovExponents SingleCellExperiment
#' @export
LyapunovExponents.SingleCellExperiment <- LyapunovExponents.Seurat

# dims x n: all axes, or the leading principal components of the cells.
start_directions <- function(x, n) {
  if (n > ncol(x)) {
    stop_input("directions", "`directions` is ", n, ", but the model has ", ncol(x), " dimensions.")
  }
  if (n == ncol(x)) {
    return(diag(n))
  }
  if (n >= nrow(x)) stop_input("directions", "`directions` is ", n, "; fewer than the ", nrow(x), " cells are needed.")
  svd(sweep(x, 2L, colMeans(x)), nu = 0L, nv = n)$v
}

lyapunov_horizon <- function(x, model) {
  if (!identical(model$type, "field")) {
    return(diff(range(model$times)) / 4)
  }
  no.noise <- list(way = 0, start = 0, n.sim = 1L)
  motion_of_field(x, model, 1L, "drift", no.noise, list(), "none")$horizon() / 4
}
