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
  if (root == 0L && rank_correlation(found$time, cells$end_points) < 0) {
    found <- other_roots(found, from, kinetics$t, cells)
  }
  if (verbose) {
    message("Latent time: from ", found$genes, " genes and ", length(found$root), " root",
      if (length(found$root) != 1L) "s", ".")
  }
  check_direction(found$time, cells, forward)
  found$time
}

# Latent time from the cells where most genes begin, or where the pseudotime does, if that runs to the end points.
other_roots <- function(found, from, t, cells) {
  before <- rank_correlation(found$time, cells$end_points)
  most <- apply(t, 1L, max)
  begin <- unique(c(which.min(colMeans(t / ifelse(most > 0, most, 1))), which.min(cells$velocity_pseudotime)))
  tried <- lapply(begin, from)
  agreement <- vapply(tried, function(x) rank_correlation(x$time, cells$end_points), numeric(1))
  best <- which.max(agreement)
  if (length(best) == 0L || agreement[[best]] <= 0) {
    return(found)
  }
  warn_latent_time(
    "Latent time counted from the cells of the highest root scores would run backward: its correlation with the end ",
    "points of the velocities is ", format(before, digits = 2L), ". It is counted from the cell ",
    quoted(rownames(cells)[[begin[[best]]]]), " instead, with which it is ", format(agreement[[best]], digits = 2L),
    ". The pseudotime rests on these root scores, too: name a cell of the beginning with `root`."
  )
  tried[[best]]
}

rank_correlation <- function(x, y) {
  both <- is.finite(x) & is.finite(y)
  r <- if (sum(both) > 1L) suppressWarnings(stats::cor(x[both], y[both], method = "spearman")) else NA
  if (is.na(r)) 0 else r
}

# Says where latent time runs against what else tells the direction: end points, pseudotime, or the expected steps.
check_direction <- function(time, cells, forward) {
  steps <- Matrix::rowSums(forward)
  ahead <- as.vector(forward %*% time) - steps * time
  along <- mean(ahead[steps > 0] > 0)
  scores <- c(
    `the end points` = rank_correlation(time, cells$end_points),
    `the pseudotime` = rank_correlation(time, cells$velocity_pseudotime)
  )
  against <- scores[scores < 0]
  backward <- is.finite(along) && along < 0.5
  if (length(against) == 0L && !backward) {
    return(invisible())
  }
  warn_latent_time(
    "The direction of the latent time is not certain: ",
    paste(c(
      if (length(against) > 0L) paste0("its correlation with ", names(against), " is ", format(against, digits = 2L)),
      if (backward) paste0("only ", round(100 * along), " % of cells have velocities towards later cells")
    ), collapse = ", "),
    ". Do not rest on it before you have named a cell of the beginning with `root`."
  )
}

warn_latent_time <- function(...) {
  rlang::warn(paste0(...), class = "fatefield_warning_latent_time")
}
