# The latent units of a velocity field as a reduction, and how well they order cells beside expression alone.
# Takes an object or a matrix with a field.

# Cells on which silhouettes are looked at: all pairs of them are.
silhouette_cells <- 2000L

#' Embed cells by the latent units of their velocity field
#'
#' A variational auto-encoder that was trained to tell velocities from states puts cells near each other that
#' are alike and are heading the same way.
#' Its latent means are a reduction of the cells, for UMAP and all else that takes one; of an auto-encoder it is
#' what the narrowest layer gives.
#' Of an ensemble the first member is used: the units of two trainings have nothing to do with each other.
#'
#' @section Basic use:
#' ```
#' cells <- LatentEmbedding(cells, labels = "type")
#' GetResult(cells, "latent")
#' cells <- Seurat::RunUMAP(cells, reduction = "latent_field", dims = 1:10)
#' ```
#'
#' @section Scores:
#' Each is given for the latent units and, beside them, for as many principal components of `log1p()` of the
#' same genes, which know nothing of velocities.
#' * `silhouette`: mean silhouette width of the labels, from -1 to 1 (of 2,000 cells, evenly spread, where
#'   there are more).
#' * `coherence`: mean cosine between a cell's velocity, carried into the space by the exact Jacobian-vector product,
#'   and those of its `n.neighbors` nearest cells.
#' * `time`: Spearman's correlation of the length of the shortest way along the graph of nearest cells, from the
#'   root, with the time of the cells.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix of states (cells x genes).
#' @param model A model from [FitVelocityField()], or the name of one in the object; `NULL` takes the last field
#'   fitted.
#' @param labels For the silhouette: a column of the object, or one label for each cell.
#' @param time For the correlation with time: a column, or one number for each cell.
#' @param root The cell from which ways are measured; `NULL` takes that of least `time` (where many are, the one
#'   nearest to their mean).
#' @param n.neighbors Nearest cells; default 15.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param store.as Name of the new reduction and of the result kept; `NULL` means `"latent_field"`.
#' @param ... Not used.
#' @return For a matrix a result of class `fatefield_latent`, see [results], whose table has a row for each space,
#'   `"latent"` and `"expression"`, with its `silhouette`, `coherence` and `time`.
#'   Its parts are `embedding` (cells x units) and `velocity` (cells x units).
#'
#'   For an object the object with the reduction in it; `GetResult(object, "latent")` gives the result.
#' @section Errors:
#' `fatefield_error_model` where there is no field or it has no network; `fatefield_error_input` names any other
#' argument.
#' @references Rousseeuw (1987) Silhouettes. Journal of Computational and Applied Mathematics 20.
#' @seealso [FitVelocityField()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 300, n.genes = 40)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- FitVelocityField(cells, epochs = 30, latent = 8, verbose = FALSE)
#' cells <- LatentEmbedding(cells, labels = "branch", time = "time")
#' GetResult(cells, "latent")
#' @export
LatentEmbedding <- function(object, ...) UseMethod("LatentEmbedding")

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.default <- function(object, model = NULL, labels = NULL, time = NULL, root = NULL, n.neighbors = 15L,
                                    threads = NULL, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(LatentEmbedding.default)), ...)
  model <- choose_model(object, model, type = "field")
  x <- model_coordinates(object, model)
  k <- check_count(n.neighbors, "n.neighbors")
  check_neighbour_count(k, nrow(x))
  v <- field_velocity(model$states[[1L]], x, thread_count())
  found <- field_embed(model$states[[1L]], x, v, thread_count())
  dimnames(found$z) <- dimnames(found$dz) <- list(rownames(x), paste0("latent_", seq_len(ncol(found$z))))
  known <- list(
    labels = if (!is.null(labels)) label_column(object, labels),
    time = if (!is.null(time)) check_times(cell_column(object, time, "time"), "time", nrow(x)),
    root = if (!is.null(root)) check_cells(root, rownames(x), "root")[[1L]]
  )
  plain <- expression_plane(x, v, ncol(found$z))
  scores <- rbind(space_scores(found$z, found$dz, known, k), space_scores(plain$z, plain$dz, known, k))
  new_result("latent", data.frame(space = c("latent", "expression"), scores), list(
    embedding = found$z, velocity = found$dz
  ), by = "space")
}

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.Seurat <- function(object, model = NULL, labels = NULL, time = NULL, root = NULL, n.neighbors = 15L,
                                   threads = NULL, store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "latent_field", function(stem) character(), identity)
  model <- choose_model(object, model, type = "field")
  result <- call_worker(LatentEmbedding.default, ...)
  object <- store_reduction(object, result$embedding, store.as, key = "latentfield")
  object <- put_result(object, "latent", store.as, result, model_inputs(object, model), "LatentEmbedding()")
  log_call(object, "LatentEmbedding")
}

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.SingleCellExperiment <- LatentEmbedding.Seurat

headline.fatefield_latent <- function(x) {
  table <- x$table
  scores <- c(silhouette = "silhouette of the labels", coherence = "coherence of velocities",
    time = "correlation with time")
  known <- names(scores)[!is.na(unlist(table[1L, names(scores)]))]
  both <- function(name) paste0(scores[[name]], " ", paste(format(table[[name]], digits = 2L), collapse = " and "))
  c(
    paste0("latent units of a velocity field: ", counted(nrow(x$embedding), "cell"), " x ",
      counted(ncol(x$embedding), "unit")),
    paste0("in them and in as many principal components of expression: ",
      paste(vapply(known, both, ""), collapse = ", "))
  )
}

