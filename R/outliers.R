# Cells so far from all others that means and variances would be of them alone. Takes coordinates (cells x dims), with
# times where there are any; gives their numbers, and says who they are.

# How many root mean squares of the other cells a cell must be away from the median of its time. Real cells, of rare
# kinds too, stay below 15; counts of genes, of which a few may be huge, below 100.
far_from_cells <- 50
far_from_counts <- 1000
# Of so few cells none is told from the others, and no more than this share are called outliers.
least_to_compare <- 20L
most_outliers <- 0.01

# Cells each of which is farther, squared, from the median of its time than all cells nearer than it taken together,
# and `factor` times their root mean square. Values that are not known count as 0.
far_cells <- function(x, time = NULL, factor = far_from_cells) {
  n <- nrow(x)
  if (n < least_to_compare) {
    return(integer())
  }
  away <- numeric(n)
  for (rows in if (is.null(time)) list(seq_len(n)) else split(seq_len(n), time)) {
    part <- x[rows, , drop = FALSE]
    part[!is.finite(part)] <- 0
    middle <- apply(part, 2L, stats::median)
    away[rows] <- rowSums((part - rep(middle, each = length(rows)))^2)
  }
  order <- order(-away)
  few <- seq_len(max(1L, floor(most_outliers * n)))
  nearer <- rev(cumsum(rev(away[order])))[few + 1L]
  far <- which(nearer > 0 & away[order[few]] > nearer * pmax(1, factor^2 / (n - few)))
  if (length(far) == 0L) integer() else sort(order[seq_len(max(far))])
}

# `cells`: their names; `left.out.of`: in words.
warn_far_cells <- function(cells, left.out.of) {
  if (length(cells) == 0L) {
    return(invisible())
  }
  one <- length(cells) == 1L
  rlang::warn(
    paste0(counted(length(cells), "cell"), if (one) " is" else " are", " so far from all others that means and ",
      "variances would be of ", if (one) "it" else "them", " alone: ", quoted(cells, 5L), ". ",
      if (one) "It is" else "They are", " left out of ", left.out.of, "; check ", if (one) "its" else "their",
      " values."),
    class = c("fatefield_warning_outliers", "fatefield_warning"), cells = cells
  )
}

outliers_text <- function(model) {
  n <- length(model$outliers)
  if (n > 0L) paste0(counted(n, "cell"), " far from all others, left out of the training: ", quoted(model$outliers, 5L))
}
