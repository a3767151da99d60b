# The mouse pancreas at day 15.5, from counts to fates, in one run: RNA velocity and its stream.
#
#   Rscript bench/pancreas.R [THREADS]
#
# 3,696 cells x 2,000 genes, spliced and unspliced counts, eight cell types (Bastidas-Ponce et al. 2019). Needs the folder
# of real data. Tables and figures go to bench/out/pancreas_*.

suppressPackageStartupMessages(library(fatefield))

root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))), ".."))
shared <- Sys.getenv("FATEFIELD_SHARED", file.path(root, "..", "shared"))
out <- file.path(root, "bench", "out")
dir.create(out, recursive = TRUE, showWarnings = FALSE)
arguments <- commandArgs(TRUE)
if (length(arguments) > 0L) options(fatefield.threads = as.integer(arguments[[1L]]))

types <- c("Ductal", "Ngn3 low EP", "Ngn3 high EP", "Pre-endocrine", "Beta", "Alpha", "Delta", "Epsilon")
# Along the lineage as the literature has it; the last four are its ends.
steps <- list(
  c("Ductal", "Ngn3 low EP"), c("Ngn3 low EP", "Ngn3 high EP"), c("Ngn3 high EP", "Pre-endocrine"),
  c("Pre-endocrine", "Alpha"), c("Pre-endocrine", "Beta"), c("Pre-endocrine", "Delta"), c("Pre-endocrine", "Epsilon")
)

read_pancreas <- function() {
  load(file.path(shared, "data", "pancreas", "pancreas_3696cells_2000genes.rda"))
  type <- factor(types[as.integer(as.character(pancreas$meta$clusters)) + 1L], types)
  object <- SeuratObject::CreateSeuratObject(pancreas$emat, assay = "spliced")
  object[["unspliced"]] <- SeuratObject::CreateAssayObject(counts = pancreas$nmat[rownames(object), colnames(object)])
  object$type <- type
  object
}

timed <- function(what, expr) {
  taken <- system.time(result <- expr)
  message(sprintf("%-42s %7.2f s, %7.2f s of processor", what, taken[["elapsed"]], taken[["user.self"]] + taken[["sys.self"]]))
  result
}

show_table <- function(table, name, title) {
  message(title)
  print(table, digits = 3)
  utils::write.csv(table, file.path(out, paste0("pancreas_", name, ".csv")))
}

save_figure <- function(plot, name, width = 8, height = 6) {
  ggplot2::ggsave(file.path(out, paste0("pancreas_", name, ".png")), plot, width = width, height = height, dpi = 120)
}

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

velocity <- function(object) {
  modes <- c("deterministic", "stochastic")
  rows <- lapply(modes, function(mode) {
    fitted <- timed(paste("EstimateVelocity,", mode), EstimateVelocity(object, mode = mode, verbose = FALSE))
    fitted <- timed("EmbedVelocity", EmbedVelocity(fitted, reduction = "umap", verbose = FALSE))
    save_figure(PlotVelocity(fitted, reduction = "umap", style = "stream", group.by = "type"), paste0("stream_", mode))
    score <- border_scores(SeuratObject::Embeddings(fitted, "velocity_umap"), SeuratObject::Embeddings(object, "umap"),
      object$type)
    features <- fitted[["velocity"]][[]]
    data.frame(mode = mode, velocity.genes = sum(features$velocity_genes), confidence = mean(fitted$velocity_confidence),
      t(stats::setNames(score, vapply(steps, paste, "", collapse = " > "))), check.names = FALSE)
  })
  show_table(do.call(rbind, rows), "velocity", "Velocity genes, mean confidence, and mean cosine of arrows with the way across each border of types")
}

object <- read_pancreas()
object <- Seurat::NormalizeData(object, verbose = FALSE)
SeuratObject::VariableFeatures(object) <- rownames(object)
object <- Seurat::RunPCA(Seurat::ScaleData(object, verbose = FALSE), npcs = 30, verbose = FALSE)
object <- Seurat::RunUMAP(object, dims = 1:30, verbose = FALSE)
velocity(object)
