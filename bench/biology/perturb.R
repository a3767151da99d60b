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
      data.frame(gene = gene, at = at, off = x$off$share, x$table[c("fate", "control", "change", "change_low", "change_high", "log2_ratio", "p")])
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
  pair <- combined$table[match(c("Neutrophil", "Monocyte"), combined$table$fate), ]
  claim("perturb", "sd05", sprintf("log2 %+.2f and %+.2f, p %.2g and %.2g, %s at z = 10", pair$log2_ratio[[1L]],
    pair$log2_ratio[[2L]], pair$p[[1L]], pair$p[[2L]], paste(four, collapse = " ")),
    if (pair$log2_ratio[[1L]] > 0 && pair$log2_ratio[[2L]] < 0) "reproduced" else "not reproduced")
  trends <- lapply(intersect(c("Spi1", "Gata1", "Gfi1", "Cebpe"), factors), function(gene) {
    dose <- perturb_with(DoseResponse, object, gene, reference = reference)
    print(dose)
    save_plot(plot(dose), paste0("perturb_larry_dose_", gene, ".png"))
    data.frame(gene = gene, dose$trend)
  })
  trends <- do.call(rbind, trends)
  utils::write.csv(trends, file.path(bench_out, "perturb_larry_trends.csv"), row.names = FALSE)
  opposite <- do.call(rbind, lapply(four, function(gene) {
    x <- single[single$gene == gene & single$fate == "Neutrophil", ]
    data.frame(gene = gene, up = x$change[x$at > 0], down = x$change[x$at < 0])
  }))
  claim("perturb", "sd06", paste0("change of neutrophils at z = 10 and -10: ", paste(sprintf("%s %+.3f %+.3f", opposite$gene,
    opposite$up, opposite$down), collapse = ", ")),
    if (all(sign(opposite$up) != sign(opposite$down))) "reproduced" else "not reproduced")
}

# The share of neutrophils among cells of day 6 by logistic regression on components, applied to the same changed cells.
linear_effects <- function(object, screen, genes) {
  x <- SeuratObject::Embeddings(object, "pcs")[, 1:20]
  late <- object$day == 6 & object$state_info %in% c("Neutrophil", "Monocyte")
  fit <- suppressWarnings(stats::glm(y ~ ., stats::binomial(), data.frame(y = object$state_info[late] == "Neutrophil", x[late, ])))
  space <- fatefield:::gene_space(object, GetModel(object))
  start <- which(object$day == 2)
  chance <- function(states) mean(stats::predict(fit, data.frame(states), type = "response"))
  before <- chance(x[start, ])
  vapply(genes, function(gene) {
    arm <- fatefield:::arm_of(space, utils::modifyList(screen$change, list(genes = gene, at = screen$change$at[[1L]])), x[start, ], start)
    chance(arm$states) - before
  }, 0)
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
  of <- screen$table[screen$table$fate == "Neutrophil", ]
  of$rank <- rank(-of$change)
  known <- of[match(c("Gfi1", "Irf8", "Klf4"), of$gene), ]
  said <- function(t) paste(sprintf("%s %+.3f (rank %.0f of %d, q %.2g)", t$gene, t$change, t$rank, nrow(of), t$q), collapse = ", ")
  claim("perturb", "sd09", paste("by sign alone:", said(known)),
    if (known$change[[1L]] > 0 && all(known$change[-1L] < 0)) "reproduced" else "not reproduced")
  markers <- of[match(intersect(c("Mpo", "Elane"), of$gene), of$gene), ]
  claim("perturb", "sd10", paste("by rank alone, among the first tenth:", said(markers)), if (all(markers$rank <= 0.1 * nrow(of))) "reproduced" else "not reproduced")
  margin <- of$change - screen$table$change[screen$table$fate == "Monocyte"][match(of$gene, screen$table$gene[screen$table$fate == "Monocyte"])]
  rho <- stats::cor(margin, linear_effects(object, screen, of$gene), method = "spearman")
  claim("perturb", "sd07", sprintf("Spearman %.2f between the simulated margin of neutrophils and a logistic regression on the same changed cells, %d genes (the line is drawn at 0.5)",
    rho, nrow(of)), if (rho < 0.5) "reproduced" else "not reproduced")
  message(sum(screen$table$q < 0.05, na.rm = TRUE), " of ", nrow(screen$table), " effects at a false discovery rate of 0.05")
  save_plot(plot(screen, fates = c("Neutrophil", "Monocyte", "Baso", "Erythroid")), "perturb_larry_volcano.png")
  save_plot(plot(screen, "heatmap", n.label = 30), "perturb_larry_heatmap.png", 7, 8)
}

