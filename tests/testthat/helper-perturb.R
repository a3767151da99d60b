# Simulated cells with a model of two members, on which genes are perturbed; made once in each file of tests.
perturb_object <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      object <- SimulateDifferentiation(n.cells = 240, n.genes = 30, n.futures = 0)
      made <<- tiny_fit(object, reduction = "pca", n.models = 2L)
    }
    made
  }
})

# Simulated cells with genes that drive the fates, in a PCA of standardised genes, as Seurat's, and a model.
driver_screen_cells <- function() {
  cells <- SimulateDifferentiation(n.cells = 500, n.fates = 2, n.genes = 50, n.futures = 0, n.drivers = 1)
  data <- t(as.matrix(layer_data(cells, "data", "RNA")))
  found <- stats::prcomp(data[, apply(data, 2L, stats::sd) > 0], scale. = TRUE, rank. = 8)
  colnames(found$x) <- colnames(found$rotation) <- paste0("scaled_", 1:8)
  cells[["scaled"]] <- SeuratObject::CreateDimReducObject(found$x, loadings = found$rotation, key = "scaled_", assay = "RNA")
  FitSDE(cells, time = "day", reduction = "scaled", updates = 150, verbose = FALSE)
}
