fates_of <- function(...) {
  m <- rbind(...)
  colnames(m) <- c("a", "b", "c")[seq_len(ncol(m))]
  m
}

test_that("a perfect prediction has perfect scores, and the lines of chance stand below it", {
  observed <- fates_of(c(4, 0, 0), c(0, 2, 0), c(0, 0, 1), c(9, 0, 0))
  s <- ScoreFate(observed / rowSums(observed), observed, n.boot = 0)
  expect_identical(s$method, c("predicted", "uniform", "prior"))
  expect_equal(s$accuracy, c(1, 1 / 3, 0.5))
  expect_equal(s$cross.entropy, c(0, log(3), -(0.5 * log(0.5) + 0.5 * log(0.25))))
  expect_equal(s$brier, c(0, 2 / 3, mean(c(0.375, 0.875, 0.875, 0.375))))
  expect_equal(s$calibration, c(0, 0, 0))
  expect_equal(s$auroc, c(1, 0.5, 0.5))
  expect_identical(s$cells, rep(4L, 3))
  expect_true(all(is.na(s$accuracy_se)))
})

test_that("scores are those of a naive count", {
  n <- 40
  p <- fates_of(matrix(0, 0, 3), abs(matrix(sin(1:(3 * n)), n)))
  p <- p / rowSums(p)
  observed <- fates_of(matrix(0, 0, 3), matrix(floor(4 * abs(cos((1:(3 * n))^2))), n))
  observed[1, ] <- c(1, 0, 0)
  s <- ScoreFate(p, observed, pair = c("a", "c"), n.boot = 0)
  keep <- rowSums(observed) > 0
  o <- observed[keep, ] / rowSums(observed[keep, ])
  q <- p[keep, ]
  expect_equal(s$cells[[1]], sum(keep))
  expect_equal(s$accuracy[[1]], mean(max.col(q) == max.col(o, "first")))
  expect_equal(s$cross.entropy[[1]], -mean(rowSums(o * log(q))))
  expect_equal(s$brier[[1]], mean(rowSums((q - o)^2)))
  rank_auroc <- function(score, positive) {
    (sum(rank(score)[positive]) - sum(positive) * (sum(positive) + 1) / 2) /
      (sum(positive) * sum(!positive))
  }
  expected <- vapply(1:3, function(f) rank_auroc(q[, f], max.col(o, "first") == f), 1)
  expect_equal(unname(attr(s, "auroc")["predicted", ]), expected)
  expect_equal(s$auroc[[1]], mean(expected))
  either <- o[, "a"] + o[, "c"] > 0
  truth <- (o[, "a"] / (o[, "a"] + o[, "c"]))[either]
  ratio <- (q[, "a"] / (q[, "a"] + q[, "c"]))[either]
  expect_equal(s$pair.pearson[[1]], cor(truth, ratio))
  pure <- truth %in% c(0, 1)
  expect_equal(s$pair.auroc[[1]], rank_auroc(ratio[pure], truth[pure] == 1))
  expect_equal(s$pair.accuracy[[1]], mean((ratio[pure] > 0.5) == truth[pure]))
  expect_equal(s$pair.pearson[2:3], c(0, 0))
  top <- apply(q, 1, max)
  bin <- cut(top, seq(0, 1, 0.1))
  hit <- o[cbind(seq_len(nrow(o)), max.col(q))]
  gap <- tapply(top - hit, bin, function(x) abs(mean(x)) * length(x))
  expect_equal(s$calibration[[1]], sum(gap, na.rm = TRUE) / nrow(q))
})

test_that("scores of a pair are told with their interval, drawn by clone", {
  observed <- fates_of(c(4, 0), c(0, 2), c(1, 1), c(3, 1), c(0, 4), c(2, 1))
  p <- fates_of(c(0.8, 0.2), c(0.3, 0.7), c(0.5, 0.5), c(0.6, 0.4), c(0.1, 0.9), c(0.4, 0.6))
  s <- ScoreFate(p, observed, pair = c("a", "b"), group = c("x", "x", "y", "z", "w", "v"), n.boot = 100)
  share <- observed[, 1] / rowSums(observed)
  expect_equal(s$pair.pearson[[1]], cor(p[, 1], share))
  expect_true(s$pair.pearson_low[[1]] <= s$pair.pearson[[1]] && s$pair.pearson_high[[1]] >= s$pair.pearson[[1]])
  expect_output(print(s), "a or b: r 0.9.* \\(.*AUROC")
})

test_that("ties among predictions share the credit and count half in the ROC", {
  observed <- fates_of(c(1, 0), c(0, 1), c(1, 0))
  p <- fates_of(c(0.5, 0.5), c(0.5, 0.5), c(0.9, 0.1))
  s <- ScoreFate(p, observed, pair = c("a", "b"), n.boot = 0)
  expect_equal(s$accuracy[[1]], (0.5 + 0.5 + 1) / 3)
  expect_equal(s$pair.auroc[[1]], 0.75)
  expect_equal(s$pair.accuracy[[1]], 2 / 3)
  nothing <- fates_of(c(0, 0, 1), c(0, 1, 0), c(1, 0, 0))
  expect_equal(
    ScoreFate(nothing, fates_of(c(1, 0), c(0, 1), c(1, 0)), pair = c("a", "b"),
      n.boot = 0)$pair.auroc[[1]], 0.75 + 0.25
  )
})

