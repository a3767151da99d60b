# The settings of accuracy.R: cells with times, and what is known of them. Sourced by it, after real_data.R.
#
# Each setting is a list of
#   object, time    what FitSDE() is given: an object and its column, or a matrix (cells x dims) and one time a cell
#   x, times        coordinates (cells x dims) and times of all cells
#   learn           rows that models are fitted on
#   labels, exclude, reference    of PredictFate(); labels NULL: no fates are asked for
#   predict         rows whose fates are asked for; scored: a list of those that are held against `fate`, by start time
#   fate            cells x fates: true probabilities, or counts of a clone's descendants; NA where not known
#   mass            expected descendants of each cell on the last day
#   exact           TRUE where `fate` holds probabilities, so that nothing of a start time's composition is chance
#   sd, signal      cells x dims: true noise per root of a unit of time in dimensions with signal, NA else; which
#                   dimensions these are
#   measurement     standard deviation of the dimensions that are measurement alone, NA else
#   growth          true rates; left.out: the time to leave out; test: clouds of cells kept back, one each time.

# SimulateDifferentiation() by name: what differs from its defaults.
simulated_settings <- list(
  base = list(),
  quiet = list(noise = 0.15),
  loud = list(noise = 1),
  two = list(n.fates = 2L, seed.use = 2L),
  four = list(n.fates = 4L, n.pcs = 20L, noise = 0.3, seed.use = 4L),
  five = list(n.fates = 5L),
  growth = list(growth = c(0, 0.4, 0.8)),
  loudgrowth = list(n.fates = 2L, growth = c(0, 0.8), noise = 1, seed.use = 3L),
  rare = list(growth = c(-0.9, 0.3, 0.3)),
  pcs3 = list(n.pcs = 3L),
  pcs50 = list(n.pcs = 50L),
  sparse = list(dispersion = 0.5, library.spread = 0.8),
  days = list(days = c(0, 1, 3), n.cells = 2400L),
  small = list(n.cells = 500L, seed.use = 5L),
  large = list(n.cells = 20000L)
)

setting_groups <- list(
  quick = c("base", "quiet", "loud", "growth"),
  sim = c("large", "pcs50", setdiff(names(simulated_settings), c("large", "pcs50")), "branches", "loop"),
  real = c("larry", "bargaje", "fixed")
)
setting_groups$all <- unlist(setting_groups[c("sim", "real")], use.names = FALSE)

# Times at which a left-out time is predicted.
left_out_times <- c(base = 1, growth = 1, loud = 2, loop = 1, larry = 4, bargaje = 48, fixed = 4)

most_scored <- 600L # cells of each of the first two times, and a quarter as many of each later one

# `f()` once; the next time from bench/out/, unless `what` it was made from has changed.
kept <- function(name, what, f) {
  folder <- file.path(bench_out, "settings")
  dir.create(folder, recursive = TRUE, showWarnings = FALSE)
  file <- file.path(folder, paste0(name, ".rds"))
  if (file.exists(file)) {
    former <- readRDS(file)
    if (identical(former$what, what)) return(former$value)
  }
  value <- f()
  saveRDS(list(what = what, value = value), file, compress = FALSE)
  value
}

make_setting <- function(name) {
  made <- if (name %in% names(simulated_settings)) {
    design <- simulated_settings[[name]]
    kept(name, c(design, most = most_scored), function() differentiation_setting(design))
  } else {
    switch(name,
      branches = branch_setting(), loop = loop_setting(), bargaje = bargaje_setting(), fixed = fixed_setting(),
      larry = larry_setting(confirm = FALSE), confirm = larry_setting(confirm = TRUE),
      stop("there is no setting \"", name, "\"; there are ", paste(setting_groups$all, collapse = ", "), ", confirm")
    )
  }
  if (name %in% names(left_out_times)) made$left.out <- left_out_times[[name]]
  made$name <- name
  made
}

# Rows to predict: some of each time but the last.
drawn_rows <- function(times, among = seq_along(times), most = most_scored) {
  set.seed(1)
  starts <- sort(unique(times[among]))
  starts <- starts[-length(starts)]
  unlist(lapply(seq_along(starts), function(i) {
    rows <- among[times[among] == starts[[i]]]
    sort(rows[sample.int(length(rows), min(length(rows), if (i <= 2L) most else most %/% 4L))])
  }))
}

rows_by_time <- function(rows, times, first = 2L) {
  by <- split(rows, times[rows])
  unname(by[seq_len(min(first, length(by)))])
}

