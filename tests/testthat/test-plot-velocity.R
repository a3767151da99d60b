# Cells on a disc that turn about its middle.
turning_cells <- function(n = 600L) {
  i <- seq_len(n)
  angle <- i * 2.399963
  plane <- cbind(x = cos(angle), y = sin(angle)) * sqrt(i / n)
  rownames(plane) <- paste0("c", i)
  list(plane = plane, arrows = cbind(-plane[, 2L], plane[, 1L]), group = rep(c("a", "b"), length.out = n))
}

velocity_object <- local({
  made <- NULL
  function() {
    if (is.null(made)) {
      cells <- SimulateDifferentiation(n.cells = 150, n.genes = 60)
      cells <- EstimateVelocity(cells, verbose = FALSE)
      made <<- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
    }
    made
  }
})

# Builds and draws a plot; returns the data of its layers.
drawn <- function(plot) {
  expect_s3_class(plot, "ggplot")
  file <- tempfile(fileext = ".pdf")
  on.exit(unlink(file))
  grDevices::pdf(file)
  print(plot)
  grDevices::dev.off()
  ggplot2::ggplot_build(plot)$data
}

geoms <- function(plot) vapply(plot$layers, function(layer) class(layer$geom)[[1L]], "")

test_that("each style draws what it says over all cells", {
  cells <- turning_cells()
  for (style in c("stream", "grid", "arrows")) {
    plot <- PlotVelocity(cells$plane, arrows = cells$arrows, style = style, group.by = cells$group)
    layers <- drawn(plot)
    expect_identical(nrow(layers[[1L]]), 600L)
    wanted <- if (style == "stream") c("GeomPath", "GeomSegment") else "GeomSegment"
    expect_true(all(wanted %in% geoms(plot)), info = style)
  }
  many <- PlotVelocity(cells$plane, arrows = cells$arrows, density = 2)
  few <- PlotVelocity(cells$plane, arrows = cells$arrows, density = 0.5)
  lines <- function(plot) length(unique(plot$layers[[2L]]$data$line))
  expect_gt(lines(many), 2 * lines(few))
})

test_that("lines turn the way the cells do", {
  cells <- turning_cells()
  lines <- PlotVelocity(cells$plane, arrows = cells$arrows, style = "stream")$layers[[2L]]$data
  step <- function(v) diff(v) * (diff(lines$line) == 0)
  cross <- lines$x[-1L] * step(lines$y) - lines$y[-1L] * step(lines$x)
  inner <- (lines$x^2 + lines$y^2 < 0.8)[-1L] & diff(lines$line) == 0
  expect_gt(mean(cross[inner] > 0), 0.99)
})

test_that("objects of both kinds find their arrows and colours", {
  cells <- velocity_object()
  plot <- PlotVelocity(cells, group.by = "day")
  expect_identical(plot$labels$x, colnames(embedding(cells, "latent"))[[1L]])
  expect_silent(drawn(plot))
  expect_silent(drawn(PlotVelocity(cells, "latent", style = "arrows", max.arrows = 10)))
  expect_identical(nrow(PlotVelocity(cells, style = "arrows", max.arrows = 10)$layers[[2L]]$data), 10L)
  expect_silent(drawn(PlotVelocity(cells, arrows = "velocity_latent", reduction = "latent")))
  expect_input_error(PlotVelocity(cells, reduction = "pca"), "reduction", "EmbedVelocity\\(reduction = \"pca\"")
  expect_input_error(PlotVelocity(tiny_seurat()), "reduction", "EmbedVelocity")
  expect_input_error(PlotVelocity(cells, dims = 9:10), "dims")
  skip_if_not_installed("SingleCellExperiment")
  sce <- tiny_sce()
  SingleCellExperiment::reducedDim(sce, "velocity_PCA") <- SingleCellExperiment::reducedDim(sce, "PCA")
  expect_silent(drawn(PlotVelocity(sce, "PCA", arrows = "velocity_PCA", style = "grid", group.by = "state")))
})

test_that("labels stand among the cells of their group, or in a legend", {
  cells <- turning_cells()
  half <- ifelse(cells$plane[, 1L] > 0, "right", "left")
  plot <- PlotVelocity(cells$plane, arrows = cells$arrows, group.by = half)
  text <- plot$layers[[length(plot$layers)]]$data
  expect_identical(sign(text$x), c(-1, 1))
  expect_identical(text$label, c("left", "right"))
  plain <- PlotVelocity(cells$plane, arrows = cells$arrows, group.by = half, label = FALSE)
  expect_false("GeomText" %in% geoms(plain))
})

