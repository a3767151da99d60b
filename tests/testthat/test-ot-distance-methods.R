# The other methods of OTDistance(): against naive twins in R; objects; what must be refused.

pair_of_clouds <- function(n = 25L, m = 25L) {
  x <- tiny_cells(n)$x
  y <- tiny_cells(m)$x %*% diag(c(0.7, 1.2, 1)) + 0.3
  dimnames(y) <- list(paste0("other", seq_len(m)), colnames(x))
  list(x = x, y = y)
}

test_that("exact transport on a line is that of the sorted cells", {
  x <- tiny_cells(40L)$x[, 1, drop = FALSE]
  y <- x[40:1, , drop = FALSE]^2
  two <- OTDistance(x, y, method = "exact")
  expect_equal(two$value, mean((sort(x) - sort(y))^2) / 2)
  expect_equal(OTDistance(x, y, method = "exact", p = 1)$value, mean(abs(sort(x) - sort(y))))
  expect_identical(sort(two$match), 1:40)
  expect_output(print(two), "Exact transport cost")
})

test_that("exact transport carries its proof and a gradient", {
  z <- pair_of_clouds()
  for (p in 1:2) {
    found <- OTDistance(z$x, z$y, method = "exact", p = p, gradient = TRUE)
    square <- outer(rowSums(z$x^2), rowSums(z$y^2), "+") - 2 * tcrossprod(z$x, z$y)
    cost <- if (p == 2) square / 2 else sqrt(square)
    slack <- cost - outer(found$potentials$x, found$potentials$y, "+")
    expect_gt(min(slack), -1e-9)
    expect_equal(mean(found$potentials$x) + mean(found$potentials$y), found$value)
    expect_equal(mean(cost[cbind(1:25, found$match)]), found$value)
    moved <- z$x
    moved[3, 2] <- moved[3, 2] + 1e-6
    slope <- (OTDistance(moved, z$y, method = "exact", p = p)$value - found$value) / 1e-6
    expect_equal(found$gradient$x[[3, 2]], slope, tolerance = 1e-4)
  }
})

test_that("sliced transport along the axes is that of each dimension", {
  z <- pair_of_clouds()
  found <- OTDistance(z$x, z$y, method = "sliced", slices = 0)
  each <- vapply(1:3, function(k) mean((sort(z$x[, k]) - sort(z$y[, k]))^2), 0)
  expect_equal(found$directions, each)
  expect_equal(found$value, mean(each))
  many <- OTDistance(z$x, z$y[1:20, ], method = "sliced", slices = 30, gradient = TRUE)
  expect_length(many$directions, 33L)
  moved <- z$x
  moved[3, 2] <- moved[3, 2] + 1e-6
  slope <- (OTDistance(moved, z$y[1:20, ], method = "sliced", slices = 30)$value - many$value) / 1e-6
  expect_equal(many$gradient$x[["cell003", "PC_2"]], slope, tolerance = 1e-4)
  again <- OTDistance(z$x, z$y, method = "sliced", seed.use = 1L)$value
  expect_false(identical(again, OTDistance(z$x, z$y, method = "sliced", seed.use = 2L)$value))
})

test_that("the energy distance is the sum over pairs", {
  z <- pair_of_clouds(25L, 31L)
  a <- seq_len(25)
  gap <- function(u, v) as.matrix(stats::dist(rbind(u, v)))[seq_len(nrow(u)), nrow(u) + seq_len(nrow(v))]
  w <- outer(a, a)
  diag(w) <- 0
  v <- 1 - diag(31)
  expected <- 2 * sum(outer(a, rep(1, 31)) * gap(z$x, z$y)) / (sum(a) * 31) -
    sum(w * gap(z$x, z$x)) / sum(w) - sum(v * gap(z$y, z$y)) / sum(v)
  expect_equal(OTDistance(z$x, z$y, weights.x = a, method = "energy")$value, expected)
})

test_that("groups of an object are compared by every method", {
  for (object in tiny_objects()) {
    x <- embedding(object)
    at <- function(t) x[tiny_cells()$time == t, , drop = FALSE]
    for (method in names(distance_methods)) {
      all <- OTDistance(object, group.by = "day", method = method)
      expect_equal(all$value[["2", "0"]], OTDistance(at(2), at(0), method = method)$value)
    }
  }
})

test_that("what a method does not take is refused", {
  z <- pair_of_clouds()
  expect_input_error(OTDistance(z$x, z$y, method = "exactly"), "method")
  expect_input_error(OTDistance(z$x, z$y[1:4, ], method = "exact"), "y", "same number")
  expect_input_error(OTDistance(z$x, z$y, weights.x = 1:25, method = "exact"), "weights.x")
  expect_input_error(OTDistance(z$x, z$y, method = "exact", p = 3), "p")
  expect_input_error(OTDistance(z$x, z$y, method = "exact", blur = 1), "blur")
  expect_input_error(OTDistance(z$x, z$y, method = "sliced", slices = -1), "slices")
  expect_input_error(OTDistance(z$x, z$y, method = "sliced", slice = 1), "slice", "slices")
  expect_input_error(OTDistance(z$x, z$y, method = "energy", gradient = TRUE), "gradient")
})
