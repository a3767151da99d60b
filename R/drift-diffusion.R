# What drives each cell: drift, diffusion, potential and growth of a neural SDE, or speed, divergence, acceleration and
# support of a velocity field, at the cells' states. Takes an object or a matrix with a model; gives values per cell,
# mean and spread over the ensemble.

#' What drives cells: drift and diffusion
#'
#' Evaluates a trained model at the cells' own states.
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day")
#' cells <- DriftDiffusion(cells)
#' PlotDriftDiffusion(cells)
#' ```
#'
#' @section Neural SDEs:
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
#' @section Velocity fields:
#' The field f and its exact derivatives are evaluated:
#' * `speed`: the length of f, counts per unit of time.
#' * `divergence`: the trace of the Jacobian, per unit of time.
#'   Where it is positive neighbouring paths part, as at the foot of a decision; where it is negative they meet, as in
#'   a stable state.
#' * `acceleration`: the length of J f, how fast the velocity changes on the way.
#' * `support`: how far the cell is from those the field was fitted to (99 of 100 of these have at most 1).
#'   Where it is far above 1 all of this is extrapolation.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims; for a velocity field
#'   size-normalised spliced counts, cells x genes).
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   last neural SDE, or the last field where there is none.
#' @param cells (names, numbers or TRUE/FALSE) Cells to look at; `NULL` takes all.
#' @param time Times at which a neural SDE is evaluated: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#'   They matter only for models with `time.input = TRUE`.
#' @param t.start One time for all cells, in place of their own.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param store.as Stem of the names under which the result is kept.
#'   `NULL` means columns `drift`, `diffusion` and so on and a reduction `drift_vectors` for a neural SDE, columns
#'   `field_speed` and so on for a velocity field; with `store.as = "x"` they are `x_drift`, `x_vectors`, `x_speed`.
#' @param ... Passed to methods.
#'
#' @return For a matrix a result of class `fatefield_drift`, see [results].
#'   Its table has a row for each cell: `cell` and, of a neural SDE, `drift`, `diffusion`, and `potential` and `growth`
#'   where there are any; of a velocity field `speed`, `divergence`, `acceleration` and `support`.
#'   For ensembles these are means over the members, and `drift_sd` and so on are the standard deviations between them.
#'   `vectors` is the mean drift (cells x dims), `NULL` for a field.
#'   For a Seurat object or a SingleCellExperiment the object with the columns and the reduction of `store.as`; cells
#'   not asked for have `NA`.
#'   [GetResult()] gives the whole result.
#' @section Errors:
#'   `fatefield_error_input` names the argument; `fatefield_error_model`: no model, or one of other
#'   dimensions or genes.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations.
#'   Nature Machine Intelligence 7.
#' @seealso [PlotDriftDiffusion()], [PlotPotential()], [FieldJacobian()], [FitSDE()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- DriftDiffusion(cells)
#' summary(cells$drift)
#' @export
DriftDiffusion <- function(object, ...) UseMethod("DriftDiffusion")

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.default <- function(object, model = NULL, cells = NULL, time = NULL, t.start = NULL, threads = NULL,
                                   ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(DriftDiffusion.default)), ...)
  model <- choose_model(object, model, type = c("sde", "field"))
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  if (model$type == "field") {
    return(evaluate_field(model, x[cells, , drop = FALSE]))
  }
  times <- cell_starts(object, model, time, t.start, x)[cells]
  evaluate_ensemble(model_engines(model), x[cells, , drop = FALSE], times)
}

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.Seurat <- function(object, model = NULL, cells = NULL, time = NULL, t.start = NULL, threads = NULL,
                                  store.as = NULL, ...) {
  model <- choose_model(object, model, type = c("sde", "field"))
  default <- c(sde = "drift", field = "field")[[model$type]]
  parts <- drift_parts(model)
  store.as <- store_name(
    object, store.as, default, function(stem) drift_columns(stem, parts),
    function(stem) if (model$type == "sde") drift_slot(stem)
  )
  result <- call_worker(DriftDiffusion.default, ...)
  log_call(store_drift(object, result, store.as, model), "DriftDiffusion")
}

#' @rdname DriftDiffusion
#' @export
DriftDiffusion.SingleCellExperiment <- DriftDiffusion.Seurat

# The quantities that a model gives.
drift_parts <- function(model) {
  parts <- c("speed", "divergence", "acceleration", "support")
  if (model$type == "sde") {
    engine <- model_engines(model)[[1L]]()
    parts <- c("drift", "diffusion", if (engine$has_potential()) "potential", if (engine$has_growth()) "growth")
  }
  if (length(model$states) > 1L) as.vector(rbind(parts, paste0(parts, "_sd"))) else parts
}

