# Statistics of paired arms. Arrays are cells x fates x members; a change is perturbed less control, of the same cells,
# the same members and the same noise.

# Mean over cells of each fate and member, fates x members, over the cells known in both arms.
paired_means <- function(control, perturbed) {
  known <- !is.na(control) & !is.na(perturbed)
  list(
    control = apply(replace(control, !known, NA), 2:3, mean, na.rm = TRUE),
    perturbed = apply(replace(perturbed, !known, NA), 2:3, mean, na.rm = TRUE)
  )
}

# Mean over members of a cells x fates x members array.
over_members <- function(a) {
  out <- apply(a, 1:2, mean, na.rm = TRUE)
  matrix(out, dim(a)[[1L]], dim(a)[[2L]], dimnames = dimnames(a)[1:2])
}

# Interval and p-value of the rows of `values` (fates x members) by the spread between members; NA for one member:
# cells are no replicates of a training.
by_members <- function(values, conf.level) {
  n <- ncol(values)
  centre <- rowMeans(values)
  if (n < 2L) return(data.frame(estimate = centre, low = NA_real_, high = NA_real_, se = NA_real_, p = NA_real_))
  se <- apply(values, 1L, stats::sd) / sqrt(n)
  half <- stats::qt((1 + conf.level) / 2, n - 1) * se
  t <- centre / se
  data.frame(estimate = centre, low = centre - half, high = centre + half, se = se,
    p = ifelse(se > 0, 2 * stats::pt(-abs(t), n - 1), ifelse(centre == 0, 1, 0)))
}

# What print() says where there is one member.
one_member <- "one model cannot tell how sure this is, so there is no p and no interval; fit `n.models = 3` or more"

# Standard error over cells of the means of `values`, cells x fates.
se_over_cells <- function(values) apply(values, 2L, stats::sd, na.rm = TRUE) / sqrt(colSums(!is.na(values)))

# Wilcoxon's signed-rank test of each column, cells as pairs; 1 where nothing changed. It tells how many cells of these
# models change, not whether other models would agree.
signed_rank <- function(control, perturbed) {
  vapply(seq_len(ncol(control)), function(f) {
    d <- perturbed[, f] - control[, f]
    d <- d[!is.na(d) & d != 0]
    if (length(d) == 0L) {
      return(1)
    }
    stats::wilcox.test(d, exact = length(d) < 50L && !anyDuplicated(abs(d)))$p.value
  }, numeric(1))
}

# McNemar's exact test of one fate: cells whose future comes to it, or leaves it.
exact_mcnemar <- function(gained, lost) {
  n <- gained + lost
  if (n == 0L) 1 else min(1, 2 * stats::pbinom(min(gained, lost), n, 0.5))
}

mcnemar_table <- function(first, fates) {
  counts <- lapply(fates, function(fate) {
    before <- first[, 1L] %in% fate
    after <- first[, 2L] %in% fate
    c(sum(!before & after), sum(before & !after))
  })
  gained <- vapply(counts, `[[`, numeric(1), 1L)
  lost <- vapply(counts, `[[`, numeric(1), 2L)
  data.frame(gained = gained, lost = lost, p = mapply(exact_mcnemar, gained, lost))
}

# Half an observation keeps ratios and odds finite.
log2_ratio <- function(perturbed, control, n) log2((perturbed * n + 0.5) / (control * n + 0.5))

log_odds <- function(p, n) log((p * n + 0.5) / ((1 - p) * n + 0.5))

# One row per fate. `n`: trajectories of each arm and member.
perturb_table <- function(control, perturbed, first, n, conf.level) {
  means <- paired_means(control, perturbed)
  members <- dim(control)[[3L]]
  each <- function(m) matrix(m, length(dimnames(control)[[2L]]))
  before <- each(means$control)
  after <- each(means$perturbed)
  ratio <- each(log2_ratio(after, before, n))
  cells <- list(over_members(control), over_members(perturbed))
  change <- by_members(after - before, conf.level)
  log2 <- by_members(ratio, conf.level)
  out <- data.frame(
    fate = dimnames(control)[[2L]], control = rowMeans(before), perturbed = rowMeans(after),
    change = rowMeans(after - before), change_se = change$se, change_low = change$low, change_high = change$high,
    log2_ratio = rowMeans(ratio), log2_ratio_low = log2$low, log2_ratio_high = log2$high,
    spread = if (members > 1L) apply(after - before, 1L, stats::sd) else NA_real_,
    se_cells = se_over_cells(cells[[2L]] - cells[[1L]]), p = change$p,
    p_wilcoxon = signed_rank(cells[[1L]], cells[[2L]])
  )
  if (!is.null(first)) {
    paired <- mcnemar_table(first, out$fate)
    out$gained <- paired$gained
    out$lost <- paired$lost
    out$p_mcnemar <- paired$p
  }
  out$q <- stats::p.adjust(out$p, "BH")
  rownames(out) <- NULL
  out
}

