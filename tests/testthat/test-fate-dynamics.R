# Labelled cells on a line: progenitors in the middle, fates at -3 and 3.
line_reference <- function() {
  x <- seq(-4, 4, by = 0.05)
  list(
    x = matrix(x, dimnames = list(NULL, "x")),
    label = ifelse(x < -2, "left", ifelse(x > 2, "right", "middle"))
  )
}

line_paths <- function(x, times, cell = seq_len(nrow(x)), ...) {
  new_trajectories(array(x, c(nrow(x), 1L, ncol(x))), times, factor(cell), seq_len(nrow(x)), dims = "x", ...)
}

dynamics_on_line <- function(paths, ...) {
  r <- line_reference()
  FateDynamics(paths, labels = r$label, reference = r$x, exclude = "middle", k = 5, cutoff = 0, ...)
}

test_that("passages are those of a plain loop", {
  votes <- rbind(
    c(0, 0.2, 0.8, 1), c(0.9, 0.9, 0.9, 0.9), c(0, 0.7, 0.2, 0.7), c(0, 0.1, 0.2, 0.3), c(0, 0.7, NaN, NaN),
    c(NaN, 1, 1, 1), c(0.7, 0.7, 0.1, 0)
  )
  times <- c(0, 1, 3, 4)
  got <- path_passages(votes, times, 0.6)
  expect_equal(got$first, c(1 + 2 * 0.4 / 0.6, 0, 0.6 / 0.7, NaN, 0.6 / 0.7, NaN, 0))
  expect_equal(got$stays, c(1 + 2 * 0.4 / 0.6, 0, 3 + 0.4 / 0.5, NaN, 0.6 / 0.7, NaN, NaN))
  expect_equal(got$until, c(4, 4, 4, 4, 1, NaN, 4))
})

test_that("a deterministic switch commits when it crosses the border", {
  times <- seq(0, 4, by = 0.1)
  # x = +-t reaches the border at 2; the votes change within a step of the reference.
  x <- rbind(outer(rep(1, 10), times), outer(rep(-1, 10), times)) + rep(seq(-0.01, 0.01, length.out = 10), 2)
  got <- dynamics_on_line(line_paths(x, times))
  expect_s3_class(got, "fatefield_dynamics")
  expect_equal(got$table$commitment_time, rep(2, 20), tolerance = 0.06)
  expect_equal(got$table$commitment_share, rep(1, 20))
  expect_identical(as.character(got$paths$fate), rep(c("right", "left"), each = 10))
  expect_equal(got$median$share, c(0.5, 0.5))
  expect_equal(rowsum(got$stream$share, got$stream$time)[, 1], rep(1, 41), ignore_attr = TRUE)
  at <- function(t, label) got$stream$share[got$stream$time == t & got$stream$label == label]
  expect_equal(c(at(1, "middle"), at(3, "middle"), at(3, "left"), at(3, "right")), c(1, 0, 0.5, 0.5))
})

test_that("a path that leaves again has passed but not committed", {
  times <- 0:6
  x <- rbind(c(0, 3, 3, 0, 0, 3, 3), c(0, 3, 3, 0, 0, 0, 0), c(0, 0, 0, 0, 0, 0, 0), c(0, -3, -3, -3, -3, -3, -3))
  got <- dynamics_on_line(line_paths(x, times))
  expect_identical(as.character(got$paths$fate), c("right", NA, NA, "left"))
  expect_true(got$paths$commitment_time[[1]] > 4 && got$paths$commitment_time[[1]] <= 5)
  expect_equal(got$table$commitment_time[2:3], c(6, 6))
  expect_equal(got$table$commitment_share, c(1, 0, 0, 1))
  share <- function(fate, time) got$passage$share[got$passage$fate == fate & got$passage$time == time]
  expect_equal(c(share("right", 0), share("right", 1), share("left", 6)), c(0, 0.5, 0.25))
  expect_true(is.na(got$median$median[got$median$fate == "left"]))
})

test_that("the share that has passed is that of Kaplan and Meier where paths are lost", {
  times <- 0:5
  x <- matrix(0, 12, 6)
  x[1:3, 2:6] <- 3
  x[4:6, 4:6] <- 3
  x[7:8, 3:6] <- NaN
  x[9, 5:6] <- NaN
  got <- dynamics_on_line(line_paths(x, times))
  # At risk at the first passage 12; then 2 are lost after time 1, 1 after time 3.
  expected <- 1 - cumprod(c(1, 1 - 3 / 12, 1, 1 - 3 / 7, 1, 1))
  expect_equal(got$passage$share[got$passage$fate == "right"], expected)
  expect_true(is.finite(got$table$commitment_time[[7]]))
})

