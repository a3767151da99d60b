# From ten thousand to a million cells: fit, fates and neighbours, with time, memory and accuracy.
#
#   Rscript bench/million.R [CELLS [THREADS [RESULTS.json]]]     default: 1,000,000 cells, all cores
#
# Cells are simulated here, seeded, by a generator far cheaper than SimulateDifferentiation(), which has genes to make:
# 50 dimensions, 5 times, one stem that parts into four branches between times 1 and 2. The spread along the dimensions
# falls like that of principal components. A quarter of the cells of the last time are not labelled.
#
# Beside the distance of simulated held-out cells from held-out cells of each time stand the noise floor (as many other
# cells of the same time) and the cells of the first time, unmoved. All are Sinkhorn divergences at the defaults of
# OTDistance() between 2,000 cells. Memory is the peak of the whole process, R and data included.

suppressPackageStartupMessages(library(fatefield))

arguments <- commandArgs(trailingOnly = TRUE)
n <- if (length(arguments) > 0L) as.integer(as.numeric(arguments[[1L]])) else 1000000L
if (length(arguments) > 1L) options(fatefield.threads = as.integer(arguments[[2L]]))
threads <- asNamespace("fatefield")$thread_count()
dims <- 50L
times <- 0:4
rows <- list()

peak <- function() {
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024^2
}

report <- function(name, seconds, processor, value = NA) {
  cat(sprintf("%-44s %9.1f s %9.1f s of processor %7.2f GB peak%s\n", name, seconds, processor, peak(),
    if (is.na(value)) "" else sprintf("   %.4g", value)))
  rows[[length(rows) + 1L]] <<- list(name = name, seconds = seconds, processor = processor, gb = peak(), value = value)
}

timed <- function(name, expr, value = function(result) NA) {
  gc()
  clock <- system.time(result <- expr)
  report(name, clock[["elapsed"]], clock[["user.self"]] + clock[["sys.self"]], value(result))
  invisible(result)
}

simulate <- function(n) {
  set.seed(1)
  time <- sort(rep_len(times, n))
  branch <- sample.int(4L, n, replace = TRUE)
  stem <- c(2, 1, rep(0, dims - 2L))
  ends <- matrix(stats::rnorm(4L * dims), 4L) / rep(sqrt(seq_len(dims)), each = 4L)
  split <- pmax(time - 1, 0)
  sd <- 1 / sqrt(seq_len(dims))
  x <- matrix(0, n, dims, dimnames = list(paste0("c", seq_len(n)), paste0("PC_", seq_len(dims))))
  for (d in seq_len(dims)) x[, d] <- time * stem[[d]] + split * ends[branch, d] + sd[[d]] * stats::rnorm(n)
  list(x = x, time = time, branch = branch)
}

cat(format(n, big.mark = ","), "cells x", dims, "dimensions x", length(times), "times,", threads, "threads\n")
cells <- timed("simulated", simulate(n))
# Held out: from training, early stopping and votes.
held <- seq_len(n) %% 10L == 0L
start <- proc.time()[["elapsed"]]
busy <- sum(proc.time()[c("user.self", "sys.self")])
model <- timed(
  "fit (value: updates)", FitSDE(cells$x[!held, ], time = cells$time[!held], verbose = FALSE),
  function(model) nrow(model$history)
)

some <- function(time, held.out, most = 2000L) {
  at <- which(cells$time == time & held == held.out)
  at[unique(round(seq(1, length(at), length.out = min(most, length(at)))))]
}
paths <- timed("simulate 2,000 held-out cells", SimulateCells(
  cells$x[some(0, TRUE), ], model, n.sim = 1L, t.out = times, verbose = FALSE
))
for (k in seq_along(times)[-1L]) {
  target <- cells$x[some(times[[k]], TRUE), ]
  found <- matrix(paths$states[, , k], ncol = dims)
  distance <- function(x) OTDistance(x, target)$value
  cat(sprintf("  time %g: held-out distance %.4f, noise floor %.4f, unmoved %.4f, variance ratio %.2f\n", times[[k]],
    distance(found), distance(cells$x[some(times[[k]], FALSE), ]), distance(cells$x[some(0, FALSE), ]),
    sum(apply(found, 2L, stats::var)) / sum(apply(target, 2L, stats::var))))
  rows[[length(rows) + 1L]] <- list(name = paste("distance at", times[[k]]), value = distance(found),
    floor = distance(cells$x[some(times[[k]], FALSE), ]), unmoved = distance(cells$x[some(0, FALSE), ]))
}

labels <- ifelse(cells$time == max(times) & !held & seq_len(n) %% 4L != 0L, paste0("branch", cells$branch), NA)
asked <- which(cells$time == 1)
asked <- asked[seq_len(min(10000L, length(asked)))]
fates <- timed(
  "fates x 200 simulations (value: cells)",
  PredictFate(cells$x, model = model, labels = labels, cells = asked, time = cells$time, n.sim = 200L, verbose = FALSE),
  function(fates) nrow(fates$probability)
)
cat("  mean probabilities:", sprintf("%.3f", colMeans(fates$probability)), "(truth: 0.250 each)\n")

inner <- asNamespace("fatefield")
timed("neighbours of 10,000 among all (k = 20)", inner$knn_query(
  cells$x, cells$x[asked, , drop = FALSE], 20L, inner$knn_defaults(), threads
))
report("all, from the fit on", proc.time()[["elapsed"]] - start, sum(proc.time()[c("user.self", "sys.self")]) - busy)

if (length(arguments) > 2L) {
  entry <- function(row) paste0("{", paste(sprintf("\"%s\": %s", names(row), vapply(row, function(v) {
    if (is.character(v)) paste0("\"", v, "\"") else if (is.na(v)) "null" else format(v, digits = 6)
  }, "")), collapse = ", "), "}")
  writeLines(c(
    sprintf("{\"benchmark\": \"million\", \"cells\": %d, \"threads\": %d, \"results\": [", n, threads),
    paste(vapply(rows, entry, ""), collapse = ",\n"), "]}"
  ), arguments[[3L]])
}
