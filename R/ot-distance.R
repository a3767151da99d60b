# Optimal transport between clouds of cells: distances, plans and the class SinkhornLoss.
# Cells are rows; lengths are in the units of the data; the mathematics is in src/core/ot.

#' Distance between clouds of cells by optimal transport
#'
#' How far two clouds of cells are from each other, by one of four methods.
#'
#' @section Basic use:
#' ```
#' OTDistance(cells, group.by = "day", ident.1 = 0, ident.2 = 2)   # two groups
#' plot(OTDistance(cells, group.by = "day"))                       # all groups
#' ```
#' @section Which distance:
#' * `"sinkhorn"` (default): the Sinkhorn divergence: what it costs to move one cloud onto the
#'   other, blurred at the length `blur` and freed of the bias that blurring brings.
#'   It is 0 for equal clouds and, at p = 2, near half the squared Wasserstein-2 distance.
#' * `"exact"`: the mean cost of the best matching, without blur: the distance for p = 1, half the
#'   squared distance for p = 2.
#'   W1 is `value` for p = 1, W2 is `sqrt(2 * value)` for p = 2.
#'   Both clouds must have the same number of cells, equally weighted, at most a few thousand.
#' * `"sliced"`: the squared Wasserstein-2 distance of the projections on a line, exact, averaged
#'   over many lines: the axes and random directions.
#'   It needs few cells to see a cloud that is too narrow, and any number of cells is quick.
#' * `"energy"`: the energy distance, 2 E|x - y| - E|x - x'| - E|y - y'|, debiased: two samples
#'   of one distribution are at 0 on average, and may be below.
#'
#' @param x A numeric matrix (cells x dims), or a Seurat or SingleCellExperiment object.
#' @param ... Options by name; they go before `options`.
#'   For `"sinkhorn"` those of [SinkhornOptions()]; for `"exact"` `p`; for `"sliced"`
#'   `r doc_option("sliced", "slices")` (random directions), `r doc_option("sliced", "axes")` (take the axes too)
#'   and `r doc_option("sliced", "seed.use")`; for `"energy"` none.
#' @param options The same options as a list, such as [SinkhornOptions()].
#' @return A result of class `fatefield_ot_distance`, see [results], whose table has the columns `group`, `other`,
#'   `value` and `method`.
#'   For matrices, or two groups of an object, with one row and these elements:
#'   \item{value}{The distance. Sinkhorn and exact: in units of the cost, length for p = 1, length
#'     squared for 2. Sliced: length squared. Energy: length.}
#'   \item{method}{The method.}
#'   \item{converged}{Whether `tolerance` was reached; `FALSE` where none was asked for.}
#'   \item{iterations}{Updates of the potentials.}
#'   \item{epsilon}{The last temperature, blur^p.}
#'   \item{marginal.error}{By how much the plan misses the weights of `y`, summed over its cells.}
#'   \item{potentials}{List of `x` and `y`: dual potentials, one number a cell.}
#'   \item{match}{Exact: the number of the cell of `y` that each cell of `x` goes to.}
#'   \item{directions}{Sliced: the squared distance along each direction, the axes first.}
#'   \item{gradient}{Where asked for, a list: `x` (cells x dims), `weights.x`, `weights.y`.
#'     The derivative of the value; under balanced transport those in weights are known up to a
#'     constant.}
#'   Of these, `converged` to `marginal.error` belong to Sinkhorn alone, potentials to Sinkhorn and
#'   exact; exact has the gradient in `x` alone, sliced in `x` and `weights.x`, energy none.
#'   For an object without `ident.1` the table has a row for each ordered pair of groups, `value` is a symmetric matrix,
#'   and `[` keeps the distances from some groups to all.
#' @section Errors:
#' Class `fatefield_error_input`: matrices that are empty, not finite or of different dimensions;
#' weights that are negative or do not fit; options out of range; groups that are not there.
#' @references Feydy et al. (2019) Interpolating between optimal transport and MMD using Sinkhorn
#'   divergences. AISTATS.
#'   Sejourne et al. (2019) Sinkhorn divergences for unbalanced optimal transport.
#'   Jonker and Volgenant (1987) A shortest augmenting path algorithm for dense and sparse linear
#'   assignment problems. Computing 38.
#'   Bonneel et al. (2015) Sliced and Radon Wasserstein barycenters of measures.
#'   Szekely and Rizzo (2013) Energy statistics: a class of statistics based on distances.
#' @seealso [OTPlan()] for who goes where, [SinkhornLoss] for many calls.
#' @examples
#' x <- cbind(seq(0, 1, length.out = 40), 0)
#' y <- cbind(seq(0, 1, length.out = 50), 2)
#' OTDistance(x, y)
#' # Converged, with the gradient in the positions of x.
#' near <- OTDistance(x, y, blur = 0.5, tolerance = 1e-6, precision = "float64", gradient = TRUE)
#' head(near$gradient$x)
#' # Without blur: W2 of as many cells, and the energy distance.
#' sqrt(2 * OTDistance(x, y[1:40, ], method = "exact")$value)
#' OTDistance(x, y, method = "energy")
#' @export
OTDistance <- function(x, ...) UseMethod("OTDistance")

