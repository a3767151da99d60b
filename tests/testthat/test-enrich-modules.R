genes <- paste0("g", 1:120)

gmt <- function(lines) {
  file <- tempfile(fileext = ".gmt")
  writeLines(lines, file)
  file
}

sets <- list(first = genes[1:20], second = genes[15:60], third = genes[100:120], none = paste0("x", 1:20))

test_that("p is that of phyper(), on the genes that are in any set", {
  module <- genes[c(1:10, 30:34, 61:70)]
  found <- EnrichModules(list(M1 = module, M2 = genes[101:112]), sets, background = genes)
  universe <- intersect(genes, unlist(sets))
  for (i in seq_len(nrow(found))) {
    row <- found[i, ]
    drawn <- intersect(if (row$module == "M1") module else genes[101:112], universe)
    white <- intersect(sets[[row$term]], universe)
    k <- length(intersect(drawn, white))
    expect_identical(row$background, length(universe))
    expect_identical(row$overlap, k)
    expect_equal(row$p,
      stats::phyper(k - 1, length(white), length(universe) - length(white), length(drawn), lower.tail = FALSE))
    table <- matrix(c(k, length(white) - k, length(drawn) - k,
      length(universe) - length(white) - length(drawn) + k), 2)
    expect_equal(row$p, stats::fisher.test(table, alternative = "greater")$p.value)
    expect_identical(row$genes, paste(intersect(white, drawn), collapse = ","))
  }
  expect_equal(found$q, stats::p.adjust(found$p, "BH"))
  expect_false("none" %in% found$term)
  expect_false(is.unsorted(found$p))
})

test_that("q is found within each ontology", {
  mixed <- GeneSets(sets[1:3])
  mixed$terms$ontology <- c("BP", "MF", "BP")
  found <- EnrichModules(list(M1 = genes[c(1:10, 30:34)]), mixed, background = genes)
  for (o in c("BP", "MF")) {
    part <- found[found$ontology == o, ]
    expect_equal(part$q, stats::p.adjust(part$p, "BH"))
  }
})

test_that("p is calibrated for modules at random", {
  p <- vapply(1:300, function(i) {
    drawn <- genes[order(stub_normals(120, i))[1:30]]
    found <- EnrichModules(list(M = drawn), sets[1:2], background = genes[1:100], min.term = 20)
    found$p[found$term == "second"]
  }, 0)
  # Of discrete p the share below a level is at most the level, and near it.
  expect_lt(mean(p <= 0.1), 0.15)
  expect_gt(mean(p <= 0.3), 0.12)
})

test_that("genes of children are genes of their parents", {
  tree <- list(root = "a", left = "b", leaf = c("c", "d"))
  parents <- data.frame(child = c("left", "leaf", "leaf", "top"), parent = c("root", "left", "other", "root"))
  found <- GeneSets(tree, parents = parents)$sets
  expect_setequal(found$root, c("a", "b", "c", "d"))
  expect_setequal(found$left, c("b", "c", "d"))
  expect_setequal(found$other, c("c", "d"))
  expect_identical(found$leaf, c("c", "d"))
  circle <- data.frame(child = c("root", "left"), parent = c("left", "root"))
  expect_input_error(GeneSets(tree, parents = circle), "parents", "circle")
})

test_that("GMT files are read, and what is none is named by its line", {
  file <- gmt(c("A\tthe first\tg1\tg2\tg2", "", "B\thttp://b\tg3"))
  found <- GeneSets(file, ontology = "mine")
  expect_identical(found$sets, list(A = c("g1", "g2"), B = "g3"))
  expect_identical(found$terms$name, c("the first", "B"))
  expect_identical(unique(found$terms$ontology), "mine")
  bad <- gmt(c("A\tx\tg1", "B only"))
  expect_error(GeneSets(bad), "line 2", class = "fatefield_error_file")
  twice <- gmt(c("A\tx\tg1", "A\tx\tg2"))
  expect_error(GeneSets(twice), "line 2", class = "fatefield_error_file")
  expect_error(GeneSets(file.path(tempdir(), "no.gmt")), "no file", class = "fatefield_error_file")
  expect_error(GeneSets(gmt("")), "empty", class = "fatefield_error_file")
})

