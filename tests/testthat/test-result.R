# What every result can do, on two made-up kinds: one that has more than a table, one that is a table.

local_kind <- function(frame = parent.frame()) {
  registerS3method("headline", "fatefield_made", function(x) paste("made of", nrow(x$table), "rows"),
    asNamespace("fatefield"))
}

test_that("a result prints its headline, sums up, and gives its table and rows", {
  local_kind()
  x <- new_result("made", data.frame(cell = c("a", "b", "c"), fate = "up", value = c(1, NA, 4)), list(more = 5),
    by = "cell")
  expect_s3_class(x, c("fatefield_made", "fatefield_result"), exact = TRUE)
  expect_identical(capture.output(print(x)), "made of 3 rows")
  expect_identical(as.data.frame(x), x$table)
  expect_identical(summary(x)[c("quantity", "min", "median", "mean", "missing")],
    data.frame(quantity = "value", min = 1, median = 2.5, mean = 2.5, missing = 1))
  expect_identical(x[c("c", "a")]$table$value, c(4, 1))
  expect_identical(x[2:3]$table$cell, c("b", "c"))
  expect_identical(x[c(TRUE, FALSE, FALSE)]$more, 5)
  expect_input_error(x["d"], "i", "not in the object")
  expect_input_error(new_result("made", data.frame(a = 1))[1], "i", "cannot be subset")
})

test_that("a result that is a table works as a data.frame, too", {
  local_kind()
  registerS3method("headline", "fatefield_tab", function(x) "tab", asNamespace("fatefield"))
  x <- new_table("tab", data.frame(gene = c("g1", "g1", "g2"), p = c(0.1, 0.2, 0.3)), by = "gene", note = "kept")
  expect_identical(x$p, c(0.1, 0.2, 0.3))
  expect_identical(class(as.data.frame(x)), "data.frame")
  expect_identical(class(x[, c("gene", "p")]), "data.frame")
  expect_identical(x[x$p > 0.1, "p"], c(0.2, 0.3))
  some <- x[x$p < 0.25, ]
  expect_s3_class(some, "fatefield_tab")
  expect_identical(attr(some, "note"), "kept")
  expect_identical(x["g2"]$p, 0.3)
  expect_identical(x["g1"]$p, c(0.1, 0.2))
  expect_identical(rbind(x["g2"], x["g1"])$p, c(0.3, 0.1, 0.2))
  expect_identical(x[order(-x$p), ]$p, c(0.3, 0.2, 0.1))
  expect_match(capture.output(print(x))[[1]], "tab")
  expect_identical(summary(x)$quantity, "p")
  expect_identical(nrow(x[0, ]), 0L)
})

test_that("numbers are shown with their interval", {
  expect_identical(with_interval(0.4213, 0.31, 0.5555), "0.421 (0.31 to 0.555)")
  expect_identical(with_interval(0.5, NA, NA), "0.5")
  expect_identical(counted(1, "cell"), "1 cell")
  expect_identical(counted(12345, "cell"), "12,345 cells")
})
