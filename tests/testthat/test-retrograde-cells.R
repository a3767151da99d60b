# A linear field dx/dt = A (x - m), whose way back is known.
linear_field <- function(n = 200L) {
  x <- matrix(stub_normals(n * 3, 5), n) * 0.6 + 4
  dimnames(x) <- list(paste0("c", seq_len(n)), c("g1", "g2", "g3"))
  a <- matrix(c(-0.2, 0.1, 0, -0.1, -0.2, 0, 0, 0, -0.3), 3)
  y <- sweep(x, 2L, 4) %*% t(a)
  dimnames(y) <- dimnames(x)
  list(x = x, a = a, label = rep(c("end", "start"), length.out = n),
    model = FitVelocityField(x, y, field = "linear", verbose = FALSE))
}

test_that("cells of a linear field are walked back where it came from", {
  known <- linear_field()
  paths <- RetrogradeCells(known$x, known$model, group.by = known$label, ident = "end", max.cells = 20, t.max = 1,
    n.steps = 4, snap = "none", support = "none", rtol = 1e-8, atol = 1e-10, verbose = FALSE)
  expect_identical(dim(paths), c(20L, 3L, 4L))
  expect_equal(abs(paths$times - paths$start), c(0.25, 0.5, 0.75, 1))
  expect_true(all(known$label[match(paths$cell, rownames(known$x))] == "end"))
  expect_identical(as.character(paths$label), rep("end", 20))
  # The field as it was fitted, a little flatter than the truth: v = x B + b.
  fitted <- stats::coef(stats::lm(field_velocity(known$model$states[[1L]], known$x, 1L) ~ known$x))
  expect_equal(unname(t(fitted[-1L, ])), known$a, tolerance = 0.25)
  rest <- -solve(t(fitted[-1L, ]), fitted[1L, ])
  parts <- eigen(t(fitted[-1L, ]))
  x0 <- sweep(known$x[as.character(paths$cell), ], 2L, rest)
  for (k in c(1L, 4L)) {
    back <- Re(parts$vectors %*% diag(exp(-parts$values * k / 4)) %*% solve(parts$vectors))
    expect_equal(unname(paths$states[, , k]), unname(sweep(x0 %*% t(back), 2L, rest, `+`)), tolerance = 1e-5)
  }
  network <- CoexpressionNetwork(paths, power = 1, min.size = 2, resolution = 0.5, verbose = FALSE)
  expect_identical(network$n, 80L)
})

test_that("the draw of cells depends on the seed alone, and starts are left out", {
  known <- linear_field()
  walk <- function(seed, threads) {
    RetrogradeCells(known$x, known$model, group.by = known$label, ident = c("end", "start"), max.cells = 10,
      t.max = 0.5, n.steps = 2, seed.use = seed, threads = threads, verbose = FALSE)
  }
  expect_identical(walk(1, 1L), walk(1, 2L))
  expect_identical(as.vector(table(walk(1, 1L)$label)), c(10L, 10L))
  expect_false(identical(walk(1, 1L)$cell, walk(2, 1L)$cell))
  expect_equal(nrow(pooled_states(walk(1, 1L))$states), 40L)
})

test_that("cells of a neural SDE are walked back from their last time, in any object", {
  object <- tiny_fit(tiny_seurat())
  paths <- RetrogradeCells(object, group.by = "state", ident = c("up", "down"), max.cells = 4, n.steps = 5,
    verbose = FALSE)
  expect_identical(dim(paths), c(8L, 3L, 5L))
  expect_identical(paths$start, 2)
  expect_true(all(paths$times < 2))
  sce <- tiny_fit(tiny_sce())
  same <- RetrogradeCells(sce, group.by = "state", ident = c("up", "down"), max.cells = 4, n.steps = 5,
    verbose = FALSE)
  expect_equal(same$states, paths$states)
  # In a reduction without loadings, genes come from the nearest cells.
  network <- suppressWarnings(CoexpressionNetwork(paths, cells = object, genes = paste0("g", 1:6), power = 1,
    min.size = 2,
    verbose = FALSE))
  expect_s3_class(network, "fatefield_network")
  # All genes of a sparse assay where none are named.
  expect_error(suppressWarnings(CoexpressionNetwork(paths, cells = object, power = 1, min.size = 2, verbose = FALSE)),
    NA)
})

test_that("bad input is named", {
  object <- tiny_fit(tiny_seurat())
  expect_input_error(RetrogradeCells(object, group.by = "state", ident = "Upp"), "ident", "Did you mean")
  expect_input_error(RetrogradeCells(object, group.by = "stat", ident = "up"), "group.by")
  expect_input_error(RetrogradeCells(object, ident = "up"), "group.by")
  expect_input_error(RetrogradeCells(object, group.by = "state"), "ident")
  expect_input_error(RetrogradeCells(tiny_cells()$x, group.by = "state", ident = "up"), "model")
  object$first <- ifelse(object$day == 0, "early", "late")
  expect_input_error(RetrogradeCells(object, group.by = "first", ident = "early"), "ident", "first time")
})