differentiation_setting <- function(design) {
  object <- do.call(SimulateDifferentiation, design)
  truth <- SeuratObject::Misc(object, "truth")
  suppressWarnings(SeuratObject::Misc(object, "truth") <- NULL)
  x <- SeuratObject::Embeddings(object, "pca")
  times <- object$day
  grows <- diff(range(truth$options$growth)) > 0 || length(truth$options$growth) == truth$n.fates
  noise <- true_noise(x, truth, object$state, times)
  predict <- drawn_rows(times)
  list(
    object = object, time = "day", x = x, times = times, learn = seq_along(times), labels = object$state,
    exclude = "progenitor", predict = predict, scored = rows_by_time(predict, times),
    fate = if (grows) truth$fate.weighted else truth$fate, exact = TRUE,
    mass = if (grows) descendants(truth, times) else rep(1, length(times)),
    sd = noise$sd, signal = noise$signal, measurement = noise$measurement,
    growth = if (grows) truth$growth
  )
}

# Drift, noise and growth of SimulateDifferentiation() at states z (states x fates), as its help page defines them.
landscape <- function(z, truth) {
  o <- truth$options
  corners <- truth$attractors[, -1L, drop = FALSE]
  heat <- 0.9 / (truth$n.fates - 1)
  gate <- 1 / (1 + exp(-(z[, 1L] - 1) / 0.12))
  y <- z[, -1L, drop = FALSE]
  along <- y %*% t(corners)
  power <- gate * along / heat
  shares <- exp(power - apply(power, 1L, max))
  shares <- shares / rowSums(shares)
  slope <- gate * (1 - gate) / 0.12
  list(
    drift = o$speed * cbind(2 - z[, 1L] + slope * rowSums(shares * along), gate * (shares %*% corners) - y),
    noise = o$noise * (0.5 + 0.5 * (1 - rowSums(shares^2)) * truth$n.fates / (truth$n.fates - 1)),
    growth = drop(shares %*% rep_len(o$growth, truth$n.fates))
  )
}

# Expected descendants of each cell on the last day, from 20 futures each.
descendants <- function(truth, times, n.sim = 20L, dt = 0.05) {
  here <- landscape(truth$latent, truth)
  stopifnot(max(abs(here$drift - truth$drift)) < 1e-6, max(abs(here$growth - truth$growth)) < 1e-6)
  set.seed(1)
  mass <- rep(1, length(times))
  for (start in setdiff(unique(times), max(times))) {
    rows <- which(times == start)
    z <- truth$latent[rep(rows, each = n.sim), , drop = FALSE]
    log_mass <- numeric(nrow(z))
    for (step in seq_len(round((max(times) - start) / dt))) {
      at <- landscape(z, truth)
      log_mass <- log_mass + at$growth * dt
      z <- z + at$drift * dt + at$noise * sqrt(dt) * stats::rnorm(length(z))
    }
    mass[rows] <- colMeans(matrix(exp(log_mass), n.sim))
  }
  mass
}

# The latent noise as it is seen in the coordinates: sd of dimension d is g sqrt(sum_k A_dk^2), with A the linear map
# from latent to coordinates among progenitors of the first two times, and among the cells of each fate of the last
# two; the chance in A is taken out. Signal: dimensions of which the latent state explains more than half of the
# variance, in all cells; those of which it explains less than a twentieth are measurement.
true_noise <- function(x, truth, state, times) {
  latent <- truth$latent
  explained <- vapply(seq_len(ncol(x)), function(d) summary(stats::lm(x[, d] ~ latent))$r.squared, 0)
  days <- sort(unique(times))
  group <- ifelse(state == "progenitor", ifelse(times %in% days[1:2], "progenitor", NA),
    ifelse(times %in% utils::tail(days, 2L), as.character(state), NA))
  sd <- matrix(NA_real_, nrow(x), ncol(x))
  for (rows in split(seq_along(group), group)) {
    if (length(rows) < 10L * ncol(latent)) next
    size <- vapply(seq_len(ncol(x)), function(d) {
      found <- summary(stats::lm(x[rows, d] ~ latent[rows, ]))$coefficients[-1L, , drop = FALSE]
      sqrt(max(0, sum(found[, 1L]^2 - found[, 2L]^2)))
    }, 0)
    sd[rows, ] <- outer(truth$diffusion[rows], size)
  }
  signal <- explained > 0.5
  sd[, !signal] <- NA
  measured <- apply(x, 2L, stats::sd)
  list(sd = sd, signal = signal, measurement = ifelse(explained < 0.05, measured, NA))
}

