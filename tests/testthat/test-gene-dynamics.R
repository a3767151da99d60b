# Sparse expression of n cells and genes, quantities that follow some of them, covariates.
dynamics_cells <- function(n = 90L, genes = 25L) {
  set.seed(7)
  x <- matrix(stats::rpois(n * genes, 0.8) * stats::rexp(n * genes), n, genes,
    dimnames = list(paste0("c", seq_len(n)), paste0("g", seq_len(genes))))
  z <- cbind(u = stats::rnorm(n), v = rowSums(x))
  y <- data.frame(a = x[, 1] + stats::rnorm(n), b = z[, 1] - x[, 2]^2 + stats::rnorm(n), row.names = rownames(x))
  list(x = x, y = y, z = z)
}

correlated <- function(x, y, ..., depth = FALSE, n.boot = 0L) {
  GeneDynamics(x, y, ..., depth = depth, n.boot = n.boot, verbose = FALSE)
}

test_that("correlations and p-values are those of R", {
  d <- dynamics_cells()
  got <- correlated(d$x, d$y, adjust = d$z)
  expect_s3_class(got, "fatefield_gene_dynamics")
  for (q in names(d$y)) {
    rows <- as.data.frame(got)[got$quantity == q, ]
    expected <- t(vapply(rows$gene, function(g) {
      pearson <- stats::cor.test(d$x[, g], d$y[[q]])
      spearman <- suppressWarnings(stats::cor.test(d$x[, g], d$y[[q]], method = "spearman", exact = FALSE))
      left <- stats::lm(cbind(d$x[, g], d$y[[q]]) ~ d$z)
      r <- stats::cor(stats::resid(left))[1, 2]
      # The t of a gene in the regression on gene and covariates has the same p.
      p <- summary(stats::lm(d$y[[q]] ~ d$x[, g] + d$z))$coefficients[2, 4]
      c(pearson$estimate, pearson$p.value, spearman$estimate, spearman$p.value, r, p)
    }, numeric(6)))
    found <- as.matrix(rows[c("pearson", "pearson_p", "spearman", "spearman_p", "partial", "partial_p")])
    expect_equal(unname(found), unname(expected), tolerance = 1e-9)
    expect_equal(rows$partial_q, stats::p.adjust(rows$partial_p, "BH"))
    expect_false(is.unsorted(-abs(rows$partial)))
    expect_identical(rows$rank, seq_along(rows$gene))
  }
})

test_that("the bootstrap draws blocks and does everything anew", {
  d <- dynamics_cells()
  block <- rep(1:18, each = 5)
  got <- as.data.frame(correlated(d$x, d$y["b"], adjust = d$z, block = block, n.boot = 60L, genes = "g2"))
  draws <- bootstrap_counts(18L, 60L, 42)
  by.hand <- apply(draws, 2L, function(w) {
    i <- rep(seq_len(90), w[block])
    left <- stats::resid(stats::lm(cbind(d$x[i, 2], d$y$b[i]) ~ d$z[i, ]))
    c(stats::cor(d$x[i, 2], d$y$b[i]), stats::cor(d$x[i, 2], d$y$b[i], method = "spearman"), stats::cor(left)[1, 2])
  })
  edges <- apply(by.hand, 1L, stats::quantile, c(0.025, 0.975), names = FALSE)
  measures <- c("pearson", "spearman", "partial")
  expect_equal(unlist(got[paste0(measures, "_low")], use.names = FALSE), edges[1, ], tolerance = 1e-5)
  expect_equal(unlist(got[paste0(measures, "_high")], use.names = FALSE), edges[2, ], tolerance = 1e-5)
  se <- apply(atanh(by.hand), 1L, stats::sd)
  estimate <- unlist(got[measures], use.names = FALSE)
  expect_equal(unlist(got[paste0(measures, "_p")], use.names = FALSE), 2 * stats::pt(-abs(atanh(estimate)) / se, 17),
    tolerance = 1e-5)
})

test_that("negative values rank below zero, and dense and sparse are alike", {
  d <- dynamics_cells()
  moved <- d$x - 1.5 * (d$x > 0 & d$x < 1)
  got <- as.data.frame(correlated(moved, d$y["a"]))
  expect_equal(got$spearman, unname(stats::cor(moved[, got$gene], d$y$a, method = "spearman")[, 1]))
  sparse <- correlated(Matrix::Matrix(moved, sparse = TRUE), d$y["a"])
  expect_equal(as.data.frame(sparse), got)
})

