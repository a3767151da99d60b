# The time that all genes of the dynamical mode share. Takes the times of cells by genes and the scores of cells; gives
# one number a cell, from 0 to 1.
#
# Times of a gene are counted as on a circle, from a root. A root that lies behind the middle of the course, as it may
# where walks backward end in more places than one, turns the order of nearly all cells round.

# `kinetics`: list(t (genes x cells), genes, how); `cells`: scores, see field_scores(); `forward`: probabilities of
# steps. NA where too few genes are fitted well.
field_latent_time <- function(kinetics, cells, forward, root, options, verbose) {
  from <- function(root) {
    cell_latent_time(
      kinetics$t, kinetics$genes$fit_likelihood, kinetics$genes$fit_r2, cells$root_cells, root, kinetics$how, options,
      thread_count()
    )
  }
  found <- from(root)
  if (length(found$time) == 0L) {
    warn_latent_time(
      "There is no latent time: ", found$genes, " genes have a likelihood of at least ", options$min.likelihood,
      " and an r2 above ", options$min.r2, ", and 2 are needed. Lower `min.likelihood`."
    )
    return(rep(NA_real_, nrow(cells)))
  }
  signs <- direction_signs(found$time, cells, forward)
  if (root == 0L && any(signs < 0)) {
    other <- other_root(from, kinetics$t, cells, forward)
    if (free_of_roots(other$signs) > free_of_roots(signs)) {
      warn_latent_time(
        "Latent time counted from the cells of the highest root scores would run backward (", said_signs(signs),
        "). It is counted from the cell ", quoted(rownames(cells)[[other$cell]]), " instead (", said_signs(other$signs),
        "). The pseudotime rests on these root scores, too: name a cell of the beginning with `root`."
      )
      found <- other$found
      signs <- other$signs
    }
  }
  if (verbose) {
    message("Latent time: from ", found$genes, " genes and ", length(found$root), " root",
      if (length(found$root) != 1L) "s", ".")
  }
  if (any(signs < 0)) {
    warn_latent_time(
      "The direction of the latent time is not certain (", said_signs(signs),
      "). Do not rest on it before you have named a cell of the beginning with `root`."
    )
  }
  found$time
}

# What tells the direction of a time, each from -1 (backward) to 1: its rank correlation with the end points and with
# the pseudotime, and the cells whose expected step goes to later cells less those whose step goes back.
direction_signs <- function(time, cells, forward) {
  steps <- Matrix::rowSums(forward)
  ahead <- (as.vector(forward %*% time) - steps * time)[steps > 0]
  c(
    `end points` = rank_correlation(time, cells$end_points),
    pseudotime = rank_correlation(time, cells$velocity_pseudotime),
    steps = if (length(ahead) > 0L) mean(ahead > 0) - mean(ahead < 0) else 0
  )
}

# What does not rest on the root scores itself, as the pseudotime does.
free_of_roots <- function(signs) sum(signs[c("end points", "steps")])

said_signs <- function(signs) {
  paste0("agreement with ", paste(names(signs), format(signs, digits = 1L, nsmall = 2L), collapse = ", "))
}

# The best of the times counted from the cell where most genes begin, and from that where the pseudotime does:
# list(found, cell, signs).
other_root <- function(from, t, cells, forward) {
  most <- apply(t, 1L, max)
  begin <- unique(c(which.min(colMeans(t / ifelse(most > 0, most, 1))), which.min(cells$velocity_pseudotime)))
  tried <- lapply(begin, function(cell) {
    found <- from(cell)
    list(found = found, cell = cell, signs = direction_signs(found$time, cells, forward))
  })
  tried[[which.max(vapply(tried, function(x) free_of_roots(x$signs), numeric(1)))]]
}

rank_correlation <- function(x, y) {
  both <- is.finite(x) & is.finite(y)
  r <- if (sum(both) > 1L) suppressWarnings(stats::cor(x[both], y[both], method = "spearman")) else NA
  if (is.na(r)) 0 else r
}

warn_latent_time <- function(...) {
  rlang::warn(paste0(...), class = "fatefield_warning_latent_time")
}
