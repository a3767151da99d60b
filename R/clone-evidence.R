# What clones say of the pairing of cells and of the noise, before a model is trained. Takes coordinates, times and
# numbers of clones; gives how far clones are trusted in each interval, the noise under which they and plans agree best,
# and what is told of them.

clone_uses <- c("holdout", "pairs", "noise", "both")

# How far clones must beat chance, in standard errors over clones; and the least trust that is worth raising pairs.
clone_evidence_z <- 2
least_clone_trust <- 0.05
# Clones and plan agree best where the noise is about half of what serves fates best, over all noises of the simulator:
# a plan that is a little too sharp misplaces fewer mates than one that is as much too wide. So members span from the
# noise that is found to this many times it.
clone_noise_span <- 4

check_use_clones <- function(use.clones, clone, options) {
  if (is.null(use.clones)) {
    return("holdout")
  }
  use.clones <- check_choice(use.clones, clone_uses, "use.clones")
  if (use.clones == "holdout") {
    return(use.clones)
  }
  if (is.null(clone)) stop_input("clone", "`use.clones` is ", quoted(use.clones), "; `clone` is needed, too.")
  if (!has_bridge(options$train)) {
    stop_input("use.clones", "Clones pair cells of bridges, which `method = ", quoted(options$train$method),
      "` has none of.")
  }
  if (use.clones != "pairs" && options$train$bridge.noise > 0) {
    stop_input("use.clones", "`use.clones` is ", quoted(use.clones), ", but `bridge.noise` is given.")
  }
  use.clones
}

# NULL where clones are held out only. `codes`: numbers of the clones, below 0 for none; `drift` (cells x dims): of the
# process that plans are taken from, NULL for none.
clone_evidence <- function(use, x, time, codes, drift, seed) {
  if (use == "holdout") {
    return(NULL)
  }
  table <- sde_clone_evidence(x, time, codes, drift, seed)
  good <- table$linked > 0 & table$gain > clone_evidence_z * table$gain.se & table$trust >= least_clone_trust
  table$trust[!good] <- 0
  table$noise[!good] <- NA
  out <- list(
    use = use, intervals = table, counts = clone_counts(codes, time),
    trust = if (use != "noise") table$trust, noise = if (use != "pairs") table$noise[good][1L]
  )
  if (!any(good)) warn_useless_clones(out)
  if (!is.null(out$noise) && is.na(out$noise)) out$noise <- NULL
  if (!any(good)) out$trust <- NULL
  out
}

clone_counts <- function(codes, time) {
  known <- codes >= 0
  size <- table(codes[known])
  times <- tapply(time[known], codes[known], function(t) length(unique(t)))
  list(cells = sum(known), all = length(codes), clones = length(size), single = sum(size == 1L),
    one.time = sum(times == 1L & size > 1L))
}

warn_useless_clones <- function(found) {
  linked <- sum(found$intervals$linked)
  rlang::warn(
    paste0(
      "`clone` is used for nothing but the cells held out: ",
      if (linked == 0L) "no clone has cells at two successive times" else
        paste0("cells of one clone are no nearer to each other than chance (", linked, " cells have mates at the next ",
          "time); are the clones those of these cells?"), "."
    ),
    class = c("fatefield_warning_clones", "fatefield_warning")
  )
}

# In words, for messages and summaries; NULL without clones.
clone_text <- function(found) {
  if (is.null(found)) {
    return(NULL)
  }
  n <- found$counts
  intervals <- found$intervals
  pairs <- if (!is.null(found$trust)) {
    paste0("; trusted in pairing ", paste0(
      format(round(found$trust, 2L), nsmall = 2L, trim = TRUE), " from ", format(intervals$from, trim = TRUE), " to ",
      format(intervals$to, trim = TRUE), collapse = ", "
    ))
  }
  paste0(
    counted(n$clones, "clone"), " of ", n$cells, " of ", n$all, " cells (", n$single, " of one cell, ", n$one.time,
    " at one time only)", pairs, if (!is.null(found$noise)) paste0("; noise found ", format(found$noise, digits = 2L))
  )
}
