# How unstable cells are, which genes go with it, and whether drift and noise rise with the number of fates, on real cells.
#
#   Rscript bench/biology/criticality.R [pancreas | genes | larry] [THREADS]
#
# pancreas: criticality along a velocity field by type, its genes, and whether small differences change fates. genes: 781 cells of LARRY
# with genes, what goes with drift and noise. larry: all cells in 2-D, drift and noise by the number of fates of clones.
# Needs the folder of real data. Tables and figures go to bench/out/criticality_*.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "..", "real_data.R"))
source(file.path(here, "claims.R"))

said <- function(...) claim("criticality", ...)
short <- function(x) format(signif(x, 2L), trim = TRUE)

stages <- c(
  Ductal = "ductal", `Ngn3 low EP` = "progenitor", `Ngn3 high EP` = "progenitor", `Pre-endocrine` = "pre-endocrine",
  Beta = "differentiated", Alpha = "differentiated", Delta = "differentiated", Epsilon = "differentiated"
)

criticality_pancreas <- function(n.models = 2L) {
  object <- timed("EstimateVelocity, stochastic", EstimateVelocity(read_pancreas(), mode = "stochastic", verbose = FALSE))
  object <- timed("FitVelocityField", FitVelocityField(object, n.models = n.models, verbose = FALSE))
  object$stage <- factor(stages[as.character(object$type)], unique(stages))
  object$log_counts <- log(object$nCount_spliced)
  # The published way takes much longer: one member, every third cell.
  one <- GetModel(object)
  one$states <- one$states[1L]
  third <- order(object$type)[seq(1L, ncol(object), 3L)]
  ways <- list(
    default = list(), smoothed = list(start = "smoothed"),
    published = list(compat = "deepvelo", model = one, cells = third)
  )
  for (way in names(ways)) {
    object <- timed(paste("CellCriticality,", way), do.call(CellCriticality, c(
      list(object, store.as = paste0("cci_", way), verbose = FALSE), ways[[way]]
    )))
  }
  object$criticality <- object$cci_default
  object$cci_first.step <- rowSums(GetResult(object, "criticality", "cci_default")$increments)
  columns <- paste0("cci_", c("default", "smoothed", "first.step", "published"))
  criticality_by_type(object, columns)
  criticality_genes(object)
  save_figure(PlotCriticality(object, reduction = "umap", criticality = "cci_default"), "criticality_pancreas_umap")
  save_figure(PlotCriticality(object, type = "violin", group.by = "type", criticality = "cci_default"), "criticality_pancreas_types")
  small_differences(object)
  invisible(object)
}

criticality_by_type <- function(object, columns) {
  medians <- sapply(columns, function(way) tapply(object[[way, drop = TRUE]], object$type, stats::median, na.rm = TRUE))
  show_table(as.data.frame(medians), "criticality_pancreas_medians", "Median criticality by type")
  rows <- lapply(columns, function(way) {
    value <- object[[way, drop = TRUE]]
    got <- CompareDynamics(object, way, group.by = "stage", adjust = c("log_counts", "nFeature_spliced"))
    effects <- got$table[match("progenitor", got$table$group), c("effect", "effect_low", "effect_high", "adjusted",
      "adjusted_low", "adjusted_high")]
    above <- function(stage) {
      test <- stats::wilcox.test(value[object$stage == "progenitor"], value[object$stage == stage], alternative = "greater")
      pairs <- sum(object$stage == "progenitor" & !is.na(value)) * as.numeric(sum(object$stage == stage & !is.na(value)))
      c(auc = unname(test$statistic) / pairs, p = test$p.value)
    }
    data.frame(
      way = way, cor.log.counts = stats::cor(value, object$log_counts, use = "complete.obs"),
      cor.zero.genes = stats::cor(value, -object$nFeature_spliced, use = "complete.obs"), ductal = t(above("ductal")),
      differentiated = t(above("differentiated")), effects, row.names = NULL
    )
  })
  table <- do.call(rbind, rows)
  show_table(table, "criticality_pancreas_stages", "Progenitors above ductal and above differentiated cells; depth")
  first <- table[1L, ]
  ordered <- first$ductal.auc > 0.5 && first$differentiated.auc > 0.5 && max(first$ductal.p, first$differentiated.p) < 0.01 &&
    first$adjusted_low > 0
  said("dv13", sprintf(
    "progenitor above ductal in %.0f %%, above differentiated in %.0f %% of pairs; effect given depth %s (%s to %s); correlation with depth %s, published way %s",
    100 * first$ductal.auc, 100 * first$differentiated.auc, short(first$adjusted), short(first$adjusted_low),
    short(first$adjusted_high), short(first$cor.log.counts), short(table$cor.log.counts[table$way == "cci_published"])
  ), if (ordered) "reproduced" else "not reproduced")
}