test_that("counts are smoothed, probabilities are not", {
  observed <- fates_of(c(1, 0), c(0, 1))
  counts <- fates_of(c(200, 0), c(200, 0))
  s <- ScoreFate(counts, observed, n.boot = 0)
  expect_equal(s$cross.entropy[[1]], -(log(200.5 / 201) + log(0.5 / 201)) / 2)
  hard <- ScoreFate(counts / 200, observed, n.boot = 0)
  expect_equal(hard$cross.entropy[[1]], -log(1e-12) / 2)
})

test_that("cells are matched by name, labels are as good as counts, methods share their cells", {
  p <- fates_of(c(0.9, 0.1), c(0.2, 0.8), c(0.6, 0.4))
  rownames(p) <- c("x", "y", "z")
  labels <- c(z = "b", y = "b", w = "a", x = "a")
  s <- ScoreFate(p, labels, n.boot = 0)
  expect_identical(s$cells[[1]], 3L)
  expect_equal(s$accuracy[[1]], 2 / 3)
  both <- ScoreFate(list(ours = p, flat = p[1:2, ] * 0 + 0.5), labels, n.boot = 0)
  expect_identical(both$method, c("ours", "flat", "uniform", "prior"))
  expect_identical(both$cells[[1]], 2L)
  expect_equal(both$accuracy[1:2], c(1, 0.5))
  extra <- ScoreFate(p, c(x = "c", y = "b"), n.boot = 0)
  expect_equal(extra$cross.entropy[[1]], -(log(1e-12) + log(0.8)) / 2)
  train <- ScoreFate(p, labels, prior = c(a = 3, b = 1), n.boot = 0)
  expect_equal(train$cross.entropy[[3]], -(2 * log(0.25) + log(0.75)) / 3)
})

test_that("the bootstrap draws whole groups and nothing else changes", {
  n <- 60
  up <- seq(0.1, 0.9, length.out = n)
  p <- fates_of(cbind(up, rev(up)))
  label <- rep(c("b", "a"), each = n / 2)
  label[c(5, 50)] <- c("a", "b")
  set.seed(1)
  before <- .Random.seed
  s <- ScoreFate(p, label, n.boot = 2000)
  expect_identical(.Random.seed, before)
  a <- s$accuracy[[1]]
  expect_equal(s$accuracy_se[[1]], sqrt(a * (1 - a) / n), tolerance = 0.1)
  expect_identical(s, ScoreFate(p, label, n.boot = 2000))
  expect_false(identical(s, ScoreFate(p, label, n.boot = 2000, seed.use = 1)))
  # Every cell six times, in groups: the error is that of the sixty.
  six <- ScoreFate(p[rep(1:n, 6), ], rep(label, 6), group = rep(1:n, 6), n.boot = 2000)
  expect_equal(six$accuracy_se[[1]], s$accuracy_se[[1]])
  expect_equal(six$auroc, s$auroc)
  expect_equal(s$accuracy_se[[2]], 0)
})

test_that("predictions in objects are found", {
  for (object in tiny_objects()) {
    model <- stub_model(dims = colnames(embedding(object)))
    predict <- function(...) with_engines(list(fork_engine()), PredictFate(
      object, model, labels = "state", exclude = "progenitor", n.sim = 10, k = 5, cutoff = 0, verbose = FALSE, ...
    ))
    scored <- predict(cells = 1:30)
    truth <- stats::setNames(rep(c("down", "up"), 30), cell_names(object))
    s <- ScoreFate(scored, truth, n.boot = 20)
    expect_identical(s, ScoreFate(GetResult(scored, "fates"), truth, n.boot = 20))
    expect_identical(s$cells[[1]], 30L)
    both <- predict(store.as = "mine")
    expect_identical(ScoreFate(both, "state", name = "mine", n.boot = 0)$cells[[1]], 60L)
    # Columns of the object are as good as vectors.
    expect_identical(
      ScoreFate(both, "state", group = "day", n.boot = 20),
      ScoreFate(both, tiny_cells()$label, group = tiny_cells()$time, n.boot = 20)
    )
    expect_input_error(ScoreFate(object, truth), "object", "PredictFate")
    expect_input_error(ScoreFate(both, "sate"), "truth", "Did you mean \"state\"")
  }
})

