# What clones add to times: fits of simulated cells with known fates, by how much of the motion is noise and by what
# clones are used for.
#
#   Rscript bench/sources.R [NOISES]      (default 0.15,0.5,1)
#   Rscript bench/sources.R velocity      (what velocities add, and velocities and clones together)
#
# cos, scale: cosine of the drift with the true one, mean over cells of all times, and the time scale that was found
# (truth: 1 for true velocities); W1: of the second day, left out, with its standard deviation; turn: mean cosine on a
# cycle.
#
# over0, over1: cross-entropy of the predicted against the true fates of cells of the first and second day, less that of
# the mean truth of the 50 nearest cells; outside, knn: as in accuracy.R; found: the noise that clones tell, as a share
# of the variance within times; trust: how far they are trusted in pairing, by interval.

suppressPackageStartupMessages(library(fatefield))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1L]))
source(file.path(here, "real_data.R"))
source(file.path(here, "accuracy", "settings.R"))
source(file.path(here, "accuracy", "measures.R"))
source(file.path(here, "accuracy", "contenders.R"))
options(fatefield.threads = 1L)

one_use <- function(use, s, lines) {
  taken <- system.time(
    model <- FitSDE(s$x, time = s$times, clone = s$object$clone, use.clones = use, verbose = FALSE)
  )
  scores <- c(fate_scores(predict_cells(s, list(), model = model)$p, s), support_scores(model, s))
  found <- model$clones
  data.frame(
    use = use, over0 = scores$ce0 - lines[["bound0"]], over1 = scores$ce1 - lines[["bound1"]],
    outside = scores$outside, knn = scores$knn, comp = scores$comp,
    found = if (is.null(found$noise)) NA else found$noise,
    trust = if (is.null(found$trust)) NA else paste(format(found$trust, digits = 2L), collapse = " "),
    cpu = taken[["user.self"]] + taken[["sys.self"]]
  )
}

cosine <- function(a, b) rowSums(a * b) / sqrt(rowSums(a^2) * rowSums(b^2))

drift_of <- function(model, x) DriftDiffusion(x, model)$vectors

true_parts <- function(object) SeuratObject::Misc(object, "truth")

# Of a setting in the space where the drift is known: a fit with velocities (cells x dims, or NULL) and clones.
velocity_row <- function(name, s, velocity, clone, lines) {
  fit <- function(rows) {
    FitSDE(s$x[rows, ], time = s$times[rows], velocity = velocity[rows, , drop = FALSE],
      clone = if (clone) s$object$clone[rows], use.clones = if (clone) "both", verbose = FALSE)
  }
  taken <- system.time(model <- suppressWarnings(fit(seq_len(nrow(s$x)))))
  scores <- fate_scores(predict_cells(s, list(), model = model)$p, s)
  second <- sort(unique(s$times))[[2L]]
  left <- suppressWarnings(fit(which(s$times != second)))
  gap <- ScoreInterpolation(s$x, t.out = second, model = list(fit = left), time = s$times, verbose = FALSE)
  gap <- as.data.frame(gap)
  gap <- gap[gap$predictor == "fit", ]
  found <- model$motion
  out <- data.frame(
    sources = name, cos = mean(cosine(drift_of(model, s$x), s$drift)),
    scale = if (is.null(found)) NA else found$scale, weight = if (is.null(found)) NA else found$weight,
    over0 = scores$ce0 - lines[["bound0"]], over1 = scores$ce1 - lines[["bound1"]], W1 = gap$W1, W1_sd = gap$W1_sd,
    cpu = taken[["user.self"]] + taken[["sys.self"]]
  )
  message(paste(vapply(out, format, "", digits = 3L), collapse = " "))
  out
}

velocity_table <- function() {
  s <- differentiation_setting(list(lead = 1))
  s$drift <- true_parts(SimulateDifferentiation(lead = 1))$drift
  s$object <- EstimateVelocity(s$object, verbose = FALSE)
  s$x <- SeuratObject::Embeddings(s$object, "latent")
  lines <- fate_lines(s)
  drift <- unname(s$drift)
  estimated <- unname(fatefield:::reduced_velocities(s$object, TRUE, s$x))
  mixed <- drift[fatefield:::draw_cells(nrow(drift), nrow(drift), numeric(), 1, 1), ]
  row <- function(name, velocity = NULL, clone = FALSE) velocity_row(name, s, velocity, clone, lines)
  rbind(
    row("times"), row("times, estimated", estimated), row("times, true", drift),
    row("times, estimated, clones", estimated, TRUE), row("times, true, clones", drift, TRUE),
    row("times, clones", clone = TRUE), row("times, shuffled", mixed)
  )
}

cycle_row <- function(name, cells, ...) {
  model <- GetModel(suppressWarnings(FitSDE(cells, time = "day", reduction = "latent", verbose = FALSE, ...)))
  found <- model$motion
  data.frame(
    sources = name, turn = mean(cosine(drift_of(model, SeuratObject::Embeddings(cells, "latent")),
      true_parts(cells)$drift)), weight = if (is.null(found)) NA else found$weight,
    noise = if (is.null(model$clones$noise)) NA else model$clones$noise
  )
}

cycle_table <- function() {
  cells <- EstimateVelocity(SimulateCycle(), verbose = FALSE)
  row <- function(name, ...) cycle_row(name, cells, drift = "forward", ...)
  narrow <- function(name, ...) row(paste(name, "(bridge.noise 0.05)"), bridge.noise = 0.05, ...)
  rbind(
    row("times"), row("times, velocity", velocity = TRUE), row("times, clones", clone = "clone", use.clones = "both"),
    row("times, velocity, clones", velocity = TRUE, clone = "clone", use.clones = "both"),
    narrow("times"), narrow("times, velocity", velocity = TRUE),
    narrow("times, velocity, clones", velocity = TRUE, clone = "clone", use.clones = "pairs")
  )
}

arguments <- commandArgs(TRUE)
if (identical(arguments, "velocity")) {
  for (rows in list(velocity_table, cycle_table)) print(rows(), digits = 2L, row.names = FALSE, na.print = "")
  quit("no")
}
noises <- as.numeric(strsplit(if (length(arguments) > 0L) arguments[[1L]] else "0.15,0.5,1", ",")[[1L]])
for (noise in noises) {
  s <- differentiation_setting(list(noise = noise))
  lines <- fate_lines(s)
  rows <- lapply(c("holdout", "pairs", "noise", "both"), one_use, s = s, lines = lines)
  cat("\nnoise", noise, "\n")
  print(do.call(rbind, rows), digits = 2L, row.names = FALSE, na.print = "")
}
