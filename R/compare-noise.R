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
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day", n.models = 5)
#' plot(CompareNoise(cells, labels = "state", exclude = "progenitor"))
#' ```
#'
#' @section Scores:
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
#' One member cannot tell: fit `n.models = 3` or more.
#'
#' @inheritParams PredictFate
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param truth Known fates of the cells, as in [ScoreFate()]: a matrix (cells x fates) of counts or fractions
#'   with names, or one label for each cell of `cells`.
#'   `NULL` leaves the scores out.
#' @param cells (names, numbers or TRUE/FALSE) Start cells; `NULL` takes those of `truth` where it is a
#'   matrix, else those of the model's first time.
#' @param n.sim Simulations of each cell, member and arm. Default 100.
#' @param arms Which to compare, among `"none"`, `"constant"` and `"learned"`.
#' @param sd Standard deviation of the constant noise per root of time, a number or one for each dimension, in
#'   units of the reduction; `NULL` takes that of the learned noise.
#' @param t.observed Time of the observed cells that ends are compared with; `NULL` takes `t.end`.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_noise`, see [results]:
#'   \item{table}{data.frame, one row per arm: `sd` of the noise (root mean square), `accuracy`, `cross.entropy`,
#'     `brier`, `dispersion`, `within`, `distance`, the means over members, each followed by its standard
#'     deviation between members (`accuracy_sd`, ...; `NA` for one).}
#'   \item{difference}{data.frame, one row per arm but the learned: the learned minus this arm, for each
#'     score, with the standard error of the mean over members, `NA` for one.}
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
CompareNoise.default <- function(object, model = NULL, labels = NULL, truth = NULL, cells = NULL, n.sim = 100L,
                                 time = NULL, t.start = NULL, t.end = NULL, fates = NULL, exclude = NULL,
                                 reference = NULL, arms = c("none", "constant", "learned"), sd = NULL,
                                 t.observed = NULL, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                 prior = NULL, seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_no_dots(names(formals(CompareNoise.default)), ...)
  check_object(object)
  model <- choose_model(object, model)
  x <- model_coordinates(object, model)
  starts <- cell_starts(object, model, time, t.start, x)
  end <- if (is.null(t.end)) max(model$times) else check_number(t.end, "t.end")
  if (!is_plain_matrix(object) && is.character(truth) && length(truth) == 1L) {
    truth <- stats::setNames(as.character(cell_column(object, truth, "truth")), cell_names(object))
  }
  cells <- noise_cells(cells, truth, rownames(x), starts)
  n.sim <- check_count(n.sim, "n.sim")
  seed <- seed_from(seed.use)
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff, prior)
  known <- known_ends(x, starts, if (is.null(t.observed)) end else t.observed)
  engines <- model_engines(model)
  kinds <- noise_arms(arms)
  tick <- progress_bar(length(kinds) * length(engines), "Comparing noises", check_flag(verbose, "verbose"))
  rows <- list()
  for (member in seq_along(engines)) {
    engine <- engines[[member]]()
    learned <- noise_level(engine, x, starts)
    for (arm in kinds) {
      level <- arm_level(arm, sd, learned, ncol(x))
      fate <- predict_fates(
        x, list(function() engine), end, starts, cells, n.sim, definition, seed + member - 1, noise.sd = level
      )
      rows[[length(rows) + 1L]] <- data.frame(
        arm = arm, member = member, sd = if (is.null(level)) learned else sqrt(mean(level^2)),
        score_arm(fate, truth), end_cloud(engine, level, x, cells, starts, end, seed + member - 1, known)
      )
      tick(length(rows))
    }
  }
  members <- do.call(rbind, rows)
  new_result("noise", arm_table(members), list(
    difference = arm_differences(members), members = members,
    lines = if (!is.null(truth)) as.data.frame(ScoreFate(fate, truth, n.boot = 0L))[-1L, noise_columns],
    floor = half_distance(known), cells = length(cells), n.sim = n.sim
  ), by = "arm")
}

#' @rdname CompareNoise
#' @export
CompareNoise.Seurat <- function(object, model = NULL, labels = NULL, truth = NULL, cells = NULL, n.sim = 100L,
                                time = NULL, t.start = NULL, t.end = NULL, fates = NULL, exclude = NULL,
                                reference = NULL, arms = c("none", "constant", "learned"), sd = NULL,
                                t.observed = NULL, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                prior = NULL, seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  call_worker(CompareNoise.default, ...)
}

#' @rdname CompareNoise
#' @export
CompareNoise.SingleCellExperiment <- CompareNoise.Seurat

noise_columns <- c("method", "accuracy", "cross.entropy", "brier")

noise_arms <- function(arms) {
  all <- c("none", "constant", "learned")
  wrong <- setdiff(arms, all)
  if (!is.character(arms) || length(arms) == 0L || length(wrong) > 0L || anyDuplicated(arms) > 0L) {
    stop_input("arms", "`arms` must be among ", quoted(all), ", not ", described(arms), ".")
  }
  arms
}

