# A result for tests: simulated counts of the two kinds, and coordinates.
arrow_cells <- function(n = 150L, genes = 60L) {
  simulated <- SimulateDifferentiation(n.cells = n, n.genes = genes, as = "list")
  velocity <- EstimateVelocity(
    simulated$counts, simulated$unspliced, mode = "deterministic", verbose = FALSE
  )
  at <- simulated$latent
  rownames(at) <- colnames(simulated$counts)
  list(velocity = velocity, at = at)
}

embed_quietly <- function(...) EmbedVelocity(..., verbose = FALSE)

# The graph by its definition, whole matrices.
naive_graph <- function(velocity, expression, index) {
  n <- ncol(velocity)
  graph <- matrix(0, n, n)
  for (i in seq_len(n)) {
    near <- setdiff(unique(c(index[i, ], index[index[i, ], ])), i)
    steps <- expression[, near, drop = FALSE] - expression[, i]
    graph[i, near] <- suppressWarnings(stats::cor(steps, velocity[, i]))
  }
  graph[is.na(graph)] <- 0
  graph
}

test_that("graph, steps and arrows are those of whole matrices", {
  cells <- arrow_cells()
  found <- embed_quietly(cells$velocity, cells$at)
  genes <- rownames(cells$velocity$genes)[which(cells$velocity$genes$velocity_genes)]
  v <- cells$velocity$velocity[genes, ]
  x <- velocity_moments(cells$velocity, genes)$Ms
  graph <- naive_graph(v, x, cells$velocity$knn$index)
  expect_equal(unname(as.matrix(found$graph)), graph, tolerance = 1e-10)
  expect_identical(dimnames(found$graph), list(colnames(v), colnames(v)))

  signed <- sign(graph) * (exp(10 * abs(graph)) - 1)
  signed <- signed / rowSums(abs(signed))
  arrows <- t(vapply(seq_len(ncol(v)), function(i) {
    to <- which(signed[i, ] != 0)
    u <- t(t(cells$at[to, ]) - cells$at[i, ])
    u <- u / sqrt(rowSums(u^2))
    colSums((signed[i, to] - mean(signed[i, to])) * u)
  }, numeric(ncol(cells$at))))
  expect_equal(unname(found$arrows), unname(arrows), tolerance = 1e-9)

  expect_equal(
    unname(as.matrix(TransitionMatrix(found, negative = "signed", self.transitions = FALSE))), signed,
    tolerance = 1e-10
  )
  self <- pmax(0, stats::quantile(apply(pmax(graph, 0), 1L, max), 0.98) - apply(pmax(graph, 0), 1L, max))
  steps <- ifelse(graph == 0, 0, exp(10 * graph))
  diag(steps) <- ifelse(self > 0, exp(10 * self), 0)
  steps <- steps / rowSums(steps)
  expect_equal(unname(as.matrix(TransitionMatrix(found))), steps, tolerance = 1e-10)
  back <- t(ifelse(row(graph) == col(graph), 0, exp(10 * graph) * (graph != 0)))
  back <- back / rowSums(exp(10 * graph) * (graph != 0))[col(back)]
  expect_equal(
    unname(as.matrix(TransitionMatrix(found, self.transitions = FALSE, backward = TRUE))),
    back / pmax(rowSums(back), 1e-300), tolerance = 1e-10
  )

  step <- x %*% t(steps) - x
  agreement <- vapply(seq_len(ncol(v)), function(i) stats::cor(step[, i], v[, i]), 1)
  expect_equal(found$cells$velocity_confidence_transition, agreement, tolerance = 1e-9)
})

