# Optimal transport in R: against a naive twin, reference numbers, known values; plans; the class;
# Seurat and SingleCellExperiment; what must be refused.

# The divergence written down in a few lines: whole matrices, plain loops.
naive_divergence <- function(x, y, a, b, p, blur, scaling, reach = 0, debias = TRUE) {
  cost <- function(u, v) {
    d2 <- outer(rowSums(u^2), rowSums(v^2), "+") - 2 * tcrossprod(u, v)
    if (p == 2) d2 / 2 else sqrt(pmax(d2, 1e-8))
  }
  softmin <- function(eps, cost, h) {
    s <- sweep(-cost / eps, 2, h, "+")
    top <- apply(s, 1, max)
    -eps * (top + log(rowSums(exp(s - top))))
  }
  both <- rbind(x, y)
  diameter <- sqrt(sum(apply(both, 2, function(v) diff(range(v)))^2))
  k <- ceiling(log(blur / diameter) / log(scaling))
  eps.list <- c(diameter, diameter * scaling^(seq_len(k) - 1), blur)^p
  rho <- reach^p
  damp <- function(eps) if (reach == 0) 1 else 1 / (1 + eps / rho)
  update <- function(eps, z) {
    damp(eps) * softmin(eps, cost(z$u, z$v), log(z$w) + z$g / eps)
  }
  solve <- function(u, v, w.u, w.v) {
    uv <- function(g) list(u = u, v = v, w = w.v, g = g)
    vu <- function(f) list(u = v, v = u, w = w.u, g = f)
    f <- update(eps.list[[1]], uv(0 * w.v))
    g <- update(eps.list[[1]], vu(0 * w.u))
    for (eps in eps.list) {
      f.new <- update(eps, uv(g))
      g.new <- update(eps, vu(f))
      f <- (f + f.new) / 2
      g <- (g + g.new) / 2
    }
    last <- blur^p
    list(f = update(last, uv(g)), g = update(last, vu(f)))
  }
  xy <- solve(x, y, a, b)
  p.x <- if (debias) solve(x, x, a, a)$f else 0
  q.y <- if (debias) solve(y, y, b, b)$f else 0
  if (reach == 0) {
    return(sum(a * (xy$f - p.x)) + sum(b * (xy$g - q.y)))
  }
  worth <- function(f, self) (rho + blur^p / 2) * (exp(-self / rho) - exp(-f / rho))
  sum(a * worth(xy$f, p.x)) + sum(b * worth(xy$g, q.y))
}

clouds <- function(n = 30L, m = 41L, d = 3L) {
  x <- tiny_cells(n, d)$x
  y <- tiny_cells(m, d)$x %*% diag(c(0.7, 1.2, rep(1, d - 2L))) + 0.3
  a <- 1 + (seq_len(n) %% 5)
  b <- 1 + (seq_len(m) %% 3)
  rownames(y) <- paste0("other", seq_len(m))
  list(x = x, y = y, a = a / sum(a), b = b / sum(b))
}

test_that("the divergence is that of a naive twin", {
  z <- clouds()
  settings <- list(
    list(p = 2, blur = 0.1, scaling = 0.7), list(p = 2, blur = 0.05, scaling = 0.5),
    list(p = 1, blur = 0.1, scaling = 0.5), list(p = 2, blur = 0.3, scaling = 0.9, reach = 0.6),
    list(p = 2, blur = 0.2, scaling = 0.7, debias = FALSE)
  )
  for (s in settings) {
    expected <- do.call(naive_divergence, c(list(z$x, z$y, z$a, z$b), s))
    wide <- do.call(OTDistance, c(list(z$x, z$y, z$a, z$b, precision = "float64"), s))
    expect_equal(wide$value, expected, tolerance = 1e-9)
    narrow <- do.call(OTDistance, c(list(z$x, z$y, z$a, z$b), s))
    expect_equal(narrow$value, expected, tolerance = 1e-5)
  }
})

test_that("values and gradients are the reference's", {
  testthat::skip_if_not_installed("hdf5r")
  file <- hdf5r::H5File$new(skip_without_shared("golden", "engine.h5"), mode = "r")
  on.exit(close_hdf5(file))
  read <- function(name) file[[paste0("sinkhorn_small/", name)]]$read()
  name <- "p2_blur0.1_scal0.7_deb1_reach1.0_"
  found <- OTDistance(
    t(read("x")), t(read("y")), read("a"), read("b"),
    blur = 0.1, scaling = 0.7, reach = 1, precision = "float64", gradient = TRUE
  )
  expect_equal(found$value, read(paste0(name, "value")), tolerance = 1e-9)
  expect_equal(found$gradient$x, t(read(paste0(name, "gx"))), tolerance = 1e-9)
  expect_equal(found$gradient$weights.x, read(paste0(name, "ga")), tolerance = 1e-9)
  expect_equal(found$gradient$weights.y, read(paste0(name, "gb")), tolerance = 1e-9)
})

