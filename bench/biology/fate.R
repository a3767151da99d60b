# When fates are decided and what drives them, on real cells.
#
#   Rscript bench/biology/fate.R [larry | genes | pancreas] [THREADS]
#
# larry: all cells in 2-D, commitment, the noise at the bifurcation of neutrophils and monocytes, three arms of noise.
# genes: 781 cells with genes, what separates progenitors of neutrophils and monocytes. pancreas: drivers of alpha against beta cells
# among pre-endocrine cells, along a velocity field. Needs the folder of real data. Tables and figures go to bench/out/fate_*.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "..", "real_data.R"))
source(file.path(here, "claims.R"))

said <- function(...) claim("fate", ...)

fate_larry <- function(larry = read_larry_plane(), model = fit_larry_plane(larry)) {
  references <- which(larry$cells$day == 6 & larry$cells$annotation %in% larry_fate_names)
  larry_noise(larry, model, references)
  larry_commitment(larry, model)
  larry_bifurcation(larry, model, references)
  drift <- DriftDiffusion(larry$x, model, time = larry$cells$day)
  save_figure(PlotPotential(drift, embedding = larry$x, downhill = TRUE), "fate_larry_potential")
}

larry_noise <- function(larry, model, references) {
  got <- timed("CompareNoise, 3 arms", CompareNoise(
    larry$x, model, labels = larry$cells$annotation, truth = larry$truth, time = larry$cells$day,
    reference = references, cutoff = 0, n.sim = 50L, verbose = FALSE
  ))
  show_table(got$table, "fate_larry_noise", "Arms of noise on the day-2 cells with known fates (published: -11.1 points without noise)")
  show_table(got$difference, "fate_larry_noise_difference", "Learned less each other arm")
  print(got$lines)
  less <- got$difference[got$difference$against == "none", ]
  worse <- less$accuracy > 0.05 && less$accuracy > 2 * less$accuracy_se && less$cross.entropy < 0
  said("sd02", sprintf("accuracy without noise %+.1f points (standard error over members %.1f), cross-entropy %.2f in place of %.2f",
    -100 * less$accuracy, 100 * less$accuracy_se, got$table$cross.entropy[got$table$arm == "none"],
    got$table$cross.entropy[got$table$arm == "learned"]), if (worse) "reproduced" else "not reproduced")
  got
}

# Here undifferentiated cells vote too, of all days, every fifth cell.
larry_commitment <- function(larry, model) {
  references <- seq(1, nrow(larry$x), by = 5)
  early <- match(rownames(larry$truth), rownames(larry$x))
  some <- early[seq(1, length(early), length.out = 200)]
  paths <- timed("SimulateCells, 200 cells x 30", SimulateCells(
    larry$x, model, cells = some, n.sim = 30L, t.out = seq(2, 6, by = 0.2), verbose = FALSE
  ))
  got <- timed("FateDynamics", FateDynamics(
    paths, labels = larry$cells$annotation[references], reference = larry$x[references, ], exclude = "undiff",
    cutoff = 0
  ))
  print(got)
  show_table(got$entropy, "fate_larry_entropy", "Entropy of the fates to come")
  save_figure(PlotCommitment(got, type = "entropy"), "fate_larry_entropy")
  save_figure(PlotCommitment(got, type = "passage"), "fate_larry_passage")
  save_figure(PlotCommitment(got), "fate_larry_stream")
  got
}

# The published figure: cells of a neutrophil and monocyte clone, the size of the noise along their paths.
larry_bifurcation <- function(larry, model, references) {
  pair <- c("Neutrophil", "Monocyte")
  both <- rownames(larry$truth)[rowSums(larry$truth[, pair] > 0) == 2 & rowSums(larry$truth) == rowSums(larry$truth[, pair])]
  paths <- SimulateCells(
    larry$x, model, cells = utils::head(both, 100L), n.sim = 30L, t.out = seq(2, 6, by = 0.2), verbose = FALSE
  )
  got <- FateDynamics(
    paths, labels = larry$cells$annotation[references], reference = larry$x[references, ], fates = pair, cutoff = 0
  )
  noise <- noise_along(paths, model)
  table <- data.frame(time = paths$times, entropy = got$entropy$entropy, t(apply(noise, 1L, function(v) {
    c(diffusion = mean(v), sd = stats::sd(v))
  })))
  show_table(table, "fate_larry_bifurcation", paste("Entropy and diffusion along paths of", length(both), "bipotent cells, by member"))
  peaks <- paths$times[apply(noise, 2L, which.max)]
  words <- paste0("entropy of fates falls fastest at ", format(got$point$time, digits = 3), " (", format(got$point$time_low, digits = 3),
    " to ", format(got$point$time_high, digits = 3), "); diffusion is largest at ", paste(format(peaks, digits = 3), collapse = ", "),
    " in the members")
  inside <- peaks > min(paths$times) & peaks < max(paths$times) & peaks >= got$point$time_low & peaks <= got$point$time_high
  said("sd13", words, if (all(inside)) "reproduced" else "not reproduced")
  long <- data.frame(time = paths$times, diffusion = as.vector(noise), member = factor(col(noise)))
  save_figure(ggplot2::ggplot(long, ggplot2::aes(time, diffusion, colour = member)) + ggplot2::geom_line() +
    ggplot2::geom_vline(xintercept = got$point$time, linetype = 2) + ggplot2::theme_bw(), "fate_larry_bifurcation")
}

