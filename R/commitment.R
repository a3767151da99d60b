# What FateDynamics() computes of paths. Votes are arrays [path, time, fate]; weights are the mass that growth
# gave, the heaviest path of all having 1; "groups" are what the bootstrap draws, cells or paths.

# `votes`: see fate_references().
dynamics_of <- function(paths, votes, definition, settings) {
  references <- votes$references
  counted <- votes$counted
  times <- paths$times
  if (length(times) < 2L) {
    stop_input("object", "`object`: there is one time only, so nothing is known of the way; keep the states of ",
      "several times.")
  }
  if (length(paths$cell) < 2L) stop_input("object", "`object` has one path only; at least 2 are needed.")
  paths$cell <- droplevels(paths$cell)
  seen <- votes_along(paths, references, counted)
  passages <- lapply(seq_along(counted), function(f) {
    path_passages(matrix(seen$votes[, , f], ncol = length(times)), times - times[[1L]], settings$threshold)
  })
  names(passages) <- references$labels[counted]
  groups <- if (nlevels(paths$cell) > 1L) as.integer(paths$cell) else seq_along(paths$cell)
  draws <- bootstrap_draws(max(groups), settings$n.boot, settings$seed)
  weights <- path_weights(paths)
  last <- weights[, length(times)]
  entropies <- entropies_along(paths, seen$votes, settings$k)
  committed <- commitments(passages)
  passed <- lapply(passages, passage_curve, times - times[[1L]], last, groups, draws, settings$conf.level)
  mean.entropy <- entropy_curve(entropies, weights, times, groups, paths$member, draws, settings$conf.level)
  by.cell <- cell_means(entropies, weights, paths$cell)
  new_result(
    "dynamics",
    table = data.frame(
      cell = levels(paths$cell), cell_commitments(committed, passages[[1L]]$until, last, paths),
      start_entropy = by.cell[, 1L], row.names = NULL
    ),
    parts = list(
      passage = stack_tables(lapply(passed, function(p) data.frame(time = times, p$curve)), "fate"),
      median = stack_tables(lapply(passed, `[[`, "median"), "fate"),
      entropy = mean.entropy$curve,
      point = c(mean.entropy$point, list(
        state = undecided_state(paths, entropies, weights, mean.entropy$at)
      )),
      stream = seen$stream, by.cell = by.cell,
      paths = data.frame(
        cell = paths$cell, sim = paths$sim, member = paths$member,
        fate = committed$fate, commitment_time = committed$time
      ),
      fates = names(passages), threshold = settings$threshold, reduction = paths$reduction, cols = definition$cols,
      column = definition$column
    ),
    by = "cell"
  )
}

# votes: [path, time, fate], NaN from where a path is lost; stream: the shares of all labels by time.
votes_along <- function(paths, references, counted) {
  size <- dim(paths$states)
  weights <- path_weights(paths)
  votes <- array(0, c(size[[1L]], size[[3L]], length(counted)))
  labels <- c(references$labels, "unassigned")
  stream <- lapply(seq_len(size[[3L]]), function(t) {
    x <- matrix(paths$states[, , t], size[[1L]])
    shares <- label_states(references$index, x, thread_count())$probability
    lost <- rowSums(!is.finite(x)) > 0
    mass <- ifelse(lost, 0, weights[, t])
    by.label <- colSums(shares * mass) / sum(mass)
    shares[lost, ] <- NaN
    votes[, t, ] <<- shares[, counted]
    data.frame(
      time = paths$times[[t]], label = factor(labels, levels = labels),
      share = c(by.label, max(0, 1 - sum(by.label)))
    )
  })
  list(votes = votes, stream = do.call(rbind, stream))
}

# Mass of each path at each time, the heaviest of all having 1.
path_weights <- function(paths) exp(paths$log_weights - max(paths$log_weights))

# The fate each path commits to and when; regions do not overlap, so there is at most one.
commitments <- function(passages) {
  stays <- vapply(passages, `[[`, passages[[1L]]$stays, "stays")
  stays <- matrix(stays, ncol = length(passages))
  found <- rowSums(!is.na(stays)) > 0
  which <- max.col(replace(-stays, is.na(stays), -Inf), "first")
  which[!found] <- NA
  list(
    fate = factor(names(passages)[which], levels = names(passages)),
    time = ifelse(found, stays[cbind(seq_along(which), which)], NA_real_)
  )
}

