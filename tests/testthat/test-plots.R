# Plots are checked by what they would draw.
drawn <- function(plot) {
  testthat::expect_s3_class(plot, "ggplot")
  ggplot2::ggplot_build(plot)$data
}

predicted <- function(object, ...) {
  model <- stub_model(dims = colnames(embedding(object)), ...)
  object <- store_model(object, model)
  with_engines(list(fork_engine()), {
    object <- PredictFate(object, labels = "state", cells = 1:30, n.sim = 5, k = 5, cutoff = 0,
      exclude = "progenitor", reference = 1:60, verbose = FALSE)
    DriftDiffusion(object)
  })
}

test_that("fates are drawn for every kind of object", {
  for (object in tiny_objects()) {
    object <- predicted(object)
    layers <- drawn(PlotFate(object))
    known <- sum(!is.na(cell_column(object, "fate", "x")))
    expect_identical(c(nrow(layers[[1]]), nrow(layers[[2]])), c(60L - known, known))
    panels <- drawn(PlotFate(object, type = "probability", fates = "up"))
    expect_identical(levels(panels[[2]]$PANEL), "1")
    expect_input_error(PlotFate(object, fates = "upp"), "fates", "Did you mean \"up\"")
    expect_input_error(PlotFate(object, name = "nothing"), "object", "nothing")
    expect_input_error(PlotFate(object, reduction = "umap"), "reduction")
    expect_input_error(PlotFate(object, dims = 1), "dims")
    expect_input_error(PlotFate(object, type = "pie"), "type")
  }
})

test_that("fates of a matrix are drawn in the plane given", {
  x <- tiny_cells()$x
  fate <- with_engines(list(fork_engine()), PredictFate(
    x, model = stub_model(), labels = tiny_cells()$label, n.sim = 4, k = 5, verbose = FALSE
  ))
  expect_identical(nrow(drawn(PlotFate(fate, embedding = x))[[2]]), sum(!is.na(fate$fate)))
  expect_input_error(PlotFate(fate), "embedding")
  expect_input_error(PlotFate(x, embedding = x), "object")
  rownames(x) <- paste0("other", 1:60)
  expect_input_error(PlotFate(fate, embedding = x), "embedding", "none of its cells")
})

test_that("plots of cells take Seurat's words", {
  for (object in tiny_objects()) {
    object <- predicted(object)
    text <- drawn(PlotFate(object, label = TRUE, repel = FALSE))[[3]]
    expect_setequal(text$label, levels(droplevels(cell_column(object, "fate", "x"))))
    expect_length(levels(drawn(PlotFate(object, split.by = "day"))[[2]]$PANEL), 3L)
    grid <- drawn(PlotFate(object, type = "probability", split.by = "day"))[[2]]
    expect_length(levels(grid$PANEL), 6L)
    shown <- PlotFate(object, type = "probability", fates = "up")$data$probability
    expect_false(is.unsorted(shown))
    plain <- PlotFate(object, type = "probability", fates = "up", order = FALSE)$data$probability
    expect_identical(plain, unname(GetResult(object, "fates")$probability[, "up"]))
    expect_identical(unique(drawn(PlotFate(object, pt.size = 3))[[2]]$size), 3)
    split <- PlotDriftDiffusion(object, what = "drift", split.by = "day", order = TRUE)
    expect_false(is.unsorted(split$data$value))
    expect_length(levels(drawn(split)[[2]]$PANEL), 3L)
    expect_identical(nrow(drawn(PlotPotential(object, observed = TRUE, pt.size = 2))[[3]]), 60L)
    expect_input_error(PlotFate(object, split.by = "dya"), "split.by", "day")
    expect_input_error(PlotFate(object, cols = c(up = "none")), "cols", "none")
    expect_input_error(PlotFate(object, max.cells = 3), "max.cells")
    if (requireNamespace("scattermore", quietly = TRUE)) {
      expect_s3_class(PlotFate(object, raster = TRUE)$layers[[2]]$geom, "GeomScattermore")
    }
  }
})