test_that("velocities of the stochastic mode are correlated by their roots", {
  cells <- arrow_cells()
  genes <- rownames(cells$velocity$genes)[which(cells$velocity$genes$velocity_genes)]
  root <- function(x) sign(x) * sqrt(abs(x))
  x <- velocity_moments(cells$velocity, genes)$Ms
  found <- embed_quietly(cells$velocity, cells$at, sqrt.transform = TRUE, terminal = FALSE)
  v <- root(cells$velocity$velocity[genes, ])
  i <- 7L
  to <- which(found$graph[i, ] != 0)
  expect_equal(
    unname(found$graph[i, to]), unname(stats::cor(root(x[, to] - x[, i]), v[, i])[, 1L]),
    tolerance = 1e-10
  )
  stochastic <- cells$velocity
  stochastic$mode <- "stochastic"
  expect_identical(embed_quietly(stochastic, cells$at, terminal = FALSE)$graph, found$graph)
})

test_that("a line of cells that move to the right begins at its left and ends at its right", {
  n <- 120L
  slope <- sin(1:9)
  velocity <- matrix(slope, 9, n)
  expression <- 5 + outer(slope, seq_len(n))
  colnames(velocity) <- colnames(expression) <- paste0("c", seq_len(n))
  near <- t(vapply(seq_len(n), function(i) order(abs(seq_len(n) - i))[2:7], integer(6)))
  line <- cbind(x = seq_len(n), y = 0)
  found <- embed_quietly(velocity, line, expression = expression, knn = near)
  expect_true(all(found$arrows[3:(n - 2L), "x"] > 0.4))
  expect_true(all(found$arrows[, "y"] == 0))
  expect_gt(min(found$cells$end_points[116:120]), max(found$cells$end_points[1:100]))
  expect_gt(min(found$cells$root_cells[1:4]), max(found$cells$root_cells[20:120]))
  expect_gt(stats::cor(found$cells$velocity_pseudotime, seq_len(n), method = "spearman"), 0.99)
  expect_identical(
    embed_quietly(velocity, line, expression = expression, knn = near, root = "c60")$root, "c60"
  )
  # Neighbours as lists, with the cell itself first.
  lists <- list(index = cbind(seq_len(n), near), distance = matrix(0, n, 7))
  expect_identical(
    embed_quietly(velocity, line, expression = expression, knn = lists)$arrows, found$arrows
  )
  expect_output(print(found), "120 cells in 2 dimensions")
})

test_that("objects of every kind get the same results, and pipe", {
  counts <- SimulateDifferentiation(n.cells = 150, n.genes = 60)
  seurat <- EstimateVelocity(counts, verbose = FALSE)
  expect_message(seurat <- EmbedVelocity(seurat, reduction = "latent"), "Eigenvectors")
  columns <- c("velocity_confidence_transition", "root_cells", "end_points", "velocity_pseudotime")
  expect_true(all(columns %in% names(cell_data(seurat))))
  arrows <- embedding(seurat, "velocity_latent")
  expect_identical(dim(arrows), dim(embedding(seurat, "latent")))
  expect_identical(colnames(arrows)[[1L]], "velocitylatent_1")
  expect_true("velocity_graph" %in% SeuratObject::Graphs(seurat))
  again <- NULL
  expect_message(
    again <- EmbedVelocity(seurat, reduction = "latent", dims = 1:2, store.as = "two"),
    "used again"
  )
  expect_equal(ncol(embedding(again, "two")), 2L)
  result <- fetch_velocity(seurat)
  direct <- embed_quietly(result, embedding(seurat, "latent"))
  expect_equal(unname(arrows), unname(direct$arrows), tolerance = 1e-12)
  expect_equal(cell_data(seurat)$root_cells, direct$cells$root_cells, tolerance = 1e-12)

  skip_if_not_installed("SingleCellExperiment")
  sce <- SimulateDifferentiation(n.cells = 150, n.genes = 60, as = "sce")
  sce <- EstimateVelocity(sce, verbose = FALSE)
  sce <- embed_quietly(sce, reduction = "latent", store.as = "velocity_latent")
  expect_equal(
    unname(SingleCellExperiment::reducedDim(sce, "velocity_latent")), unname(arrows),
    tolerance = 1e-12
  )
  expect_equal(sce$velocity_pseudotime, cell_data(seurat)$velocity_pseudotime, tolerance = 1e-10)
  expect_equal(TransitionMatrix(sce), TransitionMatrix(seurat), tolerance = 1e-12)
})

