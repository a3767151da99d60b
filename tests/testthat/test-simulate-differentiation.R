# Small enough for every test; the truth of few futures is coarse but unbiased.
small <- function(..., n.cells = 400L, n.genes = 30L, n.futures = 40L, as = "list") {
  SimulateDifferentiation(
    n.cells = n.cells, n.genes = n.genes, n.futures = n.futures, as = as, ...
  )
}

truth_of <- function(object) {
  if (is_sce(object)) S4Vectors::metadata(object)$truth else SeuratObject::Misc(object, "truth")
}

test_that("every kind of object holds the same cells", {
  list <- small()
  seurat <- small(as = "seurat")
  expect_s4_class(seurat, "Seurat")
  expect_setequal(SeuratObject::Assays(seurat), c("RNA", "spliced", "unspliced"))
  expect_setequal(SeuratObject::Reductions(seurat), c("pca", "latent"))
  expect_identical(SeuratObject::DefaultAssay(seurat), "RNA")
  expect_equal(layer_data(seurat, "counts"), list$counts)
  expect_equal(layer_data(seurat, "data"), list$data)
  expect_equal(layer_data(seurat, "counts", "unspliced"), list$unspliced)
  expect_equal(unname(embedding(seurat, "pca")), unname(list$pca))
  expect_equal(unname(embedding(seurat, "latent")), unname(list$latent))
  for (column in names(list$cells)) {
    expect_identical(cell_column(seurat, column, "name"), list$cells[[column]])
  }
  expect_identical(truth_of(seurat), list$truth)
  skip_if_not_installed("SingleCellExperiment")
  sce <- small(as = "sce")
  expect_equal(SummarizedExperiment::assay(sce, "spliced"), list$counts)
  expect_equal(embedding(sce, "PCA"), list$pca)
  expect_identical(cell_column(sce, "state", "name"), list$cells$state)
  expect_identical(truth_of(sce), list$truth)
})

test_that("the seed decides every byte, and R's generator is not touched", {
  bytes <- function(...) serialize(small(...), NULL)
  set.seed(1)
  before <- .Random.seed
  first <- bytes()
  expect_identical(.Random.seed, before)
  expect_identical(bytes(), first)
  expect_false(identical(bytes(seed.use = 7L), first))
  drawn <- bytes(seed.use = NULL)
  set.seed(1)
  expect_identical(bytes(seed.use = NULL), drawn)
})

test_that("drift is minus the slope of the potential", {
  for (n.fates in c(2L, 3L, 5L)) {
    truth <- small(n.fates = n.fates)$truth
    z <- unname(truth$latent)
    potential <- function(z) cpp_landscape(z, n.fates, truth$options)$potential
    step <- 1e-5
    slope <- vapply(seq_len(n.fates), function(j) {
      ahead <- behind <- z
      ahead[, j] <- z[, j] + step
      behind[, j] <- z[, j] - step
      (potential(ahead) - potential(behind)) / (2 * step)
    }, numeric(nrow(z)))
    expect_equal(unname(truth$drift), -slope, tolerance = 1e-7)
    expect_equal(unname(truth$potential), potential(z))
    at_rest <- cpp_landscape(unname(truth$attractors), n.fates, truth$options)
    expect_lt(max(abs(at_rest$drift)), 0.1)
    expect_identical(max.col(at_rest$shares), seq_len(n.fates))
    expect_true(all(truth$diffusion >= 0.25 & truth$diffusion <= 0.5))
  }
})

test_that("fates are shared evenly without growth, and by growth with it", {
  even <- small(n.cells = 2000L, n.genes = 5L, n.futures = 50L)
  last <- even$cells$day == 3
  expect_true(all(abs(colMeans(even$truth$fate[even$cells$day == 0, ]) - 1 / 3) < 0.08))
  expect_true(all(abs(table(even$cells$state[last])[-1] / sum(last) - 1 / 3) < 0.08))
  expect_identical(even$truth$fate, even$truth$fate.weighted)

  grown <- small(n.cells = 2000L, n.genes = 5L, n.futures = 50L, growth = c(0, 0.5, 1))
  # What the weighted futures of day 0 promise is what day 3 holds.
  promised <- colMeans(grown$truth$fate.weighted[grown$cells$day == 0, ])
  found <- table(grown$cells$state[last])[-1] / sum(grown$cells$state[last] != "progenitor")
  expect_true(all(abs(promised - found) < 0.08))
  expect_gt(found[["fateC"]], 2 * found[["fateA"]])
  expect_gt(stats::var(table(grown$cells$clone)), stats::var(table(even$cells$clone)))
  expect_equal(unname(rowSums(grown$truth$fate.weighted)), rep(1, 2000))
})

test_that("cells of one clone share their fate more often than chance, and clones link days", {
  sim <- small(n.cells = 2000L, n.genes = 5L, n.futures = 0L, n.clones = 100L, clone.spread = 0)
  expect_null(sim$truth$fate)
  cells <- sim$cells[sim$cells$day == 3 & sim$cells$state != "progenitor", ]
  same <- outer(as.integer(cells$state), as.integer(cells$state), "==")
  clone <- outer(as.integer(cells$clone), as.integer(cells$clone), "==")
  pair <- upper.tri(same)
  expect_gt(mean(same[pair & clone]), mean(same[pair & !clone]) + 0.05)
  expect_true(all(rowSums(table(sim$cells$clone, sim$cells$day) > 0) >= 3))
})

