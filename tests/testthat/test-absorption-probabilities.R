test_that("a gambler is ruined as the closed form says", {
  n <- 20L
  for (p in c(0.5, 0.45)) {
    states <- c("ruin", rep(NA, n - 1L), "win")
    found <- AbsorptionProbabilities(gambler_chain(n, p), states = states)
    i <- 0:n
    r <- (1 - p) / p
    wins <- if (p == 0.5) i / n else (1 - r^i) / (1 - r^n)
    expect_equal(unname(found$probability[, "win"]), wins, tolerance = 1e-5)
    games <- if (p == 0.5) i * (n - i) else (i - n * wins) / (1 - 2 * p)
    expect_equal(unname(found$steps), games, tolerance = 1e-4)
    if (p == 0.5) expect_equal(unname(found$steps.to[-1L, "win"]), ((n^2 - i^2) / 3)[-1L], tolerance = 1e-3)
    expect_lt(found$error, 1e-6)
  }
})

test_that("probabilities are those of whole systems, on any number of threads", {
  chain <- block_chain(size = 60L, leave = c(0.1, 0.05, 0.08))
  states <- rep(NA_character_, nrow(chain))
  states[c(1:5, 61:65)] <- rep(c("one", "two"), each = 5L)
  found <- AbsorptionProbabilities(chain, states = states, threads = 2)
  inner <- is.na(states)
  a <- diag(sum(inner)) - chain[inner, inner]
  expected <- solve(a, cbind(one = rowSums(chain[inner, 1:5]), two = rowSums(chain[inner, 61:65])))
  expect_equal(found$probability[inner, ], expected, tolerance = 1e-5)
  expect_equal(found$steps[inner], rowSums(solve(a)), tolerance = 1e-5)
  expect_identical(AbsorptionProbabilities(as_steps(chain), states = states, threads = 1), found)
})

test_that("it is a result of fates like any other", {
  chain <- block_chain(leave = c(0.05, 0.02, 0.03))
  states <- rep(NA_character_, 90L)
  states[c(1:3, 31:33)] <- rep(c("one", "two"), each = 3L)
  found <- AbsorptionProbabilities(chain, states = states)
  expect_s3_class(found, "fatefield_fate")
  expect_output(print(found), "fates of 90 cells, by absorption.*steps to a terminal state.*known to")
  expect_identical(summary(found)$fate, c("one", "two"))
  expect_true(all(c("cell", "one", "two", "fate", "steps") %in% names(as.data.frame(found))))
  some <- found[c("c005", "c040")]
  expect_identical(names(some$steps), c("c005", "c040"))
  expect_identical(rownames(some$steps.to), c("c005", "c040"))
  expect_s3_class(plot(found), "ggplot")
  at <- matrix(stats::rnorm(180), 90L, dimnames = list(rownames(chain), c("x", "y")))
  expect_s3_class(PlotFate(found, embedding = at), "ggplot")
  scores <- ScoreFate(found, truth = stats::setNames(states, rownames(chain)), n.boot = 20)
  expect_equal(scores$accuracy[[1L]], 1)
})

test_that("walks that end nowhere are unassigned", {
  chain <- rbind(c(1, 0, 0, 0), c(0.25, 0, 0.75, 0), c(0, 0, 0, 1), c(0, 0, 1, 0))
  dimnames(chain) <- rep(list(letters[1:4]), 2L)
  found <- AbsorptionProbabilities(chain, states = c("end", NA, NA, NA))
  expect_equal(found$unassigned, c(a = 0, b = 0.75, c = 1, d = 1), tolerance = 1e-6)
  expect_equal(found$probability[, 1L], c(a = 1, b = 1, c = NA, d = NA))
  expect_equal(found$steps, c(a = 0, b = 1, c = NA, d = NA), tolerance = 1e-6)
})