test_that("single cells are at half their squared distance", {
  x <- matrix(c(1, 2, 3), 1)
  y <- matrix(c(2, 4, 1), 1)
  found <- OTDistance(x, y, gradient = TRUE)
  expect_equal(found$value, 4.5, tolerance = 1e-6)
  expect_equal(drop(found$gradient$x), drop(x - y), tolerance = 1e-6)
  expect_equal(OTDistance(x, y, p = 1)$value, 3, tolerance = 1e-4)
})

test_that("only proportions of weights count unless mass may vanish", {
  z <- clouds()
  once <- OTDistance(z$x, z$y, z$a, z$b)$value
  expect_equal(OTDistance(z$x, z$y, 7 * z$a, z$b)$value, once, tolerance = 1e-6)
  expect_false(isTRUE(all.equal(
    OTDistance(z$x, z$y, 7 * z$a, z$b, reach = 1)$value,
    OTDistance(z$x, z$y, z$a, z$b, reach = 1)$value
  )))
  reordered <- OTDistance(z$x[30:1, ], z$y, z$a[30:1], z$b, precision = "float64")$value
  expect_equal(reordered, OTDistance(z$x, z$y, z$a, z$b, precision = "float64")$value)
})

test_that("options come as a list, by name, or both", {
  z <- clouds()
  by.name <- OTDistance(z$x, z$y, blur = 0.3, scaling = 0.5)$value
  expect_identical(OTDistance(z$x, z$y, options = list(blur = 0.3, scaling = 0.5))$value, by.name)
  both <- OTDistance(z$x, z$y, options = SinkhornOptions(blur = 9, scaling = 0.5), blur = 0.3)
  expect_identical(both$value, by.name)
  expect_input_error(OTDistance(z$x, z$y, blurr = 1), "blurr", "Did you mean \"blur\"")
  expect_input_error(OTDistance(z$x, z$y, options = 3), "options", "named list")
})

test_that("threads change nothing", {
  z <- clouds(200L, 150L, 10L)
  before <- options(fatefield.threads = 1L)
  on.exit(options(before))
  one <- OTDistance(z$x, z$y, gradient = TRUE)
  options(fatefield.threads = 2L)
  expect_identical(OTDistance(z$x, z$y, gradient = TRUE), one)
})

test_that("a plan has the weights of both clouds as its sums", {
  z <- clouds()
  sharp <- list(blur = 0.3, tolerance = 1e-8, precision = "float64")
  found <- OTPlan(z$x, z$y, z$a, z$b, options = sharp)
  expect_true(found$converged)
  expect_identical(dimnames(found$plan), list(rownames(z$x), rownames(z$y)))
  expect_equal(unname(rowSums(found$plan)), z$a)
  expect_equal(unname(colSums(found$plan)), z$b, tolerance = 1e-6)
  d2 <- outer(rowSums(z$x^2), rowSums(z$y^2), "+") - 2 * tcrossprod(z$x, z$y)
  expect_equal(found$cost, sum(found$plan * d2 / 2))
  sparse <- OTPlan(z$x, z$y, z$a, z$b, drop = 0.01, options = sharp)
  expect_s4_class(sparse$plan, "dgCMatrix")
  expect_identical(dimnames(sparse$plan), dimnames(found$plan))
  kept <- found$plan >= 0.01 * rowSums(found$plan)
  expect_equal(as.matrix(sparse$plan), found$plan * kept)
  expect_equal(sum(sparse$plan) + sparse$dropped, 1)
  expect_output(print(found), "30 x 41 cells.*converged")
  expect_output(print(OTDistance(z$x, z$y)), "Sinkhorn divergence")
})

test_that("the class of the engine gives the same and comes back from bytes", {
  z <- clouds()
  loss <- new(SinkhornLoss, SinkhornOptions(blur = 0.2))
  whole <- OTDistance(z$x, z$y, blur = 0.2, gradient = TRUE)
  expect_identical(loss$value(z$x, z$y), whole$value)
  expect_equal(loss$gradient(z$x, z$y), unname(whole$gradient$x))
  expect_equal(loss$plan(z$x, z$y), unname(OTPlan(z$x, z$y, blur = 0.2)$plan))
  again <- new(SinkhornLoss, loss$serialize())
  expect_identical(again$options(), loss$options())
  expect_identical(again$value(z$x, z$y), whole$value)
  expect_output(print(loss), "blur 0.2.*balanced")
  expect_input_error(new(SinkhornLoss, list(blur = -1)), "blur")
  bytes <- loss$serialize()
  expect_error(new(SinkhornLoss, bytes[-1]), class = "fatefield_error_file")
  expect_error(new(SinkhornLoss, utils::head(bytes, -3)), class = "fatefield_error_file")
  expect_input_error(loss$value(z$x, z$y[, 1:2]), "y", "dimensions")
})

