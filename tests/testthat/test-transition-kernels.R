rows_of <- function(x) unname(as.matrix(plain_steps(x)))

test_that("connectivity is the fuzzy graph divided by its sums", {
  set.seed(1)
  x <- matrix(stats::rnorm(120), 40L, dimnames = list(sprintf("c%02d", 1:40), NULL))
  steps <- TransitionMatrix(x, kernel = "connectivity", n.neighbors = 6)
  weights <- as.matrix(fuzzy_neighbours(knn_self(x, 6L, knn_defaults(), 1L), 1L))
  expect_equal(rows_of(steps), unname(weights / rowSums(weights)), tolerance = 1e-12)
  expect_s4_class(steps, "fatefield_transitions")
  expect_s4_class(steps, "dgCMatrix")
  expect_identical(rownames(steps), rownames(x))
  expect_identical(steps@kernel, c(connectivity = 1))
  expect_output(print(steps), "40 cells.*connectivity")
})

test_that("a pseudotime makes steps back less likely by the formula", {
  x <- matrix(seq(0, 1, length.out = 30L) + 0, ncol = 1L, dimnames = list(sprintf("c%02d", 1:30), "x"))
  time <- x[, 1L]^2
  steps <- rows_of(TransitionMatrix(x, kernel = "pseudotime", pseudotime = time, n.neighbors = 4))
  w <- as.matrix(fuzzy_neighbours(knn_self(x, 4L, knn_defaults(), 1L), 1L))
  back <- outer(time, time, "-")
  usual <- mean(abs(back)[w > 0])
  w <- w * ifelse(back > 0, 2 / (1 + exp(4 * back / usual)), 1)
  expect_equal(steps, unname(w / rowSums(w)), tolerance = 1e-10)
  # The last cell is the end of all walks.
  fates <- AbsorptionProbabilities(TransitionMatrix(x, kernel = "pseudotime", pseudotime = time, n.neighbors = 4),
    states = replace(replace(rep(NA, 30L), 30L, "end"), 1L, "start"))
  expect_true(all(fates$probability[15:30, "end"] > 0.9))
})

test_that("the kernel of times has the fates of the plans", {
  cells <- SimulateDifferentiation(n.cells = 240, n.genes = 20)
  cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
  steps <- TransitionMatrix(cells, kernel = "time", time = "day", reduction = "latent", options = list(noise = 0.5))
  expect_equal(as.vector(Matrix::rowSums(steps)), rep(1, 240))
  expect_identical(TransitionMatrix(cells, kernel = "time", time = "day", reduction = "latent", threads = 1,
    options = list(noise = 0.5)), steps)
  days <- sort(unique(cells$day))
  early <- which(cells$day < max(days))
  to <- methods::as(steps[early, ], "TsparseMatrix")
  expect_true(all(cells$day[to@j + 1L] == days[match(cells$day[early], days) + 1L][to@i + 1L]))
  plan <- PredictFate(cells, method = "plan", time = "day", reduction = "latent", prior = 0,
    options = list(noise = 0.5))
  plan <- GetResult(plan, "fates")
  walks <- AbsorptionProbabilities(steps, states = ifelse(cells$day == max(days), as.character(cells$state), NA))
  p <- walks$probability[early, colnames(plan$probability)]
  p <- p / rowSums(p)
  expect_lt(mean(abs(p - plan$probability[early, ]), na.rm = TRUE), 0.02)
})

test_that("a model gives the jumps of its own drift and noise", {
  cells <- tiny_seurat()
  model <- tiny_model()
  steps <- TransitionMatrix(cells, kernel = "model", model = model, n.neighbors = 10)
  expect_equal(as.vector(Matrix::rowSums(steps)), rep(1, ncol(cells)))
  expect_identical(steps@kernel, c(model = 1))
  x <- model_coordinates(cells, model)
  starts <- cell_starts(cells, model, x = x)
  found <- lapply(model_engines(model), function(rebuild) {
    engine <- rebuild()
    at <- motion_at(engine, x, starts)
    i <- which(starts == starts[[1L]])
    expect_equal(unname(at$drift[i, ]), unname(engine$drift(x[i, , drop = FALSE], starts[[1L]])))
    jump_steps(weights_among(x, 10), x, at$drift, at$noise, 1L)
  })
  expect_equal(rows_of(steps), unname(as.matrix(Reduce(`+`, found) / length(found))))
})

