test_that("shares are means over cells with the interval of a mean", {
  s <- matrix(c(8, 0, 6, 2, 9, 0), 2, dimnames = list(c("g1", "g2"), c("c1", "c2", "c3")))
  u <- matrix(c(2, 0, 2, 0, 0, 1), 2, dimnames = dimnames(s))
  found <- SplicingProportions(s, u)
  shares <- c(0.2, 0.2, 0.1)
  expect_equal(unname(found$shares), shares)
  row <- found$table[found$table$molecules == "unspliced", ]
  expect_equal(row$share, mean(shares))
  expect_equal(row$share_high - row$share, qnorm(0.975) * sd(shares) / sqrt(3))
  by.group <- SplicingProportions(s, u, group.by = c("a", "a", "b"))
  expect_equal(summary(by.group)$share, c(0.2, 0.1))
  expect_equal(as.vector(tapply(by.group$table$share, by.group$table$group, sum)), c(1, 1))
  expect_output(print(by.group), "least in b, 0.1; most in a, 0.2")
  expect_identical(as.character(by.group["b"]$table$group), c("b", "b"))
  expect_s3_class(plot(by.group), "ggplot")
})

test_that("counts in objects are found, and bad input is named", {
  for (as in chain_kinds()) {
    cells <- chain_cells(as)
    found <- SplicingProportions(cells, group.by = "state")
    expect_identical(nrow(found$table), 2L * nlevels(factor(cell_column(cells, "state", "x"))))
    expect_true(all(found$table$share_low <= found$table$share))
    expect_input_error(SplicingProportions(cells, group.by = "nope"), "group.by")
    expect_input_error(SplicingProportions(cells, unspliced = "nope"), "unspliced")
  }
  expect_input_error(SplicingProportions(matrix(1, 2, 3)), "unspliced")
  expect_input_error(SplicingProportions(matrix(1, 2, 3), matrix(2, 2, 4)), "unspliced")
})
