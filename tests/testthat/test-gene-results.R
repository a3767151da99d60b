# The results of what is asked about genes: one language for all of them, and none from what is no longer there.

gene_results <- function() {
  set.seed(4)
  x <- matrix(stats::rpois(90 * 20, 1) * 0.5, 90, dimnames = list(paste0("c", 1:90), paste0("g", 1:20)))
  y <- data.frame(a = x[, 1] + stats::rnorm(90), b = stats::rnorm(90), row.names = rownames(x))
  planted <- planted_states()
  network <- CoexpressionNetwork(planted$x, transform = "none", min.mean = -Inf, power = 3, verbose = FALSE)
  sets <- list(one = paste0("g", 1:20), two = paste0("g", 21:40), rest = paste0("g", 41:80))
  list(
    gene_dynamics = GeneDynamics(x, y, depth = FALSE, n.boot = 20L, verbose = FALSE),
    comparison = CompareDynamics(y, group.by = rep(c("u", "v", "w"), 30), n.boot = 20L),
    network = network, sets = GeneSets(sets), enrichment = EnrichModules(network, sets),
    enrichment_comparison = EnrichModules(list(first = network, second = network), sets),
    bins = BinTime(seq(0, 1, 0.01), n.bins = 4),
    stemness = StemnessScore(t(x), reduction = planted$x[1:90, 1:3], n.genes = 10, n.neighbors = 5)
  )
}

test_that("every result prints, sums up, plots, is a table and can be cut", {
  found <- gene_results()
  for (kind in names(found)) {
    x <- found[[kind]]
    expect_s3_class(x, paste0("fatefield_", kind))
    expect_s3_class(x, "fatefield_result")
    said <- headline(x)
    expect_true(is.character(said) && length(said) >= 1L && length(said) <= 3L, label = kind)
    expect_output(print(x), substr(said[[1L]], 1L, 8L), fixed = TRUE)
    expect_true(is.data.frame(summary(x)), label = kind)
    table <- as.data.frame(x)
    expect_identical(class(table), "data.frame")
    expect_false(any(c("low", "high", "se", "fdr") %in% names(table)), label = kind)
    by <- attr(x, "by")
    first <- as.character(table[[by]][[1L]])
    part <- as.data.frame(x[first])
    expect_identical(unique(as.character(part[[by]])), first)
    expect_identical(class(x[first]), class(x))
    expect_s3_class(ggplot2::ggplot_build(plot(x)), "ggplot_built")
    expect_error(plot(x, nothing = 1), class = "fatefield_error_input")
  }
})

test_that("tables work like a data.frame, and results of genes and sets are bound", {
  found <- gene_results()
  terms <- found$enrichment
  expect_identical(names(terms[, c("term", "overlap", "p")]), c("term", "overlap", "p"))
  expect_identical(terms$term, as.data.frame(terms)$term)
  expect_identical(nrow(rbind(terms["one"], terms["two"])), nrow(terms["one"]) + nrow(terms["two"]))
  expect_true(all(EnrichModules(found$network, found$sets, among = "two")$term == "two"))
  genes <- found$gene_dynamics
  expect_equal(as.data.frame(rbind(genes["g1"], genes["g2"]))$gene, c("g1", "g1", "g2", "g2"))
  part <- found$network[c("g1", "g21")]
  expect_identical(rownames(part$correlation), c("g1", "g21"))
  expect_identical(part$correlation[[1, 2]], found$network$correlation[["g1", "g21"]])
  both <- c(found$sets["one"], found$sets[c("two", "rest")])
  expect_equal(both, found$sets)
  expect_input_error(c(both, both), "...", "twice")
})

test_that("columns of the user's are kept, and stored results follow the cells", {
  for (object in tiny_objects()) {
    object <- StemnessScore(object, reduction = reduction_names(object)[[1L]], n.neighbors = 5)
    found <- GetResult(object, "stemness")
    expect_equal(unname(found$score), as.numeric(cell_column(object, "stemness", "x")))
    half <- object[, 31:60]
    expect_identical(GetResult(half, "stemness")$table$cell, cell_names(object)[31:60])
    object$order <- seq_len(60) / 60
    object$time_bin <- rep("mine", 60)
    expect_warning(object <- BinTime(object, time = "order", n.bins = 3), class = "fatefield_warning_name")
    expect_identical(unique(as.character(cell_column(object, "time_bin", "x"))), "mine")
    expect_identical(unname(cell_column(object, "fatefield_time_bin", "x")), rep(c(0, 1, 2), each = 20))
    object$stemness <- rep(1, 60)
    expect_warning(StemnessScore(object, reduction = reduction_names(object)[[1L]], n.neighbors = 5),
      class = "fatefield_warning_name")
    object$order[[1L]] <- 9
    expect_error(GetResult(object, "bins"), "BinTime", class = "fatefield_error_stale")
  }
})

test_that("quantities made from what has changed since are an error in every verb that reads them", {
  for (object in tiny_objects()) {
    name <- reduction_names(object)[[1L]]
    object <- StemnessScore(object, reduction = name, n.neighbors = 5)
    object <- store_cells(object, data.frame(drift = tiny_cells()$x[, 2], row.names = cell_names(object)))
    run <- list(
      function(o) GeneDynamics(o, "stemness", layer = "counts", n.boot = 0L, verbose = FALSE),
      function(o) GeneDynamics(o, "drift", adjust = "stemness", layer = "counts", n.boot = 0L, verbose = FALSE),
      function(o) CompareDynamics(o, "stemness", group.by = "state", density = FALSE, n.boot = 5L),
      function(o) CompareDynamics(o, "drift", group.by = "state", time = "stemness", density = FALSE, n.boot = 5L),
      function(o) BinTime(o, time = "stemness", n.bins = 3)
    )
    moved <- object
    x <- embedding(object, name)
    if (is_seurat(object)) {
      moved[[name]] <- SeuratObject::CreateDimReducObject(x * 2, key = SeuratObject::Key(object[[name]]), assay = "RNA")
    } else {
      SingleCellExperiment::reducedDim(moved, name) <- x * 2
    }
    for (f in run) {
      expect_error(f(object), NA)
      expect_error(f(moved), "StemnessScore", class = "fatefield_error_stale")
    }
    # Numbers of the user's under the same name are the user's.
    moved$stemness <- seq_len(60) / 60
    expect_error(run[[3L]](moved), NA)
  }
})

test_that("what the definition of fates says is the default", {
  object <- tiny_seurat()
  object <- store_cells(object, data.frame(drift = tiny_cells()$x[, 2], row.names = cell_names(object)))
  object$clone <- c((1:30 + 5) %/% 6, 100 + (31:60 + 2) %/% 3)
  object <- DefineFates(object, labels = "state", exclude = "progenitor")
  by.definition <- CompareDynamics(object, "drift", clone = "clone", density = FALSE, n.boot = 10L)
  named <- CompareDynamics(object, "drift", clone = "clone", labels = as.character(object$state),
    fates = c("up", "down"), density = FALSE, n.boot = 10L)
  expect_equal(by.definition, named)
  expect_input_error(CompareDynamics(object, "drift", clone = "clone", labels = FALSE), "group.by")
  fitted <- tiny_fit(object)
  expect_identical(levels(RetrogradeCells(fitted, max.cells = 3, verbose = FALSE)$label), c("up", "down"))
})