test_that("drift and diffusion are drawn with arrows along the drift", {
  for (object in tiny_objects()) {
    object <- predicted(object)
    plots <- PlotDriftDiffusion(object, combine = FALSE, dims = c(1, 2))
    expect_length(plots, 2L)
    arrows <- drawn(plots[[1]])[[3]]
    expect_true(all(abs(arrows$xend - arrows$x) < 1e-12))
    expect_true(all(sign(arrows$yend - arrows$y) == sign(arrows$y)))
    expect_length(drawn(PlotDriftDiffusion(object, what = "potential", arrows = FALSE)), 2L)
    expect_input_error(PlotDriftDiffusion(object, what = "growth"), "what", "DriftDiffusion")
    expect_input_error(PlotDriftDiffusion(object, what = "speed"), "what")
    expect_input_error(PlotDriftDiffusion(object, name = "nothing"), "object", "nothing")
  }
})

test_that("in another reduction arrows lead where the neighbours of the next state are", {
  object <- predicted(tiny_seurat("v3", n = 600L))
  x <- embedding(object)
  object <- store_reduction(object, cbind(-x[, 2], x[, 1]), "turned")
  arrows <- drawn(PlotDriftDiffusion(object, reduction = "turned", what = "drift"))[[3]]
  outward <- sign(arrows$xend - arrows$x) == sign(arrows$x)
  expect_gt(mean(outward[abs(arrows$x) > 0.3 & abs(arrows$x) < 1.8]), 0.8)
})

test_that("trajectories are drawn by time, cell and fate", {
  object <- tiny_seurat()
  x <- embedding(object)
  futures <- fork_engine()$simulate(x[1:3, ], c(0, 1, 2), 4L, 1, 0)
  paths <- new_trajectories(
    futures$states, c(0, 1, 2), factor(rep(rownames(x)[1:3], each = 4)), rep(1:4, 3),
    reduction = "pca", dims = colnames(x)
  )
  layers <- drawn(plot(paths, object))
  expect_identical(vapply(layers, nrow, 1L), c(60L, 36L, 12L))
  expect_identical(nrow(drawn(plot(paths, n.paths = 5))[[1]]), 15L)
  by_fate <- drawn(plot(paths, object, "fate", labels = "state", k = 5))[[2]]
  expect_gt(length(unique(by_fate$colour)), 1L)
  expect_length(unique(drawn(plot(paths, x, "cell"))[[2]]$colour), 3L)
  object <- store_reduction(object, x[, c(2, 1)], "turned")
  turned <- drawn(plot(paths, object, reduction = "turned", n.neighbors = 1))[[2]]
  expect_true(all(turned$x %in% x[, 2]))
  expect_input_error(plot(paths, group.by = "fate"), "observed")
  expect_input_error(plot(paths, object, "fate"), "labels")
  expect_input_error(plot(paths, object, "fate", labels = "no"), "labels")
  expect_input_error(plot(paths, x[, 1:2]), "observed", "2 dimensions")
  expect_input_error(plot(paths, reduction = "umap"), "observed")
  expect_input_error(plot(paths, dims = 1:4), "dims")
  expect_input_error(plot(paths, max.paths = 5), "max.paths", "n.paths")
})

