perturbed <- function(object = perturb_object(), genes = "fateA", ...) {
  suppressWarnings(PerturbCells(object, genes, labels = "state", n.sim = 3, k = 10, cutoff = 0, verbose = FALSE, ...))
}

test_that("nothing changes where nothing is done, because both arms share their noise", {
  same <- perturbed(mode = "scale", at = 1)
  expect_equal(same$control, same$perturbed)
  expect_true(all(same$table$change == 0 & same$table$p == 1 & same$table$p_mcnemar == 1))
  expect_true(any(perturbed()$table$change != 0))
})

test_that("controls are the fates that are predicted", {
  object <- perturb_object()
  x <- perturbed()
  fate <- PredictFate.default(object, labels = "state", cells = rownames(x$control), n.sim = 3, k = 10, cutoff = 0,
    prior = 0, verbose = FALSE)
  expect_equal(x$control[, , 1] / 2 + x$control[, , 2] / 2, fate$probability, ignore_attr = TRUE)
})

test_that("corrected controls are the corrected fates, and a change of nothing is none", {
  object <- perturb_object()
  x <- perturbed(correct = TRUE)
  fate <- PredictFate.default(object, labels = "state", cells = rownames(x$control), n.sim = 3, k = 10, cutoff = 0,
    prior = 0, correct = TRUE, verbose = FALSE)
  expect_equal(x$control[, , 1] / 2 + x$control[, , 2] / 2, fate$probability, ignore_attr = TRUE)
  expect_identical(x$correction, fate$correction)
  expect_gt(x$correction$moved, 0)
  expect_false(isTRUE(all.equal(x$control, perturbed()$control)))
  same <- perturbed(mode = "scale", at = 1, correct = TRUE)
  expect_identical(same$perturbed, same$control)
  expect_true(all(same$table$change == 0))
  expect_output(print(x), "ends corrected to the observed cells")
  expect_null(perturbed()$correction)
  expect_input_error(c(x, perturbed(genes = "fateB")), "...", "correct")
  expect_match(perturbed(correct = TRUE, t.start = -1)$correction$reason, "fewer than 50 cells")
})

test_that("results are the same bytes on any number of threads, and true for some of the cells", {
  one <- perturbed(threads = 1)
  two <- perturbed(threads = 2)
  expect_identical(two$control, one$control)
  expect_identical(two$perturbed, one$perturbed)
  some <- one[1:20]
  expect_equal(some$table$control, unname(colMeans(over_members(one$control)[1:20, ])))
  expect_equal(some$first, one$first[1:20, ])
})

test_that("a held gene stays, and a set gene is where it was set", {
  object <- perturb_object()
  model <- GetModel(object)
  space <- gene_space(object, model)
  change <- check_change(space, c("fateA", "fateB"), "set", c(1, 2), "z", NULL)
  z <- space$z(1:5, change$genes) + change_of_z(space, change, 1:5)
  expect_equal(z, matrix(c(1, 2), 5, 2, byrow = TRUE), ignore_attr = TRUE)
  knocked <- check_change(space, "fateA", "knockout", NULL, "z", NULL)
  e <- space$expression(1:5, "fateA") + change_of_z(space, knocked, 1:5) * space$scale[["fateA"]]
  expect_equal(e, matrix(0, 5, 1), ignore_attr = TRUE)
  hold <- held_directions(space, change$genes)
  expect_equal(hold %*% t(hold), diag(2))
  x <- model_coordinates(object, model)[1:4, ]
  # Held along all directions, cells end where they start.
  places <- fate_references(x, fate_definition(x, paste0("at", 1:4), k = 1, cutoff = 0))$references
  stay <- function(hold) {
    request <- list(n.sim = 20, seed = 7, hold = hold, hold.of.arm = c(0, nrow(hold)))
    model_engine(model)$fates(places$index, x, rep(0, 4), 3, request, NULL)$share[, 1:4]
  }
  expect_equal(stay(diag(ncol(x))), diag(4))
  expect_false(isTRUE(all.equal(stay(hold), diag(4))))
  expect_false(identical(perturbed(mode = "clamp", at = 1)$perturbed, perturbed(mode = "set", at = 1)$perturbed))
})