test_that("colours, order, pixels and panels are as asked for", {
  cells <- turning_cells()
  shown <- function(plot) drawn(plot)[[1L]]
  draw <- function(...) PlotVelocity(cells$plane, arrows = cells$arrows, style = "arrows", ...)
  two <- shown(draw(group.by = cells$group, cols = c(b = "red", a = "blue")))
  expect_setequal(two$colour, c("red", "blue"))
  expect_identical(sum(two$colour == "red"), 300L)
  expect_setequal(shown(draw(group.by = cells$group, cols = c("red", "blue")))$colour, c("red", "blue"))
  value <- cells$plane[, 1L]
  high <- draw(group.by = value, order = TRUE)$data$group
  expect_false(is.unsorted(high))
  expect_true(is.unsorted(draw(group.by = value)$data$group))
  ends <- shown(draw(group.by = value, cols = c("black", "white"), order = TRUE))$colour
  expect_identical(toupper(ends[c(1L, 600L)]), c("#000000", "#FFFFFF"))
  half <- ifelse(cells$plane[, 1L] > 0, "right", "left")
  for (style in c("stream", "grid", "arrows")) {
    plot <- PlotVelocity(cells$plane, arrows = cells$arrows, style = style, group.by = cells$group, split.by = half)
    layers <- drawn(plot)
    expect_identical(tapply(layers[[1L]]$x > 0, layers[[1L]]$PANEL, mean)[[2L]], 1)
    # Arrows of a panel start among its cells.
    side <- unlist(lapply(plot$layers, function(l) {
      if (inherits(l$geom, "GeomSegment")) ifelse(l$data$panel == "right", 1, -1) * l$data$x
    }))
    expect_gt(mean(side > -0.1), 0.98)
  }
  expect_input_error(draw(split.by = half[-1]), "split.by")
  if (requireNamespace("scattermore", quietly = TRUE)) {
    expect_identical(geoms(draw(raster = TRUE))[[1L]], "GeomScattermore")
  } else {
    expect_input_error(draw(raster = TRUE), "", "scattermore")
  }
  if (requireNamespace("ggrepel", quietly = TRUE)) {
    expect_true("GeomTextRepel" %in% geoms(draw(group.by = half, repel = TRUE)))
  }
  object <- DefineFates(velocity_object(), labels = "state", cols = c(progenitor = "black"))
  expect_true("black" %in% shown(PlotVelocity(object, group.by = "state"))$colour)
  gene <- rownames(fetch_velocity(object)$genes)[[2L]]
  expect_true("black" %in% shown(PlotPhase(object, gene, group.by = "state"))$colour)
  expect_true("pink" %in% shown(PlotPhase(object, gene, group.by = "state", cols = c(progenitor = "pink")))$colour)
  expect_false(is.unsorted(PlotPhase(object, gene, group.by = "velocity", order = TRUE)$data$group))
})

test_that("what cannot be drawn is named", {
  cells <- turning_cells()
  expect_input_error(PlotVelocity(cells$plane), "arrows")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows[-1, ]), "arrows", "599 x 2")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows, style = "x"), "style")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows, density = 0), "density")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows, smooth = 0), "smooth")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows, smoth = 1), "smoth", "smooth")
  expect_input_error(PlotVelocity(cells$plane, arrows = cells$arrows, group.by = "day"), "group.by")
  expect_warning(
    PlotVelocity(cells$plane, arrows = 0 * cells$arrows), class = "fatefield_warning_no_arrows"
  )
})

test_that("phase portraits show moments, the steady state and fitted curves", {
  cells <- velocity_object()
  velocity <- fetch_velocity(cells)
  genes <- rownames(velocity$genes)[which(velocity$genes$velocity_genes)][1:3]
  plot <- PlotPhase(cells, genes, group.by = "day")
  expect_silent(drawn(plot))
  expect_identical(levels(plot$data$gene), genes)
  moments <- velocity_moments(velocity, genes)
  expect_setequal(plot$data$spliced[plot$data$gene == genes[[2L]]], moments$Ms[2L, ])
  line <- plot$layers[[2L]]$data
  expect_equal(line$yend / line$xend, velocity$genes[genes, "velocity_gamma"])
  expect_silent(drawn(PlotPhase(cells, genes, group.by = "velocity")))
  expect_silent(drawn(PlotPhase(velocity, genes[[1L]])))
  expect_input_error(PlotPhase(cells, "nobody"), "genes")
  expect_input_error(PlotPhase(cells), "genes")
  expect_input_error(PlotPhase(tiny_seurat(), "g1"), "object", "EstimateVelocity")
})

test_that("fitted curves solve the equations of the kinetics", {
  for (gamma in c(0.3, 0.6)) {
    # The second has the same rates of splicing and degradation.
    fit <- list(alpha = 2, beta = 0.5, gamma = gamma, scaling = 1.2, t_ = 6)
    curve <- phase_curve(fit, "g")
    beta <- 0.5 * 1.2
    u <- s <- 0
    steps <- 60000L
    h <- 6 / steps
    for (k in seq_len(steps)) {
      du <- 2 - beta * u
      s <- s + h * (beta * u - gamma * s)
      u <- u + h * du
    }
    on <- curve[curve$branch == "g on", ]
    expect_equal(c(on$unspliced[[1L]], on$spliced[[1L]]), c(0, 0))
    expect_equal(on$unspliced[[200L]] / 1.2, u, tolerance = 1e-3)
    expect_equal(on$spliced[[200L]], s, tolerance = 1e-3)
    off <- curve[curve$branch == "g off", ]
    expect_equal(off[1L, c("unspliced", "spliced")], on[200L, c("unspliced", "spliced")], ignore_attr = TRUE)
    expect_lt(off$spliced[[400L]], 0.05 * max(off$spliced))
  }
})
