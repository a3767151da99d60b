test_that("bins of equal width have exact edges, and every cell is in one", {
  x <- (0:100) / 100
  found <- BinTime(x, n.bins = 10, method = "width")
  expect_identical(found$table$n, c(rep(10L, 9), 11L))
  expect_identical(found$table$from, (0:9) / 10)
  expect_identical(found$table$to, (1:10) / 10)
  # Closed below: 0.3 begins the fourth; the last one is closed above.
  expect_identical(found$time[match(c(0, 0.29, 0.3, 0.99, 1), x)], c(0, 2, 3, 9, 9))
  expect_identical(range(BinTime(seq(-3, 7, 0.1), n.bins = 4, method = "width")$time), c(0, 3))
})

test_that("bins of equal numbers differ by one at most", {
  for (n in c(10L, 37L, 100L)) {
    for (bins in c(2L, 3L, 7L)) {
      found <- BinTime(stub_normals(n, n + bins), n.bins = bins, min.size = 1)
      expect_identical(nrow(found$table), bins)
      expect_identical(sum(found$table$n), n)
      expect_lte(diff(range(found$table$n)), 1L)
      expect_true(all(found$table$to[-bins] < found$table$from[-1L]))
    }
  }
})

test_that("cells of the same score are in the same bin", {
  found <- BinTime(c(rep(1, 8), 2:13), n.bins = 4, min.size = 1)
  expect_identical(found$table$n, c(8L, 2L, 5L, 5L))
  expect_identical(length(unique(found$time[1:8])), 1L)
  expect_input_error(BinTime(c(rep(1, 18), 2, 3), n.bins = 5, min.size = 1), "n.bins", "have none")
})

test_that("the score may fall with time, and bins may keep their distances", {
  x <- c(1, 2, 3, 10, 11, 12)
  up <- BinTime(x, n.bins = 2, min.size = 1, scale = "mean")
  expect_identical(up$time, c(2, 2, 2, 11, 11, 11))
  down <- BinTime(x, n.bins = 2, min.size = 1, reverse = TRUE)
  expect_identical(down$time, c(1, 1, 1, 0, 0, 0))
  expect_identical(down$table$from, c(10, 1))
  expect_identical(down$table$to, c(12, 3))
})

test_that("bins go into objects, and FitSDE() takes them", {
  for (object in tiny_objects()) {
    object <- if (is_seurat(object)) SeuratObject::AddMetaData(object, seq_len(60) / 60, "order") else {
      object$order <- seq_len(60) / 60
      object
    }
    object <- BinTime(object, time = "order", n.bins = 3)
    expect_identical(unname(object$time_bin), rep(c(0, 1, 2), each = 20))
    expect_identical(GetResult(object, "bins")$table$n, rep(20L, 3))
  }
  model <- GetModel(tiny_fit(object, time = "time_bin"))
  expect_identical(model$times, c(0, 1, 2))
})

test_that("bad scores are named", {
  expect_input_error(BinTime(c(1, NA, 3)), "object", "known for each cell")
  expect_input_error(BinTime(c(1, Inf, 3)), "object")
  expect_input_error(BinTime(rep(1, 30)), "object", "different")
  expect_input_error(BinTime(1:5 + 0, n.bins = 9), "n.bins")
  expect_input_error(BinTime(c(0:20, 100), n.bins = 10, method = "width"), "n.bins", "have none")
  expect_input_error(BinTime("a"), "object")
  expect_input_error(BinTime(tiny_seurat(), time = "nothing"), "time")
  expect_input_error(BinTime(tiny_seurat()), "time")
})

test_that("stemness follows the number of genes, smoothed, and is what plain R gives", {
  # Cells along a line lose genes.
  n <- 80L
  genes <- 120L
  keep <- 1 - 0.7 * seq_len(n) / n
  u <- matrix(stats::pnorm(stub_normals(n * genes, 2)), genes)
  counts <- round(1 + 4 * u) * (matrix(stats::pnorm(stub_normals(n * genes, 3)), genes) < rep(keep, each = genes))
  dimnames(counts) <- list(paste0("g", 1:genes), paste0("c", 1:n))
  space <- cbind(PC_1 = seq_len(n) / n, PC_2 = sin(1:n) * 0.01)
  rownames(space) <- colnames(counts)
  found <- StemnessScore(counts, reduction = space, n.genes = 40, n.neighbors = 8)
  expect_lt(stats::cor(found$score, seq_len(n), method = "spearman"), -0.95)
  expect_identical(range(found$score), c(0, 1))
  seen <- colSums(counts > 0)
  x <- log1p(sweep(counts, 2L, seen / colSums(counts), "*"))
  r <- apply(x, 1L, stats::cor, y = seen)
  expect_equal(found$genes$correlation, unname(r), tolerance = 1e-8)
  raw <- colMeans(x[order(-r)[1:40], ])
  expect_equal(found$raw, raw, tolerance = 1e-8)
  near <- naive_knn(space, 9L)$index
  a <- matrix(0, n, n)
  a[cbind(rep(1:n, 8), as.vector(near))] <- 1 / 8
  settled <- solve(diag(n) - 0.9 * a, 0.1 * raw)
  expect_equal(unname(found$score), unname((rank(settled) - 1) / (n - 1)), tolerance = 1e-3)
  sparse <- StemnessScore(Matrix::Matrix(counts, sparse = TRUE), reduction = space, n.genes = 40, n.neighbors = 8)
  expect_equal(sparse, found)
  seurat <- SeuratObject::CreateSeuratObject(counts)
  seurat[["pca"]] <- SeuratObject::CreateDimReducObject(space, key = "PC_", assay = "RNA")
  expect_equal(unname(StemnessScore(seurat, n.genes = 40, n.neighbors = 8)$stemness), unname(found$score))
  sce <- SingleCellExperiment::SingleCellExperiment(list(counts = counts), reducedDims = list(PCA = space))
  expect_equal(StemnessScore(sce, n.genes = 40, n.neighbors = 8)$stemness, unname(found$score))
  expect_input_error(StemnessScore(matrix(1, 5, 40), reduction = space[1:40, ]), "object")
  expect_input_error(StemnessScore(counts, reduction = space, n.neighbors = 80), "n.neighbors")
  expect_input_error(StemnessScore(counts), "reduction")
})