# A fork without noise: all that is known of a cell before it is the share of each branch.
branch_setting <- function() {
  object <- SimulateTwoBranch()
  truth <- SeuratObject::Misc(object, "truth")
  object$day <- pmin(floor(object$time / 8 * 5), 4)
  fate <- cbind(major = as.numeric(object$branch == "major"), minor = as.numeric(object$branch == "minor"))
  share <- colSums(fate) / sum(fate)
  common <- object$branch == "common"
  fate[common, ] <- rep(share, each = sum(common))
  predict <- drawn_rows(object$day)
  list(
    object = object, time = "day", x = SeuratObject::Embeddings(object, "pca"), times = object$day,
    learn = seq_len(ncol(object)), labels = as.character(object$stage), exclude = c("progenitor", "between"),
    predict = predict, scored = rows_by_time(predict, object$day), fate = fate, exact = TRUE,
    mass = rep(1, ncol(object))
  )
}

# Cells that go round three quarters of a circle, a quarter a day, held to it by a spring.
loop_setting <- function(n = 750L, noise = 0.15, dt = 0.02) {
  set.seed(1)
  each <- lapply(0:3, function(day) {
    angle <- stats::rnorm(n, 0, 0.25)
    z <- cbind(cos(angle), sin(angle)) + 0.05 * stats::rnorm(2L * n)
    for (step in seq_len(day / dt)) {
      r <- sqrt(rowSums(z^2))
      z <- z + dt * (pi / 2 * cbind(-z[, 2L], z[, 1L]) + 3 * (1 - r) / r * z) + noise * sqrt(dt) * stats::rnorm(2L * n)
    }
    z
  })
  x <- do.call(rbind, each)
  dimnames(x) <- list(paste0("cell", seq_len(nrow(x))), c("u", "v"))
  list(
    object = x, time = rep(0:3, each = n), x = x, times = rep(0:3, each = n), learn = seq_len(nrow(x)),
    sd = matrix(noise, nrow(x), 2L), signal = c(TRUE, TRUE)
  )
}

# LARRY in 2-D; 20,000 cells of wells 0 and 1 to learn from. The visible fates are parted by clone: one half to choose
# by, the other to confirm with.
larry_setting <- function(confirm) {
  fates <- larry_fate_names
  cells <- utils::read.csv(bench_data("larry", "cells.csv.gz"))
  observed <- larry_visible(confirm)
  set.seed(1)
  learn <- sort(sample(which(cells$well != 2), 20000L))
  # Scored cells are learned from only where they were drawn.
  rows <- union(learn, match(observed$cell, cells$cell))
  cells <- cells[rows, ]
  x <- as.matrix(cells[, c("x", "y")])
  rownames(x) <- cells$cell
  learn <- seq_along(learn)
  scored <- match(observed$cell, cells$cell)
  fate <- matrix(NA_real_, nrow(x), length(fates), dimnames = list(NULL, fates))
  fate[scored, ] <- as.matrix(observed[, fates]) / rowSums(observed[, fates])
  list(
    object = x, time = cells$day, x = x, times = cells$day, learn = learn, labels = cells$annotation,
    reference = learn[cells$day[learn] == 6 & cells$annotation[learn] %in% fates],
    predict = sort(unique(c(scored, drawn_rows(cells$day, learn, 300L)))), scored = list(scored), fate = fate,
    exact = FALSE, mass = rep(1, nrow(x)), clone = cells$clone
  )
}

# Bargaje's time course: two ends, parted by k-means on the cells of the last hour.
bargaje_setting <- function() {
  cells <- utils::read.csv(bench_data("timecourse", "ipsc_cardiomyocyte_bargaje.csv"))
  x <- stats::prcomp(25 - as.matrix(cells[, names(cells) != "h"]), rank. = 10)$x
  rownames(x) <- paste0("cell", seq_len(nrow(x)))
  last <- which(cells$h == max(cells$h))
  set.seed(1)
  labels <- rep(NA_character_, nrow(x))
  labels[last] <- paste0("end", stats::kmeans(x[last, ], 2L, nstart = 10L)$cluster)
  list(
    object = x, time = cells$h, x = x, times = cells$h, learn = seq_len(nrow(x)), labels = labels,
    predict = drawn_rows(cells$h, most = 200L), exact = FALSE, mass = rep(1, nrow(x))
  )
}

# The set `time_to_accuracy` of the reference numbers.
fixed_setting <- function() {
  file <- hdf5r::H5File$new(file.path(dirname(bench_data()), "golden", "engine.h5"), "r")
  clouds <- function(name) {
    x <- aperm(file[[paste0("time_to_accuracy/", name)]]$read())
    lapply(1:3, function(k) x[k, , ])
  }
  train <- clouds("train")
  test <- clouds("test")
  file$close_all()
  x <- do.call(rbind, train)
  dimnames(x) <- list(paste0("cell", seq_len(nrow(x))), paste0("dim_", seq_len(ncol(x))))
  times <- rep(c(2, 4, 6), each = nrow(train[[1L]]))
  list(object = x, time = times, x = x, times = times, learn = seq_len(nrow(x)), test = test)
}
