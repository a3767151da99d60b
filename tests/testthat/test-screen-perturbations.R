screened <- function(..., n.null = 50) {
  ScreenPerturbations(perturb_object(), mode = "shift", labels = "state", n.sim = 2, k = 10, cutoff = 0,
    n.null = n.null, verbose = FALSE, ...)
}

test_that("a screen gives what genes give alone, on any number of threads", {
  screen <- screened(threads = 2)
  expect_identical(screened(threads = 1)$effects, screen$effects)
  one <- suppressWarnings(PerturbCells(perturb_object(), "fateA-2", mode = "shift", labels = "state", n.sim = 2, k = 10,
    cutoff = 0, verbose = FALSE))
  shift <- apply(one$perturbed - one$control, 2:3, mean, na.rm = TRUE)
  expect_equal(screen$effects["fateA-2", , ], shift, ignore_attr = TRUE)
  expect_equal(nrow(screen$table), 30 * 4)
  expect_equal(nrow(unique(screen$table[c("gene", "fate")])), 120)
  expect_s3_class(plot(screen), "ggplot")
  expect_s3_class(plot(screen, "heatmap", fates = "fateA"), "ggplot")
})

test_that("screens and doses have the ends of all arms corrected as one change has", {
  screen <- screened(genes = "fateA-2", n.null = 0, correct = TRUE)
  ask <- function(...) {
    suppressWarnings(PerturbCells(perturb_object(), "fateA-2", labels = "state", n.sim = 2, k = 10, cutoff = 0,
      verbose = FALSE, correct = TRUE, ...))
  }
  one <- ask(mode = "shift")
  shift <- apply(one$perturbed - one$control, 2:3, mean, na.rm = TRUE)
  expect_equal(screen$effects["fateA-2", , ], shift, ignore_attr = TRUE)
  expect_identical(screen$correction, one$correction)
  expect_output(print(screen), "ends corrected")
  expect_input_error(screened(resume = screen), "resume", "other settings.*correct")
  set <- ask(at = 1, units = "z")
  doses <- DoseResponse(perturb_object(), "fateA-2", doses = c(0, 1), labels = "state", n.sim = 2, k = 10, cutoff = 0,
    verbose = FALSE, correct = TRUE)
  expect_equal(doses$perturbed[[2L]], set$perturbed)
  expect_identical(doses$correction, one$correction)
})

test_that("a screen goes on from where it was", {
  whole <- screened()
  part <- screened(genes = perturb_object() |> rownames() |> utils::head(12), n.null = 0)
  expect_equal(dim(part$effects)[[1]], 12)
  on <- screened(resume = part)
  expect_equal(on$effects[dimnames(whole$effects)[[1]], , ], whole$effects, ignore_attr = TRUE)
  expect_equal(on$table, whole$table)
  expect_input_error(screened(resume = part, t.end = 2), "resume", "other settings.*t.end")
  expect_equal(dim(screened(genes = "fateA", n.null = 15)$effects)[[1]], 16)
})

test_that("workers of a plan give the same bytes", {
  skip_if_not_installed("future")
  # Workers load the package as installed.
  skip_if_not(nzchar(system.file("libs", package = "fatefield")), "fatefield is not installed")
  here <- screened(n.null = 10)
  former <- future::plan(future::multisession, workers = 2)
  withr::defer(future::plan(former))
  expect_equal(plan_workers(), 2L)
  there <- screened(n.null = 10)
  expect_identical(there$effects, here$effects)
  expect_identical(there$table, here$table)
})

test_that("genes of random loadings have uniform p values in a fitted model, and none is a discovery", {
  screen <- screened(n.null = 300L)
  random <- screen$random
  expect_length(random, 300L)
  tested <- random[1:150]
  null <- random[151:300]
  for (fate in c("fateA", "fateB")) {
    effect <- over_members(screen$effects)[, fate]
    p <- random_test(effect[tested], screen$size[tested], effect[null], screen$size[null], 100L)$p
    # Shares of few futures are alike now and then, at which ks.test() warns of ties.
    expect_gt(suppressWarnings(stats::ks.test(p, "punif"))$p.value, 0.01)
    # Where there is nothing, one screen in ten has a false discovery at this rate.
    expect_lte(sum(stats::p.adjust(p, "BH") < 0.1), 1)
  }
  # They move cells as far as the genes that they stand for.
  expect_equal(unname(screen$size[random[1:30]]), unname(screen$size[screen$genes]))
})

test_that("what is no chance is told from random genes", {
  size <- exp(sin(1:400))
  null <- size * stats::qnorm((rank((1:400 * sqrt(2)) %% 1) - 0.5) / 400)
  t <- random_test(c(8, 0.1, 1, NA), c(1, 1, 0, 1), null, size, 100L)
  expect_lt(t$p[[1]], 1e-6)
  expect_equal(t$p_rank[[1]], 1 / 101)
  expect_gt(t$p[[2]], 0.5)
  expect_equal(t$p[[3]], 1)
  expect_true(is.na(t$p[[4]]))
})

test_that("fates that nobody reaches are not tested", {
  screen <- screened()
  screen$control[1, ] <- 0
  screen$effects[, 1, ] <- screen$effects[, 1, ] * 1e-6
  expect_input_error(plot(screened(genes = "fateA", n.null = 0)), "x", "n.null")
  again <- summed_screen(screen)
  rare <- again$table$fate == dimnames(screen$effects)[[2]][[1]]
  expect_true(all(is.na(again$table$p[rare])))
  expect_equal(again$table$p[!rare], screen$table$p[screen$table$fate != dimnames(screen$effects)[[2]][[1]]])
})

