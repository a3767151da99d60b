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
  cells[["scaled"]] <- SeuratObject::CreateDimReducObject(found$x, loadings = found$rotation, key = "scaled_",
    assay = "RNA")
  FitSDE(cells, time = "day", reduction = "scaled", updates = 150, n.models = 1L, verbose = FALSE)
}

# 50 progenitors and 40 cells of two fates, in an object of this class; for models of known behaviour.
driver_cells <- function(class = "seurat") {
  # Gene1 alone makes PC_2, which decides the fate; the others are noise.
  set.seed(3)
  n <- 90L
  z <- matrix(stats::rnorm(n * 12), n, dimnames = list(sprintf("c%02d", 1:n), paste0("Gene", 1:12)))
  day <- rep(c(0, 2), c(50, 40))
  z[day == 2, 1] <- rep(c(-3, 3), 20) + stats::rnorm(40) / 5
  e <- z + 5
  x <- cbind(PC_1 = z[, 2], PC_2 = z[, 1])
  state <- ifelse(day == 0, "progenitor", ifelse(x[, 2] > 0, "up", "down"))
  loadings <- cbind(PC_1 = as.numeric(1:12 == 2), PC_2 = as.numeric(1:12 == 1))
  rownames(loadings) <- colnames(z)
  if (class == "sce") {
    testthat::skip_if_not_installed("SingleCellExperiment")
    attr(x, "rotation") <- loadings
    return(SingleCellExperiment::SingleCellExperiment(assays = list(logcounts = t(e)),
      colData = S4Vectors::DataFrame(day = day, state = state, row.names = rownames(x)),
      reducedDims = list(pca = x)))
  }
  object <- SeuratObject::CreateSeuratObject(Matrix::Matrix(round(t(e)), sparse = TRUE))
  object <- set_layer_data(object, Matrix::Matrix(t(e), sparse = TRUE), "data", "RNA")
  object <- SeuratObject::AddMetaData(object, data.frame(day = day, state = state, row.names = rownames(x)))
  object[["pca"]] <- SeuratObject::CreateDimReducObject(x, loadings = loadings, key = "PC_", assay = "RNA")
  object
}
