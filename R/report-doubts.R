# What not to believe in a report, and why: takes the facts, the models and what is out of date; gives
# data.frame(what, why, remedy), the gravest first.

# Fewer cells of a time are few; a depth that differs by this factor between times, and an association of batches with
# times, are much; so are these shares of ends without a fate and of cells that plans send elsewhere.
doubt_limits <- list(cells = 100, depth = 2, batch = 0.5, unassigned = 0.05, other = 0.25, plan = 0.2)

report_doubts <- function(facts, models, stale) {
  sde <- Filter(function(m) m$type == "sde", models)
  doubts <- c(
    stale_doubts(stale), unlist(lapply(sde, fit_doubts, facts = facts), recursive = FALSE, use.names = FALSE),
    data_doubts(facts), fate_doubts(facts), answer_doubts(facts), velocity_doubts(facts, models), seed_doubts(models)
  )
  table <- do.call(rbind, lapply(doubts, function(d) data.frame(what = d[[1L]], why = d[[2L]], remedy = d[[3L]])))
  if (is.null(table)) table <- data.frame(what = character(), why = character(), remedy = character())
  table <- table[!duplicated(table), , drop = FALSE]
  rownames(table) <- NULL
  table
}

stale_doubts <- function(stale) {
  lapply(unname(stale), function(message) c("What is out of date.", message, "It is left out of this report."))
}

# Of one neural SDE.
fit_doubts <- function(model, facts) {
  verdict <- model$verdict
  times <- length(model$times)
  assumed <- has_bridge(model$config) && is.null(model$clones$noise)
  tested <- any(vapply(facts$results$model, inherits, NA, "fatefield_interpolation_scores"))
  Filter(Negate(is.null), list(
    if (!is.null(verdict) && verdict$verdict != "good") {
      c(paste0("The model: its fit is ", verdict$verdict, "."), paste0(verdict$reason, "."),
        if (is.na(verdict$advice)) "Fit again before anything is concluded." else paste0(verdict$advice, "."))
    },
    if (length(model$states) == 1L) {
      c("Standard errors, where they are missing or small.", "One model does not know how far another would differ.",
        "FitSDE(n.models = 3) does.")
    },
    if (assumed) {
      c("How much of the motion is chance.", paste0("Cells measured once do not tell it: the noise is assumed (",
        paste(format(unique(range(bridge_noises(model$config, length(model$states)))), digits = 2L), collapse = " to "),
        " of the variance within times)."), "Clones tell: FitSDE(clone = , use.clones = \"noise\").")
    },
    if (isTRUE(model$config$growth)) {
      c("Growth rates of single cells.",
        "Dying and moving away look alike in snapshots; learned rates follow the plans.",
        "Measured rates can be given: FitSDE(growth = ).")
    },
    if (times < 3L) {
      c("The way between the two times.", "No third time says whether cells pass where they are simulated.",
        "One more time would.")
    } else if (!tested) {
      c("Times that were not measured.", "No time was left out here, so it is not known how well one is predicted.",
        "ScoreInterpolation() leaves one out; hand its result on by `results`.")
    }
  ))
}

data_doubts <- function(facts) {
  times <- facts$times
  few <- times$time[times$cells < doubt_limits$cells]
  ratio <- if (nrow(times) > 1L && !is.null(times$counts)) max(times$counts) / max(min(times$counts), 1)
  v <- facts$batch.share
  Filter(Negate(is.null), list(
    if (!is.null(v) && !is.na(v) && v > doubt_limits$batch) {
      c("Differences between times.", paste0("Batches (", quoted(facts$batch.name), ") go with times (Cramer's V ",
        format(v, digits = 2L), "): what is taken for motion may be the batch."),
        "Remove differences between batches that share a time, or measure times in more than one batch.")
    },
    if (!is.null(ratio) && is.finite(ratio) && ratio > doubt_limits$depth) {
      c("Differences between times.", paste0("The median of counts differs by a factor of ", format(ratio, digits = 2L),
        " between times: part of the motion may be depth."), "See that the reduction does not follow it.")
    },
    if (nrow(times) > 1L && length(few) > 0L) {
      c(paste0("Rare cells at ", facts$time.label, " ", paste(few, collapse = ", "), "."),
        paste0("There are fewer than ", doubt_limits$cells, " cells."), "More cells, or times that are joined.")
    }
  ))
}