test_that("first passage of a Brownian motion with drift has the inverse Gaussian law", {
  set.seed(1)
  dt <- 0.005
  walk <- cbind(0, t(apply(matrix(stats::rnorm(1500 * 800, dt, sqrt(dt)), 1500), 1L, cumsum)))
  keep <- seq(1L, ncol(walk), by = 8L)
  times <- (keep - 1) * dt
  # The running maximum keeps what happens between the stored times.
  highest <- t(apply(walk, 1L, cummax))[, keep]
  got <- dynamics_on_line(line_paths(pmin(highest, 3.9), times), n.neighbors = 5L, n.boot = 20L)
  share <- got$passage$share[got$passage$fate == "right"]
  law <- function(t, a, m = 1) {
    stats::pnorm((m * t - a) / sqrt(t)) + exp(2 * m * a) * stats::pnorm((-m * t - a) / sqrt(t))
  }
  late <- times > 0.5
  # Steps of time overshoot the border by 0.58 of their noise on average (Siegmund 1979).
  expect_lt(max(abs(share[late] - law(times[late], 2 + 0.58 * sqrt(dt)))), 0.035)
})

test_that("the entropy at a fork is ln 2, and falls where the paths part", {
  cells <- tiny_cells()
  x <- cells$x
  x[1:6, ] <- rep(c(2, 0, 0), each = 6)
  got <- with_engines(list(fork_engine()), FateDynamics(
    x, model = stub_model(), labels = cells$label, cells = 1:6, n.sim = 40, t.out = c(0, 0.5, 1, 1.5, 2),
    reference = which(cells$time == 2), exclude = "progenitor", cutoff = 0, k = 5, verbose = FALSE
  ))
  expect_equal(got$entropy$entropy, c(log(2), 0, 0, 0, 0))
  expect_equal(unname(got$by.cell[, 1]), rep(log(2), 6))
  expect_equal(got$table$start_entropy, rep(log(2), 6))
  expect_equal(got$point$time, 0.25)
  expect_equal(got$point$state, c(PC_1 = 2, PC_2 = 0, PC_3 = 0))
  expect_equal(got$entropy$spread, numeric(5))
  expect_output(print(got), "240 paths of 6 cells along 5 times")
})

test_that("growth and ensembles count as in PredictFate()", {
  cells <- tiny_cells()
  x <- cells$x
  x[1:2, ] <- rep(c(2, 0, 0), each = 2)
  run <- function(engines) {
    with_engines(engines, FateDynamics(
      x, model = stub_model(n.models = length(engines)), labels = cells$label, cells = 1:2, n.sim = 100,
      t.out = c(0, 1, 2), reference = which(cells$time == 2), exclude = "progenitor", cutoff = 0, k = 5,
      verbose = FALSE
    ))
  }
  p <- 3 / 4
  grown <- run(list(fork_engine(growth = log(3) / 2)))
  expect_equal(grown$table$start_entropy, rep(-p * log(p) - (1 - p) * log(1 - p), 2))
  expect_equal(grown$stream$share[grown$stream$time == 2 & grown$stream$label == "up"], p)
  two <- run(list(fork_engine(), fork_engine(growth = log(3) / 2)))
  expect_equal(two$entropy$spread[[1]], stats::sd(c(log(2), grown$entropy$entropy[[1]])))
})

test_that("Seurat and SingleCellExperiment get the same, and keep it", {
  expected <- NULL
  for (object in tiny_objects()) {
    model <- stub_model(dims = colnames(embedding(object)))
    result <- with_engines(list(fork_engine()), FateDynamics(
      object, model, labels = "state", exclude = "progenitor", n.sim = 10, k = 5, n.neighbors = 5, cutoff = 0,
      verbose = FALSE
    ))
    time <- cell_column(result, "commitment_time", "x")
    expect_identical(which(!is.na(time)), which(tiny_cells()$time == 0))
    if (is.null(expected)) expected <- time
    expect_identical(time, expected)
    expect_true(all(c("commitment_time_se", "commitment_share") %in% column_names(result)))
    expect_s3_class(PlotCommitment(result), "ggplot")
    expect_s3_class(PlotCommitment(result, fates = c("up", "down")), "ggplot")
    expect_s3_class(PlotCommitment(result, type = "entropy", by.cell = TRUE), "ggplot")
    expect_s3_class(PlotCommitment(result, type = "passage"), "ggplot")
  }
})

