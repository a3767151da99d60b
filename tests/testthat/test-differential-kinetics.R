slopes_of_groups <- function(n = 60, genes = 5) {
  set.seed(3)
  group <- rep(c("a", "b", "c"), length.out = n)
  s <- matrix(rexp(genes * n) + 0.2, genes, dimnames = list(paste0("g", seq_len(genes)), paste0("c", seq_len(n))))
  u <- 0.4 * s + matrix(rnorm(genes * n, sd = 0.1), genes)
  u[1, group == "b"] <- u[1, group == "b"] + 0.5 * s[1, group == "b"]
  list(s = s, u = u, group = group)
}

test_that("for independent cells the test is the F test of lm()", {
  x <- slopes_of_groups()
  found <- DifferentialKinetics(x$s, x$group, unspliced = x$u)
  for (gene in rownames(x$s)) {
    d <- data.frame(u = x$u[gene, ], s = x$s[gene, ], group = x$group)
    common <- lm(u ~ 0 + s, d)
    for (g in c("a", "b", "c")) {
      d$own <- d$s * (d$group == g)
      test <- anova(common, lm(u ~ 0 + s + own, d))
      row <- found$table[found$table$gene == gene & found$table$group == g, ]
      expect_equal(row$statistic, test$F[[2]])
      expect_equal(row$p, test$`Pr(>F)`[[2]])
      interval <- confint(lm(u ~ 0 + s + own, d))["own", ]
      expect_equal(c(row$slope_low, row$slope_high), unname(interval))
    }
    all <- anova(common, lm(u ~ 0 + s:group, d))
    expect_equal(found$genes$statistic[found$genes$gene == gene], all$F[[2]])
    expect_equal(found$genes$p[found$genes$gene == gene], all$`Pr(>F)`[[2]])
  }
  expect_equal(found$table$q, p.adjust(found$table$p, "BH"))
  expect_identical(found$table$gene[[1]], "g1")
  expect_identical(as.character(found$genes$group[[1]]), "b")
  expect_output(print(found), "most in b: g1")
  expect_identical(summary(found)$higher[[2]], 1L)
  expect_s3_class(plot(found), "ggplot")
})

test_that("taking the common slope away changes no test", {
  x <- slopes_of_groups()
  expect_equal(DifferentialKinetics(x$s, x$group, unspliced = x$u - 0.4 * x$s)$table,
    DifferentialKinetics(x$s, x$group, unspliced = x$u)$table)
})

test_that("means over neighbours with one slope are not taken for several", {
  set.seed(4)
  n <- 200
  place <- runif(n)
  d <- as.matrix(dist(place))
  diag(d) <- Inf
  knn <- t(apply(d, 1, order))[, 1:14]
  weights <- as.matrix(shared_cells(knn, n))^2
  s <- matrix(1 + place, 300, n, byrow = TRUE)
  u <- 0.4 * s + matrix(rnorm(300 * n), 300) %*% t(weights)
  dimnames(s) <- list(paste0("g", 1:300), paste0("c", 1:n))
  group <- ifelse(place < 0.5, "a", "b")
  expect_lt(mean(DifferentialKinetics(s, group, unspliced = u, knn = knn)$table$p < 0.05), 0.1)
  expect_gt(mean(DifferentialKinetics(s, group, unspliced = u)$table$p < 0.05), 0.3)
})

test_that("the common fit of the dynamical mode is its curve", {
  x <- SimulateDifferentiation(n.cells = 200, n.fates = 2, n.genes = 30, n.futures = 0, as = "list")
  fit <- EstimateVelocity(x$counts, x$unspliced, mode = "dynamical", verbose = FALSE)
  gene <- rownames(fit$fit_t)[[1]]
  line <- common_unspliced(fit, c(gene, rownames(fit$fit_t)[[2]]), fit$velocity[rownames(fit$fit_t)[1:2], ])
  curve <- phase_curve(as.list(stats::setNames(fit$genes[gene, ], sub("^fit_", "", names(fit$genes)))), gene)
  expect_lte(max(line[gene, ]), max(curve$unspliced) * (1 + 1e-8))
  # At the switch the cell is at the top of the curve.
  fit$fit_t[gene, 1] <- fit$genes[gene, "fit_t_"]
  expect_equal(common_unspliced(fit, c(gene, rownames(fit$fit_t)[[2]]), line)[gene, 1], max(curve$unspliced),
    ignore_attr = TRUE)
  found <- DifferentialKinetics(fit, x$cells$state)
  expect_true(all(is.finite(found$table$p)))
})

test_that("objects of each kind give the same, and bad input is named", {
  for (as in chain_kinds()) {
    cells <- chain_cells(as)
    found <- DifferentialKinetics(cells, group.by = "state")
    expect_equal(found$table, DifferentialKinetics(fetch_velocity(cells), cell_column(cells, "state", "x"))$table)
    expect_lt(found$effective, found$cells)
    expect_input_error(DifferentialKinetics(cells, "nope"), "group.by")
    expect_input_error(DifferentialKinetics(cells, "state", min.cells = 1000), "group.by")
    expect_input_error(DifferentialKinetics(cells, "state", genes = c("nope", "no")), "genes")
  }
  x <- slopes_of_groups()
  expect_input_error(DifferentialKinetics(x$s, x$group), "unspliced")
  expect_input_error(DifferentialKinetics(x$s, x$group, unspliced = x$u[, 1:3]), "unspliced")
})
