# EstimateVelocity(): every kind of object, against plain R, and what it says of bad input.

# The steady state in plain R. `means`: cells x cells, rows sum to 1.
naive_velocity <- function(s, u, means, mode, limit = 0.95) {
  means <- Matrix::t(means)
  Ms <- as.matrix(s %*% means)
  Mu <- as.matrix(u %*% means)
  Mss <- as.matrix((s * s) %*% means)
  Mus <- as.matrix((s * u) %*% means)
  rows <- lapply(seq_len(nrow(s)), function(g) {
    x <- Ms[g, ]
    y <- Mu[g, ]
    a <- x / max(x, 1e-3) + y / max(y, 1e-3)
    top <- a >= stats::quantile(a, limit)
    gamma <- sum((x * y)[top]) / sum((x^2)[top])
    v <- y - gamma * x
    r2 <- 1 - sum(v^2) / sum((y - mean(y))^2)
    ratio <- gamma
    if (mode == "stochastic" && r2 > 0.01 && gamma > 0.01) {
      A <- 2 * Mss[g, ] - x
      C <- 2 * Mus[g, ] + y
      slope <- sum(A * C) / sum(A^2)
      sd <- function(z) sqrt(mean((z - mean(z))^2))
      w <- top | x >= stats::quantile(x, limit)
      lm_x <- c((w * x) / sd(v), A / sd(C - slope * A))
      lm_y <- c((w * y) / sd(v), C / sd(C - slope * A))
      gamma <- sum(lm_x * lm_y) / sum(lm_x^2)
    }
    list(gamma = gamma, ratio = ratio, r2 = r2, velocity = y - gamma * x)
  })
  list(
    gamma = vapply(rows, `[[`, 0, "gamma"), r2 = vapply(rows, `[[`, 0, "r2"),
    ratio = vapply(rows, `[[`, 0, "ratio"), velocity = do.call(rbind, lapply(rows, `[[`, "velocity"))
  )
}

# Uniform means over a cell, its neighbours and those it is a neighbour of.
naive_means <- function(knn) {
  n <- nrow(knn$index)
  near <- Matrix::sparseMatrix(
    i = c(seq_len(n), rep(seq_len(n), ncol(knn$index))), j = c(seq_len(n), as.vector(knn$index)),
    x = 1, dims = c(n, n)
  )
  near <- (near + Matrix::t(near) > 0) * 1
  near / Matrix::rowSums(near)
}

sized <- function(m) {
  total <- colSums(m)
  sweep(m, 2L, total / stats::median(total), "/")
}

test_that("matrices give what plain R gives", {
  x <- cells_of_known_kinetics()
  for (mode in c("deterministic", "stochastic")) {
    found <- estimate(x, mode = mode, k = 20)
    expect_s3_class(found, "fatefield_velocity")
    s <- as.matrix(x$spliced)
    u <- as.matrix(x$unspliced)
    kept <- rowSums((s + u) * (s > 0 & u > 0)) >= 20
    expect_identical(rownames(found$genes), rownames(s)[kept])
    expect_equal(found$cells$spliced_size, unname(colSums(s) / stats::median(colSums(s))))
    expect_equal(found$cells$unspliced_size, unname(colSums(u) / stats::median(colSums(u))))

    s <- sized(s)[kept, ]
    u <- sized(u)[kept, ]
    scores <- stats::prcomp(t(log1p(s)), rank. = 30)$x
    knn <- naive_knn(scores, 20L)
    expect_equal(found$knn$distance, knn$distance, tolerance = 1e-5)
    expect_identical(dim(found$knn$index), c(300L, 19L))

    wanted <- naive_velocity(s, u, naive_means(found$knn), mode)
    expect_equal(found$genes$velocity_gamma, wanted$gamma)
    expect_equal(found$genes$velocity_qreg_ratio, wanted$ratio)
    expect_equal(found$genes$velocity_r2, wanted$r2)
    expect_equal(unname(found$velocity), unname(wanted$velocity))
    expect_identical(found$genes$velocity_genes, wanted$r2 > 0.01 & wanted$ratio > 0.01)

    v <- wanted$velocity[found$genes$velocity_genes, ]
    agreement <- stats::cor(v)
    near <- vapply(seq_len(300L), function(i) mean(agreement[i, found$knn$index[i, ]]), 0)
    expect_equal(found$cells$velocity_confidence, pmax(0, near), tolerance = 1e-5)
    length <- sqrt(colSums(sweep(v, 2L, colMeans(v))^2))
    expect_equal(found$cells$velocity_length, unname(length))
  }
})

