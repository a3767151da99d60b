# Maps of probabilities that are known, found again.

# Predictions of n cells, in clones of `size`, and fates drawn by the map W, b of them.
known_map <- function(n = 600L, size = 4L, W = diag(3), b = numeric(3), seed = 1) {
  withr::with_seed(seed, {
    z <- matrix(stats::rnorm(3L * n, sd = 1.2), n)
    p <- exp(z) / rowSums(exp(z))
    dimnames(p) <- list(sprintf("cell%04d", seq_len(n)), c("neu", "mono", "mast"))
    right <- softmax_rows(log(p) %*% t(W) + rep(b, each = n))
    u <- stats::runif(n)
  })
  label <- colnames(p)[1L + (u > right[, 1L]) + (u > right[, 1L] + right[, 2L])]
  colnames(right) <- colnames(p)
  list(p = p, right = right, truth = stats::setNames(label, rownames(p)), clone = rep_len(seq_len(n / size), n))
}

test_that("slopes and curvatures of all forms are those of differences", {
  x <- known_map(40L)
  z <- log(x$p)
  q <- outer(x$truth, colnames(x$p), `==`) * 0.8 + 0.2 / 3
  w <- seq(0.2, 2, length.out = 40)
  for (form in c("temperature", "weights", "dirichlet")) {
    space <- form_space(form, 3, 7, colMeans(z))
    expect_equal(tcrossprod(space$root), space$ridge)
    theta <- space$start + sin(seq_along(space$start)) / 5
    at <- map_loss(theta, space, z, q, w)
    along <- function(f) {
      vapply(seq_along(theta), function(i) {
        step <- replace(theta * 0, i, 1e-5)
        (f(theta + step) - f(theta - step)) / 2e-5
      }, f(theta))
    }
    expect_equal(at$gradient, along(function(t) map_loss(t, space, z, q, w)$value), tolerance = 1e-6)
    expect_equal(unname(at$hessian), matrix(along(function(t) map_loss(t, space, z, q, w)$gradient), length(theta)),
      tolerance = 1e-6)
    # At its own minimum the map is what its parameters say.
    map <- fit_map(form, z, q, w, 3, 7)
    expect_lt(max(abs(map_loss(map$fit$theta, space = map$fit$space, z, q, w)$gradient)), 1e-3)
    direct <- softmax_rows(z %*% t(map$W) + rep(map$b, each = 40))
    expect_equal(apply_map(map, z), direct)
    expect_equal(sum(w * map_losses(map, z, q)), sum(-w * q * log(direct)))
  }
  # Unweighted, the scaled form is a regression that R knows.
  two <- x$p[, 1:2] / rowSums(x$p[, 1:2])
  y <- as.numeric(x$truth == "neu")
  odds <- stats::qlogis(two[, 1L])
  known <- stats::coef(stats::glm(y ~ odds, family = stats::binomial()))
  ours <- fit_map("weights", log(two), cbind(y, 1 - y), ridge.b = 1e-8)
  expect_equal(ours$beta, known[["odds"]], tolerance = 0.1)
  expect_equal(2 * ours$shift[[1L]], known[["(Intercept)"]], tolerance = 0.2)
})

