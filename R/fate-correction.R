# The half-bridge at the end: weights by which the cloud that a model pushes to an observed time becomes the cloud that
# was observed there. Takes a model's cells with their times; gives pointers for the engine's fates().

# Cells and futures from which weights are found: starts, futures of each, observed cells.
correction_size <- c(starts = 400, futures = 20, observed = 1000)
# Fewer cells of a time tell too little of its cloud.
least_corrected <- 50L

# list(times, x, fixed) where ends at `end` can be corrected, else list(reason). `times`: the time of each cell of `x`
# that the model was fitted on, NA for others; `fixed`: each start keeps its mass.
correction_source <- function(model, x, end, published) {
  if (published) {
    return(list(reason = "published behaviour has none"))
  }
  if (!has_own_times(model)) {
    return(list(reason = "the model does not know the times of its cells"))
  }
  times <- trained_times(model, x)
  if (sum(times == end, na.rm = TRUE) < least_corrected) {
    return(list(reason = paste0("fewer than ", least_corrected, " cells of the model were observed at ", format(end))))
  }
  list(times = times, x = x, fixed = !isTRUE(model$config$growth) && !identical(model$growth, "given"))
}

# Every so many of some cells, in their order: an even draw without chance.
evenly <- function(which, most) {
  n <- length(which)
  if (n <= most) which else which[round(seq(1, n, length.out = most))]
}

# Weights of the ends of one member for the start times `at`, from correctable(): list(weights, weight.times, moved), or
# NULL without any.
member_weights <- function(engine, source, at, end, seed) {
  if (length(at) == 0L) {
    return(NULL)
  }
  observed <- source$x[evenly(which(source$times == end), correction_size[["observed"]]), , drop = FALSE]
  found <- lapply(at, function(start) {
    from <- source$x[evenly(which(source$times == start), correction_size[["starts"]]), , drop = FALSE]
    n <- correction_size[["futures"]]
    # Numbers of trajectories that no prediction has.
    futures <- engine$simulate(from, c(start, end), n, seed, 2^40)
    ends <- matrix(futures$states[, , 2L], ncol = ncol(from))
    end_weight(ends, futures$log_weights[, 2L], n, observed, source$fixed, end_defaults(), thread_count())
  })
  list(
    weights = lapply(found, `[[`, "weight"), weight.times = at, moved = vapply(found, `[[`, numeric(1), "moved")
  )
}

# Start times at which enough cells of the model were observed; none where nothing can be corrected.
correctable <- function(source, starts, end) {
  at <- sort(unique(starts[starts < end]))
  at[vapply(at, function(t) sum(source$times == t, na.rm = TRUE) >= least_corrected, logical(1))]
}

# data.frame(start, cells, moved, reason): one row a start time, `moved` NA with the reason where nothing was corrected.
# `at`: see correctable(); `moved`: one vector a member, along `at`. NULL without a source.
correction_table <- function(source, starts, end, at, moved) {
  if (is.null(source)) {
    return(NULL)
  }
  all <- sort(unique(starts[starts < end]))
  size <- if (length(at) > 0L) rowMeans(do.call(cbind, moved))[match(all, at)] else rep(NA_real_, length(all))
  reason <- ifelse(is.na(size), if (!is.null(source$reason)) source$reason else
    paste0("fewer than ", least_corrected, " cells of the model were observed at this time"), NA)
  data.frame(start = all, cells = vapply(all, function(t) sum(starts == t), 1L), moved = size, reason = reason)
}

correction_text <- function(x) {
  table <- x$correction
  if (is.null(table) || nrow(table) == 0L) {
    return(NULL)
  }
  if (all(is.na(table$moved))) {
    return(paste0("ends not corrected: ", table$reason[[1L]]))
  }
  paste0("ends corrected to the observed cells: ", format(100 * mean(table$moved, na.rm = TRUE), digits = 2L),
    " % of the mass moved", if (anyNA(table$moved)) paste0(", none of cells that start at ",
      paste(format(table$start[is.na(table$moved)]), collapse = ", ")))
}
