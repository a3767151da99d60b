# The dynamical mode of EstimateVelocity() against scVelo, known rates and the equations themselves; latent time.

fit_columns <- c(
  "fit_alpha", "fit_beta", "fit_gamma", "fit_t_", "fit_scaling", "fit_std_u", "fit_std_s", "fit_likelihood",
  "fit_pval_steady", "fit_steady_u", "fit_steady_s", "fit_variance", "fit_alignment_scaling"
)

for (set in golden_sets) {
  test_that(paste(set, "kinetics and velocities are scVelo's"), {
    object <- golden_object(set)
    object <- EstimateVelocity(object, mode = "dynamical", parity = TRUE, velocity.u = TRUE, verbose = FALSE)
    found <- fetch_velocity(object)
    wanted <- golden_table(set, "dynamical")
    # What no branch of the fit reaches.
    expect_identical(rownames(found$genes), rownames(wanted))
    expect_equal(found$genes$fit_r2, wanted$fit_r2, tolerance = 1e-9)
    expect_identical(is.na(found$genes$fit_alpha), is.na(wanted$fit_alpha))
    for (column in c("fit_std_u", "fit_std_s", "fit_pval_steady", "fit_steady_s")) {
      expect_equal(found$genes[[column]], wanted[[column]], tolerance = 1e-9, label = column)
    }
    expect_identical(found$genes$velocity_genes, wanted$velocity_genes)

    fitted <- which(!is.na(wanted$fit_alpha))
    expect_identical(rownames(found$fit_t), rownames(wanted)[fitted])
    values <- as.matrix(wanted[fitted, fit_columns])
    off <- apply(abs(as.matrix(found$genes[fitted, fit_columns]) - values) / abs(values), 1L, max)
    # Velocities of cells in steady states are 0 but for rounding.
    turnover <- wanted$fit_gamma[fitted] * wanted$fit_std_s[fitted]
    near <- function(x, part, floor) {
      y <- golden_array(set, "dynamical", part)[fitted, ]
      apply(abs(x - y), 1L, max) / pmax(apply(abs(y), 1L, max), floor)
    }
    worst <- pmax(
      off, near(found$velocity[fitted, ], "velocity", turnover), near(found$u[fitted, ], "velocity_u", turnover),
      near(found$fit_t, "fit_t", 0)
    )
    expect_gte(mean(worst < 1e-6), 0.9)
    expect_true(all(is.nan(found$velocity[-fitted, ])))
  })
}

dynamics <- function(x, ...) estimate(x, mode = "dynamical", ...)

test_that("scVelo's simulated genes have the numbers its own test knows", {
  at <- function(part) golden_array("sim10", part)
  counts <- lapply(list(s = at("S"), u = at("U")), function(m) {
    dimnames(m) <- list(paste0("g", 1:10), paste0("c", 1:300))
    m
  })
  # Counts as they are; neighbours among logarithms of all genes.
  found <- EstimateVelocity(
    counts$s, counts$u, mode = "dynamical", parity = TRUE, normalise = FALSE, min.shared.counts = 0,
    reduction = t(log1p(counts$s)), verbose = FALSE
  )
  expect_equal(found$genes$fit_alpha[[1L]], 6.4272, tolerance = 1e-4)
})

