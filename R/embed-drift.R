# The drift of a model as arrows in any embedding of its cells. Takes a model and coordinates; gives a graph of cells,
# as that of RNA velocities, and what stands for their scores.

# Nearest cells in the space of a model, and cells that are looked at for what two spaces have in common.
drift_neighbors <- 30L
cells_compared <- 2000L

# list(graph, parts): correlations of the drift of each cell with the steps to its neighbours and theirs, in the space
# of the model.
drift_graph <- function(object, model, time, t.start, options, embedding) {
  x <- model_coordinates(object, model)
  check_same_cells(embedding, rownames(x))
  drift <- if (model$type == "field") {
    model_velocity(model, x)
  } else {
    evaluate_ensemble(model_engines(model), x, cell_starts(object, model, time, t.start, x))$vectors
  }
  k <- min(drift_neighbors, nrow(x) - 1L)
  knn <- knn_self(x, k, knn_defaults(), thread_count())
  check_common_neighbours(knn$index, embedding, k)
  # With its negative beside it each vector has the mean 0, so that the correlation is the cosine.
  both <- function(m) t(cbind(m, -m))
  graph <- velocity_correlations(both(x), both(drift), knn, options$graph, thread_count())
  dimnames(graph) <- list(rownames(x), rownames(x))
  cells <- data.frame(speed = sqrt(rowSums(drift^2)), row.names = rownames(x))
  list(graph = graph, parts = list(cells = cells, root = character(), end = character()))
}

# Stops where cells near each other in the embedding are near in the model's space no more often than chance has it.
check_common_neighbours <- function(index, embedding, k) {
  n <- nrow(embedding)
  there <- knn_self(embedding, k, knn_defaults(), thread_count())$index
  rows <- unique(round(seq(1, n, length.out = min(n, cells_compared))))
  shared <- mean(vapply(rows, function(i) mean(index[i, ] %in% there[i, ]), 0))
  chance <- k / (n - 1)
  if (shared > min(2 * chance, (1 + chance) / 2)) {
    return(invisible(shared))
  }
  stop_input("embedding", "The nearest cells of a cell in this embedding are not those in the space of the model: ",
    percent(shared), " of ", k, " are, where chance has ", percent(chance), ". Arrows there would say nothing; take ",
    "an embedding made from the coordinates that the model was fitted on.")
}

drift_options <- function(n.neighbors, scale, seed.use, verbose, ...) {
  embed_options(list(mode = "drift"), FALSE, n.neighbors, scale, TRUE, FALSE, seed.use, verbose, ...)
}

embed_drift <- function(object, model, embedding, time, t.start, n.neighbors, scale, seed.use, verbose, ...) {
  options <- drift_options(n.neighbors, scale, seed.use, verbose, ...)
  made <- drift_graph(object, model, time, t.start, options, embedding)
  rownames(embedding) <- rownames(made$graph)
  new_arrows(made$graph, arrows_in(made$graph, embedding, options$steps), made$parts, embedding)
}

# The object with the drift of a model as arrows in a reduction.
store_drift_arrows <- function(object, model, reduction, dims, time, t.start, n.neighbors, scale, seed.use, store.as,
                               verbose, ...) {
  fitted <- choose_model(object, model, type = c("sde", "field"))
  name <- model_name(object, fitted)
  reduction <- choose_reduction(object, reduction, prefer = c("umap", "tsne", "latent", "pca"))
  stem <- if (is.null(name)) "drift" else name
  store.as <- store_name(object, store.as, paste0(stem, "_", reduction), no_columns, identity)
  coordinates <- embedding(object, reduction, dims)
  found <- embed_drift(object, fitted, coordinates, time, t.start, n.neighbors, scale, seed.use, verbose, ...)
  remake <- paste0("EmbedVelocity(model = , reduction = ", quoted(reduction), ")")
  object <- store_vectors(object, found$arrows, store.as, reduction, coordinates, remake, list(drift = stem))
  log_call(object, "EmbedVelocity")
}
