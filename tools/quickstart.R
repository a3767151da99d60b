# The main job: cells in, fates out. Called by tools/quickstart.sh, which says what the arguments are.
started <- proc.time()[["elapsed"]]
say <- function(...) message(sprintf("quickstart: [%3.0f s] ", proc.time()[["elapsed"]] - started), ...)
give_up <- function(...) {
  message("quickstart: ", ...)
  quit(status = 1L)
}

# FILE and --name VALUE pairs as a list; NULL where not given.
read_arguments <- function(words = commandArgs(trailingOnly = TRUE)) {
  known <- c("--time", "--label", "--exclude")
  out <- list()
  while (length(words) > 0L) {
    if (words[[1L]] %in% known) {
      if (length(words) < 2L) give_up(words[[1L]], " needs a value")
      out[[sub("--", "", words[[1L]], fixed = TRUE)]] <- words[[2L]]
      words <- words[-(1:2)]
    } else {
      if (startsWith(words[[1L]], "-") || !is.null(out$file)) give_up("what is ", words[[1L]], "?")
      out$file <- words[[1L]]
      words <- words[-1L]
    }
  }
  if (!is.null(out$file) && (is.null(out$time) || is.null(out$label))) {
    give_up("a file needs --time COL and --label COL")
  }
  if (is.null(out$file) && length(out) > 0L) give_up("options without a file")
  out
}

read_cells <- function(file) {
  if (!file.exists(file)) give_up("there is no file ", file)
  if (grepl("\\.h5ad$", file, ignore.case = TRUE)) {
    return(fatefield::ReadH5AD(file))
  }
  if (grepl("\\.rds$", file, ignore.case = TRUE)) {
    return(readRDS(file))
  }
  give_up("the file must be .h5ad or .rds, not ", file)
}

# Normalised, with principal components, by Seurat's usual steps where the object has none.
with_pca <- function(object) {
  if (!inherits(object, "Seurat") || "pca" %in% SeuratObject::Reductions(object)) {
    return(object)
  }
  say("no reduction \"pca\": normalising and computing one with Seurat")
  object <- Seurat::NormalizeData(object, verbose = FALSE)
  object <- Seurat::FindVariableFeatures(object, verbose = FALSE)
  object <- Seurat::ScaleData(object, verbose = FALSE)
  features <- SeuratObject::VariableFeatures(object)
  npcs <- min(30L, length(features) - 1L, ncol(object) - 1L)
  Seurat::RunPCA(object, npcs = npcs, features = features, verbose = FALSE)
}

reduction_of <- function(object) {
  if (inherits(object, "Seurat")) "pca" else "PCA"
}

column_of <- function(object, name) {
  if (inherits(object, "Seurat")) object[[name]][[1L]] else SummarizedExperiment::colData(object)[[name]]
}

# Cells x (time, label, fate, entropy, probabilities), for people to open in a spreadsheet.
fate_table <- function(object, time, label) {
  probability <- if (inherits(object, "Seurat")) {
    SeuratObject::GetAssayData(object[["fates"]])
  } else {
    SummarizedExperiment::assay(SingleCellExperiment::altExp(object, "fates"))
  }
  probability <- as.data.frame(t(as.matrix(probability)))
  columns <- c(time, label, "fate", "fate_entropy", "fate_unassigned")
  described <- lapply(columns, function(name) column_of(object, name))
  names(described) <- columns
  cbind(data.frame(cell = colnames(object), described, check.names = FALSE), signif(probability, 4L))
}

save_figure <- function(plot, name, width = 8, height = 6) {
  file <- file.path(folder, paste0(name, ".png"))
  ggplot2::ggsave(file, plot, width = width, height = height, dpi = 120, bg = "white")
}

arguments <- read_arguments()
suppressPackageStartupMessages(library(fatefield))
folder <- "fatefield-quickstart"
dir.create(folder, showWarnings = FALSE)

if (is.null(arguments$file)) {
  say("simulating differentiating cells")
  object <- SimulateDifferentiation()
  arguments <- list(time = "day", label = "state", exclude = "progenitor")
  plane <- "pca"
  source_of_cells <- "simulated cells, SimulateDifferentiation()"
} else {
  say("reading ", arguments$file)
  object <- with_pca(read_cells(arguments$file))
  plane <- NULL
  source_of_cells <- basename(arguments$file)
}
time <- arguments$time
label <- arguments$label
exclude <- if (!is.null(arguments$exclude)) strsplit(arguments$exclude, ",", fixed = TRUE)[[1L]]

say("fitting the neural SDE to ", ncol(object), " cells")
object <- FitSDE(object, time = time, reduction = reduction_of(object))

say("predicting fates")
object <- DefineFates(object, labels = label, exclude = exclude)
object <- PredictFate(object)

# The paths of a few cells of the first time, spread over the list: some twenty futures of each, by all members.
model <- GetModel(object)
first <- model$cells[model$cell.times == min(model$times)]
some <- first[unique(round(seq(1, length(first), length.out = 5L)))]
span <- range(model$times)
paths <- SimulateCells(
  object, cells = some, n.sim = ceiling(20 / length(model$states)),
  t.out = seq(span[[1L]], span[[2L]], length.out = 41L), verbose = FALSE
)

say("drawing")
save_figure(PlotFate(object, reduction = plane), "fate")
save_figure(plot(paths, observed = object, group.by = "fate"), "trajectories")
save_figure(PlotTraining(object), "training", height = 4)

table <- fate_table(object, time, label)
utils::write.csv(table, file.path(folder, "fates.csv"), row.names = FALSE)
SaveModel(model, file.path(folder, "model.fatefield"), overwrite = TRUE)
say("writing the report")
title <- paste0("fatefield: where each cell will go (", source_of_cells, ")")
FateReport(object, file.path(folder, "report.html"), title = title)
say("done; all is in ", normalizePath(folder), ":")
message(paste0("  ", list.files(folder), collapse = "\n"))
