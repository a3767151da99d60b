# What clones add to times: fits of simulated cells with known fates, by how much of the motion is noise and by what
# clones are used for.
#
#   Rscript bench/sources.R [NOISES]      (default 0.15,0.5,1)
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

arguments <- commandArgs(TRUE)
noises <- as.numeric(strsplit(if (length(arguments) > 0L) arguments[[1L]] else "0.15,0.5,1", ",")[[1L]])
for (noise in noises) {
  s <- differentiation_setting(list(noise = noise))
  lines <- fate_lines(s)
  rows <- lapply(c("holdout", "pairs", "noise", "both"), one_use, s = s, lines = lines)
  cat("\nnoise", noise, "\n")
  print(do.call(rbind, rows), digits = 2L, row.names = FALSE, na.print = "")
}