test_that("scores are a result: lines, rows by method, figures from the same numbers", {
  observed <- fates_of(c(4, 1, 0), c(0, 2, 0), c(0, 0, 1), c(9, 0, 0), c(1, 0, 0))
  p <- fates_of(c(0.7, 0.2, 0.1), c(0.6, 0.3, 0.1), c(0.1, 0.1, 0.8), c(1, 0, 0), c(0.2, 0.7, 0.1))
  s <- ScoreFate(p, observed, n.boot = 100)
  expect_s3_class(s, "fatefield_result")
  expect_s3_class(s, "data.frame")
  expect_true(all(s$accuracy_low <= s$accuracy & s$accuracy <= s$accuracy_high))
  expect_output(print(s), "fates of 5 cells scored; predicted: accuracy 0.6")
  expect_identical(s["prior"]$method, "prior")
  expect_identical(class(as.data.frame(s)), "data.frame")
  confusion <- plot(s["predicted"], type = "confusion")$data
  share <- function(truth, predicted) confusion$share[confusion$truth == truth & confusion$predicted == predicted]
  expect_equal(c(share("a", "a"), share("a", "b"), share("b", "a"), share("c", "c")), c(2 / 3, 1 / 3, 1, 1))
  calibration <- plot(s["predicted"], type = "calibration")$data
  expect_equal(sum(calibration$cells), 5)
  expect_equal(sum(calibration$cells * abs(calibration$predicted - calibration$observed)) / 5, s$calibration[[1]])
  expect_s3_class(plot(s), "ggplot")
})

test_that("what cannot be scored is answered with the argument's name", {
  p <- fates_of(c(0.5, 0.5), c(0.2, 0.8))
  expect_input_error(ScoreFate(p, c("a", "b", "a")), "truth", "3 cells")
  expect_input_error(ScoreFate(p, c(NA, NA)), "truth")
  expect_input_error(ScoreFate(unname(p), c("a", "b")), "object", "names")
  expect_input_error(ScoreFate(-p, c("a", "b")), "object", "negative")
  expect_input_error(ScoreFate(p, c("a", "b"), pair = "a"), "pair")
  expect_input_error(ScoreFate(p, c("a", "b"), pair = c("a", "z")), "pair", "\"z\"")
  expect_input_error(ScoreFate(p, c("a", "b"), group = 1), "group")
  expect_input_error(ScoreFate(p, c("a", "b"), n.boot = -1), "n.boot")
  expect_input_error(ScoreFate(list(p, p), c("a", "b")), "object", "name")
  expect_input_error(ScoreFate(p, c("a", "b"), prior = 1:2), "prior")
  expect_input_error(ScoreFate(p, c("a", "b"), boots = 3), "boots")
  named <- p
  rownames(named) <- c("x", "y")
  expect_input_error(ScoreFate(named, c(v = "a", w = "b")), "truth", "no cell")
})

test_that("a model is compared with its plans over the same samples, and told where it is worse", {
  truth <- rep(c("a", "b"), each = 50)
  right <- cbind(a = truth == "a", b = truth == "b") * 0.6 + 0.2
  rownames(right) <- names(truth) <- paste0("c", seq_along(truth))
  # Worse by a little in every cell: far more than chance, as the cells are the same.
  worse <- right * 0.9 + 0.05
  scores <- ScoreFate(list(model = worse, plan = right), truth, n.boot = 50)
  beside <- attr(scores, "plan")
  expect_equal(beside$difference, log(0.8 / 0.77))
  expect_equal(c(beside$low, beside$high), rep(log(0.8 / 0.77), 2))
  expect_output(print(scores), "model lost some of what it was trained on")
  better <- ScoreFate(list(model = right, plan = worse), truth, n.boot = 50)
  expect_output(print(better), "cross-entropy less that of plans: -")
  expect_false(any(grepl("lost some", headline(better))))
  expect_null(attr(ScoreFate(right, truth, n.boot = 0), "plan"))
  expect_false(any(grepl("plans", headline(scores[1L]))))
})

test_that("the calibration error has an interval that chance alone does not raise", {
  # Probabilities that come true as often as they say: of each ten cells of .7 seven, and so on.
  level <- rep(c(0.6, 0.7, 0.8, 0.9), each = 30)
  right <- rep_len(seq(0.05, 0.95, 0.1), 120) < level
  p <- fates_of(c(1, 0))[rep(1, 120), ]
  p[, 1] <- level
  p[, 2] <- 1 - level
  observed <- cbind(as.numeric(right), as.numeric(!right))
  dimnames(observed) <- dimnames(p)
  set.seed(5)
  before <- .Random.seed
  s <- ScoreFate(p, observed, n.boot = 200)
  expect_identical(.Random.seed, before)
  expect_equal(s$calibration[[1]], 0, tolerance = 1e-8)
  expect_lt(s$calibration_low[[1]], 1e-8)
  expect_gt(s$calibration_high[[1]], 0)
  wrong <- p
  wrong[] <- rep(c(0.99, 0.01), each = 120)
  t <- ScoreFate(list(sure = wrong), observed, group = rep(1:40, 3), n.boot = 200)
  expect_equal(t$calibration[[1]], 0.24, tolerance = 1e-8)
  expect_true(t$calibration_low[[1]] > 0.1 && t$calibration_low[[1]] <= 0.24 && t$calibration_high[[1]] >= 0.24)
  expect_output(print(t), "calibration error 0.24 \\(")
})
