# Velocity fields of the mouse pancreas: held-out errors, where pre-endocrine cells go, and the system of two branches, whose
# shares are known. Sourced by bench/pancreas.R with the object `fitted` of velocities; by itself it estimates them.
#
#   Rscript bench/pancreas_field.R [MODE]
#
# Tables and figures go to bench/out/pancreas_*.

if (!exists("bench_out")) {
  suppressPackageStartupMessages(library(fatefield))
  source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "real_data.R"))
}

# Mean error of each field on cells that were held out one by one, and by type.
field_errors <- function(object) {
  for (way in c("cells", "types")) {
    scores <- timed(paste("ScoreVelocityField, held-out", way), ScoreVelocityField(
      object, split.by = if (way == "types") "type", n.splits = 1L, verbose = FALSE
    ))
    print(scores)
    save_figure(PlotFieldScores(scores), paste0("pancreas_field_scores_", way))
  }
}

# The ends of pre-endocrine cells among the terminal types, by several ways of integrating.
endocrine_fates <- function(object) {
  start <- which(object$type == "Pre-endocrine")
  stopifnot(length(start) == 592L)
  ways <- list(
    `partial pulls` = list(snap = "partial"), `no pulls` = list(snap = "none"), published = list(compat = "deepvelo")
  )
  rows <- lapply(names(ways), function(way) {
    paths <- timed(paste("IntegrateCells,", way), do.call(
      IntegrateCells, c(list(object, cells = start, verbose = FALSE), ways[[way]])
    ))
    if (way == "partial pulls") {
      save_figure(PlotTrajectories(paths[seq(1, 592, 20)], object), "pancreas_field_paths")
    }
    found <- ClassifyTrajectories(paths, labels = "type", reference = object, k = 30L, fates = c("Alpha", "Beta"))
    message(way)
    print(found)
    data.frame(way = way, Alpha = found$fates["Alpha", "n"], Beta = found$fates["Beta", "n"], found$ratio, row.names = NULL)
  })
  published <- data.frame(way = "paper", Alpha = 230, Beta = 362, ratio = 362 / 230, low = NA, high = NA, boot_low = NA, boot_high = NA)
  show_table(do.call(rbind, c(rows, list(published))), "pancreas_field_fates", "Ends of 592 pre-endocrine cells, k = 30")
}

# Share of the major branch among cells before the fork, followed to the end; the truth is 0.61.
two_branch_share <- function() {
  cells <- SimulateTwoBranch()
  cells <- EstimateVelocity(cells, mode = "stochastic", verbose = FALSE)
  cells <- timed("FitVelocityField, two branches", FitVelocityField(cells, verbose = FALSE))
  early <- which(!cells$branch %in% c("major", "minor"))
  late <- cells$branch %in% c("major", "minor") & cells$time > stats::quantile(cells$time, 0.8)
  cells$end <- ifelse(late, as.character(cells$branch), NA)
  rows <- lapply(c("partial", "none", "full"), function(snap) {
    paths <- IntegrateCells(cells, cells = early, snap = snap, verbose = FALSE)
    found <- ClassifyTrajectories(paths, labels = "end", reference = cells, k = 30L, fates = c("major", "minor"))
    data.frame(snap = snap, found$fates["major", ], row.names = NULL)
  })
  show_table(do.call(rbind, rows), "two_branch_share", "Share of the major branch, truth 0.61")
}

pancreas_fields <- function(fitted) {
  fitted <- timed("FitVelocityField, default", FitVelocityField(fitted, n.models = 1L, verbose = FALSE))
  endocrine_fates(fitted)
  field_errors(fitted)
}

if (identical(basename(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "pancreas_field.R")) {
  mode <- if (length(commandArgs(TRUE)) > 0L) commandArgs(TRUE)[[1L]] else "stochastic"
  if (mode == "two-branch") {
    two_branch_share()
  } else {
    pancreas_fields(EstimateVelocity(read_pancreas(), mode = mode, verbose = FALSE))
  }
}
