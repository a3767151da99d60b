# Paths on a line, x from 0 to 2, of two fates, beside cells whose genes are known functions of where they are.
line_world <- function(n = 400L) {
  at <- seq(-2.2, 2.2, length.out = n)
  cells <- cbind(x = at, y = sin(seq_len(n)) * 0.05)
  rownames(cells) <- paste0("c", seq_len(n))
  expression <- cbind(straight = 1 + 0.3 * at, bent = 2 + sin(2 * at), flat = rep(1, n))
  rownames(expression) <- rownames(cells)
  times <- seq(0, 2, 0.1)
  side <- rep(c(1, -1), c(30, 20))
  states <- array(0, c(50, 2, length(times)))
  for (k in seq_along(times)) states[, 1L, k] <- side * times[[k]] + rep(seq(-0.1, 0.1, length.out = 10), 5)
  dimnames(states) <- list(NULL, c("x", "y"), NULL)
  labels <- ifelse(at > 1.5, "right", ifelse(at < -1.5, "left", NA))
  list(cells = cells, expression = expression, times = times, side = side, labels = labels,
    paths = given_paths(states, times, cell = rep(1:10, 5)))
}

test_that("known curves are found along each fate", {
  world <- line_world()
  for (method in c("nearest", "ridge")) {
    found <- GeneTrends(world$paths, world$cells, c("straight", "bent", "flat"), labels = world$labels,
      expression = world$expression, method = method, span = 0, n.boot = 20)
    expect_identical(found$fates$paths[match(c("right", "left"), found$fates$fate)], c(30L, 20L))
    t <- found$table
    right <- t$fate == "right"
    x <- ifelse(right, t$time, -t$time)
    expect_equal(t$mean[t$gene == "straight"], (1 + 0.3 * x)[t$gene == "straight"], tolerance = 0.01)
    expect_equal(t$mean[t$gene == "flat"], rep(1, sum(t$gene == "flat")), tolerance = 1e-6)
    if (method == "nearest") {
      expect_lt(max(abs(t$mean - (2 + sin(2 * x)))[t$gene == "bent"]), 0.03)
      expect_gt(found$genes$explained[[2L]], 0.99)
    }
  }
})

test_that("smoothing keeps curves, and takes noise away at the ends, too", {
  world <- line_world()
  truth <- sin(2 * world$times)
  noisy <- truth + 0.1 * stub_normals(length(truth), 3)
  smooth <- smooth_rows(data.frame(mean = noisy), world$times, 0.5)$mean
  expect_lt(sqrt(mean((smooth - truth)^2)), 0.6 * sqrt(mean((noisy - truth)^2)))
  exact <- smooth_rows(data.frame(mean = world$times^2), world$times, 0.4)$mean
  expect_equal(exact, world$times^2, tolerance = 1e-8)
  expect_identical(smooth_rows(data.frame(mean = noisy), world$times, 0)$mean, noisy)
})

test_that("growth weighs paths, intervals are those of the weighted mean", {
  y <- matrix(stub_normals(200 * 3, 4), 200)
  w <- matrix(rep(c(1, 3), each = 100), 200, 3)
  draws <- bootstrap_counts(200L, 2000L, 1)
  se <- mean_error(y, w, 1:200, rep(1L, 200), draws)
  # Of a weighted mean of independent values.
  expect_equal(se, apply(y, 2L, function(v) {
    m <- stats::weighted.mean(v, w[, 1L])
    sqrt(sum(w[, 1L]^2 * (v - m)^2)) / sum(w[, 1L])
  }), tolerance = 0.1)
  band <- weighted_bands(matrix(as.numeric(1:10)), matrix(1, 10), 0.1)
  expect_identical(unlist(band, use.names = FALSE), c(1, 9))
  world <- line_world()
  world$paths$log_weights[world$side > 0, ] <- log(5)
  found <- GeneTrends(world$paths, world$cells, "straight", expression = world$expression, span = 0, n.boot = 20)
  expected <- (30 * 5 * (1 + 0.3 * 2) + 20 * (1 - 0.3 * 2)) / (30 * 5 + 20)
  expect_equal(utils::tail(found$table$mean, 1L), expected, tolerance = 0.02)
})

test_that("intervals of the mean hold it as often as they say", {
  inside <- vapply(1:200, function(i) {
    y <- matrix(stub_normals(40, i))
    se <- mean_error(y, matrix(1, 40), 1:40, rep(1L, 40), bootstrap_counts(40L, 100L, i))
    abs(mean(y)) < 1.96 * se
  }, NA)
  expect_gt(mean(inside), 0.89)
  expect_lt(mean(inside), 0.99)
})

