# Cells that go round: their truth by finite differences, the same bytes again, bad input.

test_that("means are those of cells that have turned for ever", {
  a <- SimulateCycle(n.cells = 60, n.genes = 12, days = c(0, 1), as = "list")
  genes <- a$truth$genes
  alpha <- genes$top * (1 + 0.9 * cos(outer(-genes$phase, a$cells$angle, "+"))) / 2
  # du/dt and ds/dt by the chain rule: a cell turned by w h is the same cell h later.
  later <- function(h) {
    w <- 2 * pi * 0.1
    wave <- function(h) 0.9 * exp(1i * outer(-genes$phase, a$cells$angle + w * h, "+"))
    u <- wave(h) / (genes$beta + 1i * w)
    list(u = genes$top / 2 * (1 / genes$beta + Re(u)),
      s = genes$top / 2 * (1 / genes$gamma + Re(genes$beta * u / (genes$gamma + 1i * w))))
  }
  h <- 1e-5
  slope <- function(part) (later(h)[[part]] - later(-h)[[part]]) / (2 * h)
  u <- unname(a$truth$unspliced)
  s <- unname(a$truth$spliced)
  expect_equal(u, later(0)$u)
  expect_equal(s, later(0)$s)
  expect_equal(slope("u"), alpha - genes$beta * u, tolerance = 1e-6)
  expect_equal(slope("s"), genes$beta * u - genes$gamma * s, tolerance = 1e-6)
  expect_equal(unname(a$truth$velocity), slope("s"), tolerance = 1e-6)
  expect_equal(unname(rowSums(a$truth$drift * a$latent)), rep(0, 60), tolerance = 1e-10)
})

test_that("cells of each day are all round, and seeds tell", {
  cells <- SimulateCycle(n.cells = 900, n.genes = 3)
  parts <- table(cells$day, cut(cells$angle %% (2 * pi), seq(0, 2 * pi, length.out = 5)))
  expect_true(all(parts > 60 & parts < 90))
  a <- SimulateCycle(n.cells = 36, n.genes = 5, as = "list")
  expect_identical(a, SimulateCycle(n.cells = 36, n.genes = 5, as = "list"))
  expect_false(identical(a$counts, SimulateCycle(n.cells = 36, n.genes = 5, as = "list", seed.use = 1)$counts))
  expect_true(all(table(a$cells$clone) == 12))
})

test_that("arguments out of range are named", {
  expect_error(SimulateCycle(days = c(1, 0)), "days", class = "fatefield_error_input")
  expect_error(SimulateCycle(spread = -1), "spread", class = "fatefield_error_input")
  expect_error(SimulateCycle(n.genes = 1), "n.genes", class = "fatefield_error_input")
})

test_that("founders on the move have the velocity of their drift on the first day", {
  velocity_of <- function(...) {
    a <- SimulateDifferentiation(n.cells = 200, n.genes = 30, n.futures = 0, as = "list", ...)$truth
    sqrt(mean(a$velocity[, 1:50]^2))
  }
  expect_lt(velocity_of(), 1e-8)
  expect_gt(velocity_of(lead = 1), 0.01)
})
