# What the benchmarks on real data share: readers of the folder beside the project (FATEFIELD_SHARED names another), tables and
# figures in bench/out/. Sourced by scripts of this folder.

# The project's folder, from that of the running script upwards.
bench_root <- normalizePath(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])))
while (!file.exists(file.path(bench_root, "DESCRIPTION"))) bench_root <- dirname(bench_root)
bench_data <- function(...) file.path(Sys.getenv("FATEFIELD_SHARED", file.path(bench_root, "..", "shared")), "data", ...)
bench_out <- file.path(bench_root, "bench", "out")
dir.create(bench_out, recursive = TRUE, showWarnings = FALSE)

# Log-normalised counts, PCA of all genes and UMAP.
with_reductions <- function(object, npcs = 30L) {
  object <- Seurat::NormalizeData(object, verbose = FALSE)
  SeuratObject::VariableFeatures(object) <- rownames(object)
  object <- Seurat::RunPCA(Seurat::ScaleData(object, verbose = FALSE), npcs = npcs, verbose = FALSE)
  suppressWarnings(Seurat::RunUMAP(object, dims = seq_len(npcs), verbose = FALSE))
}

pancreas_types <- c("Ductal", "Ngn3 low EP", "Ngn3 high EP", "Pre-endocrine", "Beta", "Alpha", "Delta", "Epsilon")

# Mouse pancreas at day 15.5: 3,696 cells x 2,000 genes, spliced and unspliced counts, column `type`.
read_pancreas <- function() {
  load(bench_data("pancreas", "pancreas_3696cells_2000genes.rda"))
  object <- SeuratObject::CreateSeuratObject(pancreas$emat, assay = "spliced")
  object[["unspliced"]] <- SeuratObject::CreateAssayObject(counts = pancreas$nmat[rownames(object), colnames(object)])
  object$type <- factor(pancreas_types[as.integer(as.character(pancreas$meta$clusters)) + 1L], pancreas_types)
  with_reductions(object)
}

# LARRY, 781 cells x 2,481 genes of days 2, 4 and 6, columns `day`, `state_info`. The file has counts per 10,000; they are logged
# and scaled here, and the reduction "pcs" is a PCA of all genes, because the stored one came without loadings.
read_larry_genes <- function(npcs = 20L) {
  object <- fatefield::ReadH5AD(bench_data("larry", "expression781.h5ad"), verbose = FALSE)
  object$day <- as.numeric(as.character(object$time_info))
  logged <- log1p(fatefield:::layer_data(object, "data", "RNA"))
  object <- fatefield:::set_layer_data(object, logged, "data", "RNA")
  object <- Seurat::ScaleData(object, features = rownames(object), verbose = FALSE)
  Seurat::RunPCA(object, features = rownames(object), npcs = npcs, reduction.name = "pcs", verbose = FALSE)
}

larry_fate_names <- c("Erythroid", "Meg", "Mast", "Baso", "Eos", "Neutrophil", "Monocyte", "Ccr7_DC", "pDC", "Lymphoid")

# The observed fates of day-2 cells that can be seen, parted by clone: one half to choose defaults by, the other to confirm with.
larry_visible <- function(confirm = FALSE) {
  cells <- utils::read.csv(bench_data("larry", "cells.csv.gz"))
  observed <- utils::read.csv(bench_data("larry", "day2_fates_train.csv.gz"))
  clone <- cells$clone[match(observed$cell, cells$cell)]
  clones <- sort(unique(clone))
  set.seed(2)
  kept <- clone %in% sample(clones, length(clones) %/% 2L)
  observed[kept == confirm, ]
}

# All cells but those of well 2, whose fates are withheld; 2-D coordinates; known fates of day-2 cells.
read_larry_plane <- function() {
  cells <- utils::read.csv(bench_data("larry", "cells.csv.gz"))
  cells <- cells[cells$well != 2, ]
  x <- as.matrix(cells[, c("x", "y")])
  rownames(x) <- cells$cell
  observed <- utils::read.csv(bench_data("larry", "day2_fates_train.csv.gz"))
  truth <- as.matrix(observed[, larry_fate_names])
  rownames(truth) <- observed$cell
  truth <- truth[rownames(truth) %in% rownames(x), ]
  list(x = x, cells = cells, truth = truth)
}

# A landscape by rollouts alone, trained briefly.
fit_larry_plane <- function(larry, n.models = 3L, updates = 200L) {
  timed("FitSDE, LARRY 2-D", FitSDE(
    larry$x, time = larry$cells$day, growth = "learned", n.models = n.models, method = "sinkhorn", debias = "self",
    sliced.weight = 0, updates = updates, patience = 0, growth.penalty = 0, diffusion.init = 0.1, verbose = FALSE
  ))
}

# Human CD34+ marrow, 5,780 cells: 12 genes as log values (an assay "RNA" of `data`), reduction "dc" of 8 diffusion components, columns
# `cell_type` and `pseudotime`. There are no times; the pseudotime is Monocle's.
read_marrow <- function() {
  table <- utils::read.csv(gzfile(bench_data("human", "cd34_marrow_12genes_8dcs.csv.gz")), check.names = FALSE)
  rownames(table) <- table$cell
  components <- grep("^DC[0-9]+$", names(table), value = TRUE)
  genes <- setdiff(names(table), c("cell", "cell_type", "monocle2_pseudotime", components))
  values <- t(as.matrix(table[genes]))
  object <- SeuratObject::CreateSeuratObject(SeuratObject::CreateAssayObject(data = values), assay = "RNA")
  object$cell_type <- table$cell_type
  object$pseudotime <- table$monocle2_pseudotime
  at <- as.matrix(table[components])
  colnames(at) <- paste0("DC_", seq_along(components))
  object[["dc"]] <- SeuratObject::CreateDimReducObject(at, key = "DC_", assay = "RNA")
  object
}

timed <- function(what, expr) {
  taken <- system.time(result <- expr)
  message(sprintf("%-48s %7.2f s, %7.2f s of processor", what, taken[["elapsed"]], taken[["user.self"]] + taken[["sys.self"]]))
  result
}

show_table <- function(table, name, title) {
  message(title)
  print(table, digits = 3)
  utils::write.csv(table, file.path(bench_out, paste0(name, ".csv")))
}

save_figure <- function(plot, name, width = 8, height = 6) {
  ggplot2::ggsave(file.path(bench_out, paste0(name, ".png")), plot, width = width, height = height, dpi = 120)
}
