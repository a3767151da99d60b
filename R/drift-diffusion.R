# What drives each cell: drift, diffusion, potential and growth of a model at the cells' states.
# Takes an object with a model; gives norms and vectors per cell, mean and spread over the ensemble.

#' Drift and diffusion of cells
#'
#' Evaluates a trained model at the cells' own states.
#' The drift is where a cell is heading, in units of the reduction per unit of time; the diffusion
#' is the standard deviation of its noise per dimension, per square root of time.
#' Reported are their Euclidean norms: the length of the drift, and the root of the summed variances
#' of the noise.
#'
#' The potential is the scalar whose gradient is the drift, so cells climb; it exists for
#' `drift = "potential"` only.
#' It is known up to a constant: its median over the cells is 0.
#' Levels of drift and diffusion are tied to each other by the training; compare cells within a
#' model rather than levels between models.
#'
#' For an ensemble the mean over the members is reported, with their standard deviation.
#'
#' @inheritParams PredictFate
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims).
#' @param cells (names, numbers or TRUE/FALSE) Cells to look at; `NULL` takes all.
#' @param time Time at which the model is evaluated: one number, a column, or one value for each
#'   cell.
#'   `NULL` takes the time column the model was fitted with, or the model's first time where there
#'   is none.
#'   It matters only for models with `time.input = TRUE`.
#' @param reduction.name Name of the new reduction that holds the drift vectors.
#'
#' @return For a matrix a list of class `fatefield_drift` with the numeric vectors `drift`,
#'   `diffusion`, `potential` (`NULL` where there is none) and `growth` (`NULL` likewise), their
#'   standard deviations between members `drift_sd`, `diffusion_sd`, `potential_sd`, `growth_sd`
#'   (0 for one member), and `vectors`, the mean drift (cells x dims).
#'   For a Seurat object or a SingleCellExperiment the object with columns `drift`, `diffusion`, and
#'   where they exist `potential` and `growth`, for ensembles also `drift_sd` and so on, and a
#'   reduction of the drift vectors, its dimensions those of the model.
#'   Cells not asked for have `NA`.
#' @section Errors:
#'   `fatefield_error_input` names the argument; `fatefield_error_model`: no model, or one of other
#'   dimensions.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations.
#'   Nature Machine Intelligence 7.
#' @seealso [PlotDriftDiffusion()], [FitSDE()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- DriftDiffusion(cells)
#' summary(cells$drift)
#' @export
DriftDiffusion <- function(object, ...) UseMethod("DriftDiffusion")

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.default <- function(object, model = NULL, cells = NULL, time = NULL, ...) {
  check_object(object)
  check_no_dots(names(formals(DriftDiffusion.default)), ...)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE().")
  }
  model <- choose_model(object, model)
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  times <- cell_starts(object, model, time, t.start)[cells]
  evaluate_ensemble(model_engines(model), x[cells, , drop = FALSE], times)
}

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.Seurat <- function(object, model = NULL, cells = NULL, time = NULL,
                                  reduction.name = "drift_vectors", ...) {
  result <- DriftDiffusion.default(object, model, cells, time, ...)
  object <- store_drift(object, result, reduction.name)
  log_command(object, "DriftDiffusion", list(
    cells = cells, time = time, reduction.name = reduction.name
  ))
}

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.SingleCellExperiment <- function(object, model = NULL, cells = NULL, time = NULL,
                                                reduction.name = "drift_vectors", ...) {
  result <- DriftDiffusion.default(object, model, cells, time, ...)
  store_drift(object, result, reduction.name)
}

# `engines`: one function per member that gives an engine; x: cells x dims; one time per cell.
evaluate_ensemble <- function(engines, x, times) {
  members <- lapply(engines, function(rebuild) evaluate_member(rebuild(), x, times))
  of <- function(part) {
    values <- lapply(members, `[[`, part)
    if (any(vapply(values, is.null, logical(1)))) NULL else do.call(cbind, values)
  }
  result <- list(vectors = Reduce(`+`, lapply(members, `[[`, "vectors")) / length(members))
  dimnames(result$vectors) <- dimnames(x)
  for (part in c("drift", "diffusion", "potential", "growth")) {
    values <- of(part)
    if (is.null(values)) next
    result[[part]] <- stats::setNames(rowMeans(values), rownames(x))
    result[[paste0(part, "_sd")]] <- stats::setNames(row_sds(values), rownames(x))
  }
  result$n.models <- length(members)
  structure(result, class = "fatefield_drift")
}

evaluate_member <- function(engine, x, times) {
  at_times <- function(f) {
    out <- NULL
    for (rows in split(seq_along(times), times)) {
      values <- f(x[rows, , drop = FALSE], times[[rows[[1L]]]])
      if (is.null(out)) out <- matrix(0, nrow(x), ncol(values))
      out[rows, ] <- values
    }
    out
  }
  norm <- function(v) sqrt(rowSums(v^2))
  drift <- at_times(engine$drift)
  potential <- if (engine$has_potential()) drop_to_vector(at_times(engine$potential))
  list(
    vectors = drift, drift = norm(drift), diffusion = norm(at_times(engine$diffusion)),
    potential = if (!is.null(potential)) potential - stats::median(potential),
    growth = if (engine$has_growth()) drop_to_vector(at_times(engine$growth))
  )
}

drop_to_vector <- function(x) as.vector(x[, 1L])

# Standard deviation of each row; 0 for a single column.
row_sds <- function(x) {
  if (ncol(x) < 2L) {
    return(numeric(nrow(x)))
  }
  sqrt(rowSums((x - rowMeans(x))^2) / (ncol(x) - 1))
}

store_drift <- function(object, result, reduction.name) {
  check_string(reduction.name, "reduction.name")
  parts <- c("drift", "diffusion", "potential", "growth")
  if (result$n.models > 1L) parts <- c(parts, paste0(parts, "_sd"))
  parts <- intersect(parts, names(result))
  if (reduction.name %in% parts) {
    stop_input("reduction.name", "`reduction.name` cannot be ", quoted(reduction.name),
      ", the name of a column of the cells.")
  }
  object <- store_reduction(object, result$vectors, reduction.name, key = "drift")
  store_cells(object, data.frame(unclass(result)[parts], row.names = rownames(result$vectors)))
}

#' @export
print.fatefield_drift <- function(x, ...) {
  cat("drift and diffusion of ", nrow(x$vectors), " cell", if (nrow(x$vectors) != 1L) "s",
    " in ", ncol(x$vectors), " dimensions, ", x$n.models, " model",
    if (x$n.models != 1L) "s", "\n", sep = "")
  for (part in intersect(c("drift", "diffusion", "potential", "growth"), names(x))) {
    cat("  ", formatC(part, width = -10), paste(
      names(q <- round(stats::quantile(x[[part]], c(0, 0.5, 1)), 4L)), q, collapse = "  "
    ), "\n", sep = "")
  }
  invisible(x)
}
