# What accuracy.R measures of a fit and of its fates; a setting is as settings.R makes it. Sourced by accuracy.R.

knn_options <- function() fatefield:::knn_defaults()

entropy_against <- function(p, truth) -mean(rowSums(truth * log(pmax(p, 1e-12))))

total_variation <- function(p, q) sum(abs(p - q)) / 2

# Fates of the cells of the last time that have one.
last_composition <- function(s) {
  fates <- colnames(fate_columns(s))
  at <- intersect(s$learn, which(s$times == max(s$times) & s$labels %in% fates))
  as.vector(table(factor(s$labels[at], fates))) / length(at)
}

# Per start time of the scored cells: entropy of the truth; cross-entropy of the mean truth of the 50 nearest cells
# (fewer of fewer than 3,000 cells, at least 10) that are no sisters; of the overall composition.
fate_lines <- function(s) {
  if (is.null(s$scored)) return(NULL)
  known <- which(!is.na(s$fate[, 1L]))
  most <- min(50L, max(10L, nrow(s$x) %/% 60L))
  near <- fatefield:::knn_query(s$x[known, ], s$x[unlist(s$scored), ], 80L, knn_options(), 1L)$index
  bound <- t(vapply(seq_len(nrow(near)), function(i) {
    self <- unlist(s$scored)[[i]]
    rows <- known[near[i, ]]
    rows <- rows[rows != self & (if (is.null(s$clone)) TRUE else s$clone[rows] != s$clone[[self]])]
    colMeans(s$fate[rows[seq_len(min(most, length(rows)))], , drop = FALSE])
  }, numeric(ncol(s$fate))))
  composition <- last_composition(s)
  at <- 0L
  lines <- lapply(s$scored, function(rows) {
    here <- at + seq_along(rows)
    at <<- at + length(rows)
    truth <- s$fate[rows, , drop = FALSE]
    # A future none of the neighbours has is not impossible.
    smooth <- (most * bound[here, , drop = FALSE] + 0.5 / ncol(truth)) / (most + 0.5)
    c(
      truth = if (s$exact) entropy_against(truth, truth) else NA,
      bound = entropy_against(smooth, truth),
      shares = entropy_against(matrix(composition, nrow(truth), ncol(truth), byrow = TRUE), truth)
    )
  })
  unlist(Map(function(line, i) stats::setNames(line, paste0(names(line), i - 1L)), lines, seq_along(lines)))
}

# `p`: cells x fates, named rows, of the cells s$predict.
fate_scores <- function(p, s) {
  out <- list()
  for (i in seq_along(s$scored)) {
    rows <- s$scored[[i]]
    out[[paste0("ce", i - 1L)]] <- entropy_against(p[rownames(s$x)[rows], , drop = FALSE], s$fate[rows, , drop = FALSE])
  }
  rows <- unlist(s$scored)
  if (length(rows) > 0L) {
    truth <- s$fate[rows, , drop = FALSE]
    rownames(truth) <- rownames(s$x)[rows]
    score <- ScoreFate(p[rownames(truth), ], truth, n.boot = 0L)
    out$acc <- score$accuracy[[1L]]
    out$ece <- score$calibration[[1L]]
  }
  out$comp <- composition_error(p, s)
  out
}

# Greatest over start times of the total variation between the predicted mean, weighted by expected descendants, and the
# composition of the last time. Where the truth is known, what the drawn cells differ by chance is taken out.
composition_error <- function(p, s) {
  last <- last_composition(s)
  mean_of <- function(values, rows) colSums(values * s$mass[rows]) / sum(s$mass[rows])
  errors <- vapply(split(s$predict, s$times[s$predict]), function(rows) {
    chance <- if (s$exact) {
      all <- which(s$times == s$times[[rows[[1L]]]])
      mean_of(s$fate[rows, , drop = FALSE], rows) - mean_of(s$fate[all, , drop = FALSE], all)
    } else {
      0
    }
    total_variation(mean_of(p[rownames(s$x)[rows], , drop = FALSE], rows) - chance, last)
  }, 0)
  max(errors)
}

# Distances to the fifth nearest observed cell of the same time: of simulated cells of the first time, weighted by the
# mass they gained, and of observed cells. Share of the simulated beyond the 99 % quantile of the observed, and ratio
# of medians.
support_scores <- function(model, s, most = 1000L) {
  set.seed(1)
  days <- sort(unique(s$times))
  first <- s$learn[s$times[s$learn] == days[[1L]]]
  first <- sort(first[sample.int(length(first), min(length(first), most))])
  paths <- SimulateCells(s$x, model = model, cells = first, n.sim = 1L, t.out = days, verbose = FALSE)
  at <- lapply(seq_along(days)[-1L], function(k) {
    observed <- s$x[s$learn[s$times[s$learn] == days[[k]]], , drop = FALSE]
    if (nrow(observed) > 5000L) observed <- observed[sort(sample.int(nrow(observed), 5000L)), , drop = FALSE]
    states <- matrix(paths$states[, , k], ncol = ncol(s$x))
    mass <- exp(paths$log_weights[, k] - max(paths$log_weights[, k]))
    mass <- mass / sum(mass)
    exploded <- rowSums(!is.finite(states)) > 0
    fifth <- rep(Inf, nrow(states))
    found <- fatefield:::knn_query(observed, states[!exploded, , drop = FALSE], 5L, knn_options(), 1L)
    fifth[!exploded] <- found$distance[, 5L]
    own <- fatefield:::knn_query(observed, observed, 6L, knn_options(), 1L)$distance[, 6L]
    order <- order(fifth)
    median <- fifth[order][[which(cumsum(mass[order]) >= 0.5)[[1L]]]]
    centred <- sweep(states, 2L, colSums(states * mass))
    c(
      outside = sum(mass[fifth > stats::quantile(own, 0.99)]), knn = median / stats::median(own),
      var = sum(colSums(centred^2 * mass)) / sum(apply(observed, 2L, stats::var))
    )
  })
  at <- do.call(rbind, at)
  last <- at[nrow(at), ]
  list(
    outside = last[["outside"]], outside.worst = max(at[, "outside"]), knn = last[["knn"]],
    knn.worst = max(at[, "knn"]), var = last[["var"]]
  )
}