test_that("a known temperature, known weights and a known map are found", {
  x <- known_map(4000L, W = diag(3) / 2)
  found <- CalibrateFates(x$p, x$truth, x$clone, form = "temperature", n.boot = 20)
  expect_equal(found$calibration$temperature, 2, tolerance = 0.1)
  expect_equal(unname(found$calibration$weights), c(1, 1, 1))
  expect_equal(found$probability, x$right, tolerance = 0.03)
  expect_equal(found$entropy, -rowSums(found$probability * log(found$probability)))
  expect_identical(as.character(found$fate), colnames(x$p)[max.col(found$probability)])
  expect_identical(found$probability_raw, x$p / rowSums(x$p))
  b <- c(0.7, 0, -0.7)
  x <- known_map(4000L, W = diag(3) / 2, b = b)
  found <- CalibrateFates(x$p, x$truth, x$clone, form = "weights", n.boot = 20)
  expect_equal(found$calibration$temperature, 2, tolerance = 0.1)
  expect_equal(log(unname(found$calibration$weights)), b, tolerance = 0.15)
  expect_equal(found$probability, x$right, tolerance = 0.04)
  W <- rbind(c(0.8, 0.4, 0), c(0, 0.6, -0.4), c(-0.3, 0, 1))
  x <- known_map(4000L, W = W, b = b)
  found <- CalibrateFates(x$p, x$truth, x$clone, n.boot = 20)
  expect_identical(found$calibration$form, "dirichlet")
  expect_lt(mean(abs(found$probability - x$right)), 0.02)
  # What all clones taught, done to cells nobody saw.
  new <- known_map(500L, W = W, b = b, seed = 2)
  applied <- CalibrateFates(new$p[, 3:1], calibration = found)
  expect_equal(applied$probability[, 3:1], new$right, tolerance = 0.05)
  map <- found$calibration
  expect_equal(applied$probability[, 3:1], `colnames<-`(
    softmax_rows(log(new$p) %*% t(map$W) + rep(map$b, each = 500)), colnames(new$p)), ignore_attr = TRUE)
})

test_that("what a fold is given does not depend on what is known of it", {
  x <- known_map(200L, W = diag(3) / 2, b = c(0.5, 0, -0.5))
  q <- outer(x$truth, colnames(x$p), `==`) * 1
  fold <- rep_len(1:4, 200L)
  other <- q
  other[fold == 2L, ] <- other[fold == 2L, c(2, 3, 1)]
  given <- function(q) {
    fit <- cross_fit(log(x$p), q, fold, calibration_candidates())
    expect_equal(fit$folds, 1:4)
    apply_map(fit$maps[[2L]], log(x$p))
  }
  # Fits begin elsewhere, and end in the same place.
  expect_equal(given(q), given(other), tolerance = 1e-6)
  # Fates that are drawn for each clone, whatever its prediction: nothing beats their frequencies.
  luck <- stats::setNames(colnames(x$p)[1L + (x$clone * 7L) %% 3L], names(x$truth))
  blind <- CalibrateFates(x$p, luck, x$clone, n.boot = 0)$calibration
  expect_gt(blind$scores$cross.entropy[[2L]], log(3) - 0.02)
  # Nothing turns predictions around.
  wrong <- fit_map("temperature", -log(x$p), q)
  expect_equal(wrong$beta, least_beta)
  draws <- map_draws(wrong, -log(x$p), q, x$clone, bootstrap_counts(50, 3, 1), 1:200, 1)
  expect_equal(draws[[1L]]$W, wrong$W)
})

test_that("intervals hold the right probability as often as they say", {
  inside <- vapply(1:12, function(seed) {
    x <- known_map(240L, W = diag(3) / 2, b = c(0.5, 0, -0.5), seed = seed)
    found <- CalibrateFates(x$p, x$truth, x$clone, form = "weights", n.boot = 100)
    expect_true(all(found$low <= found$probability & found$probability <= found$high))
    mean(found$low <= x$right & x$right <= found$high)
  }, numeric(1))
  expect_gt(mean(inside), 0.8)
  expect_lt(mean(inside), 0.97)
})

