# What velocities, their graph and their arrows were made from: what changed is an error or made anew, what is only
# renamed, reordered or left out goes on. For both kinds of object.

velocity_kinds <- function() c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")

fresh_cells <- local({
  made <- list()
  function(kind) {
    if (is.null(made[[kind]])) {
      made[[kind]] <<- SimulateDifferentiation(n.cells = 120, n.genes = 60, n.futures = 0, as = kind)
    }
    made[[kind]]
  }
})

estimated <- function(object, ...) EstimateVelocity(object, ..., verbose = FALSE)

embedded <- local({
  made <- list()
  function(kind) {
    if (is.null(made[[kind]])) {
      made[[kind]] <<- EmbedVelocity(estimated(fresh_cells(kind)), reduction = "latent", verbose = FALSE)
    }
    made[[kind]]
  }
})

latent_name <- function(object) choose_reduction(object, "latent")

# The object with another reduction in the place of the latent states.
with_latent <- function(object, x) {
  name <- latent_name(object)
  if (is_sce(object)) {
    SingleCellExperiment::reducedDim(object, name) <- x
    return(object)
  }
  object[[name]] <- SeuratObject::CreateDimReducObject(x, key = "latent_", assay = "RNA")
  object
}

with_counts <- function(object, change) {
  if (is_sce(object)) {
    SummarizedExperiment::assay(object, "spliced") <- change(SummarizedExperiment::assay(object, "spliced"))
    return(object)
  }
  object[["spliced"]] <- new_assay(change(layer_data(object, "counts", "spliced")), key = "spliced_")
  object
}

renamed <- function(object, names) {
  if (is_sce(object)) {
    colnames(object) <- names
    return(object)
  }
  SeuratObject::RenameCells(object, new.names = names)
}

arrows_drawn <- function(...) {
  plot <- PlotVelocity(..., style = "arrows", max.arrows = 1e6)
  at <- which(vapply(plot$layers, function(l) inherits(l$geom, "GeomSegment"), TRUE))[[1L]]
  plot$layers[[at]]$data[c("x", "y", "dx", "dy")]
}

# 1 for each cell itself, its neighbours, and those it is a neighbour of.
neighbour_sets <- function(knn) {
  n <- nrow(knn$index)
  sets <- diag(n)
  sets[cbind(rep(seq_len(n), ncol(knn$index)), as.vector(knn$index))] <- 1
  pmax(sets, t(sets))
}

expect_stale <- function(expr, what) {
  testthat::expect_error(expr, what, class = "fatefield_error_stale")
}

