# Fates of LARRY haematopoiesis (Weinreb et al. 2020), from the folder of real data beside the project.
#
#   Rscript bench/larry.R [PART] [OPTIONS]
#
# PART a (default): all 130,887 cells in 2-D, five seeds, fates of 2,081 day-2 cells; scores on the half of the
# visible clones that defaults may be chosen by. confirm: the same, scored on the other half, which nothing is chosen
# by. b: 781 cells with genes, from the .h5ad file to figures.
# OPTIONS of FitSDE() as "updates=2000;growth=learned", of PredictFate() with "predict." before the name, for
# comparisons; "seeds=2" takes fewer. Without them no option is set: the defaults of the package alone.
#
# Part a trains on wells 0 and 1: cells of well 2 are in no training, no early stopping and no vote. Fates that were
# observed are read after all predictions are made, to print scores. Intervals draw whole clones. Beside the models
# stand the shares of day 6, the transport plan alone where PredictFate() offers it, and what is learned from fates of
# other clones: the 50 nearest cells, and a multinomial regression on the coordinates. Tables and figures go to
# bench/out/.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))
source(file.path(here, "accuracy", "contenders.R"))
seconds <- function() proc.time()[["elapsed"]]

# As PredictFate() and FitSDE() are asked: a setting of accuracy/contenders.R, without the fates that are known.
larry_task <- function() {
  cells <- utils::read.csv(bench_data("larry", "cells.csv.gz"))
  scored <- utils::read.csv(bench_data("larry", "day2_scored_cells.csv.gz"))
  # What comes after the known wells is predicted, and in no training and no vote.
  known <- which(cells$well != 2)
  rows <- c(known, match(setdiff(scored$cell, cells$cell[known]), cells$cell))
  cells <- cells[rows, ]
  x <- as.matrix(cells[, c("x", "y")])
  rownames(x) <- cells$cell
  list(
    name = "larry", object = x, time = cells$day, x = x, times = cells$day, learn = seq_along(known),
    labels = cells$annotation, predict = match(scored$cell, cells$cell), clone = cells$clone,
    reference = which(cells$well != 2 & cells$day == 6 & cells$annotation %in% larry_fate_names),
    fate = matrix(NA_real_, 0L, length(larry_fate_names), dimnames = list(NULL, larry_fate_names))
  )
}

write_fates <- function(p, name) {
  file <- file.path(bench_out, paste0("larry_fates_", name, ".csv"))
  utils::write.csv(data.frame(cell = rownames(p), p, check.names = FALSE), file, row.names = FALSE)
}

# Prediction of each seed, and what it took.
larry_fates <- function(task, options, seeds) {
  each <- lapply(seeds, function(seed) {
    started <- proc.time()
    model <- fit_model(c(options$fit, seed.use = seed), task, task$learn)
    fitted <- proc.time()
    p <- predict_cells(task, c(options$predict, seed.use = seed), model = model)$p
    done <- proc.time()
    cost <- c(
      fit = (fitted - started)[["elapsed"]], cpu = sum((fitted - started)[1:2]), predict = (done - fitted)[["elapsed"]]
    )
    message("seed ", seed, ": fit ", round(cost[[1L]]), " s (", round(cost[[2L]]), " s of processor), fates ",
      round(cost[[3L]]), " s")
    write_fates(p, paste0("seed", seed))
    list(p = p, cost = cost)
  })
  stats::setNames(each, paste0("seed", seeds))
}

# Accuracy, cross-entropy and expected calibration error, one row each, for columns of weights `w` (cells x samples).
scores_of <- function(p, observed, w, bins = 10L) {
  top <- max.col(p, "first")
  confidence <- p[cbind(seq_len(nrow(p)), top)]
  mean_of <- function(v) drop(v %*% w) / colSums(w)
  # Calibration is asked of the observed share of the most probable fate.
  gap <- confidence - observed[cbind(seq_len(nrow(p)), top)]
  rbind(
    accuracy = mean_of(as.numeric(top == max.col(observed, "first"))),
    cross.entropy = mean_of(-rowSums(observed * log(pmax(p, 1e-12)))),
    calibration = colSums(abs(rowsum(w * gap, pmin(floor(confidence * bins), bins - 1)))) / colSums(w)
  )
}

with_interval <- function(samples) {
  limits <- stats::quantile(samples[-1L], c(0.025, 0.975))
  sprintf("%.3f [%.3f, %.3f]", samples[[1L]], limits[[1L]], limits[[2L]])
}

# Multinomial regression with a small ridge; x, y: cells x dims, cells x fractions. Gives a function of x.
multinomial <- function(x, y, ridge = 1e-3) {
  centre <- colMeans(x)
  scale <- apply(x, 2L, stats::sd)
  design <- function(x) cbind(1, scale(x, centre, scale))
  z <- design(x)
  shares <- function(z, b) {
    eta <- z %*% matrix(b, ncol(z))
    e <- exp(eta - apply(eta, 1L, max))
    e / rowSums(e)
  }
  loss <- function(b) -mean(rowSums(y * log(shares(z, b) + 1e-12))) + ridge * sum(b^2)
  slope <- function(b) as.vector(crossprod(z, shares(z, b) - y)) / nrow(z) + 2 * ridge * b
  found <- stats::optim(numeric(ncol(z) * ncol(y)), loss, slope, method = "BFGS", control = list(maxit = 500L))
  function(x) shares(design(x), found$par)
}