test_that("neither the order of cells nor that of the truth matters", {
  x <- known_map(200L, W = diag(3) / 2)
  found <- CalibrateFates(x$p, x$truth, x$clone, n.boot = 20)
  turn <- order((seq_len(200) * sqrt(3)) %% 1)
  turned <- CalibrateFates(x$p[turn, ], x$truth[turn], x$clone[turn], n.boot = 20)
  for (part in c("probability", "low", "high", "se")) expect_equal(turned[[part]], found[[part]][turn, ])
  expect_equal(turned$fold, found$fold[turn])
  expect_equal(turned$calibration$difference, found$calibration$difference)
  expect_equal(CalibrateFates(x$p, x$truth[turn], x$clone[turn], n.boot = 20)$probability, found$probability)
  # Cells nobody observed have what all clones taught; clones have names.
  some <- x$truth[1:160]
  part <- CalibrateFates(x$p, some, stats::setNames(x$clone, names(x$truth)), form = "temperature", n.boot = 0)
  expect_identical(is.na(part$fold), stats::setNames(rep(c(FALSE, TRUE), c(160, 40)), rownames(x$p)))
  expect_equal(part$probability[161:200, ], softmax_rows(log(x$p[161:200, ]) / part$calibration$temperature))
})

test_that("fates that are right already stay, with a warning", {
  x <- known_map(120L)
  expect_warning(found <- CalibrateFates(x$p, x$truth, x$clone, n.boot = 10), "stay as they are",
    class = "fatefield_warning_calibration")
  expect_equal(found$probability, x$p)
  expect_identical(found$calibration$form, "none")
  expect_output(print(found), "not calibrated")
  expect_identical(CalibrateFates(x$p, calibration = found)$probability, found$probability)
})

test_that("missing and impossible probabilities have their place", {
  x <- known_map(200L, W = diag(3) / 2)
  x$p[3, ] <- NA
  x$p[5, ] <- c(1, 0, 0)
  found <- CalibrateFates(x$p, x$truth, x$clone, form = "temperature", n.boot = 10)
  expect_true(all(is.na(found$probability[3, ])) && is.na(found$fate[[3]]) && is.na(found$fold[[3]]))
  expect_true(all(is.finite(found$probability[5, ])) && found$probability[5, 2] > 0)
  expect_identical(found$calibration$cells, 199L)
  # Counts of descendants are fractions; a cell counts once.
  counts <- outer(x$truth, colnames(x$p), `==`) * 7
  dimnames(counts) <- dimnames(x$p)
  expect_equal(CalibrateFates(x$p, counts, x$clone, form = "temperature", n.boot = 10)$probability, found$probability)
  # Predictions that are always right stay finite.
  sure <- outer(x$truth, colnames(x$p), `==`) * 0.98 + 0.02 / 3
  dimnames(sure) <- dimnames(x$p)
  expect_true(all(is.finite(CalibrateFates(sure, x$truth, x$clone, n.boot = 10)$probability)))
})

test_that("calibrated fates say so, and are subset like others", {
  x <- known_map(200L, W = diag(3) / 2, b = c(0.5, 0, -0.5))
  found <- CalibrateFates(x$p, x$truth, x$clone, form = "weights", n.boot = 20)
  expect_output(print(found), "calibrated by temperature and weights of fates: temperature [12]")
  expect_output(print(found), "cross-entropy of left-out clones .* by 200 cells of 50 clones")
  expect_equal(summary(found)$weight, unname(found$calibration$weights))
  expect_equal(summary(found)$probability_raw, unname(colMeans(x$p)))
  some <- found[c("cell0007", "cell0002")]
  expect_equal(some$probability_raw, x$p[c(7, 2), ])
  expect_identical(names(some$fold), c("cell0007", "cell0002"))
  scores <- ScoreFate(found, x$truth, n.boot = 0)
  expect_equal(scores$cross.entropy[[1L]], found$calibration$scores$cross.entropy[[2L]])
  expect_input_error(CalibrateFates(found, x$truth, x$clone), "object", "already")
})

