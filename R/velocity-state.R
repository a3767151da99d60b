# Velocities in objects: EstimateVelocity() puts them there, everything later reads them here, by
# fetch_velocity() and velocity_moments() alone. Matrices are genes x cells.

# The object with a result of EstimateVelocity() in it. `source`: where spliced, unspliced and, where
# they were given, moments are, as find_layer() says.
store_velocity <- function(object, result, source, name = "velocity") {
  check_string(name, "name")
  object <- store_assay(object, result$velocity, name, features = result$genes)
  for (part in intersect(velocity_parts, names(result))) {
    object <- store_assay(object, result[[part]], paste0(name, "_", part))
  }
  columns <- result$cells
  names(columns) <- sub("^velocity", name, names(columns))
  object <- store_cells(object, columns[setdiff(names(columns), "batch")])
  if (is_seurat(object)) {
    object <- add_neighbours(object, result$knn, paste0(name, ".nn"), rownames(result$cells))
  }
  how <- result$inputs$how
  put_tool(object, "velocity", name, list(
    mode = result$mode, cells = result$cells, knn = result$knn, source = source,
    graph = if (!is.list(how$neighbours)) how$neighbours,
    known = if (is.null(source$moments)) result$inputs$known,
    parts = intersect(velocity_parts, names(result)), batches = attr(result, "batches")
  ))
}

# The fatefield_velocity of an object; a result itself comes back as it is. `name`: NULL takes the last
# one stored. Neighbours and moments cannot be had of some of the cells alone: after subset() they
# are an error, or with `neighbours = FALSE` left out.
fetch_velocity <- function(object, name = NULL, neighbours = TRUE) {
  if (inherits(object, "fatefield_velocity")) {
    return(object)
  }
  name <- velocity_name(object, name)
  state <- tool(object, "velocity", name)
  cells <- cell_names(object)
  whole <- identical(cells, rownames(state$cells))
  if (!whole && neighbours) stop_changed_cells(nrow(state$cells), length(cells))
  if (!all(cells %in% rownames(state$cells))) stop_changed_cells(nrow(state$cells), length(cells))
  result <- list(
    velocity = fetch_assay(object, name), genes = fetch_features(object, name),
    cells = state$cells[cells, , drop = FALSE], knn = if (whole) state$knn, mode = state$mode
  )
  for (part in state$parts) result[[part]] <- fetch_assay(object, paste0(name, "_", part))
  if (whole) result$inputs <- velocity_inputs(object, state, rownames(result$genes))
  structure(result, class = "fatefield_velocity", batches = state$batches)
}

velocity_name <- function(object, name) {
  check_object(object)
  if (is_plain_matrix(object)) {
    stop_input("object", "`object` is a matrix and holds no velocities; give a Seurat object, an SCE ",
      "or the result of EstimateVelocity().")
  }
  present <- tool_names(object, "velocity")
  if (length(present) == 0L) {
    stop_input("object", "The object holds no velocities; run EstimateVelocity() first.")
  }
  if (is.null(name)) {
    return(utils::tail(present, 1L))
  }
  if (!check_string(name, "name") %in% present) {
    stop_input("name", "The object holds no velocities ", quoted(name), "; it holds ", quoted(present), ".")
  }
  name
}

stop_changed_cells <- function(before, now) {
  stop_input(
    "object", "The cells are not those EstimateVelocity() has seen (", before, " then, ", now,
    " now), so that neighbours are missing; run it again, or take the cells after this step."
  )
}

velocity_inputs <- function(object, state, genes) {
  how <- list(
    spliced.size = state$cells$spliced_size, unspliced.size = state$cells$unspliced_size,
    neighbours = if (is.null(state$graph)) state$knn else state$graph, directed = FALSE
  )
  cells <- rownames(state$cells)
  known <- if (is.null(state$source$moments)) {
    state$known
  } else {
    known_moments(lapply(state$source$moments, layer_at, object = object), genes, cells)
  }
  spliced <- as_counts(layer_at(object, state$source$spliced), "spliced")
  unspliced <- as_counts(layer_at(object, state$source$unspliced), "unspliced")
  list(
    spliced = spliced, unspliced = align_names(unspliced, spliced, c("spliced", "unspliced")),
    how = how, known = known
  )
}