# Restricted mean time to commitment, its standard error and the share that commits, cell by cell.
# The error is the larger of that of the mean and of the spread between members over the root of their number.
cell_commitments <- function(committed, until, weights, paths) {
  lasting <- ifelse(is.na(committed$time), until, committed$time)
  known <- is.finite(lasting)
  cell <- paths$cell[known]
  w <- weights[known]
  t <- lasting[known]
  by.member <- lapply(split(seq_along(cell), paths$member[known]), function(rows) {
    all <- seq_len(nlevels(cell))
    of <- function(v) rowsum(c(v[rows], numeric(length(all))), c(as.integer(cell[rows]), all))[, 1L]
    mass <- of(w)
    mean <- of(w * t) / mass
    squares <- of(w * (t - mean[as.integer(cell)])^2) / mass
    effective <- mass^2 / of(w^2)
    list(
      mean = mean, sampling = squares / pmax(effective - 1, 1),
      share = of(w * !is.na(committed$time[known])) / mass
    )
  })
  n <- length(by.member)
  column <- function(part) matrix(unlist(lapply(by.member, `[[`, part)), ncol = n)
  mean <- rowMeans(column("mean"))
  between <- row_sds(column("mean"))^2 / n
  data.frame(
    commitment_time = mean,
    commitment_time_se = sqrt(pmax(rowMeans(column("sampling")) / n, between)),
    commitment_share = rowMeans(column("share"))
  )
}

# Sums of each group by column of `m`.
group_sums <- function(m, groups) rowsum(m, factor(groups, levels = seq_len(max(groups))))

interval <- function(samples, conf.level) {
  q <- stats::quantile(samples, c(1 - conf.level, 1 + conf.level) / 2, na.rm = TRUE, names = FALSE, type = 1L)
  ifelse(is.finite(q), q, NA_real_)
}

# Kaplan and Meier's share of paths that have passed by each of `times`, and its median.
passage_curve <- function(passage, times, weights, groups, draws, conf.level) {
  happened <- !is.na(passage$first)
  # The interval (times[k - 1], times[k]] in which a path passes or is lost.
  at <- findInterval(ifelse(happened, passage$first, passage$until), times, left.open = TRUE) + 1L
  at[is.na(at)] <- 0L
  by.time <- function(counts) {
    vapply(seq_along(times), function(k) weights * counts(k), weights)
  }
  events <- group_sums(by.time(function(k) happened & at == k), groups)
  # Who is lost at times[k] was still there in the interval that ends there.
  risk <- group_sums(by.time(function(k) at >= k), groups)
  share <- function(d, r) {
    hazard <- ifelse(r > 0, pmin(d / r, 1), 0)
    1 - t(apply(1 - hazard, 1L, cumprod))
  }
  all <- share(t(colSums(events)), t(colSums(risk)))[1L, ]
  samples <- share(crossprod(draws, events), crossprod(draws, risk))
  edges <- apply(samples, 2L, interval, conf.level)
  medians <- apply(samples, 1L, half_time, times)
  edge <- interval(medians, conf.level)
  list(
    curve = data.frame(share = all, share_low = edges[1L, ], share_high = edges[2L, ]),
    median = data.frame(
      median = finite_or_na(half_time(all, times)), median_low = edge[[1L]], median_high = edge[[2L]],
      share = all[[length(all)]]
    )
  )
}

finite_or_na <- function(x) ifelse(is.finite(x), x, NA_real_)

# When a rising share passes a half; Inf where it does not.
half_time <- function(share, times) {
  k <- which(share >= 0.5)
  if (length(k) == 0L) {
    return(Inf)
  }
  k <- k[[1L]]
  if (k == 1L) {
    return(times[[1L]])
  }
  before <- share[[k - 1L]]
  times[[k - 1L]] + (times[[k]] - times[[k - 1L]]) * (0.5 - before) / (share[[k]] - before)
}