for (kind in velocity_kinds()) {
  test_that(paste(kind, "a second estimate has a graph of its own, and the first one is never used"), {
    object <- embedded(kind)
    expect_message(again <- estimated(object, k = 8), class = "fatefield_message_removed")
    expect_false(any(score_columns("velocity") %in% column_names(again)))
    expect_stale(TransitionMatrix(again), "estimated anew.*EmbedVelocity\\(\\)")
    expect_stale(PlotVelocity(again, "latent"), "estimated anew")
    now <- EmbedVelocity(again, reduction = "latent", verbose = FALSE)
    alone <- EmbedVelocity(estimated(fresh_cells(kind), k = 8), reduction = "latent", verbose = FALSE)
    expect_equal(TransitionMatrix(now), TransitionMatrix(alone))
    for (column in setdiff(score_columns("velocity"), "latent_time")) {
      expect_equal(cell_column(now, column, ""), cell_column(alone, column, ""))
    }
    expect_gt(max(abs(TransitionMatrix(now) - TransitionMatrix(object))), 0)
    # The same estimate once more changes nothing.
    expect_silent(same <- estimated(object))
    expect_message(EmbedVelocity(same, reduction = "latent"), "used again")
    expect_equal(TransitionMatrix(same), TransitionMatrix(object))
  })

  test_that(paste(kind, "arrows are those of the coordinates that are drawn"), {
    object <- embedded(kind)
    expect_silent(before <- arrows_drawn(object, "latent"))
    x <- embedding(object, "latent")
    x[, 1L] <- -x[, 1L]
    turned <- with_latent(object, x)
    expect_message(drawn <- arrows_drawn(turned, "latent"), class = "fatefield_message_arrows")
    expect_equal(drawn$dx, -before$dx)
    expect_silent(right <- arrows_drawn(EmbedVelocity(turned, reduction = "latent", verbose = FALSE), "latent"))
    expect_equal(drawn, right)
    # Arrows of one reduction are not drawn in another.
    name <- paste0("velocity_", latent_name(object))
    expect_input_error(PlotVelocity(object, "pca", arrows = name), "reduction", "are of the reduction")
    expect_input_error(vectors_for(object, name, "pca"), "reduction", "are of the reduction")
    expect_identical(vectors_for(object, name), latent_name(object))
    expect_stale(vectors_for(turned, name), "changed in 120 of 120 cells.*EmbedVelocity\\(reduction = ")
    # Two dimensions of it, drawn after a graph of other genes.
    flat <- EmbedVelocity(object, reduction = "latent", dims = 1:2, store.as = "flat", verbose = FALSE)
    genes <- rownames(fetch_velocity(object)$genes)
    other <- EmbedVelocity(flat, reduction = "pca", genes = genes[1:30], verbose = FALSE)
    expect_message(drawn <- arrows_drawn(other, "latent", arrows = "flat"), "are others")
    expect_equal(drawn, arrows_drawn(
      EmbedVelocity(object, reduction = "latent", genes = genes[1:30], dims = 1:2, verbose = FALSE), "latent"
    ))
  })

  test_that(paste(kind, "other counts or velocities are said at every door"), {
    object <- embedded(kind)
    other <- with_counts(object, function(x) x + 1)
    doors <- list(
      EmbedVelocity = function(x) EmbedVelocity(x, reduction = "latent", verbose = FALSE),
      TransitionMatrix = TransitionMatrix,
      PlotVelocity = function(x) PlotVelocity(x, "latent"),
      PlotPhase = function(x) PlotPhase(x, rownames(fetch_features(x, "velocity"))[[1L]]),
      FitVelocityField = function(x) FitVelocityField(x, epochs = 1, verbose = FALSE),
      ScoreVelocityField = function(x) ScoreVelocityField(x, fields = "mean", n.splits = 2, verbose = FALSE)
    )
    for (door in names(doors)) {
      error <- expect_stale(doors[[door]](other), "counts changed in 120 of 120 cells.*EstimateVelocity\\(\\)")
      expect_identical(error$argument, "object", info = door)
    }
    mine <- fetch_assay(object, "velocity")
    written <- object
    if (is_sce(object)) {
      SummarizedExperiment::assay(SingleCellExperiment::altExp(written, "velocity"), "data") <- -mine
    } else {
      written[["velocity"]] <- new_assay(data = -mine, key = "velocity_", features = feature_data(object, "velocity"))
    }
    for (door in names(doors)) expect_stale(doors[[door]](written), "the velocities \"velocity\" changed")
  })

  test_that(paste(kind, "cells that are left, renamed or reordered are followed"), {
    object <- embedded(kind)
    steps <- TransitionMatrix(object, self.transitions = FALSE)
    keep <- seq(2L, 120L, by = 2L)
    some <- object[, keep]
    wanted <- as.matrix(steps[keep, keep])
    wanted <- wanted / rowSums(wanted)
    expect_equal(as.matrix(TransitionMatrix(some, self.transitions = FALSE)), wanted)
    expect_silent(drawn <- arrows_drawn(some, "latent"))
    all <- arrows_drawn(object, "latent")
    expect_equal(drawn, all[keep, ], ignore_attr = TRUE)
    velocity <- fetch_velocity(some)
    expect_equal(velocity$velocity, fetch_velocity(object)$velocity[, keep])
    # A cell's moments are means over those of its neighbours that are left.
    whole <- fetch_velocity(object)
    gene <- rownames(whole$genes)[[1L]]
    sets <- neighbour_sets(whole$knn)[keep, keep]
    s <- whole$inputs$spliced[gene, keep] / whole$cells$spliced_size[keep]
    expect_equal(unname(velocity_moments(some, gene)$Ms[1L, ]), as.vector(sets %*% s) / rowSums(sets))
    expect_message(part <- EmbedVelocity(some, reduction = "latent"), "used again")
    expect_s3_class(PlotPhase(part, gene), "ggplot")
    expect_false(anyNA(cell_column(part, "velocity_confidence_transition", "")))

    new <- paste0("z", seq_len(120L))
    moved <- renamed(object, new)
    expect_equal(unname(as.matrix(TransitionMatrix(moved, self.transitions = FALSE))), unname(as.matrix(steps)))
    expect_identical(rownames(TransitionMatrix(moved)), new)
    expect_silent(expect_equal(arrows_drawn(moved, "latent"), all, ignore_attr = TRUE))
    expect_equal(fetch_velocity(moved)$knn, whole$knn)
    expect_silent(estimated(moved))
    mixed <- renamed(object, new)[, rev(keep)]
    at <- match(colnames(mixed), new)
    wanted <- as.matrix(steps[at, at])
    expect_equal(unname(as.matrix(TransitionMatrix(mixed, self.transitions = FALSE))), unname(wanted / rowSums(wanted)))
    expect_equal(fetch_velocity(mixed)$cells$spliced_size, whole$cells$spliced_size[at])
  })

  test_that(paste(kind, "nothing of the user's is overwritten"), {
    object <- fresh_cells(kind)
    own <- store_cells(object, data.frame(velocity = seq_len(120), row.names = colnames(object)))
    expect_input_error(estimated(own), "store.as", "column of the cell data")
    expect_no_error(estimated(own, store.as = "speed"))
    mine <- object
    values <- matrix(1, 2L, 120L, dimnames = list(c("a", "b"), colnames(object)))
    if (is_sce(mine)) {
      SingleCellExperiment::altExp(mine, "velocity") <- SummarizedExperiment::SummarizedExperiment(list(data = values))
    } else {
      mine[["velocity"]] <- new_assay(data = values, key = "mine_")
    }
    expect_input_error(estimated(mine), "store.as", "of your own")
    speed <- estimated(mine, store.as = "speed")
    expect_equal(as.vector(fetch_velocity(speed)$velocity), as.vector(fetch_velocity(embedded(kind))$velocity))
    speed <- EmbedVelocity(speed, reduction = "latent", verbose = FALSE)
    expect_true(all(c("speed_pseudotime", "speed_root_cells", "speed_spliced_size") %in% column_names(speed)))
    expect_true(paste0("speed_", latent_name(speed)) %in% reduction_names(speed))
    # A column keeps its values, and the result stands beside it.
    file <- object
    if (is_sce(file)) file$velocity_length <- 7 else file <- SeuratObject::AddMetaData(file, 7, "velocity_length")
    expect_warning(file <- estimated(file), class = "fatefield_warning_name")
    expect_equal(unique(cell_column(file, "velocity_length", "")), 7)
    expect_true("fatefield_velocity_length" %in% column_names(file))
    taken <- embedded(kind)
    expect_input_error(
      EmbedVelocity(taken, reduction = "pca", store.as = latent_name(taken), verbose = FALSE), "store.as", "of your own"
    )
    taken <- estimated(object)
    if (is_sce(taken)) taken$root_cells <- 7 else taken <- SeuratObject::AddMetaData(taken, 7, "root_cells")
    expect_warning(
      taken <- EmbedVelocity(taken, reduction = "latent", verbose = FALSE), class = "fatefield_warning_name"
    )
    expect_equal(unique(cell_column(taken, "root_cells", "")), 7)
    expect_true("fatefield_velocity_root_cells" %in% column_names(taken))
  })

  test_that(paste(kind, "several estimates do not meddle with each other"), {
    object <- embedded(kind)
    both <- estimated(object, mode = "deterministic", store.as = "steady")
    expect_equal(TransitionMatrix(both, velocity = "velocity"), TransitionMatrix(object))
    expect_input_error(TransitionMatrix(both), "object", "steady")
    both <- EmbedVelocity(both, reduction = "latent", verbose = FALSE)
    expect_equal(cell_column(both, "root_cells", ""), cell_column(object, "root_cells", ""))
    expect_true("steady_root_cells" %in% column_names(both))
    expect_input_error(TransitionMatrix(both, velocity = "sready"), "velocity", "Did you mean \"steady\"")
    expect_silent(expect_equal(
      arrows_drawn(both, "latent", arrows = paste0("velocity_", latent_name(both))), arrows_drawn(object, "latent")
    ))
  })
}