# Means over neighbours again, list(Ms, Mu), dense, genes x cells: of all fitted genes, or of `genes` by
# name, so that callers can go block by block. `second`: also Mss and Mus, the means of squares and products.
velocity_moments <- function(x, genes = NULL, second = FALSE, name = NULL) {
  x <- fetch_velocity(x, name)
  fitted <- rownames(x$genes)
  if (is.null(genes)) genes <- fitted
  lost <- setdiff(genes, fitted)
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: ", quoted(lost[[1L]]), " is not among the fitted genes.",
      near(lost[[1L]], fitted))
  }
  given <- x$inputs$known
  if (!is.null(given) && !second) {
    return(lapply(given, function(m) m[genes, , drop = FALSE]))
  }
  rows <- match(genes, rownames(x$inputs$spliced))
  out <- gene_moments(x$inputs$spliced, x$inputs$unspliced, x$inputs$how, rows, second, thread_count())
  if (!is.null(given)) out[c("Ms", "Mu")] <- lapply(given, function(m) m[genes, , drop = FALSE])
  lapply(out, function(m) {
    dimnames(m) <- list(genes, rownames(x$cells))
    m
  })
}

# Where the names of two matrices of moments are, NULL where there are none or they are matrices.
find_moments <- function(object, moments) {
  if (isTRUE(moments)) moments <- c("Ms", "Mu")
  if (is.null(moments) || isFALSE(moments) || is.list(moments)) {
    return(NULL)
  }
  if (!is.character(moments) || length(moments) != 2L) {
    stop_input("moments", "`moments` must be the names of two assays or layers, such as ",
      "c(\"Ms\", \"Mu\"), or list(Ms, Mu) of matrices, not ", described(moments), ".")
  }
  stats::setNames(lapply(moments, find_layer, object = object, aliases = NULL, argument = "moments"),
    c("Ms", "Mu"))
}

# Graphs or neighbour objects by name; matrices and lists as they are. One named "distances" holds these,
# others hold weights.
find_graph <- function(object, graph) {
  if (!is.character(graph)) {
    return(graph)
  }
  found <- lapply(graph, function(name) {
    if (is_seurat(object)) fetch_graph(object, name) else fetch_pairs(object, name)
  })
  if (length(found) == 1L && graph != "distances") {
    return(found[[1L]])
  }
  stats::setNames(found, ifelse(graph == "distances", "distances", "connectivities"))
}

fetch_pairs <- function(object, name) {
  present <- SingleCellExperiment::colPairNames(object)
  if (!name %in% present) {
    stop_input("graph", "`graph`: the object has no pairing of cells ", quoted(name), "; it has ",
      quoted(present), ".", near(name, present))
  }
  SingleCellExperiment::colPair(object, name, asSparse = TRUE)
}

# Under parity: what an object of normalised counts holds of later steps is taken over, as scVelo does.
stored_steps <- function(object, reduction, graph, moments, verbose) {
  say <- function(...) if (verbose) message("Parity: ", ...)
  if (is.null(reduction) && is.null(graph)) {
    graphs <- c("distances", "connectivities")
    if (all(graphs %in% graph_names(object))) {
      graph <- graphs
      say("the object's \"distances\" and \"connectivities\" are taken for neighbours.")
    } else if (any(tolower(reduction_names(object)) == "pca")) {
      reduction <- choose_reduction(object)
      say("neighbours are found in the object's reduction ", quoted(reduction), ".")
    }
  }
  if (is.null(moments) && all(c("Ms", "Mu") %in% layer_places(object)$name)) {
    moments <- c("Ms", "Mu")
    say("the object's \"Ms\" and \"Mu\" are taken as first moments.")
  }
  list(reduction = reduction, graph = graph, moments = moments)
}

graph_names <- function(object) {
  if (is_seurat(object)) seurat_graphs(object) else SingleCellExperiment::colPairNames(object)
}

# What an object says of its genes, TRUE/FALSE in the order of `genes`, or NULL where it does not.
stored_highly_variable <- function(object, genes) {
  data <- if (is_seurat(object)) {
    feature_data(object)
  } else {
    as.data.frame(SummarizedExperiment::rowData(object))
  }
  flag <- data[["highly_variable"]]
  if (!is.logical(flag) || !all(genes %in% rownames(data))) {
    return(NULL)
  }
  flag <- flag[match(genes, rownames(data))]
  flag & !is.na(flag)
}
