# Two pairs of clusters at three times, each pair on its way apart from the other.
pairs_of_clusters <- function(each = 30L) {
  i <- seq_len(6L * each)
  time <- (i - 1L) %% 3L
  side <- ifelse(i %% 2L == 0L, 1, -1)
  noise <- outer(i, 1:2, function(a, b) (a * sqrt(b + 1)) %% 1 - 0.5)
  x <- 0.4 * noise + cbind(0, 2 * side)
  dimnames(x) <- list(paste0("c", i), c("PC_1", "PC_2"))
  list(x = x, time = time, label = ifelse(time < 2, "progenitor", ifelse(side > 0, "up", "down")), side = side)
}

plan_of <- function(data, ..., options = list(noise = 0.05)) {
  PredictFate(
    data$x, labels = data$label, exclude = "progenitor", time = data$time, method = "plan", k = 5, options = options,
    ...
  )
}

test_that("clusters that lie before one another have one fate by plans", {
  cells <- pairs_of_clusters()
  fate <- plan_of(cells, prior = 0)
  expect_s3_class(fate, "fatefield_fate")
  expect_equal(unname(fate$probability[, "up"]), as.numeric(cells$side > 0), tolerance = 1e-3)
  expect_identical(rownames(fate$probability), rownames(cells$x))
  expect_equal(c(fate$unassigned, fate$other), numeric(360), ignore_attr = TRUE)
  expect_true(all(fate$effective >= 1))
  expect_output(print(fate), "by plans between 3 times")
})

test_that("labels that are no fates are other, and cells without a label are left out", {
  cells <- pairs_of_clusters()
  last <- which(cells$time == 2)
  up <- last[cells$side[last] > 0]
  cells$label[up[1:10]] <- "undecided"
  one <- PredictFate(cells$x, labels = cells$label, exclude = c("progenitor", "undecided"), time = cells$time,
    method = "plan", k = 5, cells = which(cells$time == 0), options = list(noise = 5, reach = 0))
  expect_equal(mean(one$other), 1 / 6, tolerance = 0.01)
  cells$label[up[1:10]] <- NA
  two <- plan_of(cells, cells = which(cells$time == 0))
  expect_equal(max(two$other), 0)
  expect_error(plan_of(cells, reference = setdiff(seq_along(cells$time), last)), class = "fatefield_error_input")
})

test_that("plans need no model, and start at any time", {
  for (object in tiny_objects()) {
    found <- PredictFate(object, labels = "state", exclude = "progenitor", time = "day", method = "plan", k = 5)
    kept <- GetResult(found, "fates")
    x <- embedding(object)
    alone <- PredictFate(x, labels = tiny_cells()$label, exclude = "progenitor", time = tiny_cells()$time,
      method = "plan", k = 5)
    expect_equal(kept$probability, alone$probability, ignore_attr = TRUE)
  }
  cells <- pairs_of_clusters()
  early <- plan_of(cells, t.start = 0, cells = 1:12)
  late <- plan_of(cells, t.start = 1.5, cells = 1:12)
  expect_true(all(early$starts == 0) && all(late$starts == 1.5))
  expect_identical(early$fate, late$fate)
  expect_identical(plan_of(cells, threads = 1), plan_of(cells, threads = 2))
  some <- c("c3", "c1")
  expect_equal(plan_of(cells)[some]$probability[some, ], plan_of(cells, cells = some)$probability[some, ])
})

test_that("what a plan cannot do is named", {
  cells <- pairs_of_clusters()
  expect_input_error <- function(code, argument) {
    error <- expect_error(code, class = "fatefield_error_input")
    expect_match(conditionMessage(error), argument, fixed = TRUE)
  }
  expect_input_error(
    PredictFate(cells$x, labels = cells$label, exclude = "progenitor", method = "plan", k = 5), "`time`"
  )
  expect_input_error(plan_of(cells, t.end = 1.5), "`t.end`")
  expect_input_error(plan_of(cells, options = list(noise = -1)), "`noise`")
  expect_input_error(plan_of(cells, options = list(nois = 1)), "nois")
  expect_input_error(
    PredictFate(cells$x, model = stub_model(dims = colnames(cells$x)), labels = cells$label, options = list(noise = 1)),
    "`options`"
  )
})

test_that("the agreement of two answers is their distance and their common fate", {
  plan <- plan_of(pairs_of_clusters(), prior = 0)
  expect_equal(plan_agreement(plan, plan)[c("distance", "top")], list(distance = 0, top = 1))
  other <- plan
  other$probability[] <- 0.5
  expect_equal(plan_agreement(other, plan)$distance, 0.5, tolerance = 1e-3)
  expect_equal(plan_agreement(other, plan)$top, 0.5)
  expect_identical(plan_agreement(plan, plan)$cells, 120L)
})

fates_of_model <- function(cells, model, ...) {
  PredictFate(cells$x, model = model, labels = cells$label, exclude = "progenitor", k = 5, n.sim = 5, verbose = FALSE,
    ...)
}