# Does the whole differ from the sum of its parts? On the scale of log odds: expected is the sum of the parts'
# changes. `parts`: arrays as `control`; one row per fate.
interaction_table <- function(control, whole, parts, n, conf.level) {
  odds <- function(a) {
    m <- apply(a, 2:3, mean, na.rm = TRUE)
    log_odds(matrix(m, dim(a)[[2L]]), n)
  }
  base <- odds(control)
  expected <- base + Reduce(`+`, lapply(parts, function(p) odds(p) - base))
  found <- odds(whole)
  excess <- found - expected
  out <- data.frame(
    fate = dimnames(control)[[2L]], expected = rowMeans(stats::plogis(expected)),
    found = rowMeans(stats::plogis(found)), interaction = rowMeans(excess), interaction_low = NA_real_,
    interaction_high = NA_real_, p = NA_real_
  )
  out[c("interaction_low", "interaction_high", "p")] <- by_members(excess, conf.level)[c("low", "high", "p")]
  rownames(out) <- NULL
  out
}

# Tests against what matched genes do: `effect` of some genes against `pool`, effects of others. `at` and
# `pool.at`: genes x features to match on. `self`: the place of each gene in the pool, or NA. Centre and scale of
# the `n` nearest are their median and the larger of median absolute and standard deviation; p is of the normal
# distribution, p_rank the share of them that are as far from their centre.
matched_test <- function(effect, at, pool, pool.at, self, n) {
  known <- which(is.finite(pool))
  out <- vapply(seq_along(effect), function(g) {
    others <- setdiff(known, self[[g]])
    if (length(others) < 10L || !is.finite(effect[[g]])) {
      return(c(NA_real_, NA_real_, NA_real_))
    }
    d <- colSums((t(pool.at[others, , drop = FALSE]) - at[g, ])^2)
    null <- pool[others[order(d)[seq_len(min(n, length(others)))]]]
    centre <- stats::median(null)
    # The deviation that is not robust is larger where some genes do much more than most: those are no surprise.
    spread <- max(stats::mad(null, centre), stats::sd(null))
    z <- if (spread > 0) (effect[[g]] - centre) / spread else if (effect[[g]] == centre) 0 else Inf
    far <- sum(abs(null - centre) >= abs(effect[[g]] - centre))
    c(z, 2 * stats::pnorm(-abs(z)), (far + 1) / (length(null) + 1))
  }, numeric(3))
  data.frame(z = out[1L, ], p = out[2L, ], p_rank = out[3L, ])
}

# Ranks of the columns from 0 to 1, so that features weigh alike.
matching_features <- function(...) {
  apply(cbind(...), 2L, function(v) rank(v) / length(v))
}

# Tests against random genes: `effect` of some genes that move cells by `size`, against `null`, effects of random genes
# that move them by `null.size`. Of the `n` nearest in size, in logarithms, effects are taken in proportion to the size;
# their centre is the median, their spread the standard deviation, p is of Student's t, p_rank the share that is as far.
# In few dimensions a random direction has much in common with any other, and p is too large rather than too small.
random_test <- function(effect, size, null, null.size, n) {
  known <- which(is.finite(null) & null.size > 0)
  n <- min(n, length(known))
  out <- vapply(seq_along(effect), function(g) {
    if (n < 10L || !is.finite(effect[[g]])) return(c(NA_real_, NA_real_, NA_real_))
    # A gene that moves nothing does nothing.
    if (size[[g]] <= 0) return(c(0, 1, 1))
    near <- known[order(abs(log(null.size[known] / size[[g]])))[seq_len(n)]]
    drawn <- null[near] * size[[g]] / null.size[near]
    centre <- stats::median(drawn)
    spread <- stats::sd(drawn) * sqrt(1 + 1 / n)
    z <- if (spread > 0) (effect[[g]] - centre) / spread else if (effect[[g]] == centre) 0 else Inf
    far <- sum(abs(drawn - centre) >= abs(effect[[g]] - centre))
    c(z, 2 * stats::pt(-abs(z), n - 1L), (far + 1) / (n + 1))
  }, numeric(3))
  data.frame(z = out[1L, ], p = out[2L, ], p_rank = out[3L, ])
}
