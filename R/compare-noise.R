# What the learned noise is worth: takes a trained neural SDE and labelled cells; simulates without noise, with
# constant noise and with the learned one, and scores the fates and the end clouds of each.

#' Compare noises of a trained model
#'
#' Simulates the same cells three times by the same drift: without noise, with constant isotropic noise, and with the
#' learned noise that depends on the state.
#' The standard deviation of the constant noise is the root mean square of the learned one over the cells and
#' dimensions, member by member, so that both are equally strong on average.
#' The arms share their random numbers.
#'
#' The drift was trained together with the learned noise; what the other arms lose is not what a model trained
#' without noise would lose.
#'
#' Fates are scored where they are known, by [ScoreFate()].
#' Without noise the futures of a cell are all the same, so its probabilities come from the neighbours of one
#' end alone; they are smoothed by the same `prior` as those of `n.sim` futures.
#' The `dispersion` of the ends is the root of the summed variances over all futures of all cells, that `within`
#' cells of the futures of one cell.
#' `distance` is the Sinkhorn divergence of the ends to the cells observed at the end time, of at most 2,000
#' points each; `floor` is that between two halves of the observed ones, which no model can be expected to
#' undercut.
#'
#' The spread between the members of the ensemble is what tells whether a difference is one: `_sd` is their
#' standard deviation, and differences are taken member by member.
#'
#' @inheritParams PredictFate
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param observed Known fates of the cells, as in [ScoreFate()]: a matrix (cells x fates) of counts or fractions
#'   with names, or one label for each cell of `cells`.
#'   `NULL` leaves the scores out.
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes those of `observed` where it is a
#'   matrix, else those of the model's first time.
#' @param n.sim Simulations of each cell, member and arm. Default 100.
#' @param arms Which to compare, among `"none"`, `"constant"` and `"learned"`.
#' @param sd Standard deviation of the constant noise per root of time, a number or one for each dimension, in
#'   units of the reduction; `NULL` takes that of the learned noise.
#' @param observed.time Time of the observed cells that ends are compared with; `NULL` takes `time`.
#' @param ... Of objects: passed to the matrix method.
#'
#' @return A list of class `fatefield_noise`:
#'   \item{table}{data.frame, one row per arm: `sd` of the noise (root mean square), `accuracy`, `cross.entropy`,
#'     `brier`, `dispersion`, `within`, `distance`, the means over members, each followed by its standard
#'     deviation between members (`accuracy_sd`, ...; `NA` for one).}
#'   \item{difference}{data.frame, one row per arm but the learned: the learned minus this arm, for each
#'     score, with the standard error of the mean over members.}
#'   \item{members}{data.frame, one row per arm and member.}
#'   \item{lines}{The scores of equal probabilities and of the frequencies of the fates.}
#'   \item{floor}{The distance between two halves of the observed cells.}
#' @section Errors:
#'   `fatefield_error_input` names the argument, as [PredictFate()] and [ScoreFate()] do.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine
#'   Intelligence 7.
#' @seealso [PredictFate()], [ScoreFate()], [DriftDiffusion()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' early <- which(cells$day == 0)[1:20]
#' CompareNoise(cells, labels = "state", exclude = "progenitor", cells = early, n.sim = 10, verbose = FALSE)
#' @export
CompareNoise <- function(object, ...) UseMethod("CompareNoise")