test_that("the plans of a model are those that it was trained on, but for what is said otherwise", {
  cells <- pairs_of_clusters()
  plain <- tiny_fit(cells$x, cells$time, growth = "none", bridge.noise = 1.3)
  own <- fates_of_model(cells, plain, method = "plan")
  same <- function(noise, reach, marginals, fate) {
    by_hand <- plan_of(cells, options = list(noise = noise, reach = reach, marginals = marginals))
    expect_equal(fate$probability, by_hand$probability)
  }
  same(1.3, 0, "both", own)
  expect_output(print(own), "those of the model")
  same(0.2, 0, "both", fates_of_model(cells, plain, method = "plan", options = list(noise = 0.2)))
  grown <- tiny_fit(cells$x, cells$time, growth = "learned", bridge.noise = 0.4, bridge.reach = 2,
    bridge.marginals = "target")
  same(0.4, 2, "target", fates_of_model(cells, grown, method = "plan"))
  rollouts <- tiny_fit(cells$x, cells$time, method = "sinkhorn")
  expect_equal(fates_of_model(cells, rollouts, method = "plan")$probability,
    plan_of(cells, options = NULL)$probability)
})

test_that("an ensemble has a plan for each noise of its members", {
  cells <- pairs_of_clusters()
  several <- tiny_fit(cells$x, cells$time, growth = "none", n.models = 2L)
  fate <- fates_of_model(cells, several, method = "plan", prior = 0)
  noises <- vapply(1:2, bridge_noise, 0, config = several$config, n.models = 2L)
  expect_equal(fate$options$noise, noises)
  each <- lapply(noises, function(noise) {
    plan_of(cells, prior = 0, options = list(noise = noise, reach = 0))$probability
  })
  expect_equal(fate$probability, (each[[1L]] + each[[2L]]) / 2, tolerance = 1e-6)
  one <- fates_of_model(cells, several, method = "plan", options = list(noise = 1))
  expect_identical(one$n.models, 1L)
})

test_that("a length in scaled units is a share of the usual distance", {
  cells <- pairs_of_clusters()
  within <- sum(vapply(split(seq_along(cells$time), cells$time), function(i) {
    sum(scale(cells$x[i, ], scale = FALSE)^2)
  }, 0)) / nrow(cells$x)
  found <- relative_reach(3, list(x = cells$x, times = cells$time))
  expect_equal(found, 3 * sqrt(mean(apply(cells$x, 2, var))) / sqrt(within))
})

test_that("growth that was given is that of the plans of a model", {
  cells <- pairs_of_clusters()
  rate <- ifelse(cells$side > 0, log(3), 0)
  model <- tiny_fit(cells$x, cells$time, growth = rate, bridge.noise = 0.05)
  expect_identical(model$growth.rates, rate)
  fate <- fates_of_model(cells, model, method = "plan")
  start <- names(which(fate$starts == 1))
  up <- cells$side[match(start, rownames(cells$x))] > 0
  ratio <- mean(fate$descendants[start[up]]) / mean(fate$descendants[start[!up]])
  expect_equal(ratio, 3, tolerance = 1e-6)
})

test_that("fates have those of plans beside them where asked for", {
  cells <- pairs_of_clusters()
  model <- tiny_fit(cells$x, cells$time, growth = "none")
  plan <- fates_of_model(cells, model, method = "plan")
  fate <- fates_of_model(cells, model, plan = TRUE)
  alone <- fates_of_model(cells, model)
  expect_identical(fate$probability, alone$probability)
  expect_identical(fate$probability_plan, plan$probability)
  expect_null(alone$probability_plan)
  expect_output(print(fate), "beside plans: mean distance")
  expect_equal(summary(fate)$probability_plan, unname(colMeans(plan$probability)))
  expect_equal(summary(fate)$distance_plan, unname(colMeans(abs(plan$probability - fate$probability))))
  some <- fate[c("c5", "c2")]
  expect_identical(rownames(some$probability_plan), c("c5", "c2"))
  expect_error(fates_of_model(cells, model, options = list(noise = 1)), class = "fatefield_error_input")
  expect_error(fates_of_model(cells, model, plan = 1), class = "fatefield_error_input")
})

test_that("a cell far from all others has no say in plans, and is named", {
  cells <- pairs_of_clusters()
  without <- plan_of(list(x = cells$x[-4L, ], time = cells$time[-4L], label = cells$label[-4L]))
  cells$x[4L, 1L] <- 1e9
  expect_warning(fate <- plan_of(cells), "c4", class = "fatefield_warning_outliers")
  kept <- rownames(without$probability)
  expect_equal(fate$probability[kept, ], without$probability)
})

test_that("the plans of a model leave out the cells that its training left out, and no others", {
  cells <- pairs_of_clusters()
  cells$x[4L, 1L] <- 1e9
  suppressWarnings(model <- tiny_fit(cells$x, cells$time, growth = "none"), classes = "fatefield_warning_outliers")
  expect_identical(model$outliers, "c4")
  expect_silent(fate <- fates_of_model(cells, model, method = "plan"))
  expect_identical(sum(fate$plan.times), nrow(cells$x) - 1L)
  model$outliers <- c("c4", "c6")
  expect_identical(sum(fates_of_model(cells, model, method = "plan")$plan.times), nrow(cells$x) - 2L)
})
