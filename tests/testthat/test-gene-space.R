test_that("Seurat's scaling is found again, with and without scale.data", {
  e <- gene_cells()
  for (keep in c(TRUE, FALSE)) {
    p <- seurat_pca(e, keep = keep)
    space <- gene_space(p$object, linear_model(colnames(p$x)))
    expect_equal(space$kind, "linear")
    expect_equal(space$centre, rowMeans(e))
    expect_equal(space$scale, apply(e, 1L, sd))
    expect_equal(space$loadings, p$v, ignore_attr = TRUE)
    expect_equal(space$z(), t(p$z), ignore_attr = TRUE)
    expect_equal(space$expression(3:4, "Gene7"), t(e["Gene7", 3:4, drop = FALSE]), ignore_attr = TRUE)
    expect_gt(space$agreement, 1 - 1e-8)
    expect_equal(space$offset, rep(0, 6), ignore_attr = TRUE, tolerance = 1e-8)
  }
})

test_that("some dimensions of a reduction, and one without the weights of its dimensions, do as well", {
  p <- seurat_pca(gene_cells(), weight = FALSE)
  space <- gene_space(p$object, linear_model(paste0("PC_", c(3, 1))))
  x <- space$z() %*% space$loadings
  expect_equal(sweep(x, 2L, space$offset, "+"), p$x[, c(3, 1)], ignore_attr = TRUE)
})

test_that("a change of z moves the state as projecting anew does, and decode() goes back", {
  e <- gene_cells()
  p <- seurat_pca(e, d = 15L)
  space <- gene_space(p$object, linear_model(colnames(p$x)))
  z <- t(p$z)
  moved <- z
  moved[, "Gene3"] <- 2
  moved[, "Gene9"] <- moved[, "Gene9"] - 1
  dz <- (moved - z)[, c("Gene3", "Gene9")]
  expect_equal(space$shift(p$x, dz), moved %*% p$v, ignore_attr = TRUE)
  # All dimensions are kept here, so nothing is lost.
  expect_equal(space$decode(p$x), t(e), ignore_attr = TRUE)
  back <- space$decode(space$shift(p$x, dz), "Gene3")
  expect_equal(back[, "Gene3"], rep(mean(e["Gene3", ]) + 2 * sd(e["Gene3", ]), 80), ignore_attr = TRUE)
  low <- dz * 0 - 50
  expect_true(all(space$decode(space$shift(p$x, low), "Gene3") == 0))
})

test_that("cells may be taken out after scaling where scale.data is kept", {
  e <- gene_cells()
  p <- seurat_pca(e)
  some <- subset(p$object, cells = colnames(e)[1:30])
  space <- gene_space(some, linear_model(colnames(p$x)))
  expect_equal(space$centre, rowMeans(e))
  expect_equal(space$scale, apply(e, 1L, sd))
  q <- seurat_pca(e, keep = FALSE)
  some <- subset(q$object, cells = colnames(e)[1:30])
  model <- linear_model(colnames(p$x))
  # Linear maps are still linear: only where the centre drifted would coordinates shift, which the offset takes up.
  given <- gene_space(some, model, center = rowMeans(e), scale = apply(e, 1L, sd))
  expect_equal(given$scale, apply(e, 1L, sd))
  expect_gt(given$agreement, 1 - 1e-8)
})

test_that("values that ScaleData() cuts off do not bend the scale", {
  e <- gene_cells(n = 200L)
  e["Gene2", ] <- 0.1 * e["Gene2", ]
  e["Gene2", 5] <- 40
  p <- seurat_pca(e)
  expect_equal(max(p$z), 10)
  for (keep in c(TRUE, FALSE)) {
    space <- gene_space(seurat_pca(e, keep = keep)$object, linear_model(colnames(p$x)))
    expect_equal(space$scale, apply(e, 1L, sd))
    expect_gt(space$agreement, 1 - 1e-6)
  }
})

test_that("what was regressed out leaves the right scale", {
  e <- gene_cells()
  covariate <- sin(seq_len(ncol(e)))
  left <- t(apply(e, 1L, function(v) stats::residuals(stats::lm(v ~ covariate))))
  z <- left / apply(left, 1L, sd)
  p <- seurat_pca(e)
  x <- t(z) %*% p$v
  object <- set_layer_data(p$object, z, "scale.data", "RNA")
  dimnames(x) <- dimnames(p$x)
  object <- add_reduction(object, x, "pca", "PC", loadings = p$v)
  space <- gene_space(object, linear_model(colnames(p$x)))
  expect_equal(space$scale, apply(left, 1L, sd), ignore_attr = TRUE)
})

