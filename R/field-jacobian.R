# Which gene drives which, by the derivatives of a velocity field. Takes an object or a matrix with a field; gives a
# table of pairs of genes.

#' How genes drive the velocity of genes
#'
#' The Jacobian of a velocity field, J = df/dx, exact: how much faster gene `to` rises where gene `from` has one
#' count more.
#' It is a property of the learned field, no proof of regulation: genes that change together cannot be told
#' apart.
#'
#' @section Basic use:
#' ```
#' cells <- FitVelocityField(EstimateVelocity(cells))
#' FieldJacobian(cells, from = c("Neurog3", "Pax4"), group.by = "cell_type")
#' ```
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x genes: size-normalised spliced
#'   counts).
#' @param from,to (names) Genes whose counts change, and genes whose velocity is asked for; `NULL` takes the
#'   genes of the other argument.
#' @param model A model from [FitVelocityField()], or the name of one in the object; `NULL` takes the last field
#'   fitted.
#' @param cells (names, numbers or TRUE/FALSE) Cells to look at; `NULL` takes all.
#' @param group.by A column of the object, or one value per cell: the Jacobian is averaged within its values.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... Not used.
#' @return A data.frame of class `fatefield_jacobian`, see [results], with one row per pair of genes and group: `from`,
#'   `to`, `group` (where asked for), `mean` and `sd` over cells (of the mean of an ensemble's members), per unit of
#'   time, and `cells`, their number.
#'   `[` keeps pairs by the gene `from`.
#' @section Errors:
#' `fatefield_error_input` for genes the field does not have, with the nearest names; `fatefield_error_model`
#' where there is no field.
#' @seealso [DriftDiffusion()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, verbose = FALSE)
#' genes <- GetModel(cells)$dims
#' pairs <- FieldJacobian(cells, from = genes[1:2], to = genes[1:3], group.by = "branch")
#' pairs
#' plot(pairs)
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
  new_table("jacobian", do.call(rbind, rows), by = "from")
}

#' @rdname FieldJacobian
#' @export
FieldJacobian.Seurat <- function(object, from = NULL, to = NULL, model = NULL, cells = NULL, group.by = NULL,
                                 threads = NULL, ...) {
  call_worker(FieldJacobian.default, ...)
}

#' @rdname FieldJacobian
#' @export
FieldJacobian.SingleCellExperiment <- FieldJacobian.Seurat

# list(model, x): the field, and states of the cells asked for.
field_at_cells <- function(object, model, cells) {
  model <- choose_model(object, model, type = "field")
  x <- model_coordinates(object, model)
  list(model = model, x = x[check_cells(cells, rownames(x)), , drop = FALSE])
}

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

headline.fatefield_jacobian <- function(x) {
  other <- which(x$from != x$to)
  if (length(other) == 0L) other <- seq_len(nrow(x))
  top <- other[[which.max(abs(x$mean[other]))]]
  c(
    paste0("Jacobian of a velocity field: ", counted(length(unique(x$from)), "gene"), " on ",
      counted(length(unique(x$to)), "gene"),
      if (!is.null(x$group)) paste0(" in ", counted(length(unique(x$group)), "group"))),
    paste0("strongest: one count more of ", x$from[[top]], " changes the velocity of ", x$to[[top]], " by ",
      with_interval(x$mean[[top]], x$mean[[top]] - x$sd[[top]], x$mean[[top]] + x$sd[[top]]), " per unit of time",
      if (!is.null(x$group)) paste0(" in ", x$group[[top]]), " (one standard deviation between cells)")
  )
}

#' @rdname FieldJacobian
#' @param x A result.
#' @export
plot.fatefield_jacobian <- function(x, ...) {
  check_no_dots("x", ...)
  table <- plain_table(x)
  for (side in c("from", "to")) table[[side]] <- factor(table[[side]], levels = unique(table[[side]]))
  most <- max(abs(table$mean), 1e-300)
  plot <- ggplot2::ggplot(table, ggplot2::aes(.data$from, .data$to, fill = .data$mean)) +
    ggplot2::geom_tile() +
    ggplot2::scale_fill_gradient2("change of\nvelocity", low = "#0072B2", high = "#D55E00", limits = c(-most, most)) +
    ggplot2::labs(x = "one count more of", y = "velocity of") + theme_curves() +
    ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
  if (is.null(x$group)) plot else plot + ggplot2::facet_wrap("group")
}
