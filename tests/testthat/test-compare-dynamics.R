# Cells of 40 clones with one to three fates, whose drift rises with them, and diffusion that follows drift alone.
compared_cells <- function() {
  set.seed(9)
  clone <- rep(seq_len(40L), each = 5L)
  n.fates <- 1L + (seq_len(40L) %% 3L)
  labels <- unlist(lapply(n.fates, function(k) rep(c("A", "B", "C")[seq_len(k)], length.out = 5L)))
  drift <- 10 + 1.5 * n.fates[clone] + stats::rnorm(40L)[clone] + 0.5 * stats::rnorm(200L)
  diffusion <- 0.2 * drift + 0.3 * stats::rnorm(200L)
  list(
    values = data.frame(drift = drift, diffusion = diffusion, row.names = paste0("c", seq_len(200L))), clone = clone,
    n.fates = n.fates[clone], labels = labels, type = rep(c("x", "y", "x", "z"), length.out = 200L)
  )
}

test_that("means, effects and intervals are those of plain R", {
  d <- compared_cells()
  got <- CompareDynamics(d$values, group.by = d$type, n.boot = 50L)
  draws <- bootstrap_counts(200L, 50L, 42)
  effect <- function(v, i) {
    sd <- sqrt(mean((v[i] - mean(v[i]))^2))
    (mean(v[i][d$type[i] == "y"]) - mean(v[i][d$type[i] != "y"])) / sd
  }
  rows <- got$table[got$table$quantity == "drift" & got$table$group == "y", ]
  expect_equal(rows$mean, mean(d$values$drift[d$type == "y"]))
  expect_equal(rows$effect, effect(d$values$drift, 1:200))
  resampled <- apply(draws, 2L, function(w) {
    i <- rep(1:200, w)
    left <- stats::lm(drift ~ diffusion, d$values[i, ])
    plain <- effect(d$values$drift, i)
    residual <- d$values$drift - drop(cbind(1, d$values$diffusion) %*% stats::coef(left))
    c(mean(d$values$drift[i][d$type[i] == "y"]), plain, effect(residual, i))
  })
  edges <- apply(resampled, 1L, stats::quantile, c(0.025, 0.975), names = FALSE)
  expect_equal(unlist(rows[c("mean_low", "effect_low", "adjusted_low")], use.names = FALSE), edges[1, ])
  expect_equal(unlist(rows[c("mean_high", "effect_high", "adjusted_high")], use.names = FALSE), edges[2, ])
})

test_that("tests are those of Kruskal and Wallis and of Dunn, on one value per clone and group", {
  d <- compared_cells()
  got <- CompareDynamics(d$values, group.by = d$type, n.fates = d$n.fates, clone = d$clone, n.boot = 20L)
  by.clone <- tapply(d$values$drift, d$clone, mean)
  test <- stats::kruskal.test(by.clone, d$n.fates[!duplicated(d$clone)])
  row <- got$tests[got$tests$quantity == "drift" & got$tests$grouping == "fates", ]
  expect_equal(c(row$statistic, row$p), c(unname(test$statistic), test$p.value))
  expect_equal(row$epsilon2, unname(test$statistic) / 39)
  expect_equal(got$tests$q, stats::p.adjust(got$tests$p, "BH"))
  # Of two groups, the square of Dunn's z is the statistic of Kruskal and Wallis, ties and all.
  y <- c(1, 2, 2, 3, 5, 5, 5, 8, 9)
  group <- factor(rep(c("a", "b"), c(4, 5)))
  expect_equal(dunn_tests(y, group)$z^2, unname(stats::kruskal.test(y, group)$statistic))
  # Of three: by hand. Ranks 1 2.5 2.5 4 6 6 6 8 9, ties of 2 and 3.
  three <- dunn_tests(y, factor(rep(c("a", "b", "c"), each = 3)))
  variance <- 9 * 10 / 12 - (6 + 24) / (12 * 8)
  expect_equal(three$z, c(2 - 16 / 3, 2 - 23 / 3, 16 / 3 - 23 / 3) / sqrt(variance * 2 / 3))
  expect_equal(three$q, stats::p.adjust(three$p, "BH"))
})

test_that("what drift has, and diffusion has from drift alone, is told apart", {
  d <- compared_cells()
  got <- CompareDynamics(d$values, clone = d$clone, labels = d$labels, n.boot = 200L)
  expect_equal(unique(got$table$group), c("1", "2", "3"))
  expect_equal(got$table$blocks[1:3], c(13L, 14L, 13L))
  trend <- function(q, given) got$trend[got$trend$quantity == q & got$trend$given == given, ]
  expect_gt(trend("drift", "nothing")$correlation_low, 0.3)
  expect_gt(trend("diffusion", "nothing")$correlation_low, 0)
  expect_gt(trend("drift", "diffusion")$correlation_low, 0.1)
  expect_lt(abs(trend("diffusion", "drift")$correlation), 0.25)
  expect_equal(trend("drift", "nothing")$correlation, stats::cor(d$values$drift, d$n.fates, method = "spearman"))
  ranks <- vapply(list(d$values$drift, d$n.fates, d$values$diffusion), rank, numeric(200))
  left <- stats::resid(stats::lm(ranks[, 1:2] ~ ranks[, 3]))
  expect_equal(trend("drift", "diffusion")$correlation, stats::cor(left)[1, 2])
})

