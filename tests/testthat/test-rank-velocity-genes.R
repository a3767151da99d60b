test_that("without shared neighbours the score is Welch's t with as many others as cells of the group", {
  set.seed(1)
  v <- matrix(rnorm(20 * 60), 20, dimnames = list(paste0("g", 1:20), paste0("c", 1:60)))
  v[1, 1:20] <- v[1, 1:20] + 3
  group <- rep(c("a", "b", "c"), each = 20)
  found <- RankVelocityGenes(v, group)
  a <- found$table[found$table$group == "a", ]
  expect_identical(a$gene[[1]], "g1")
  expect_identical(a$direction[[1]], "up")
  for (gene in c("g1", "g7")) {
    x <- v[gene, 1:20]
    y <- v[gene, 21:60]
    error <- var(x) / 20 + var(y) / 20
    row <- a[a$gene == gene, ]
    expect_equal(row$score, (mean(x) - mean(y)) / sqrt(error))
    df <- error^2 / ((var(x) / 20)^2 / 19 + (var(y) / 20)^2 / 19)
    expect_equal(row$p, 2 * pt(-abs(row$score), df))
    expect_equal(row$difference, mean(x) - mean(y))
  }
  expect_equal(a$q, p.adjust(a$p, "BH"))
  # With as many others it is t.test() itself.
  two <- RankVelocityGenes(v[, 1:40], group[1:40])$table
  expect_equal(two$p[two$group == "a" & two$gene == "g3"], t.test(v["g3", 1:20], v["g3", 21:40])$p.value)
  expect_identical(found$groups$effective, c(20, 20, 20))
  expect_output(print(found), "20 genes in 3 groups of 60 cells")
  expect_identical(summary(found)$first[[1]], "g1")
  expect_s3_class(plot(found, n.top = 2), "ggplot")
})

test_that("cells that share all their neighbours are one, those that share none are as many as they are", {
  whole <- t(vapply(1:30, function(i) setdiff(1:30, i), integer(29)))
  expect_equal(effective_cells(shared_cells(whole, 30), 1:30), 1)
  expect_equal(effective_cells(shared_cells(NULL, 30), 1:12), 12)
  # Two closed halves.
  halves <- rbind(t(vapply(1:10, function(i) setdiff(1:10, i), integer(9))),
    t(vapply(11:20, function(i) setdiff(11:20, i), integer(9))))
  expect_equal(effective_cells(shared_cells(halves, 20), 1:20), 2)
  expect_equal(effective_cells(shared_cells(halves, 20), c(1, 11, 12)), 9 / 5)
})

test_that("means over neighbours without any difference are not taken for one", {
  set.seed(2)
  n <- 300
  x <- matrix(runif(n), n)
  d <- as.matrix(dist(x))
  diag(d) <- Inf
  knn <- t(apply(d, 1, order))[, 1:14]
  shared <- shared_cells(knn, n)
  weights <- as.matrix(shared)^2
  noise <- matrix(rnorm(400 * n), 400)
  v <- noise %*% t(weights)
  dimnames(v) <- list(paste0("g", 1:400), paste0("c", 1:n))
  group <- ifelse(x[, 1] < 0.4, "low", "high")
  expect_lt(mean(RankVelocityGenes(v, group, knn = knn)$table$p < 0.05), 0.1)
  expect_gt(mean(RankVelocityGenes(v, group)$table$p < 0.05), 0.3)
})

test_that("objects of each kind give the same, and bad input is named", {
  for (as in chain_kinds()) {
    cells <- chain_cells(as)
    found <- RankVelocityGenes(cells, group.by = "state")
    expect_s3_class(found, "fatefield_velocity_genes")
    direct <- RankVelocityGenes(fetch_velocity(cells), cell_column(cells, "state", "group.by"))
    expect_equal(found$table, direct$table)
    expect_true(all(found$groups$effective < found$groups$cells))
    expect_input_error(RankVelocityGenes(cells, "stat"), "group.by", "Did you mean")
    expect_input_error(RankVelocityGenes(cells), "group.by")
    expect_input_error(RankVelocityGenes(cells, "state", genes = c("nope", "no")), "genes")
    expect_input_error(RankVelocityGenes(cells, "state", min.cells = 1000), "group.by", "two are needed")
    expect_input_error(RankVelocityGenes(cells, "state", n.genes = 3), "n.genes")
  }
  v <- matrix(1, 3, 4)
  expect_input_error(RankVelocityGenes(v, c("a", "a", "a", "a")), "group.by")
  expect_input_error(RankVelocityGenes(v, c("a", "b")), "group.by")
})