test_that("velocities point the way the cells of known kinetics go", {
  x <- cells_of_known_kinetics(1500L, 60L, rate = 3)
  found <- estimate(x)
  genes <- found$genes$velocity_genes & found$genes$velocity_r2 > 0.5
  expect_gt(sum(genes), 10L)
  # A gene rises until it is switched off, and falls then.
  rises <- outer(x$genes[rownames(found$genes), "switched"], x$time, `>`)
  right <- rowMeans((found$velocity > 0) == rises)
  expect_gt(stats::median(right[genes]), 0.6)
})

test_that("layers made of a list of counts are found by their names", {
  x <- cells_of_known_kinetics()
  object <- splicing_objects(x)$sce
  skip_if(is.null(object), "no SingleCellExperiment")
  SummarizedExperiment::assayNames(object)[2:3] <- c("counts.spliced", "counts.unspliced")
  expect_identical(find_layer(object, NULL, "spliced", "spliced")$layer, "counts.spliced")
  expect_input_error(find_layer(object, "spliced", "spliced", "spliced"), "spliced", "counts.spliced")
})

test_that("every kind of object holds what its matrices give", {
  x <- cells_of_known_kinetics()
  wanted <- estimate(x, variance = TRUE)
  objects <- splicing_objects(x)
  for (kind in names(objects)) {
    object <- EstimateVelocity(objects[[kind]], variance = TRUE, verbose = FALSE)
    found <- fetch_velocity(object)
    for (part in c("velocity", "variance", "knn", "cells", "mode")) {
      expect_equal(found[[part]], wanted[[part]], label = paste(kind, part))
    }
    expect_equal(found$genes, wanted$genes, ignore_attr = TRUE)
    expect_identical(velocity_moments(object, "gene3"), velocity_moments(wanted, "gene3"))
    expect_equal(
      unname(cell_column(object, "velocity_length", "")), wanted$cells$velocity_length
    )
    expect_equal(fetch_velocity(object, "velocity"), found)

    # Results follow the cells.
    some <- object[, 31:90]
    part <- fetch_velocity(some, neighbours = FALSE)
    expect_equal(part$velocity, wanted$velocity[, 31:90])
    expect_null(part$knn)
    expect_equal(fetch_velocity(some)$velocity, wanted$velocity[, 31:90])

    # Another estimate beside the first.
    both <- EstimateVelocity(object, mode = "deterministic", store.as = "steady", verbose = FALSE)
    expect_identical(fetch_velocity(both)$mode, "deterministic")
    expect_equal(fetch_velocity(both, "velocity"), found)
  }
})

test_that("a Seurat object has the neighbours in Seurat's own form, and the command", {
  x <- cells_of_known_kinetics()
  object <- EstimateVelocity(splicing_objects(x)$seurat, k = 12, verbose = FALSE)
  neighbours <- object[["velocity.nn"]]
  expect_identical(neighbours@nn.idx[, 1L], seq_len(300L))
  expect_equal(neighbours@nn.idx[, -1L], fetch_velocity(object)$knn$index)
  expect_true("EstimateVelocity" %in% SeuratObject::Command(object))
  expect_true("velocity_genes" %in% names(feature_data(object, "velocity")))
  # They can be taken for another estimate.
  again <- EstimateVelocity(object, graph = "velocity.nn", store.as = "again", verbose = FALSE)
  expect_equal(fetch_assay(again, "again"), fetch_assay(object, "velocity"))
})

test_that("the same bytes come from one and two threads", {
  x <- cells_of_known_kinetics()
  expect_identical(estimate(x, threads = 1), estimate(x, threads = 2))
})

