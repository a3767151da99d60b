# Engines of known behaviour in the place of trained ones, and models that hold them.

# dx = rate * sign(x_2) dt on the second dimension, no noise but in the fork: the futures of a cell
# near 0 go up and down in turn. Drift and diffusion are known.
fork_engine <- function(rate = 1, near = 0.25, growth = 0) {
  simulate <- function(x0, times, n_sim, seed, first_trajectory) {
    n <- nrow(x0) * n_sim
    cell <- rep(seq_len(nrow(x0)), each = n_sim)
    number <- first_trajectory + seq_len(n) - 1
    side <- ifelse(abs(x0[cell, 2L]) > near, sign(x0[cell, 2L]), ifelse(number %% 2 == 0, 1, -1))
    states <- array(0, c(n, ncol(x0), length(times)))
    log_weights <- matrix(0, n, length(times))
    for (k in seq_along(times)) {
      states[, , k] <- x0[cell, ]
      states[, 2L, k] <- states[, 2L, k] + rate * side * (times[[k]] - times[[1L]])
      log_weights[, k] <- growth * (side > 0) * (times[[k]] - times[[1L]])
    }
    list(states = states, log_weights = log_weights)
  }
  drift <- function(x, t) cbind(0, rate * sign(x[, 2L]), matrix(0, nrow(x), ncol(x) - 2L))
  list(
    simulate = simulate, drift = drift,
    steps = function(times) seq(times[[1L]], times[[length(times)]], length.out = 11L),
    diffusion = function(x, t) matrix(1 + t, nrow(x), ncol(x)),
    potential = function(x, t) matrix(rate * abs(x[, 2L])),
    growth = function(x, t) matrix(growth * (x[, 2L] > 0)),
    has_potential = function() TRUE, has_growth = function() growth != 0
  )
}

# A model whose bytes say nothing: its engines are put in place by with_engines().
stub_model <- function(dims = c("PC_1", "PC_2", "PC_3"), n.models = 1L, drift = "potential") {
  new_model(
    "sde", config = list(drift = drift),
    states = rep(list(archive_pack(list(stub = 1))), n.models), dims = dims, reduction = "pca",
    times = c(0, 1, 2), time.name = "day"
  )
}

# An engine with a method fates() that does what the core's does: cells of an arm that start together are simulated
# together, and their ends labelled.
with_fates <- function(engine) {
  if (!is.list(engine)) {
    return(engine)
  }
  futures <- function(x, times, request, first) {
    if (!is.null(request$noise.sd)) {
      return(engine$simulate_as(x, times, request$n.sim, request$seed, first, request["noise.sd"]))
    }
    engine$simulate(x, times, request$n.sim, request$seed, first)
  }
  ends <- function(x, start, end, request, first) {
    if (start >= end) {
      return(list(states = x, log_weights = numeric(), cell = seq_len(nrow(x))))
    }
    found <- futures(x, c(start, end), request, first)
    list(
      states = matrix(found$states[, , 2L], ncol = ncol(x)), log_weights = found$log_weights[, 2L],
      cell = rep(seq_len(nrow(x)), each = request$n.sim)
    )
  }
  engine$fates <- function(index, x, times, end, request, tick) {
    cells <- split(seq_along(times), times)
    arms <- nrow(x) / length(times)
    rows <- unlist(lapply(seq_len(arms) - 1L, function(a) lapply(cells, `+`, a * length(times))), recursive = FALSE)
    parts <- Map(function(rows, cells) {
      got <- ends(x[rows, , drop = FALSE], times[[cells[[1L]]]], end, request, (cells[[1L]] - 1) * request$n.sim)
      found <- fate_shares(index, got$states, got$log_weights, got$cell, length(rows), 1L)
      firsts <- got$states[!duplicated(got$cell), , drop = FALSE]
      c(found, list(first = if (isTRUE(request$first)) label_states(index, firsts, 1L)$label))
    }, rows, rep(cells, arms))
    order <- order(unlist(rows))
    list(
      share = do.call(rbind, lapply(parts, `[[`, "share"))[order, , drop = FALSE],
      effective = unlist(lapply(parts, `[[`, "effective"), use.names = FALSE)[order],
      first = unlist(lapply(parts, `[[`, "first"), use.names = FALSE)[order]
    )
  }
  engine
}

# Runs `code` with these engines (a list) in the place of those of any model.
with_engines <- function(engines, code) {
  namespace <- asNamespace("fatefield")
  names <- c("model_engines", "model_engine")
  put <- function(functions) {
    for (name in names) {
      unlockBinding(name, namespace)
      assign(name, functions[[name]], envir = namespace)
      lockBinding(name, namespace)
    }
  }
  former <- mget(names, envir = namespace)
  on.exit(put(former))
  engines <- lapply(engines, with_fates)
  put(list(
    model_engines = function(model) lapply(engines, function(engine) function() engine),
    model_engine = function(model, i = 1L, device = NULL) engines[[i]]
  ))
  code
}