test_that("velocities are those of the equations at each cell's time", {
  x <- cells_of_known_kinetics(rate = 5)
  found <- dynamics(x, velocity.u = TRUE)
  fitted <- found$genes$fit_status == "fitted"
  expect_gt(sum(fitted), 20L)
  expect_identical(rownames(found$fit_t), rownames(found$genes)[fitted])
  expect_true(all(found$genes$fit_converged[fitted]))
  expect_true(all(found$genes$fit_iterations[fitted] > 0))
  expect_true(all(is.nan(found$velocity[!fitted, ])))
  moments <- velocity_moments(found)
  for (gene in rownames(found$fit_t)[c(1, 7, 15)]) {
    p <- as.list(found$genes[gene, ])
    beta <- p$fit_beta * p$fit_scaling
    curve <- phase_curve(
      list(alpha = p$fit_alpha, beta = p$fit_beta, gamma = p$fit_gamma, scaling = p$fit_scaling, t_ = p$fit_t_), gene
    )
    # Nothing moves faster than the fastest point of the curve, and nothing loses more than it has in a unit of time.
    on <- grepl("on$", curve$branch)
    slope <- beta * curve$unspliced / p$fit_scaling - p$fit_gamma * curve$spliced
    change <- p$fit_alpha * on - beta * curve$unspliced / p$fit_scaling
    v <- found$velocity[gene, ]
    expect_true(all(v <= max(slope) + 1e-9 & v >= min(slope) - 1e-9))
    expect_true(all(v >= -moments$Ms[gene, ] - 1e-12))
    expect_true(all(found$u[gene, ] >= -moments$Mu[gene, ] - 1e-12))
    expect_true(all(found$u[gene, ] <= max(change) * p$fit_scaling + 1e-9))
    # Spliced and unspliced velocities of a moving cell belong to one point of the curve, unless cut off.
    moving <- v != 0 & v > -moments$Ms[gene, ] & found$u[gene, ] > -moments$Mu[gene, ]
    off <- vapply(which(moving), function(i) {
      min(abs(slope - v[[i]]) / max(abs(slope)) + abs(change * p$fit_scaling - found$u[gene, i]) / max(abs(change)))
    }, 0)
    expect_lt(max(off), 0.05)
  }
})

test_that("known kinetics are recovered", {
  x <- simulate_splicing(800L, 60L, 5, seed = 3)
  late <- which(x$time > 1)
  time <- x$time[late]
  found <- EstimateVelocity(x$spliced[, late], x$unspliced[, late], mode = "dynamical", verbose = FALSE)
  genes <- rownames(found$genes)[found$genes$velocity_genes]
  fit <- found$genes[genes, ]
  truth <- x$genes[genes, ]
  # Genes switched off among the cells show both ways of the loop.
  seen <- truth$switched > 4 & truth$switched < 16
  expect_gt(sum(seen), 10L)
  beta <- fit$fit_beta * fit$fit_scaling
  off <- function(x, y) stats::median(abs(log(x / y))[seen])
  expect_lt(off(fit$fit_gamma / beta, truth$gamma / truth$beta), 0.35)
  expect_lt(off(fit$fit_t_ * beta, truth$switched * truth$beta), 0.6)
  order <- apply(found$fit_t[genes[seen], ], 1L, stats::cor, y = time, method = "spearman")
  expect_gt(stats::median(order), 0.95)
  # Converged fits order cells better than the published steps do.
  steps <- EstimateVelocity(x$spliced[, late], x$unspliced[, late], mode = "dynamical", parity = TRUE, verbose = FALSE)
  both <- intersect(genes[seen], rownames(steps$fit_t))
  published <- apply(steps$fit_t[both, ], 1L, stats::cor, y = time, method = "spearman")
  expect_gt(mean(order[both]), mean(published) + 0.05)
  rises <- outer(truth$switched, time, `>`)
  expect_gt(stats::median(rowMeans((found$velocity[genes, ] > 0) == rises)[seen]), 0.85)

  field <- EmbedVelocity(found, cbind(time, y = sin(seq_along(time))), verbose = FALSE)
  expect_gt(stats::cor(field$cells$latent_time, time, method = "spearman"), 0.85)
  expect_identical(range(field$cells$latent_time), c(0, 1))
  one <- EmbedVelocity(found, cbind(time, y = 0), root = 1L, verbose = FALSE)
  expect_lt(one$cells$latent_time[[1L]], 0.1)
  expect_gt(stats::cor(one$cells$latent_time, time, method = "spearman"), 0.85)
  expect_warning(
    none <- EmbedVelocity(found, cbind(time, y = 0), min.likelihood = 10, verbose = FALSE),
    class = "fatefield_warning_latent_time"
  )
  expect_true(all(is.na(none$cells$latent_time)))
  expect_input_error(EmbedVelocity(found, cbind(time, y = 0), roots = 0, verbose = FALSE), "roots")
})