# Mean over members of a field at cells of all times, cells x columns; `field(engine, x, time)` gives it of one member.
field_at <- function(model, field, x, times) {
  members <- lapply(model$states, function(state) {
    engine <- methods::new(NeuralSDE, state)
    values <- NULL
    for (rows in split(seq_along(times), times)) {
      here <- field(engine, x[rows, , drop = FALSE], times[[rows[[1L]]]])
      if (is.null(values)) values <- matrix(0, nrow(x), ncol(here))
      values[rows, ] <- here
    }
    values
  })
  Reduce(`+`, members) / length(members)
}

# Noise found over the true one, each the length of its vector over dimensions of signal, median over cells: those of
# the first two times that are no fate, and the fates of the last two; noise in the dimensions that are measurement,
# over their spread.
noise_scores <- function(model, s) {
  if (is.null(s$sd)) return(NULL)
  g <- field_at(model, function(engine, x, t) engine$diffusion(x, t), s$x, s$times)
  days <- sort(unique(s$times))
  early <- s$times %in% days[1:2]
  late <- s$times %in% utils::tail(days, 2L)
  undecided <- if (is.null(s$labels)) early else early & s$labels %in% s$exclude
  committed <- if (is.null(s$labels)) late else late & !(s$labels %in% s$exclude)
  length_of <- function(v) sqrt(rowSums(v[, s$signal, drop = FALSE]^2))
  each <- length_of(g) / length_of(s$sd)
  ratio <- function(rows) stats::median(each[rows], na.rm = TRUE)
  alone <- !is.na(s$measurement)
  list(
    sig.early = ratio(undecided), sig.late = ratio(committed),
    sig.none = if (any(alone)) stats::median(sweep(g[, alone, drop = FALSE], 2L, s$measurement[alone], `/`)) else NA
  )
}

growth_scores <- function(model, s) {
  if (is.null(s$growth) || !methods::new(NeuralSDE, model$states[[1L]])$has_growth()) return(NULL)
  found <- field_at(model, function(engine, x, t) engine$growth(x, t), s$x, s$times)[, 1L]
  list(g.cor = stats::cor(found, s$growth), g.slope = unname(stats::coef(stats::lm(found ~ s$growth))[[2L]]))
}

# W1 of the time left out; `fit(rows)` gives a model of some of the cells.
left_out_scores <- function(fit, s) {
  if (is.null(s$left.out)) return(NULL)
  model <- fit(s$learn[s$times[s$learn] != s$left.out])
  scores <- as.data.frame(ScoreInterpolation(
    s$x[s$learn, ], t.out = s$left.out, model = list(model = model), time = s$times[s$learn], n.cells = 500L,
    n.repeats = 3L, verbose = FALSE
  ))
  w1 <- function(predictor) scores$W1[match(predictor, scores$predictor)]
  list(W1 = w1("model"), floor = w1("noise floor"), McCann = w1("McCann"))
}

# Sinkhorn divergence of simulated held-out cells (mean of 3 simulations) to held-out cells of the later times, over
# that of fresh cells (mean of 5 draws).
held_out_scores <- function(model, s) {
  if (is.null(s$test)) return(NULL)
  distance <- function(x, y) OTDistance(x, y, options = SinkhornOptions(blur = 0.1, scaling = 0.9))$value
  days <- sort(unique(s$times))
  later <- seq_along(days)[-1L]
  each <- vapply(1:3, function(seed) {
    states <- SimulateCells(s$test[[1L]], model = model, n.sim = 1L, t.out = days, cells = seq_len(nrow(s$test[[1L]])),
      seed.use = seed, verbose = FALSE)$states
    vapply(later, function(k) distance(states[, , k], s$test[[k]]), 0)
  }, numeric(length(later)))
  set.seed(1)
  fresh <- vapply(later, function(k) {
    rows <- which(s$times == days[[k]])
    mean(replicate(5L, distance(s$x[sample(rows, nrow(s$test[[k]])), ], s$test[[k]])))
  }, 0)
  ratio <- rowMeans(each) / fresh
  list(cloud.mid = ratio[[1L]], cloud.last = ratio[[length(ratio)]])
}