for (kind in chain_kinds()) {
  test_that(paste(kind, "goes from macrostates to fates and drivers"), {
    cells <- FindMacrostates(chain_cells(kind), n.states = 3, group.by = "state")
    states <- GetResult(cells, "macrostates")$states$state
    cells <- AbsorptionProbabilities(cells, states = states)
    found <- GetResult(cells, "fates")
    expect_identical(found$method, "absorption")
    expect_identical(as.character(cell_column(cells, "fate", "")), as.character(found$fate))
    ended <- which(cell_column(cells, "state", "") != "progenitor")
    expect_gt(mean(as.character(found$fate)[ended] == cell_column(cells, "state", "")[ended]), 0.9)
    again <- AbsorptionProbabilities(cells, states = states[1:2], store.as = "two")
    expect_identical(colnames(GetResult(again, "fates", "two")$probability), states[1:2])
    by.column <- AbsorptionProbabilities(cells, states = "macrostate_core", store.as = "column")
    expect_equal(GetResult(by.column, "fates", "column")$probability[, states], found$probability)
    expect_s3_class(PlotFate(cells), "ggplot")
    drivers <- FindFateDrivers(cells, fate = states[[1L]], verbose = FALSE)
    expect_s3_class(drivers, "fatefield_drivers")
    e <- as.matrix(expression_of(cells, NULL, NULL, NULL))
    gene <- drivers$table$gene[[3L]]
    test <- stats::cor.test(e[gene, rownames(found$probability)], found$probability[, 1L])
    expect_equal(drivers$table$correlation[[3L]], unname(test$estimate), tolerance = 1e-8)
    expect_equal(drivers$table$p[[3L]], test$p.value, tolerance = 1e-6)
    expect_equal(unlist(drivers$table[3L, c("correlation_low", "correlation_high")], use.names = FALSE),
      as.vector(test$conf.int), tolerance = 1e-6)
    expect_equal(drivers$table$q, stats::p.adjust(drivers$table$p, "BH"))
    expect_output(print(drivers), "correlation of 60 genes")
    expect_identical(summary(drivers)$answer, "correlation")
    expect_s3_class(plot(drivers), "ggplot")
    some <- cells[, cell_names(cells)[30:90]]
    expect_identical(rownames(GetResult(some, "fates")$probability), cell_names(some))
    suppressMessages(other <- EstimateVelocity(cells, k = 8, verbose = FALSE))
    expect_error(GetResult(other, "fates"), "AbsorptionProbabilities", class = "fatefield_error_stale")
  })
}

test_that("wrong arguments of absorption are named", {
  chain <- block_chain()
  states <- replace(rep(NA, 90L), 1L, "end")
  expect_input_error(AbsorptionProbabilities(chain), "states", "needed")
  expect_input_error(AbsorptionProbabilities(chain, states = rep(NA, 90)), "states")
  expect_input_error(AbsorptionProbabilities(chain, states = "end"), "states")
  expect_input_error(AbsorptionProbabilities(chain * 0.5, states = states), "object", "sum to 1")
  expect_input_error(AbsorptionProbabilities(chain, states = states, tolerance = 0), "tolerance")
  expect_warning(AbsorptionProbabilities(chain, states = states, max.iterations = 1),
    class = "fatefield_warning_convergence")
  found <- FindMacrostates(chain, stability = 1)
  expect_input_error(AbsorptionProbabilities(found), "states", "no terminal state")
  expect_input_error(AbsorptionProbabilities(found, states = "9"), "states", "no macrostate \"9\"")
  expect_input_error(AbsorptionProbabilities(chain_cells()), "object", "FindMacrostates")
  cells <- FindMacrostates(chain_cells(), n.states = 3)
  expect_input_error(AbsorptionProbabilities(cells, states = c("1", "x")), "states", "no macrostate \"x\"")
  expect_input_error(
    FindFateDrivers(AbsorptionProbabilities(cells, states = c("1", "2")), fate = "1", sources = c("correlation",
      "expression")),
    "sources", "stands alone"
  )
})