fate_doubts <- function(facts) {
  f <- facts$fates$result
  if (is.null(f)) {
    return(list())
  }
  scored <- any(vapply(facts$results$fates, inherits, NA, "fatefield_fate_scores")) || !is.null(f$calibration)
  elsewhere <- if (!is.null(f$probability_plan)) {
    mean(max.col(f$probability, "first") != max.col(f$probability_plan, "first"))
  }
  Filter(Negate(is.null), list(
    if (!scored) {
      c("That a probability of 0.8 comes true in 8 of 10 cells.", "No fates that were observed stand beside these.",
        "Clones tell: ScoreFate() and CalibrateFates().")
    },
    if (mean(f$unassigned) > doubt_limits$unassigned) {
      c("Fates of cells whose futures end far from all reference cells.", paste0(percent(mean(f$unassigned)),
        " of the ends have no label."), "Look at the verdict of the fit, and at `cutoff` of DefineFates().")
    },
    if (mean(f$other) > doubt_limits$other) {
      c("Fates of cells that have not arrived.", paste0(percent(mean(f$other)), " of the ends lie among cells that ",
        "are no fate, and do not count."), "A later `t.end`, or other `fates` in DefineFates().")
    },
    if (!is.null(elsewhere) && elsewhere > doubt_limits$plan) {
      c("Fates on which model and plans differ.", paste0("In ", percent(elsewhere), " of the cells the plans between ",
        "times have another fate on top."), "Take what both say.")
    }
  ))
}

# Of drivers, screens and perturbations.
answer_doubts <- function(facts) {
  has <- function(section, kind) {
    any(vapply(facts$results[[section]], inherits, NA, paste0("fatefield_", kind)))
  }
  screen <- Find(function(r) inherits(r, "fatefield_screen"), facts$results$perturbation)
  q <- if (!is.null(screen)) as.data.frame(screen)$q
  Filter(Negate(is.null), list(
    if (length(facts$results$perturbation) > 0L) {
      c("That a gene acts by itself.", paste0("A gene is changed along its loadings: one that is only a marker ",
        "of a fate moves cells as its cause would."), "Read ranks as questions to an experiment.")
    },
    if (!is.null(q) && !any(q < 0.05, na.rm = TRUE)) {
      c("The order of the screen.", "No gene is beyond random genes that move cells as far (no q below 0.05).",
        "More cells and models, or fewer genes, chosen beforehand.")
    },
    if (has("genes", "drivers")) {
      c("The p values of drivers.",
        "Cells are sorted by the model, and taken as independent; its error is not in them.",
        "Fit with other seeds, and keep what stays.")
    },
    if (has("genes", "network")) {
      c("Edges of the network.", "Smoothed and simulated states raise correlations.", "Compare with observed cells.")
    }
  ))
}

velocity_doubts <- function(facts, models) {
  field <- any(vapply(models, function(m) m$type == "field", NA))
  if (is.null(facts$velocity) && !field) {
    return(list())
  }
  low <- facts$velocity$confidence
  list(
    c("Arrows that stand alone.", paste0("Arrows are means over neighbours in few dimensions",
      if (!is.null(low)) paste0("; the median confidence is ", format(low, digits = 2L)), "."),
      "Compare the modes of EstimateVelocity(), and look at phase portraits of the genes in question."),
    if (field) c("Shares of fates along a velocity field.",
      "Errors of velocities add up, and lead to the commoner branch.", "Hold them against shares that were measured.")
  )[c(TRUE, field)]
}

seed_doubts <- function(models) {
  if (length(models) == 0L) {
    return(list())
  }
  list(c("What hangs on one seed.", "Training and futures are random.", "Run all of it with another `seed.use`."))
}
