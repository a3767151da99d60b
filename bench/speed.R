# How long questions take that people wait for: seconds of processor of one thread.
#
#   Rscript bench/speed.R [PART ...]
#
# PARTS, all by default: criticality (781 cells of LARRY along a neural SDE), drivers (of the pancreas's 328 genes along a velocity
# field, and of the README's cells along a neural SDE), screen (the README's, every gene of simulated cells), sets (of the Gene Ontology).
# Criticality and drivers need the folder of real data. Models are fitted once and kept in bench/out/speed_*.rds.
# The table goes to bench/out/speed.csv.

suppressPackageStartupMessages(library(fatefield))
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "real_data.R"))
options(fatefield.threads = 1L)

kept <- function(name, make) {
  file <- file.path(bench_out, paste0("speed_", name, ".rds"))
  if (!file.exists(file)) saveRDS(make(), file)
  readRDS(file)
}

larry <- function() kept("larry", function() {
  cells <- FitSDE(read_larry_genes(), time = "day", reduction = "pcs", verbose = FALSE)
  DefineFates(cells, labels = "state_info", exclude = c("undiff", "Neu_Mon"), reference = which(cells$day == 6))
})

pancreas <- function() kept("pancreas", function() {
  cells <- FitVelocityField(EstimateVelocity(read_pancreas(), mode = "stochastic", verbose = FALSE), verbose = FALSE)
  DefineFates(cells, labels = "type", fates = c("Alpha", "Beta", "Delta", "Epsilon"))
})

readme <- function() kept("readme", function() {
  cells <- FitSDE(SimulateDifferentiation(), time = "day", reduction = "pca", verbose = FALSE)
  DefineFates(cells, labels = "state", exclude = "progenitor")
})

rows <- list()
measure <- function(what, size, expr) {
  taken <- system.time(result <- expr)
  rows[[what]] <<- data.frame(what, size, processor = taken[["user.self"]] + taken[["sys.self"]], wall = taken[["elapsed"]])
  message(sprintf("%-40s %-40s %7.1f s of processor", what, size, rows[[what]]$processor))
  invisible(result)
}

quiet <- function(expr) suppressMessages(suppressWarnings(expr))
members <- function(object) length(GetModel(object)$states)

parts <- list(
  criticality = function() {
    cells <- larry()
    measure("CellCriticality, SDE", paste(ncol(cells), "cells,", members(cells), "models"), CellCriticality(cells, verbose = FALSE))
  },
  drivers = function() {
    cells <- pancreas()
    some <- which(cells$type == "Pre-endocrine")
    measure("FindFateDrivers, field", paste(length(GetModel(cells)$dims), "genes,", length(some), "cells start"),
      quiet(FindFateDrivers(cells, fate = "Alpha", against = "Beta", cells = some, verbose = FALSE)))
    cells <- readme()
    measure("FindFateDrivers, SDE, README", paste(nrow(cells), "genes, 50 cells,", members(cells), "models"),
      quiet(FindFateDrivers(cells, fate = "fateA", cells = which(cells$day == 0)[1:50], sources = c("sensitivity", "activation"),
        verbose = FALSE)))
  },
  screen = function() {
    cells <- readme()
    some <- which(cells$day == 0)[1:50]
    measure("ScreenPerturbations, README", paste(nrow(cells), "genes, 50 cells,", members(cells), "models"),
      ScreenPerturbations(cells, cells = some, verbose = FALSE))
  },
  sets = function() {
    if (!requireNamespace("org.Hs.eg.db", quietly = TRUE)) return(message("passed over: org.Hs.eg.db is not there"))
    measure("GeneSets, first", "human, BP", GeneSets("org.Hs.eg.db"))
    measure("GeneSets, again", "human, BP", GeneSets("org.Hs.eg.db"))
  }
)

asked <- commandArgs(TRUE)
for (part in if (length(asked) > 0L) asked else names(parts)) parts[[part]]()
show_table(do.call(rbind, c(unname(rows), make.row.names = FALSE)), "speed", "Seconds of one thread")