test_that("results are the same on one thread and on two, and by the seed", {
  cells <- arrow_cells()
  one <- embed_quietly(cells$velocity, cells$at, threads = 1)
  expect_identical(embed_quietly(cells$velocity, cells$at, threads = 2), one)
  some <- embed_quietly(cells$velocity, cells$at, n.neighbors = 40, terminal = FALSE)
  expect_lte(max(Matrix::rowSums(some$graph != 0)), 40)
  expect_identical(names(some$cells), "velocity_confidence_transition")
  other <- embed_quietly(cells$velocity, cells$at, n.neighbors = 40, terminal = FALSE, seed.use = 1)
  expect_false(identical(some$graph@i, other$graph@i))
})

for (set in golden_sets) {
  for (mode in c("deterministic", "stochastic")) {
    test_that(paste(set, mode, "velocities have scVelo's graph"), {
      object <- golden_object(set)
      chosen <- golden_table(set, mode)$velocity_genes
      expression <- as.matrix(layer_data(object, "data", "Ms"))[chosen, ]
      velocity <- golden_array(set, mode, "velocity")[chosen, ]
      colnames(velocity) <- colnames(expression)
      found <- embed_quietly(
        velocity, embedding(object, "pca"), expression = expression, knn = golden_neighbours(set),
        sqrt.transform = mode == "stochastic", terminal = FALSE
      )
      wanted <- t(golden_array(set, mode, "graph_pos_minus_neg"))
      expect_lt(max(abs(as.matrix(found$graph) - wanted)), 1e-6)
      # From the counts on, too.
      whole <- EstimateVelocity(object, mode = mode, parity = TRUE, verbose = FALSE)
      whole <- embed_quietly(whole, reduction = "pca", terminal = FALSE)
      expect_lt(max(abs(as.matrix(fetch_graph(whole, "velocity_graph")) - wanted)), 2e-5)
    })
  }
}

test_that("wrong input is named", {
  cells <- arrow_cells()
  v <- cells$velocity
  expect_input_error(EmbedVelocity(v), "embedding")
  expect_input_error(embed_quietly(v, cells$at[-1, ]), "embedding", "149 rows")
  expect_input_error(embed_quietly(v, cells$at[150:1, ]), "embedding", "another order")
  expect_input_error(embed_quietly(v, cells$at, genes = c("a", "b")), "genes", "no velocities")
  expect_input_error(embed_quietly(v, cells$at, root = "nobody"), "root")
  expect_input_error(embed_quietly(v, cells$at, scale = -1), "scale")
  expect_input_error(embed_quietly(v, cells$at, tolerance = 2), "tolerance")
  expect_input_error(embed_quietly(v, cells$at, toleranc = 2), "toleranc", "tolerance")
  expect_input_error(embed_quietly(v$velocity, cells$at), "expression", "EstimateVelocity")
  flat <- matrix(2, 4, 20, dimnames = list(letters[1:4], NULL))
  near <- t(vapply(1:20, function(i) setdiff(order(abs(1:20 - i)), i)[1:5], integer(5)))
  expect_input_error(
    embed_quietly(flat, cbind(1:20, 1), expression = outer(1:4, 1:20), knn = near), "object", "same velocity"
  )
  expect_input_error(embed_quietly(tiny_seurat()), "object", "EstimateVelocity")
  expect_input_error(TransitionMatrix(tiny_seurat()), "object", "EstimateVelocity")
  expect_input_error(TransitionMatrix(matrix(0, 2, 3)), "object", "2 x 3")
  expect_input_error(
    TransitionMatrix(embed_quietly(v, cells$at, terminal = FALSE), negative = "signed", backward = TRUE),
    "negative"
  )
})
