# Fates of simulated cells from end to end: a model of a time course, fates and their scores, days left out, when fates are decided.
#
#   Rscript fates.R [FOLDER [CELLS]]
#
# Writes tables (CSV) and figures (PNG) into FOLDER, fatefield-fates/ by default; CELLS is 800 by default.

default_folder <- "fatefield-fates"
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "shared.R"))

cells <- SimulateDifferentiation(n.cells = n.cells, n.fates = 2, n.genes = 60, n.futures = 50)
cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 200, verbose = FALSE)
cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
figure(PlotTraining(cells), "training", 9, 5)

# Where each cell will go, and how good that is beside the simulator's own futures.
cells <- PredictFate(cells, verbose = FALSE)
figure(PlotFate(cells, reduction = "latent"), "fates")
figure(plot(SimulateCells(cells, cells = 1:5, n.sim = 20, verbose = FALSE), observed = cells, reduction = "latent"), "futures")
table_of(table(fate = cells$fate, day = cells$day), "fates")

# A day that was left out, beside fresh cells, unmoved cells and straight lines.
days <- sort(unique(cells$day))
without <- FitSDE(cells, time = "day", reduction = "latent", cells = which(cells$day != days[[2L]]), updates = 100, verbose = FALSE)
scores <- ScoreInterpolation(without, t.out = days[[2L]], n.repeats = 3, verbose = FALSE)
print(scores)
figure(plot(scores), "left-out-day", 9, 6)
between <- InterpolateTime(without, t.out = days[[2L]], verbose = FALSE)
figure(plot(between, observed = cells), "left-out-cells")

# Drift, diffusion and potential.
cells <- DriftDiffusion(cells)
figure(PlotDriftDiffusion(cells, reduction = "latent"), "drift-diffusion", 9, 4)
figure(PlotPotential(cells, reduction = "latent"), "potential")

# When fates are decided.
cells <- FateDynamics(cells, cells = which(cells$day == 0)[1:50], n.sim = 20, verbose = FALSE)
figure(PlotCommitment(cells), "fate-stream", 7, 3)
figure(PlotCommitment(cells, type = "entropy"), "commitment", 7, 3)
figure(PlotCommitment(cells, type = "passage"), "first-passage", 7, 3)
message("Tables and figures are in ", out)