test_that("the genes that drive the simulated fates are found first", {
  cells <- driver_screen_cells()
  early <- which(cells$day == 0)
  screen <- ScreenPerturbations(cells, mode = "shift", labels = "state", fates = c("fateA", "fateB"), cells = early,
    n.sim = 3, n.null = 40L, verbose = FALSE)
  of.a <- screen$table[screen$table$fate == "fateA", ]
  first <- of.a[order(-abs(of.a$change)), ][1:2, ]
  expect_setequal(first$gene, c("driverA", "driverB"))
  expect_true(all(first$p_genes < 0.05))
  expect_true(all(is.na(first$p)) && all(is.na(first$q)))
  expect_gt(first$change[first$gene == "driverA"], 0)
  drivers <- FindFateDrivers(cells, fate = "fateA", against = "fateB", labels = "state", fates = c("fateA", "fateB"),
    cells = early, screen = screen, sources = "sensitivity", n.sim = 5, max.cells = 60, verbose = FALSE)
  expect_identical(drivers$table$gene[[1]], "driverA")
  expect_equal(drivers$table$activation[[1]], 2 * first$change[first$gene == "driverA"], tolerance = 1e-6)
  expect_gt(drivers$agreement$rho, 0.9)
})

test_that("the middle of a logistic switch is found, and a trend", {
  doses <- seq(-6, 8, by = 1)
  expect_equal(half_dose(doses, stats::plogis((doses - 1) * 2)), 1, tolerance = 1e-3)
  expect_equal(half_dose(doses, 1 - stats::plogis((doses - 1.5) * 2)), 1.5, tolerance = 1e-3)
  expect_equal(half_dose(doses, rep(0.4, 15)), NA_real_)
  dose <- DoseResponse(perturb_object(), "fateA", doses = c(-2, 0, 2), labels = "state", n.sim = 2, k = 10, cutoff = 0,
    verbose = FALSE)
  expect_equal(nrow(dose$table), 12)
  p <- matrix(dose$table$probability, ncol = 3)
  expect_equal(dose$trend$slope, (p[, 3] - p[, 1]) / 4)
  expect_equal(colSums(p), rep(1, 3))
  expect_s3_class(plot(dose), "ggplot")
  expect_input_error(DoseResponse(perturb_object(), "fateA", doses = c(1, 1), labels = "state"), "doses", "increasing")
})

# Cells go up with probability plogis(2 (x_2 - 1)), whatever else they are: an even share of the futures of each.
switch_engine <- function() {
  simulate <- function(x0, times, n_sim, seed, first, ...) {
    cell <- rep(seq_len(nrow(x0)), each = n_sim)
    level <- rep((seq_len(n_sim) - 0.5) / n_sim, nrow(x0))
    states <- array(x0[cell, ], c(length(cell), ncol(x0), length(times)))
    states[, 2L, length(times)] <- ifelse(level < stats::plogis(2 * (x0[cell, 2L] - 1)), 3, -3)
    list(states = states, log_weights = matrix(0, length(cell), length(times)))
  }
  list(simulate = simulate)
}

test_that("doses through a model that is a logistic switch have its shares, its middle and its rise", {
  model <- stub_model(dims = c("PC_1", "PC_2"))
  space <- gene_space(driver_cells(), model)
  # PC_2 is the expression of Gene1 less 5.
  from <- space$centre[["Gene1"]] - 5
  scale <- space$scale[["Gene1"]]
  doses <- seq(-2, 2, by = 0.25)
  dose <- with_engines(list(switch_engine()), DoseResponse(
    driver_cells(), "Gene1", doses = doses, model = model, labels = "state",
    exclude = "progenitor", reference = 51:90, k = 5, cutoff = 0, n.sim = 400, verbose = FALSE
  ))
  up <- dose$table[dose$table$fate == "up", ]
  expect_equal(up$probability, stats::plogis(2 * (from + scale * doses - 1)), tolerance = 5e-3)
  expect_equal(dose$trend$half[dose$trend$fate == "up"], (1 - from) / scale, tolerance = 0.02)
  expect_gt(dose$trend$slope[dose$trend$fate == "up"], 0)
  expect_lt(dose$trend$slope[dose$trend$fate == "down"], 0)
})

test_that("the same noise in both arms makes changes less noisy", {
  object <- perturb_object()
  model <- GetModel(object)
  x <- model_coordinates(object, model)[1:60, ]
  engine <- model_engine(model)
  moved <- x
  moved[, 1] <- moved[, 1] + 0.5
  references <- fate_references(x, fate_definition(x, ifelse(x[, 1] > stats::median(x[, 1]), "up", "down")))$references
  up <- function(starts, arms, seed) {
    engine$fates(references$index, starts, rep(0, 60), 3, list(n.sim = 20, seed = seed, arms = arms), NULL)$share[, 2L]
  }
  both <- up(rbind(x, moved), 2, 5)
  other <- up(moved, 1, 6)
  expect_lt(stats::var(both[61:120] - both[1:60]), 0.5 * stats::var(other - both[1:60]))
})

test_that("genes of a velocity field are moved and held in it", {
  object <- field_cells()
  object <- FitVelocityField(object, field = "linear", verbose = FALSE)
  genes <- GetModel(object)$dims
  labels <- rep(c("a", "b"), length.out = ncol(object))
  x <- suppressWarnings(PerturbCells(object, genes[1], mode = "clamp", labels = labels, cells = 1:20, k = 5, cutoff = 0,
    verbose = FALSE))
  expect_equal(dim(x$control), c(20L, 2L, 1L))
  expect_true(all(is.finite(x$table$change)))
  same <- PerturbCells(object, genes[1], mode = "scale", at = 1, labels = labels, cells = 1:20, k = 5, cutoff = 0,
    verbose = FALSE)
  expect_equal(same$control, same$perturbed)
})
