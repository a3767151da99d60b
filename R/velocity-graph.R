# The velocity graph in an object, and how it was made, so that it can be told whether it still holds. It is kept with
# the results of the package, as Seurat drops graphs when cells are taken out, and beside that as a graph of Seurat.

# `place`: which cells of the estimate those of the graph are.
store_graph <- function(object, graph, name, options, field) {
  if (is_seurat(object)) {
    object <- put_tool(object, "slots", graph_name(name), TRUE)
    object <- add_graph(object, graph_name(name), graph)
  }
  put_tool(object, "velocity_graph", name, list(
    graph = graph, options = options, genes = rownames(field$velocity), digest = graph_digest(graph),
    estimate = tool(object, "velocity", name)$digest, place = velocity_cells(object, name)
  ))
}

graph_digest <- function(graph) rlang::hash(list(graph@i, graph@p, graph@x))

graph_name <- function(name) paste0(name, "_graph")

# The stored graph of the cells that the object has, under their names. Stops where it is not of the velocities that
# the object holds now.
velocity_graph <- function(object, name) {
  made <- tool(object, "velocity_graph", name)
  if (is.null(made)) {
    stop_input("object", "The object holds no velocity graph of ", quoted(name), "; run EmbedVelocity() first.")
  }
  what <- "the velocity graph"
  if (!identical(made$estimate, tool(object, "velocity", name)$digest)) {
    stop_stale(what, paste0("the velocities ", quoted(name), " were estimated anew"), "EmbedVelocity()")
  }
  at <- match(velocity_cells(object, name), made$place)
  if (anyNA(at)) stop_stale(what, paste("there are", sum(is.na(at)), "cells that it has not seen"), "EmbedVelocity()")
  graph <- made$graph
  if (!identical(at, seq_len(nrow(graph)))) graph <- graph[at, at]
  dimnames(graph) <- rep(list(cell_names(object)), 2L)
  graph
}

# The stored graph where it holds and is that of these options and genes, else NULL.
stored_graph <- function(object, name, options, field) {
  made <- tool(object, "velocity_graph", name)
  if (!identical(made$options, options) || !identical(made$genes, rownames(field$velocity))) {
    return(NULL)
  }
  tryCatch(velocity_graph(object, name), fatefield_error_stale = function(e) NULL)
}
