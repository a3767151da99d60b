# Parts that share no clone.

some_clones <- function(n = 300L) {
  i <- seq_len(n)
  list(
    clone = paste0("c", floor(40 * ((i * sqrt(2)) %% 1)^2)), time = i %% 3L,
    label = c("a", "b", "c", NA)[1L + (i * i) %% 4L]
  )
}

test_that("whole clones go into parts that are alike in cells, times and labels", {
  x <- some_clones()
  fold <- SplitByClone(x$clone, time = x$time, labels = x$label)
  expect_true(all(tapply(fold, x$clone, function(f) length(unique(f))) == 1L))
  expect_setequal(fold, 1:5)
  expect_lt(max(abs(table(fold) - 60)), 8)
  even <- function(by) max(abs(prop.table(table(fold, by), 2L) - 0.2))
  expect_lt(even(x$time), 0.08)
  expect_lt(even(x$label), 0.1)
  test <- SplitByClone(x$clone, share = 0.3)
  expect_identical(levels(test), c("train", "test"))
  expect_true(all(tapply(test, x$clone, function(f) length(unique(f))) == 1L))
  expect_lt(abs(mean(test == "test") - 0.3), 0.02)
})

test_that("parts follow the cells in any order, and the seed", {
  x <- some_clones()
  fold <- SplitByClone(x$clone, time = x$time, labels = x$label)
  turn <- order((seq_along(fold) * sqrt(3)) %% 1)
  expect_identical(SplitByClone(x$clone[turn], time = x$time[turn], labels = x$label[turn]), fold[turn])
  expect_identical(unname(SplitByClone(stats::setNames(factor(x$clone), seq_along(fold)))), SplitByClone(x$clone))
  single <- seq_len(100)
  expect_false(identical(SplitByClone(single), SplitByClone(single, seed.use = 1)))
  set.seed(1)
  before <- .Random.seed
  SplitByClone(single)
  expect_identical(.Random.seed, before)
})

test_that("cells without a clone are in no part, a large clone has one of its own, no part is empty", {
  expect_identical(is.na(SplitByClone(c("a", NA, "b", "", "c"), n.folds = 3)), c(FALSE, TRUE, FALSE, TRUE, FALSE))
  big <- SplitByClone(c(rep("big", 200), 1:30))
  expect_false(any(big[201:230] == big[[1L]]))
  expect_setequal(SplitByClone(c(rep("a", 50), "b", "c"), n.folds = 3), 1:3)
  expect_setequal(SplitByClone(c("a", "b"), share = 0.01), c("train", "test"))
})

test_that("objects get a column, and other input is an error", {
  for (object in tiny_objects()) {
    clone <- rep(letters[1:12], 5)
    object <- store_cells_of_user(object, barcode = clone)
    out <- SplitByClone(object, "barcode", time = "day", n.folds = 3)
    expect_identical(cell_column(out, "fold", "x"), SplitByClone(clone, time = tiny_cells()$time, n.folds = 3))
    named <- SplitByClone(object, clone, share = 0.25, store.as = "part")
    expect_identical(as.character(cell_column(named, "part", "x")), as.character(SplitByClone(clone, share = 0.25)))
    expect_input_error(SplitByClone(object), "clone")
    expect_input_error(SplitByClone(object, "barcodes"), "clone", "Did you mean \"barcode\"")
  }
  expect_input_error(SplitByClone(c("a", "b"), n.folds = 3), "n.folds", "2 clones")
  expect_input_error(SplitByClone(c("a", "a"), share = 0.5), "object", "one clone")
  expect_input_error(SplitByClone(c("a", "b"), share = 1), "share")
  expect_input_error(SplitByClone(c(NA, "")), "object", "none")
  expect_input_error(SplitByClone(list(1, 2)), "object")
  expect_input_error(SplitByClone(c("a", "b"), n.folds = 2, time = 1:3), "time")
  expect_input_error(SplitByClone(c("a", "b"), folds = 2), "folds", "n.folds")
})