criticality_genes <- function(object) {
  genes <- timed("GeneDynamics, two ways", GeneDynamics(
    object, c("cci_default", "cci_published"), assay = "spliced", n.boot = 100L, verbose = FALSE
  ))
  print(genes)
  utils::write.csv(as.data.frame(genes), file.path(bench_out, "criticality_pancreas_genes.csv"), row.names = FALSE)
  save_figure(plot(genes), "criticality_pancreas_genes", 9, 8)
  known <- gene_ranks(genes, c("Neurog3", "Atp1b1"))
  show_table(known, "criticality_pancreas_known", "The two published genes")
  own <- known[known$quantity == "cci_default", ]
  published <- known[match(own$gene, known$gene[known$quantity == "cci_published"]) + sum(known$quantity == "cci_default"), ]
  said("dv14", paste(sprintf("%s r %s, partial %s (%s to %s), rank %d of %d; published way r %s", own$gene, short(own$pearson),
    short(own$partial), short(own$partial_low), short(own$partial_high), own$rank, own$of, short(published$pearson)),
  collapse = ". "),
  if (all(own$pearson > 0 & own$partial > 0 & own$partial_q < 0.01)) "reproduced" else "not reproduced")
}

# Rows of some genes, with their rank among all by the partial correlation.
gene_ranks <- function(table, genes) {
  table <- as.data.frame(table)
  table$of <- stats::ave(table$rank, table$quantity, FUN = length)
  table[table$gene %in% genes, c("quantity", "gene", "rank", "of", "pearson", "pearson_p", "spearman", "partial", "partial_low",
    "partial_high", "partial_q")]
}

# Exponents by type, and how often a small change of a pre-endocrine cell changes its end.
small_differences <- function(object) {
  some <- unlist(lapply(split(seq_len(ncol(object)), object$type), utils::head, 20L))
  exponents <- timed("LyapunovExponents, 160 cells", LyapunovExponents(
    object, cells = some, n.directions = 10L, n.steps = 20L, verbose = FALSE
  )$lyapunov[some])
  table <- do.call(rbind, lapply(split(exponents, object$type[some]), function(v) {
    data.frame(cells = length(v), median = stats::median(v, na.rm = TRUE), positive = mean(v > 0, na.rm = TRUE))
  }))
  show_table(table, "criticality_pancreas_lyapunov", "Leading exponents of Lyapunov")
  start <- utils::head(which(object$type == "Pre-endocrine"), 100L)
  ends <- function(noise) {
    paths <- IntegrateCells(
      object, cells = start, start.noise = noise, n.sim = if (noise > 0) 3L else 1L, keep = "end", verbose = FALSE
    )
    votes <- ClassifyTrajectories(paths, labels = "type", reference = object, k = 30L)$votes[, c("Alpha", "Beta")]
    data.frame(cell = paths$cell, member = paths$member, fate = ifelse(votes[, "Alpha"] > votes[, "Beta"], "Alpha", "Beta"))
  }
  still <- ends(0)
  rows <- lapply(c(0.05, 0.5), function(noise) {
    moved <- ends(noise)
    former <- still$fate[match(paste(moved$cell, moved$member), paste(still$cell, still$member))]
    data.frame(noise = noise, changed = mean(moved$fate != former, na.rm = TRUE))
  })
  members <- tapply(still$fate, as.character(still$cell), function(f) length(unique(f)) > 1L)
  changed <- do.call(rbind, rows)
  show_table(changed, "criticality_pancreas_noise", "Share of pre-endocrine paths whose end changes with noise at the start")
  pre <- table["Pre-endocrine", ]
  said("dv19", sprintf(
    "exponents above 0 in %.0f %% of pre-endocrine cells and in at least %.0f %% of each other type; the end changes in %.1f %% of paths with noise of 0.05 and in %.1f %% with 0.5 of that of single cells; members of the ensemble disagree on %.0f %% of cells",
    100 * pre$positive, 100 * min(table$positive), 100 * changed$changed[[1L]], 100 * changed$changed[[2L]], 100 * mean(members, na.rm = TRUE)
  ), if (changed$changed[[1L]] > 0.1) "reproduced" else "not reproduced")
}