test_that("members of an ensemble that differ widen the interval", {
  y <- matrix(c(rep(0, 50), rep(1, 50)))
  se <- mean_error(y, matrix(1, 100), rep(1:50, 2), rep(1:2, each = 50), bootstrap_counts(50L, 50L, 1))
  expect_equal(se, stats::sd(c(0, 1)) / sqrt(2))
})

test_that("ridge regression is the least of the cross-validation, and its closed form", {
  x <- matrix(stub_normals(80 * 4, 6), 80)
  y <- cbind(a = drop(x %*% c(1, -1, 0, 0.5)) + 0.5 * stub_normals(80, 7), b = stub_normals(80, 8))
  found <- regress_ridge(x, y, x, 1L)
  z <- scale(x, scale = FALSE)
  s <- eigen(crossprod(z))$values
  gcv <- function(g, lambda) {
    b <- solve(crossprod(z) + lambda * diag(4), crossprod(z, y[, g] - mean(y[, g])))
    df <- sum(s / (s + lambda))
    80 * sum((y[, g] - mean(y[, g]) - z %*% b)^2) / (79 - df)^2
  }
  for (g in 1:2) {
    grid <- mean(s) * 10^(-6 + 8 * (0:24) / 24)
    lambda <- grid[[which.min(vapply(grid, gcv, 0, g = g))]]
    b <- solve(crossprod(z) + lambda * diag(4), crossprod(z, y[, g] - mean(y[, g])))
    expect_equal(found$slope[, g], drop(b), tolerance = 1e-8)
    expect_equal(found$values[, g], drop(z %*% b) + mean(y[, g]), tolerance = 1e-8)
  }
})

test_that("the mean of the nearest is that of plain R, on any number of threads", {
  x <- matrix(stub_normals(60 * 2, 1), 60)
  y <- matrix(stub_normals(60 * 2, 2), 60)
  at <- matrix(stub_normals(10 * 2, 3), 10)
  found <- regress_nearest(x, y, at, 5L, 1:60, 1L)
  for (i in 1:10) {
    d <- sqrt(colSums((t(x) - at[i, ])^2))
    near <- order(d)[1:5]
    w <- (1 - (d[near] / max(d[near]))^3)^3
    expect_equal(found$values[i, ], drop(crossprod(y[near, ], w)) / sum(w), tolerance = 1e-4)
  }
  expect_identical(regress_nearest(x, y, at, 5L, 1:60, 2L), found)
})

test_that("a reduction with loadings is undone", {
  cells <- tiny_cells(n = 90L, d = 6L)
  expression <- cells$x + 3
  colnames(expression) <- paste0("g", 1:6)
  pca <- stats::prcomp(expression, rank. = 6)
  sce <- SingleCellExperiment::SingleCellExperiment(list(logcounts = t(expression)))
  scores <- pca$x
  attr(scores, "rotation") <- pca$rotation
  SingleCellExperiment::reducedDim(sce, "PCA") <- scores
  states <- array(scores[1:10, ], c(10, 6, 2), list(NULL, colnames(scores), NULL))
  paths <- given_paths(states, 0:1, reduction = "PCA", dims = colnames(scores))
  found <- GeneTrends(paths, sce, c("g2", "g5"), span = 0, n.boot = 10)
  expect_identical(found$genes$method, c("linear", "linear"))
  expect_equal(found$table$mean[found$table$gene == "g2"], rep(mean(expression[1:10, 2]), 2), tolerance = 1e-6)
  expect_equal(found$genes$explained, c(1, 1), tolerance = 1e-6)
})

