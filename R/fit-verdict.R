# How a trained SDE went: futures of the cells of the first time beside the cells that were observed later. Takes a
# member's engine and the cells it was trained on; gives a table with a row for each later time, and a verdict in words.

# Futures, and observed cells of each time that they are compared with, at most.
verdict_size <- c(futures = 500, observed = 1000)
# Nearest observed cells whose mean distance says how far a state is from the data, and the quantile of that distance
# among the observed cells beyond which a state lies outside.
verdict_neighbors <- 5L
verdict_edge <- 0.99
# Fewer cells of a time tell too little of its cloud.
least_judged <- 20L

# What a good fit keeps to at each time. Perfect are outside 1 - verdict_edge, knn and variance 1, and energy 0, in
# units of the distance to the cells of the time before. Fits of a thousand updates stay well within these limits at the
# last time (outside 0.03, knn 1.15) but not at times between, where cells are on their way: up to 0.08 and 1.3. Those
# of a hundred exceed them. A variance above `blown` is no matter of too few updates; where cells are `far` times
# farther out than the limits of outside and knn, that is what is wrong, whatever their variance.
verdict_limits <- list(outside = 0.1, knn = c(0.75, 1.4), variance = c(0.7, 1.4), energy = 0.1, blown = 3, far = 3)
# Halves of the observed cells whose distance is the noise of a distance.
verdict_splits <- 5L

# data.frame(time, outside, knn, variance, energy, floor, before), see FitSDE(). `held`: TRUE for cells that were held
# out; `rates`: growth rates that were given, or NULL.
fit_check <- function(engine, x, time, held, rates, seed) {
  times <- sort(unique(time))
  drawn <- function(k, most) {
    at <- time == times[[k]]
    held_first(which(at & held), which(at & !held), most, seed, k)
  }
  starts <- drawn(1L, verdict_size[["futures"]])
  n.sim <- ceiling(verdict_size[["futures"]] / length(starts))
  futures <- engine$simulate(x[starts, , drop = FALSE], times, n.sim, seed, 2^41)
  rate <- if (is.null(rates)) 0 else rep(rates[starts], each = n.sim)
  observed <- lapply(seq_along(times), function(k) x[drawn(k, verdict_size[["observed"]]), , drop = FALSE])
  do.call(rbind, lapply(seq_along(times)[-1L], function(k) {
    log.mass <- futures$log_weights[, k] + rate * (times[[k]] - times[[1L]])
    mass <- exp(log.mass - max(log.mass))
    states <- matrix(futures$states[, , k], ncol = ncol(x))
    scores <- cloud_check(states, mass / sum(mass), observed[[k]], observed[[k - 1L]], seed)
    data.frame(time = times[[k]], t(scores))
  }))
}

# At most `most` cells in random order: those held out, then others.
held_first <- function(held, others, most, seed, draw) {
  take <- function(cells, n, draw) {
    n <- min(n, length(cells))
    if (n > 0L) cells[draw_cells(length(cells), n, numeric(), seed, draw)]
  }
  c(take(held, most, 2 * draw), take(others, most - min(most, length(held)), 2 * draw + 1))
}

# Scores of one simulated cloud. NA where too few cells were observed; Inf where paths are lost.
cloud_check <- function(states, weights, observed, before, seed) {
  scores <- c("outside", "knn", "variance", "energy", "floor", "before")
  n <- nrow(observed)
  if (n < least_judged || !all(is.finite(states)) || !all(is.finite(weights))) {
    return(stats::setNames(rep(if (n < least_judged) NA_real_ else Inf, length(scores)), scores))
  }
  own <- rowMeans(knn_self(observed, verdict_neighbors, knn_defaults(), thread_count())$distance)
  far <- rowMeans(knn_query(observed, states, verdict_neighbors, knn_defaults(), thread_count())$distance)
  energy <- function(a, b, weights = numeric()) ot_energy(a, b, weights, numeric())
  halves <- vapply(seq_len(verdict_splits), function(i) {
    half <- draw_cells(n, n %/% 2L, numeric(), seed, 1000 + i)
    abs(energy(observed[half, , drop = FALSE], observed[-half, , drop = FALSE]))
  }, 0)
  spread <- total_variance(observed, rep(1 / n, n))
  c(
    outside = sum(weights[far > stats::quantile(own, verdict_edge)]),
    knn = weighted_median(far, weights) / stats::median(own), variance = total_variance(states, weights) / spread,
    energy = energy(states, observed, weights), floor = mean(halves), before = energy(before, observed)
  )
}

weighted_median <- function(x, weights) {
  order <- order(x)
  x[order][[which(cumsum(weights[order]) >= 0.5 * sum(weights))[[1L]]]]
}

total_variance <- function(x, weights) {
  centre <- colSums(x * weights)
  sum(colSums(x^2 * weights) - centre^2)
}

