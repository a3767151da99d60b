test_that("correlations are those of cor(), on any number of threads", {
  x <- planted_states(n = 57L)$x
  x[, 3] <- round(x[, 3])
  r <- column_correlations(x, FALSE, 1L)
  expect_equal(r, unname(stats::cor(x)), tolerance = 1e-12)
  expect_equal(column_correlations(x, TRUE, 1L), unname(stats::cor(x, method = "spearman")), tolerance = 1e-12)
  expect_identical(column_correlations(x, FALSE, 2L), r)
  expect_identical(r, t(r))
  network <- CoexpressionNetwork(expm1(abs(x)), method = "spearman", verbose = FALSE)
  expect_equal(network$correlation, stats::cor(abs(x), method = "spearman"), tolerance = 1e-12)
})

test_that("planted modules are found", {
  planted <- planted_states()
  for (method in c("pearson", "spearman")) {
    for (edges in c("soft", "hard")) {
      network <- CoexpressionNetwork(planted$x, transform = "none", min.mean = -Inf, method = method, edges = edges,
        top = 0.2, verbose = FALSE)
      expect_gt(adjusted_rand(network$table$module, planted$module), 0.8)
      expect_identical(nrow(network$modules), 3L)
    }
  }
})

test_that("strengths, membership and hubs are what their definitions say", {
  planted <- planted_states(alone = 5L)
  network <- CoexpressionNetwork(planted$x, transform = "none", min.mean = -Inf, power = 3, verbose = FALSE)
  weights <- pmax(stats::cor(planted$x), 0)^3
  diag(weights) <- 0
  expect_equal(network$table$degree, unname(rowSums(weights)), tolerance = 1e-6)
  m1 <- which(network$table$module == "M1")
  component <- stats::prcomp(planted$x[, m1], scale. = TRUE)$x[, 1L]
  expect_equal(abs(unname(network$membership[, "M1"])), abs(as.vector(stats::cor(planted$x, component))),
    tolerance = 1e-7)
  expect_true(all(network$table$kME[m1] > 0))
  expect_equal(network$table$within[m1], unname(rowSums(weights[m1, m1])), tolerance = 1e-6)
  expect_identical(network$modules$hub[[1L]], network$table$gene[m1][which.max(network$table$kME[m1])])
})

test_that("the modularity is its definition and at least that of the true modules and of igraph", {
  planted <- planted_states(modules = 5L, size = 12L, noise = 1.2, alone = 0L)
  graph <- gene_graph(stats::cor(planted$x), 2, 0, TRUE)
  w <- as.matrix(graph)
  for (resolution in c(0.5, 1, 2)) {
    k <- rowSums(w)
    q <- (w - resolution * outer(k, k) / sum(k)) / sum(k)
    expect_equal(graph_modularity(graph, planted$module, resolution),
      sum(q[outer(planted$module, planted$module, `==`)]))
    found <- graph_modules(graph, merge_options(leiden_defaults(), list(resolution = resolution)), 1)
    expect_equal(found$quality, graph_modularity(graph, found$module, resolution))
    expect_gte(found$quality, graph_modularity(graph, planted$module, resolution))
  }
  skip_if_not_installed("igraph")
  plain <- igraph::graph_from_adjacency_matrix(w, "undirected", weighted = TRUE)
  found <- graph_modules(graph, leiden_defaults(), 1)
  theirs <- igraph::membership(igraph::cluster_fast_greedy(plain))
  expect_gte(found$quality, graph_modularity(graph, as.integer(theirs), 1) - 1e-9)
  expect_equal(graph_modularity(graph, as.integer(theirs), 1),
    igraph::modularity(plain, theirs, weights = igraph::E(plain)$weight))
})

test_that("two cliques joined by one edge are two modules", {
  w <- matrix(0, 10, 10)
  w[1:5, 1:5] <- w[6:10, 6:10] <- 1
  w[5, 6] <- w[6, 5] <- 1
  diag(w) <- 0
  found <- graph_modules(methods::as(w, "dgCMatrix"), leiden_defaults(), 3)
  expect_identical(found$module, rep(1:2, each = 5L))
})

