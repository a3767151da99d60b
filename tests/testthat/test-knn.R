# Scattered points without ties.
scattered <- function(n, d) {
  i <- seq_len(n * d)
  matrix(sin(i^2 * 12.9898) + 0.1 * cos(i * 78.233), n, d)
}

naive_neighbours <- function(reference, queries, k, self = FALSE) {
  index <- t(vapply(seq_len(nrow(queries)), function(i) {
    d <- colSums((t(reference) - queries[i, ])^2)
    if (self) d[[i]] <- Inf
    order(d)[seq_len(k)]
  }, integer(k)))
  index
}

test_that("neighbours are those a sort of all distances gives", {
  x <- scattered(120L, 3L)
  q <- x[1:20, ] * 1.3 + 0.01
  for (method in c("tree", "brute", "annoy")) {
    found <- knn_query(x, q, 7L, list(method = method), 2L)
    expect_identical(found$index, naive_neighbours(x, q, 7L))
    expected <- sqrt(sum((x[found$index[3, 2], ] - q[3, ])^2))
    expect_equal(found$distance[3, 2], expected, tolerance = 1e-5)
    self <- knn_self(x, 7L, list(method = method), 1L)
    expect_identical(self$index, naive_neighbours(x, x, 7L, self = TRUE))
  }
  expect_input_error(knn_query(x, q, 121L, list(), 1L), "k")
  expect_input_error(knn_query(x, q[, 1:2], 1L, list(), 1L), "queries")
  expect_input_error(knn_query(x, q, 1L, list(method = "hash"), 1L), "method")
})

test_that("labels are the votes a naive count gives", {
  cells <- list(x = scattered(120L, 3L))
  codes <- rep(1:3, 40)
  q <- cells$x[1:30, ] + 0.05
  near <- naive_neighbours(cells$x, q, 9L)
  distance <- t(vapply(1:30, function(i) {
    sqrt(colSums((t(cells$x[near[i, ], ]) - q[i, ])^2))
  }, numeric(9)))
  vote <- function(weights, ...) {
    index <- label_index(cells$x, codes, 3L, list(k = 9, weights = weights, ...), 1L)
    label_states(index, q, 2L)
  }
  weighed <- function(w) {
    t(vapply(1:30, function(i) {
      vapply(1:3, function(l) sum(w[i, codes[near[i, ]] == l]), 1)
    }, numeric(3)))
  }
  expect_equal(vote("uniform")$probability, weighed(matrix(1 / 9, 30, 9)))
  w <- exp(-2 * (distance / distance[, 9])^2)
  expect_equal(vote("distance")$probability, weighed(w / rowSums(w)), tolerance = 1e-6)
  expect_equal(vote("uniform")$distance, rowMeans(distance), tolerance = 1e-6)
  own <- naive_neighbours(cells$x, cells$x, 9L, self = TRUE)
  mean_own <- vapply(1:120, function(i) {
    mean(sqrt(colSums((t(cells$x[own[i, ], ]) - cells$x[i, ])^2)))
  }, 1)
  index <- label_index(cells$x, codes, 3L, list(k = 9), 1L)
  expect_equal(label_cutoff(index), 2 * sort(mean_own)[[119]], tolerance = 1e-6)
})