test_that("moments are those the velocities are made of, gene by gene or known before", {
  x <- cells_of_known_kinetics()
  found <- estimate(x)
  all <- velocity_moments(found)
  expect_equal(all$Mu - found$genes$velocity_gamma * all$Ms, found$velocity)
  some <- rev(rownames(found$genes))[1:3]
  expect_identical(velocity_moments(found, some), lapply(all, function(m) m[some, ]))
  second <- velocity_moments(found, some, second = TRUE)
  expect_named(second, c("Ms", "Mu", "Mss", "Mus"))
  expect_input_error(velocity_moments(found, "gen3"), "genes", "gene3")

  known <- lapply(all, function(m) m[rev(rownames(m)), ] * 2)
  again <- estimate(x, moments = known, mode = "deterministic")
  expect_equal(again$genes$velocity_gamma, found$genes$velocity_qreg_ratio)
  expect_equal(velocity_moments(again)$Ms, 2 * all$Ms)
  expect_input_error(estimate(x, moments = list(all$Ms[-1, ], all$Mu)), "moments", "lack 1")
  expect_input_error(estimate(x, moments = all$Ms), "moments", "list")
})

test_that("neighbours can be given as a reduction, as lists and as graphs", {
  x <- cells_of_known_kinetics()
  own <- estimate(x)
  set <- function(n, d) matrix(sin(seq_len(n * d)^1.3), n)
  space <- set(300L, 6L)
  given <- estimate(x, reduction = space, dims = 1:4, k = 15)
  knn <- naive_knn(space[, 1:4], 15L)
  expect_equal(given$knn$index, knn$index)
  lists <- estimate(x, graph = knn)
  expect_equal(lists$velocity, given$velocity)
  with_self <- list(index = cbind(1:300, knn$index), distance = cbind(0, knn$distance))
  expect_equal(estimate(x, graph = with_self)$velocity, given$velocity)

  rows <- rep(1:300, ncol(knn$index))
  distances <- Matrix::sparseMatrix(
    i = rows, j = as.vector(knn$index), x = as.vector(knn$distance), dims = c(300L, 300L)
  )
  both <- estimate(x, graph = list(distances = distances))
  expect_equal(both$velocity, given$velocity)
  expect_equal(both$knn, given$knn, tolerance = 1e-6)
  weights <- distances
  weights@x <- exp(-weights@x)
  weighed <- estimate(x, graph = weights)
  expect_equal(weighed$velocity, given$velocity)
  expect_equal(weighed$knn$index, knn$index)
  expect_identical(ncol(estimate(x, graph = weights, k = 5)$knn$index), 4L)

  lonely <- weights
  lonely[7, ] <- 0
  expect_input_error(estimate(x, graph = lonely), "graph", "number 7")
  expect_input_error(estimate(x, graph = weights[1:5, 1:5]), "graph", "300")
  expect_input_error(estimate(x, graph = "RNA_nn"), "graph", "square matrix")
  expect_input_error(estimate(x, reduction = space[1:9, ]), "reduction", "9 rows")
  expect_input_error(estimate(x, k = 301), "k", "301")
  expect_input_error(estimate(x, k = 1), "k", "at least 2")
})

test_that("genes can be named, retained and chosen by how they vary", {
  x <- cells_of_known_kinetics()
  all <- estimate(x)
  genes <- rev(rownames(all$genes)[all$genes$velocity_genes])[1:5]
  named <- estimate(x, genes = genes)
  expect_identical(rownames(named$velocity), genes)
  expect_equal(named$velocity, all$velocity[genes, ])

  top <- estimate(x, nfeatures = 30)
  expect_identical(nrow(top$genes), 30L)
  expect_true(all(top$genes$highly_variable))
  left <- setdiff(rownames(all$genes), rownames(top$genes))[1:2]
  kept <- estimate(x, nfeatures = 30, retain = left)
  expect_identical(nrow(kept$genes), 32L)
  expect_identical(kept$genes[left, "highly_variable"], c(FALSE, FALSE))

  few <- estimate(x, min.shared.counts = 300)
  expect_lt(nrow(few$genes), nrow(all$genes))
  expect_input_error(estimate(x, genes = "gen2"), "genes", "gene2")
  expect_input_error(estimate(x, min.shared.counts = 1e9), "min.shared.counts", "the most of any gene")
  expect_input_error(estimate(x, min.sharde.counts = 3), "min.sharde.counts", "min.shared.counts")
  expect_input_error(estimate(x, percentile.upper = 0), "percentile.upper")
})

