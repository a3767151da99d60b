# What a velocity field says of cells beyond their velocity: speed, divergence, acceleration, support, and which
# gene drives which. Takes an object or a matrix with a field; gives columns or tables.

#' Speed, divergence and acceleration of cells along a velocity field
#'
#' Evaluates a velocity field and its exact derivatives at the cells' own states.
#' Where the divergence is positive neighbouring paths part, as at the foot of a decision; where it is negative
#' they meet, as in a stable state.
#' Where the support is far above 1 all of it is extrapolation.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x genes: size-normalised spliced
#'   counts).
#' @param model A model from [FitVelocityField()], or the name of one in the object; `NULL` takes the last field
#'   fitted.
#' @param cells (names, numbers or TRUE/FALSE) Cells to look at; `NULL` takes all.
#' @param prefix Stem of the names of the columns.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Passed to methods.
#' @return For a matrix a data.frame with cells in rows and the columns
#'   `speed`, the length of f, counts per unit of time;
#'   `divergence`, the trace of the Jacobian, per unit of time;
#'   `acceleration`, the length of J f, how fast the velocity changes on the way;
#'   `support`, how far the cell is from those the field was fitted to (99 of 100 of these have at most 1);
#'   for an ensemble means over its members, and `speed_sd` and so on, the standard deviations between them.
#'   For an object the object with these columns behind the prefix: `field_speed` and so on; cells not asked for
#'   have `NA`.
#' @section Errors:
#' `fatefield_error_input` names the argument; `fatefield_error_model`: no field, or one of other genes.
#' @seealso [FieldJacobian()], [FitVelocityField()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, verbose = FALSE)
#' cells <- FieldDynamics(cells)
#' tapply(cells$field_divergence, cells$branch, mean)
#' @export
FieldDynamics <- function(object, ...) UseMethod("FieldDynamics")

#' @rdname FieldDynamics
#' @export
FieldDynamics.default <- function(object, model = NULL, cells = NULL, threads = NULL, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(FieldDynamics.default)), ...)
  at <- field_at_cells(object, model, cells)
  members <- each_member(at$model, function(bytes) {
    v <- field_velocity(bytes, at$x, thread_count())
    a <- field_jvp(bytes, at$x, v, thread_count())
    list(
      speed = sqrt(rowSums(v^2)), divergence = field_divergence(bytes, at$x, thread_count()),
      acceleration = sqrt(rowSums(a^2)), support = field_support(bytes, at$x, thread_count())
    )
  })
  out <- data.frame(row.names = rownames(at$x))
  for (part in names(members[[1L]])) {
    values <- do.call(cbind, lapply(members, `[[`, part))
    out[[part]] <- rowMeans(values)
    if (length(members) > 1L) out[[paste0(part, "_sd")]] <- row_sds(values)
  }
  out
}

#' @rdname FieldDynamics
#' @export
FieldDynamics.Seurat <- function(object, model = NULL, cells = NULL, prefix = "field_", ...) {
  object <- store_dynamics(object, FieldDynamics.default(object, model, cells, ...), prefix)
  log_command(object, "FieldDynamics", list(cells = cells, prefix = prefix))
}

#' @rdname FieldDynamics
#' @export
FieldDynamics.SingleCellExperiment <- function(object, model = NULL, cells = NULL, prefix = "field_", ...) {
  store_dynamics(object, FieldDynamics.default(object, model, cells, ...), prefix)
}

store_dynamics <- function(object, table, prefix) {
  names(table) <- paste0(check_string(prefix, "prefix"), names(table))
  store_cells(object, table)
}

# list(model, x): the field, and states of the cells asked for.
field_at_cells <- function(object, model, cells) {
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitVelocityField().")
  }
  model <- choose_model(object, model, type = "field")
  x <- model_coordinates(object, model)
  list(model = model, x = x[check_cells(cells, rownames(x)), , drop = FALSE])
}