test_that("null genes have uniform p-values, and the false discovery rate is held", {
  set.seed(3)
  n <- 200L
  x <- matrix(stats::rpois(n * 600L, 1), n) * 0.5
  colnames(x) <- paste0("g", seq_len(600L))
  z <- stats::rnorm(n)
  y <- z + stats::rnorm(n)
  null <- as.data.frame(correlated(x, y, adjust = z))
  for (p in c("pearson_p", "spearman_p", "partial_p")) {
    expect_gt(suppressWarnings(stats::ks.test(null[[p]], "punif"))$p.value, 0.001)
  }
  # 60 genes truly follow; a tenth of the discoveries may be false.
  x[, 1:60] <- pmax(x[, 1:60] + 0.35 * y, 0)
  found <- as.data.frame(correlated(x, y, adjust = z, sort.by = "pearson"))
  hits <- found$gene[found$pearson_q < 0.1]
  expect_gt(length(hits), 50L)
  expect_lt(mean(!hits %in% paste0("g", 1:60)), 0.2)
})

test_that("genes shuffled among cells have uniform p-values, however skewed they are", {
  object <- SimulateTwoBranch(n.cells = 150L, n.genes = 300L)
  set.seed(8)
  x <- as.matrix(Matrix::t(layer_data(object, "data", "spliced")))
  shuffled <- apply(x, 2L, sample)
  rownames(shuffled) <- rownames(x)
  got <- as.data.frame(correlated(shuffled, data.frame(time = object$time, row.names = rownames(x)), depth = TRUE))
  for (p in c("pearson_p", "spearman_p", "partial_p")) {
    expect_gt(suppressWarnings(stats::ks.test(got[[p]], "punif"))$p.value, 0.001)
  }
  expect_lt(sum(got$partial_q < 0.05), 6L)
  true <- as.data.frame(correlated(x, data.frame(time = object$time, row.names = rownames(x)), depth = TRUE))
  expect_gt(sum(true$partial_q < 0.05), 10L)
})

test_that("intervals from clones cover when those from cells do not, and their p-values are uniform", {
  set.seed(11)
  # Cells of a clone share most of gene and quantity, which have nothing to do with each other.
  block <- rep(seq_len(40L), each = 6L)
  shared <- function(n) matrix(stats::rnorm(40L * n), 40L)[block, , drop = FALSE] + 0.5 * stats::rnorm(240L * n)
  x <- shared(300L)
  colnames(x) <- paste0("g", seq_len(300L))
  y <- drop(shared(1L))
  clones <- as.data.frame(correlated(x, y, block = block, n.boot = 200L))
  covers <- function(t) mean(t$pearson_low <= 0 & t$pearson_high >= 0)
  expect_gt(covers(clones), 0.86)
  expect_lt(covers(as.data.frame(correlated(x, y, n.boot = 200L))), 0.75)
  expect_lt(mean(clones$pearson_p < 0.05), 0.12)
  expect_gt(mean(as.data.frame(correlated(x, y))$pearson_p < 0.05), 0.2)
})

test_that("a gene that follows depth alone has no partial correlation", {
  set.seed(5)
  depth <- stats::rgamma(150L, 4)
  x <- matrix(stats::rpois(150L * 30L, depth * 2), 150L)
  y <- log(depth) + 0.1 * stats::rnorm(150L)
  got <- as.data.frame(correlated(x, y, depth = TRUE))
  expect_gt(stats::median(got$pearson), 0.5)
  expect_lt(abs(stats::median(got$partial)), 0.2)
  expect_identical(attr(correlated(x, y, depth = TRUE), "adjusted"), c("log_counts", "detected_genes"))
})

# The logarithms of the counts as the object's log-normalised expression.
put_logs <- function(object) {
  if (is_seurat(object)) {
    logs <- log1p(tiny_counts(colnames(object)))
    object[["RNA"]] <- SeuratObject::SetAssayData(object[["RNA"]], "data", logs)
    return(object)
  }
  SummarizedExperiment::assay(object, "logcounts") <- log1p(SummarizedExperiment::assay(object))
  object
}

