# ScoreVelocityField(): what it counts, that nothing leaks, noise, and figures.

test_that("scores are those of the held-out cells", {
  data <- field_data()
  found <- ScoreVelocityField(data$x, data$y, fields = c("mean", "linear"), n.splits = 2, verbose = FALSE)
  expect_identical(found$table$field, c("linear", "mean"))
  part <- split_cells(200, numeric(), 0.1, 0.1, 43)
  train <- part == 0
  test <- part == 2
  guess <- data$x[test, ] %*% qr.solve(data$x[train, ], data$y[train, ])
  y <- data$y[test, ]
  row <- found$splits[found$splits$split == 2 & found$splits$field == "linear", ]
  expect_equal(row$mse, mean((guess - y)^2), tolerance = 1e-6)
  base <- sweep(y, 2L, colMeans(data$y[train, ]))
  expect_equal(row$r2, 1 - sum((guess - y)^2) / sum(base^2), tolerance = 1e-6)
  cosine <- rowSums(guess * y) / sqrt(rowSums(guess^2) * rowSums(y^2))
  expect_equal(row$cosine, mean(cosine), tolerance = 1e-6)
  expect_equal(row$sign, mean(sign(guess[y != 0]) == sign(y[y != 0])), tolerance = 1e-6)
  expect_equal(found$splits$r2[found$splits$field == "mean"], c(0, 0), tolerance = 1e-10)
  expect_equal(found$table$mse, rev(tapply(found$splits$mse, found$splits$field, mean))[c("linear", "mean")],
    ignore_attr = TRUE)
})

test_that("velocities handed round among cells are not predicted", {
  data <- field_data()
  wrong <- data$y[(seq_len(200) * 7) %% 200 + 1, ]
  dimnames(wrong) <- dimnames(data$y)
  found <- ScoreVelocityField(data$x, wrong, fields = c("knn", "ridge", "sparsevfc"), n.splits = 2,
    verbose = FALSE)
  expect_lt(max(found$table$r2), 0.05)
  # Copies of cells that are parted from them, as the published split does, look as if they were.
  twice <- function(m) `rownames<-`(rbind(m, m), NULL)
  leaked <- ScoreVelocityField(twice(data$x), unname(twice(wrong)), fields = "knn", n.splits = 2,
    neighbours = 1, verbose = FALSE)
  expect_gt(leaked$table$r2, 0.5)
  apart <- ScoreVelocityField(twice(data$x), unname(twice(wrong)), fields = "knn", n.splits = 2,
    neighbours = 1, split.by = rep(seq_len(200), 2), verbose = FALSE)
  expect_lt(apart$table$r2[apart$table$held.out == "groups"], 0)
})

test_that("the noise is measured for objects, and figures draw it", {
  found <- ScoreVelocityField(field_cells(), fields = c("mean", "ridge"), split.by = "branch", n.splits = 2,
    n.boot = 1, verbose = FALSE)
  expect_named(found$noise, c("mse", "r2", "cosine", "sign"))
  expect_gt(found$noise[["mse"]], 0)
  expect_lt(found$noise[["mse"]], min(found$table$mse))
  expect_identical(unique(found$table$held.out), c("cells", "groups"))
  expect_output(print(found), "noise of the velocities alone gives R2 .*R2 on held-out groups: ridge")
  expect_s3_class(plot(found), "ggplot")
  expect_silent(ggplot2::ggplot_build(plot(found, metrics = "r2")))
  expect_identical(summary(found)$field, c(found$table$field, "(noise)"))
  expect_identical(as.data.frame(found["ridge"])$held.out, c("cells", "groups"))
  expect_s3_class(plot(found["ridge"]), "ggplot")
  again <- ScoreVelocityField(field_cells(), fields = c("mean", "ridge"), split.by = "branch", n.splits = 2,
    n.boot = 1, threads = 1, verbose = FALSE)
  expect_identical(again$noise, found$noise)
  expect_identical(again$splits$mse, found$splits$mse)
  expect_input_error(plot(found, metrics = "mae"), "metrics")
  expect_input_error(ScoreVelocityField(field_cells(), fields = "forest", verbose = FALSE), "fields")
})

test_that("the sparse field does not depend on the unit of the velocities", {
  data <- field_data()
  of <- function(unit) {
    model <- tiny_field("sparsevfc", data = list(x = data$x, y = data$y * unit))
    model_velocity(model, data$x) / unit
  }
  expect_equal(of(100), of(1), tolerance = 1e-6)
  expect_equal(of(0.01), of(1), tolerance = 1e-6)
})
