# Velocities in objects: EstimateVelocity() puts them there, everything later reads them here, by
# fetch_velocity() and velocity_moments() alone. Matrices are genes x cells.

# Columns of the cell data that an estimate writes, from the names they have in its result to those under `stem`.
velocity_columns <- function(names, stem) {
  own <- startsWith(names, "velocity")
  ifelse(own, sub("^velocity", stem, names), if (stem == "velocity") names else paste0(stem, "_", names))
}

estimate_columns <- function(stem) {
  velocity_columns(c("spliced_size", "unspliced_size", "velocity_length", "velocity_confidence"), stem)
}

# Assays and neighbours that an estimate writes.
estimate_slots <- function(stem) c(stem, paste0(stem, "_", velocity_parts), paste0(stem, ".nn"))

# The object with a result of EstimateVelocity() in it. `source`: where spliced, unspliced and, where
# they were given, moments are, as find_layer() says.
store_velocity <- function(object, result, source, name = "velocity") {
  object <- store_assay(object, result$velocity, name, features = result$genes)
  for (part in intersect(velocity_parts, names(result))) {
    object <- store_assay(object, result[[part]], paste0(name, "_", part))
  }
  columns <- result$cells[setdiff(names(result$cells), "batch")]
  names(columns) <- velocity_columns(names(columns), name)
  object <- store_cells(object, columns)
  if (is_seurat(object)) {
    neighbours <- paste0(name, ".nn")
    object <- put_tool(object, "slots", neighbours, TRUE)
    object <- add_neighbours(object, result$knn, neighbours, rownames(result$cells))
  }
  how <- result$inputs$how
  genes <- rownames(result$genes)
  now <- velocity_input(object, name)
  digest <- rlang::hash(list(now$digest, result$knn, how$neighbours))
  if (!identical(tool(object, "velocity", name)$digest, digest)) object <- drop_derived(object, name)
  put_tool(object, "velocity", name, list(
    mode = result$mode, cells = result$cells, knn = result$knn, source = source, genes = genes,
    graph = if (!is.list(how$neighbours)) how$neighbours,
    known = if (is.null(source$moments)) result$inputs$known,
    parts = intersect(velocity_parts, names(result)), batches = attr(result, "batches"), digest = digest,
    inputs = list(
      velocity = now, counts = counts_input(result$inputs, source, genes),
      moments = if (!is.null(source$moments)) moments_input(result$inputs$known, source, genes)
    )
  ))
}

moments_input <- function(known, source, genes) {
  counts_input(
    list(spliced = known$Ms, unspliced = known$Mu),
    list(spliced = source$moments$Ms, unspliced = source$moments$Mu), genes
  )
}

# What EmbedVelocity() made of an earlier estimate goes: it says nothing of the new one, and columns carry no mark.
drop_derived <- function(object, name, say = TRUE) {
  columns <- intersect(tool(object, "velocity_columns", name), column_names(object))
  columns <- setdiff(columns, users_columns(object, columns))
  if (length(columns) == 0L) {
    return(object)
  }
  if (say) {
    rlang::inform(
      paste0("Columns of the earlier velocities ", quoted(name), " are removed: ", quoted(columns),
        "; EmbedVelocity() makes them anew."),
      class = "fatefield_message_removed"
    )
  }
  drop_columns(object, columns)
}

drop_columns <- function(object, columns) {
  if (is_seurat(object)) {
    return(drop_cell_data(object, columns))
  }
  data <- SummarizedExperiment::colData(object)
  SummarizedExperiment::colData(object) <- data[setdiff(colnames(data), columns)]
  object
}

