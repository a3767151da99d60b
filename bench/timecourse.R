# A left-out time predicted, scored beside fresh cells, unmoved cells and McCann interpolation; needs the folder of
# real data beside the project.
#
#   Rscript bench/timecourse.R [bargaje | larry] [METHODS]
#
# bargaje  iPSC to cardiomyocyte by RT-qPCR (Bargaje et al. 2017): 1,896 cells x 96 genes at hours 0 24 36 48 60 72 96
#          120. Expression is 25 - Ct (25: not seen), without further normalisation. Each inner time is left out in turn:
#          principal components (10) and model are fitted without it, and its cells are projected.
# larry    haematopoiesis in the published 2-D coordinates (Weinreb et al. 2020): fitted on days 2 and 6, day 4 predicted,
#          in units of their spread.
#
# METHODS are those of FitSDE(), separated by commas; default all. Prints one table of scores for each time left out, and
# for bargaje the mean over the times; all rows of a table are scored on the same draws of as many cells. Tables go to
# bench/out/ as CSV.

suppressPackageStartupMessages(library(fatefield))

root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), ".."))
data <- Sys.getenv("FATEFIELD_SHARED", file.path(root, "..", "shared"))
out <- file.path(root, "bench", "out")
dir.create(out, recursive = TRUE, showWarnings = FALSE)

arguments <- commandArgs(TRUE)
all_methods <- c("bridge", "bridge+sinkhorn", "sinkhorn")
methods <- if (length(arguments) > 1L) strsplit(arguments[[2L]], ",")[[1L]] else all_methods

# Models of all methods, with the seconds each took.
fit_all <- function(x, time, ...) {
  seconds <- numeric()
  models <- list()
  for (method in methods) {
    taken <- system.time(models[[method]] <- FitSDE(x, time = time, method = method, verbose = FALSE, ...))
    seconds[[method]] <- taken[["elapsed"]]
  }
  list(models = models, seconds = seconds)
}

# Scores of one time left out; x, time: all cells.
left_out <- function(x, time, at, ...) {
  keep <- time != at
  fitted <- fit_all(x[keep, , drop = FALSE], time[keep], ...)
  scores <- ScoreInterpolation(x, t.out = at, model = fitted$models, time = time, verbose = FALSE)
  print(scores)
  cat("seconds of fit: ", paste(names(fitted$seconds), round(fitted$seconds, 1), collapse = ", "), "\n\n", sep = "")
  seconds <- fitted$seconds[match(scores$predictor, names(fitted$seconds))]
  cbind(t.out = at, scores, seconds = unname(seconds))
}

bargaje <- function() {
  cells <- utils::read.csv(file.path(data, "data", "timecourse", "ipsc_cardiomyocyte_bargaje.csv"))
  expression <- 25 - as.matrix(cells[, names(cells) != "h"])
  time <- cells$h
  inner <- setdiff(sort(unique(time)), range(time))
  each <- lapply(inner, function(at) {
    basis <- stats::prcomp(expression[time != at, ], rank. = 10)
    # A landscape cannot follow cells that turn back from hour to hour; a free drift can.
    left_out(stats::predict(basis, expression), time, at, drift = "forward", drift.activation = "silu")
  })
  table <- do.call(rbind, each)
  utils::write.csv(table, file.path(out, "timecourse_bargaje.csv"), row.names = FALSE)
  scores <- setdiff(names(table), c("predictor", "t.out", "cells", grep("_sd$", names(table), value = TRUE)))
  cat("Mean over the", length(inner), "times left out\n")
  mean <- stats::aggregate(table[scores], table["predictor"], base::mean)
  print(mean[match(unique(table$predictor), mean$predictor), ], digits = 3, row.names = FALSE)
}

larry <- function() {
  cells <- utils::read.csv(file.path(data, "data", "larry", "cells.csv.gz"))
  x <- as.matrix(cells[, c("x", "y")])
  # Units in which a blur of 0.05 means something: 1 is the spread of the cells trained on.
  x <- x / sqrt(mean(apply(x[cells$day != 4, ], 2, stats::var)))
  table <- left_out(x, cells$day, 4)
  utils::write.csv(table, file.path(out, "timecourse_larry.csv"), row.names = FALSE)
}

parts <- list(bargaje = bargaje, larry = larry)
chosen <- if (length(arguments) > 0L) arguments[[1L]] else names(parts)
for (part in chosen) parts[[part]]()
