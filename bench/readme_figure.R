# The figure of the README: the stream of RNA velocity in the mouse pancreas beside the fates of haematopoietic cells
# (LARRY), from the files to man/figures/README-cells.png with defaults alone.
#
#   Rscript bench/readme_figure.R
#
# Needs the folder of real data. About three minutes of processor.
suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))

# The arrows of the stochastic mode over the types of the cells.
pancreas_panel <- function() {
  cells <- timed("pancreas: counts, components, UMAP", read_pancreas())
  cells <- timed("EstimateVelocity", EstimateVelocity(cells, mode = "stochastic", verbose = FALSE))
  cells <- timed("EmbedVelocity", EmbedVelocity(cells, reduction = "umap", verbose = FALSE))
  PlotVelocity(cells, reduction = "umap", style = "stream", group.by = "type") +
    ggplot2::ggtitle("Pancreas, mouse, day 15.5: RNA velocity")
}

# Fates of the cells of days 2 and 4 by those of day 6; cells of well 2 are left out, as in larry.R.
larry_panel <- function() {
  larry <- read_larry_plane()
  reference <- which(larry$cells$day == 6 & larry$cells$annotation %in% larry_fate_names)
  model <- timed("FitSDE, LARRY", FitSDE(larry$x, time = larry$cells$day, verbose = FALSE))
  early <- which(larry$cells$day < 6)
  some <- early[round(seq(1, length(early), length.out = 6000L))]
  fates <- timed("PredictFate, LARRY", PredictFate(
    larry$x, model = model, labels = larry$cells$annotation, fates = larry_fate_names, reference = reference,
    cells = some, verbose = FALSE
  ))
  PlotFate(fates, embedding = larry$x) + ggplot2::ggtitle("Blood, mouse: fates of days 2 and 4")
}

panels <- patchwork::wrap_plots(pancreas_panel(), larry_panel(), ncol = 2)
file <- file.path(bench_root, "man", "figures", "README-cells.png")
dir.create(dirname(file), recursive = TRUE, showWarnings = FALSE)
ggplot2::ggsave(file, panels, width = 11, height = 4.4, dpi = 110, bg = "white")
message(file, ": ", round(file.size(file) / 1000), " kB")
