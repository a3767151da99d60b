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
  basename(file)
}

# A page that stands on its own beside its figures.
write_report <- function(file, title, facts, figures, table) {
  escape <- function(x) gsub("<", "&lt;", gsub("&", "&amp;", as.character(x), fixed = TRUE), fixed = TRUE)
  row <- function(x, tag) paste0("<tr>", paste0("<", tag, ">", escape(x), "</", tag, ">", collapse = ""), "</tr>")
  shown <- vapply(table, is.numeric, logical(1L))
  table[shown] <- lapply(table[shown], format, digits = 3L)
  writeLines(c(
    "<!DOCTYPE html>", "<html lang=\"en\"><head><meta charset=\"utf-8\">",
    paste0("<title>", escape(title), "</title>"),
    "<style>body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}",
    "img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left}",
    "tr:nth-child(even){background:#f2f2f2}pre{background:#f2f2f2;padding:1em;overflow:auto}</style>",
    "</head><body>", paste0("<h1>", escape(title), "</h1>"),
    "<ul>", paste0("<li>", escape(facts), "</li>"), "</ul>",
    paste0(
      "<h2>", escape(names(figures)), "</h2><p><img src=\"", figures, "\" alt=\"",
      escape(names(figures)), "\"></p>"
    ),
    "<h2>The first cells of the table</h2>", "<table>", row(names(table), "th"),
    vapply(seq_len(nrow(table)), function(i) row(unlist(lapply(table[i, ], as.character)), "td"), ""),
    "</table>", "<h2>Run with</h2>", "<pre>",
    escape(utils::capture.output(print(fatefield::fatefield_sitrep()))), "</pre>", "</body></html>"
  ), file)
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
figures <- c(
  "Where each cell will go" = save_figure(PlotFate(object, reduction = plane), "fate"),
  "Simulated futures of five cells" = save_figure(
    plot(paths, observed = object, group.by = "fate"), "trajectories"
  ),
  "How the training went" = save_figure(PlotTraining(object), "training", height = 4)
)

table <- fate_table(object, time, label)
utils::write.csv(table, file.path(folder, "fates.csv"), row.names = FALSE)
SaveModel(model, file.path(folder, "model.fatefield"), overwrite = TRUE)
settled <- table(column_of(object, "fate"))
write_report(
  file.path(folder, "report.html"), "fatefield: where each cell will go",
  facts = c(
    paste0("Cells: ", ncol(object), ", from ", source_of_cells),
    paste0("Times (", time, "): ", paste(format(model$times), collapse = ", ")),
    paste0("Most probable fates: ", paste(names(settled), settled, collapse = ", ")),
    paste0("Seconds in all: ", round(proc.time()[["elapsed"]] - started))
  ),
  figures = figures, table = utils::head(table, 10L)
)
say("done; all is in ", normalizePath(folder), ":")
message(paste0("  ", list.files(folder), collapse = "\n"))
