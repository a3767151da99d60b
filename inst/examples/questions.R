# What is asked of a fitted model, on simulated cells: perturbations, doses, screens, drivers, criticality, genes along the way,
# networks, and a space that is of another assay.
#
#   Rscript questions.R [FOLDER [CELLS]]
#
# Writes tables (CSV) and figures (PNG) into FOLDER, fatefield-questions/ by default; CELLS is 800 by default.

default_folder <- "fatefield-questions"
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "shared.R"))

cells <- SimulateDifferentiation(n.cells = n.cells, n.fates = 2, n.genes = 60, n.futures = 50)
early <- which(cells$day == 0)
cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 150, n.models = 2, verbose = FALSE)
cells <- DefineFates(cells, labels = "state", exclude = "progenitor")

# What if: one gene, its dose, every gene.
change <- PerturbCells(cells, genes = "fateA-14", at = 2, cells = early, n.sim = 20, verbose = FALSE)
table_of(as.data.frame(change), "perturbation")
figure(plot(change), "perturbation")
dose <- DoseResponse(cells, genes = "fateA-14", doses = seq(-3, 3, 1.5), cells = early, n.sim = 10, verbose = FALSE)
figure(plot(dose), "dose", 7, 3.5)
screen <- ScreenPerturbations(cells, cells = early, n.sim = 5, n.null = 50, verbose = FALSE)
table_of(as.data.frame(screen), "screen")
figure(plot(screen, fates = "fateA"), "volcano")
figure(plot(screen, "heatmap"), "heatmap", 6, 7)

# Which genes drive a fate: three kinds of evidence.
drivers <- FindFateDrivers(cells, fate = "fateA", cells = early, max.cells = 50, n.sim = 10, verbose = FALSE)
table_of(as.data.frame(drivers), "drivers")
figure(plot(drivers, n.label = 5), "drivers", 8, 4)

# How stable cells are, and the genes that go with it.
cells <- CellCriticality(cells, path = "drift", verbose = FALSE)
figure(PlotCriticality(cells, reduction = "pca"), "criticality")
figure(PlotCriticality(cells, type = "violin", group.by = "state"), "criticality-by-type", 6, 4)
cells <- DriftDiffusion(cells)
genes <- GeneDynamics(cells, quantities = c("criticality", "diffusion"), n.boot = 50, verbose = FALSE)
table_of(as.data.frame(genes), "genes")
figure(plot(genes, n.genes = 8), "genes", 8, 4)
compared <- CompareDynamics(cells, group.by = "state", n.boot = 100)
print(compared)
figure(plot(compared), "compared", 7, 4)

# Genes along simulated time, and genes that change together along paths walked back.
futures <- SimulateCells(cells, cells = early, n.sim = 5, t.out = seq(0, 3, 0.25), verbose = FALSE)
trends <- GeneTrends(futures, cells, genes = c("fateA", "fateB"), time = "day", n.boot = 20)
figure(plot(trends), "trends", 8, 4)
walked <- RetrogradeCells(cells, group.by = "state", ident = c("fateA", "fateB"), max.cells = 60, verbose = FALSE)
network <- CoexpressionNetwork(walked, cells = cells, n.modules = 3, verbose = FALSE)
table_of(as.data.frame(network), "network")
figure(plot(network), "network", 7, 6)

# Another assay, and a space of its own: the rest stays the same.
SeuratObject::DefaultAssay(cells) <- "unspliced"
cells <- Seurat::NormalizeData(cells, verbose = FALSE)
cells <- Seurat::ScaleData(cells, features = rownames(cells), verbose = FALSE)
cells <- Seurat::RunPCA(cells, features = rownames(cells), npcs = 5, reduction.name = "lsi", reduction.key = "LSI_",
  verbose = FALSE)
cells <- FitSDE(cells, time = "day", reduction = "lsi", updates = 100, verbose = FALSE, store.as = "other")
cells <- PredictFate(cells, model = "other", verbose = FALSE)
figure(PlotFate(cells, reduction = "lsi"), "fates-other-assay")
message("Tables and figures are in ", out)