test_that("any reduction of any assay goes all the way, Seurat and SingleCellExperiment alike", {
  cells <- tiny_cells(n = 90L)
  rna <- tiny_counts(rownames(cells$x))
  protein <- rbind(CD1 = cells$x[, 1L], CD2 = cells$x[, 2L], CD3 = cells$x[, 3L])
  colnames(protein) <- rownames(cells$x)
  seurat <- SeuratObject::CreateSeuratObject(rna)
  seurat$day <- cells$time
  seurat$state <- cells$label
  seurat[["ADT"]] <- SeuratObject::CreateAssayObject(data = protein)
  seurat[["apca"]] <- SeuratObject::CreateDimReducObject(cells$x, key = "APC_", assay = "ADT")
  sce <- SingleCellExperiment::SingleCellExperiment(list(counts = rna),
    colData = S4Vectors::DataFrame(day = cells$time, state = cells$label))
  SingleCellExperiment::altExp(sce, "ADT") <- SummarizedExperiment::SummarizedExperiment(list(data = protein))
  space <- cells$x
  colnames(space) <- paste0("APC_", 1:3)
  SingleCellExperiment::reducedDim(sce, "apca") <- space
  run <- function(object) {
    object <- tiny_fit(object, reduction = "apca")
    object <- PredictFate(object, labels = "state", fates = c("up", "down"), n.sim = 5, verbose = FALSE)
    futures <- SimulateCells(object, n.sim = 3, t.out = c(0, 1, 2), verbose = FALSE)
    trends <- GeneTrends(futures, object, c("CD1", "CD2"), assay = "ADT", labels = "state",
      reference = cells$time == 2, time = "day", n.neighbors = 5, k = 5, n.boot = 10)
    list(fate = object$fate, trends = trends)
  }
  a <- run(seurat)
  b <- run(sce)
  expect_identical(as.character(a$fate), as.character(b$fate))
  expect_equal(a$trends$table, b$trends$table)
  expect_true(all(a$trends$genes$method == "nearest"))
  means <- a$trends$observed$means
  expect_equal(means$mean[means$gene == "CD1" & means$label == "up" & means$time == 2],
    mean(protein["CD1", cells$label == "up" & cells$time == 2]))
  expect_s3_class(ggplot2::ggplot_build(plot(a$trends, observed = "cells")), "ggplot_built")
  expect_output(print(a$trends), "2 genes along 3 times")
})

test_that("bad input is named", {
  world <- line_world()
  trend <- function(...) GeneTrends(world$paths, world$cells, expression = world$expression, n.boot = 5, ...)
  expect_input_error(trend(genes = "benx"), "genes", "Did you mean")
  expect_input_error(trend(), "genes")
  expect_input_error(trend(genes = "bent", labels = world$labels, fates = "up"), "fates")
  expect_input_error(trend(genes = "bent", labels = world$labels[1:3]), "labels")
  expect_input_error(trend(genes = "bent", method = "linear"), "method")
  expect_input_error(trend(genes = "bent", n.neighbors = 1000), "n.neighbors")
  expect_input_error(GeneTrends(world$paths, world$cells, "bent"), "expression")
  expect_input_error(GeneTrends(1, world$cells, "bent"), "object")
  expect_input_error(GeneTrends(world$paths, world$cells[, 1, drop = FALSE], "bent",
    expression = world$expression), "cells")
  found <- trend(genes = "bent")
  expect_input_error(plot(found, fates = "no"), "fates")
})

test_that("trends are a result: summed up, cut to genes, bound, drawn in the colours of the definition", {
  world <- line_world()
  trend <- function(genes) {
    GeneTrends(world$paths, world$cells, genes, labels = world$labels, expression = world$expression, span = 0,
      n.boot = 20)
  }
  all <- trend(c("straight", "bent", "flat"))
  expect_s3_class(all, "fatefield_result")
  expect_output(print(all), "straight at time 2: .*right 1[.]6 ")
  sums <- summary(all)
  at <- all$table[all$table$gene == "bent" & all$table$fate == "right", ]
  expect_equal(sums$end[sums$gene == "bent" & sums$fate == "right"], at$mean[at$time == 2])
  expect_identical(unique(as.data.frame(all["flat"])$gene), "flat")
  expect_identical(all["flat"]$genes$gene, "flat")
  expect_equal(rbind(trend("straight"), trend(c("bent", "flat"))), all)
  expect_input_error(rbind(all, all), "...", "straight")
  colours <- ggplot2::ggplot_build(plot(all, cols = c(right = "#112233")))$data
  expect_true("#112233" %in% unlist(lapply(colours, `[[`, "colour")))
})

test_that("ends are labelled by the definition of fates, which must fit the object", {
  object <- tiny_fit(tiny_seurat())
  object <- DefineFates(object, labels = "state", fates = c("progenitor", "up"), k = 5L, cols = c(up = "#112233"))
  futures <- SimulateCells(object, n.sim = 3, verbose = FALSE)
  one <- GeneTrends(futures, object, "g1", n.boot = 5)
  expect_identical(one$cols[["up"]], "#112233")
  expect_true(all(one$fates$fate %in% c("progenitor", "up")))
  expect_equal(one$table,
    GeneTrends(futures, object, "g1", labels = object$state, fates = c("progenitor", "up"), k = 5L,
    n.boot = 5)$table)
  expect_identical(GeneTrends(futures, object, "g1", labels = FALSE, n.boot = 5)$fates$fate, "all")
})
