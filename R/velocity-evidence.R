# What velocities of cells say of the ways between times, before a model is trained. Takes coordinates, times and
# velocities in those coordinates (cells x dims); gives the time that one unit of velocity stands for, how far they are
# believed, and what is told of them.
#
# Three distances (Sinkhorn divergences) tell it, for cells moved by their velocity times a step c h, h the interval:
# * middle: cells of the earlier time moved half a step ahead, and those of the later one half a step back. It is least
#   at the true scale, up to third order in h. In a population that does not change it is the same at all scales.
# * ahead: earlier cells moved a whole step ahead, beside the later ones; and later ones back, beside the earlier.
# * shuffled: the same with the velocities of other cells of the same time; and mean: with their mean.
# What is left of (shuffled - mean) in (shuffled - ahead) is the weight: 1 where differences of velocities take no cell
# out of the next cloud, 0 where they are no better than those of other cells.

# Cells of a time in a draw at most (half of them where there are fewer), draws, and steps, in units of the spread of
# cells over an interval.
velocity_cells_drawn <- 300L
velocity_draws <- 6L
velocity_steps <- c(0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.25)
# Smoothing of the distances, as a share of the standard deviation of a dimension within times.
velocity_blur <- 0.5
# How far velocities must beat shuffled ones, in standard errors over draws and intervals.
velocity_evidence_z <- 4
# The least weight that is worth moving cells by.
least_velocity_weight <- 0.05
# Times tell the scale where the way between them is shorter by this share of what lies between them, or of what is left
# under shuffled velocities, and are against the velocities where it is longer by this share of that.
told_share <- 0.1

# Velocities of all cells of `x` (cells x dims), 0 where they are not known; NULL stays NULL.
check_velocities <- function(velocity, x, options) {
  if (is.null(velocity)) {
    return(NULL)
  }
  if (!has_bridge(options$train)) {
    stop_input("velocity", "Velocities are the drift that bridges are taken from, which `method = ",
      quoted(options$train$method), "` has none of.")
  }
  if (!is.matrix(velocity) || !is.numeric(velocity)) {
    stop_input("velocity", "`velocity` must be a matrix of ", nrow(x), " cells x ", ncol(x), " dimensions, not ",
      described(velocity), "; names are those of velocities in a Seurat object or an SCE.")
  }
  if (!identical(dim(velocity), dim(x))) {
    stop_input("velocity", "`velocity` is ", nrow(velocity), " x ", ncol(velocity), ", but there are ", nrow(x),
      " cells in ", ncol(x), " dimensions. Velocities of genes are projected by EmbedVelocity().")
  }
  for (side in 1:2) velocity <- in_order_of(velocity, x, side)
  if (any(is.infinite(velocity))) stop_input("velocity", "`velocity` must be finite, or NA where it is not known.")
  velocity[rowSums(is.na(velocity)) > 0, ] <- 0
  storage.mode(velocity) <- "double"
  velocity
}

# Rows (1) or columns (2) of velocities in the order of those of `x`, by their names where both have them.
in_order_of <- function(velocity, x, side) {
  given <- dimnames(velocity)[[side]]
  wanted <- dimnames(x)[[side]]
  if (is.null(given) || is.null(wanted) || identical(given, wanted)) {
    return(velocity)
  }
  if (!setequal(given, wanted)) {
    if (side == 2L) return(velocity)
    stop_input("velocity", "`velocity` is of other cells than the coordinates: ", quoted(setdiff(given, wanted)[[1L]]),
      " is not among them.")
  }
  if (side == 1L) velocity[wanted, , drop = FALSE] else velocity[, wanted, drop = FALSE]
}

# Velocities of an object in its coordinates `x`: TRUE or a name for those of its genes, projected onto neighbours; a
# matrix stays what it is.
reduced_velocities <- function(object, velocity, x) {
  if (is.null(velocity) || isFALSE(velocity)) {
    return(NULL)
  }
  if (is.matrix(velocity)) {
    return(if (nrow(velocity) == nrow(x)) in_order_of(velocity, x, 1L) else velocity)
  }
  name <- velocity_name(object, if (isTRUE(velocity)) NULL else velocity)
  field <- velocity_field_of(fetch_velocity(object, name), NULL, NULL, NULL)
  options <- usual_embed_options(field)
  graph <- stored_graph(object, name, options$graph, field)
  if (is.null(graph)) graph <- field_graph(field, options)
  arrows_in(graph, x, options$steps)
}

