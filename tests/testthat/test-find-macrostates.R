test_that("blocks of a chain are its macrostates", {
  chain <- block_chain()
  block <- rep(c("a", "b", "c"), each = 30L)
  found <- FindMacrostates(chain, group.by = block, n.cells = 10)
  expect_s3_class(found, "fatefield_macrostates")
  expect_setequal(found$states$state, c("a", "b", "c"))
  expect_identical(as.character(found$macrostate), block)
  expect_equal(rowSums(found$membership), stats::setNames(rep(1, 90), rownames(chain)))
  expect_true(all(found$membership >= 0))
  s <- found$states[match(c("a", "b", "c"), found$states$state), ]
  expect_equal(s$stability, 1 - c(0.004, 0.006, 0.008), tolerance = 1e-3)
  expect_identical(s$core, rep(10L, 3L))
  expect_identical(s$purity, rep(1, 3L))
  expect_equal(sum(s$stationary), 1, tolerance = 1e-9)
  # Crispness by its definition.
  m <- found$membership
  expect_equal(found$crispness, mean(colSums(m^2) / colSums(m)), tolerance = 1e-6)
  # Transitions between groups by whole matrices.
  expect_equal(unname(found$between), unname(solve(crossprod(m), t(m) %*% chain %*% m)), tolerance = 1e-8)
  values <- sort(Re(eigen(chain)$values), decreasing = TRUE)
  k <- seq_len(4L)
  expect_equal(found$criteria$eigenvalue[k], values[k], tolerance = 1e-6)
  expect_identical(which.max(found$criteria$crispness), 3L)
  expect_identical(FindMacrostates(chain, group.by = block, n.cells = 10, threads = 1), found)
  expect_output(print(found), "3 macrostates of 90 cells")
  expect_identical(summary(found), found$states)
  for (type in c("number", "between")) expect_s3_class(plot(found, type), "ggplot")
  some <- found[1:40]
  expect_identical(nrow(some$membership), 40L)
  expect_identical(nrow(some$transitions), 40L)
  expect_identical(nrow(as.data.frame(some)), 40L)
})

test_that("cells without steps are in no macrostate, and parts are named", {
  chain <- block_chain(leave = c(0.004, 0.006))
  n <- nrow(chain)
  more <- rbind(cbind(chain, 0), 0)
  dimnames(more) <- rep(list(c(rownames(chain), "alone")), 2L)
  found <- FindMacrostates(more, n.states = 2)
  expect_true(is.na(found$macrostate[[n + 1L]]))
  apart <- block_chain(leave = c(0, 0))
  expect_warning(found <- FindMacrostates(apart, group.by = rep(c("a", "b"), each = 30L)),
    "2 parts.*30 with \"c001\", 30 with \"c031\"", class = "fatefield_warning_parts")
  expect_setequal(found$states$state, c("a", "b"))
  expect_equal(found$states$stability, c(1, 1))
  expect_identical(found$states$kind, rep("terminal", 2L))
})

test_that("states that nobody leaves are terminal, and names of equal labels are numbered", {
  chain <- block_chain(leave = c(0.05, 0, 0))
  half <- seq_len(30L)
  chain[half, ] <- chain[half, ] * 0.9
  chain[cbind(half, half + 30L)] <- chain[cbind(half, half + 30L)] + 0.05
  chain[cbind(half, half + 60L)] <- chain[cbind(half, half + 60L)] + 0.05
  found <- FindMacrostates(chain, n.states = 2, group.by = rep(c("begin", "end", "end"), each = 30L))
  expect_setequal(found$states$state, c("end 1", "end 2"))
  expect_identical(found$states$kind, rep("terminal", 2L))
  expect_input_error(FindMacrostates(block_chain(leave = c(0, 0, 0.2)), n.states = 1), "n.states")
  suppressWarnings(expect_input_error(FindMacrostates(block_chain(leave = c(0, 0, 0)), n.states = 2), "n.states",
    "3 parts"))
})

for (kind in chain_kinds()) {
  test_that(paste(kind, "keeps macrostates with what they were made from"), {
    cells <- FindMacrostates(chain_cells(kind), n.states = 3, group.by = "state")
    found <- GetResult(cells, "macrostates")
    fates <- grep("^fate", found$states$label, value = TRUE)
    expect_identical(sort(fates), c("fateA", "fateB", "fateC"))
    expect_true(all(found$states$purity > 0.8))
    expect_identical(as.character(cell_column(cells, "macrostate", "")), as.character(found$macrostate))
    expect_identical(is.na(cell_column(cells, "macrostate_core", "")), !found$core)
    some <- cells[, cell_names(cells)[c(5:120)]]
    expect_identical(GetResult(some, "macrostates")$table$cell, cell_names(some))
    steps <- TransitionMatrix(cells, kernel = c(velocity = 0.8, connectivity = 0.2), neighbors.only = TRUE)
    again <- FindMacrostates(cells, n.states = 3, group.by = "state", transitions = steps)
    expect_equal(GetResult(again, "macrostates"), found)
    # Other velocities make them stale.
    latent <- choose_reduction(cells, "latent")
    suppressMessages(other <- EstimateVelocity(cells, k = 8, verbose = FALSE))
    expect_error(GetResult(other, "macrostates"), class = "fatefield_error_stale")
    expect_error(FindMacrostates(other, transitions = steps), class = "fatefield_error_stale")
  })
}

test_that("wrong arguments of macrostates are named", {
  chain <- block_chain()
  expect_input_error(FindMacrostates(chain, n.states = 0), "n.states")
  expect_input_error(FindMacrostates(chain, stability = 2), "stability")
  expect_input_error(FindMacrostates(chain, n.cells = 0), "n.cells")
  expect_input_error(FindMacrostates(chain, n.stats = 3), "n.stats")
  expect_input_error(FindMacrostates(chain, group.by = 1:3), "group.by")
  expect_input_error(FindMacrostates(2 * chain), "object", "sum to 1")
  expect_input_error(FindMacrostates(matrix(0, 4, 4)), "transitions", "0 cells")
  expect_input_error(FindMacrostates(tiny_seurat()), "object", "EstimateVelocity")
  expect_input_error(FindMacrostates(chain_cells(), transitions = chain), "transitions", "90 cells")
  expect_input_error(FindMacrostates(chain_cells(), group.by = "stat"), "group.by", "Did you mean")
})