# Mean size of the noise over the paths of each member at each time, times x members.
noise_along <- function(paths, model) {
  sapply(seq_along(model$states), function(member) {
    one <- model
    one$states <- model$states[member]
    rows <- which(paths$member == member)
    sapply(seq_along(paths$times), function(k) {
      x <- matrix(paths$states[rows, , k], length(rows), dimnames = list(rows, paths$dims))
      mean(DriftDiffusion(x, one, t.start = paths$times[[k]])$diffusion)
    })
  })
}

# Regulators of the literature that the file holds, for reading the ranks.
larry_known <- list(
  Neutrophil = c("Gfi1", "Cebpe", "Elane", "Mpo", "Lmo4", "Dach1"), Monocyte = c("Irf8", "Klf4", "Csf1r", "Ly86")
)

fate_larry_drivers <- function(object = read_larry_genes(), n.models = 2L) {
  object <- timed("FitSDE, 781 cells", FitSDE(
    object, time = "day", reduction = "pcs", dims = 1:20, growth = "learned", n.models = n.models, updates = 200,
    verbose = FALSE
  ))
  got <- timed("FindFateDrivers, neutrophils", FindFateDrivers(
    object, fate = "Neutrophil", against = "Monocyte", labels = "state_info", exclude = c("undiff", "Neu_Mon"),
    cells = which(object$state_info %in% c("undiff", "Neu_Mon") & object$day < 6),
    reference = which(object$day == 6), max.cells = 150L, n.sim = 10L, verbose = FALSE
  ))
  print(got)
  utils::write.csv(got$table, file.path(bench_out, "fate_larry_drivers.csv"))
  show_ranks(got$table, larry_known, "fate_larry_known")
  save_figure(plot(got), "fate_larry_drivers")
  got
}

# Where known genes stand among all.
show_ranks <- function(table, known, name) {
  genes <- intersect(unlist(known), table$gene)
  at <- match(genes, table$gene)
  columns <- intersect(c("gene", "log2fc", "q", "sensitivity", "sensitivity_se", "combined"), names(table))
  show_table(data.frame(table[at, columns], rank = at, of = nrow(table), row.names = NULL), name, "Known genes")
}

pancreas_known <- list(
  alpha = c("Arx", "Irx2", "Gcg", "Pou6f2", "Smarca1"), beta = c("Pdx1", "Nkx6-1", "Ins1", "Ins2", "Mnx1", "Sst")
)

# `object`: read_pancreas() after EstimateVelocity() and FitVelocityField(), or fitted here.
fate_pancreas <- function(object = read_pancreas()) {
  object <- timed("EstimateVelocity", EstimateVelocity(object, verbose = FALSE))
  object <- timed("FitVelocityField", FitVelocityField(object, epochs = 50, verbose = FALSE))
  start <- which(object$type == "Pre-endocrine")
  got <- timed("FindFateDrivers, alpha against beta", FindFateDrivers(
    object, fate = "Alpha", against = "Beta", labels = "type", cells = start, fates = c("Alpha", "Beta"), cutoff = 0,
    max.cells = 200L, n.directions = 5L, verbose = FALSE
  ))
  print(got)
  message("of ", length(start), " pre-endocrine cells alpha : beta = ", paste(got$n, collapse = " : "), " (published 230 : 362)")
  utils::write.csv(got$table, file.path(bench_out, "fate_pancreas_drivers.csv"))
  show_ranks(got$table, pancreas_known, "fate_pancreas_known")
  differ <- got$table$q < 0.05
  up <- function(side) utils::head(got$table$gene[differ & sign(got$table$log2fc) == side][
    order(got$table$q[differ & sign(got$table$log2fc) == side])], 6L)
  said("dv17", sprintf("%d of %d genes differ (FDR below 0.05): %s for alpha, %s for beta", sum(differ, na.rm = TRUE),
    nrow(got$table), paste(up(1), collapse = " "), paste(up(-1), collapse = " ")),
  if (any(differ, na.rm = TRUE)) "reproduced" else "not reproduced")
  save_figure(plot(got), "fate_pancreas_drivers")
  got
}

arguments <- commandArgs(TRUE)
if (length(arguments) > 1L) options(fatefield.threads = as.integer(arguments[[2L]]))
parts <- list(larry = fate_larry, genes = fate_larry_drivers, pancreas = fate_pancreas)
wanted <- if (length(arguments) > 0L) arguments[[1L]] else names(parts)
for (part in wanted) parts[[part]]()
