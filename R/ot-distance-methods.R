# The methods of OTDistance(): for each how its options are read from `options` and the dots, how it
# is computed for a pair of clouds (see ot_pair()), and its name in print.

# Options of a method: defaults, what the list changes, what the dots change.
distance_options <- function(defaults, options, ...) {
  base <- merge_options(defaults, options)
  given <- list(...)
  base[names(given)] <- merge_options(base, given, "")[names(given)]
  base
}

sinkhorn_distance <- function(pair, options, gradient) {
  ot_distance(pair$x, pair$y, pair$a, pair$b, options, gradient)
}

exact_options <- function(options, ...) {
  options <- distance_options(sinkhorn_defaults()["p"], options, ...)
  check_sinkhorn_options(options)
  options
}

exact_distance <- function(pair, options, gradient) {
  out <- ot_exact(pair$x, pair$y, pair$a, pair$b, options$p)
  if (gradient) {
    way <- pair$x - pair$y[out$match, , drop = FALSE]
    # At distance 0 the direction is unknown, and 0 is among the derivatives.
    if (options$p == 1) way <- way / pmax(sqrt(rowSums(way^2)), .Machine$double.xmin)
    out$gradient <- list(x = way / nrow(way))
  }
  out
}

# The engine's options, and the seed of the directions.
sliced_call_defaults <- function() c(sliced_defaults(), list(seed.use = 42L))

sliced_options <- function(options, ...) {
  options <- distance_options(sliced_call_defaults(), options, ...)
  check_sliced_options(options[names(sliced_defaults())])
  options
}

sliced_distance <- function(pair, options, gradient) {
  ot_sliced(pair$x, pair$y, pair$a, pair$b, options, seed_from(options$seed.use), gradient)
}

energy_distance <- function(pair, options, gradient) {
  if (gradient) {
    stop_input("gradient", "`gradient` is not offered for the energy distance; the sliced one has it.")
  }
  list(value = ot_energy(pair$x, pair$y, pair$a, pair$b))
}

distance_methods <- list(
  sinkhorn = list(
    options = function(options, ...) ot_options(options, ...), compute = sinkhorn_distance,
    title = "Sinkhorn divergence"
  ),
  exact = list(
    options = exact_options, compute = exact_distance, title = "Exact transport cost"
  ),
  sliced = list(
    options = sliced_options, compute = sliced_distance, title = "Sliced squared W2"
  ),
  energy = list(
    options = function(options, ...) distance_options(list(), options, ...),
    compute = energy_distance, title = "Energy distance"
  )
)
