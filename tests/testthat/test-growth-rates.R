# GrowthRates(): against the formula written out in R.

expression <- function() {
  x <- t(as.matrix(tiny_counts()))
  log1p(x)
}

test_that("rates follow the formula", {
  x <- expression()
  # A little off the lattice, so that no two neighbours are equally far.
  space <- tiny_cells()$x + outer(sin(seq_len(60) * 7.3), c(0.01, 0.02, 0.03))
  birth <- c("g1", "g2", "g3")
  death <- c("g4", "g5")
  k <- 5L
  neighbours <- t(apply(as.matrix(stats::dist(space)), 1L, function(d) order(d)[2:(k + 1L)]))
  rate <- function(genes) {
    z <- scale(x[, genes], scale = apply(x[, genes], 2L, function(v) sqrt(mean((v - mean(v))^2))))
    s <- rowMeans(z)
    for (i in 1:3) {
      previous <- s
      for (c in seq_along(s)) s[c] <- 0.8 * mean(previous[neighbours[c, ]]) + 0.2 * previous[c]
    }
    0.3 + 1.1 / (1 + exp(-(log(0.001) / min(s)) * s))
  }
  ours <- GrowthRates(x, birth, death, reduction = space, n.neighbors = k, beta = 0.2, n.iter = 3L)
  expect_equal(ours, rate(birth) - rate(death), tolerance = 1e-6)
})

test_that("objects get a column, and missing genes are passed over with a message", {
  object <- tiny_seurat()
  if (!"data" %in% layer_names(object)) object <- set_layer_data(object, tiny_counts(), "data", "RNA")
  expect_message(
    object <- GrowthRates(object, birth = c("g1", "nosuch"), death = "g2", n.neighbors = 5L), "passed over"
  )
  expect_true(is.numeric(object$growth))
  expect_input_error(GrowthRates(object, birth = "nosuch", death = "g2", n.neighbors = 5L), "birth")
  expect_input_error(GrowthRates(object, birth = "g1", death = "g2", n.neighbors = 60L), "n.neighbors")
})

test_that("a column of the user's is kept, and both kinds of object get the same", {
  expected <- NULL
  for (object in tiny_objects()) {
    if (is_seurat(object)) {
      object <- set_layer_data(object, Matrix::Matrix(t(expression()), sparse = TRUE), "data", "RNA")
    } else {
      SummarizedExperiment::assay(object, "logcounts") <- t(expression())
    }
    found <- GrowthRates(object, birth = c("g1", "g2"), death = "g3", n.neighbors = 5L)
    rates <- cell_column(found, "growth", "x")
    if (is.null(expected)) expected <- rates
    expect_equal(rates, expected)
    mine <- store_cells_of_user(object, growth = 7)
    expect_warning(
      found <- GrowthRates(mine, birth = c("g1", "g2"), death = "g3", n.neighbors = 5L),
      class = "fatefield_warning_name"
    )
    expect_identical(cell_column(found, "growth", "x"), rep(7, 60))
    expect_equal(cell_column(found, "fatefield_growth", "x"), expected)
    expect_input_error(GrowthRates(mine, "g1", "g2", n.neighbors = 5L, store.as = "growth"), "store.as", "of your own")
    expect_input_error(GrowthRates(object, death = "g2", n.neighbors = 5L), "birth")
    expect_input_error(GrowthRates(object, "g1", "g2", k = 5L), "k")
  }
})