#' How genes drive the velocity of genes
#'
#' The Jacobian of a velocity field, J = df/dx, exact: how much faster gene `to` rises where gene `from` has one
#' count more.
#' It is a property of the learned field, no proof of regulation: genes that change together cannot be told
#' apart.
#'
#' @inheritParams FieldDynamics
#' @param from,to (names) Genes whose counts change, and genes whose velocity is asked for; `NULL` takes the
#'   genes of the other argument.
#' @param group.by A column of the object, or one value per cell: the Jacobian is averaged within its values.
#' @return A data.frame with one row per pair of genes and group: `from`, `to`, `group` (where asked for),
#'   `mean` and `sd` over cells (of the mean of an ensemble's members), per unit of time, and `cells`, their
#'   number.
#' @section Errors:
#' `fatefield_error_input` for genes the field does not have, with the nearest names; `fatefield_error_model`
#' where there is no field.
#' @seealso [FieldDynamics()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, verbose = FALSE)
#' genes <- GetModel(cells)$dims
#' FieldJacobian(cells, from = genes[1:2], to = genes[1:3], group.by = "branch")
#' @export
FieldJacobian <- function(object, ...) UseMethod("FieldJacobian")

#' @rdname FieldJacobian
#' @export
FieldJacobian.default <- function(object, from = NULL, to = NULL, model = NULL, cells = NULL, group.by = NULL,
                                  threads = NULL, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(FieldJacobian.default)), ...)
  at <- field_at_cells(object, model, cells)
  if (is.null(from) && is.null(to)) stop_input("from", "`from` or `to` is needed: names of genes.")
  from <- field_gene_numbers(if (is.null(from)) to else from, at$model, "from")
  to <- field_gene_numbers(if (is.null(to)) at$model$dims[from] else to, at$model, "to")
  groups <- list(seq_len(nrow(at$x)))
  if (!is.null(group.by)) {
    keep <- check_cells(cells, cell_names(object))
    groups <- split(seq_along(keep), check_labels(cell_column(object, group.by, "group.by"), "group.by")[keep])
    groups <- groups[lengths(groups) > 0L]
  }
  rows <- lapply(seq_along(groups), function(g) {
    table <- jacobian_table(at$model, at$x[groups[[g]], , drop = FALSE], from, to)
    if (is.null(group.by)) table else cbind(table[1:2], group = names(groups)[[g]], table[-(1:2)])
  })
  do.call(rbind, rows)
}

#' @rdname FieldJacobian
#' @export
FieldJacobian.Seurat <- function(object, ...) FieldJacobian.default(object, ...)

#' @rdname FieldJacobian
#' @export
FieldJacobian.SingleCellExperiment <- function(object, ...) FieldJacobian.default(object, ...)

field_gene_numbers <- function(genes, model, argument) {
  at <- match(genes, model$dims)
  if (!is.character(genes) || length(genes) == 0L || anyNA(at)) {
    lost <- if (is.character(genes)) genes[is.na(at)]
    stop_input(argument, "`", argument, "` must be names of genes of the field; ",
      if (length(lost) > 0L) quoted(lost[[1L]]) else described(genes), " is not.",
      if (length(lost) > 0L) near(lost[[1L]], model$dims))
  }
  at
}

jacobian_table <- function(model, x, from, to) {
  changes <- lapply(from, function(j) {
    delta <- matrix(0, nrow(x), ncol(x))
    delta[, j] <- 1
    ensemble_mean(model, function(bytes) {
      field_jvp(bytes, x, delta, thread_count())[, to, drop = FALSE]
    })
  })
  data.frame(
    from = rep(model$dims[from], each = length(to)), to = rep(model$dims[to], length(from)),
    mean = unlist(lapply(changes, colMeans)), sd = unlist(lapply(changes, function(v) row_sds(t(v)))),
    cells = nrow(x)
  )
}
