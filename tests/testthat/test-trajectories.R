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

test_that("a summary has the mass, the way and the spread of each time, and of each cell", {
  x <- tiny_trajectories()
  by.cell <- summary(x, by = "cell")
  expect_identical(names(by.cell), c("cell", "time", "trajectories", "mass", "moved", "spread"))
  w <- exp(x$log_weights[1:2, 3])
  at <- by.cell[by.cell$cell == "a" & by.cell$time == 2, ]
  expect_equal(at$mass, mean(w))
  centre <- function(k) colSums(x$states[1:2, , k] * exp(x$log_weights[1:2, k])) / sum(exp(x$log_weights[1:2, k]))
  expect_equal(at$moved, sqrt(sum((centre(3) - centre(1))^2)))
  gap <- rowSums(sweep(x$states[1:2, , 3], 2, centre(3))^2)
  expect_equal(at$spread, sqrt(sum(gap * w) / sum(w)))
  by.time <- summary(x)
  expect_identical(by.time$time, c(0, 1, 2))
  expect_identical(by.time$cells, c(2L, 2L, 2L))
  expect_equal(by.time$mass[[3]], mean(by.cell$mass[by.cell$time == 2]))
})

test_that("runs in one space and at one set of times are joined", {
  x <- tiny_trajectories()
  y <- x
  y$cell <- factor(c("b", "b", "c", "c"))
  both <- c(x, y)
  expect_identical(dim(both), c(8L, 2L, 3L))
  expect_identical(levels(both$cell), c("a", "b", "c"))
  expect_identical(both$sim, c(1L, 2L, 1L, 2L, 3L, 4L, 1L, 2L))
  expect_identical(both["c"]$states, y["c"]$states)
  expect_identical(both$log_weights[5:8, ], y$log_weights)
  expect_input_error(c(x, x[, , 1:2]), "...", "times")
  expect_input_error(c(x, x[, 1]), "...", "dims")
  expect_input_error(c(x, 1), "...", "trajectories")
})

test_that("ends are coloured as the definition of fates says", {
  object <- DefineFates(tiny_seurat(), "state", reference = which(tiny_cells()$time == 2), k = 5, cutoff = 0,
    cols = c(up = "red", down = "blue"))
  x <- embedding(object)
  futures <- fork_engine()$simulate(x[1:3, ], c(0, 1, 2), 4L, 1, 0)
  paths <- new_trajectories(
    futures$states, c(0, 1, 2), factor(rep(rownames(x)[1:3], each = 4)), rep(1:4, 3),
    reduction = "pca", dims = colnames(x)
  )
  drawn <- ggplot2::ggplot_build(plot(paths, object, group.by = "fate"))$data[[2L]]
  ends <- states_at(paths)[, 2L]
  expect_identical(unique(drawn$colour[drawn$group %in% which(ends > 0)]), "red")
  expect_identical(unique(drawn$colour[drawn$group %in% which(ends < 0)]), "blue")
})