noise_cells <- function(cells, truth, names, starts) {
  if (!is.null(cells)) {
    return(check_cells(cells, names))
  }
  if (is.matrix(truth) || is.data.frame(truth)) {
    return(check_cells(rownames(truth), names, "truth"))
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

# Where n.sim futures of the cells `x` are at the end with this noise: list(states, log_weights), those of a cell
# together. Without any noise one future stands for all.
noisy_ends <- function(engine, level, x, start, end, n.sim, seed) {
  silent <- !is.null(level) && all(level == 0)
  changes <- list()
  changes$noise.sd <- level
  out <- engine$simulate_as(x, c(start, end), if (silent) 1 else n.sim, seed, 0, changes)
  each <- if (silent) rep(seq_len(nrow(x)), each = n.sim) else TRUE
  list(states = matrix(out$states[each, , 2L], ncol = ncol(x)), log_weights = out$log_weights[each, 2L])
}

score_arm <- function(fate, truth) {
  if (is.null(truth)) {
    return(data.frame(accuracy = NA_real_, cross.entropy = NA_real_, brier = NA_real_))
  }
  as.data.frame(ScoreFate(fate, truth, n.boot = 0L))[1L, noise_columns[-1L]]
}

# Cells observed at the time nearest to `time`; NULL where all are of one time.
known_ends <- function(x, starts, time) {
  rows <- which(starts == starts[[which.min(abs(starts - check_number(time, "t.observed")))]])
  if (length(unique(starts)) < 2L || length(rows) < 2L) NULL else x[rows, , drop = FALSE]
}

# Spread of the ends, and their distance from the observed ones.
end_cloud <- function(engine, level, x, cells, starts, end, seed, known, most = 2000L) {
  cells <- cells[starts[cells] < end]
  if (length(cells) == 0L) {
    return(data.frame(dispersion = NA_real_, within = NA_real_, distance = NA_real_))
  }
  # Evenly spread over the start times, whose cells are simulated together.
  cells <- cells[order(starts[cells], cells)]
  few <- cells[thinned(length(cells), most)]
  n.sim <- max(2L, most %/% length(few))
  parts <- lapply(split(few, starts[few]), function(rows) {
    noisy_ends(engine, level, x[rows, , drop = FALSE], starts[[rows[[1L]]]], end, n.sim, seed)
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

# What an arm is judged by: fates where they are known, else the ends.
main_score <- function(x) {
  known <- vapply(x$table[arm_scores], function(v) any(is.finite(v)), logical(1))
  intersect(c("cross.entropy", "distance", "dispersion"), names(known)[known])[[1L]]
}

headline.fatefield_noise <- function(x) {
  score <- main_score(x)
  d <- x$difference
  differs <- if (!is.null(d)) {
    value <- d[[score]]
    half <- stats::qnorm(0.975) * d[[paste0(score, "_se")]]
    paste0("learned minus ", paste(d$against, with_interval(value, value - half, value + half), collapse = ", minus "))
  }
  models <- length(unique(x$members$member))
  if (models == 1L) differs <- paste(c(differs, one_member), collapse = "; ")
  c(
    paste0("noise compared on ", counted(x$cells, "cell"), ", ", counted(x$n.sim, "simulation"), " each, ",
      counted(models, "model")),
    paste0(score, if (score != "dispersion") " (lower is better)", ": ",
      paste(x$table$arm, signif(x$table[[score]], 3L), collapse = ", ")),
    differs
  )
}

#' @rdname CompareNoise
#' @export
summary.fatefield_noise <- function(object, ...) {
  if (is.null(object$difference)) object$table else object$difference
}

#' @rdname CompareNoise
#' @param x A result.
#' @export
plot.fatefield_noise <- function(x, ...) {
  check_no_dots("x", ...)
  arms <- x$table$arm
  members <- x$members[x$members$arm %in% arms, ]
  scores <- arm_scores[vapply(arm_scores, function(s) any(is.finite(x$table[[s]])), logical(1))]
  long <- function(table) {
    data.frame(
      arm = factor(rep(table$arm, length(scores)), levels = arms),
      score = factor(rep(scores, each = nrow(table)), levels = scores), value = unlist(table[scores], use.names = FALSE)
    )
  }
  ggplot2::ggplot(long(x$table), ggplot2::aes(.data$arm, .data$value)) +
    ggplot2::geom_point(data = long(members), colour = "grey65", na.rm = TRUE) +
    ggplot2::geom_point(size = 2.5, colour = label_palette[[1L]], na.rm = TRUE) +
    ggplot2::facet_wrap("score", scales = "free_y") + ggplot2::labs(x = "noise", y = NULL) + theme_curves()
}
