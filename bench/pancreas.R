# The mouse pancreas at day 15.5, from counts to fates, in one run: RNA velocity in three modes, their streams, latent time,
# by pancreas_fates.R macrostates and absorption, by pancreas_field.R velocity fields, their held-out errors, where
# pre-endocrine cells go, and the system of two branches.
#
#   Rscript bench/pancreas.R [THREADS]
#
# 3,696 cells x 2,000 genes, spliced and unspliced counts, eight cell types (Bastidas-Ponce et al. 2019). Needs the folder
# of real data. Tables and figures go to bench/out/pancreas_* and bench/out/two_branch_*.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))
source(file.path(here, "pancreas_field.R"))
source(file.path(here, "pancreas_fates.R"))
if (length(commandArgs(TRUE)) > 0L) options(fatefield.threads = as.integer(commandArgs(TRUE)[[1L]]))

# Along the lineage as the literature has it; the last four are its ends.
steps <- list(
  c("Ductal", "Ngn3 low EP"), c("Ngn3 low EP", "Ngn3 high EP"), c("Ngn3 high EP", "Pre-endocrine"),
  c("Pre-endocrine", "Alpha"), c("Pre-endocrine", "Beta"), c("Pre-endocrine", "Delta"), c("Pre-endocrine", "Epsilon")
)

# Do arrows point from each type to the next? Mean cosine between arrows and the way to the
# nearest cells of the next type, over the cells nearest to the border.
border_scores <- function(arrows, x, type) {
  vapply(steps, function(step) {
    from <- which(type == step[[1L]])
    to <- which(type == step[[2L]])
    near <- vapply(from, function(i) {
      d <- sqrt(colSums((t(x[to, ]) - x[i, ])^2))
      c(min(d), to[[which.min(d)]])
    }, numeric(2))
    border <- order(near[1L, ])[seq_len(max(20L, length(from) %/% 10L))]
    way <- x[near[2L, border], ] - x[from[border], ]
    v <- arrows[from[border], ]
    mean(rowSums(way * v) / (sqrt(rowSums(way^2)) * sqrt(rowSums(v^2))), na.rm = TRUE)
  }, 0)
}

modes <- c("deterministic", "stochastic", "dynamical")

# One mode from counts to arrows, with its stream plot.
velocity_of_mode <- function(object, mode) {
  fitted <- timed(paste("EstimateVelocity,", mode), EstimateVelocity(object, mode = mode, verbose = FALSE))
  fitted <- timed("EmbedVelocity", EmbedVelocity(fitted, reduction = "umap", verbose = FALSE))
  save_figure(PlotVelocity(fitted, reduction = "umap", style = "stream", group.by = "type"), paste0("pancreas_stream_", mode))
  fitted
}

velocity_scores <- function(fitted, mode) {
  score <- border_scores(SeuratObject::Embeddings(fitted, "velocity_umap"), SeuratObject::Embeddings(fitted, "umap"), fitted$type)
  features <- fitted[["velocity"]][[]]
  data.frame(mode = mode, velocity.genes = sum(features$velocity_genes), confidence = mean(fitted$velocity_confidence),
    t(stats::setNames(score, vapply(steps, paste, "", collapse = " > "))), check.names = FALSE)
}

# Mean cosine between the arrows of each two modes, and the median over cells of the correlation of velocities over the
# velocity genes of both.
mode_agreement <- function(fits) {
  pairs <- utils::combn(names(fits), 2L)
  cosine <- function(x, y) mean(rowSums(x * y) / sqrt(rowSums(x^2) * rowSums(y^2)), na.rm = TRUE)
  do.call(rbind, lapply(seq_len(ncol(pairs)), function(k) {
    pair <- fits[pairs[, k]]
    arrows <- lapply(pair, SeuratObject::Embeddings, reduction = "velocity_umap")
    features <- lapply(pair, function(f) rownames(f[["velocity"]])[which(f[["velocity"]][[]]$velocity_genes)])
    both <- intersect(features[[1L]], features[[2L]])
    v <- lapply(pair, function(f) as.matrix(SeuratObject::GetAssayData(f[["velocity"]], "data")[both, ]))
    # Genes differ in scale more than modes do.
    v <- lapply(v, function(m) m / sqrt(rowMeans(m^2)))
    cells <- vapply(seq_len(ncol(v[[1L]])), function(c) stats::cor(v[[1L]][, c], v[[2L]][, c]), 0)
    data.frame(first = pairs[1L, k], second = pairs[2L, k], genes = length(both),
      arrows = cosine(arrows[[1L]], arrows[[2L]]), velocities = stats::median(cells, na.rm = TRUE))
  }))
}

# Latent time beside the lineage: medians by type, and Spearman's correlation with the order of the types, of which the
# ends are one rank.
latent_scores <- function(fitted) {
  rank <- pmin(as.integer(fitted$type), 5L)
  table <- data.frame(
    cells = as.vector(table(fitted$type)), latent.time = tapply(fitted$latent_time, fitted$type, stats::median),
    pseudotime = tapply(fitted$velocity_pseudotime, fitted$type, stats::median, na.rm = TRUE)
  )
  message(sprintf("Spearman with the order of the types: latent time %.3f, pseudotime %.3f",
    stats::cor(fitted$latent_time, rank, method = "spearman"),
    stats::cor(fitted$velocity_pseudotime, rank, method = "spearman", use = "complete.obs")))
  table[order(table$latent.time), ]
}

plot_latent_time <- function(fitted) {
  at <- SeuratObject::Embeddings(fitted, "umap")
  cells <- data.frame(x = at[, 1L], y = at[, 2L], time = fitted$latent_time)
  save_figure(ggplot2::ggplot(cells, ggplot2::aes(x, y, colour = time)) + ggplot2::geom_point(size = 0.6) +
    ggplot2::scale_colour_viridis_c("latent time") + ggplot2::coord_equal() + ggplot2::theme_minimal(), "pancreas_latent_time")
}

plot_kinetics <- function(fitted) {
  features <- fitted[["velocity"]][[]]
  known <- intersect(c("Cpe", "Gnao1", "Pak3", "Pim2", "Sulf2", "Pcsk2"), rownames(features)[which(features$velocity_genes)])
  best <- rownames(features)[order(-features$fit_likelihood * features$velocity_genes)]
  save_figure(PlotPhase(fitted, utils::head(unique(c(known, best)), 6L), group.by = "type", ncol = 3), "pancreas_phase", 12, 7)
}

# The object with velocities of each mode.
velocity <- function(object) {
  fits <- lapply(stats::setNames(modes, modes), velocity_of_mode, object = object)
  show_table(do.call(rbind, Map(velocity_scores, fits, modes)), "pancreas_velocity",
    "Velocity genes, mean confidence, and mean cosine of arrows with the way across each border of types")
  show_table(mode_agreement(fits), "pancreas_agreement", "Agreement of the modes: mean cosine of arrows, median correlation of velocities")
  dynamical <- fits$dynamical
  show_table(latent_scores(dynamical), "pancreas_latent", "Medians by type")
  plot_latent_time(dynamical)
  plot_kinetics(dynamical)
  features <- dynamical[["velocity"]][[]]
  print(table(features$fit_status, features$fit_converged))
  fits
}

fits <- velocity(timed("counts, components, UMAP", read_pancreas()))
pancreas_fates(fits)
pancreas_fields(fits)
two_branch()
