# LatentEmbedding(): the units of the network, their scores against naive ones, and fields that have none.

test_that("embeddings are those of the network and move with the velocity", {
  x <- field_data()$x
  model <- tiny_field()
  found <- LatentEmbedding(x, model = model, n.neighbors = 10)
  expect_identical(dim(found$embedding), c(200L, 8L))
  v <- field_velocity(model$states[[1L]], x, 1L)
  h <- 1e-5
  at <- x + 0.5
  z <- function(x) unname(field_embed(model$states[[1L]], x, x, 1L)$z)
  exact <- field_embed(model$states[[1L]], at, v, 1L)$dz
  expect_equal(exact, (z(at + h * v) - z(at - h * v)) / (2 * h), tolerance = 1e-5)
  expect_identical(dim(LatentEmbedding(x, model = tiny_field("ae"), n.neighbors = 10)$embedding), c(200L, 8L))
  expect_error(LatentEmbedding(x, model = tiny_field("ridge")), "ridge", class = "fatefield_error_model")
  expect_input_error(LatentEmbedding(x, model = model, n.neighbors = 200), "n.neighbors")
})

test_that("silhouettes, coherence and ways are what they are called", {
  z <- field_data()$x[1:40, 1:3]
  labels <- factor(rep(c("a", "b", "c", "c"), 10L))
  d <- as.matrix(dist(z))
  naive <- vapply(1:40, function(i) {
    means <- tapply(d[i, -i], labels[-i], mean)
    own <- means[[as.character(labels[[i]])]]
    other <- min(means[names(means) != labels[[i]]])
    (other - own) / max(other, own)
  }, 0)
  expect_equal(mean_silhouette(z, labels), mean(naive))
  expect_equal(mean_coherence(matrix(c(1, 2, 5, 0, 0, 0), 3L), cbind(c(2, 3, 1))), 1)
  expect_equal(mean_coherence(cbind(c(1, -1)), cbind(2:1)), -1)
  # On a line the ways are the distances along it; what no edge reaches is infinitely far.
  line <- list(index = cbind(c(2, 3, 4, 3, 6, 5)), distance = cbind(c(1, 2, 3, 3, 1, 1)))
  expect_equal(graph_distances(line, 1L), c(0, 1, 3, 6, Inf, Inf))
  expect_equal(graph_distances(line, 3L), c(3, 2, 0, 3, Inf, Inf))
})

test_that("the embedding is a reduction of the object", {
  object <- FitVelocityField(field_cells(), epochs = 20, latent = 4, verbose = FALSE)
  object <- LatentEmbedding(object, labels = "branch", time = "time")
  expect_identical(dim(SeuratObject::Embeddings(object, "latent_field")), c(200L, 4L))
  found <- GetResult(object, "latent")
  scores <- as.data.frame(found)
  expect_identical(scores$space, c("latent", "expression"))
  expect_gt(scores$time[[1L]], 0.2)
  expect_true(all(abs(as.matrix(scores[-1L])) <= 1))
  expect_identical(summary(found), scores)
  expect_output(print(found), "200 cells x 4 units\nin them .*silhouette .* and ")
  expect_identical(found["latent"]$table, scores[1L, ])
  for (type in c("embedding", "scores")) expect_silent(ggplot2::ggplot_build(plot(found, type = type)))
  expect_silent(ggplot2::ggplot_build(plot(found, group.by = object$branch, cols = c(major = "red3"))))
  other <- EstimateVelocity(object, mode = "deterministic", genes = rownames(object), nfeatures = 0, verbose = FALSE)
  expect_error(GetResult(other, "latent"), "LatentEmbedding", class = "fatefield_error_stale")
  expect_input_error(LatentEmbedding(object, store.as = "spliced"), "store.as")
  skip_if_not_installed("SingleCellExperiment")
  sce <- LatentEmbedding(SetModel(field_cells("sce"), GetModel(object)), labels = "branch", time = "time")
  expect_equal(as.data.frame(GetResult(sce, "latent")), scores)
  expect_equal(unname(SingleCellExperiment::reducedDim(sce, "latent_field")),
    unname(SeuratObject::Embeddings(object, "latent_field")))
})
