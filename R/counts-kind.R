# Tells counts and normalised counts from their logarithms and roots. Takes genes x cells, dense or dgCMatrix, values
# of at least 0.

# What values are made of normalised counts by, how that is undone, and what it is called.
count_scales <- list(
  linear = list(back = identity),
  log1p = list(back = expm1,
    name = "natural logarithms (log1p) of normalised counts, such as the layer \"data\" of an assay"),
  log2 = list(back = function(v) expm1(v * log(2)),
    name = "logarithms to base 2 (log2) of normalised counts, such as \"logcounts\" of Bioconductor"),
  log10 = list(back = function(v) expm1(v * log(10)), name = "logarithms to base 10 (log10) of normalised counts"),
  sqrt = list(back = function(v) v^2, name = "square roots of counts (sqrt)")
)

# Stops where values are logarithms or roots of counts. `kind`: what check_counts() says of them.
check_linear <- function(x, argument, kind = check_counts(x, argument)) {
  if (kind$whole) {
    return(invisible())
  }
  scale <- count_scale(x)
  if (scale == "linear" && kind$logged) scale <- "log1p"
  if (scale != "linear") {
    stop_input(
      argument, "`", argument, "` holds ", count_scales[[scale]]$name,
      "; give the counts themselves, the layer or assay \"counts\", or normalised counts without logarithms."
    )
  }
  invisible()
}

# The name of the scale: within a cell all values are whole multiples of one count once it is undone. \"linear\" also
# where nothing can be told.
count_scale <- function(x, cells = 50L) {
  columns <- telling_columns(x, cells)
  fits <- vapply(count_scales, function(s) {
    sum(vapply(columns, function(v) whole_multiples(s$back(v)), logical(1)))
  }, numeric(1))
  best <- names(fits)[[which.max(fits)]]
  if (fits[[best]] > fits[["linear"]] && 2 * fits[[best]] > length(columns)) best else "linear"
}

# Distinct positive values of cells that have at least two, from all over the matrix.
telling_columns <- function(x, most) {
  at <- unique(round(seq(1, ncol(x), length.out = min(ncol(x), 10 * most))))
  columns <- lapply(at, function(c) {
    v <- if (inherits(x, "dgCMatrix")) x@x[seq_len(x@p[[c + 1L]] - x@p[[c]]) + x@p[[c]]] else x[, c]
    sort(unique(signif(v[v > 0], 6L)))
  })
  utils::head(Filter(function(v) length(v) > 1L && v[[length(v)]] > 1.01 * v[[1L]], columns), most)
}

# Whether values are multiples of a count. The least may be of several counts, which only many values can tell.
whole_multiples <- function(v) {
  ratio <- v / v[[1L]]
  ratio <- ratio[is.finite(ratio)]
  for (least in seq_len(if (length(v) >= 6L) 20L else 1L)) {
    count <- ratio * least
    count <- count[count <= 200]
    if (length(count) < min(length(v), 6L)) break
    if (all(abs(count - round(count)) <= 2e-4 * count + 1e-3)) {
      return(TRUE)
    }
  }
  FALSE
}
