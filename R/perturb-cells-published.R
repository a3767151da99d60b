# Perturbation as scDiffEq's authors did it, for comparison: independent noise in both arms and a test of
# Monte-Carlo replicates. Source: Vinyard et al., Nat. Mach. Intell. 7 (2025), methods.

# What keeps the published ratio finite.
published_epsilon <- 1e-9

perturb_as_published <- function(context, change, replicates, n.cells, verbose) {
  drawn <- bootstrap_counts(length(context$futures$cells), replicates, context$seed)
  picks <- matrix(apply(drawn, 2L, spread_draws, n = n.cells), n.cells)
  references <- context_references(context)
  ends <- context$futures$members[[1L]](context$seed)$shares
  tick <- progress_bar(replicates, "Perturbing cells", verbose)
  shares <- lapply(seq_len(replicates), function(r) {
    x <- start_states(context)[picks[, r], , drop = FALSE]
    moved <- arm_of(context$space, change, x, context$futures$cells[picks[, r]])
    arms <- list(list(states = x, hold = NULL), moved)
    out <- lapply(1:2, function(a) {
      # Seeds of their own: nothing is shared between arms and draws.
      own <- context$seed + 2 * (r - 1) + a - 1
      colMeans(ends(references, arms[a], own)[[1L]]$share)[context$fates]
    })
    tick(r)
    out
  })
  pick <- function(a) {
    out <- vapply(shares, `[[`, numeric(length(context$fates)), a)
    matrix(out, length(context$fates), dimnames = list(fate_names(context), NULL))
  }
  control <- pick(1L)
  perturbed <- pick(2L)
  new_result("perturbation", data.frame(gene = changed_genes(change), published_table(control, perturbed)), list(
    change = change, published = list(control = control, perturbed = perturbed), n.cells = n.cells,
    seed = context$seed, cols = context$definition$cols
  ))
}

# n of the groups drawn so often, spread evenly over them.
spread_draws <- function(counts, n) {
  all <- rep(seq_along(counts), counts)
  all[round(seq(1, length(all), length.out = n))]
}

published_table <- function(control, perturbed) {
  lfc <- log2((perturbed + published_epsilon) / (control + published_epsilon))
  p <- vapply(seq_len(nrow(lfc)), function(f) {
    a <- perturbed[f, ]
    b <- control[f, ]
    # Welch's test is not defined where nothing varies.
    if (stats::sd(a) == 0 && stats::sd(b) == 0) return(if (mean(a) == mean(b)) 1 else 0)
    stats::t.test(a, b)$p.value
  }, numeric(1))
  data.frame(
    fate = rownames(lfc), control = rowMeans(control), perturbed = rowMeans(perturbed),
    change = rowMeans(perturbed - control), lfc = rowMeans(lfc),
    lfc_std = apply(lfc, 1L, stats::sd), pval = p, row.names = NULL
  )
}
