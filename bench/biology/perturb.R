# In-silico perturbation on real data, beside what was published. Functions take prepared objects, print tables and write CSV and PNG
# to bench/out/. Alone: Rscript bench/biology/perturb.R [larry] [marrow] [pancreas]

save_plot <- function(plot, name, width = 11, height = 7) {
  ggplot2::ggsave(file.path(bench_out, name), plot, width = width, height = height, dpi = 100)
}

larry_labels <- list(labels = "state_info", exclude = c("undiff", "Neu_Mon"), cutoff = 0, verbose = FALSE)

perturb_with <- function(f, ...) suppressWarnings(do.call(f, c(list(...), larry_labels)))

# The object after FitSDE() on "pcs".
perturb_larry <- function(object) {
  reference <- which(object$day == 6)
  factors <- intersect(
    c("Gfi1", "Cebpe", "Klf4", "Irf8", "Gata1", "Lmo4", "Dach1", "Mxd1", "Spi1"), rownames(object)
  )
  message("measured: ", paste(factors, collapse = " "))
  single <- do.call(rbind, lapply(factors, function(gene) {
    do.call(rbind, lapply(c(10, -10), function(at) {
      x <- perturb_with(PerturbCells, object, gene, at = at, reference = reference)
      data.frame(gene = gene, at = at, off = x$off$share, x$table[c("fate", "control", "change", "low", "high", "log2_ratio", "p")])
    }))
  }))
  utils::write.csv(single, file.path(bench_out, "perturb_larry_single.csv"), row.names = FALSE)
  shown <- single[single$fate %in% c("Neutrophil", "Monocyte", "Erythroid", "Meg", "Baso"), ]
  print(data.frame(shown[1:4], round(shown[-(1:4)], 3)), row.names = FALSE)
  four <- intersect(c("Cebpe", "Dach1", "Lmo4", "Mxd1"), factors)
  combined <- timed("four genes at z = 10, each alone too", perturb_with(
    PerturbCells, object, four, at = 10, interaction = length(four) > 1L, reference = reference
  ))
  print(combined)
  published <- perturb_with(PerturbCells, object, four, compat = "scdiffeq", reference = reference)
  print(published)
  for (gene in intersect(c("Spi1", "Gata1", "Gfi1", "Cebpe"), factors)) {
    dose <- perturb_with(DoseResponse, object, gene, reference = reference)
    print(dose)
    save_plot(PlotDose(dose), paste0("perturb_larry_dose_", gene, ".png"))
  }
}

perturb_larry_screen <- function(object) {
  screen <- timed("all genes at the 0.99 quantile", perturb_with(
    ScreenPerturbations, object, n.sim = ceiling(1000 / sum(object$day == 2)), reference = which(object$day == 6)
  ))
  print(screen)
  utils::write.csv(screen$table, file.path(bench_out, "perturb_larry_screen.csv"), row.names = FALSE)
  for (fate in c("Neutrophil", "Monocyte")) {
    t <- screen$table[screen$table$fate == fate, ]
    t <- t[order(-t$change), ]
    message(fate, " up: ", paste(head(t$gene, 15), collapse = " "), "\n  down: ", paste(rev(tail(t$gene, 15)), collapse = " "))
  }
  save_plot(PlotPerturbation(screen, fate = c("Neutrophil", "Monocyte", "Baso", "Erythroid")), "perturb_larry_volcano.png")
  save_plot(PlotPerturbation(screen, "heatmap", n.label = 30), "perturb_larry_heatmap.png", 7, 8)
}

# Twelve genes regressed on diffusion components; the model runs along pseudotime.
perturb_marrow <- function(object, fates, start) {
  for (gene in intersect(c("GATA1", "SPI1"), rownames(object))) {
    dose <- suppressWarnings(DoseResponse(object, gene, doses = seq(-3, 3, by = 1), labels = "lineage", fates = fates,
      cells = start, start = 0, loadings = "regress", cutoff = 0, verbose = FALSE))
    print(dose)
    print(reshape(dose$table[c("dose", "fate", "probability")], idvar = "dose", timevar = "fate", direction = "wide"))
    save_plot(PlotDose(dose), paste0("perturb_marrow_dose_", gene, ".png"))
  }
}

# The object after FitVelocityField(); 592 pre-endocrine cells.
perturb_pancreas <- function(object) {
  screen <- timed("genes of the field held at the 0.99 quantile", suppressWarnings(ScreenPerturbations(
    object, utils::head(GetModel(object)$dims, 150L), mode = "clamp", labels = "type", cells = object$type == "Pre-endocrine", k = 30, cutoff = 0,
    fates = c("Alpha", "Beta"), n.null = 0L, verbose = FALSE
  )))
  print(screen)
  utils::write.csv(screen$table, file.path(bench_out, "perturb_pancreas_screen.csv"), row.names = FALSE)
  save_plot(PlotPerturbation(screen), "perturb_pancreas_volcano.png")
}

if (any(grepl("biology/perturb.R", commandArgs(), fixed = TRUE))) {
  suppressPackageStartupMessages(library(fatefield))
  source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "..", "real_data.R"))
  dir.create(bench_out, recursive = TRUE, showWarnings = FALSE)
  what <- commandArgs(TRUE)
  if (length(what) == 0L) what <- c("larry", "marrow", "pancreas")
  if ("larry" %in% what) {
    object <- read_larry_genes()
    object <- timed("three models of 781 cells", FitSDE(object, time = "day", reduction = "pcs", dims = 1:20, growth = "learned",
      n.models = 3L, updates = as.numeric(Sys.getenv("UPDATES", "300")), verbose = FALSE))
    perturb_larry(object)
    perturb_larry_screen(object)
  }
  if ("marrow" %in% what) {
    object <- read_marrow()
    print(table(object$cell_type))
    object$bin <- as.integer(cut(object$pseudotime, stats::quantile(object$pseudotime, seq(0, 1, length.out = 5)), include.lowest = TRUE)) - 1
    type <- as.character(object$cell_type)
    object$lineage <- ifelse(grepl("ery|MEP|MEG", type, ignore.case = TRUE), "erythroid", ifelse(grepl("mono|GMP|gran|neut|CMP", type, ignore.case = TRUE),
      "myeloid", "other"))
    print(table(object$lineage, object$bin))
    object <- timed("two models of marrow", FitSDE(object, time = "bin", reduction = "dc", n.models = 2L, updates = 200, verbose = FALSE))
    start <- which(object$bin == 0)
    perturb_marrow(object, c("erythroid", "myeloid"), start[seq_len(min(200L, length(start)))])
  }
  if ("pancreas" %in% what) {
    object <- read_pancreas()
    object <- EstimateVelocity(object, verbose = FALSE)
    object <- timed("a field of the pancreas", FitVelocityField(object, field = "ridge", verbose = FALSE))
    print(GetModel(object))
    perturb_pancreas(object)
  }
}
