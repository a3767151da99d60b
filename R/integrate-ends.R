# How paths of IntegrateCells() end, and how long they are followed so that they arrive. Takes the numbers of the core
# and the motion (integrate-motion.R); gives the table of paths, the span, and warnings.
#
# A path along a velocity field has arrived where most of the observed cells that are nearest to it are the same as
# three quarters of the time to cross the data before: from then on its label hardly changes. A path along a neural SDE
# has arrived at the model's last time, or going back at its first.

# How paths end, in the order of the core, whose first end, the last time, is told apart into two.
path_ends <- c(
  "reached", "fixed point", "repeats", "left cells", "grown", "time ran out", "step too small", "too many steps",
  "not finite"
)
path_failures <- path_ends[7:9]

# Spans that are tried, in units of the time in which a cell of median speed crosses the data; the last is the bound,
# beyond which paths along estimated velocities lead away from the cells rather than to more ends.
span_multiples <- c(1, 1.5, 2, 3)

# Cells that are followed to find it, evenly spread over all, and the share of them that must arrive.
arrival_cells <- 100L
arrival_share <- 0.9

# `arrived`: TRUE/FALSE of the paths that came to the last time.
path_table <- function(out, arrived = rep(FALSE, length(out$end))) {
  end <- c("time ran out", path_ends[c(2:5, 7:9)])[out$end + 1L]
  end[out$end == 0L & arrived] <- "reached"
  data.frame(
    end = factor(end, levels = path_ends), end_time = out$end.time, steps = out$steps, rejected = out$rejected
  )
}

# Which paths of a part (list(states, times)) have arrived at its last time: by the nearest cells of a field.
# `horizon`: a function that gives the time to cross the data.
arrived_among_cells <- function(axes, coordinates, k, horizon) {
  function(states, times) {
    elapsed <- abs(times - times[[1L]])
    last <- length(times)
    # Where half of the cells do not move there is no such time.
    back <- 0.75 * tryCatch(horizon(), fatefield_error_numeric = function(e) Inf)
    before <- which(elapsed <= elapsed[[last]] - back)
    nearest <- nearest_to(axes, coordinates, k)
    known <- which(apply(is.finite(states[, , last, drop = FALSE]), 1L, all))
    out <- rep(FALSE, dim(states)[[1L]])
    if (length(known) == 0L || length(before) == 0L) {
      return(out)
    }
    at <- function(time) nearest(matrix(states[known, , time], length(known)))
    out[known] <- same_share(at(max(before)), at(last)) >= 0.5
    out
  }
}

# A function of states (n x genes): the numbers of their k nearest cells, n x k.
nearest_to <- function(axes, coordinates, k) {
  function(states) {
    knn_query(coordinates, near_space(list(axes = axes), states), k, knn_defaults(), thread_count())$index
  }
}

# Of each row of `a` the share that is in the same row of `b`.
same_share <- function(a, b) {
  row <- as.numeric(row(a)) * (max(a, b) + 1)
  rowMeans(matrix((a + row) %in% (b + row), nrow(a)))
}

# The time in which most paths arrive, decided from cells of the whole data, so that it is the same whichever cells
# are asked for: the shortest span tried from which on nine of ten of them are still among the cells that they were
# among at half of it.
# `motion`: see integrate-motion.R; `states`: all cells x genes; `horizon`: the time to cross the data.
arrival_span <- function(motion, states, horizon, nearest) {
  moments <- sort(unique(c(0, span_multiples / 2, span_multiples)))
  some <- states[thinned(nrow(states), arrival_cells), , drop = FALSE]
  along <- motion$members[[1L]](horizon * max(moments), 0)
  options <- motion$options
  options$shadow <- "never"
  if (options$snap != "none" && options$snap.every == 0) options$snap.every <- motion$crossing(along)
  request <- list(n.sim = 1, seed = 0, first = 0, coordinates = FALSE, start.sd = numeric(), noise.sd = numeric())
  out <- integrate_motion(
    along, motion$space, some, horizon * moments, request, options, function(n) NULL, thread_count()
  )
  whole <- which(apply(is.finite(out$states), 1L, all))
  if (length(whole) == 0L) {
    return(horizon)
  }
  near <- lapply(seq_along(moments), function(k) nearest(matrix(out$states[whole, , k], length(whole))))
  settled <- vapply(span_multiples, function(m) {
    same_share(near[[match(m / 2, moments)]], near[[match(m, moments)]]) >= 0.5
  }, logical(length(whole)))
  horizon * span_multiples[[arrival_place(matrix(settled, length(whole)))]]
}

# The first span from which on, at all longer ones too, enough paths have settled; the last where there is none.
arrival_place <- function(settled) {
  since <- vapply(seq_len(nrow(settled)), function(i) {
    open <- which(!settled[i, ])
    if (length(open) == 0L) 1L else max(open) + 1L
  }, integer(1))
  enough <- vapply(seq_len(ncol(settled)), function(j) mean(since <= j) >= arrival_share, logical(1))
  if (any(enough)) which(enough)[[1L]] else ncol(settled)
}

# Says where most paths still move among the cells when their time is over.
warn_of_horizon <- function(paths, t.max) {
  open <- sum(paths$end == "time ran out")
  if (2 * open <= nrow(paths)) {
    return(invisible())
  }
  rlang::warn(
    paste0(
      "Time ran out for ", open, " of ", nrow(paths), " paths: at time ", format(t.max, digits = 3L),
      " they still move ",
      "among the cells, so that their ends are no fates yet. Follow them longer with `t.max`, such as t.max = ",
      format(2 * t.max, digits = 2L), "."
    ),
    class = "fatefield_warning_horizon"
  )
}

# Says which paths could not be integrated; stops where none could.
warn_of_paths <- function(paths, cells) {
  ends <- paths[grep("end$", names(paths))]
  failed <- Reduce(`|`, lapply(ends, function(end) end %in% path_failures))
  if (!any(failed)) {
    return(invisible())
  }
  first <- which(failed)[[1L]]
  why <- Filter(function(end) end %in% path_failures, vapply(ends, function(e) as.character(e[[first]]), ""))
  remedy <- c(
    `step too small` = "a larger `rtol` and `atol`, or a shorter time, may help",
    `too many steps` = "a larger `rtol`, more `max.steps`, or a shorter time may help",
    `not finite` = "the model is not finite there; a shorter time, or `snap`, keeps paths near the cells"
  )
  text <- paste0(
    sum(failed), " of ", length(failed), " paths could not be integrated to the end; the first is that of ",
    "cell ", quoted(cells[[first]]), " (", why[[1L]], " at time ", format(paths$end_time[[first]]), "): ",
    remedy[[why[[1L]]]], "."
  )
  if (all(failed)) stop_core("numeric", "", text)
  rlang::warn(text, class = "fatefield_warning_paths")
}