test_that("vectors of any kind are drawn in the reduction that they live in, and nowhere else", {
  for (kind in velocity_kinds()) {
    object <- fresh_cells(kind)
    home <- choose_reduction(object, "pca")
    x <- embedding(object, home)
    object <- store_vectors(object, -x, "drift_vectors", home, x, "DriftDiffusion()")
    expect_identical(vectors_for(object, "drift_vectors"), home)
    expect_silent(drawn <- arrows_drawn(object, arrows = "drift_vectors"))
    expect_equal(drawn$dx, -unname(x[, 1L]))
    expect_input_error(PlotVelocity(object, "latent", arrows = "drift_vectors"), "reduction",
      "are of the reduction .(pca|PCA)")
    some <- object[, 1:40]
    expect_silent(expect_equal(arrows_drawn(some, arrows = "drift_vectors"), drawn[1:40, ], ignore_attr = TRUE))
    if (is_sce(object)) {
      SingleCellExperiment::reducedDim(object, home) <- 2 * x
    } else {
      object[[home]] <- SeuratObject::CreateDimReducObject(2 * x, key = "PC_", assay = "RNA")
    }
    expect_stale(PlotVelocity(object, arrows = "drift_vectors"), "120 of 120 cells.*DriftDiffusion\\(\\)")
    # Vectors that were not made here live where the user says.
    own <- store_reduction(fresh_cells(kind), x, "mine")
    expect_null(vectors_for(own, "mine"))
    expect_s3_class(PlotVelocity(own, home, arrows = "mine"), "ggplot")
  }
})

