# How good fits are, and how long they take: all methods of FitSDE() on cells whose futures are known.
#
#   Rscript bench/accuracy.R [PARTS] [METHODS]
#
# a  the fixed set `time_to_accuracy` of the reference numbers: 3 x 400 x 50 to learn from, 3 x 200 x 50 held out. Held-out
#    cells of the first day are simulated (mean of 3 simulations) and compared with those of the later days: Sinkhorn
#    divergence (blur 0.1, scaling 0.9, raw units). Below the line of fresh cells lies under-dispersion, not accuracy; so
#    simulated over observed variances stand beside it.
# b  LARRY haematopoiesis in 2-D (Weinreb et al. 2020), wells 0 and 1, 20,000 cells: fates observed in clones, and the
#    distance to the cells of well 2, in units of the spread.
# c  SimulateDifferentiation() in 50 principal components, with growth that differs between fates: distance to other cells
#    of the same days, fates and growth against the truth of the simulator.
#
# PARTS are letters, default abc; METHODS are separated by commas, default all. Tables are printed and go to bench/out/.

suppressPackageStartupMessages(library(fatefield))

root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), ".."))
shared <- Sys.getenv("FATEFIELD_SHARED", file.path(root, "..", "shared"))
out <- file.path(root, "bench", "out")
dir.create(out, recursive = TRUE, showWarnings = FALSE)

arguments <- commandArgs(TRUE)
parts <- if (length(arguments) > 0L) arguments[[1L]] else "abc"
methods <- c("bridge", "bridge+sinkhorn", "sinkhorn")
if (length(arguments) > 1L) methods <- strsplit(arguments[[2L]], ",")[[1L]]

variances <- function(x) apply(x, 2L, stats::var)
distance <- function(x, y) OTDistance(x, y, options = SinkhornOptions(blur = 0.1, scaling = 0.9))$value

# Seconds of wall and processor, and updates of a fit.
timed_fit <- function(...) {
  taken <- system.time(model <- FitSDE(..., verbose = FALSE))
  cost <- data.frame(seconds = taken[["elapsed"]], cpu = taken[["user.self"]] + taken[["sys.self"]],
    updates = nrow(model$history))
  list(model = model, cost = cost)
}

show_table <- function(table, name, title) {
  message(title)
  print(table, digits = 3, row.names = FALSE)
  utils::write.csv(table, file.path(out, paste0("accuracy_", name, ".csv")), row.names = FALSE)
}

# Distances of simulations from `start` (mean of 3) to `observed`, a list of clouds at the later times.
simulated_distances <- function(model, start, observed, n.sim = 1L) {
  each <- vapply(1:3, function(seed) {
    paths <- SimulateCells(start, model = model, n.sim = n.sim, seed.use = seed, verbose = FALSE)$states
    vapply(seq_along(observed), function(k) distance(paths[, , k + 1L], observed[[k]]), 0)
  }, numeric(length(observed)))
  rowMeans(matrix(each, length(observed)))
}

fixed_set <- function() {
  file <- hdf5r::H5File$new(file.path(shared, "golden", "engine.h5"), "r")
  clouds <- function(name) {
    x <- aperm(file[[paste0("time_to_accuracy/", name)]]$read())
    lapply(1:3, function(k) x[k, , ])
  }
  train <- clouds("train")
  test <- clouds("test")
  file$close_all()
  x <- do.call(rbind, train)
  time <- rep(c(2, 4, 6), each = nrow(train[[1L]]))
  set.seed(1)
  fresh <- replicate(20L, vapply(2:3, function(k) distance(train[[k]][sample(400L, 200L), ], test[[k]]), 0))
  lines <- data.frame(
    method = c("fresh cells of the day", "sd over draws", "cells of day 2, unmoved"),
    day4 = c(mean(fresh[1L, ]), stats::sd(fresh[1L, ]), distance(test[[1L]], test[[2L]])),
    day6 = c(mean(fresh[2L, ]), stats::sd(fresh[2L, ]), distance(test[[1L]], test[[3L]]))
  )
  rows <- lapply(methods, function(method) {
    fit <- timed_fit(x, time, method = method)
    s <- simulated_distances(fit$model, test[[1L]], test[2:3])
    big <- SimulateCells(train[[1L]], model = fit$model, n.sim = 10L, verbose = FALSE)$states
    ratios <- function(pool) {
      r <- lapply(2:3, function(k) variances(big[, , k]) / variances(pool(k)))
      unlist(lapply(r, function(v) c(min(v), stats::median(v), max(v))))
    }
    total <- vapply(2:3, function(k) sum(variances(big[, , k])) / sum(variances(train[[k]])), 0)
    shown <- stats::setNames(as.list(c(ratios(function(k) train[[k]]), total)),
      c("low4", "median4", "high4", "low6", "median6", "high6", "total4", "total6"))
    both <- range(ratios(function(k) rbind(train[[k]], test[[k]])))
    cbind(data.frame(method = method), fit$cost, data.frame(day4 = s[[1L]], day6 = s[[2L]]), shown,
      low.both = both[[1L]], high.both = both[[2L]])
  })
  show_table(lines, "fixed_lines", "Fixed set: lines to compare with")
  show_table(do.call(rbind, rows), "fixed", paste("Fixed set: held-out divergence at days 4 and 6; variance of 4,000",
    "simulated over observed cells (training cells; low.both, high.both: with the held-out ones)"))
}