# Names of columns and of the reduction of vectors; those of the default stem of a neural SDE need no stem.
drift_columns <- function(stem, parts) if (stem == "drift") parts else paste0(stem, "_", parts)

drift_slot <- function(stem) paste0(stem, "_vectors")

# `engines`: one function per member that gives an engine; x: cells x dims; one time per cell.
evaluate_ensemble <- function(engines, x, times) {
  members <- lapply(engines, function(rebuild) evaluate_member(rebuild(), x, times))
  vectors <- Reduce(`+`, lapply(members, `[[`, "vectors")) / length(members)
  dimnames(vectors) <- dimnames(x)
  values <- lapply(members, function(member) member[setdiff(names(member), "vectors")])
  new_drift(values, rownames(x), vectors)
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

evaluate_field <- function(model, x) {
  members <- each_member(model, function(bytes) {
    v <- field_velocity(bytes, x, thread_count())
    a <- field_jvp(bytes, x, v, thread_count())
    list(
      speed = sqrt(rowSums(v^2)), divergence = field_divergence(bytes, x, thread_count()),
      acceleration = sqrt(rowSums(a^2)), support = field_support(bytes, x, thread_count())
    )
  })
  new_drift(members, rownames(x), NULL)
}

# Standard deviation of each row; 0 for a single column.
row_sds <- function(x) {
  if (ncol(x) < 2L) {
    return(numeric(nrow(x)))
  }
  sqrt(rowSums((x - rowMeans(x))^2) / (ncol(x) - 1))
}

# `members`: one list of vectors (one value a cell, or NULL) per member.
new_drift <- function(members, cells, vectors) {
  n <- length(members)
  known <- Filter(function(part) !any(vapply(members, function(m) is.null(m[[part]]), NA)), names(members[[1L]]))
  parts <- list()
  for (part in known) {
    values <- do.call(cbind, lapply(members, `[[`, part))
    parts[[part]] <- stats::setNames(rowMeans(values), cells)
    parts[[paste0(part, "_sd")]] <- stats::setNames(row_sds(values), cells)
  }
  shown <- if (n > 1L) names(parts) else known
  new_result(
    "drift", data.frame(cell = cells, parts[shown], row.names = NULL),
    c(list(vectors = vectors), parts, list(quantities = known, n.models = n)), by = "cell"
  )
}

store_drift <- function(object, result, store.as, model) {
  values <- as.data.frame(result)
  inputs <- model_inputs(object, model)
  columns <- setdiff(names(values), "cell")
  stored <- stats::setNames(values[columns], drift_columns(store.as, columns))
  rownames(stored) <- values$cell
  if (!is.null(result$vectors)) {
    result$reduction <- inputs[[1L]]$reduction
    object <- store_reduction(object, result$vectors, drift_slot(store.as), key = store.as)
    object <- put_result(
      object, "vectors", drift_slot(store.as), list(reduction = result$reduction), inputs[1L], "DriftDiffusion()"
    )
  }
  object <- store_cells(object, stored)
  put_result(object, "drift", store.as, result, inputs, "DriftDiffusion()")
}

subset_result.fatefield_drift <- function(x, keep) {
  if (!is.null(x$vectors)) x$vectors <- x$vectors[keep, , drop = FALSE]
  for (part in c(x$quantities, paste0(x$quantities, "_sd"))) x[[part]] <- x[[part]][keep]
  x$table <- x$table[match(keep, x$table$cell), , drop = FALSE]
  rownames(x$table) <- NULL
  x
}

rename_cells.fatefield_drift <- function(x, names) {
  now <- unname(names[x$table$cell])
  if (!is.null(x$vectors)) rownames(x$vectors) <- now
  for (part in c(x$quantities, paste0(x$quantities, "_sd"))) names(x[[part]]) <- now
  x$table$cell <- now
  x
}

headline.fatefield_drift <- function(x) {
  what <- paste(x$quantities[1:2], collapse = " and ")
  middle <- vapply(x$quantities, function(part) {
    q <- stats::quantile(x[[part]], c(0.05, 0.5, 0.95), na.rm = TRUE, names = FALSE)
    paste0(part, " ", with_interval(q[[2L]], q[[1L]], q[[3L]]))
  }, "")
  c(
    paste0(what, " of ", counted(nrow(x$table), "cell"),
      if (!is.null(x$vectors)) paste0(" in ", counted(ncol(x$vectors), "dimension")), ", ",
      counted(x$n.models, "model")),
    paste0("median (90 % of the cells): ", paste(middle, collapse = ", "))
  )
}