test_that("objects keep both fates, and calibrated ones are stale where what taught them changed", {
  for (object in tiny_objects()[c("v3", "sce")]) {
    if (is.null(object)) next
    model <- stub_model(dims = colnames(embedding(object)))
    object <- with_engines(list(fork_engine()), PredictFate(
      object, model, labels = "state", exclude = "progenitor", n.sim = 10, k = 5, cutoff = 0, verbose = FALSE,
      reference = tiny_cells()$time == 2
    ))
    # Cells before the end are asked; of those that fork either fate comes true.
    truth <- rep(c("up", "up", "down"), 20)
    truth[tiny_cells()$time == 2] <- NA
    object <- store_cells_of_user(object, seen = truth, barcode = rep(1:20, each = 3))
    out <- CalibrateFates(object, "seen", "barcode", form = "weights", n.boot = 10)
    fates <- GetResult(out, "fates")
    expect_identical(GetResult(out)$name[GetResult(out)$what == "fates"], c("fate", "calibrated"))
    expect_identical(fates$calibration$cells, 40L)
    arrived <- tiny_cells()$time == 2
    expect_equal(fates$probability[arrived, ], fates$probability_raw[arrived, ])
    expect_equal(fates$probability, CalibrateFates(GetResult(object, "fates"),
      stats::setNames(truth, cell_names(object)), rep(1:20, each = 3), form = "weights", n.boot = 10)$probability)
    expect_identical(cell_column(out, "calibrated", "x"), fates$fate)
    again <- CalibrateFates(out, "seen", "barcode", form = "weights", n.boot = 10, store.as = "again")
    expect_equal(GetResult(again, "fates", "again")$probability, fates$probability)
    applied <- CalibrateFates(object, calibration = out, store.as = "mine")
    expect_identical(GetResult(applied, "fates", "mine")$calibration$form, "weights")
    expect_equal(GetResult(out[, 20:1], "fates")$probability, fates$probability[cell_names(out[, 20:1]), ])
    changed <- store_cells_of_user(out, barcode = rep(1:30, each = 2))
    expect_error(GetResult(changed, "fates", "calibrated"), "column \"barcode\" changed.*CalibrateFates",
      class = "fatefield_error_stale")
    expect_s3_class(GetResult(changed, "fates", "fate"), "fatefield_fate")
    expect_input_error(CalibrateFates(tiny_seurat(), "state", "day"), "object", "PredictFate")
    expect_input_error(CalibrateFates(object, "sen", "barcode"), "truth", "Did you mean \"seen\"")
  }
})

test_that("what cannot teach is answered with the argument's name", {
  x <- known_map(40L)
  expect_input_error(CalibrateFates(x$p), "truth", "needed")
  expect_input_error(CalibrateFates(x$p, x$truth), "group", "seq_along")
  expect_input_error(CalibrateFates(x$p, x$truth, rep(1, 40)), "group", "one clone")
  expect_input_error(CalibrateFates(x$p, x$truth[1:19], x$clone[1:19]), "truth", "at least 20")
  expect_input_error(CalibrateFates(x$p, replace(x$truth, 4, "mastt"), x$clone), "truth", "Did you mean \"mast\"")
  expect_input_error(CalibrateFates(x$p, unname(x$truth)[1:30], x$clone[1:30]), "truth", "30 cells")
  expect_input_error(CalibrateFates(x$p, x$truth, 1:3), "group")
  expect_input_error(CalibrateFates(100 * x$p, x$truth, x$clone), "object", "sum to 1")
  expect_input_error(CalibrateFates(x$p[, 1, drop = FALSE] * 0 + 1, rep("neu", 40), x$clone), "object", "at least 2")
  expect_input_error(CalibrateFates(-x$p, x$truth, x$clone), "object", "negative")
  expect_input_error(CalibrateFates(x$p, x$truth, x$clone, form = "platt"), "form")
  expect_input_error(CalibrateFates(x$p, calibration = 1), "calibration")
  found <- suppressWarnings(CalibrateFates(x$p, x$truth, x$clone, n.boot = 0))
  expect_input_error(CalibrateFates(x$p[, 1:2] / rowSums(x$p[, 1:2]), calibration = found), "calibration", "mast")
  expect_input_error(CalibrateFates(x$p, x$truth, calibration = found), "truth", "not both")
  expect_input_error(CalibrateFates(x$p, x$truth, x$clone, boots = 3), "boots")
})