# Lines that need no model of motion, or the observed fates of other clones: five folds of clones.
larry_lines <- function(task, observed, rows) {
  x <- task$x[rows, ]
  clone <- task$clone[rows]
  shares <- as.vector(table(factor(task$labels[task$reference], larry_fate_names))) / length(task$reference)
  set.seed(1)
  clones <- unique(clone)
  fold <- sample(rep_len(1:5, length(clones)))[match(clone, clones)]
  regression <- nearest <- matrix(0, nrow(x), ncol(observed), dimnames = dimnames(observed))
  for (k in 1:5) {
    out <- fold == k
    regression[out, ] <- multinomial(x[!out, ], observed[!out, ])(x[out, ])
    near <- fatefield:::knn_query(x[!out, ], x[out, ], 50L, fatefield:::knn_defaults(), 1L)$index
    mean <- t(apply(near, 1L, function(i) colMeans(observed[!out, ][i, ])))
    nearest[out, ] <- (50 * mean + 0.5 / ncol(observed)) / 50.5
  }
  list(
    `shares of day 6` = matrix(shares, nrow(x), length(shares), byrow = TRUE, dimnames = dimnames(observed)),
    `nearest 50, supervised` = nearest, `regression, supervised` = regression
  )
}

larry_plane <- function(part, options, seeds = 1:5) {
  task <- larry_task()
  each <- larry_fates(task, options, seeds)
  mean <- Reduce(`+`, lapply(each, `[[`, "p")) / length(each)
  write_fates(mean, "mean")
  plan <- plan_fates(task)$p
  if (is.null(plan)) message("PredictFate() has no method \"plan\": left out")
  visible <- larry_visible(confirm = part == "confirm")
  visible <- visible[visible$cell %in% rownames(mean), ]
  observed <- as.matrix(visible[, larry_fate_names])
  observed <- observed / rowSums(observed)
  rownames(observed) <- visible$cell
  at <- rownames(observed)
  rows <- match(at, rownames(task$x))
  clone <- factor(task$clone[rows])
  set.seed(1)
  w <- cbind(1, stats::rmultinom(2000L, nlevels(clone), rep(1, nlevels(clone)))[as.integer(clone), ])
  predictions <- c(lapply(each, `[[`, "p"), list(`mean of the seeds' fates` = mean))
  if (!is.null(plan)) predictions$plan <- plan
  predictions <- c(lapply(predictions, function(p) p[at, ]), larry_lines(task, observed, rows))
  scored <- lapply(predictions, scores_of, observed, w)
  over_seeds <- Reduce(`+`, scored[names(each)]) / length(each)
  scored <- append(scored, list(`mean of the seeds' scores` = over_seeds), length(each))
  told <- vapply(scored, function(s) apply(s, 1L, with_interval), character(3L))
  table <- data.frame(prediction = names(scored), t(told))
  utils::write.csv(table, file.path(bench_out, "larry_scores.csv"), row.names = FALSE)
  half <- if (part == "confirm") "the half kept to confirm" else "the half to choose by"
  cat(sprintf(
    "Scores on %d day-2 cells of %d clones (%s), with 95 %% intervals over clones:\n", length(at), nlevels(clone), half
  ))
  base::options(width = 150L)
  print(table, row.names = FALSE, right = FALSE)
  if (!is.null(plan)) {
    apart <- vapply(each, function(e) mean(rowSums(abs(e$p - plan)) / 2), 0)
    cat("total variation between model and plan: ", paste(format(apart, digits = 2), collapse = " "), "\n", sep = "")
  }
  cost <- rowSums(vapply(each, `[[`, numeric(3L), "cost"))
  cat(length(each), " seeds: ", round(cost[["fit"]]), " s of fits (", round(cost[["cpu"]]), " s of processor), ",
    round(cost[["predict"]]), " s of fates\n", sep = "")
}

larry_genes <- function() {
  started <- seconds()
  object <- read_larry_genes()
  object <- FitSDE(object, time = "day", reduction = "pcs", dims = 1:20, growth = "learned", n.models = 3L)
  object <- PredictFate(
    object, labels = "state_info", exclude = c("undiff", "Neu_Mon"), reference = which(object$day == 6)
  )
  object <- DriftDiffusion(object)
  fates <- object[[c("day", "state_info", "fate", "fate_entropy")]]
  utils::write.csv(fates, file.path(bench_out, "larry_genes_fates.csv"))
  save_figure <- function(plot, name) {
    ggplot2::ggsave(file.path(bench_out, name), plot, width = 9, height = 6, dpi = 120)
  }
  save_figure(PlotFate(object, reduction = "umap"), "larry_genes_fate.png")
  save_figure(PlotDriftDiffusion(object, reduction = "umap"), "larry_genes_drift_diffusion.png")
  save_figure(PlotTraining(GetModel(object)), "larry_genes_training.png")
  message("781 cells from file to figures in ", round(seconds() - started), " s")
  print(table(object$state_info[object$day == 2], object$fate[object$day == 2]))
}

arguments <- commandArgs(TRUE)
part <- if (length(arguments) > 0L) arguments[[1L]] else "a"
stopifnot(`the part is a, b or confirm` = part %in% c("a", "b", "confirm"))
options <- contender(if (length(arguments) > 1L) arguments[[2L]] else "default")
seeds <- if (is.null(options$fit$seeds)) 5L else options$fit$seeds
options$fit$seeds <- NULL
if (part == "b") larry_genes() else larry_plane(part, options, seq_len(seeds))
