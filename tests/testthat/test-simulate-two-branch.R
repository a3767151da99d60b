# SimulateTwoBranch(): kinetics, shares and objects.

test_that("cells follow the kinetics and the shares that were asked for", {
  cells <- SimulateTwoBranch(n.cells = 1000, n.genes = 30, major.share = 0.7, as = "list")
  truth <- cells$truth
  genes <- truth$genes
  expect_equal(truth$velocity, genes$beta * truth$unspliced - genes$gamma * truth$spliced)
  behind <- cells$cells$branch[cells$cells$branch != "common"]
  expect_equal(mean(behind == "major"), 0.7, tolerance = 0.01)
  # ds/dt along the cells of one path is the velocity.
  path <- which(cells$cells$branch != "minor")
  slope <- apply(truth$spliced[, path], 1L, diff) / diff(cells$cells$time[path])
  middle <- (truth$velocity[, path[-1L]] + truth$velocity[, path[-length(path)]]) / 2
  expect_gt(cor(as.vector(t(slope)), as.vector(middle)), 0.999)
  counts <- rowMeans(as.matrix(cells$counts) / rep(truth$library, each = 30L))
  expect_equal(counts, rowMeans(truth$spliced), tolerance = 0.1)
})

test_that("objects hold the same cells, and the seed decides", {
  list <- SimulateTwoBranch(n.cells = 60, n.genes = 12, as = "list")
  seurat <- SimulateTwoBranch(n.cells = 60, n.genes = 12)
  expect_equal(as.matrix(layer_data(seurat, "counts", "unspliced")), as.matrix(list$unspliced))
  expect_identical(as.character(seurat$stage), as.character(list$cells$stage))
  expect_identical(SeuratObject::Misc(seurat, "truth")$velocity, list$truth$velocity)
  expect_identical(SimulateTwoBranch(n.cells = 60, n.genes = 12, as = "list"), list)
  other <- SimulateTwoBranch(n.cells = 60, n.genes = 12, as = "list", seed.use = 1)
  expect_false(identical(other$counts, list$counts))
  expect_input_error(SimulateTwoBranch(n.cells = 60, n.genes = 12, major.share = 1), "major.share")
  expect_input_error(SimulateTwoBranch(n.cells = 60, n.genes = 12, fork = 9), "fork")
  expect_input_error(SimulateTwoBranch(n.cells = 2), "n.cells")
  skip_if_not_installed("SingleCellExperiment")
  sce <- SimulateTwoBranch(n.cells = 60, n.genes = 12, as = "sce")
  expect_equal(as.matrix(SummarizedExperiment::assay(sce, "spliced")), as.matrix(list$counts))
})
