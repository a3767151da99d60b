# What a model tells of itself: data, times, training, scores. Takes a model of any type; gives lines for print(), and
# a summary with the numbers.

#' @rdname GetModel
#' @param x A model.
#' @export
print.fatefield_model <- function(x, ...) {
  s <- summary(x)
  writeLines(c(s$title, s$lines[intersect(c("times", "velocity", "training", "fit", "members"), names(s$lines))]))
  invisible(x)
}

#' @rdname GetModel
#' @param options Show all options of the training, too.
#' @export
summary.fatefield_model <- function(object, options = FALSE, ...) {
  check_no_dots(c("object", "options"), ...)
  check_flag(options, "options")
  parts <- if (object$type == "field") field_summary(object) else sde_summary(object)
  training <- training_ends(object)
  seed <- object$config$seed
  parts$lines <- c(
    parts$lines[parts$first], training = verdict_text(training), parts$lines[setdiff(names(parts$lines), parts$first)],
    members = paste0(length(object$states), if (!is.null(seed)) paste0(", seed", if (length(object$states) > 1L)
      "s", " ", seed, if (length(object$states) > 1L) paste0(" to ", seed + length(object$states) - 1))),
    versions = paste(names(object$versions), unlist(object$versions), collapse = ", ")
  )
  parts$lines <- stats::setNames(
    sprintf("  %-9s: %s", names(parts$lines), parts$lines), names(parts$lines)
  )
  numbers <- rbind(
    parts$numbers, numbers_of("members", length(object$states)),
    numbers_of("updates", training$updates, member = training$member)
  )
  structure(
    c(parts[c("title", "lines", "data", "times", "held.out")], list(
      training = training, members = length(object$states), seed = seed, numbers = numbers,
      config = object$config, options = options
    )),
    class = "summary_fatefield_model"
  )
}

#' @export
print.summary_fatefield_model <- function(x, ...) {
  writeLines(c(x$title, x$lines))
  if (!x$options) {
    return(invisible(x))
  }
  shown <- vapply(x$config, function(v) {
    if (is.atomic(v)) paste(format(v, trim = TRUE), collapse = ", ") else described(v)
  }, character(1))
  writeLines(c("Options", paste0("  ", names(shown), " = ", shown)))
  invisible(x)
}

#' @export
as.data.frame.summary_fatefield_model <- function(x, row.names = NULL, optional = FALSE, ...) x$numbers

numbers_of <- function(quantity, value, member = NA_integer_, time = NA_real_, low = NA_real_, high = NA_real_) {
  n <- length(value)
  data.frame(
    quantity = rep_len(quantity, n), member = rep_len(as.integer(member), n), time = rep_len(as.numeric(time), n),
    value = as.numeric(value), value_low = rep_len(low, n), value_high = rep_len(high, n)
  )
}

# list(title, lines (named), first (names of those before the training), data, times, held.out, numbers).
sde_summary <- function(model) {
  n <- length(model$cells)
  times <- times_table(model)
  held <- held_out_scores(model$history)
  spread <- dispersion_table(model$dispersion)
  list(
    title = paste0("Neural SDE of ", counted(n, "cell"), " in ", counted(length(model$dims), "dimension"), " of ",
      if (is.null(model$reduction)) "a matrix" else quoted(model$reduction), " (", quoted(model$dims, 3L), ")"),
    lines = c(
      times = times_text(times, model), fit = fit_text(model$verdict), `left out` = outliers_text(model),
      growth = growth_text(model), noise = noise_text(model), clones = clone_text(model$clones),
      velocity = velocity_text(model$motion),
      `held out` = held_out_text(held), variance = dispersion_text(spread)
    ),
    first = "times", times = times,
    data = list(cells = n, dims = model$dims, reduction = model$reduction, outliers = as.character(model$outliers)),
    held.out = held,
    numbers = rbind(
      numbers_of("cells", n), numbers_of("outliers", length(model$outliers)),
      numbers_of("dimensions", length(model$dims)),
      numbers_of("cells", times$cells, time = times$time), numbers_of("held-out loss", held$loss, member = held$member),
      numbers_of("variance ratio", spread$median, time = spread$time, low = spread$low, high = spread$high),
      check_numbers(model$check)
    )
  )
}