test_that("every kind of object gives the same table", {
  plain <- log1p(Matrix::t(tiny_counts()))
  counts <- Matrix::t(tiny_counts())
  expected <- GeneDynamics(
    plain, data.frame(speed = tiny_cells()$x[, 2]), depth = FALSE, block = as.character(tiny_cells()$label),
    adjust = cbind(log_counts = log1p(Matrix::rowSums(counts)), detected_genes = Matrix::rowSums(counts != 0),
      pseudotime = tiny_cells()$time), n.boot = 20L, verbose = FALSE
  )
  for (object in tiny_objects()[c("v3", "v5", "sce")]) {
    if (is.null(object)) next
    object <- store_cells(object, data.frame(speed = tiny_cells()$x[, 2], row.names = cell_names(object)))
    object <- put_logs(object)
    got <- GeneDynamics(object, "speed", pseudotime = "day", block = "state", n.boot = 20L, verbose = FALSE)
    expect_equal(as.data.frame(got), as.data.frame(expected))
  }
})

test_that("the same seed gives the same bytes on one and two threads", {
  d <- dynamics_cells()
  one <- correlated(d$x, d$y, adjust = d$z, n.boot = 30L, threads = 1L)
  expect_identical(one, correlated(d$x, d$y, adjust = d$z, n.boot = 30L, threads = 2L))
  other <- correlated(d$x, d$y, adjust = d$z, n.boot = 30L, seed.use = 1L)
  expect_false(identical(one$pearson_low, other$pearson_low))
})

test_that("cells without a quantity are left out of it alone", {
  d <- dynamics_cells()
  d$y$a[1:20] <- NA
  got <- as.data.frame(correlated(d$x, d$y))
  expect_identical(unique(got$n[got$quantity == "a"]), 70L)
  expect_identical(unique(got$n[got$quantity == "b"]), 90L)
  one <- got[got$quantity == "a" & got$gene == "g3", ]
  expect_equal(one$pearson, stats::cor(d$x[-(1:20), 3], d$y$a[-(1:20)]))
  constant <- cbind(d$x, flat = 1)
  flat <- as.data.frame(correlated(constant, d$y["b"], genes = "flat", n.boot = 5L))
  expect_true(is.na(flat$pearson) && is.na(flat$partial) && is.na(flat$pearson_low))
})

test_that("what cannot be is answered with the argument's name", {
  d <- dynamics_cells()
  expect_input_error(correlated(d$x, d$y, genes = "g99"), "genes", "g99")
  expect_input_error(correlated(d$x, d$y[1:5, ]), "quantities")
  expect_input_error(correlated(d$x[1:6, ], d$y[1:6, ], min.cells = 1), "quantities", "10")
  expect_input_error(correlated(d$x, d$y, block = rep(1, 90)), "block", "3")
  expect_input_error(correlated(d$x, d$y, adjust = d$z[1:4, ]), "adjust")
  expect_input_error(correlated(d$x, d$y, sort.by = "kendall"), "sort.by")
  expect_input_error(correlated(d$x, d$y, n.boto = 3), "n.boto", "n.boot")
  expect_input_error(GeneDynamics(d$x), "quantities")
  object <- tiny_seurat()
  expect_input_error(GeneDynamics(object, layer = "counts"), "quantities", "DriftDiffusion")
  expect_input_error(GeneDynamics(object, "dya", layer = "counts"), "quantities", "day")
  expect_input_error(GeneDynamics(object, "state", layer = "counts"), "quantities", "numbers")
})

test_that("the plot shows the strongest genes, and says what is not in the table", {
  d <- dynamics_cells()
  got <- correlated(d$x, d$y, n.boot = 10L)
  plot <- plot(got, n.genes = 4L)
  expect_s3_class(plot, "ggplot")
  expect_identical(nrow(plot$data), 8L)
  expect_identical(nrow(plot(got, genes = c("g1", "g2"))$data), 4L)
  expect_input_error(plot(got, genes = "g0"), "genes")
  expect_input_error(plot(got, quantities = "c"), "quantities")
  expect_output(print(got), "25 genes, by partial correlation")
})