test_that("paired tests are those of R", {
  expect_equal(exact_mcnemar(3, 11), stats::binom.test(3, 14)$p.value)
  # mcnemar.test() is its approximation for many cells, with the correction of continuity.
  for (moved in list(c(300, 240), c(1000, 1090), c(40, 40))) {
    many <- matrix(c(0, moved[[1L]], moved[[2L]], 0), 2L)
    expect_equal(exact_mcnemar(moved[[1L]], moved[[2L]]), stats::mcnemar.test(many)$p.value, tolerance = 0.02)
  }
  first <- cbind(c("a", "a", "b", "b", NA), c("a", "b", "a", "a", "a"))
  expect_equal(mcnemar_table(first, c("a", "b"))[1:2], data.frame(gained = c(3, 1), lost = c(1, 2)))
  a <- matrix(c(0.1, 0.5, 0.32, 0.9, 0.4, 0.2))
  b <- matrix(c(0.2, 0.55, 0.3, 0.97, 0.8, 0.5))
  expect_equal(signed_rank(a, b), stats::wilcox.test(b[, 1], a[, 1], paired = TRUE)$p.value)
  v <- rbind(c(0.1, 0.3, 0.2), c(-0.1, 0.2, 0))
  expect_equal(by_members(v, 0.95)$p, apply(v, 1, function(x) stats::t.test(x)$p.value))
})

test_that("parts that add up in log odds do not interact", {
  p <- function(o) array(stats::plogis(o), c(1, 2, 2), list("c", c("a", "b"), NULL))
  t <- interaction_table(p(0.2), p(1.7), list(p(1.2), p(0.7)), 1e9, 0.95)
  expect_equal(t$interaction, c(0, 0), tolerance = 1e-6)
  x <- perturbed(genes = c("fateA", "fateB"), interaction = TRUE)
  expect_equal(dim(x$interaction), c(4, 7))
  expect_output(print(x), "interaction")
})

test_that("matched tests are uniform where nothing is behind them, and find what is", {
  # Normal quantiles in an order without pattern stand for effects of exchangeable genes.
  n <- 400
  order <- rank((seq_len(n) * sqrt(2)) %% 1)
  effect <- stats::qnorm((order - 0.5) / n)
  at <- matching_features((seq_len(n) * sqrt(3)) %% 1, (seq_len(n) * sqrt(5)) %% 1)
  t <- matched_test(effect, at, effect, at, seq_len(n), 200)
  expect_gt(stats::ks.test(t$p, "punif")$p.value, 0.01)
  expect_equal(sum(stats::p.adjust(t$p, "BH") < 0.05), 0)
  effect[[17]] <- 9
  t <- matched_test(effect, at, effect, at, seq_len(n), 200)
  expect_equal(which(stats::p.adjust(t$p, "BH") < 0.05), 17)
})

test_that("the published way is at hand", {
  x <- perturbed(compat = "scdiffeq", replicates = 3, n.cells = 30)
  expect_equal(x$table$pval[[1]], published_table(x$published$control, x$published$perturbed)$pval[[1]])
  expect_equal(dim(x$published$control), c(4L, 3L))
  expect_true(all(x$change$at == 10))
})

test_that("what cannot be done is named", {
  object <- perturb_object()
  expect_input_error(perturbed(genes = c("fateX", "Nothing")), "genes", "fateX.*Nothing")
  expect_input_error(perturbed(fates = "fateA"), "fates", "at least 2")
  expect_input_error(perturbed(at = 2, units = "quantile"), "at", "between 0 and 1")
  expect_input_error(perturbed(interaction = TRUE), "interaction", "two genes")
  expect_input_error(PerturbCells(object, "fateA", verbose = FALSE), "labels", "needed")
  expect_input_error(perturbed(cells = 1:240), "cells", "different times")
  expect_input_error(perturbed(compat = "scdiffeq", correct = TRUE), "correct", "published")
  expect_input_error(perturbed(correct = 1), "correct")
  bare <- tiny_fit(object, reduction = "latent")
  expect_input_error(PerturbCells(bare, "fateA", labels = "state", verbose = FALSE), "loadings", "no loadings")
  expect_warning(
    PerturbCells(object, "fateA", at = 60, labels = "state", n.sim = 1, verbose = FALSE),
    class = "fatefield_warning_manifold"
  )
})
