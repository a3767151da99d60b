# The tables of CompareDynamics(): effects of groups with bootstrap intervals, the tests of Kruskal and Wallis and of
# Dunn on blocks, and partial rank correlations with the number of fates.

# `values`: cells x quantities; `groupings`: factors; `controls`: cells x controls or NULL; `sizes`: logarithm of the
# labelled cells of clones, or NULL; `block`: codes from 1 or NULL.
# `members`: of the model that the values are of, NULL where not known.
compare_groups <- function(values, groupings, controls, sizes, n.fates, block, n.boot, level, seed, members = NULL) {
  if (is.null(block)) block <- seq_len(nrow(values))
  parts <- list(groups = NULL, tests = NULL, pairs = NULL, trend = NULL)
  for (name in names(groupings)) {
    for (q in colnames(values)) {
      given <- cbind(values[, setdiff(colnames(values), q), drop = FALSE], controls,
        if (name == "fates" && !is.null(sizes)) cbind(clone_size = sizes))
      known <- !is.na(values[, q]) & !is.na(groupings[[name]]) & rowSums(is.na(given)) == 0
      one <- comparison_part(values[known, q], droplevels(groupings[[name]][known]), given[known, , drop = FALSE],
        match(block[known], unique(block[known])), name, q, n.boot, level, seed)
      for (part in names(one)) parts[[part]] <- rbind(parts[[part]], one[[part]])
      if (name == "fates") {
        parts$trend <- rbind(parts$trend, fate_trend(values[known, q], n.fates[known], given[known, , drop = FALSE],
          match(block[known], unique(block[known])), q, n.boot, level, seed))
      }
    }
  }
  parts$tests$q <- stats::p.adjust(parts$tests$p, "BH")
  for (part in c("tests", "pairs", "trend")) {
    if (!is.null(parts[[part]])) parts[[part]] <- without_sureness(parts[[part]], members)
  }
  parts$members <- members
  parts$controls <- c(colnames(controls), if (!is.null(sizes)) "clone_size")
  new_result("comparison", parts$groups, parts[setdiff(names(parts), "groups")], by = "group")
}

# A table with its p over cells as `p_cells`; of one member they are all that is known, and `p` and `q` are NA.
without_sureness <- function(table, members) {
  rownames(table) <- NULL
  table$p_cells <- table$p
  if (identical(members, 1L)) table[intersect(c("p", "q"), names(table))] <- NA_real_
  table
}

comparison_part <- function(y, group, given, block, name, q, n.boot, level, seed) {
  if (nlevels(group) < 2L) {
    stop_input(if (name == "fates") "n.fates" else "group.by", "All cells with a known ", quoted(q),
      " are in one group, ", quoted(levels(group)), "; at least two are needed.")
  }
  if (max(block) < 3L) {
    stop_input("block", "`block`: the cells are of ", max(block), " block", if (max(block) > 1L) "s",
      "; at least 3 are needed.")
  }
  effects <- group_effects(y, group, given, block, n.boot, level, seed)
  units <- stats::aggregate(y, list(group = group, block = block), mean)
  test <- stats::kruskal.test(units$x, units$group)
  head <- data.frame(quantity = q, grouping = name)
  list(
    groups = cbind(head[rep(1L, nlevels(group)), ], effects),
    tests = cbind(head, statistic = unname(test$statistic), df = unname(test$parameter), p = test$p.value, q = NA,
      epsilon2 = unname(test$statistic) / (nrow(units) - 1)),
    pairs = cbind(head, dunn_tests(units$x, units$group), row.names = NULL)
  )
}

# One row per group. The bootstrap draws blocks; residuals are fitted anew.
group_effects <- function(y, group, given, block, n.boot, level, seed) {
  inside <- stats::model.matrix(~ group - 1)
  design <- cbind(1, given)
  draws <- bootstrap_draws(max(block), n.boot, seed)
  statistics <- function(w) {
    effect <- function(v) {
      total <- sum(w)
      n <- colSums(w * inside)
      sum.in <- colSums(w * v * inside)
      mean.all <- sum(w * v) / total
      sd <- sqrt(sum(w * (v - mean.all)^2) / total)
      list(mean = sum.in / n, effect = (sum.in / n - (sum(w * v) - sum.in) / (total - n)) / sd)
    }
    plain <- effect(y)
    left <- if (ncol(given) > 0L) {
      stats::lm.wfit(design, y, w)$coefficients
    }
    residual <- if (is.null(left)) y else y - drop(design %*% ifelse(is.na(left), 0, left))
    c(plain$mean, plain$effect, effect(residual)$effect)
  }
  found <- statistics(rep(1, length(y)))
  sampled <- vapply(seq_len(n.boot), function(b) statistics(draws[block, b]), found)
  edge <- function(p) apply(sampled, 1L, stats::quantile, p, na.rm = TRUE, names = FALSE)
  low <- edge((1 - level) / 2)
  high <- edge((1 + level) / 2)
  k <- nlevels(group)
  at <- function(v, part) unname(v[(part - 1L) * k + seq_len(k)])
  data.frame(
    group = levels(group), cells = as.vector(table(group)),
    blocks = vapply(split(block, group), function(b) length(unique(b)), 1L), mean = at(found, 1L),
    median = vapply(split(y, group), stats::median, 1), mean_low = at(low, 1L), mean_high = at(high, 1L),
    effect = at(found, 2L), effect_low = at(low, 2L), effect_high = at(high, 2L), adjusted = at(found, 3L),
    adjusted_low = at(low, 3L), adjusted_high = at(high, 3L), row.names = NULL
  )
}

# Dunn's z of all pairs of groups, two-sided, with ties.
dunn_tests <- function(y, group) {
  n <- length(y)
  ranks <- rank(y)
  ties <- table(y)
  variance <- n * (n + 1) / 12 - sum(ties^3 - ties) / (12 * (n - 1))
  size <- as.vector(table(group))
  means <- as.vector(tapply(ranks, group, mean))
  pairs <- utils::combn(nlevels(group), 2L)
  a <- pairs[1L, ]
  b <- pairs[2L, ]
  z <- (means[a] - means[b]) / sqrt(variance * (1 / size[a] + 1 / size[b]))
  p <- 2 * stats::pnorm(-abs(z))
  data.frame(first = levels(group)[a], second = levels(group)[b], z = z, p = p, q = stats::p.adjust(p, "BH"))
}

# Rank correlations with the number of fates: alone, given each control, given all.
fate_trend <- function(y, n.fates, given, block, q, n.boot, level, seed) {
  ranked <- apply(given, 2L, rank)
  sets <- c(list(nothing = integer()), stats::setNames(as.list(seq_len(ncol(given))), colnames(given)))
  if (ncol(given) > 1L) sets$all <- seq_len(ncol(given))
  rows <- lapply(names(sets), function(name) {
    found <- gene_correlations(
      matrix(rank(n.fates), 1L), matrix(rank(y)), matrix(ranked[, sets[[name]]], length(y)), block, max(block), n.boot,
      level, seed, function(done) NULL, thread_count()
    )$partial
    r <- found$estimate[1L, 1L]
    data.frame(
      quantity = q, given = name, correlation = r, correlation_low = found$low[1L, 1L],
      correlation_high = found$high[1L, 1L],
      p = 2 * stats::pt(-abs(atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))) / found$se[1L, 1L], max(block) - 1)
    )
  })
  do.call(rbind, rows)
}