times_table <- function(model) {
  cells <- if (is.null(model$cell.times)) NA_integer_ else as.vector(table(factor(model$cell.times, model$times)))
  data.frame(time = model$times, cells = rep_len(cells, length(model$times)))
}

times_text <- function(times, model) {
  n <- ifelse(is.na(times$cells), "", paste0(" (", times$cells, ifelse(seq_along(times$cells) == 1L, " cells)", ")")))
  shown <- paste0(vapply(times$time, format, ""), n)
  if (length(shown) > 8L) shown <- c(shown[1:7], "...", shown[[length(shown)]])
  paste0(if (!is.null(model$time.unit)) paste0(model$time.unit, " "), paste(shown, collapse = ", "),
    if (!is.null(model$time.name)) paste0("; column ", quoted(model$time.name)))
}

growth_text <- function(model) {
  if (isTRUE(model$config$growth)) "learned" else if (identical(model$growth, "given")) "given" else "none"
}

noise_text <- function(model) {
  kind <- model$config$diffusion
  if (is.null(kind)) {
    return(NULL)
  }
  if (!has_bridge(model$config)) {
    return(kind)
  }
  noise <- bridge_noises(model$config, length(model$states))
  paste0(kind, "; bridges with ", paste(format(unique(range(noise)), digits = 2), collapse = " to "),
    " of the variance within times in an interval")
}

# The last look at held-out cells of each member.
held_out_scores <- function(history) {
  if (is.null(history[["held_out"]])) {
    return(NULL)
  }
  known <- history[is.finite(history$held_out), , drop = FALSE]
  if (nrow(known) == 0L) {
    return(NULL)
  }
  last <- known[!duplicated(known$member, fromLast = TRUE), , drop = FALSE]
  step <- last[[intersect(c("update", "epoch"), names(last))[[1L]]]]
  out <- data.frame(member = last$member, update = step, loss = last$held_out)
  if (!is.null(last[["variance_ratio"]])) out$variance <- last$variance_ratio
  out
}

held_out_text <- function(held) {
  if (is.null(held)) {
    return(NULL)
  }
  shown <- function(v) paste(format(v, digits = 3L, trim = TRUE), collapse = ", ")
  paste0("loss ", shown(held$loss), if (!is.null(held$variance)) paste0(", variance ratio ", shown(held$variance)),
    " after ", paste(unique(held$update), collapse = ", "), " updates")
}

# One row for each later time: simulated over observed variance, over dimensions and members.
dispersion_table <- function(dispersion) {
  if (is.null(dispersion) || nrow(dispersion) == 0L) {
    return(NULL)
  }
  do.call(rbind, lapply(unname(split(dispersion, dispersion$time)), function(d) {
    data.frame(time = d$time[[1L]], median = stats::median(d$median), low = min(d$low), high = max(d$high))
  }))
}

dispersion_text <- function(table) {
  if (is.null(table)) {
    return(NULL)
  }
  shown <- sprintf("%s: %.2f (%.2f to %.2f)", vapply(table$time, format, ""), table$median, table$low, table$high)
  if (length(shown) > 5L) shown <- c(shown[1:4], "...", shown[[length(shown)]])
  paste0("simulated over observed at ", paste(shown, collapse = ", "))
}

