# ClassifyTrajectories(): votes against a naive twin, ties, ambiguous ends, intervals.

ends_at <- function(x, cell = seq_len(nrow(x))) {
  states <- array(c(0 * x, x), c(dim(x), 2L))
  new_trajectories(states, 0:1, factor(cell), rep(1L, nrow(x)), dims = paste0("PC_", seq_len(ncol(x))))
}

test_that("ends are labelled by the majority of the nearest cells", {
  cells <- tiny_cells()
  ends <- cells$x[c(1, 8, 15, 33, 60), ] + 0.05
  found <- ClassifyTrajectories(ends_at(ends), cells$label, cells$x, k = 7L)
  for (i in seq_len(nrow(ends))) {
    near <- order(colSums((t(cells$x) - ends[i, ])^2))[1:7]
    votes <- table(cells$label[near]) / 7
    expect_equal(found$votes[i, ], votes[colnames(found$votes)], ignore_attr = TRUE)
    if (max(votes) >= 0.5) expect_identical(as.character(found$label[[i]]), names(which.max(votes)))
  }
  expect_identical(found$table$n, as.numeric(table(found$label)))
  expect_equal(sum(found$table$share), 1)
})

test_that("of equal votes the nearest wins, and too few are ambiguous", {
  line <- matrix(c(1, 2, 3, 4, 100))
  run <- function(at, ...) {
    ClassifyTrajectories(ends_at(matrix(at)), labels = c("b", "b", "a", "a", "a"), reference = line, ...)
  }
  expect_identical(as.character(run(c(2.4, 2.6), k = 4)$label), c("b", "a"))
  three <- ClassifyTrajectories(ends_at(matrix(2.1)), c("b", "c", "a", "a", "a"), line, k = 3)
  expect_identical(as.character(three$label), "ambiguous")
  expect_equal(three$vote, 1 / 3)
  sure <- ClassifyTrajectories(ends_at(matrix(2.1)), c("b", "c", "a", "a", "a"), line, k = 3, min.vote = 0)
  expect_identical(as.character(sure$label), "c")
  chosen <- ClassifyTrajectories(ends_at(matrix(2.1)), c("b", "c", "a", "a", "a"), line, k = 1, among = c("a", "b"))
  expect_identical(as.character(chosen$label), "a")
  expect_named(chosen$votes[1L, ], c("b", "a"), ignore.order = TRUE)
})

test_that("intervals are Wilson's, and the bootstrap keeps the paths of a cell together", {
  line <- matrix(c(1, 2, 11, 12))
  at <- matrix(rep(c(1.5, 11.5), c(230, 362)))
  run <- function(cell) {
    ClassifyTrajectories(ends_at(at, cell), c("a", "a", "b", "b"), line, k = 2, fates = c("a", "b"))
  }
  found <- run(seq_len(592))
  wilson <- stats::prop.test(362, 592, correct = FALSE)$conf.int
  expect_equal(unlist(found$table[2L, c("share_low", "share_high")], use.names = FALSE), as.vector(wilson))
  expect_equal(unlist(found$table[2L, c("share_boot_low", "share_boot_high")], use.names = FALSE), as.vector(wilson),
    tolerance = 0.01)
  expect_equal(found$ratio$ratio, 362 / 230)
  expect_equal(found$ratio$ratio_low, wilson[[1L]] / (1 - wilson[[1L]]))
  expect_output(print(found), "a : b = 230 : 362 = 1 : 1.57")
  # Ten cells with all their paths alike say much less.
  few <- run(c(rep(1:4, length.out = 230), rep(5:10, length.out = 362)))
  expect_gt(few$table$share_boot_high[[2L]] - few$table$share_boot_low[[2L]], 3 * diff(wilson))
  expect_identical(run(seq_len(592)), found)
})

test_that("objects serve as reference, and what failed is not counted", {
  object <- tiny_fit(tiny_seurat())
  paths <- IntegrateCells(object, verbose = FALSE)
  found <- ClassifyTrajectories(paths, labels = "state", reference = object, k = 5L)
  plain <- ClassifyTrajectories(paths, labels = object$state, reference = tiny_cells()$x, k = 5L)
  expect_identical(found, plain)
  paths$states[2L, , 31L] <- NaN
  some <- ClassifyTrajectories(paths, labels = "state", reference = object, k = 5L)
  expect_true(is.na(some$label[[2L]]))
  expect_identical(sum(some$table$n), 19)
  expect_output(print(some), "1 could not be integrated")
})

test_that("the definition of fates in the reference is taken", {
  object <- tiny_fit(tiny_seurat())
  chosen <- sort(union(which(object$day == 2), 1:6))
  object <- DefineFates(object, labels = "state", exclude = "progenitor", reference = chosen, k = 4,
    cols = c(up = "red3"))
  paths <- IntegrateCells(object, verbose = FALSE)
  found <- ClassifyTrajectories(paths, reference = object)
  plain <- ClassifyTrajectories(paths, labels = object$state[chosen], reference = tiny_cells()$x[chosen, ], k = 4,
    exclude = "progenitor")
  expect_identical(found$table, plain$table)
  expect_identical(as.character(found$fates$label), c("up", "down"))
  expect_identical(summary(found), found$fates)
  expect_identical(found$cols[["up"]], "red3")
  expect_identical(as.data.frame(found["up"])$label, factor("up", levels(found$table$label)))
  colours <- ggplot2::ggplot_build(plot(found))$data[[1L]]$fill
  if (any(found$label == "up")) expect_true("red3" %in% colours)
  expect_output(print(found), "ends of 20 paths of 20 cells")
  other <- ClassifyTrajectories(paths, labels = "state", reference = object, fates = c("up", "down"), t.end = 0)
  expect_identical(other$table$n[other$table$label == "progenitor"], 20)
})

test_that("bad requests are named", {
  cells <- tiny_cells()
  ends <- ends_at(cells$x[1:3, ])
  run <- function(...) ClassifyTrajectories(ends, ...)
  expect_input_error(run(reference = cells$x), "labels")
  expect_input_error(run(cells$label), "reference")
  expect_input_error(run(cells$label, cells$x[, 1:2]), "reference")
  expect_input_error(run(cells$label, cells$x, fates = "left"), "fates")
  expect_input_error(run(cells$label, cells$x, among = "left"), "among")
  expect_input_error(run(cells$label, cells$x, k = 60L), "k")
  expect_input_error(run(cells$label, cells$x, min.vote = 2), "min.vote")
  expect_input_error(ClassifyTrajectories(cells$x, cells$label, cells$x), "object")
})