test_that("futures foretell the fates of sisters better than the prior", {
  sim <- small(n.cells = 1200L, n.genes = 5L, days = c(0, 3), n.clones = 60L, clone.spread = 0)
  founder <- match(sim$cells$clone, sim$cells$clone[sim$cells$day == 0])
  late <- sim$cells$day == 3 & sim$cells$state != "progenitor"
  p <- sim$truth$fate[sim$cells$day == 0, ][founder[late], ]
  hit <- p[cbind(seq_len(sum(late)), as.integer(sim$cells$state[late]) - 1L)]
  expect_lt(-mean(log(pmax(hit, 0.01))), log(3) - 0.03)
})

test_that("genes start in the steady state, follow the rates, and are counted around their means", {
  sim <- small(n.cells = 1500L, n.genes = 20L, n.futures = 0L, library.spread = 0)
  truth <- sim$truth
  start <- sim$cells$day == 0
  expect_equal(
    truth$unspliced[, start] / truth$spliced[, start],
    matrix(
      truth$genes$gamma / truth$genes$beta, 20, sum(start),
      dimnames = dimnames(truth$spliced[, start])
    )
  )
  expect_lt(max(abs(truth$velocity[, start])), 1e-9)
  expect_gt(max(abs(truth$velocity[, !start])), 1)
  # Constant genes stay where they are on every day.
  constant <- truth$genes$module == "constant"
  expect_lt(max(abs(truth$velocity[constant, ])), 1e-9)
  # Markers of a fate are highest in it, those of the progenitor in the progenitor.
  for (state in levels(sim$cells$state)) {
    genes <- truth$genes$module == state
    means <- tapply(colMeans(truth$spliced[genes, , drop = FALSE]), sim$cells$state, mean)
    expect_identical(names(which.max(means)), state)
  }
  # Negative binomial: mean u, variance u + 0.1 u^2, over all entries.
  for (kind in c("unspliced", "spliced")) {
    counts <- as.matrix(if (kind == "spliced") sim$counts else sim$unspliced)
    mean <- truth[[kind]]
    z <- (counts - mean) / sqrt(mean + 0.1 * mean^2)
    kept <- mean > 0.5
    expect_lt(abs(mean(z[kept])), 5 / sqrt(sum(kept)))
    expect_lt(abs(mean(z[kept]^2) - 1), 0.05)
  }
  expect_true(all(sim$counts@x == round(sim$counts@x)))
  poisson <- small(
    n.cells = 1500L, n.genes = 20L, n.futures = 0L, dispersion = 0, library.spread = 0
  )
  z <- (as.matrix(poisson$counts) - poisson$truth$spliced) / sqrt(poisson$truth$spliced)
  expect_lt(abs(mean(z[poisson$truth$spliced > 0.5]^2) - 1), 0.05)
})

test_that("principal components are those of prcomp", {
  for (n.genes in c(20L, 60L)) {
    sim <- small(n.cells = 50L, n.genes = n.genes, n.futures = 0L, n.pcs = 5L)
    x <- as.matrix(Matrix::t(sim$data))
    expected <- stats::prcomp(x)
    expect_equal(abs(unname(sim$pca)), abs(unname(expected$x[, 1:5])), tolerance = 1e-8)
    found <- cpp_principal_components(x, 5)
    expect_equal(found$stdev, expected$sdev[1:5])
    expect_equal(x[, ] %*% found$loadings - rep(1, 50) %*% (colMeans(x) %*% found$loadings),
      found$scores, tolerance = 1e-8, ignore_attr = TRUE
    )
  }
  expect_identical(ncol(small(n.cells = 20L, n.genes = 5L, n.pcs = 50L)$pca), 5L)
})

test_that("bad arguments are named", {
  expect_input_error(small(n.cells = 0), "n.cells")
  expect_input_error(small(n.cells = 3), "n.cells")
  expect_input_error(small(n.fates = 1), "n.fates")
  expect_input_error(small(n.fates = 27, n.genes = 40), "n.fates", "26")
  expect_input_error(small(n.genes = 4), "n.genes")
  expect_input_error(small(days = c(0, 2, 1)), "days", "increase")
  expect_input_error(small(days = "a"), "days")
  expect_input_error(small(growth = c(1, 2)), "growth", "3 fates")
  expect_input_error(small(growth = "fast"), "growth")
  expect_input_error(small(noise = -1), "noise")
  expect_input_error(small(noise = NA_real_), "noise")
  expect_input_error(small(dt = 0), "dt")
  expect_input_error(small(dispersion = -1), "dispersion")
  expect_input_error(small(n.clones = 0), "n.clones")
  expect_input_error(small(n.futures = -1), "n.futures")
  expect_input_error(small(as = "anndata"), "as")
  expect_input_error(small(seed.use = -1), "seed.use")
})