test_that("groups of an object are compared by name", {
  cells <- tiny_cells()
  at <- function(time) cells$x[cells$time == time, , drop = FALSE]
  expected <- OTDistance(at(0), at(2))$value
  for (object in tiny_objects()) {
    found <- OTDistance(object, group.by = "day", ident.1 = 0, ident.2 = 2)
    expect_equal(found$value, expected)
    all <- OTDistance(object, group.by = "day")
    expect_identical(dimnames(all$value), list(c("0", "1", "2"), c("0", "1", "2")))
    expect_equal(all$value["0", "2"], expected)
    expect_identical(all$value, t(all$value))
    plan <- OTPlan(object, group.by = "day", ident.1 = 0)$plan
    expect_identical(dim(plan), c(20L, 40L))
    expect_identical(rownames(plan), rownames(at(0)))
    weighted <- OTDistance(
      object,
      group.by = "day", ident.1 = 0, ident.2 = 2, weights = rep(2, 60L)
    )
    expect_equal(weighted$value, expected, tolerance = 1e-6)
    expect_input_error(OTDistance(object, group.by = "day", ident.1 = 9), "ident.1", "\"1\"")
    expect_input_error(OTDistance(object, group.by = "days"), "group.by", "Did you mean \"day\"")
    expect_input_error(OTDistance(object), "group.by", "needed")
    expect_input_error(OTDistance(object, "day", ident.2 = 1), "ident.1", "needed")
    expect_input_error(OTPlan(object, "day", ident.1 = 0:2), "ident.2", "no cells are left")
  }
})

test_that("what cannot be compared is refused by name", {
  z <- clouds()
  bad <- z$x
  bad[2, 1] <- NA
  expect_input_error(OTDistance(bad, z$y), "x", "finite")
  expect_input_error(OTDistance(z$x[0, ], z$y), "x", "empty")
  expect_input_error(OTDistance(z$x, z$y[, 1:2]), "y", "dimensions")
  expect_input_error(OTDistance(z$x, "a"), "y", "numeric matrix")
  expect_input_error(OTDistance(z$x, z$y, weights.x = 1:3), "weights.x", "30 cells")
  expect_input_error(OTDistance(z$x, z$y, weights.x = c(-1, rep(1, 29))), "weights.x", "negative")
  expect_input_error(OTDistance(z$x, z$y, weights.y = rep(0, 41)), "weights.y", "zero")
  expect_input_error(OTDistance(z$x, z$y, gradient = 1), "gradient", "TRUE or FALSE")
  expect_input_error(OTPlan(z$x, z$y, drop = 1), "drop", "below 1")
  large <- matrix(seq_len(5000), 5000, 1)
  expect_input_error(OTPlan(large, large), "drop", "too large")
})

test_that("distances and plans are results", {
  z <- clouds()
  one <- OTDistance(z$x, z$y)
  expect_s3_class(one, c("fatefield_ot_distance", "fatefield_result"), exact = TRUE)
  expect_identical(as.data.frame(one), data.frame(group = "x", other = "y", value = one$value, method = "sinkhorn"))
  object <- tiny_seurat()
  two <- OTDistance(object, group.by = "day", ident.1 = 0)
  expect_identical(unlist(two$table[c("group", "other")], use.names = FALSE), c("0", "others"))
  all <- OTDistance(object, group.by = "day")
  expect_identical(all$table$value[all$table$group == "1" & all$table$other == "2"], all$value[["1", "2"]])
  expect_identical(nrow(all$table), 6L)
  expect_identical(as.data.frame(all["2"])$other, c("0", "1"))
  expect_output(print(all), "from 3 groups to 3.*nearest: ")
  for (x in list(one, two, all)) expect_s3_class(plot(x), "ggplot")

  plan <- OTPlan(object, group.by = "day", ident.1 = 0, ident.2 = 2)
  table <- as.data.frame(plan)
  expect_identical(names(table), c("cell", "other", "mass"))
  expect_equal(sum(table$mass), 1, tolerance = 1e-6)
  expect_equal(table$mass, plan$plan[cbind(table$cell, table$other)])
  sparse <- OTPlan(object, group.by = "day", ident.1 = 0, ident.2 = 2, drop = 0.01)
  kept <- as.data.frame(sparse)
  expect_equal(kept$mass, as.matrix(sparse$plan)[cbind(kept$cell, kept$other)])
  expect_equal(sum(kept$mass), sum(sparse$plan))
  groups <- summary(plan, object, "state")
  up <- colnames(object)[object$state == "up"]
  expect_equal(groups$mass[groups$other == "up"], sum(plan$plan[, colnames(plan$plan) %in% up]))
  expect_equal(sum(groups$share), 1)
  share <- plan$plan / rowSums(plan$plan)
  entropy <- -rowSums(ifelse(share > 0, share * log(share), 0))
  expect_equal(partners(plan$plan), unname(exp(entropy)))
  some <- plan[c("cell004", "cell001")]
  expect_identical(some$plan, plan$plan[c("cell004", "cell001"), ])
  expect_s3_class(plot(plan), "ggplot")
  expect_s3_class(plot(sparse, object, "state"), "ggplot")
  expect_input_error(summary(plan, group.by = "state"), "observed")
  expect_input_error(summary(plan, object[, 1:5], "state"), "observed", "lacks cells")
  expect_input_error(OTPlan(object, "day"), "ident.1", "needed")
})