#' @rdname CompareNoise
#' @export
CompareNoise.default <- function(object, model = NULL, labels = NULL, observed = NULL, cells = NULL,
                                 n.sim = 100L, time = NULL, start = NULL, fates = NULL, exclude = NULL,
                                 reference = NULL, arms = c("none", "constant", "learned"), sd = NULL,
                                 observed.time = NULL, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                 prior = NULL, seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_no_dots(names(formals(CompareNoise.default)), ...)
  check_object(object)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE().")
  }
  model <- choose_model(object, model)
  x <- model_coordinates(object, model)
  starts <- cell_starts(object, model, time, t.start)
  end <- if (is.null(time)) max(model$times) else check_number(time, "time")
  cells <- noise_cells(cells, observed, rownames(x), starts)
  n.sim <- check_count(n.sim, "n.sim")
  seed <- seed_from(seed.use)
  labels <- label_column(object, labels)
  options <- vote_options(k, weights, vote, cutoff, prior, NULL)
  voters <- label_voters(x, labels, reference, options)
  fates <- voters$labels[which_fates(voters, fates, exclude)]
  known <- known_ends(x, starts, if (is.null(observed.time)) end else observed.time)
  engines <- model_engines(model)
  kinds <- noise_arms(arms)
  tick <- progress_bar(length(kinds) * length(engines), "Comparing noises", check_flag(verbose, "verbose"))
  rows <- list()
  for (member in seq_along(engines)) {
    engine <- engines[[member]]()
    learned <- noise_level(engine, x, starts)
    for (arm in kinds) {
      level <- arm_level(arm, sd, learned, ncol(x))
      changed <- with_noise(engine, level)
      fate <- predict_fates(x, list(function() changed), end, starts, labels, cells, n.sim, fates, NULL,
        reference, options, seed + member - 1)
      rows[[length(rows) + 1L]] <- data.frame(
        arm = arm, member = member, sd = if (is.null(level)) learned else sqrt(mean(level^2)),
        score_arm(fate, observed), end_cloud(changed, x, cells, starts, end, seed + member - 1, known)
      )
      tick(length(rows))
    }
  }
  members <- do.call(rbind, rows)
  structure(
    list(
      table = arm_table(members), difference = arm_differences(members), members = members,
      lines = if (!is.null(observed)) ScoreFate(fate, observed, n.boot = 0L)[-1L, score_columns],
      floor = half_distance(known), cells = length(cells), n.sim = n.sim
    ),
    class = "fatefield_noise"
  )
}

#' @rdname CompareNoise
#' @export
CompareNoise.Seurat <- function(object, ...) CompareNoise.default(object, ...)

#' @rdname CompareNoise
#' @export
CompareNoise.SingleCellExperiment <- function(object, ...) CompareNoise.default(object, ...)

score_columns <- c("method", "accuracy", "cross.entropy", "brier")

noise_arms <- function(arms) {
  all <- c("none", "constant", "learned")
  wrong <- setdiff(arms, all)
  if (!is.character(arms) || length(arms) == 0L || length(wrong) > 0L || anyDuplicated(arms) > 0L) {
    stop_input("arms", "`arms` must be among ", quoted(all), ", not ", described(arms), ".")
  }
  arms
}

noise_cells <- function(cells, observed, names, starts) {
  if (!is.null(cells)) {
    return(check_cells(cells, names))
  }
  if (is.matrix(observed) || is.data.frame(observed)) {
    return(check_cells(rownames(observed), names, "observed"))
  }
  which(starts == min(starts))
}

# Root mean square of the learned noise, per root of time, over cells and dimensions.
noise_level <- function(engine, x, starts) {
  squares <- vapply(split(seq_along(starts), starts), function(rows) {
    sum(engine$diffusion(x[rows, , drop = FALSE], starts[[rows[[1L]]]])^2)
  }, 0)
  sqrt(sum(squares) / length(x))
}

# Standard deviations of an arm, one for each dimension; NULL for the learned noise.
arm_level <- function(arm, sd, learned, n) {
  if (arm == "learned") {
    return(NULL)
  }
  if (arm == "none") {
    return(numeric(n))
  }
  if (is.null(sd)) {
    return(rep(learned, n))
  }
  if (!is.numeric(sd) || !length(sd) %in% c(1L, n) || any(!is.finite(sd)) || any(sd < 0)) {
    stop_input("sd", "`sd` must be one number of at least 0, or one for each of the ", n, " dimensions, not ",
      described(sd), ".")
  }
  rep_len(as.numeric(sd), n)
}

# An engine that simulates with this noise. Without any, one future stands for all.
with_noise <- function(engine, level) {
  if (is.null(level)) {
    return(list(simulate = function(...) engine$simulate(...)))
  }
  changes <- list(noise.sd = level)
  if (any(level > 0)) {
    return(list(simulate = function(x0, times, n_sim, seed, first) {
      engine$simulate_as(x0, times, n_sim, seed, first, changes)
    }))
  }
  list(simulate = function(x0, times, n_sim, seed, first) {
    once <- engine$simulate_as(x0, times, 1, seed, first, changes)
    each <- rep(seq_len(nrow(x0)), each = n_sim)
    list(states = once$states[each, , , drop = FALSE], log_weights = once$log_weights[each, , drop = FALSE])
  })
}

score_arm <- function(fate, observed) {
  if (is.null(observed)) {
    return(data.frame(accuracy = NA_real_, cross.entropy = NA_real_, brier = NA_real_))
  }
  ScoreFate(fate, observed, n.boot = 0L)[1L, score_columns[-1L]]
}