test_that("a trained model gives the same bytes on 1 and 2 threads", {
  cells <- SimulateDifferentiation(n.cells = 300, n.genes = 20, n.fates = 2)
  cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 2, batch.size = 32L, verbose = FALSE)
  run <- function(threads, ...) {
    GetResult(FateDynamics(cells, labels = "state", exclude = "progenitor", cells = which(cells$day == 0)[1:20],
      n.sim = 10, threads = threads, verbose = FALSE, ...), "dynamics")
  }
  one <- run(1L)
  expect_identical(run(2L), one)
  expect_false(identical(run(1L, seed.use = 1L)$entropy, one$entropy))
})

test_that("what cannot be is answered with the argument's name", {
  r <- line_reference()
  x <- rbind(c(0, 1, 3), c(0, -1, -3))
  run <- function(paths = line_paths(x, 0:2), ...) dynamics_on_line(paths, ...)
  expect_input_error(run(line_paths(x[, 3, drop = FALSE], 2)), "object", "one time")
  expect_input_error(run(line_paths(x[1, , drop = FALSE], 0:2)), "object", "one path")
  expect_input_error(run(threshold = 0.5), "threshold")
  expect_input_error(run(threshold = 1.5), "threshold")
  expect_input_error(run(fates = "left"), "exclude", "leaves 1 fate")
  expect_input_error(run(fates = c("left", "rigth")), "fates", "right")
  expect_input_error(run(n.neighbors = 0), "n.neighbors")
  expect_input_error(FateDynamics(line_paths(x, 0:2), reference = r$x), "labels")
  expect_input_error(FateDynamics(line_paths(x, 0:2), labels = r$label), "reference")
  expect_input_error(FateDynamics(line_paths(x, 0:2), labels = rep(NA, 161), reference = r$x), "labels")
  expect_input_error(FateDynamics(r$x, labels = r$label), "model")
  expect_input_error(PlotCommitment(tiny_seurat()), "object")
  expect_input_error(PlotCommitment(1), "object")
  expect_input_error(PlotCommitment(run(), fates = "lost"), "fates")
})

decided <- function(object = tiny_seurat(), ...) {
  object <- store_model(object, stub_model(dims = colnames(embedding(object))))
  with_engines(list(fork_engine()), FateDynamics(object, n.sim = 6, n.neighbors = 5, verbose = FALSE, ...))
}

test_that("the definition of fates is used, results follow their cells and are stale after a change", {
  for (object in tiny_objects()) {
    name <- reduction_names(object)[[1L]]
    said <- decided(object, labels = "state", exclude = "progenitor", k = 5, cutoff = 0)
    object <- decided(DefineFates(object, labels = "state", exclude = "progenitor", k = 5, cutoff = 0))
    whole <- GetResult(object, "dynamics")
    expect_identical(GetResult(said, "dynamics"), whole)
    part <- object[, c(4, 1, 2)]
    found <- GetResult(part, "dynamics")
    kept <- intersect(cell_names(part), whole$table$cell)
    expect_identical(found$table$cell, kept)
    expect_identical(levels(found$paths$cell), kept)
    expect_identical(found$by.cell, whole$by.cell[kept, ])
    expect_identical(found$entropy, whole$entropy)
    moved <- set_coordinates(object, name, embedding(object, name) * 2)
    expect_error(PlotCommitment(moved), "FateDynamics\\(\\)", class = "fatefield_error_stale")
    expect_error(GetResult(moved, "dynamics"), "FateDynamics\\(\\)", class = "fatefield_error_stale")
  }
})

test_that("commitment is a result", {
  object <- decided(labels = "state", exclude = "progenitor", k = 5, cutoff = 0, store.as = "early")
  expect_true(all(c("early_time", "early_time_se", "early_share") %in% column_names(object)))
  expect_false("commitment_time" %in% column_names(object))
  x <- GetResult(object, "dynamics", "early")
  expect_s3_class(x, "fatefield_result")
  expect_identical(
    names(as.data.frame(x)), c("cell", "commitment_time", "commitment_time_se", "commitment_share", "start_entropy")
  )
  expect_named(x$passage, c("fate", "time", "share", "share_low", "share_high"))
  expect_named(summary(x), c("fate", "median", "median_low", "median_high", "share"))
  expect_identical(x[3:2]$table$cell, x$table$cell[3:2])
  expect_output(print(x), "first passage of half of the paths")
  for (type in c("stream", "entropy", "passage")) expect_s3_class(plot(x, type = type), "ggplot")
  expect_identical(levels(plot(x, type = "passage", fates = "up")$data$fate), "up")
  expect_input_error(PlotCommitment(object, name = "late"), "object", "late")
  expect_input_error(PlotCommitment(object, kind = "stream"), "kind")
})
