# Fates of LARRY haematopoiesis (Weinreb et al. 2020), from the folder of real data beside the project.
#
#   Rscript bench/larry.R            part a: all 130,887 cells in 2-D, five seeds, fates of 2,081 day-2 cells
#   Rscript bench/larry.R b          part b: 781 cells with genes, from the .h5ad file to figures
#
# Part a trains on wells 0 and 1 alone: cells of well 2 are in no training, no early stopping and no vote. Fates that
# were observed are read after all predictions are made, to print scores; no weights are chosen by them, but the options
# below were, by hand, so the scores lean a little to the good side. Tables and figures go to bench/out/.

suppressPackageStartupMessages(library(fatefield))

root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), ".."))
data <- Sys.getenv("FATEFIELD_SHARED", file.path(root, "..", "shared"))
out <- file.path(root, "bench", "out")
dir.create(out, recursive = TRUE, showWarnings = FALSE)
seconds <- function() proc.time()[["elapsed"]]

fate_names <- c(
  "Erythroid", "Meg", "Mast", "Baso", "Eos", "Neutrophil", "Monocyte", "Ccr7_DC", "pDC", "Lymphoid"
)

write_fates <- function(probability, file) {
  p <- probability / rowSums(probability)
  utils::write.csv(data.frame(cell = rownames(p), p, check.names = FALSE), file.path(out, file), row.names = FALSE)
  p
}

# Two models of opposite leanings, averaged. `broad`: a landscape trained briefly, whose large noise keeps fates open.
# `sharp`: a free drift that takes the shortest ways, at the price of little noise. Growth is learned in both.
larry_options <- list(
  broad = list(
    method = "sinkhorn", debias = "self", sliced.weight = 0, updates = 300, patience = 0, growth.penalty = 0,
    diffusion.init = 0.1
  ),
  sharp = list(
    method = "sinkhorn", debias = "self", sliced.weight = 0, updates = 1000, patience = 0,
    growth.penalty = 0.001, drift.penalty = 0.01, drift = "forward",
    drift.activation = "silu", diffusion.init = 0.1, learning.rate = 0.006
  )
)

larry_fates <- function(seeds = 1:5) {
  started <- seconds()
  cells <- utils::read.csv(file.path(data, "data", "larry", "cells.csv.gz"))
  scored <- utils::read.csv(file.path(data, "data", "larry", "day2_scored_cells.csv.gz"))
  x <- as.matrix(cells[, c("x", "y")])
  rownames(x) <- cells$cell
  known <- cells$well != 2
  references <- which(known & cells$day == 6 & cells$annotation %in% fate_names)
  one_model <- function(options, seed) {
    model <- do.call(FitSDE, c(
      list(x[known, ], time = cells$day[known], growth = "learned", seed.use = seed, verbose = FALSE), options
    ))
    PredictFate(
      x, model = model, labels = cells$annotation, cells = as.character(scored$cell), reference = references,
      n.sim = 100L, cutoff = 0, seed.use = seed, verbose = FALSE
    )$probability[, fate_names]
  }
  one_seed <- function(seed) {
    models <- lapply(larry_options, one_model, seed = seed)
    message("seed ", seed, ": ", round(seconds() - started), " s since the start")
    write_fates(Reduce(`+`, models) / length(models), sprintf("larry_fates_seed%d.csv", seed))
  }
  each <- lapply(seeds, one_seed)
  mean <- write_fates(Reduce(`+`, each) / length(each), "larry_fates_mean.csv")
  message("in all ", round(seconds() - started), " s")
  observed <- utils::read.csv(file.path(data, "data", "larry", "day2_fates_train.csv.gz"))
  counts <- as.matrix(observed[, fate_names])
  rownames(counts) <- observed$cell
  both <- intersect(rownames(counts), rownames(mean))
  clone <- cells$clone[match(both, cells$cell)]
  score <- function(p) ScoreFate(p[both, ], counts[both, ], pair = c("Neutrophil", "Monocyte"), group = clone)
  message("Scores on the ", length(both), " day-2 cells whose fates in well 1 are given:")
  print(score(mean))
  accuracy <- vapply(each, function(p) {
    base::mean(fate_names[max.col(p[both, ], "first")] == fate_names[max.col(counts[both, ], "first")])
  }, 0)
  message("accuracy of each seed: ", paste(format(accuracy, digits = 3), collapse = " "))
}

# X of the file is counts per 10,000 without logarithm; after it comes the usual way of Seurat.
larry_genes <- function() {
  started <- seconds()
  object <- ReadH5AD(file.path(data, "data", "larry", "expression781.h5ad"))
  object$day <- as.numeric(as.character(object$time_info))
  logged <- log1p(fatefield:::layer_data(object, "data", "RNA"))
  object <- fatefield:::set_layer_data(object, logged, "data", "RNA")
  object <- Seurat::ScaleData(object, features = rownames(object), verbose = FALSE)
  object <- Seurat::RunPCA(object, features = rownames(object), npcs = 20, reduction.name = "pcs", verbose = FALSE)
  object <- FitSDE(object, time = "day", reduction = "pcs", dims = 1:20, growth = "learned", n.models = 3L)
  object <- PredictFate(
    object, labels = "state_info", exclude = c("undiff", "Neu_Mon"), reference = which(object$day == 6)
  )
  object <- DriftDiffusion(object)
  utils::write.csv(object[[c("day", "state_info", "fate", "fate_entropy")]], file.path(out, "larry_genes_fates.csv"))
  save_figure <- function(plot, name) {
    ggplot2::ggsave(file.path(out, name), plot, width = 9, height = 6, dpi = 120)
  }
  save_figure(PlotFate(object, reduction = "umap"), "larry_genes_fate.png")
  save_figure(PlotDriftDiffusion(object, reduction = "umap"), "larry_genes_drift_diffusion.png")
  save_figure(PlotTraining(GetModel(object)), "larry_genes_training.png")
  message("781 cells from file to figures in ", round(seconds() - started), " s")
  print(table(object$state_info[object$day == 2], object$fate[object$day == 2]))
}

if (identical(commandArgs(TRUE), "b")) larry_genes() else larry_fates()
