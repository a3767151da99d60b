# Genes x cells with structure, and the PCA that Seurat would make of them.
gene_cells <- function(n = 80L, genes = 15L) {
  i <- seq_len(n)
  e <- outer(seq_len(genes), i, function(g, c) {
    1 + sin(g + c / 9) + ((c * sqrt(g + 1.7)) %% 1)
  })
  dimnames(e) <- list(paste0("Gene", seq_len(genes)), sprintf("cell%02d", i))
  e
}

linear_model <- function(dims, reduction = "pca") {
  new_model("sde", config = list(), states = list(archive_pack(list(stub = 1))), dims = dims,
    reduction = reduction, times = c(0, 1), time.name = "day")
}

# As ScaleData() and RunPCA() do; `keep`: store scale.data.
seurat_pca <- function(e, d = 6L, keep = TRUE, weight = TRUE, limit = 10) {
  z <- pmin((e - rowMeans(e)) / apply(e, 1L, sd), limit)
  s <- svd(t(z), nu = d, nv = d)
  x <- s$u %*% diag(if (weight) s$d[seq_len(d)] else rep(1, d))
  dimnames(x) <- list(colnames(e), paste0("PC_", seq_len(d)))
  v <- s$v
  dimnames(v) <- list(rownames(e), colnames(x))
  object <- new_seurat(Matrix::Matrix(round(e), sparse = TRUE), NULL, "RNA",
    data.frame(day = rep(0:1, length.out = ncol(e)), row.names = colnames(e)))
  object <- set_layer_data(object, Matrix::Matrix(e, sparse = TRUE), "data", "RNA")
  if (keep) object <- set_layer_data(object, z, "scale.data", "RNA")
  object <- add_reduction(object, x, "pca", "PC", loadings = v)
  list(object = object, z = z, v = v, x = x)
}