# Entropy (nats) of the fates to come, paths x times; NaN where none is to come.
entropies_along <- function(paths, votes, k) {
  last <- dim(votes)[[2L]]
  ends <- matrix(votes[, last, ], dim(votes)[[1L]])
  ends[!is.finite(ends)] <- 0
  out <- matrix(NaN, nrow(ends), last)
  for (rows in split(seq_along(paths$cell), paths$member)) {
    for (t in seq_len(last)) {
      gain <- exp(paths$log_weights[rows, last] - paths$log_weights[rows, t])
      out[rows, t] <- share_entropy(shares_to_come(
        matrix(paths$states[rows, , t], length(rows)), ends[rows, , drop = FALSE], gain, k,
        if (t == 1L) paths$cell[rows]
      ))
    }
  }
  out
}

# paths x fates. `cell`: where given and each has as many paths as are asked, its own paths tell.
shares_to_come <- function(x, ends, gain, k, cell = NULL) {
  if (!is.null(cell) && min(table(droplevels(cell))) >= k) {
    sums <- rowsum(ends * gain, cell)[as.character(cell), , drop = FALSE]
    return(unname(sums / rowSums(sums)))
  }
  out <- matrix(NaN, nrow(ends), ncol(ends))
  known <- which(rowSums(!is.finite(x)) == 0)
  if (length(known) < 2L) {
    return(out)
  }
  near <- knn_self(x[known, , drop = FALSE], min(k, length(known) - 1L), knn_defaults(), thread_count())$index
  out[known, ] <- path_forward_shares(near, ends[known, , drop = FALSE], gain[known], thread_count())
  out
}

share_entropy <- function(p) -rowSums(ifelse(!is.na(p) & p <= 0, 0, p * log(p)))

# Weighted means of each cell's paths at each time, cells x times.
cell_means <- function(values, weights, cell) {
  known <- !is.nan(values)
  sums <- group_sums(ifelse(known, values * weights, 0), as.integer(cell))
  out <- sums / group_sums(weights * known, as.integer(cell))
  rownames(out) <- levels(cell)
  out
}

# Mean entropy by time with its interval, and where it falls fastest.
entropy_curve <- function(entropies, weights, times, groups, member, draws, conf.level) {
  known <- !is.nan(entropies)
  value <- ifelse(known, entropies * weights, 0)
  mass <- weights * known
  sums <- group_sums(value, groups)
  masses <- group_sums(mass, groups)
  samples <- crossprod(draws, sums) / crossprod(draws, masses)
  edges <- apply(samples, 2L, interval, conf.level)
  mean <- colSums(sums) / colSums(masses)
  members <- rowsum(value, member) / rowsum(mass, member)
  at <- steepest(mean, times)
  middles <- (times[-1L] + times[-length(times)]) / 2
  edge <- interval(middles[apply(samples, 1L, steepest, times)], conf.level)
  list(
    curve = data.frame(time = times, entropy = mean, entropy_low = edges[1L, ], entropy_high = edges[2L, ],
      spread = row_sds(t(members))),
    point = list(time = middles[at], time_low = edge[[1L]], time_high = edge[[2L]]), at = at
  )
}

# Number of the stretch in which `values` falls fastest; NA where it never falls.
steepest <- function(values, times) {
  fall <- -diff(values) / diff(times)
  fall[!is.finite(fall)] <- 0
  if (max(fall) > 0) which.max(fall) else NA_integer_
}

# Where paths are that are undecided at time number `at`.
undecided_state <- function(paths, entropies, weights, at) {
  state <- stats::setNames(rep(NA_real_, length(paths$dims)), paths$dims)
  if (is.na(at)) {
    return(state)
  }
  w <- entropies[, at] * weights[, at]
  w[is.nan(w)] <- 0
  x <- matrix(paths$states[, , at], length(w))
  here <- w > 0
  state[] <- colSums(x[here, , drop = FALSE] * w[here]) / sum(w[here])
  state
}

# Tables one below the other, their names in a first column.
stack_tables <- function(tables, name) {
  key <- factor(rep(names(tables), vapply(tables, nrow, 1L)), levels = names(tables))
  out <- data.frame(key, do.call(rbind, unname(tables)), row.names = NULL)
  names(out)[[1L]] <- name
  out
}