# Twelve genes regressed on diffusion components; the model runs along pseudotime.
perturb_marrow <- function(object, fates, start) {
  said <- character()
  right <- logical()
  for (gene in intersect(c("GATA1", "SPI1"), rownames(object))) {
    dose <- suppressWarnings(DoseResponse(object, gene, doses = seq(-3, 3, by = 1), labels = "lineage", fates = fates,
      cells = start, t.start = 0, loadings = "regress", cutoff = 0, verbose = FALSE))
    print(dose)
    print(reshape(dose$table[c("dose", "fate", "probability")], idvar = "dose", timevar = "fate", direction = "wide"))
    save_plot(plot(dose), paste0("perturb_marrow_dose_", gene, ".png"))
    fate <- c(GATA1 = "erythroid", SPI1 = "myeloid")[[gene]]
    row <- dose$trend[dose$trend$fate == fate, ]
    ends <- dose$table$probability[dose$table$fate == fate]
    said <- c(said, sprintf("%s: %s %.2f to %.2f over z -3 to 3, p of trend %.2g", gene, fate, ends[[1L]], ends[[length(ends)]], row$p))
    right <- c(right, row$slope > 0 && row$p < 0.05)
  }
  claim("perturb", "sd11", paste(said, collapse = "; "), if (all(right)) "reproduced" else "not reproduced")
}

# Held, these count where types are told apart by them.
hormones <- c("Gcg", "Ins1", "Ins2", "Sst", "Ghrl", "Iapp", "Pyy", "Ppy")

# The object after FitVelocityField(); pre-endocrine cells, every third, genes of the field held one at a time.
perturb_pancreas <- function(object) {
  start <- which(object$type == "Pre-endocrine")
  screen <- timed("genes of the field held at the 0.99 quantile", suppressWarnings(ScreenPerturbations(
    object, mode = "clamp", labels = "type", cells = start[seq(1L, length(start), by = 3L)], k = 30, cutoff = 0,
    fates = c("Alpha", "Beta"), n.null = 0L, verbose = FALSE
  )))
  print(screen)
  utils::write.csv(screen$table, file.path(bench_out, "perturb_pancreas_screen.csv"), row.names = FALSE)
  save_plot(plot(screen), "perturb_pancreas_volcano.png")
  alpha <- screen$table[screen$table$fate == "Alpha", ]
  best <- utils::head(alpha[order(-alpha$change), ], 5L)
  sure <- sum(alpha$q < 0.05 & alpha$change > 0 & !alpha$gene %in% hormones, na.rm = TRUE)
  claim("perturb", "dv18", sprintf("share of alpha %.2f without a change; most raised by %s; %d of %d genes but hormones raise it at a false discovery rate of 0.05",
    alpha$control[[1L]], paste(sprintf("%s to %.2f", best$gene, best$control + best$change), collapse = ", "), sure, nrow(alpha)),
    if (sure > 0) "reproduced" else "not reproduced")
}

if (any(grepl("biology/perturb.R", commandArgs(), fixed = TRUE))) {
  suppressPackageStartupMessages(library(fatefield))
  source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L])), "..", "real_data.R"))
  source(file.path(bench_root, "bench", "biology", "claims.R"))
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