test_that("no gene is less likely than under the published steps", {
  x <- cells_of_known_kinetics(genes = 40L)
  published <- dynamics(x, parity = TRUE)$genes
  found <- dynamics(x)$genes
  expect_identical(found$fit_status, published$fit_status)
  expect_identical(found$fit_r2, published$fit_r2)
  fitted <- published$fit_status == "fitted"
  expect_true(all(found$fit_likelihood[fitted] >= published$fit_likelihood[fitted]))
  expect_false(any(published$fit_converged))
})

test_that("every kind of object holds the kinetics, and later steps find them", {
  x <- cells_of_known_kinetics(150L, 40L, rate = 5)
  wanted <- dynamics(x, velocity.u = TRUE)
  at <- matrix(sin(1:300), 150, dimnames = list(rownames(wanted$cells), c("a_1", "a_2")))
  direct <- EmbedVelocity(wanted, at, threads = 1, verbose = FALSE)
  objects <- splicing_objects(x)
  for (kind in names(objects)) {
    object <- EstimateVelocity(objects[[kind]], mode = "dynamical", velocity.u = TRUE, verbose = FALSE)
    found <- fetch_velocity(object)
    for (part in c("velocity", "u", "fit_t", "knn", "cells", "mode")) {
      expect_equal(found[[part]], wanted[[part]], label = paste(kind, part))
    }
    expect_equal(found$genes, wanted$genes, ignore_attr = TRUE)
    object <- EmbedVelocity(store_reduction(object, at, "a"), reduction = "a", threads = 1, verbose = FALSE)
    expect_equal(unname(cell_column(object, "latent_time", "")), direct$cells$latent_time)
    some <- object[, 31:90]
    expect_equal(fetch_velocity(some, neighbours = FALSE)$fit_t, wanted$fit_t[, 31:90])
    # Another mode beside it has no latent time of its own.
    plain <- EstimateVelocity(object, mode = "deterministic", store.as = "plain", verbose = FALSE)
    expect_null(fetch_velocity(plain)$fit_t)
  }
  expect_output(print(wanted), "fitted")
})

test_that("kinetics are the same bytes from one and two threads", {
  x <- cells_of_known_kinetics(120L, 30L)
  for (parity in c(TRUE, FALSE)) {
    one <- dynamics(x, threads = 1, parity = parity)
    expect_identical(dynamics(x, threads = 2, parity = parity), one)
  }
})

test_that("named genes are fitted whatever their line, others as they are", {
  x <- cells_of_known_kinetics(150L, 60L)
  all <- dynamics(x)
  left <- rownames(all$genes)[all$genes$fit_status == "not asked for"][1:2]
  kept <- dynamics(x, retain = left)
  expect_false(any(kept$genes[left, "fit_status"] == "not asked for"))
  expect_false(any(kept$genes[left, "velocity_genes"]))
  fitted <- rownames(all$fit_t)[1:3]
  expect_equal(kept$velocity[fitted, ], all$velocity[fitted, ])
  few <- dynamics(x, genes = c(fitted, left))
  expect_identical(rownames(few$velocity), c(fitted, left))
  expect_equal(few$velocity[fitted, ], all$velocity[fitted, ])
})

test_that("options of the dynamical mode are checked, and those of no use refused", {
  x <- cells_of_known_kinetics(60L, 30L)
  expect_input_error(dynamics(x, max.iterations = 0), "max.iterations", "at least 1")
  expect_input_error(dynamics(x, starts = "a"), "starts", "whole number")
  expect_input_error(dynamics(x, start = 2), "start", "starts")
  expect_input_error(dynamics(x, fit.offset = TRUE), "fit.offset", "deterministic")
  expect_input_error(dynamics(x, velocity.u = NA), "velocity.u", "TRUE or FALSE")
  expect_input_error(estimate(x, velocity.u = TRUE), "velocity.u", "dynamical")
  expect_input_error(estimate(x, starts = 2), "starts", "no option")
  short <- dynamics(x, max.iterations = 1)
  expect_false(all(short$genes$fit_converged[short$genes$fit_status == "fitted"]))
  expect_message(
    EstimateVelocity(x$spliced, x$unspliced, mode = "dynamical"), "Kinetics: .* genes are fitted, .* to convergence"
  )
})