#' @rdname LatentEmbedding
#' @export
summary.fatefield_latent <- function(object, ...) object$table

#' @rdname LatentEmbedding
#' @param x A result.
#' @param type `"embedding"`: the cells in two of the units with their velocities as arrows; `"scores"`: the scores of
#'   both spaces.
#' @param dims Two units to draw.
#' @param group.by Labels of the cells, one for each, for their colours.
#' @param cols Colours of the labels.
#' @param pt.size,raster As in [PlotCriticality()].
#' @export
plot.fatefield_latent <- function(x, type = c("embedding", "scores"), dims = 1:2, group.by = NULL, cols = NULL,
                                  pt.size = NULL, raster = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_latent)), ...)
  if (check_choice(type, c("embedding", "scores"), "type") == "scores") {
    return(draw_latent_scores(x$table))
  }
  dims <- check_dims(dims, ncol(x$embedding))
  if (length(dims) != 2L) stop_input("dims", "`dims` must be two dimensions such as 1:2, not ", described(dims), ".")
  plane <- x$embedding[, dims]
  n <- nrow(plane)
  cells <- plane_frame(plane,
    group = if (is.null(group.by)) factor(rep("all", n)) else check_labels(group.by, "group.by", n))
  drawn <- thinned(n, 500L)
  v <- x$velocity[drawn, dims, drop = FALSE]
  longest <- max(sqrt(rowSums(v^2)))
  v <- v * if (longest > 0) 0.1 * max(apply(plane, 2L, function(u) diff(range(u)))) / longest else 0
  arrows <- plane_frame(plane[drawn, , drop = FALSE], x1 = plane[drawn, 1L] + v[, 1L], y1 = plane[drawn, 2L] + v[, 2L])
  ggplot2::ggplot() +
    cell_points(cells, ggplot2::aes(.data$x, .data$y, colour = .data$group), pt.size, raster) +
    ggplot2::geom_segment(
      ggplot2::aes(.data$x, .data$y, xend = .data$x1, yend = .data$y1), arrows, linewidth = 0.3, alpha = 0.6,
      arrow = ggplot2::arrow(length = ggplot2::unit(1.2, "mm"))
    ) +
    scale_labels(levels(cells$group), if (is.null(group.by)) c(all = "grey70") else cols, name = NULL,
      guide = if (is.null(group.by)) "none" else "legend") +
    ggplot2::coord_equal() + plane_labels(plane) + theme_cells()
}

draw_latent_scores <- function(table) {
  scores <- c("silhouette", "coherence", "time")
  long <- do.call(rbind, lapply(scores, function(s) data.frame(space = table$space, score = s, value = table[[s]])))
  long <- long[!is.na(long$value), ]
  ggplot2::ggplot(long, ggplot2::aes(.data$value, .data$score, colour = .data$space)) +
    ggplot2::geom_point(size = 2.5) + scale_labels(table$space, name = NULL) +
    ggplot2::labs(x = NULL, y = NULL) + theme_curves()
}

# The first components of log1p of the states, and how fast they change along v.
expression_plane <- function(x, v, n) {
  logs <- log1p(x)
  pca <- cpp_principal_components(logs, min(n, ncol(x), nrow(x) - 1L))
  list(z = pca$scores, dz = (v / (1 + x)) %*% pca$loadings)
}

# One row of scores of a space: z (cells x dims), dz (velocities in it).
space_scores <- function(z, dz, known, k) {
  near <- knn_self(z, k, knn_defaults(), thread_count())
  data.frame(
    silhouette = if (is.null(known$labels)) NA_real_ else mean_silhouette(z, known$labels),
    coherence = mean_coherence(dz, near$index),
    time = if (is.null(known$time)) NA_real_ else time_correlation(z, near, known)
  )
}

mean_silhouette <- function(z, labels) {
  at <- which(!is.na(labels))
  at <- at[thinned(length(at), silhouette_cells)]
  labels <- droplevels(labels[at])
  if (nlevels(labels) < 2L) {
    return(NA_real_)
  }
  d <- as.matrix(stats::dist(z[at, , drop = FALSE]))
  member <- stats::model.matrix(~ labels - 1)
  size <- colSums(member)
  sums <- d %*% member
  own <- cbind(seq_along(at), as.integer(labels))
  within <- sums[own] / pmax(size[as.integer(labels)] - 1, 1)
  means <- sweep(sums, 2L, size, "/")
  means[own] <- Inf
  other <- apply(means, 1L, min)
  # A cell alone with its label has the width 0.
  mean(ifelse(size[as.integer(labels)] > 1, (other - within) / pmax(other, within), 0))
}

mean_coherence <- function(dz, index) {
  size <- sqrt(rowSums(dz^2))
  unit <- dz / ifelse(size > 0, size, 1)
  mean(vapply(seq_len(ncol(index)), function(q) {
    mean(rowSums(unit * unit[index[, q], , drop = FALSE]))
  }, 0))
}

time_correlation <- function(z, near, known) {
  root <- known$root
  if (is.null(root)) {
    first <- which(known$time == min(known$time))
    root <- first[[which.min(colSums((t(z[first, , drop = FALSE]) - colMeans(z[first, , drop = FALSE]))^2))]]
  }
  way <- graph_distances(near, root)
  # Cells that no way leads to are far.
  stats::cor(way, known$time, method = "spearman")
}