# NULL without velocities.
velocity_evidence <- function(velocity, x, time, seed) {
  if (is.null(velocity)) {
    return(NULL)
  }
  unit <- velocity_unit(velocity, x, time)
  if (!is.finite(unit)) {
    stop_input("velocity", "`velocity` is 0 in all cells of the times before the last; there is nothing to learn from.")
  }
  found <- velocity_distances(velocity, x, time, unit * velocity_steps, seed)
  scale <- velocity_scale(found)
  weight <- velocity_weight(found, scale)
  out <- list(
    weight = weight$weight, scale = scale$scale, scale.se = scale$se, told = scale$told, gain = weight$gain,
    gain.se = weight$se, cells = sum(rowSums(velocity^2) > 0), all = nrow(x), distances = mean_distances(found)
  )
  if (out$weight == 0) warn_useless_velocity(out)
  out
}

# The scale at which velocities take cells as far as they are spread, in an interval.
velocity_unit <- function(velocity, x, time) {
  times <- sort(unique(time))
  length <- sqrt(mean(rowSums(velocity^2)))
  sqrt(mean_within(x, time, times, rowSums)) / (length * mean(diff(times)))
}

# data.frame of draw, interval, scale, and the distances; those at scale 0 come first.
velocity_distances <- function(velocity, x, time, scales, seed) {
  times <- sort(unique(time))
  options <- sinkhorn_defaults()
  options$blur <- velocity_blur * sqrt(mean_within(x, time, times, identity))
  of.time <- lapply(times, function(t) which(time == t))
  means <- lapply(of.time, function(i) colMeans(velocity[i, , drop = FALSE]))
  draw <- function(r, k) {
    from <- drawn_velocities(x, velocity, of.time[[k]], means[[k]], seed, 1000 * r + 2 * k)
    to <- drawn_velocities(x, velocity, of.time[[k + 1L]], means[[k + 1L]], seed, 1000 * r + 2 * k + 1)
    one <- function(scale) step_distances(from, to, scale * (times[[k + 1L]] - times[[k]]), options)
    data.frame(draw = r, interval = k, scale = c(0, scales), do.call(rbind, lapply(c(0, scales), one)))
  }
  grid <- expand.grid(k = seq_len(length(times) - 1L), r = seq_len(velocity_draws))
  do.call(rbind, Map(draw, grid$r, grid$k))
}

# Mean over times of the mean of what `of` gives of squared distances to the mean of the time, cells x dims.
mean_within <- function(x, time, times, of) {
  mean(vapply(times, function(t) {
    at <- x[time == t, , drop = FALSE]
    mean(of(sweep(at, 2L, colMeans(at))^2))
  }, 0))
}

# Some cells `x` of a time with their velocities `own`, those of `other` cells, and the `mean`.
drawn_velocities <- function(x, velocity, cells, mean, seed, number) {
  n <- min(ceiling(length(cells) / 2), velocity_cells_drawn)
  some <- cells[draw_cells(length(cells), n, numeric(), seed, number)]
  others <- draw_cells(n, n, numeric(), seed, number + 500)
  own <- velocity[some, , drop = FALSE]
  list(x = x[some, , drop = FALSE], own = own, other = own[others, , drop = FALSE],
    mean = matrix(mean, n, length(mean), byrow = TRUE))
}

step_distances <- function(from, to, step, options) {
  between <- function(a, b) {
    even <- function(m) rep(1 / nrow(m), nrow(m))
    ot_distance(a, b, even(a), even(b), options, FALSE)$value
  }
  both <- function(kind) {
    (between(from$x + step * from[[kind]], to$x) + between(from$x, to$x - step * to[[kind]])) / 2
  }
  if (step == 0) {
    same <- between(from$x, to$x)
    return(data.frame(middle = same, ahead = same, shuffled = same, mean = same))
  }
  data.frame(
    middle = between(from$x + step / 2 * from$own, to$x - step / 2 * to$own), ahead = both("own"),
    shuffled = both("other"), mean = both("mean")
  )
}

mean_distances <- function(found) {
  numbers <- c("middle", "ahead", "shuffled", "mean")
  out <- stats::aggregate(found[numbers], found["scale"], mean)
  out[order(out$scale), ]
}

# Where a curve through the means is least, over the scales.
least_scale <- function(table) {
  curve <- stats::splinefun(table$scale, table$middle, method = "natural")
  stats::optimize(curve, range(table$scale))$minimum
}

