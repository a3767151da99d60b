# How many independent cells some cells are worth whose values are means over neighbours. Takes neighbours; gives
# numbers of cells and factors by which variances grow; and what tests between groups of such cells ask first.

# Cells x cells (dgCMatrix): whose counts the moments of a cell are means of, each row of length 1, so that the product
# with its transpose has the correlations of two cells by the neighbours that they share. `knn`: index without the cell
# itself, or NULL for cells that share nothing.
shared_cells <- function(knn, n) {
  if (is.null(knn)) {
    return(Matrix::Diagonal(n))
  }
  index <- if (is.list(knn)) knn$index else knn
  own <- Matrix::sparseMatrix(i = c(seq_len(n), row(index)), j = c(seq_len(n), index), x = 1, dims = c(n, n))
  unit_rows(own + Matrix::t(own))
}

# Any graph as memberships in neighbourhoods of equal weights.
unit_rows <- function(graph) {
  graph <- methods::as(methods::as(graph, "generalMatrix"), "CsparseMatrix")
  graph@x <- rep(1, length(graph@x))
  divided_rows(graph, sqrt(pmax(Matrix::rowSums(graph), 1)))
}

# Independent cells that have the mean of the cells `at` as uncertain as theirs is: n^2 / sum of all correlations.
effective_cells <- function(shared, at) {
  length(at)^2 / sum(Matrix::colSums(shared[at, , drop = FALSE])^2)
}

# Neighbours as list(index, distance), or NULL.
check_knn <- function(knn, cells) {
  if (is.null(knn)) {
    return(NULL)
  }
  knn <- if (is.list(knn)) knn else list(index = knn, distance = array(0, dim(knn)))
  list_neighbours(knn, cells)$knn
}

# Numbers of cells of the groups that have enough of them, by name; at least two groups.
compared_groups <- function(group, min.cells) {
  n <- table(group)
  n <- n[n >= min.cells]
  if (length(n) < 2L) {
    stop_input("group.by", "`group.by`: ", length(n), " groups have at least ", min.cells,
      " cells (`min.cells`); two are needed.")
  }
  n
}

# A matrix whose rows and columns without names have their numbers.
numbered <- function(x) {
  if (is.null(rownames(x))) rownames(x) <- as.character(seq_len(nrow(x)))
  if (is.null(colnames(x))) colnames(x) <- as.character(seq_len(ncol(x)))
  x
}