test_that("counts that are no longer there stop what needs them alone", {
  object <- embedded("seurat")
  object[["unspliced"]] <- NULL
  expect_silent(arrows_drawn(object, "latent"))
  expect_equal(TransitionMatrix(object), TransitionMatrix(embedded("seurat")))
  expect_stale(PlotPhase(object, "fateA"), "no longer in the object")
  expect_stale(EmbedVelocity(object, reduction = "latent", verbose = FALSE), "no longer in the object")
})

test_that("results of velocities print, sum up, plot and are cut by genes and cells", {
  object <- embedded("seurat")
  velocity <- fetch_velocity(object)
  expect_output(print(velocity), "RNA velocity \\(stochastic\\) of [0-9]+ genes in 120 cells")
  expect_output(print(velocity), "median 0[.][0-9]+ \\(")
  expect_identical(as.data.frame(velocity)$gene, rownames(velocity$genes))
  expect_true("velocity_r2" %in% summary(velocity)$quantity)
  genes <- best_genes(velocity$genes, 2L)
  expect_true(all(velocity$genes[genes, "velocity_genes"]))
  used <- velocity$genes[velocity$genes$velocity_genes, ]
  expect_identical(velocity$genes[genes[[1L]], "velocity_r2"], max(used$velocity_r2))
  part <- velocity[rev(genes)]
  expect_identical(rownames(part$velocity), rev(genes))
  expect_identical(as.data.frame(part)$gene, rev(genes))
  expect_equal(velocity_moments(part), velocity_moments(velocity, rev(genes)))
  expect_identical(levels(plot(velocity, n.genes = 2L)$data$gene), genes)
  expect_s3_class(plot(velocity, type = "confidence"), "ggplot")
  expect_input_error(plot(velocity, type = "confidence", gens = 1), "gens")

  at <- embedding(object, "latent")
  arrows <- EmbedVelocity(velocity, at, verbose = FALSE)
  expect_output(print(arrows), "velocity arrows of 120 cells in 3 dimensions")
  expect_identical(as.data.frame(arrows)$cell, colnames(object))
  expect_true("root_cells" %in% summary(arrows)$quantity)
  few <- arrows[c(5, 2, 9)]
  expect_identical(rownames(few$arrows), colnames(object)[c(5, 2, 9)])
  expect_identical(dim(few$graph), c(3L, 3L))
  expect_identical(as.data.frame(few)$cell, rownames(few$cells))
  named <- rename_cells(few, stats::setNames(c("a", "b", "c"), rownames(few$cells)))
  expect_identical(as.data.frame(named)$cell, c("a", "b", "c"))
  drawn <- plot(arrows, at, style = "arrows", max.arrows = 1e6)$layers[[2L]]$data
  expect_equal(drawn[c("x", "y", "dx", "dy")], arrows_drawn(object, "latent"))
  expect_identical(nrow(plot(arrows[1:50], at, style = "arrows")$layers[[1L]]$data), 50L)
  expect_equal(plot(arrows, style = "arrows", max.arrows = 1e6)$layers[[2L]]$data, drawn)
  expect_input_error(plot(arrows, at[1:50, ]), "embedding")
})