test_that("the same seed gives the same network, on 1 and 2 threads", {
  x <- planted_states()$x
  make <- function(threads, seed = 5) {
    CoexpressionNetwork(x, transform = "none", min.mean = -Inf, edges = "hard", seed.use = seed, threads = threads,
      verbose = FALSE)
  }
  before <- if (exists(".Random.seed", globalenv())) get(".Random.seed", globalenv())
  expect_identical(make(1L), make(2L))
  expect_identical(if (exists(".Random.seed", globalenv())) get(".Random.seed", globalenv()), before)
})

test_that("the share of false edges is what shuffling says", {
  # No edges at all: what is expected to be false is all there is.
  null <- planted_states(modules = 1L, size = 1L, alone = 100L, seed = 3)$x
  counts <- edge_counts(stats::cor(null), null, FALSE, rep(1L, nrow(null)), FALSE, 1000L, 10L, 7, 1L)
  upward <- function(v) rev(cumsum(rev(v)))
  at <- c(50L, 100L, 120L)
  expect_equal(upward(counts$observed)[at] / upward(counts$shuffled)[at], rep(1, 3), tolerance = 0.12)
  expect_identical(sum(counts$observed), choose(ncol(null), 2))
  # Planted edges among many that are not: of those kept, few are false.
  planted <- planted_states(n = 120L, modules = 2L, size = 12L, alone = 80L, noise = 1, seed = 4)
  network <- CoexpressionNetwork(planted$x, transform = "none", min.mean = -Inf, edges = "hard", top = 1,
    min.size = 3, n.perm = 10, verbose = FALSE)
  pairs <- which(as.matrix(network$graph) > 0, arr.ind = TRUE)
  true <- planted$module[pairs[, 1L]] == planted$module[pairs[, 2L]]
  true[is.na(true)] <- FALSE
  expect_lt(mean(!true), 0.1)
  expect_gt(sum(true), 200)
})

test_that("shuffling within groups keeps what differs between them", {
  group <- rep(1:4, each = 50L)
  x <- matrix(stub_normals(200 * 30, 9), 200) + group
  near <- function(groups) {
    counts <- edge_counts(stats::cor(x), x, FALSE, groups, TRUE, 10L, 3L, 1, 1L)
    sum(counts$shuffled[5:10]) / sum(counts$shuffled)
  }
  expect_gt(near(group), 0.9)
  expect_lt(near(rep(1L, 200)), 0.01)
})

test_that("without signs opposite genes share a module, with them they do not", {
  x <- planted_states(modules = 2L, size = 30L, alone = 0L)$x
  x[, c(1:15, 31:45)] <- -x[, c(1:15, 31:45)]
  found <- function(signed) {
    CoexpressionNetwork(x, transform = "none", min.mean = -Inf, signed = signed, power = 4,
      verbose = FALSE)$table$module
  }
  expect_identical(as.character(found(FALSE)), rep(c("M1", "M2"), each = 30))
  signed <- found(TRUE)
  expect_identical(length(unique(signed)), 4L)
  expect_false(signed[[1L]] == signed[[30L]])
})

test_that("a number of modules can be asked for", {
  x <- planted_states(modules = 6L, size = 12L, alone = 0L)$x
  for (n in c(3L, 6L)) {
    network <- CoexpressionNetwork(x, transform = "none", min.mean = -Inf, power = 2, n.modules = n, verbose = FALSE)
    expect_identical(nrow(network$modules), n)
  }
})