test_that("mixtures are convex, cell by cell", {
  a <- as_steps(block_chain(seed = 1L))
  b <- as_steps(block_chain(seed = 2L))
  expect_equal(rows_of(TransitionMatrix(list(a, b), kernel = c(3, 1))), unname(as.matrix(0.75 * a + 0.25 * b)))
  expect_equal(rows_of(TransitionMatrix(list(a, b))), unname(as.matrix(a + b) / 2))
  # A cell that one of them knows no steps of goes by the other; the order of cells is that of the first.
  b[1L, ] <- 0
  mixed <- TransitionMatrix(list(a, b[rev(seq_len(nrow(b))), rev(seq_len(nrow(b)))]))
  expect_equal(unname(mixed[1L, ]), unname(a[1L, ]))
  expect_equal(unname(mixed[2L, ]), unname((a[2L, ] + b[2L, ]) / 2))
})

for (kind in chain_kinds()) {
  test_that(paste(kind, "kernels of an object are mixed in its shares"), {
    cells <- chain_cells(kind)
    velocity <- TransitionMatrix(cells)
    near <- TransitionMatrix(cells, kernel = "connectivity", reduction = choose_reduction(cells, "latent"))
    expect_identical(rownames(near), cell_names(cells))
    mixed <- TransitionMatrix(cells, kernel = c(velocity = 0.8, connectivity = 0.2))
    expect_equal(mixed@kernel, c(velocity = 0.8, connectivity = 0.2))
    expect_equal(as.vector(Matrix::rowSums(mixed)), rep(1, nrow(mixed)))
    # Without a reduction neighbours are those of the velocities.
    estimate <- fetch_velocity(cells)
    w <- fuzzy_neighbours(estimate$knn, 1L)
    expect_equal(rows_of(mixed), rows_of(velocity) * 0.8 + unname(0.2 * as.matrix(w / Matrix::rowSums(w))),
      tolerance = 1e-12)
    expect_length(mixed@inputs, 1L)
    back <- TransitionMatrix(cells, kernel = c(velocity = 0.8, connectivity = 0.2), backward = TRUE)
    expect_equal(rows_of(back), t(rows_of(mixed)) / colSums(rows_of(mixed)), tolerance = 1e-12)
  })
}

test_that("wrong kernels and transitions are named", {
  cells <- chain_cells()
  expect_input_error(TransitionMatrix(cells, kernel = "velcity"), "kernel", "Did you mean \"velocity\"")
  expect_input_error(TransitionMatrix(cells, kernel = c(velocity = -1, connectivity = 2)), "kernel", "at least 0")
  expect_input_error(TransitionMatrix(cells, kernel = c(0.5, 0.5)), "kernel", "by name")
  expect_input_error(TransitionMatrix(cells, kernel = c(velocity = 1, connectivity = 1), negative = "signed"),
    "negative")
  expect_input_error(TransitionMatrix(cells, kernel = "pseudotime", pseudotime = rep(1, 250)), "pseudotime", "same")
  expect_input_error(TransitionMatrix(cells, kernel = "pseudotime"), "pseudotime", "needed")
  expect_input_error(TransitionMatrix(cells, kernel = "time", time = rep(1, 250), reduction = "latent"), "time")
  expect_error(TransitionMatrix(cells, kernel = "model"), class = "fatefield_error_model")
  a <- block_chain()
  expect_input_error(TransitionMatrix(list(a, a[-1L, -1L] / rowSums(a[-1L, -1L]))), "object", "89 cells")
  expect_input_error(TransitionMatrix(list(a, 2 * a)), "object", "do not sum to 1.*c001.*sum to 2")
  bad <- a
  bad[3L, 1L] <- -0.1
  expect_input_error(TransitionMatrix(list(a, bad)), "object", "negative.*c003")
  expect_input_error(TransitionMatrix(list(a[, 1:5])), "object", "90 x 5")
  other <- a
  dimnames(other) <- rep(list(paste0("x", seq_len(90))), 2L)
  expect_input_error(TransitionMatrix(list(a, other)), "object", "other cells")
  expect_input_error(TransitionMatrix(list(a, a), kernel = 1), "kernel", "2 transitions")
  expect_input_error(TransitionMatrix(list()), "object", "empty")
})