test_that("the ratio can have an offset, and r2 be that of all cells", {
  x <- cells_of_known_kinetics()
  plain <- estimate(x, mode = "deterministic")
  Ms <- velocity_moments(plain)$Ms
  Mu <- velocity_moments(plain)$Mu
  found <- estimate(x, mode = "deterministic", fit.offset = TRUE)
  for (g in c(1L, 5L, 20L)) {
    a <- Ms[g, ] / max(Ms[g, ]) + Mu[g, ] / max(Mu[g, ])
    used <- a >= stats::quantile(a, 0.95) | a <= stats::quantile(a, 0.05)
    line <- unname(stats::coef(stats::lm(Mu[g, used] ~ Ms[g, used])))
    if (line[[1L]] < 0) line <- c(0, sum((Mu[g, ] * Ms[g, ])[used]) / sum((Ms[g, ]^2)[used]))
    expect_equal(c(found$genes$velocity_offset[[g]], found$genes$velocity_gamma[[g]]), line)
  }
  expect_equal(
    found$velocity, Mu - found$genes$velocity_gamma * Ms - found$genes$velocity_offset
  )
  adjusted <- estimate(x, mode = "deterministic", r2.adjusted = TRUE)
  slope <- rowSums(Ms * Mu) / rowSums(Ms^2)
  r2 <- 1 - rowSums((Mu - slope * Ms)^2) / rowSums((Mu - rowMeans(Mu))^2)
  expect_equal(adjusted$genes$velocity_r2, unname(r2))
  expect_input_error(estimate(x, fit.offset = TRUE), "fit.offset", "deterministic")
})

test_that("batches share neighbours, are brought to one depth, and keep their unspliced share", {
  x <- cells_of_known_kinetics()
  batch <- rep(c("a", "b"), 150)
  deep <- x
  at <- batch == "b"
  deep$spliced[, at] <- deep$spliced[, at] * 4
  deep$unspliced[, at] <- deep$unspliced[, at] * 8
  space <- cbind(x$time, sin(seq_len(300)))
  found <- estimate(deep, batch = batch, reduction = space)
  expect_identical(levels(found$cells$batch), c("a", "b"))
  expect_equal(attr(found, "batches")$mixing, c(1, 1), tolerance = 0.1)
  total <- function(m, size) Matrix::colSums(m) / size
  s <- total(deep$spliced, found$cells$spliced_size)
  u <- total(deep$unspliced, found$cells$unspliced_size)
  expect_equal(unname(s + u), rep(mean(s + u), 300L))
  raw <- tapply(Matrix::colSums(x$unspliced), batch, stats::median) /
    tapply(Matrix::colSums(x$spliced), batch, stats::median)
  share <- tapply(u / s, batch, stats::median)
  expect_equal(unname(share[["b"]] / share[["a"]]), 2 * raw[["b"]] / raw[["a"]], tolerance = 1e-6)

  expect_input_error(estimate(deep, batch = batch), "batch", "reduction")
  expect_input_error(estimate(deep, batch = batch[-1], reduction = space), "batch", "300")
  expect_warning(
    estimate(x, batch = batch, time = as.integer(factor(batch)), reduction = space),
    class = "fatefield_warning_confounded"
  )
  expect_silent(estimate(x, batch = batch, time = rep(1:3, 100), reduction = space))
  object <- splicing_objects(x)$seurat
  object$sample <- batch
  object$day <- ifelse(batch == "a", 1, 2)
  object <- add_reduction(object, `rownames<-`(space, colnames(object)), "harmony", "harmony")
  expect_warning(
    EstimateVelocity(object, batch = "sample", time = "day", reduction = "harmony", verbose = FALSE),
    class = "fatefield_warning_confounded"
  )
})

test_that("values that are no counts are left alone, and logarithms refused", {
  x <- cells_of_known_kinetics()
  whole <- estimate(x, nfeatures = 0, min.shared.counts = 0)
  s <- sized(as.matrix(x$spliced))
  u <- sized(as.matrix(x$unspliced))
  expect_message(done <- EstimateVelocity(s, u), "not whole numbers")
  expect_equal(done$velocity, whole$velocity)
  expect_equal(done$cells$spliced_size, rep(1, 300))
  forced <- EstimateVelocity(s * 3, u * 3, normalise = TRUE, verbose = FALSE)
  expect_equal(colSums(s * 3) / stats::median(colSums(s * 3)), forced$cells$spliced_size, ignore_attr = TRUE)
  expect_input_error(EstimateVelocity(s, x$unspliced, verbose = FALSE), "normalise", "unspliced")
  expect_input_error(EstimateVelocity(log_normalised(x$spliced), x$unspliced), "object", "logarithms")
  expect_input_error(EstimateVelocity(x$spliced, log1p(u * 7)), "unspliced", "logarithms")
})

