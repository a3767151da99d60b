# RNA velocity of simulated cells, a velocity field learned from it and scored, and paths along the field.
#
#   Rscript velocity.R [FOLDER [CELLS]]
#
# Writes tables (CSV) and figures (PNG) into FOLDER, fatefield-velocity/ by default; CELLS is 800 by default.

default_folder <- "fatefield-velocity"
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "shared.R"))

cells <- SimulateTwoBranch(n.cells = n.cells, n.genes = 120)
cells <- EstimateVelocity(cells, verbose = FALSE)
cells <- EmbedVelocity(cells, reduction = "pca", dims = 1:2, verbose = FALSE)
figure(PlotVelocity(cells, reduction = "pca", group.by = "stage"), "streams")
figure(PlotVelocity(cells, reduction = "pca", style = "grid", group.by = "stage"), "grid")
features <- cells[["velocity"]][[]]
best <- utils::head(rownames(features)[order(-features$velocity_r2)], 4L)
figure(PlotPhase(cells, genes = best, group.by = "stage"), "phase", 8, 6)

# The field, and whether it is better than fields that cost nothing.
cells <- FitVelocityField(cells, epochs = 150, verbose = FALSE)
figure(PlotTraining(cells), "training", 9, 5)
scores <- ScoreVelocityField(cells, fields = c("mean", "linear", "ridge", "knn", "sparsevfc", "vae"), n.splits = 2, n.boot = 1,
  epochs = 150, verbose = FALSE)
print(scores)
figure(plot(scores), "scores", 9, 4)

# Progenitors followed to their ends.
start <- which(cells$stage == "progenitor")
paths <- IntegrateCells(cells, cells = start, verbose = FALSE)
figure(plot(paths[round(seq(1, length(start), length.out = 30))], observed = cells, reduction = "pca"), "paths")
found <- ClassifyTrajectories(paths, labels = "stage", reference = cells, among = c("minor", "major"),
  fates = c("minor", "major"))
table_of(found$fates, "ends")

# Speed, divergence, and the latent space of the network.
cells <- DriftDiffusion(cells)
table_of(stats::aggregate(cells[[c("field_speed", "field_divergence")]], list(stage = cells$stage), stats::median), "dynamics")
cells <- LatentEmbedding(cells, labels = "stage", time = "time")
table_of(as.data.frame(GetResult(cells, "latent")), "latent-scores")
message("Tables and figures are in ", out)
