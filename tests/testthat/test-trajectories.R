tiny_trajectories <- function() {
  new_trajectories(
    states = array(as.numeric(1:24), c(4, 2, 3)), times = c(0, 1, 2),
    cell = factor(c("a", "a", "b", "b")), sim = c(1, 2, 1, 2),
    log_weights = matrix(1:12 / 10, 4, 3), reduction = "pca", dims = c("PC_1", "PC_2")
  )
}

test_that("trajectories know their size and are subset along every direction", {
  x <- tiny_trajectories()
  expect_identical(dim(x), c(4L, 2L, 3L))
  expect_identical(dim(x["b", "PC_2", 2:3]), c(2L, 1L, 2L))
  expect_identical(as.vector(x["b", "PC_2", 3]$states), c(23, 24))
  expect_identical(levels(x["b"]$cell), "b")
  expect_identical(x[c(TRUE, FALSE, FALSE, TRUE)]$sim, c(1L, 2L))
  expect_identical(x[, , 2]$log_weights, matrix(5:8 / 10, 4, 1))
  expect_identical(x[-1]$cell, factor(c("a", "b", "b")))
  expect_input_error(x["c"], "i", "\"c\"")
  expect_input_error(x[9], "i")
  expect_input_error(x[, "PC_3"], "j")
  expect_input_error(x[, , 4], "k")
})

test_that("the tidy form has one row per trajectory and time", {
  x <- tiny_trajectories()
  d <- as.data.frame(x)
  expect_identical(nrow(d), 12L)
  row <- d[d$trajectory == 3 & d$time == 1, ]
  expect_identical(c(row$PC_1, row$PC_2), unname(x$states[3, , 2]))
  expect_identical(row$log_weight, x$log_weights[3, 2])
  expect_identical(as.character(row$cell), "b")
  expect_identical(states_at(x, 0.9), states_at(x[, , 2]))
  expect_identical(dim(states_at(x[1, 1, 1])), c(1L, 1L))
})

test_that("trajectories print in a line or two", {
  expect_output(print(tiny_trajectories()), "4 of 2 cells, 2 dimensions of \"pca\", 3 times")
})

test_that("parts that do not fit together are refused", {
  s <- array(0, c(4, 2, 3))
  f <- factor(1:4)
  expect_input_error(new_trajectories(s[, , 1], 1:3, f, 1:4), "states")
  expect_input_error(new_trajectories(s, 1:2, f, 1:4, log_weights = matrix(0, 4, 3)), "times")
  expect_input_error(new_trajectories(s, 1:3, factor(1:3), 1:4), "cell")
  expect_input_error(new_trajectories(s, 1:3, f, 1:4, log_weights = matrix(0, 4, 2)), "log_weights")
  expect_input_error(check_trajectories(list()), "object", "SimulateCells")
})