#' @param y A numeric matrix (cells x dims) with the columns of `x`.
#' @param weights.x,weights.y One number of at least 0 for each cell; default `NULL`, all equal.
#'   Without `reach` only their proportions count: both are made to sum to 1.
#' @param gradient Give the derivatives too.
#' @param method `"sinkhorn"`, `"exact"`, `"sliced"` or `"energy"`, see above.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @rdname OTDistance
#' @export
OTDistance.default <- function(x, y, weights.x = NULL, weights.y = NULL, gradient = FALSE,
                               method = c("sinkhorn", "exact", "sliced", "energy"),
                               options = NULL, threads = NULL, ...) {
  local_threads(threads)
  method <- check_choice(method, names(distance_methods), "method")
  options <- distance_methods[[method]]$options(options, ...)
  pair <- ot_pair(x, y, weights.x, weights.y, options, rows = NULL)
  check_flag(gradient, "gradient")
  out <- distance_methods[[method]]$compute(pair, options, gradient)
  if (!is.null(out$potentials)) {
    names(out$potentials$x) <- rownames(pair$x)
    names(out$potentials$y) <- rownames(pair$y)
  }
  if (gradient) dimnames(out$gradient$x) <- dimnames(pair$x)
  new_distance("x", "y", out$value, method, out)
}

#' @param group.by Column of the cell data, or a vector with one value for each cell, that tells
#'   groups of cells apart, such as the time.
#' @param ident.1,ident.2 Groups to compare; `ident.2 = NULL` takes all other cells.
#'   Without `ident.1`, all groups are compared with each other.
#' @param reduction Reduction whose coordinates are used; default `NULL` takes the PCA.
#' @param dims Its dimensions; default `NULL`, all.
#' @param weights Column of the cell data, or a vector with one number for each cell: weights.
#'   Default `NULL`, all equal.
#' @rdname OTDistance
#' @export
OTDistance.Seurat <- function(x, group.by, ident.1 = NULL, ident.2 = NULL, reduction = NULL,
                              dims = NULL, weights = NULL, gradient = FALSE,
                              method = c("sinkhorn", "exact", "sliced", "energy"),
                              options = NULL, threads = NULL, ...) {
  local_threads(threads)
  method <- check_choice(method, names(distance_methods), "method")
  cells <- ot_cells(x, group.by, reduction, dims, weights)
  options <- distance_methods[[method]]$options(options, ...)
  if (is.null(ident.1)) {
    if (!is.null(ident.2)) stop_input("ident.1", "`ident.1` is needed where `ident.2` is given.")
    return(ot_between_groups(cells, method, options))
  }
  pair <- ot_groups(cells, ident.1, ident.2)
  found <- OTDistance.default(
    pair$x, pair$y, pair$weights.x, pair$weights.y,
    gradient = gradient, method = method, options = options
  )
  found$table[c("group", "other")] <- list(ident_name(ident.1), ident_name(ident.2))
  found
}

#' @rdname OTDistance
#' @export
OTDistance.SingleCellExperiment <- OTDistance.Seurat

