# Macrostates and absorption of many cells: a tree of three branches in ten dimensions, 30 neighbours, a pseudotime
# that is
# known. Seconds, peak memory, and the bound of the error.
#
#   Rscript bench/absorption.R [CELLS] [THREADS]

suppressPackageStartupMessages(library(fatefield))
args <- commandArgs(TRUE)
n <- if (length(args) > 0L) as.integer(args[[1L]]) else 100000L
if (length(args) > 1L) options(fatefield.threads = as.integer(args[[2L]]))

set.seed(1)
time <- stats::runif(n)
branch <- sample(3L, n, replace = TRUE)
ways <- qr.Q(qr(matrix(stats::rnorm(40), 10L)))
along <- pmin(time, 0.4)
x <- outer(along, ways[, 4L]) + pmax(time - 0.4, 0) * t(ways[, branch]) + matrix(stats::rnorm(10L * n, sd = 0.02), n)
rownames(x) <- sprintf("c%06d", seq_len(n))

timed <- function(label, expr) {
  before <- proc.time()
  out <- force(expr)
  spent <- proc.time() - before
  cat(sprintf("%-28s %7.1f s, %7.1f s of processor\n", label, spent[["elapsed"]],
    spent[["user.self"]] + spent[["sys.self"]]))
  out
}

steps <- timed("neighbours and transitions", TransitionMatrix(x, kernel = c(pseudotime = 0.9, connectivity = 0.1),
  pseudotime = time))
print(steps)
ends <- ifelse(time > 0.99, paste0("end", branch), NA)
fates <- timed("absorption in 3 states", AbsorptionProbabilities(steps, states = ends))
print(fates)
own <- cbind(seq_len(n), match(paste0("end", branch), colnames(fates$probability)))
cat("probability of the own branch past the fork:", format(mean(fates$probability[own][time > 0.5]), digits = 3L), "\n")
found <- timed("macrostates", FindMacrostates(steps, max.states = 6))
print(found)
peak <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
cat("peak memory:", round(as.numeric(gsub("[^0-9]", "", peak)) / 1024), "MB\n")
