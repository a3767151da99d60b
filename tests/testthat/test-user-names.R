# Nothing of the user's is overwritten: whatever name a verb stores under, a column, assay or reduction of the user's
# with that name is the same afterwards, or the call is refused.

simulated <- function(as) SimulateDifferentiation(n.cells = 90, n.genes = 24, as = as, seed.use = 1)

prepared <- function(as) {
  cells <- simulated(as)
  cells <- FitSDE(cells, time = "day", reduction = "pca", dims = 1:5, drift.hidden = 8L, diffusion.hidden = 8L,
    updates = 5L, n.models = 2L, batch.size = 16L, dt = 0.25, verbose = FALSE)
  cells <- EstimateVelocity(cells, genes = rownames(cells), nfeatures = 0, verbose = FALSE)
  FitVelocityField(cells, field = "ae", encoder = 16L, latent = 4L, decoder = 16L, epochs = 3L, verbose = FALSE)
}

storing_verbs <- list(
  PredictFate = function(x) PredictFate(x, "sde", labels = "state", exclude = "progenitor", n.sim = 2, cutoff = 0,
    verbose = FALSE),
  FateDynamics = function(x) FateDynamics(x, "sde", labels = "state", exclude = "progenitor", n.sim = 5, t.out = 0:3,
    n.neighbors = 5, cutoff = 0, n.boot = 2, verbose = FALSE),
  DriftDiffusion = function(x) DriftDiffusion(x, "sde"),
  `DriftDiffusion of a field` = function(x) DriftDiffusion(x, "field"),
  GrowthRates = function(x) GrowthRates(x, birth = rownames(x)[1:3], death = rownames(x)[4:6]),
  EstimateVelocity = function(x) EstimateVelocity(x, genes = rownames(x), nfeatures = 0, verbose = FALSE),
  EmbedVelocity = function(x) EmbedVelocity(x, reduction = "latent", verbose = FALSE),
  LatentEmbedding = function(x) LatentEmbedding(x),
  CellCriticality = function(x) CellCriticality(x, "sde", cells = 1:6, n.steps = 2L, verbose = FALSE),
  LyapunovExponents = function(x) LyapunovExponents(x, "sde", cells = 1:6, verbose = FALSE),
  StemnessScore = function(x) StemnessScore(x, n.genes = 10),
  BinTime = function(x) BinTime(x, time = "day", n.bins = 2, min.size = 1)
)

# What is of the user's, by kind: put(object, name) and get(object, name).
users_own <- list(
  column = list(
    names = column_names,
    put = function(x, name) do.call(store_cells_of_user, c(list(x), stats::setNames(list(c("a", "b")), name))),
    get = function(x, name) cell_column(x, name, "x")
  ),
  reduction = list(
    names = reduction_names,
    put = function(x, name) {
      values <- matrix(seq_len(2 * ncol(x)), ncol = 2, dimnames = list(cell_names(x), NULL))
      if (is_seurat(x)) {
        colnames(values) <- c("own_1", "own_2")
        x[[name]] <- SeuratObject::CreateDimReducObject(values, key = "own_", assay = "RNA")
      } else {
        SingleCellExperiment::reducedDim(x, name) <- values
      }
      x
    },
    get = function(x, name) unname(embedding(x, name))
  ),
  assay = list(
    names = assay_names,
    put = function(x, name) {
      values <- matrix(seq_len(3 * ncol(x)) + 0, 3, dimnames = list(c("r1", "r2", "r3"), cell_names(x)))
      if (is_seurat(x)) {
        return(add_assay(x, name, new_assay(data = values, key = "ownassay_")))
      }
      SingleCellExperiment::altExp(x, name) <- SummarizedExperiment::SummarizedExperiment(list(data = values))
      x
    },
    get = function(x, name) {
      unname(as.matrix(if (is_seurat(x)) layer_data(x, "data", name) else {
        SummarizedExperiment::assay(SingleCellExperiment::altExp(x, name))
      }))
    }
  )
)

test_that("what is the user's stays as it is, whatever its name", {
  for (as in c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")) {
    clean <- prepared(as)
    # Both kinds of object go through the same functions, so of one a few verbs will do.
    for (verb in if (as == "sce") c("PredictFate", "DriftDiffusion", "GrowthRates") else names(storing_verbs)) {
      run <- storing_verbs[[verb]]
      # What the verb writes, as seen in an object in which it has not been written.
      bare <- if (verb == "EstimateVelocity") simulated(as) else clean
      made <- run(bare)
      for (kind in names(users_own)) {
        of <- users_own[[kind]]
        columns <- setdiff(column_names(made), column_names(bare))
        slots <- setdiff(c(reduction_names(made), assay_names(made)), c(reduction_names(bare), assay_names(bare)))
        for (name in c(if (kind == "column") columns else utils::head(columns, 1L), slots)) {
          own <- of$put(bare, name)
          mine <- of$get(own, name)
          after <- tryCatch(suppressMessages(suppressWarnings(run(own))), fatefield_error_input = function(e) NULL)
          if (is.null(after)) next
          expect_true(name %in% of$names(after), info = paste(as, verb, kind, name))
          if (name %in% of$names(after)) {
            expect_identical(of$get(after, name), mine, info = paste(as, verb, kind, name))
          }
        }
      }
    }
  }
})
