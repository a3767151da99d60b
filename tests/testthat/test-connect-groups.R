line_chain <- function(n, p) {
  chain <- matrix(0, n, n, dimnames = rep(list(paste0("c", seq_len(n))), 2L))
  inner <- 2:(n - 1L)
  chain[cbind(inner, inner + 1L)] <- p
  chain[cbind(inner, inner - 1L)] <- 1 - p
  chain[1L, 2L] <- chain[n, n - 1L] <- 1
  chain
}

test_that("on a line of cells direction, flow and connectivity have closed forms", {
  group <- rep(c("a", "b"), each = 6)
  found <- ConnectGroups(line_chain(12, 0.8), group)
  t <- found$table
  expect_identical(t$edge, "a -> b")
  # One of the six cells of each side is at the border; alike its steps would be 1/2 there.
  expect_equal(t$flow, 0.8 / 6)
  expect_equal(t$flow.back, 0.2 / 6)
  expect_equal(t$direction, (0.8 - 0.2) / (0.8 + 0.2))
  expect_equal(found$groups$stay, c(1 - 0.8 / 6, 1 - 0.2 / 6))
  # Each group has 11 neighbours; 2 of them are across the border.
  expect_equal(t$connectivity, 2 / ((11 * 6 + 11 * 6) / 11))
  back <- ConnectGroups(line_chain(12, 0.2), group)
  expect_identical(back$table$edge, "b -> a")
  expect_equal(back$table$direction, t$direction)
  even <- ConnectGroups(line_chain(12, 0.5), group)
  expect_equal(even$table$direction, 0)
  expect_output(print(found), "2 groups of 12 cells")
  expect_s3_class(plot(found), "ggplot")
})

test_that("many cells at a border make a direction sure, steps to oneself and unequal groups do not", {
  set.seed(1)
  chain <- matrix(0, 90, 90, dimnames = rep(list(paste0("c", 1:90)), 2L))
  group <- rep(c("a", "b"), c(60, 30))
  for (i in 1:90) {
    to <- sample(setdiff(1:90, i), 6)
    weight <- runif(6, 0.5, 1.5) * ifelse(group[to] == "b", 3, 1)
    chain[i, to] <- 0.7 * weight / sum(weight)
    chain[i, i] <- 0.3
  }
  found <- ConnectGroups(chain, group)
  expect_identical(found$table$edge, "a -> b")
  expect_lt(found$table$p, 0.01)
  expect_gt(found$table$direction_low, 0)
  # Without a preference for either group there is none.
  alike <- (chain > 0) * 1
  diag(alike) <- 0
  none <- ConnectGroups(alike / rowSums(alike), group)
  expect_equal(none$table$direction, 0, tolerance = 1e-9)
  # At random cells of both groups are connected as much as chance has it.
  expect_gt(none$table$connectivity, 0.85)
})

test_that("groups that do not touch have no edge, and cells without a group are left out", {
  chain <- block_chain(leave = c(0.01, 0.01, 0.01))
  block <- rep(c("a", "b", "c"), each = 30L)
  found <- ConnectGroups(chain, block)
  expect_setequal(found$table$edge, c("a -> b", "b -> c", "c -> a"))
  expect_true(all(found$table$direction == 1))
  block[31:60] <- NA
  some <- ConnectGroups(chain, block)
  expect_identical(some$table$edge, "c -> a")
  expect_true(is.na(some$table$p))
  expect_identical(some$groups$cells, c(30L, 30L))
  expect_identical(summary(some)$group, c("a", "c"))
})

test_that("objects of each kind give the same, follow changes, and bad input is named", {
  for (as in chain_kinds()) {
    cells <- chain_cells(as)
    found <- ConnectGroups(cells, group.by = "state")
    steps <- TransitionMatrix(cells, neighbors.only = TRUE)
    direct <- ConnectGroups(steps, cell_column(cells, "state", "x"), knn = fetch_velocity(cells)$knn)
    expect_equal(found$table, direct$table)
    expect_true(all(is.finite(found$groups$x)))
    expect_input_error(ConnectGroups(cells, "nope"), "group.by")
    expect_input_error(ConnectGroups(cells, "state", reduction = "nope"), "reduction")
    expect_input_error(ConnectGroups(cells, "state", transitions = steps[1:9, 1:9]), "transitions")
  }
  chain <- line_chain(12, 0.8)
  expect_input_error(ConnectGroups(chain), "group.by")
  expect_input_error(ConnectGroups(chain, rep("a", 12)), "group.by")
  expect_input_error(ConnectGroups(chain * 2, rep(c("a", "b"), 6)), "object")
})