larry <- function() {
  fates <- c("Erythroid", "Meg", "Mast", "Baso", "Eos", "Neutrophil", "Monocyte", "Ccr7_DC", "pDC", "Lymphoid")
  cells <- utils::read.csv(file.path(shared, "data", "larry", "cells.csv.gz"))
  observed <- utils::read.csv(file.path(shared, "data", "larry", "day2_fates_train.csv.gz"))
  x <- as.matrix(cells[, c("x", "y")])
  rownames(x) <- cells$cell
  set.seed(1)
  known <- sort(sample(which(cells$well != 2), 20000L))
  references <- which(cells$well != 2 & cells$day == 6 & cells$annotation %in% fates)
  scale <- sqrt(mean(variances(x)))
  other <- lapply(c(2, 4, 6), function(day) {
    rows <- which(cells$day == day & (day == 2 | cells$well == 2))
    x[sample(rows, 1000L), ]
  })
  counts <- as.matrix(observed[, fates])
  rownames(counts) <- observed$cell
  rows <- lapply(methods, function(method) {
    fit <- timed_fit(x[known, ], time = cells$day[known], growth = "learned", method = method)
    p <- PredictFate(x, model = fit$model, labels = cells$annotation, cells = rownames(counts), reference = references,
      n.sim = 50L, cutoff = 0, verbose = FALSE)$probability[, fates]
    p <- p / rowSums(p)
    score <- ScoreFate(p, counts, pair = c("Neutrophil", "Monocyte"))
    s <- simulated_distances(fit$model, other[[1L]], other[2:3]) / scale^2
    cbind(data.frame(method = method), fit$cost, data.frame(day4 = s[[1L]], day6 = s[[2L]]), score[1L, -1L])
  })
  fresh <- vapply(c(4, 6), function(day) {
    rows <- sample(which(cells$day == day & cells$well != 2), 1000L)
    distance(x[rows, ], other[[day / 2]]) / scale^2
  }, 0)
  message("LARRY: fresh cells of wells 0 and 1 are at ", paste(format(fresh, digits = 3), collapse = " and "),
    ", unmoved ones at ", format(distance(other[[1L]], other[[2L]]) / scale^2, digits = 3), " and ",
    format(distance(other[[1L]], other[[3L]]) / scale^2, digits = 3))
  show_table(do.call(rbind, rows), "larry", "LARRY: divergence to well 2 at days 4 and 6, and scores of observed fates")
}

differentiation <- function() {
  object <- SimulateDifferentiation(n.cells = 6000L, n.fates = 3L, n.genes = 300L, n.pcs = 50L,
    growth = c(0, 0.4, 0.8))
  x <- SeuratObject::Embeddings(object, "pca")
  truth <- SeuratObject::Misc(object, "truth")
  set.seed(1)
  learn <- sort(sample(ncol(object), ncol(object) / 2))
  rest <- setdiff(seq_len(ncol(object)), learn)
  on_day <- function(day, rows) x[rows[object$day[rows] == day], ]
  observed <- lapply(1:3, on_day, rows = rest)
  early <- rest[object$day[rest] <= 1]
  true_fates <- truth$fate[early, ]
  true_weighted <- truth$fate.weighted[early, ]
  rows <- lapply(methods, function(method) {
    fit <- timed_fit(x[learn, ], time = object$day[learn], growth = "learned", method = method)
    s <- simulated_distances(fit$model, on_day(0, rest), observed)
    p <- PredictFate(x, model = fit$model, labels = object$state, exclude = "progenitor", cells = early,
      reference = learn, time = object$day, n.sim = 50L, cutoff = 0, verbose = FALSE)$probability
    p <- p / rowSums(p)
    score <- ScoreFate(p[, colnames(true_weighted)], true_weighted)
    growth <- methods::new(NeuralSDE, fit$model$states[[1L]])$growth(x[rest, ], 1)
    cbind(data.frame(method = method), fit$cost, day1 = s[[1L]], day2 = s[[2L]], day3 = s[[3L]],
      cross.entropy = score$cross.entropy[[1L]],
      cor.fates = stats::cor(as.vector(p[, colnames(true_weighted)]), as.vector(true_weighted)),
      cor.growth = stats::cor(growth[, 1L], truth$growth[rest]),
      slope.growth = unname(stats::coef(stats::lm(growth[, 1L] ~ truth$growth[rest]))[[2L]]),
      total1 = fit$model$dispersion$median[[1L]], total3 = fit$model$dispersion$median[[3L]])
  })
  entropy <- function(p) -mean(rowSums(true_weighted * log(pmax(p, 1e-12))))
  fresh <- vapply(1:3, function(day) distance(on_day(day, learn), observed[[day]]), 0)
  message("Differentiation: fresh cells are at ", paste(format(fresh, digits = 3), collapse = ", "), "; cross-entropy of ",
    "the truth itself ", format(entropy(true_weighted), digits = 3), ", of the shares overall ",
    format(entropy(matrix(colMeans(true_weighted), nrow(true_weighted), 3L, byrow = TRUE)), digits = 3))
  show_table(do.call(rbind, rows), "differentiation",
    "Differentiation: divergence to other cells of days 1 to 3, fates (weighted by descendants) and growth against the truth")
}

if (grepl("a", parts)) fixed_set()
if (grepl("b", parts)) larry()
if (grepl("c", parts)) differentiation()