# The clone of each of the 781 cells and the number of fates of that clone at day 6, of all cells that were sequenced with it.
with_clones <- function(object) {
  cells <- utils::read.csv(bench_data("larry", "cells.csv.gz"))
  ids <- utils::read.csv(bench_data("larry", "expression781_cell_ids.csv.gz"))
  own <- cells[match(ids$cell[order(ids$row)], cells$cell), ]
  stopifnot(nrow(own) == ncol(object), own$day == object$day)
  object$barcode <- ifelse(own$clone < 0, NA, own$clone)
  late <- cells[cells$day == 6 & cells$clone >= 0 & cells$annotation %in% larry_fate_names, ]
  object$n.fates <- as.numeric(tapply(late$annotation, late$clone, function(a) length(unique(a)))[as.character(object$barcode)])
  object
}

criticality_genes_larry <- function(n.models = 2L) {
  object <- with_clones(read_larry_genes())
  object <- timed("FitSDE, 781 cells", FitSDE(
    object, time = "day", reduction = "pcs", dims = 1:20, growth = "learned", n.models = n.models, updates = 300, verbose = FALSE
  ))
  object <- DriftDiffusion(object)
  object <- timed("CellCriticality, 781 cells", CellCriticality(object, path = "drift", n.steps = 10L, verbose = FALSE))
  message("clones: ", length(unique(object$barcode)), "; correlation of drift and diffusion ",
    short(stats::cor(object$drift, object$diffusion, method = "spearman")))
  genes <- timed("GeneDynamics", GeneDynamics(
    object, c("drift", "diffusion", "criticality"), block = "barcode", pseudotime = "day", n.boot = 100L, verbose = FALSE
  ))
  print(genes)
  utils::write.csv(as.data.frame(genes), file.path(bench_out, "criticality_larry_genes.csv"), row.names = FALSE)
  save_figure(plot(genes), "criticality_larry_genes", 10, 8)
  known <- gene_ranks(genes, c("Myc", "Cebpa", "Gfi1", "Lmo4"))
  show_table(known, "criticality_larry_known", "The four published genes (Cebpa is not among those of the file)")
  times <- along_times(object, c("Myc", "Gfi1", "Lmo4"))
  show_table(times, "criticality_larry_times", "The published way: means of 41 times of simulated neutrophils and monocytes")
  larry_gene_claim(known, times)
  compared <- CompareDynamics(object, c("drift", "diffusion"), n.fates = "n.fates", block = "barcode", time = "day", reduction = "pcs")
  print(compared)
  save_figure(plot(compared, type = "trend"), "criticality_larry_genes_trend")
  invisible(object)
}

larry_gene_claim <- function(known, times) {
  pairs <- data.frame(gene = c("Myc", "Gfi1", "Lmo4"), quantity = c("diffusion", "drift", "drift"))
  at <- known[match(paste(pairs$gene, pairs$quantity), paste(known$gene, known$quantity)), ]
  published <- times[match(paste(pairs$gene, pairs$quantity), paste(times$gene, times$quantity)), ]
  said("sd14", paste0(paste(sprintf("%s with %s: over cells r %s, partial %s (FDR %s), over 41 times %s to %s", at$gene, at$quantity,
    short(at$pearson), short(at$partial), short(at$partial_q), short(published$low), short(published$high)), collapse = "; "),
  "; Cebpa not in the data"),
  if (all(at$pearson > 0 & at$partial > 0 & at$partial_q < 0.05)) "reproduced" else "not reproduced")
}

# Correlations of mean expression with mean drift and diffusion over 41 times of paths from day 2 that end as neutrophils or monocytes,
# the smallest and the largest of fates and members.
along_times <- function(object, genes) {
  model <- GetModel(object)
  decode <- fatefield:::gene_space(object, model)$decode
  paths <- SimulateCells(object, cells = which(object$day == 2), n.sim = 20L, t.out = seq(2, 6, by = 0.1), verbose = FALSE)
  votes <- ClassifyTrajectories(paths, labels = "state_info", reference = object)$votes
  ends <- colnames(votes)[max.col(replace(votes, is.na(votes), 0), ties.method = "first")]
  rows <- list()
  for (member in seq_along(model$states)) {
    one <- model
    one$states <- model$states[member]
    for (fate in c("Neutrophil", "Monocyte")) {
      rows.of <- which(paths$member == member & ends == fate)
      if (length(rows.of) < 5L) next
      course <- t(sapply(seq_along(paths$times), function(k) {
        x <- matrix(paths$states[rows.of, , k], length(rows.of), dimnames = list(rows.of, paths$dims))
        dynamics <- DriftDiffusion(x, one, t.start = paths$times[[k]])
        c(drift = mean(dynamics$drift), diffusion = mean(dynamics$diffusion), colMeans(decode(x)[, genes, drop = FALSE]))
      }))
      rows[[length(rows) + 1L]] <- stats::cor(course)[genes, c("drift", "diffusion")]
    }
  }
  all <- simplify2array(rows)
  data.frame(
    gene = rep(genes, 2L), quantity = rep(c("drift", "diffusion"), each = length(genes)),
    low = as.vector(apply(all, 1:2, min)), high = as.vector(apply(all, 1:2, max))
  )
}

