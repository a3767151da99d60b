# Mouse or human, by the case of symbols.

mouse <- c("Gata1", "Spi1", "Cebpe", "Gfi1", "Irf8", "Mpo", "Elane", "Lmo4", "mt-Co1", "H2-K1", "1700086L19Rik", "Actb")
human <- c("GATA1", "SPI1", "CEBPE", "GFI1", "IRF8", "MPO", "ELANE", "LMO4", "MT-CO1", "HLA-A", "C1orf56", "ACTB")

test_that("symbols tell mouse from human, and others neither", {
  expect_identical(guess_species(mouse), "mouse")
  expect_identical(guess_species(human), "human")
  expect_identical(guess_species(c(mouse, human)), NA_character_)
  expect_identical(guess_species(mouse[1:5]), NA_character_)
  expect_identical(guess_species(sprintf("ENSMUSG%011d", 1:50)), NA_character_)
  expect_identical(guess_species(as.character(1:50)), NA_character_)
})

test_that("enrichment without terms says what it took, or what to install", {
  modules <- list(a = human[1:6])
  expect_error(EnrichModules(list(a = "g1"), background = paste0("x", 1:30)), "cannot be told",
    class = "fatefield_error_input")
  if (!requireNamespace("org.Mm.eg.db", quietly = TRUE)) {
    expect_error(EnrichModules(list(a = mouse[1:6]), background = mouse), "org.Mm.eg.db",
      class = "fatefield_error_input")
  }
  skip_if_not_installed("org.Hs.eg.db")
  expect_message(package <- species_annotation(human), "for human", class = "fatefield_message_species")
  expect_identical(package, "org.Hs.eg.db")
  expect_identical(species_genes(modules, human), human)
  expect_identical(species_genes(modules, NULL), human[1:6])
})