test_that("bad input is named with its remedy", {
  x <- cells_of_known_kinetics(60L, 30L)
  s <- x$spliced
  u <- x$unspliced
  expect_input_error(EstimateVelocity(s), "unspliced", "needed")
  expect_input_error(EstimateVelocity(s, u[, -1]), "unspliced",
    "other cells .*\"cell1\" is in `object` only.*intersect")
  expect_input_error(EstimateVelocity(s[-2, ], u), "unspliced", "other genes .*share 29; \"gene2\"")
  shuffled <- EstimateVelocity(s, u[30:1, 60:1], verbose = FALSE)
  expect_identical(shuffled, EstimateVelocity(s, u, verbose = FALSE))

  bad <- as.matrix(u)
  bad[3, 4] <- -2
  expect_input_error(EstimateVelocity(s, bad), "unspliced", "gene 3 in cell 4 is -2")
  bad[3, 4] <- NA
  expect_input_error(EstimateVelocity(s, bad), "unspliced", "gene 3 in cell 4")
  expect_input_error(EstimateVelocity(s, u * 0), "unspliced", "All unspliced counts are 0")
  silent <- s
  silent["gene1", ] <- 0
  none <- u
  none["gene1", ] <- 0
  expect_input_error(EstimateVelocity(silent, none, genes = c("gene1", "gene2"), verbose = FALSE), "genes",
    "no counts in any cell")
  expect_input_error(EstimateVelocity(as.character(1:3), u), "object", "matrix")
  twice <- s
  rownames(twice)[[2L]] <- "gene1"
  expect_input_error(EstimateVelocity(twice, u), "object", "\"gene1\" twice")
  expect_input_error(estimate(x, mode = "bayes"), "mode", "stochastic")

  object <- SeuratObject::CreateSeuratObject(s)
  expect_input_error(EstimateVelocity(object), "spliced", "ReadLoom")
  object <- splicing_objects(x)$seurat
  expect_input_error(EstimateVelocity(object, unspliced = "unsplice"), "unspliced", "Did you mean \"unspliced\"")
  expect_input_error(EstimateVelocity(object, graph = "nn"), "graph", "no graph")
  expect_input_error(EstimateVelocity(object, reduction = "pca"), "reduction", "no reduction")
  expect_input_error(fetch_velocity(object), "object", "EstimateVelocity")
  expect_input_error(fetch_velocity(as.matrix(s)), "object", "matrix")
})

test_that("genes that hardly fit are a warning", {
  # Unspliced counts that have nothing to do with the spliced ones.
  m <- outer(1:20, 1:200, function(g, c) floor(5 * ((g * c * 0.618) %% 1)))
  n <- outer(1:20, 1:200, function(g, c) floor(4 * ((g * c * 0.414 + 0.3) %% 1)))
  dimnames(m) <- dimnames(n) <- list(paste0("g", 1:20), NULL)
  expect_warning(
    found <- EstimateVelocity(m, n, k = 5, verbose = FALSE), class = "fatefield_warning_velocity_genes"
  )
  expect_gt(sum(found$genes$velocity_genes), 0L)
})

test_that("the pancreas gives hundreds of velocity genes whose velocities agree among neighbours", {
  load(skip_without_shared("data", "pancreas", "pancreas_3696cells_2000genes.rda"))
  found <- EstimateVelocity(pancreas$emat, pancreas$nmat, verbose = FALSE)
  expect_gt(sum(found$genes$velocity_genes), 200L)
  expect_lt(sum(found$genes$velocity_genes), 1000L)
  expect_gt(stats::median(found$cells$velocity_confidence), 0.7)
  genes <- rownames(found$genes)[c(1, 100, 700)]
  moments <- velocity_moments(found, genes)
  means <- naive_means(found$knn)
  s <- sweep(as.matrix(pancreas$emat[genes, ]), 2L, found$cells$spliced_size, "/")
  expect_equal(moments$Ms, as.matrix(s %*% Matrix::t(means)), ignore_attr = TRUE)
})