# The fatefield_velocity of an object; a result itself comes back as it is. `name`: NULL takes the last
# one stored. Velocities are those estimated from all cells; neighbours and moments are among the cells that are left.
# `neighbours = FALSE` leaves these out.
fetch_velocity <- function(object, name = NULL, neighbours = TRUE) {
  if (inherits(object, "fatefield_velocity")) {
    return(object)
  }
  name <- velocity_name(object, name)
  state <- tool(object, "velocity", name)
  pair <- velocity_counts(object, state)
  if (is.null(pair) && neighbours) {
    stop_stale(estimate_name(name), paste(input_name(state$inputs$counts), "are no longer in the object"),
      "EstimateVelocity()")
  }
  at <- velocity_cells(object, name, state, pair)
  cells <- cell_names(object)
  parts <- list(
    velocity = fetch_assay(object, name), genes = fetch_features(object, name),
    cells = data.frame(state$cells[at, , drop = FALSE], row.names = cells, check.names = FALSE),
    knn = if (neighbours) knn_among(state$knn, at), mode = state$mode
  )
  for (part in state$parts) parts[[part]] <- fetch_assay(object, paste0(name, "_", part))
  if (neighbours) parts$inputs <- velocity_inputs(object, state, pair, at)
  velocity_result(parts, state$batches)
}

estimate_name <- function(name) paste("the estimate", quoted(name))

# Which of the cells of the estimate each cell of the object is; stops where velocities or counts are others.
velocity_cells <- function(object, name, state = tool(object, "velocity", name),
                           pair = velocity_counts(object, state)) {
  check <- function(input, ...) check_input(object, input, estimate_name(name), "EstimateVelocity()", ...)
  at <- check(state$inputs$velocity)
  if (is.null(pair)) {
    return(at)
  }
  known <- all(state$genes %in% rownames(pair$spliced))
  at <- check(state$inputs$counts, now = if (known) counts_input(pair, state$source, state$genes))
  if (!is.null(state$inputs$moments)) check(state$inputs$moments)
  at
}

# The two kinds of counts as they are now, NULL where the object has them no longer.
velocity_counts <- function(object, state) {
  found <- tryCatch(
    lapply(state$source[c("spliced", "unspliced")], layer_at, object = object),
    error = function(e) NULL
  )
  if (is.null(found)) {
    return(NULL)
  }
  spliced <- as_counts(found$spliced, "spliced")
  list(
    spliced = spliced,
    unspliced = align_names(as_counts(found$unspliced, "unspliced"), spliced, c("spliced", "unspliced"))
  )
}

# Neighbours of the cells `at`, by their new numbers, nearest first. A cell takes the place of neighbours that are gone:
# it is in its own set in any case.
knn_among <- function(knn, at) {
  if (identical(at, seq_len(nrow(knn$index)))) {
    return(knn)
  }
  index <- matrix(match(knn$index[at, ], at), length(at))
  distance <- knn$distance[at, , drop = FALSE]
  lost <- is.na(index)
  by.row <- order(row(index), lost, col(index))
  sorted <- function(x) matrix(x[by.row], nrow(index), byrow = TRUE)
  index[lost] <- row(index)[lost]
  distance[lost] <- 0
  distance <- sorted(distance)
  last <- apply(distance, 1L, max)
  gone <- sorted(lost)
  distance[gone] <- last[row(gone)[gone]]
  list(index = sorted(index), distance = distance)
}

velocity_name <- function(object, name, argument = "velocity") {
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
    name <- utils::tail(present, 1L)
    if (length(present) > 1L) {
      rlang::inform(
        paste0("Using the velocities ", quoted(name), ", one of ", quoted(present), "; others are taken with `",
          argument,
          "`."),
        class = "fatefield_message_velocity"
      )
    }
    return(name)
  }
  if (!check_string(name, argument) %in% present) {
    stop_input(argument, "`", argument, "`: the object holds no velocities ", quoted(name), "; it holds ",
      quoted(present), ".", near(name, present))
  }
  name
}

# `pair`: the counts; `at`: places of the cells in the estimate.
velocity_inputs <- function(object, state, pair, at) {
  how <- list(
    spliced.size = state$cells$spliced_size[at], unspliced.size = state$cells$unspliced_size[at],
    neighbours = if (is.null(state$graph)) knn_among(state$knn, at) else state$graph[at, at], directed = FALSE
  )
  cells <- colnames(pair$spliced)
  known <- if (!is.null(state$source$moments)) {
    known_moments(lapply(state$source$moments, layer_at, object = object), state$genes, cells)
  } else if (!is.null(state$known)) {
    lapply(state$known, function(m) `colnames<-`(m[, at, drop = FALSE], cells))
  }
  list(spliced = pair$spliced, unspliced = pair$unspliced, how = how, known = known)
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
