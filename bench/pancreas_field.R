# Velocity fields of the mouse pancreas: held-out errors, where pre-endocrine cells go, and the system of two branches, whose
# shares are known. bench/pancreas.R runs all of it after its velocities; by itself this estimates them.
#
#   Rscript bench/pancreas_field.R [pancreas | two-branch] [THREADS]
#
# Tables and figures go to bench/out/pancreas_field_* and bench/out/two_branch_*, what they say of published claims to
# bench/out/claims_pancreas_field.csv.

alone <- identical(basename(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "pancreas_field.R")
if (alone) {
  suppressPackageStartupMessages(library(fatefield))
  source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "real_data.R"))
}
source(file.path(bench_root, "bench", "biology", "claims.R"))

terminal_types <- c("Alpha", "Beta", "Delta", "Epsilon")
# Shares of the default time at which paths are looked at.
spans <- c(1 / 3, 1)

# Mean errors of each kind of field on cells held out one by one, and by whole types.
field_errors <- function(object) {
  scores <- timed("ScoreVelocityField", ScoreVelocityField(object, split.by = "type", n.splits = 2L, verbose = FALSE))
  print(scores)
  show_table(scores$table, "pancreas_field_scores", "Fields on held-out cells and types")
  save_figure(plot(scores), "pancreas_field_scores", 9, 6)
  mse <- with(scores$table[scores$table$held.out == "cells", ], stats::setNames(mse, field))
  ours <- mse[["vae"]] / min(mse[c("linear", "sparsevfc")])
  claim("pancreas_field", "dv28", sprintf(
    "pancreas: error %.2f of the better of linear and SparseVFC, on cells held out before anything is fitted", ours
  ), if (ours <= 0.5) "reproduced" else "not reproduced")
}

# One row of the table of fates: the ends at one time, by all types or by terminal ones alone.
fate_row <- function(paths, object, time, among, ...) {
  found <- ClassifyTrajectories(paths, labels = "type", reference = object, k = 30L, t.end = time, fates = c("Alpha", "Beta"),
    among = if (among == "terminal") terminal_types)
  n <- function(type) sum(found$label %in% type)
  data.frame(..., among, Alpha = n("Alpha"), Beta = n("Beta"), others = n(c("Delta", "Epsilon")), ambiguous = n("ambiguous"),
    pre.endocrine = n("Pre-endocrine"), left = sum(paths$paths$end == "left cells" & paths$paths$end_time <= time), found$ratio[-1L],
    row.names = NULL)
}

fate_rows <- function(paths, object, times, ...) {
  rows <- lapply(times, function(t) lapply(c("all", "terminal"), function(among) {
    fate_row(paths, object, t, among, ..., times.default = t / max(times))
  }))
  do.call(rbind, unlist(rows, recursive = FALSE))
}

default_span <- function(object, ...) max(suppressWarnings(IntegrateCells(object, cells = 1L, verbose = FALSE, ...))$times)

# The ends of pre-endocrine cells among types, by several ways of integrating. The first rows, at time 0, are the cells
# themselves: what their neighbours say without any motion.
endocrine_fates <- function(object, mode) {
  start <- which(object$type == "Pre-endocrine")
  stopifnot(length(start) == 592L)
  times <- default_span(object) * c(0, spans)
  rows <- lapply(c("none", "partial"), function(snap) {
    paths <- timed(paste("IntegrateCells, snap =", snap), IntegrateCells(
      object, cells = start, snap = snap, t.out = times, verbose = FALSE
    ))
    fate_rows(paths, object, times, mode = mode, way = paste("snap", snap))
  })
  paths <- IntegrateCells(object, cells = start, compat = "deepvelo", verbose = FALSE)
  published <- lapply(c("all", "terminal"), fate_row, paths = paths, object = object, time = max(paths$times),
    mode = mode, way = "published", times.default = NA)
  table <- do.call(rbind, c(rows, published))
  table[!(table$times.default %in% 0 & table$way == "snap partial"), ]
}