field_summary <- function(model) {
  n <- length(model$cells)
  genes <- length(model$dims)
  error <- model$error
  held <- error[error$part != "training" & error$cells > 0, , drop = FALSE]
  scores <- sprintf("%s R2 %.3f, cosine %.3f (%s cells)", ifelse(held$part == "test", "test", "validation"), held$r2,
    held$cosine, format(held$cells, big.mark = ",", trim = TRUE))
  list(
    title = paste0(
      "Velocity field (", model$config$field, if (model$config$compat != "none") paste0(", ", model$config$compat),
      ") of ", counted(n, "cell"), " and ", counted(genes, "gene"), " (", quoted(model$dims, 3L), ")"
    ),
    lines = c(
      velocity = paste0(if (is.null(model$velocity)) "given" else quoted(model$velocity),
        if (!is.null(model$mode)) paste0(" (", model$mode, ")")), `left out` = outliers_text(model),
      if (nrow(held) > 0L) c(`held out` = paste(scores, collapse = "; "))
    ),
    first = "velocity", times = NULL, held.out = held,
    data = list(cells = n, dims = model$dims, velocity = model$velocity, outliers = as.character(model$outliers)),
    numbers = rbind(
      numbers_of("cells", n), numbers_of("outliers", length(model$outliers)), numbers_of("genes", genes),
      numbers_of(paste(error$part, "cells"), error$cells), numbers_of(paste(error$part, "R2"), error$r2),
      numbers_of(paste(error$part, "cosine"), error$cosine), numbers_of(paste(error$part, "squared error"), error$mse)
    )
  )
}

# One row for each member: updates (epochs) made, how the training ended, and the verdict in words.
training_ends <- function(model) {
  history <- model$history
  members <- seq_along(model$states)
  rows <- function(i) if (is.null(history[["member"]])) history else history[history$member == i, , drop = FALSE]
  updates <- vapply(members, function(i) nrow(rows(i)), integer(1))
  ended <- model$fit$ended
  if (is.null(ended)) ended <- ifelse(updates > 0L, "finished", "unknown")
  ended <- rep_len(as.character(ended), length(members))
  trained <- model$type != "field" || is_network_field(model$config$field)
  unit <- if (model$type == "field") "epochs" else "updates"
  data.frame(
    member = members, updates = updates, ended = ended,
    verdict = vapply(members, function(i) {
      if (!trained) "fitted in one step, without training" else verdict_of(rows(i), ended[[i]], updates[[i]], unit)
    }, "")
  )
}

verdict_of <- function(history, ended, n, unit) {
  switch(ended,
    early = paste0("stopped early after ", n, " ", unit, ", as the held-out loss no longer fell"),
    interrupted = paste0("interrupted after ", n, " ", unit),
    diverged = paste0("diverged: the loss was not finite after ", n, " ", unit, "; the best weights before are kept"),
    finished = paste0(n, " ", unit, ", ", settled_text(history, unit)),
    "not known"
  )
}

settled_text <- function(history, unit) {
  stage <- if (is.null(history[["stage"]])) rep("", nrow(history)) else history$stage
  loss <- history[[intersect(c("loss", "error"), names(history))[1L]]]
  settled <- vapply(split(loss, stage), is_settled, NA)
  if (anyNA(settled)) {
    return("too few to tell whether it converged")
  }
  if (all(settled)) "converged" else paste0("the loss was still falling: more `", unit, "` may help")
}

# Whether a loss no longer falls: the mean of its last fifth beside that of the fifth before, to within two standard
# errors and 2 % of all that it has fallen. NA for short ones.
is_settled <- function(loss) {
  loss <- loss[is.finite(loss)]
  n <- length(loss)
  if (n < 20L) {
    return(NA)
  }
  fifth <- n %/% 5L
  last <- loss[n - fifth + seq_len(fifth)]
  before <- loss[n - 2L * fifth + seq_len(fifth)]
  noise <- 2 * sqrt((stats::var(last) + stats::var(before)) / fifth)
  all <- mean(loss[seq_len(fifth)]) - mean(last)
  mean(before) - mean(last) <= max(noise, 0.02 * all)
}

verdict_text <- function(training) {
  if (length(unique(training$verdict)) == 1L) {
    return(training$verdict[[1L]])
  }
  most <- utils::head(training, 3L)
  paste0(paste0("member ", most$member, ": ", most$verdict, collapse = "; "), if (nrow(training) > 3L) "; ...")
}