test_that("trajectories are pooled without their start, their ends not counted twice, and steps may be taken", {
  states <- array(abs(stub_normals(4 * 5 * 6, 2)), c(4, 5, 6))
  states[1, , 5:6] <- states[1, , 4]
  states[2, , 4:6] <- NaN
  dimnames(states) <- list(NULL, paste0("g", 1:5), NULL)
  paths <- given_paths(states, 0:5)
  pooled <- pooled_states(paths)
  expect_identical(nrow(pooled$states), 4L * 5L - 2L - 3L)
  rows <- rbind(t(states[1, , 2:4]), t(states[2, , 2:3]), t(states[3, , 2:6]), t(states[4, , 2:6]))
  expect_equal(unname(pooled$states), unname(rows))
  network <- CoexpressionNetwork(paths, power = 2, min.size = 2, verbose = FALSE)
  expect_equal(unname(network$correlation), unname(stats::cor(log1p(rows))))
  steps <- rbind(diff(log1p(rows[1:3, ])), diff(log1p(rows[4:5, ])), diff(log1p(rows[6:10, ])),
    diff(log1p(rows[11:15, ])))
  network <- CoexpressionNetwork(paths, differences = TRUE, power = 2, min.size = 2, verbose = FALSE)
  expect_equal(unname(network$correlation), unname(stats::cor(steps)))
})

test_that("objects give the network of their expression, alike", {
  x <- planted_states(n = 60L, modules = 2L, size = 6L, alone = 0L)$x
  rownames(x) <- rownames(tiny_cells()$x)
  counts <- Matrix::Matrix(round(exp(t(x))), sparse = TRUE)
  seurat <- SeuratObject::CreateSeuratObject(counts)
  seurat[["pca"]] <- SeuratObject::CreateDimReducObject(tiny_cells()$x, key = "PC_", assay = "RNA")
  a <- CoexpressionNetwork(seurat, layer = "counts", min.size = 3, power = 2, verbose = FALSE)
  b <- CoexpressionNetwork(t(as.matrix(counts)), min.size = 3, power = 2, verbose = FALSE)
  expect_equal(a$correlation, b$correlation)
  sce <- SingleCellExperiment::SingleCellExperiment(list(counts = counts), reducedDims = list(PCA = tiny_cells()$x))
  expect_equal(CoexpressionNetwork(sce, assay = "counts", min.size = 3, power = 2, verbose = FALSE), a)
  smooth <- CoexpressionNetwork(seurat, layer = "counts", n.neighbors = 5, min.size = 3, power = 2, verbose = FALSE)
  near <- cbind(1:60, naive_knn(tiny_cells()$x, 5L)$index)
  means <- t(sapply(1:60, function(i) rowMeans(as.matrix(counts)[, near[i, ]])))
  expect_equal(unname(smooth$correlation), unname(stats::cor(log1p(means))), tolerance = 1e-6)
})

test_that("bad input is named", {
  x <- planted_states(n = 30L)$x
  expect_input_error(CoexpressionNetwork("a"), "object")
  expect_input_error(CoexpressionNetwork(x), "transform", "at least 0")
  expect_input_error(CoexpressionNetwork(abs(x), genes = "no"), "genes")
  expect_input_error(CoexpressionNetwork(matrix(1, 10, 5), verbose = FALSE), "genes", "0 of 5 vary")
  expect_input_error(CoexpressionNetwork(abs(x), groups = 1:3), "groups")
  expect_error(CoexpressionNetwork(abs(x), resolution = -1, verbose = FALSE), class = "fatefield_error_input")
  expect_warning(CoexpressionNetwork(abs(x), min.size = 60, verbose = FALSE), class = "fatefield_warning_modules")
  paths <- given_paths(array(0, c(2, 3, 2)), 0:1, reduction = "pca")
  expect_input_error(CoexpressionNetwork(given_paths(array(1:30 + 0, c(2, 3, 5)), 0:4, reduction = "pca")), "cells")
  expect_input_error(CoexpressionNetwork(paths), "object")
})

test_that("a network prints and is drawn the same each time", {
  network <- CoexpressionNetwork(planted_states()$x, transform = "none", min.mean = -Inf, verbose = FALSE)
  expect_output(print(network), "3 modules")
  a <- ggplot2::ggplot_build(plot(network))$data
  expect_identical(a, ggplot2::ggplot_build(plot(network))$data)
  expect_identical(nrow(a[[2L]]), 45L)
  expect_true(all(is.finite(a[[2L]]$x)))
  expect_input_error(plot(network, modules = "M9"), "modules")
})
