# Sets of genes in every form that people have them in.

wanted <- list(A = c("g1", "g2"), B = "g3")

set_forms <- function() {
  pairs <- data.frame(term = c("A", "A", "B", NA), gene = c("g1", " g2", "g3", "g4"))
  list(
    list(A = c("g1", "g2 ", NA, ""), B = factor("g3")), pairs, pairs[2:1], stats::setNames(pairs, c("x", "y")),
    stats::setNames(pairs, c("gs_name", "gene_symbol")), as.matrix(pairs),
    cbind(gs_cat = "H", stats::setNames(pairs, c("gs_name", "gene_symbol")), entrez_gene = 1:4),
    data.frame(symbol = factor(pairs$gene), pathway = factor(pairs$term))
  )
}

test_that("lists, and tables of terms and genes, are the same sets in every verb that takes sets", {
  background <- paste0("g", 1:6)
  noise <- sin(outer(1:100, 1:6, function(i, j) i * sqrt(j + 50)))
  x <- 2 + cbind(sin(1:100), cos(1:100 * 1.7))[, rep(1:2, 3)] + noise / 2
  colnames(x) <- background
  network <- CoexpressionNetwork(x, transform = "none", power = 2, n.modules = 2, min.size = 2, verbose = FALSE)
  for (form in set_forms()) {
    expect_identical(GeneSets(form)$sets, wanted)
    expect_equal(EnrichModules(list(M = c("g1", "g2")), form, background = background, min.term = 1),
      EnrichModules(list(M = c("g1", "g2")), wanted, background = background, min.term = 1))
    expect_equal(EnrichModules(form, list(T = c("g1", "g5", "g3")), background = background, min.term = 1),
      EnrichModules(wanted, list(T = c("g1", "g5", "g3")), background = background, min.term = 1))
    expect_equal(EnrichModules(list(a = network, b = network), form, min.term = 1)$table,
      EnrichModules(list(a = network, b = network), wanted, min.term = 1)$table)
  }
})

test_that("collections of GSEABase are read without it", {
  here <- environment()
  setClass("GeneSet", representation(geneIds = "character", setName = "character"), where = here)
  setClass("GeneSetCollection", contains = "list", where = here)
  on.exit({
    removeClass("GeneSetCollection", where = here)
    removeClass("GeneSet", where = here)
  })
  sets <- list(methods::new("GeneSet", geneIds = c("g1", "g2"), setName = "A"),
    methods::new("GeneSet", geneIds = "g3", setName = "B"))
  expect_identical(GeneSets(methods::new("GeneSetCollection", sets))$sets, wanted)
})

test_that("a GMT file is read whatever a spreadsheet or another system made of it", {
  text <- "s\u00e9tA\tna\tGata1 \t Spi1\tKlf1\t\t\r\n\"set B\"\t\"about \"\"B\"\"\"\t\"Gata1\"\tSp\u00e91\r\n"
  mark <- function(...) as.raw(c(...))
  raw_of <- function(to) iconv(text, "UTF-8", to, toRaw = TRUE)[[1L]]
  forms <- list(raw_of("UTF-8"), c(mark(0xef, 0xbb, 0xbf), raw_of("UTF-8")), raw_of("latin1"),
    c(mark(0xff, 0xfe), raw_of("UTF-16LE")), raw_of("UTF-16LE"), c(mark(0xfe, 0xff), raw_of("UTF-16BE")),
    charToRaw(enc2utf8(gsub("\r\n", "\r", text, fixed = TRUE))))
  for (bytes in forms) {
    file <- tempfile(fileext = ".gmt")
    writeBin(bytes, file)
    found <- GeneSets(file)
    expect_identical(found$sets, stats::setNames(
      list(c("Gata1", "Spi1", "Klf1"), c("Gata1", "Sp\u00e91")), c("s\u00e9tA", "set B")
    ))
    expect_identical(found$terms$name, c("s\u00e9tA", "about \"B\""))
  }
})

test_that("what is no set of genes is named", {
  for (bad in list(1:3, NULL, list(1), list(a = list(1)), list(a = NA), list(a = "x", a = "y"),
    data.frame(a = 1, b = 2, c = 3))) {
    expect_input_error(GeneSets(bad), "x")
    # Without sets the species is asked for, and "g1" is of none.
    expect_input_error(EnrichModules(list(M = "g1"), bad, background = "g1"), if (is.null(bad)) "terms" else "x")
    expect_input_error(EnrichModules(bad, list(T = "g1"), background = "g1"), "object")
  }
})