# Cells observed at the time nearest to `time`; NULL where all are of one time.
known_ends <- function(x, starts, time) {
  rows <- which(starts == starts[[which.min(abs(starts - check_number(time, "observed.time")))]])
  if (length(unique(starts)) < 2L || length(rows) < 2L) NULL else x[rows, , drop = FALSE]
}

# Spread of the ends, and their distance from the observed ones.
end_cloud <- function(engine, x, cells, starts, end, seed, known, most = 2000L) {
  cells <- cells[starts[cells] < end]
  if (length(cells) == 0L) {
    return(data.frame(dispersion = NA_real_, within = NA_real_, distance = NA_real_))
  }
  # Evenly spread over the start times, whose cells are simulated together.
  cells <- cells[order(starts[cells], cells)]
  few <- cells[thinned(length(cells), most)]
  n.sim <- max(2L, most %/% length(few))
  parts <- lapply(split(few, starts[few]), function(rows) {
    end_states(engine, x[rows, , drop = FALSE], starts[[rows[[1L]]]], end, n.sim, seed, 0)
  })
  ends <- do.call(rbind, lapply(parts, `[[`, "states"))
  mass <- unlist(lapply(parts, `[[`, "log_weights"))
  mass <- exp(mass - max(mass))
  of <- rep(seq_along(few), each = n.sim)
  means <- rowsum(ends * mass, of) / rowsum(mass, of)[, 1L]
  middle <- colSums(ends * mass) / sum(mass)
  total <- function(away) sqrt(sum(away^2 * mass) / sum(mass))
  data.frame(
    dispersion = total(sweep(ends, 2L, middle)), within = total(ends - means[of, , drop = FALSE]),
    distance = if (is.null(known)) NA_real_ else cloud_distance(ends, known, mass, most)
  )
}

cloud_distance <- function(x, y, weights = NULL, most = 2000L) {
  i <- thinned(nrow(x), most)
  j <- thinned(nrow(y), most)
  x <- unname(x[i, , drop = FALSE])
  y <- unname(y[j, , drop = FALSE])
  if (is.null(weights)) {
    return(OTDistance(x, y)$value)
  }
  OTDistance(x, y, weights[i] / sum(weights[i]), rep(1 / nrow(y), nrow(y)))$value
}

half_distance <- function(known) {
  if (is.null(known) || nrow(known) < 4L) {
    return(NA_real_)
  }
  odd <- seq_len(nrow(known)) %% 2L == 1L
  cloud_distance(known[odd, , drop = FALSE], known[!odd, , drop = FALSE])
}

arm_scores <- c("accuracy", "cross.entropy", "brier", "dispersion", "within", "distance")

arm_table <- function(members) {
  arms <- unique(members$arm)
  columns <- lapply(c("sd", arm_scores), function(score) {
    by <- split(members[[score]], factor(members$arm, levels = arms))
    out <- data.frame(mean = vapply(by, mean, 0), sd = vapply(by, stats::sd, 0))
    stats::setNames(out, c(score, paste0(score, "_sd")))
  })
  table <- data.frame(arm = arms, do.call(cbind, columns), row.names = NULL)
  table$sd_sd <- NULL
  table
}

# The learned noise against each other arm, member by member.
arm_differences <- function(members) {
  others <- setdiff(unique(members$arm), "learned")
  if (!"learned" %in% members$arm || length(others) == 0L) {
    return(NULL)
  }
  learned <- members[members$arm == "learned", ]
  rows <- lapply(others, function(arm) {
    d <- as.matrix(learned[arm_scores] - members[members$arm == arm, arm_scores])
    se <- apply(d, 2L, stats::sd) / sqrt(nrow(d))
    data.frame(against = arm, t(colMeans(d)), t(stats::setNames(se, paste0(arm_scores, "_se"))))
  })
  do.call(rbind, rows)
}

#' @export
print.fatefield_noise <- function(x, ...) {
  n <- length(unique(x$members$member))
  cat("noise compared on ", x$cells, " cells, ", x$n.sim, " simulations each, ", n, " model",
    if (n != 1L) "s", "\n", sep = "")
  shown <- x$table[vapply(x$table, function(v) !all(is.na(v)), logical(1))]
  print(data.frame(lapply(shown, function(v) if (is.numeric(v)) signif(v, 3L) else v)), row.names = FALSE)
  if (is.finite(x$floor)) {
    cat("distance between halves of the observed cells ", format(x$floor, digits = 3L), "\n", sep = "")
  }
  invisible(x)
}