test_that("genes that cannot be fitted say why, and genes without any kinetics are an error", {
  x <- cells_of_known_kinetics(60L, 30L)
  Ms <- velocity_moments(estimate(x))$Ms
  Mu <- velocity_moments(estimate(x))$Mu
  genes <- rownames(Ms)[1:2]
  Ms[genes[[1L]], ] <- 3
  Mu[genes[[1L]], ] <- 2
  Mu[genes[[2L]], ] <- 0
  found <- dynamics(x, moments = list(Ms, Mu), retain = genes)
  expect_identical(found$genes[genes, "fit_status"], c("constant", "few cells"))
  expect_true(all(is.na(found$genes[genes, "fit_alpha"])))
  expect_true(all(is.nan(found$velocity[genes, ])))
  expect_false(any(found$genes[genes, "velocity_genes"]))
  expect_true(all(is.finite(found$cells$velocity_confidence)))

  flat <- list(Ms + NA, Mu)
  flat <- list(array(1, dim(Ms), dimnames(Ms)), array(1, dim(Ms), dimnames(Ms)))
  expect_input_error(dynamics(x, moments = flat), "mode", "no gene")
})

test_that("a curve of the fit runs through the cells of its gene", {
  x <- cells_of_known_kinetics(200L, 30L, rate = 5)
  found <- dynamics(x)
  gene <- rownames(found$genes)[which.max(ifelse(found$genes$velocity_genes, found$genes$fit_likelihood, NA))]
  plot <- PlotPhase(found, gene)
  layers <- lapply(plot$layers, function(l) class(l$geom)[[1L]])
  expect_true(all(c("GeomPoint", "GeomSegment", "GeomPath") %in% unlist(layers)))
  curve <- phase_curves(found$genes, gene)
  moments <- velocity_moments(found, gene)
  scale <- c(stats::sd(moments$Ms), stats::sd(moments$Mu))
  distance <- vapply(seq_along(moments$Ms), function(i) {
    min(sqrt(((curve$spliced - moments$Ms[[i]]) / scale[[1L]])^2 + ((curve$unspliced - moments$Mu[[i]]) /
      scale[[2L]])^2))
  }, 0)
  expect_lt(stats::median(distance), 0.25)
  # The end of the way up is the state at which the gene is switched off.
  p <- found$genes[gene, ]
  beta <- p$fit_beta * p$fit_scaling
  up <- curve[grepl("on$", curve$branch), ]
  expect_equal(up$unspliced[[200L]], p$fit_scaling * p$fit_alpha / beta * (1 - exp(-beta * p$fit_t_)))
  # What is far from all cells is left out, from the end of the way up and the beginning of the way down.
  half <- data.frame(spliced = max(curve$spliced) / 2.4, unspliced = max(curve$unspliced), gene = factor(gene))
  near <- near_cells(curve, half)
  expect_lte(max(near$spliced), max(curve$spliced) / 2)
  expect_gt(nrow(near), 10L)
  expect_identical(near$spliced[[1L]], 0)
  # A way back of which only the end along the axis would be seen is not shown.
  expect_true(any(endsWith(near$branch, "off")))
  low <- data.frame(spliced = max(curve$spliced), unspliced = max(curve$unspliced) / 1.3, gene = factor(gene))
  back <- endsWith(curve$branch, "off")
  expect_true(any(endsWith(near_cells(curve, low)$branch, "off")))
  axis <- transform(curve, unspliced = ifelse(back, unspliced / 20, unspliced))
  expect_false(any(endsWith(near_cells(axis, low)$branch, "off")))
  line <- steady_lines(found$genes, gene, data.frame(spliced = 1, unspliced = 1e9, gene = factor(gene)))
  expect_equal(line$yend / line$xend, p$fit_gamma / p$fit_beta)
})