#' Transport plan between clouds of cells
#'
#' How much mass of each cell of `x` goes to each cell of `y` under entropic optimal transport.
#'
#' @section Basic use:
#' ```
#' plan <- OTPlan(cells, group.by = "day", ident.1 = 0, ident.2 = 2)
#' plot(plan, observed = cells, group.by = "state")
#' ```
#' @inheritParams OTDistance
#' @param y A numeric matrix (cells x dims) with the columns of `x`.
#' @param weights.x,weights.y One number of at least 0 for each cell; default `NULL`, all equal.
#'   Without `reach` only their proportions count: both are made to sum to 1.
#' @param drop Leave out entries below this share of their row's mass.
#'   Default 0: the plan is a whole matrix, of 20 million entries at most.
#'   Above 0 it is sparse, and only what is kept takes memory.
#' @return A result of class `fatefield_ot_plan`, see [results]:
#'   \item{plan}{Cells of `x` by cells of `y`, with their names: a matrix, or a `dgCMatrix` where
#'     `drop` is above 0.
#'     Rows sum to the weights of `x` (less under `reach`), columns nearly to those of `y`.}
#'   \item{cost}{Sum of mass times cost, of what is kept.}
#'   \item{dropped}{Mass of the entries left out.}
#'   \item{column.error}{By how much columns miss the weights of `y` (under `reach`, what should
#'     arrive), summed; it goes to 0 as `tolerance` does.}
#'   \item{epsilon, iterations, converged}{As in [OTDistance()].}
#'   Its table has a row for each pair of cells between which at least 1e-9 of the cell's mass goes: `cell`, `other` and
#'   `mass`.
#'   `[` keeps the plan of some cells of `x`.
#'   `summary()` gives the mass between groups of cells: `group`, `other`, `mass`, and `share`, that of the group's
#'   mass.
#' @inheritSection OTDistance Errors
#' @seealso [OTDistance()]
#' @examples
#' x <- cbind(seq(0, 1, length.out = 4), 0)
#' y <- cbind(seq(0, 1, length.out = 5), 1)
#' found <- OTPlan(x, y, blur = 0.2, tolerance = 1e-6, precision = "float64")
#' round(found$plan, 3)
#' rowSums(found$plan)
#' colSums(found$plan)
#' @export
OTPlan <- function(x, ...) UseMethod("OTPlan")

#' @rdname OTPlan
#' @export
OTPlan.default <- function(x, y, weights.x = NULL, weights.y = NULL, drop = 0, options = NULL,
                           threads = NULL, ...) {
  local_threads(threads)
  options <- ot_options(options, ...)
  pair <- ot_pair(x, y, weights.x, weights.y, options)
  drop <- check_number(drop, "drop")
  found <- ot_plan(pair$x, pair$y, pair$a, pair$b, options, drop)
  names <- list(rownames(pair$x), rownames(pair$y))
  plan <- if (drop > 0) {
    by_rows <- sparseMatrix(
      i = found$column + 1L, p = found$start, x = found$mass,
      dims = c(nrow(pair$y), nrow(pair$x))
    )
    Matrix::t(by_rows)
  } else {
    found$plan
  }
  dimnames(plan) <- names
  report <- found[c("cost", "dropped", "column.error", "epsilon", "iterations", "converged")]
  structure(c(list(plan = plan), report), class = c("fatefield_ot_plan", "fatefield_result"))
}

#' @param group.by Column of the cell data, or a vector with one value for each cell, that tells
#'   groups of cells apart, such as the time.
#' @param ident.1,ident.2 Groups: mass goes from the first to the second; `ident.2 = NULL` takes
#'   all other cells.
#' @rdname OTPlan
#' @export
OTPlan.Seurat <- function(x, group.by, ident.1, ident.2 = NULL, reduction = NULL, dims = NULL,
                          weights = NULL, drop = 0, options = NULL, threads = NULL,
                          ...) {
  local_threads(threads)
  cells <- ot_cells(x, group.by, reduction, dims, weights)
  if (missing(ident.1)) stop_input("ident.1", "`ident.1` is needed: the group that mass goes from.")
  pair <- ot_groups(cells, ident.1, ident.2)
  OTPlan.default(
    pair$x, pair$y, pair$weights.x, pair$weights.y,
    drop = drop, options = ot_options(options, ...)
  )
}

#' @rdname OTPlan
#' @export
OTPlan.SingleCellExperiment <- OTPlan.Seurat

# Options of a call: `options`, then those given by name.
ot_options <- function(options, ...) {
  do.call(SinkhornOptions, distance_options(sinkhorn_defaults(), options, ...))
}

# Both clouds as plain matrices with weights; weights of length 0 are equal ones. `rows`: see plain_matrix(); cells of
# a cloud may be drawn several times where it is not told which is which.
ot_pair <- function(x, y, weights.x, weights.y, options, rows = "cell") {
  x <- check_matrix(x, "x", rows)
  y <- check_matrix(y, "y", rows)
  list(
    x = x, y = y,
    a = ot_weights(weights.x, "weights.x", x, options),
    b = ot_weights(weights.y, "weights.y", y, options)
  )
}