# What the scores mean: list(verdict, time, reason, advice), `time` that at which it is worst. `check`: the rows of all
# members; `config`: the options.
fit_verdict <- function(check, config) {
  table <- member_means(check)
  table <- table[!is.na(table$outside), , drop = FALSE]
  if (nrow(table) == 0L) {
    return(NULL)
  }
  limits <- verdict_limits
  noisy <- isTRUE(config$bridge.noise > train_member_noise(1, 2L))
  few <- updates_of(config) < updates_of(utils::modifyList(config, list(updates = 0)))
  lost <- !is.finite(table$variance)
  misplaced <- (table$energy - 2 * table$floor) / pmax(table$before, table$floor)
  astray <- pmax(table$outside / limits$outside, table$knn / limits$knn[[2L]])
  # The first that holds at any time, at the time at which it is worst.
  kinds <- list(
    lost = ifelse(lost, Inf, 0), blown = table$variance / limits$blown, misplaced = misplaced / limits$energy,
    far = astray / limits$far,
    narrow = pmax(limits$variance[[1L]] / table$variance, limits$knn[[1L]] / table$knn),
    wide = table$variance / limits$variance[[2L]], astray = astray
  )
  kind <- Find(function(k) any(kinds[[k]] > 1), names(kinds))
  if (is.null(kind)) {
    return(list(verdict = "good", time = NA_real_, reason = good_reason(table), advice = NA_character_))
  }
  worst <- table[which.max(kinds[[kind]]), ]
  verdict <- switch(kind, lost = , blown = , far = , wide = "spread", narrow = "shrunk", misplaced = "underfit",
    astray = if (noisy) "spread" else "underfit")
  # Before anything else is changed.
  if (few && kind != "lost") verdict <- "underfit"
  list(
    verdict = verdict, time = worst$time, reason = bad_reason(kind, worst), advice = fit_advice(verdict, config, noisy)
  )
}

updates_of <- function(config) train_updates(config[names(train_defaults("none"))])

# One row for each time: the means of members.
member_means <- function(check) {
  scores <- setdiff(names(check), c("member", "time"))
  means <- rowsum(as.matrix(check[scores]), check$time) / as.vector(table(check$time))
  data.frame(time = as.numeric(rownames(means)), means, row.names = NULL)
}

good_reason <- function(table) {
  ratio <- function(v) paste(unique(format(range(v), digits = 2L, nsmall = 2L)), collapse = " to ")
  paste0("at every time at most ", percent(max(table$outside)), " of the simulated cells lie outside the observed ",
    "ones (1 % of these do), with ", ratio(table$variance), " of their variance")
}

bad_reason <- function(kind, worst) {
  at <- paste0("at time ", format(worst$time), " ")
  number <- function(v) format(v, digits = 2L)
  switch(kind,
    lost = paste0(at, "some simulated cells are at no finite place"),
    blown = ,
    wide = paste0(at, "simulated cells have ", number(worst$variance), " times the variance of the observed ones"),
    narrow = if (worst$variance < verdict_limits$variance[[1L]]) {
      paste0(at, "simulated cells have only ", number(worst$variance), " of the variance of the observed ones")
    } else {
      paste0(at, "simulated cells crowd in few places: they are ", number(worst$knn),
        " times as far from observed cells as these are from each other")
    },
    misplaced = paste0(at, "simulated cells are not where the observed ones are: the energy distance is ",
      number(worst$energy), " (", number(worst$floor), " between halves of these, ", number(worst$before),
      " to the cells of the time before)"),
    far = ,
    astray = if (worst$outside > verdict_limits$outside) {
      paste0(at, percent(worst$outside), " of the simulated cells lie outside the observed ones (1 % of these do)")
    } else {
      paste0(at, "simulated cells are ", number(worst$knn),
        " times as far from observed cells as these are from each other")
    }
  )
}

# What to change, by the options of the fit.
fit_advice <- function(verdict, config, noisy) {
  bridge <- has_bridge(config)
  quiet <- bridge && isTRUE(config$bridge.noise > 0) && config$bridge.noise < train_member_noise(0, 2L)
  more <- paste0("more `updates` (", updates_of(config), " were made)")
  switch(verdict,
    good = NA_character_,
    underfit = paste0(more, if (quiet) ", a higher `bridge.noise`", " or wider `drift.hidden` may help"),
    spread = if (noisy) "a lower `bridge.noise` helps" else if (bridge) {
      paste0(more, ", a lower `bridge.noise` or a smaller `dt` may help")
    } else {
      paste0(more, " or a smaller `dt` may help")
    },
    shrunk = if (bridge) paste0(more, " or a higher `bridge.noise` may help") else {
      "`method = \"bridge\"` or a higher `sliced.weight` may help"
    }
  )
}

# One line. `verdict`: what fit_verdict() gives, or NULL.
fit_text <- function(verdict) {
  if (is.null(verdict)) {
    return(NULL)
  }
  paste0(verdict$verdict, ": ", verdict$reason, if (!is.na(verdict$advice)) paste0("; ", verdict$advice))
}

# Rows of the summary of a model; none of one that was fitted before there were checks.
check_numbers <- function(check) {
  scores <- if (!is.null(check)) c(outside = "outside", knn = "neighbour ratio", variance = "total variance ratio")
  do.call(rbind, lapply(names(scores), function(score) {
    numbers_of(scores[[score]], check[[score]], member = check$member, time = check$time)
  }))
}