# Types of the nearest cells along paths, paths x times.
types_along <- function(paths, object) {
  references <- vapply(paths$times, function(t) {
    as.character(ClassifyTrajectories(paths, labels = "type", reference = object, t.end = t, min.vote = 0, n.boot = 1L)$label)
  }, character(length(paths$cell)))
  matrix(references, length(paths$cell))
}

plot_types_along <- function(types, times) {
  counts <- as.data.frame(table(type = factor(types, pancreas_types), time = times[col(types)]))
  counts$time <- as.numeric(as.character(counts$time))
  colours <- stats::setNames(grDevices::palette.colors(8L, "Okabe-Ito"), pancreas_types)
  ggplot2::ggplot(counts, ggplot2::aes(time, Freq, fill = type)) + ggplot2::geom_area() +
    ggplot2::scale_fill_manual(NULL, values = colours) + ggplot2::theme_minimal() + ggplot2::labs(x = "time", y = "paths")
}

# From endocrine progenitors on: through pre-endocrine cells to beta cells?
progenitor_paths <- function(object, mode) {
  start <- which(object$type == "Ngn3 high EP")
  times <- seq(0, default_span(object), length.out = 16L)
  paths <- timed("IntegrateCells, progenitors", IntegrateCells(object, cells = start, t.out = times, verbose = FALSE))
  types <- types_along(paths, object)
  save_figure(plot_types_along(types, times), paste0("pancreas_field_progenitors_", mode), 7, 4)
  save_figure(plot(paths[seq(1, length(start), 20)], object, reduction = "umap"),
    paste0("pancreas_field_progenitor_paths_", mode))
  beta <- types[, ncol(types)] == "Beta"
  through <- rowSums(types == "Pre-endocrine") > 0
  data.frame(mode, cells = length(start), through = sum(through), beta = sum(beta), both = sum(beta & through),
    others = sum(types[, ncol(types)] %in% setdiff(terminal_types, "Beta")))
}

# `fits`: the object with velocities of each mode, by mode.
pancreas_fields <- function(fits) {
  fits <- lapply(fits[c("stochastic", "dynamical")], function(object) {
    timed("FitVelocityField", FitVelocityField(object, verbose = FALSE))
  })
  fates <- do.call(rbind, unname(Map(endocrine_fates, fits, names(fits))))
  paper <- data.frame(mode = "dynamical", way = "paper", times.default = NA, among = "all", Alpha = 230, Beta = 362, others = 0,
    ambiguous = 0, pre.endocrine = 0, left = 0, ratio = 362 / 230, ratio_low = NA, ratio_high = NA,
    ratio_boot_low = NA, ratio_boot_high = NA)
  show_table(rbind(fates[names(paper)], paper), "pancreas_field_fates", "Ends of 592 pre-endocrine cells, k = 30")
  default <- subset(fates, mode == "stochastic" & way == "snap none" & times.default == 1)
  all <- default[default$among == "all", ]
  some <- default[default$among == "terminal", ]
  claim("pancreas_field", "dv16", sprintf(
    "default field: alpha : beta %d : %d (1 : %.1f, %.1f to %.1f), %d still pre-endocrine; by terminal types alone %d : %d",
    all$Alpha, all$Beta, all$ratio, all$ratio_boot_low, all$ratio_boot_high, all$pre.endocrine, some$Alpha, some$Beta
  ), if (all$ratio_boot_low <= 1.57 && all$ratio_boot_high >= 1.57) "reproduced" else "not reproduced")
  followed <- do.call(rbind, unname(Map(progenitor_paths, fits, names(fits))))
  show_table(followed, "pancreas_field_progenitors", "Ngn3 high EP over the default time")
  share <- followed$both / followed$cells
  claim("pancreas_field", "dv09", paste(sprintf("%s: %d of %d paths pass pre-endocrine cells, %d of them to beta", followed$mode,
    followed$through, followed$cells, followed$both), collapse = "; "),
  if (any(share > 0.5)) "reproduced" else "not reproduced")
  field_errors(fits$stochastic)
}

