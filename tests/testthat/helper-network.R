# Genes of planted modules, and how well two partitions agree.

# n states x genes: `modules` programmes of `size` genes each, and `alone` genes of their own; logarithms.
planted_states <- function(n = 300L, modules = 3L, size = 20L, alone = 20L, noise = 0.8, seed = 1) {
  draws <- matrix(stub_normals(n * (modules + modules * size + alone), seed), n)
  module <- rep(seq_len(modules), each = size)
  x <- draws[, module] + noise * draws[, modules + seq_along(module)]
  x <- cbind(x, draws[, modules + length(module) + seq_len(alone)])
  dimnames(x) <- list(NULL, paste0("g", seq_len(ncol(x))))
  list(x = x, module = c(module, rep(NA, alone)))
}

# Numbers as good as normal ones, from a generator of its own, so that R's is left alone.
stub_normals <- function(n, seed) {
  state <- seed * 7919 + 17
  u <- numeric(n + 1L)
  for (i in seq_along(u)) {
    state <- (16807 * state) %% 2147483647
    u[[i]] <- state / 2147483647
  }
  stats::qnorm(u[-1L])
}

# Hubert and Arabie's adjusted Rand index; NA is a class of its own.
adjusted_rand <- function(a, b) {
  t <- table(factor(a, exclude = NULL), factor(b, exclude = NULL))
  pairs <- function(x) sum(choose(x, 2))
  expected <- pairs(rowSums(t)) * pairs(colSums(t)) / choose(sum(t), 2)
  (pairs(t) - expected) / ((pairs(rowSums(t)) + pairs(colSums(t))) / 2 - expected)
}

# Paths whose states are given: array (path x dim x time).
given_paths <- function(states, times, cell = seq_len(dim(states)[[1L]]), ...) {
  new_trajectories(states, times, factor(cell), rep(1L, length(cell)), ...)
}
