test_that("times must be numbers, known, and more than one", {
  expect_identical(check_times(c(2L, 4L), "time"), c(2, 4))
  expect_identical(check_times(factor(c("2", "4")), "time"), c(2, 4))
  expect_input_error(check_times(c("early", "late"), "time"), "time", "days since")
  expect_input_error(check_times(c(1, NA, 2), "time"), "time", "cell 2")
  expect_input_error(check_times(c(1, Inf), "time"), "time", "Inf")
  expect_input_error(check_times(c(1, 1), "time"), "time", "at least 2 different")
  expect_input_error(check_times(1:3, "time", n = 4L), "time", "4 cells")
  expect_input_error(check_times(c(TRUE, FALSE), "time"), "time", "numbers")
})

test_that("counts, numbers, flags, strings and choices are single values of their kind", {
  expect_identical(check_count(5, "n.sim"), 5L)
  for (bad in list(-1, 0, 1.5, NA_real_, "3", 1:2, NULL, Inf)) {
    expect_input_error(check_count(bad, "n.sim"), "n.sim")
  }
  expect_identical(check_count(0, "n", min = 0L), 0L)
  expect_identical(check_number(0.5, "x", 0, 1), 0.5)
  expect_input_error(check_number(2, "x", 0, 1), "x", "between 0 and 1")
  expect_input_error(check_number(NaN, "x"), "x")
  expect_true(check_flag(TRUE, "verbose"))
  for (bad in list(NA, 1, "TRUE", c(TRUE, FALSE))) expect_input_error(check_flag(bad, "verbose"),
  "verbose")
  expect_identical(check_choice(c("a", "b"), c("a", "b"), "m"), "a")
  expect_identical(check_choice("b", c("a", "b"), "m"), "b")
  expect_input_error(check_choice("c", c("a", "b"), "m"), "m", "\"a\", \"b\"")
  expect_input_error(check_string(character(), "file"), "file")
})

test_that("a matrix must be finite; the first bad cell and column are named", {
  x <- tiny_cells()$x
  expect_identical(check_matrix(x, "object"), x)
  x[5, 2] <- NaN
  x[7, 3] <- Inf
  expect_input_error(check_matrix(x, "object"), "object", "2 values not.*NaN.*cell005.*PC_2")
  expect_input_error(check_matrix(matrix("a"), "object"), "object", "numeric matrix")
  expect_input_error(check_matrix(x[0, ], "object"), "object", "empty")
  expect_input_error(check_matrix(data.frame(a = 1, b = "u"), "object"), "object", "\"b\"")
})

test_that("labels keep their order, drop what is unused, and may be missing for some", {
  l <- check_labels(factor(c("b", "a", NA, ""), levels = c("c", "b", "a", "")), "labels")
  expect_identical(l, factor(c("b", "a", NA, NA), levels = c("b", "a")))
  expect_identical(levels(check_labels(c(10, 9, 10), "labels")), c("9", "10"))
  expect_input_error(check_labels(c(NA, NA), "labels"), "labels", "none of the cells")
  expect_input_error(check_labels("a", "labels", n = 2L), "labels")
  expect_input_error(
    check_labels(c("a", "a"), "labels", distinct = 2L), "labels", "at least 2 labels"
  )
})

test_that("cells by name, number and truth value become the same numbers", {
  all <- c("u", "v", "w")
  expect_identical(check_cells(NULL, all), 1:3)
  expect_identical(check_cells(c("w", "u"), all), c(3L, 1L))
  expect_identical(check_cells(c(3, 1), all), c(3L, 1L))
  expect_identical(check_cells(c(TRUE, FALSE, TRUE), all), c(1L, 3L))
  expect_input_error(check_cells(c("u", "x"), all), "cells", "1 of 2.*\"x\"")
  expect_input_error(check_cells(4, all), "cells", "number 4")
  expect_input_error(check_cells(-1, all), "cells")
  expect_input_error(check_cells(c("u", "u"), all), "cells", "twice")
  expect_input_error(check_cells(c(TRUE, FALSE), all), "cells")
  expect_input_error(check_cells(character(), all), "cells", "no cell")
  expect_input_error(check_cells(list(1), all), "cells")
})

test_that("a seed is taken as given without touching R's stream, or drawn from it", {
  set.seed(1)
  before <- .Random.seed
  expect_identical(seed_from(42L), 42)
  expect_identical(.Random.seed, before)
  set.seed(1)
  a <- seed_from(NULL)
  set.seed(1)
  expect_identical(seed_from(NULL), a)
  expect_false(identical(seed_from(NULL), a))
  for (bad in list(-1, 1.5, NA, "a", 1:2)) expect_input_error(seed_from(bad), "seed.use")
})

test_that("arguments that a function does not have are named", {
  f <- function(n.sim, ...) check_no_dots("n.sim", ...)
  expect_silent(f(1))
  expect_input_error(f(1, nsim = 2), "nsim", "Did you mean \"n.sim\"")
  expect_input_error(f(1, 2), "...", "name them")
})

test_that("an argument that is there no more is named, whatever its first letter", {
  expect_input_error(check_no_dots(c("n.neighbors", "beta"), k = 5), "k", "no argument `k`")
  expect_input_error(GrowthRates(tiny_cells()$x, "a", "b", tiny_cells()$x, k = 5), "k", "no argument `k`")
})
