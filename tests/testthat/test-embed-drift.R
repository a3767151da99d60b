# The drift of a model as arrows in an embedding.

cells <- SimulateCycle(n.cells = 300, n.genes = 30)
truth <- SeuratObject::Misc(cells, "truth")
ring <- SeuratObject::Embeddings(cells, "latent")
model <- FitSDE(ring, time = cells$day, updates = 20, n.models = 1, verbose = FALSE)
drift <- DriftDiffusion(ring, model)$vectors
cosine <- function(a, b) rowSums(a * b) / sqrt(rowSums(a^2) * rowSums(b^2))

test_that("arrows point where the drift does, and turn with the embedding", {
  there <- EmbedVelocity(ring, ring, model = model, verbose = FALSE)
  expect_s3_class(there, "fatefield_arrows")
  expect_gt(stats::median(cosine(there$arrows, drift)), 0.8)
  turn <- matrix(c(0, 1, -1, 0), 2)
  turned <- EmbedVelocity(ring, ring %*% turn, model = model, verbose = FALSE)
  expect_equal(unname(turned$arrows), unname(there$arrows %*% turn), tolerance = 1e-6)
})

test_that("graph entries are cosines of the drift with steps", {
  graph <- EmbedVelocity(ring, ring, model = model, verbose = FALSE)$graph
  at <- Matrix::summary(graph)[1:20, ]
  step <- ring[at$j, ] - ring[at$i, ]
  expect_equal(at$x, unname(cosine(step, drift[at$i, ])), tolerance = 1e-4)
})

test_that("arrows of an object are stored and drawn", {
  cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 3, n.models = 1, verbose = FALSE)
  cells <- EmbedVelocity(cells, reduction = "latent", model = "sde", verbose = FALSE)
  expect_true("sde_latent" %in% names(cells@reductions))
  expect_s3_class(PlotVelocity(cells, arrows = "sde_latent"), "ggplot")
  expect_s3_class(PlotVelocity(cells, reduction = "latent", style = "grid"), "ggplot")
})

test_that("an embedding without common neighbours is refused", {
  set.seed(1)
  expect_error(EmbedVelocity(ring, matrix(rnorm(600), 300), model = model), "chance", class = "fatefield_error_input")
})