criticality_larry <- function(larry = read_larry_plane(), model = fit_larry_plane(larry)) {
  early <- match(rownames(larry$truth), rownames(larry$x))
  number <- rowSums(larry$truth > 0)
  dynamics <- DriftDiffusion(larry$x[early, ], model, t.start = 2)
  message("correlation of drift and diffusion ", short(stats::cor(dynamics$drift, dynamics$diffusion, method = "spearman")))
  controls <- list(
    n.fates = number, block = larry$cells$clone[early], density = fatefield:::cell_density(larry$x)[early],
    adjust = cbind(clone_size = log(rowSums(larry$truth)))
  )
  quantities <- data.frame(drift = dynamics$drift, diffusion = dynamics$diffusion, row.names = rownames(larry$truth))
  got <- timed("CompareDynamics, day-2 cells", do.call(CompareDynamics, c(list(quantities), controls)))
  print(got)
  show_table(got$trend, "criticality_larry_fates", "Drift and diffusion at the cells, by the number of fates")
  save_figure(plot(got), "criticality_larry_fates")
  save_figure(plot(got, type = "trend"), "criticality_larry_trend")
  highest <- largest_along(larry, model, early)
  published <- do.call(CompareDynamics, c(list(highest), controls))
  show_table(published$trend, "criticality_larry_largest", "The published way: the largest along simulated paths")
  trend <- function(x, quantity, given) x$trend[x$trend$quantity == quantity & x$trend$given == given, ]
  words <- function(quantity) {
    plain <- trend(got, quantity, "nothing")
    left <- trend(got, quantity, "all")
    sprintf("%s %s, given all controls %s (%s to %s), largest along paths %s", quantity, short(plain$correlation),
      short(left$correlation), short(left$correlation_low), short(left$correlation_high), short(trend(published, quantity, "nothing")$correlation))
  }
  low <- vapply(c("drift", "diffusion"), function(q) min(trend(got, q, "nothing")$correlation_low, trend(got, q, "all")$correlation_low), 0)
  said("sd12", paste0("rank correlations over ", length(early), " cells: ", words("drift"), "; ", words("diffusion")),
    if (all(low > 0)) "reproduced" else "not reproduced")
}

# The mean over paths of the largest drift and diffusion of each.
largest_along <- function(larry, model, cells) {
  paths <- timed("SimulateCells", SimulateCells(larry$x, model, cells = cells, n.sim = 10L, t.out = seq(2, 6, by = 0.2), verbose = FALSE))
  largest <- matrix(0, dim(paths$states)[[1L]], 2L, dimnames = list(NULL, c("drift", "diffusion")))
  for (member in seq_along(model$states)) {
    one <- model
    one$states <- model$states[member]
    rows <- which(paths$member == member)
    for (k in seq_along(paths$times)) {
      x <- matrix(paths$states[rows, , k], length(rows), dimnames = list(rows, paths$dims))
      found <- DriftDiffusion(x, one, t.start = paths$times[[k]])
      largest[rows, ] <- pmax(largest[rows, ], cbind(found$drift, found$diffusion))
    }
  }
  found <- rowsum(largest, as.character(paths$cell)) / as.vector(table(as.character(paths$cell)))
  as.data.frame(found)[rownames(larry$x)[cells], ]
}

arguments <- commandArgs(TRUE)
if (length(arguments) > 1L) options(fatefield.threads = as.integer(arguments[[2L]]))
parts <- list(pancreas = criticality_pancreas, genes = criticality_genes_larry, larry = criticality_larry)
wanted <- if (length(arguments) > 0L) arguments[[1L]] else names(parts)
for (part in wanted) parts[[part]]()
