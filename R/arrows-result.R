# What EmbedVelocity() gives for matrices: arrows, the graph, and scores of cells; a row of the table is a cell.

new_arrows <- function(graph, arrows, parts, embedding) {
  parts <- c(list(arrows = arrows, graph = graph, embedding = embedding), parts)
  new_result("arrows", arrows_table(parts$cells), parts, by = "cell")
}

arrows_table <- function(cells) data.frame(cell = rownames(cells), cells, row.names = NULL)

headline.fatefield_arrows <- function(x) {
  score <- function(column, what) {
    if (column %in% names(x$cells)) paste0(what, ": ", quartiles(x$cells[[column]]))
  }
  c(
    paste0("velocity arrows of ", counted(nrow(x$arrows), "cell"), " in ", ncol(x$arrows), " dimensions; graph of ",
      counted(length(x$graph@x), "step")),
    score("velocity_confidence_transition", "agreement of velocities with steps"),
    if (length(x$root) > 0L) paste0("pseudotime from ", quoted(x$root, 3L), " to ", quoted(x$end, 3L))
  )
}

subset_result.fatefield_arrows <- function(x, keep) {
  for (part in c("arrows", "embedding")) x[[part]] <- x[[part]][keep, , drop = FALSE]
  x$graph <- x$graph[keep, keep, drop = FALSE]
  x$cells <- x$cells[keep, , drop = FALSE]
  x$root <- intersect(x$root, keep)
  x$end <- intersect(x$end, keep)
  x$table <- arrows_table(x$cells)
  x
}

rename_cells.fatefield_arrows <- function(x, names) {
  now <- unname(names[rownames(x$cells)])
  x$root <- unname(names[x$root])
  x$end <- unname(names[x$end])
  rownames(x$arrows) <- rownames(x$embedding) <- rownames(x$cells) <- now
  dimnames(x$graph) <- list(now, now)
  x$table <- arrows_table(x$cells)
  x
}

#' @rdname EmbedVelocity
#' @param x A result.
#' @export
plot.fatefield_arrows <- function(x, embedding = x$embedding, ...) {
  at <- check_matrix(embedding, "embedding")
  names <- rownames(x$arrows)
  if (!is.null(rownames(at)) && all(names %in% rownames(at))) at <- at[names, , drop = FALSE]
  check_same_cells(at, names)
  PlotVelocity(at, arrows = x$arrows, ...)
}