test_that("a SingleCellExperiment with centred genes agrees with itself", {
  sce <- SimulateDifferentiation(n.cells = 60, n.genes = 20, n.futures = 0, as = "sce")
  space <- gene_space(sce, linear_model(paste0("PC_", 1:4), "PCA"))
  expect_equal(unname(space$scale), rep(1, 20))
  x <- sweep(space$z() %*% space$loadings, 2L, space$offset, "+")
  expect_equal(x, embedding(sce, "PCA", 1:4), ignore_attr = TRUE)
  seurat <- SimulateDifferentiation(n.cells = 60, n.genes = 20, n.futures = 0)
  twin <- gene_space(seurat, linear_model(paste0("PC_", 1:4)))
  expect_equal(twin$loadings, space$loadings, ignore_attr = TRUE)
  expect_equal(twin$z(1:5), space$z(1:5), ignore_attr = TRUE)
})

test_that("loadings may be given beside plain coordinates", {
  e <- gene_cells()
  p <- seurat_pca(e)
  model <- linear_model(colnames(p$x), NULL)
  space <- gene_space(p$x, model, loadings = p$v, expression = e)
  expect_equal(space$loadings, p$v, ignore_attr = TRUE)
  expect_input_error(gene_space(p$x, model, loadings = p$v), "expression", "genes x cells")
  expect_input_error(gene_space(p$x, model, expression = e), "loadings", "no loadings")
  expect_input_error(gene_space(p$x, model, loadings = unname(p$v), expression = e), "loadings", "names")
  expect_input_error(gene_space(p$x, model, loadings = p$v, scale = 0, expression = e), "scale", "above 0")
  expect_warning(
    gene_space(p$x, model, loadings = p$v[15:1, ] * seq_len(15), expression = e[15:1, ] + 0),
    class = "fatefield_warning_loadings"
  )
})

test_that("loadings estimated from the cells are those that made linear coordinates", {
  e <- gene_cells()
  p <- seurat_pca(e)
  x <- p$x + 3
  space <- gene_space(x, linear_model(colnames(x), NULL), loadings = "regress", expression = e)
  expect_gt(space$agreement, 0.99)
  expect_equal(sweep(space$z() %*% space$loadings, 2L, space$offset, "+"), x, tolerance = 0.01, ignore_attr = TRUE)
})

test_that("coordinates that the genes do not give back are refused", {
  p <- seurat_pca(gene_cells())
  bent <- p$x
  bent[, 2] <- bent[, 2] + 3 * sin(seq_len(nrow(bent)))
  object <- add_reduction(p$object, bent, "pca", "PC", loadings = p$v)
  expect_input_error(gene_space(object, linear_model(colnames(p$x))), "loadings", "PC_2")
  bare <- add_reduction(p$object, p$x, "umap", "UMAP")
  expect_input_error(gene_space(bare, linear_model(paste0("UMAP_", 1:6), "umap")), "loadings", "PCA")
})

test_that("genes that cannot be moved are all named, with the nearest name", {
  e <- gene_cells()
  p <- seurat_pca(e)
  space <- gene_space(p$object, linear_model(colnames(p$x)))
  expect_equal(check_moved_genes(c("Gene2", "Gene5", "Gene2"), space), c("Gene2", "Gene5"))
  expect_input_error(check_moved_genes(c("gene2", "Gene5", "Xyz"), space), "genes",
    "2 of 3 .*\"gene2\" .*\"Gene2\".*\"Xyz\"")
  expect_input_error(check_moved_genes(3, space), "genes", "names of genes")
  inner <- linear_space(p$x, e, p$v[1:4, ], list(centre = rowMeans(e)[1:4], scale = rep(1, 4), offset = rep(0, 6),
    factor = rep(1, 6), agreement = 1), "the reduction \"pca\"")
  expect_input_error(check_moved_genes(c("Gene5", "Gene6"), inner), "genes", "Gene5.*Gene6.*not among the 4 genes")
})

test_that("the genes of a velocity field are its states", {
  x <- matrix(c(0, 1, 2, 5, 3, 3, 3, 3), 4, dimnames = list(letters[1:4], c("A", "B")))
  space <- space_of_field(x)
  logged <- log1p(x)
  expect_equal(space$centre, colMeans(logged))
  expect_equal(space$scale, c(A = sd(logged[, 1]), B = 1))
  dz <- matrix(c(1, 1, -50, 0), 4, dimnames = list(NULL, "A"))
  moved <- space$shift(x, dz)
  expect_equal(log1p(moved[, "A"]), pmax(logged[, "A"] + space$scale[["A"]] * dz[, 1], 0))
  expect_equal(moved[, "B"], x[, "B"])
  expect_equal(space$decode(x, "A"), logged[, "A", drop = FALSE])
})