ot_weights <- function(weights, argument, x, options) {
  if (is.null(weights)) {
    return(numeric())
  }
  weights <- cell_vector(weights, if (is.null(rownames(x))) as.character(seq_len(nrow(x))) else rownames(x), argument)
  if (!is.numeric(weights)) {
    stop_input(
      argument, "`", argument, "` must be one number for each of the ", nrow(x), " cells, not ",
      described(weights), "."
    )
  }
  mass <- sum(weights)
  # What cannot be divided is for the core to complain about.
  if (isTRUE(options$reach > 0) || !is.finite(mass) || mass <= 0) weights else weights / mass
}

# Coordinates, groups and weights of all cells of an object.
ot_cells <- function(object, group.by, reduction, dims, weights) {
  if (missing(group.by)) {
    stop_input("group.by", "`group.by` is needed: the column that tells the groups apart.")
  }
  group <- cell_column(object, group.by, "group.by")
  list(
    x = embedding(object, reduction, dims),
    group = group,
    present = if (is.factor(group)) levels(droplevels(group)) else sort(unique(group)),
    weights = if (!is.null(weights)) cell_column(object, weights, "weights")
  )
}

ot_members <- function(cells, ident, argument) {
  members <- which(cells$group %in% ident)
  if (length(members) == 0L) {
    stop_input(
      argument, "`", argument, "`: no cell is of group ", quoted(ident), "; there are ",
      quoted(cells$present), "."
    )
  }
  members
}

ot_groups <- function(cells, ident.1, ident.2) {
  first <- ot_members(cells, ident.1, "ident.1")
  second <- if (is.null(ident.2)) {
    setdiff(which(!is.na(cells$group)), first)
  } else {
    ot_members(cells, ident.2, "ident.2")
  }
  if (length(second) == 0L) {
    stop_input("ident.2", "`ident.2`: no cells are left beside those of `ident.1`.")
  }
  list(
    x = cells$x[first, , drop = FALSE], y = cells$x[second, , drop = FALSE],
    weights.x = cells$weights[first], weights.y = cells$weights[second]
  )
}

# The values between all groups, as a symmetric matrix.
ot_between_groups <- function(cells, method, options) {
  names <- as.character(cells$present)
  out <- matrix(0, length(names), length(names), dimnames = list(names, names))
  for (i in seq_along(names)) {
    for (j in seq_len(i - 1L)) {
      pair <- ot_groups(cells, cells$present[[i]], cells$present[[j]])
      found <- OTDistance.default(
        pair$x, pair$y, pair$weights.x, pair$weights.y,
        method = method, options = options
      )
      out[i, j] <- out[j, i] <- found$value
    }
  }
  pairs <- which(row(out) != col(out), arr.ind = TRUE)
  pairs <- pairs[order(pairs[, 1L]), , drop = FALSE]
  new_distance(names[pairs[, 1L]], names[pairs[, 2L]], out[pairs], method, list(value = out))
}

#' The Sinkhorn divergence of the engine
#'
#' A class of C++ objects: the loss that [FitSDE()] compares clouds of cells with, at fixed options
#' and with equal weights.
#' Matrices have cells in rows.
#'
#' @section Basic use:
#' ```r
#' loss <- new(SinkhornLoss, SinkhornOptions(blur = 0.1))
#' ```
#' @details
#' `new(SinkhornLoss, options)` takes [SinkhornOptions()] or a list of some of them;
#' `new(SinkhornLoss, bytes)` brings one back from `$serialize()`.
#'
#' * `$value(x, y)`: the divergence, one number.
#' * `$gradient(x, y)`: its derivative in the positions of `x`, cells x dims.
#' * `$plan(x, y)`: the transport plan, cells of `x` by cells of `y`.
#' * `$options()`: named list.
#' * `$serialize()`: raw bytes.
#'
#' An object lives in its R process only; keep `$serialize()`.
#' @inheritSection OTDistance Errors
#' @name SinkhornLoss
#' @aliases Rcpp_SinkhornLoss-class
#' @export SinkhornLoss
#' @seealso [OTDistance()] and [OTPlan()], which take weights and say more.
#' @examples
#' loss <- new(SinkhornLoss, SinkhornOptions(blur = 0.1))
#' loss
#' x <- cbind(seq(0, 1, length.out = 20), 0)
#' y <- cbind(seq(0, 1, length.out = 30), 1)
#' loss$value(x, y)
#' head(loss$gradient(x, y))
#' again <- new(SinkhornLoss, loss$serialize())
#' identical(again$value(x, y), loss$value(x, y))
NULL

Rcpp::loadModule("sinkhorn_loss", what = "SinkhornLoss")
