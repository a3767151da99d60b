# The neighbours moments are taken over. Takes coordinates or graphs of cells; gives
# list(index, distance), cells x (k - 1) without the cell itself, nearest first.

# What the user gave (`graph`, a matrix `reduction`) or the principal components of these genes.
# Returns list(knn, neighbours, space): `neighbours` is what gene_moments() takes.
choose_neighbours <- function(pair, sizes, genes, options, dims, reduction, graph, parity) {
  cells <- colnames(pair$spliced)
  if (!is.null(graph)) {
    return(graph_neighbours(graph, cells, options$k))
  }
  space <- if (is.null(reduction)) {
    own_components(pair, sizes, genes, options, dims)
  } else {
    check_space(reduction, cells, dims)
  }
  if (options$k > length(cells)) {
    stop_input(
      "k", "`k` asks for ", options$k, " neighbours, the cell among them, but there are ",
      length(cells), " cells."
    )
  }
  exact <- merge_options(knn_defaults(), if (parity) list(method = "brute"))
  knn <- knn_self(space, as.integer(options$k) - 1L, exact, thread_count())
  list(knn = knn, neighbours = knn, space = space)
}

own_components <- function(pair, sizes, genes, options, dims) {
  if (length(genes) < options$pca.from) {
    return(velocity_components(pair$spliced, sizes$spliced, genes, 0, thread_count())$scores)
  }
  most <- min(ncol(pair$spliced) - 1L, length(genes) - 1L)
  dims <- if (is.null(dims)) seq_len(min(options$npcs, most)) else check_dims(dims, most)
  pca <- velocity_components(pair$spliced, sizes$spliced, genes, max(dims), thread_count())
  pca$scores[, dims, drop = FALSE]
}

check_space <- function(reduction, cells, dims) {
  x <- match_cells(check_matrix(reduction, "reduction"), cells, "reduction")
  if (is.null(dims)) x else x[, check_dims(dims, ncol(x)), drop = FALSE]
}

# Rows in the order of the cells where both have names. `n`: number of cells.
match_cells <- function(x, cells, argument, n = length(cells)) {
  if (nrow(x) != n) {
    stop_input(
      argument, "`", argument, "` has ", nrow(x), " rows, but there are ", n, " cells."
    )
  }
  numbered <- is.null(cells) || identical(cells, as.character(seq_along(cells)))
  if (is.null(rownames(x)) || identical(rownames(x), cells) || numbered && !setequal(rownames(x), cells)) {
    return(x)
  }
  if (!setequal(rownames(x), cells)) {
    stop_input(argument, "`", argument, "` has rows of other names than the cells.")
  }
  x[cells, , drop = FALSE]
}

# `graph`: list(index, distance), a square matrix of weights (larger is nearer), or a list of such a
# matrix `connectivities` and one of `distances`, or of the latter alone.
graph_neighbours <- function(graph, cells, k) {
  if (is.list(graph) && all(c("index", "distance") %in% names(graph))) {
    return(list_neighbours(graph, cells))
  }
  if (!is.list(graph)) graph <- list(connectivities = graph)
  if (!any(c("connectivities", "distances") %in% names(graph))) {
    stop_input(
      "graph", "`graph` must be a square matrix of weights between cells, list(index, distance) or ",
      "list(distances, connectivities), not ", described(graph), "."
    )
  }
  graph <- lapply(graph[intersect(c("connectivities", "distances"), names(graph))], square_matrix, cells)
  knn <- if (is.null(graph$distances)) {
    nearest_of_rows(graph$connectivities, k, decreasing = TRUE)
  } else {
    nearest_of_rows(graph$distances, k, decreasing = FALSE)
  }
  weights <- graph$connectivities
  # A cell is averaged with those that name it, too.
  neighbours <- if (is.null(weights)) knn else methods::as(weights + Matrix::t(weights), "generalMatrix")
  list(knn = knn, neighbours = neighbours, space = NULL)
}