test_that("a training is drawn whatever its history records", {
  history <- data.frame(member = rep(1:2, each = 20), update = rep(1:20, 2), loss = 1 / (1:40),
    sinkhorn_1 = 2 / (1:40), sinkhorn_2 = 3 / (1:40), ratio_penalty = 0,
    held_out = ifelse(1:40 %% 10 == 0, 1, NaN) / 1:40)
  plot <- PlotTraining(history)
  layers <- drawn(plot)
  expect_identical(nrow(layers[[1]]), 3L * 40L + 4L)
  expect_identical(nrow(layers[[2]]), 4L)
  expect_identical(levels(plot$data$panel), c("loss", "Sinkhorn divergence", "held out"))
  expect_identical(plot$scales$get_scales("colour")$breaks, c("time 1", "time 2"))
  # A panel for each stage and quantity; titles name what has one of its own, and a legend what has not.
  staged <- PlotTraining(data.frame(update = 1:6, stage = rep(c("bridge", "rollouts"), each = 3), loss = 6:1,
    norm = c(1:3, 4, 4, 4)))
  expect_identical(levels(staged$data$panel), c("bridge: loss", "bridge: norm", "rollouts: loss"))
  expect_length(staged$scales$get_scales("colour")$breaks, 0L)
  fields <- PlotTraining(data.frame(epoch = 1:3, error = 3:1, held_out = c(3, 2, 2), kl = 1:3))
  expect_identical(levels(fields$data$panel), c("error", "kl"))
  expect_identical(fields$scales$get_scales("colour")$breaks, c("training", "held out"))
  expect_identical(nrow(drawn(PlotTraining(data.frame(a = 1:3)))[[1]]), 3L)
  expect_input_error(PlotTraining(data.frame(a = c(1, 1))), "object")
  expect_input_error(PlotTraining(data.frame()), "object")
  expect_input_error(PlotTraining(history, columns = "los"), "columns", "Did you mean \"loss\"")
  expect_error(PlotTraining(tiny_seurat()), class = "fatefield_error_model")
})

test_that("axes of a training are logarithmic where all values of their panel are positive", {
  history <- data.frame(update = 1:4, loss = c(1000, 100, 10, 1), gain = c(-1, 0, 1, 2))
  plot <- PlotTraining(history)
  y <- split(plot$data$y, plot$data$series)
  expect_equal(y$loss, c(3, 2, 1, 0))
  expect_equal(y$gain, history$gain)
  expect_identical(PlotTraining(history, log10 = FALSE)$data$y, unlist(history[-1], use.names = FALSE))
  expect_identical(log_labels(log_breaks(c(0, 3))), c("1", "10", "100", "1000"))
  expect_identical(plain_labels(plain_breaks(c(-1, 2))), c("-1", "0", "1", "2"))
  shown <- ggplot2::ggplot_build(plot)$layout$panel_params
  expect_true(all(c("10", "100") %in% shown[[1]]$y$get_labels()))
  expect_true("0" %in% shown[[2]]$y$get_labels())
})

test_that("paths are drawn smooth, from their starts to their ends", {
  times <- seq(0, 1, 0.1)
  states <- array(c(times, (-1)^(0:10)), c(1L, 2L, 11L))
  states[1, 1, ] <- times
  states[1, 2, ] <- (-1)^(0:10)
  smooth <- smooth_states(states, times, 0.4)
  expect_equal(smooth[1, 1, ], times)
  expect_identical(smooth[1, 2, c(1, 11)], states[1, 2, c(1, 11)])
  expect_lt(max(abs(smooth[1, 2, 3:9])), 0.2)
  expect_identical(smooth_states(states, times, 0), states)
  states[1, 2, 5] <- NaN
  expect_identical(which(!is.finite(smooth_states(states, times, 0.4)[1, 2, ])), 5L)
  paths <- new_trajectories(states, times, "a", 1L)
  expect_identical(c(smooth_width(NULL, paths), smooth_width(0.1, paths)), c(0.3, 0.1))
  expect_input_error(plot(paths, span = 2), "span")
})

test_that("colours suffice for many labels", {
  expect_s3_class(scale_labels(letters[1:16]), "ScaleDiscrete")
  expect_s3_class(scale_labels(letters), "ScaleDiscrete")
  expect_identical(length(unique(label_palette)), 16L)
  expect_identical(thinned(10, 4), c(1L, 4L, 7L, 10L))
})
