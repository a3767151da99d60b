# Fates of the pancreas from velocity alone: macrostates of walks by velocity and neighbours, absorption in the four
# ends of
# the lineage, and what goes with them. Sourced by bench/pancreas.R.

pancreas_ends <- c("Alpha", "Beta", "Delta", "Epsilon")

# Groups of each number, one row each, and how many of the four ends are the label of a core.
macrostate_row <- function(object, mode, n) {
  before <- proc.time()
  found <- suppressWarnings(FindMacrostates(object, n.states = n, group.by = "type", store.as = "tried"))
  found <- GetResult(found, "macrostates", "tried")
  spent <- sum((proc.time() - before)[1:2])
  s <- found$states
  of <- function(kind) paste(sort(s$state[s$kind == kind]), collapse = ", ")
  ends <- s[s$label %in% pancreas_ends & s$core > 0L, ]
  data.frame(mode = mode, groups = nrow(s), crispness = found$crispness,
    ends = paste(sprintf("%s %.2f", ends$state, ends$purity), collapse = ", "), terminal = of("terminal"),
    initial = of("initial"), seconds = spent)
}

# The cores of the ends in the finest division that has all of them, else the cells of these types nearest to their
# middle.
fates_of_ends <- function(object, mode) {
  object <- suppressWarnings(FindMacrostates(object, n.states = 12, group.by = "type"))
  states <- GetResult(object, "macrostates")$states
  best <- vapply(pancreas_ends, function(end) {
    rows <- which(states$label %in% end & states$core > 0L)
    if (length(rows) == 0L) NA_character_ else states$state[rows[which.max(states$purity[rows])]]
  }, "")
  best <- best[!is.na(best)]
  before <- proc.time()
  object <- AbsorptionProbabilities(object, states = unname(best))
  spent <- sum((proc.time() - before)[1:2])
  found <- GetResult(object, "fates")
  colnames(found$probability) <- names(best)
  endocrine <- object$type %in% pancreas_ends
  hit <- max.col(replace(found$probability, is.na(found$probability), 0), ties.method = "first")
  types <- split(as.data.frame(found$probability), object$type)
  means <- do.call(rbind, lapply(types, colMeans, na.rm = TRUE))
  show_table(means, paste0("pancreas_absorption_", mode), "Mean probability of each end by type")
  pre <- found$probability[object$type == "Pre-endocrine", , drop = FALSE]
  data.frame(mode = mode, ends = paste(names(best), collapse = ", "),
    own.end = mean(names(best)[hit[endocrine]] == as.character(object$type)[endocrine]),
    pre.alpha = if ("Alpha" %in% names(best)) mean(pre[, "Alpha"], na.rm = TRUE) else NA,
    pre.beta = if ("Beta" %in% names(best)) mean(pre[, "Beta"], na.rm = TRUE) else NA,
    steps = stats::median(found$steps[object$type == "Ngn3 low EP"], na.rm = TRUE), error = found$error,
      seconds = spent)
}

# Scores of the steps along the lineage, in genes and among arrows, with those of shuffled velocities.
direction_rows <- function(object, mode) {
  of <- function(...) ScoreVelocity(object, group.by = "type", edges = steps, ...)$table
  before <- proc.time()
  genes <- of()
  arrows <- of(reduction = "umap")
  spent <- sum((proc.time() - before)[1:2])
  data.frame(mode = mode, genes[c("edge", "cells", "effective", "score", "score_low", "score_high", "floor", "p")],
    arrows = arrows$score, arrows.floor = arrows$floor, seconds = spent)
}

group_graph_of <- function(object, mode) {
  graph <- ConnectGroups(object, group.by = "type", reduction = "umap")
  save_figure(plot(graph), paste0("pancreas_groups_", mode))
  show_table(as.data.frame(graph), paste0("pancreas_groups_", mode), "Connectivity and direction of pairs of types")
}

# `fits`: the object with velocities of each mode.
pancreas_fates <- function(fits) {
  rows <- do.call(rbind, lapply(names(fits), function(mode) {
    do.call(rbind, lapply(list(NULL, 8L, 10L, 12L), function(n) tryCatch(macrostate_row(fits[[mode]], mode, n),
      fatefield_error_input = function(e) NULL)))
  }))
  show_table(do.call(rbind, Map(direction_rows, fits, names(fits))), "pancreas_directions",
    "Mean cosine of velocities with steps to the next type, in genes and among arrows, beside shuffled ones")
  for (mode in names(fits)) group_graph_of(fits[[mode]], mode)
  show_table(rows, "pancreas_macrostates",
    "Macrostates: purity of the cores of ends, terminal and initial ones, seconds")
  show_table(do.call(rbind, Map(fates_of_ends, fits, names(fits))), "pancreas_fates",
    "Absorption in the cores of the ends: share of endocrine cells with their own, pre-endocrine cells, seconds")
}