# cells x cells, compressed, without diagonal.
square_matrix <- function(x, cells) {
  if (!(is.matrix(x) || inherits(x, "Matrix")) || nrow(x) != ncol(x)) {
    stop_input("graph", "`graph` must be a square matrix of cells x cells, not ", described(x), ".")
  }
  x <- match_cells(x, cells, "graph")
  if (!is.null(colnames(x)) && setequal(colnames(x), cells)) x <- x[, cells]
  x <- as_compressed(methods::as(x, "CsparseMatrix"))
  if (any(!is.finite(x@x)) || any(x@x < 0)) {
    stop_input("graph", "`graph` must hold numbers that are finite and not negative.")
  }
  Matrix::sparseMatrix(
    i = (x@i + 1L)[off_diagonal(x)], j = columns_of(x)[off_diagonal(x)], x = x@x[off_diagonal(x)],
    dims = dim(x)
  )
}

columns_of <- function(x) rep(seq_len(ncol(x)), diff(x@p))

off_diagonal <- function(x) x@i + 1L != columns_of(x)

list_neighbours <- function(graph, cells) {
  index <- as.matrix(graph$index)
  distance <- as.matrix(graph$distance)
  fits <- nrow(index) == length(cells) && identical(dim(index), dim(distance)) &&
    is.numeric(index) && all(index >= 1 & index <= length(cells)) && all(is.finite(distance))
  if (!isTRUE(fits)) {
    stop_input(
      "graph", "`graph` must hold an index from 1 and a distance for each neighbour, two matrices ",
      "of ", length(cells), " rows."
    )
  }
  # Many programs list the cell itself first.
  if (all(index[, 1L] == seq_along(cells))) {
    index <- index[, -1L, drop = FALSE]
    distance <- distance[, -1L, drop = FALSE]
  }
  storage.mode(index) <- "integer"
  knn <- list(index = unname(index), distance = unname(distance))
  list(knn = knn, neighbours = knn, space = NULL)
}

# The first k - 1 of each row as lists, fewer where a row has fewer: list(index, distance). Weights
# (`decreasing`) become distances from 0 to 1.
nearest_of_rows <- function(x, k, decreasing) {
  rows <- Matrix::t(x)
  count <- diff(rows@p)
  if (any(count == 0L)) {
    stop_input(
      "graph", "`graph` gives no neighbour to ", sum(count == 0L), " cell",
      if (sum(count == 0L) > 1L) "s", ", the first is number ", which(count == 0L)[[1L]], "."
    )
  }
  distance <- if (decreasing) 1 - rows@x / max(rows@x) else rows@x
  order <- order(rep(seq_along(count), count), distance)
  k <- min(k - 1, min(count))
  top <- order[sequence(count) <= k]
  list(
    index = matrix(rows@i[top] + 1L, ncol = k, byrow = TRUE),
    distance = matrix(distance[top], ncol = k, byrow = TRUE)
  )
}

# Says where batches and times cannot be told apart, and how well batches mix among neighbours.
check_batches <- function(batch, time, knn) {
  if (is.null(batch)) {
    return(NULL)
  }
  own <- as.integer(batch)
  share <- tabulate(own, nlevels(batch)) / length(own)
  other <- rowMeans(matrix(own[knn$index], length(own)) != own)
  mixing <- tapply(other, batch, mean) / (1 - share)
  if (!is.null(time)) {
    times <- tapply(time, batch, function(t) length(unique(t)))
    if (all(times == 1L) && length(unique(time)) > 1L) {
      rlang::warn(
        paste0(
          "Each batch is of one time only: what differs between batches and what differs between ",
          "times cannot be told apart. Neighbours and velocities across times rest on the ",
          "correction of the reduction."
        ),
        class = "fatefield_warning_confounded"
      )
    }
  }
  data.frame(cells = tabulate(own, nlevels(batch)), mixing = as.vector(mixing),
    row.names = levels(batch))
}
