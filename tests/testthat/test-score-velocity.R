# Cells on a line in a space of genes, with velocities along it.
line_of_cells <- function(n = 60, turn = 1) {
  along <- seq_len(n)
  genes <- 8
  way <- rep(c(1, -1), length.out = genes) * seq_len(genes)
  x <- outer(way, along / 10) + 100
  v <- matrix(turn * way, genes, n)
  dimnames(x) <- dimnames(v) <- list(paste0("g", seq_len(genes)), paste0("c", along))
  knn <- t(vapply(along, function(i) order(abs(along - i))[2:7], integer(6)))
  list(x = x, v = v, knn = knn, group = rep(c("a", "b"), each = n / 2), time = along)
}

score_line <- function(l, ...) ScoreVelocity(l$v, l$group, expression = l$x, knn = l$knn, ...)

test_that("velocities along a line cross its border, and back they do not", {
  l <- line_of_cells()
  found <- score_line(l, edges = list(c("a", "b"), c("b", "a")), pseudotime = l$time)
  expect_equal(found$table$score, c(1, -1))
  expect_equal(found$table$score_low[[1]], 1)
  expect_identical(found$table$cells, c(3L, 3L))
  # All cells have one velocity: shuffles know as much.
  expect_equal(found$table$floor, c(1, -1))
  expect_equal(found$table$p, c(1, 1))
  expect_equal(found$groups$confidence, c(1, 1), tolerance = 1e-6)
  expect_equal(found$groups$coherence, c(1, 1))
  expect_equal(found$cells$length, rep(sqrt(sum(l$v[, 1]^2)), 60), tolerance = 0.01)
  expect_gt(found$ahead, 0.9)
  expect_output(print(found), "direction across 2 borders: mean")
  expect_warning(score_line(line_of_cells(turn = -1), pseudotime = l$time), "go against",
    class = "fatefield_warning_direction")
  for (type in c("edges", "groups")) expect_s3_class(plot(found, type), "ggplot")
  expect_identical(nrow(found["a -> b"]$table), 1L)
})

test_that("the score is the mean cosine over cells with neighbours across the border", {
  set.seed(5)
  n <- 50
  x <- matrix(rnorm(6 * n), 6, dimnames = list(paste0("g", 1:6), paste0("c", 1:n)))
  v <- matrix(rnorm(6 * n), 6, dimnames = dimnames(x))
  d <- as.matrix(dist(t(x)))
  diag(d) <- Inf
  knn <- t(apply(d, 1, order))[, 1:5]
  group <- rep(c("a", "b"), length.out = n)
  found <- ScoreVelocity(v, group, edges = c("a", "b"), expression = x, knn = knn)
  cosine <- function(a, b) sum(a * b) / sqrt(sum(a^2) * sum(b^2))
  of.cell <- vapply(which(group == "a"), function(i) {
    to <- knn[i, group[knn[i, ]] == "b"]
    if (length(to) == 0L) NA_real_ else mean(vapply(to, function(j) cosine(v[, i], x[, j] - x[, i]), 1))
  }, 1)
  expect_equal(found$table$score, mean(of.cell, na.rm = TRUE))
  expect_identical(found$table$cells, sum(!is.na(of.cell)))
  inside <- vapply(seq_len(n), function(i) {
    to <- knn[i, group[knn[i, ]] == group[[i]]]
    if (length(to) == 0L) NA_real_ else mean(vapply(to, function(j) cosine(v[, i], v[, j]), 1))
  }, 1)
  expect_equal(found$cells$coherence, unname(inside))
  expect_identical(found$table, ScoreVelocity(v, group, threads = 1, edges = c("a", "b"),
    expression = x, knn = knn)$table)
})

test_that("a velocity that points across the border alone is above its shuffles", {
  l <- line_of_cells()
  set.seed(6)
  noise <- matrix(rnorm(length(l$v)), nrow(l$v), dimnames = dimnames(l$v))
  border <- 25:36
  noise[, border] <- l$v[, border]
  l$v <- noise
  found <- score_line(l, edges = c("a", "b"))
  expect_equal(found$table$p, 1 / 21)
  expect_gt(found$table$score, found$table$floor + 0.3)
})

test_that("fates along velocities are held against clones", {
  n <- 90
  along <- rep(seq_len(30), 3)
  side <- rep(c(-1, 0, 1), each = 30)
  x <- rbind(along, side * pmax(along - 10, 0), -along, side * 3) / 5
  v <- rbind(1, side, -1, side) + 0 * x
  dimnames(x) <- dimnames(v) <- list(paste0("g", 1:4), paste0("c", seq_len(n)))
  d <- as.matrix(dist(t(x)))
  diag(d) <- Inf
  knn <- t(apply(d, 1, order))[, 1:8]
  group <- ifelse(along > 25 & side < 0, "neu", ifelse(along > 25 & side > 0, "mono", "other"))
  clone <- ifelse(side < 0, paste0("n", along %% 5), ifelse(side > 0, paste0("m", along %% 5), NA))
  found <- ScoreVelocity(v, group, expression = x, knn = knn, clone = clone, pair = c("neu", "mono"))
  expect_identical(found$clones$method[1:2], c("velocity", "neighbours"))
  expect_identical(found$clones$cells[[1]], sum(group == "other" & side != 0))
  expect_gt(found$clones$pair.pearson[[1]], 0.6)
  expect_output(print(found), "neu or mono by clones: r ")
  expect_input_error(ScoreVelocity(v, group, expression = x, knn = knn, clone = clone), "pair")
  expect_input_error(ScoreVelocity(v, group, expression = x, knn = knn, clone = clone, pair = c("neu", "no")), "pair")
  expect_input_error(ScoreVelocity(v, group, expression = x, knn = knn, clone = rep(NA, n), pair = c("neu", "mono")),
    "clone")
})

test_that("objects of each kind give the same, in genes and in a reduction, and bad input is named", {
  edges <- data.frame(from = "progenitor", to = c("fateA", "fateB"))
  for (as in chain_kinds()) {
    cells <- chain_cells(as)
    found <- ScoreVelocity(cells, group.by = "state", edges = edges, n.shuffle = 3)
    direct <- ScoreVelocity(fetch_velocity(cells), cell_column(cells, "state", "x"), edges = edges, n.shuffle = 3)
    expect_equal(found$table, direct$table)
    expect_equal(found$cells$confidence, cell_column(cells, "velocity_confidence", "x"))
    drawn <- ScoreVelocity(cells, group.by = "state", edges = edges, reduction = choose_reduction(cells, "latent"),
      n.shuffle = 3)
    expect_identical(drawn$table$cells, found$table$cells)
    expect_input_error(ScoreVelocity(cells, "state", edges = c("progenitor", "fateX")), "edges", "Did you mean")
    expect_input_error(ScoreVelocity(cells, "state", edges = c("fateA", "fateA")), "edges")
    expect_input_error(ScoreVelocity(cells, "state", edges = list("fateA")), "edges")
    expect_input_error(ScoreVelocity(cells, "state", reduction = "nope"), "reduction")
    expect_input_error(ScoreVelocity(cells, "nope"), "group.by")
  }
  l <- line_of_cells()
  expect_input_error(ScoreVelocity(l$v, l$group), "expression")
  expect_input_error(score_line(l, pseudotime = rep("a", 60)), "pseudotime")
  none <- score_line(l)
  expect_identical(nrow(none$table), 0L)
  expect_output(print(none), "confidence of 60 cells")
})