test_that("numbers of fates of clones are counted among the labels that count", {
  clones <- clone_names(c(1, 1, 1, 2, 2, -1, NA, 3))
  expect_identical(clones, c("1", "1", "1", "2", "2", NA, NA, "3"))
  labels <- c("A", "B", "stem", "A", "A", "B", "A", "stem")
  found <- clone_fates(clones, labels, c("A", "B"))
  expect_equal(found$number, c(2, 2, 2, 1, 1, NA, NA, NA))
  expect_equal(found$labelled, c(2, 2, 2, 2, 2, NA, NA, NA))
  expect_identical(levels(fate_groups(c(1, 2, 3, 4, NA), 3L)), c("1", "2", "3+"))
  expect_identical(levels(fate_groups(c(2, 1, 3), 3L)), c("1", "2", "3"))
})

test_that("under no difference p-values by clones are uniform", {
  set.seed(2)
  block <- rep(seq_len(30L), each = 6L)
  group <- rep(c("a", "b", "c"), each = 60L)
  p <- replicate(60L, {
    y <- stats::rnorm(30L)[block] + 0.3 * stats::rnorm(180L)
    CompareDynamics(data.frame(y), group.by = group, block = block, n.boot = 2L)$tests$p
  })
  expect_gt(suppressWarnings(stats::ks.test(p, "punif"))$p.value, 0.01)
})

test_that("objects are alike, and threads change nothing", {
  x <- tiny_cells()$x
  found <- lapply(tiny_objects(), function(object) {
    columns <- data.frame(drift = x[, 1] + x[, 2], diffusion = x[, 3], line = rep(1:20, 3),
      row.names = cell_names(object))
    CompareDynamics(store_cells(object, columns), group.by = "state", block = "line", time = "day", n.boot = 20L)
  })
  for (one in found) expect_equal(one, found[[1L]])
  expect_identical(found[[1L]]$controls, c("density", "time"))
  d <- compared_cells()
  compared <- function(threads) {
    CompareDynamics(d$values, clone = d$clone, labels = d$labels, n.boot = 20L, threads = threads)
  }
  expect_identical(compared(1L), compared(2L))
})

test_that("what cannot be is answered with the argument's name", {
  d <- compared_cells()
  expect_input_error(CompareDynamics(d$values), "group.by", "nothing to compare")
  expect_input_error(CompareDynamics(d$values, group.by = rep("a", 200)), "group.by", "at least 2")
  expect_input_error(CompareDynamics(d$values, group.by = d$type, block = rep(1:2, 100)), "block", "3")
  expect_input_error(CompareDynamics(d$values, group.by = d$type[-1]), "group.by")
  expect_input_error(CompareDynamics(d$values, clone = rep(-1, 200), labels = d$labels), "clone", "no cell")
  expect_input_error(CompareDynamics(d$values, n.fates = rep(1, 200)), "n.fates")
  expect_input_error(CompareDynamics(d$values, group.by = d$type, n.boots = 3), "n.boots", "n.boot")
  expect_input_error(CompareDynamics("a"), "object")
  expect_input_error(CompareDynamics(tiny_seurat(), group.by = "state"), "quantities", "DriftDiffusion")
})

test_that("plots show every group, and fates where there are any", {
  d <- compared_cells()
  got <- CompareDynamics(d$values, group.by = d$type, n.boot = 10L)
  expect_identical(nrow(plot(got)$data), 12L)
  expect_identical(nrow(plot(got, "mean")$data), 6L)
  expect_input_error(plot(got, "trend"), "type", "fates")
  with.fates <- CompareDynamics(d$values, clone = d$clone, labels = d$labels, n.boot = 10L)
  expect_identical(levels(plot(with.fates, "trend")$data$panel), c("drift", "diffusion"))
  expect_output(print(with.fates), "drift by fates: .*Kruskal-Wallis")
})

test_that("cells of one model give no p of their own, but one over cells", {
  compared <- function(n.models) {
    object <- DriftDiffusion(tiny_fit(tiny_seurat(), n.models = n.models))
    CompareDynamics(object, quantities = c("drift", "diffusion"), group.by = "state", n.boot = 20L)
  }
  one <- compared(1L)
  expect_identical(one$members, 1L)
  for (part in c("tests", "pairs")) {
    expect_true(all(is.na(one[[part]]$p)) && all(is.na(one[[part]]$q)))
    expect_true(all(is.finite(one[[part]]$p_cells)))
  }
  expect_output(print(one), "cannot tell how sure.*n.models = 3")
  expect_no_match(paste(capture.output(print(one)), collapse = " "), "Kruskal|q N")
  expect_silent(ggplot2::ggplot_build(plot(one)))
  two <- compared(2L)
  expect_identical(two$members, 2L)
  expect_identical(two$tests$p, two$tests$p_cells)
})