# Shares of early cells that end on the major branch, by estimated and by true velocities, pulled and not.
branch_shares <- function(seed) {
  cells <- SimulateTwoBranch(seed.use = seed)
  cells <- EstimateVelocity(cells, mode = "stochastic", verbose = FALSE)
  cells <- FitVelocityField(cells, seed.use = seed, verbose = FALSE)
  truth <- SeuratObject::Misc(cells, "truth")
  states <- t(as.matrix(SeuratObject::GetAssayData(cells[["spliced"]], "counts")[rownames(truth$velocity), ])) / truth$library
  known <- FitVelocityField(states, t(truth$velocity), seed.use = seed, verbose = FALSE)
  late <- cells$branch != "common" & cells$time > 0.8 * max(cells$time)
  cells$end <- ifelse(late, as.character(cells$branch), NA)
  early <- which(cells$branch == "common")
  each <- function(velocity, object, reference, ...) {
    times <- default_span(object, ...) * c(0, 1, 2)
    do.call(rbind, lapply(c("none", "partial", "full"), function(snap) {
      paths <- IntegrateCells(object, cells = early, snap = snap, t.out = times, verbose = FALSE, ...)
      share <- vapply(times[-1L], function(t) {
        ClassifyTrajectories(paths, labels = cells$end, reference = reference, k = 30L, t.end = t, fates = c("major", "minor"),
          n.boot = 1L)$fates$share[[1L]]
      }, 0)
      data.frame(seed, velocity, snap, share = share[[1L]], twice.as.long = share[[2L]],
        stayed = mean(paths$paths$end %in% c("reached", "time ran out")))
    }))
  }
  rbind(each("estimated", cells, cells), each("true", states, states, model = known))
}

two_branch <- function(seeds = c(42L, 1:7)) {
  shares <- timed("Two branches, 8 systems", do.call(rbind, lapply(seeds, branch_shares)))
  utils::write.csv(shares, file.path(bench_out, "two_branch_shares_all.csv"))
  interval <- function(x) {
    half <- stats::qt(0.975, length(x) - 1L) * stats::sd(x) / sqrt(length(x))
    c(mean = mean(x), low = mean(x) - half, high = mean(x) + half, sd = stats::sd(x))
  }
  by <- split(shares, list(shares$snap, shares$velocity))
  show_table(do.call(rbind, lapply(by, function(part) data.frame(
    velocity = part$velocity[[1L]], snap = part$snap[[1L]], t(interval(part$share)), within.10 = mean(abs(part$share - 0.61) <= 0.1),
    twice.as.long = mean(part$twice.as.long), stayed = mean(part$stayed), row.names = NULL
  ))), "two_branch_shares", "Share of the major branch, truth 0.61: mean over 8 systems and its 95 % interval")
  save_figure(ggplot2::ggplot(shares, ggplot2::aes(snap, share)) + ggplot2::geom_hline(yintercept = 0.61, linetype = "dashed") +
    ggplot2::geom_point(alpha = 0.6) + ggplot2::facet_wrap("velocity", labeller = "label_both") + ggplot2::theme_minimal() +
    ggplot2::labs(x = "pulls", y = "share of the major branch"), "two_branch_shares", 7, 4)
  cells <- EstimateVelocity(SimulateTwoBranch(), mode = "stochastic", verbose = FALSE)
  scores <- timed("ScoreVelocityField, two branches", ScoreVelocityField(cells, n.splits = 3L, verbose = FALSE))
  show_table(scores$table, "two_branch_scores", "Fields on held-out cells of two branches")
}

if (alone) {
  arguments <- commandArgs(TRUE)
  if (length(arguments) > 1L) options(fatefield.threads = as.integer(arguments[[2L]]))
  if (length(arguments) == 0L || arguments[[1L]] == "pancreas") {
    object <- read_pancreas()
    pancreas_fields(lapply(c(stochastic = "stochastic", dynamical = "dynamical"), function(mode) {
      timed(paste("EstimateVelocity,", mode), EstimateVelocity(object, mode = mode, verbose = FALSE))
    }))
  }
  if (length(arguments) == 0L || arguments[[1L]] == "two-branch") two_branch()
}