# list(scale, se, told): the scale that times tell ("times"), or the step that takes cells farthest within the next
# cloud ("cloud"), or 0 as velocities are against the times ("against").
velocity_scale <- function(found) {
  table <- mean_distances(found)
  start <- table$middle[[1L]]
  each <- vapply(split(found, found$draw), function(d) least_scale(mean_distances(d)), 0)
  se <- stats::sd(each) / sqrt(length(each))
  drop <- start - min(table$middle)
  drops <- vapply(split(found, found$draw), function(d) {
    own <- mean_distances(d)
    own$middle[[1L]] - own$middle[[which.min(table$middle)]]
  }, 0)
  at <- which.min(table$middle)
  sure <- mean(drops) > velocity_evidence_z * stats::sd(drops) / sqrt(length(drops))
  if (sure && drop > told_share * max(start, table$shuffled[[at]])) {
    return(list(scale = least_scale(table), se = se, told = "times"))
  }
  rise <- table$middle - start
  far <- table$scale >= max(table$scale) * 0.15
  if (any(rise[far] > told_share * table$shuffled[far])) {
    return(list(scale = 0, se = NA_real_, told = "against"))
  }
  list(scale = table$scale[[which.max(table$scale * believed(table))]], se = NA_real_, told = "cloud")
}

# Share of the differences of velocities that is believed at each scale, 0 to 1.
believed <- function(table) {
  share <- (table$shuffled - table$ahead) / pmax(table$shuffled - table$mean, .Machine$double.xmin)
  ifelse(table$scale > 0, pmin(1, pmax(0, share)), 0)
}

# list(weight, gain, se): each interval is judged at the scale that the others tell, where there are others.
velocity_weight <- function(found, scale) {
  if (scale$scale == 0) {
    return(list(weight = 0, gain = 0, se = NA_real_))
  }
  intervals <- unique(found$interval)
  rows <- do.call(rbind, lapply(intervals, function(k) {
    others <- found[found$interval != k, ]
    at <- if (length(intervals) > 1L && scale$told == "times") least_scale(mean_distances(others)) else scale$scale
    at <- max(at * judged_step(scale$told), min(found$scale[found$scale > 0]))
    data.frame(interval = k, distances_at(found[found$interval == k, ], at))
  }))
  gain <- rows$shuffled - rows$ahead
  within <- tapply(gain, rows$interval, stats::var)
  se <- sqrt(sum(within) / velocity_draws) / length(within)
  share <- sum(gain) / max(sum(rows$shuffled - rows$mean), sum(gain), .Machine$double.xmin)
  good <- mean(gain) > velocity_evidence_z * se && share >= least_velocity_weight
  list(weight = if (good) share else 0, gain = mean(gain), se = se)
}

# Share of the step at which velocities are judged: over half of an interval they are what they were at its start,
# over a whole one they may not be.
judged_step <- function(told) if (told == "times") 0.5 else 1

# Distances of each draw at a scale between those that were tried.
distances_at <- function(found, scale) {
  do.call(rbind, lapply(split(found, found$draw), function(d) {
    at <- function(column) stats::approx(d$scale, d[[column]], scale, rule = 2L)$y
    data.frame(ahead = at("ahead"), shuffled = at("shuffled"), mean = at("mean"))
  }))
}

warn_useless_velocity <- function(found) {
  why <- if (found$told == "against") {
    "they point away from the cells of the next time"
  } else {
    "those of other cells of the same time take cells as near to the next time"
  }
  rlang::warn(
    paste0("`velocity` has the weight 0 and is used for nothing: ", why, "."),
    class = c("fatefield_warning_velocity", "fatefield_warning")
  )
}

# In words, for messages and summaries; NULL without velocities.
velocity_text <- function(found) {
  if (is.null(found)) {
    return(NULL)
  }
  shown <- function(v) format(v, digits = 2L)
  scale <- switch(found$told,
    times = paste0("time scale ", with_interval(found$scale, found$scale - 1.96 * found$scale.se,
      found$scale + 1.96 * found$scale.se, 2L)),
    cloud = paste0("times do not tell the scale, taken ", shown(found$scale)),
    against = "against the times"
  )
  paste0("weight ", shown(found$weight), "; ", scale, "; known of ", found$cells, " of ", found$all, " cells")
}

# Velocities of these cells; what is no matrix of all cells stays as it is, for the error that names it.
velocity_rows <- function(velocity, keep) {
  if (is.matrix(velocity) && nrow(velocity) >= max(keep)) velocity[keep, , drop = FALSE] else velocity
}
