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
#' @section Scores:
#' Each is given for the latent units and, beside them, for as many principal components of `log1p()` of the
#' same genes, which know nothing of velocities.
#' * `silhouette`: mean silhouette width of the labels, from -1 to 1 (of 2,000 cells, evenly spread, where
#'   there are more).
#' * `coherence`: mean cosine between a cell's velocity, pushed forward into the space by its exact derivative,
#'   and those of its `k` nearest cells.
#' * `time`: Spearman's correlation of the length of the shortest way along the graph of nearest cells, from the
#'   root, with the time of the cells.
#'
#' @inheritParams FieldJacobian
#' @param labels For the silhouette: a column of the object, or one label for each cell.
#' @param time For the correlation with time: a column, or one number for each cell.
#' @param root The cell from which ways are measured; `NULL` takes that of least `time` (where many are, the one
#'   nearest to their mean).
#' @param k Nearest cells; default 15.
#' @param reduction.name Name of the new reduction.
#' @return For a matrix a list of class `fatefield_latent` with `embedding` (cells x units), `velocity` (the
#'   velocities pushed forward, cells x units) and `scores` (data.frame with the rows `"latent"` and
#'   `"expression"`).
#'   For an object the object with the reduction in it; [LatentScores()] gives the scores.
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
#' LatentScores(cells)
#' @export
LatentEmbedding <- function(object, ...) UseMethod("LatentEmbedding")

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.default <- function(object, model = NULL, labels = NULL, time = NULL, root = NULL, k = 15L,
                                    threads = NULL, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(LatentEmbedding.default)), ...)
  at <- field_at_cells(object, model, NULL)
  k <- check_count(k, "k")
  if (k >= nrow(at$x)) stop_input("k", "`k` is ", k, ", but there are ", nrow(at$x), " cells.")
  v <- field_velocity(at$model$states[[1L]], at$x, thread_count())
  found <- field_embed(at$model$states[[1L]], at$x, v, thread_count())
  dimnames(found$z) <- dimnames(found$dz) <- list(rownames(at$x), paste0("latent_", seq_len(ncol(found$z))))
  known <- list(
    labels = if (!is.null(labels)) label_column(object, labels),
    time = if (!is.null(time)) check_times(cell_column(object, time, "time"), "time", nrow(at$x)),
    root = if (!is.null(root)) check_cells(root, rownames(at$x), "root")[[1L]]
  )
  plain <- expression_plane(at$x, v, ncol(found$z))
  scores <- rbind(
    latent = space_scores(found$z, found$dz, known, k),
    expression = space_scores(plain$z, plain$dz, known, k)
  )
  structure(list(embedding = found$z, velocity = found$dz, scores = scores), class = "fatefield_latent")
}

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.Seurat <- function(object, model = NULL, ..., reduction.name = "latent_field") {
  object <- store_latent(object, LatentEmbedding.default(object, model, ...), reduction.name)
  log_command(object, "LatentEmbedding", list(reduction.name = reduction.name))
}

#' @rdname LatentEmbedding
#' @export
LatentEmbedding.SingleCellExperiment <- function(object, model = NULL, ..., reduction.name = "latent_field") {
  store_latent(object, LatentEmbedding.default(object, model, ...), reduction.name)
}

#' @rdname LatentEmbedding
#' @export
LatentScores <- function(object, reduction.name = NULL) {
  if (inherits(object, "fatefield_latent")) {
    return(object$scores)
  }
  check_object(object)
  scores <- if (!is_plain_matrix(object)) tool(object, "latent", reduction.name)
  if (is.null(scores)) {
    stop_input("object", "`object` holds no embedding by a velocity field; call LatentEmbedding() first.")
  }
  scores
}

store_latent <- function(object, result, reduction.name) {
  check_string(reduction.name, "reduction.name")
  object <- store_reduction(object, result$embedding, reduction.name, key = "latentfield")
  put_tool(object, "latent", reduction.name, result$scores)
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

#' @export
print.fatefield_latent <- function(x, ...) {
  cat("latent units of a velocity field: ", nrow(x$embedding), " cells x ", ncol(x$embedding), "\n", sep = "")
  print(round(x$scores, 3L))
  invisible(x)
}
