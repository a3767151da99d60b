# Counts that no memory holds are refused before anything is allocated.

expect_memory_error <- function(expr, argument) {
  e <- testthat::expect_error(expr, "would need .* of memory, but .* are free", class = "fatefield_error_input")
  if (!is.null(e)) testthat::expect_identical(e$argument, argument)
}

test_that("free memory is the least of what the system and the group have", {
  folder <- withr::local_tempdir()
  meminfo <- file.path(folder, "meminfo")
  writeLines(c("MemTotal: 100 kB", "MemAvailable:      50 kB"), meminfo)
  expect_identical(free_memory(meminfo, folder), 50 * 1024)
  writeLines("30000", file.path(folder, "memory.max"))
  writeLines("10000", file.path(folder, "memory.current"))
  expect_identical(free_memory(meminfo, folder), 20000)
  writeLines("max", file.path(folder, "memory.max"))
  expect_identical(free_memory(meminfo, folder), 50 * 1024)
  expect_identical(free_memory(file.path(folder, "none"), folder), memory_unknown)
  expect_gt(free_memory(), 0)
})

test_that("needs are told in units that fit", {
  expect_identical(byte_text(12), "12 B")
  expect_identical(byte_text(8e9), "8 GB")
  expect_identical(byte_text(1.5e13), "15 TB")
  expect_silent(check_memory(1e6, "n", 10, "they"))
  e <- expect_error(check_memory(1e17, "n", 10, "they"), "`n` is 10: they would need 800 PB of memory")
  expect_identical(e$argument, "n")
  expect_error(check_memory(Inf, "n", 10, "they"), class = "fatefield_error_input")
})

test_that("doors refuse counts that no memory holds, in a moment", {
  object <- perturb_object()
  began <- proc.time()[["elapsed"]]
  for (n in c(1e12, 1e18)) {
    for (keep in c("states", "end", "moments")) {
      expect_memory_error(SimulateCells(object, n.sim = n, keep = keep, verbose = FALSE), "n.sim")
    }
    expect_memory_error(PredictFate(object, labels = "state", n.sim = n, verbose = FALSE), "n.sim")
    expect_memory_error(IntegrateCells(object, n.sim = n, noise = 1, verbose = FALSE), "n.sim")
    expect_memory_error(CellCriticality(object, n.sim = n, verbose = FALSE), "n.sim")
    expect_memory_error(CellCriticality(object, n.steps = n, verbose = FALSE), "n.steps")
    expect_memory_error(CellCriticality(object, n.steps = n, path = "drift", verbose = FALSE), "n.steps")
    gene <- rownames(object)[[1L]]
    expect_memory_error(DoseResponse(object, gene, labels = "state", n.sim = n, verbose = FALSE), "n.sim")
    expect_memory_error(ScreenPerturbations(object, gene, labels = "state", n.sim = n, verbose = FALSE), "n.sim")
    expect_memory_error(SimulateDifferentiation(n.cells = n), "n.cells")
    expect_memory_error(SimulateDifferentiation(n.cells = 100, n.genes = n), "n.genes")
    expect_memory_error(SimulateDifferentiation(n.cells = 100, n.drivers = n), "n.drivers")
    expect_memory_error(SimulateDifferentiation(n.cells = 100, n.clones = n), "n.clones")
    shares <- matrix(c(0.2, 0.8), 10, 2, byrow = TRUE, dimnames = list(1:10, c("a", "b")))
    expect_memory_error(ScoreFate(shares, shares, n.boot = n), "n.boot")
  }
})

test_that("want of memory inside the core is a classed error", {
  expect_error(stop_memory(), "not enough memory", class = "fatefield_error_numeric")
})
