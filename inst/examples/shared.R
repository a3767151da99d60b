# What the scripts of this folder share: the folder that tables and figures go to, and the number of cells.

suppressPackageStartupMessages(library(fatefield))
arguments <- commandArgs(TRUE)
out <- if (length(arguments) > 0L) arguments[[1L]] else default_folder
n.cells <- if (length(arguments) > 1L) as.integer(arguments[[2L]]) else 800L
dir.create(out, recursive = TRUE, showWarnings = FALSE)

figure <- function(plot, name, width = 7, height = 5) {
  ggplot2::ggsave(file.path(out, paste0(name, ".png")), plot, width = width, height = height, dpi = 100)
}

table_of <- function(x, name) {
  stopifnot(NROW(x) > 0L)
  utils::write.csv(x, file.path(out, paste0(name, ".csv")))
  print(utils::head(x, 10L))
}