test_that("bad input is named", {
  expect_input_error(EnrichModules(list(M = "g1"), sets), "background")
  expect_input_error(EnrichModules(list(M = "g1"), sets, background = "zz"), "background", "none of its 1 genes")
  expect_input_error(EnrichModules(list(M = "G1"), sets, background = toupper(genes)), "background", "ignore.case")
  expect_input_error(EnrichModules(list(M = "g1"), sets, background = genes, min.term = 400), "min.term")
  expect_input_error(EnrichModules(1, sets, background = genes), "object")
  expect_input_error(GeneSets(1), "x")
  expect_input_error(GeneSets("org.Xx.eg.db"), "", "needed")
})

test_that("names may differ in case", {
  a <- EnrichModules(list(M = genes[1:10]), sets, background = genes)
  b <- EnrichModules(list(M = toupper(genes[1:10])), sets, background = toupper(genes), ignore.case = TRUE)
  expect_equal(b$p, a$p)
  expect_identical(toupper(a$genes), b$genes)
})

test_that("the Gene Ontology has the genes of lower terms in higher ones", {
  skip_if_not_installed("AnnotationDbi")
  skip_if_not_installed("GO.db")
  skip_if_not_installed("org.Hs.eg.db")
  go <- GeneSets("org.Hs.eg.db")
  at <- function(name) go$sets[[go$terms$term[match(name, go$terms$name)]]]
  expect_gt(length(at("insulin secretion")), 20)
  expect_true(all(at("insulin secretion") %in% at("peptide hormone secretion")))
  expect_true("INS" %in% at("glucose homeostasis"))
  expect_input_error(GeneSets("org.Hs.eg.db", keytype = "no"), "keytype")
})

test_that("networks are compared by their best modules", {
  planted <- planted_states(modules = 2L, size = 20L, alone = 20L, noise = 0.5)
  noisy <- planted_states(modules = 2L, size = 20L, alone = 20L, noise = 4)
  make <- function(x) {
    CoexpressionNetwork(x$x, transform = "none", min.mean = -Inf, power = 3, n.modules = 3, verbose = FALSE)
  }
  networks <- list(noisy = make(noisy), clear = make(planted))
  known <- list(one = paste0("g", 1:20), two = paste0("g", 21:40), all = paste0("g", 41:60))
  both <- suppressWarnings(EnrichModules(networks, known, among = c("one", "two")))
  expect_identical(both$table$term, c("one", "two"))
  for (name in names(networks)) {
    p <- EnrichModules(networks[[name]], known)
    expect_equal(both$table[[paste0("log10.p_", name)]],
      c(min(p$log10.p[p$term == "one"]), min(p$log10.p[p$term == "two"])))
  }
  expect_equal(both$table$delta_clear, both$table$log10.p_noisy - both$table$log10.p_clear)
  expect_equal(summary(both)$median[[2L]], stats::median(both$table$delta_clear))
  expect_true(summary(both)$reached[[2L]])
  expect_output(print(both), "orders of magnitude")
  same <- suppressWarnings(EnrichModules(list(a = networks$clear, b = networks$clear), known))
  expect_identical(same$table$delta_b, c(0, 0, 0))
  expect_input_error(EnrichModules(networks[1L], known), "object")
  expect_input_error(EnrichModules(networks, known, among = "three"), "among")
  other <- CoexpressionNetwork(planted$x[, 1:50], transform = "none", min.mean = -Inf, power = 3, verbose = FALSE)
  expect_input_error(EnrichModules(list(a = networks$clear, b = other), known), "object", "50 are in all")
  more <- networks$clear
  more$modules <- more$modules[c(1L, seq_len(nrow(more$modules))), ]
  expect_warning(EnrichModules(list(a = networks$clear, b = more), known), class = "fatefield_warning_matched")
})
