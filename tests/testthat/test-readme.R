# The R blocks of the README run as they stand, in order, and give what their comments say; on fewer cells, genes and
# updates than the defaults.

readme_blocks <- function(path) {
  lines <- readLines(path)
  from <- which(lines == "```r")
  lapply(from, function(i) lines[seq(i + 1L, i + which(lines[-seq_len(i)] == "```")[[1L]] - 1L)])
}

# What decides how long the blocks take, and what they leave at its default.
small_verbs <- list(
  SimulateDifferentiation = function(...) fatefield::SimulateDifferentiation(n.cells = 400, n.genes = 24, ...),
  SimulateTwoBranch = function(...) fatefield::SimulateTwoBranch(n.cells = 300, n.genes = 60, ...),
  FitSDE = function(...) fatefield::FitSDE(updates = 60, n.models = 2L, drift.hidden = 32L, ...),
  PredictFate = function(...) fatefield::PredictFate(n.sim = 10, ...),
  PerturbCells = function(...) fatefield::PerturbCells(n.sim = 5, ...),
  FindFateDrivers = function(...) fatefield::FindFateDrivers(n.sim = 5, ...),
  CellCriticality = function(...) fatefield::CellCriticality(n.sim = 5, ...),
  FitVelocityField = function(...) fatefield::FitVelocityField(epochs = 20, ...),
  ScreenPerturbations = function(...) fatefield::ScreenPerturbations(n.null = 20, n.sim = 3, ...)
)

test_that("the blocks of the README run as they stand, and give what they say", {
  path <- testthat::test_path("..", "..", "README.md")
  testthat::skip_if_not(file.exists(path), "no README beside the tests")
  blocks <- readme_blocks(path)
  expect_length(blocks, 3L)
  home <- list2env(small_verbs, parent = globalenv())
  folder <- tempfile("readme")
  dir.create(folder)
  back <- setwd(folder)
  grDevices::pdf(NULL)
  on.exit({
    setwd(back)
    grDevices::dev.off()
  })
  shown <- list()
  for (call in parse(text = unlist(blocks))) {
    value <- withVisible(suppressMessages(eval(call, home)))
    if (value$visible) shown <- c(shown, list(value$value))
    if (value$visible) utils::capture.output(print(value$value))
  }
  figures <- Filter(function(v) inherits(v, "ggplot"), shown)
  expect_length(figures, 6L)
  expect_true(file.exists("cells.fatefield"))
  p <- GetResult(home$cells, "fates")$probability
  expect_equal(unname(rowSums(p)), rep(1, nrow(p)))
  expect_identical(sort(unique(as.character(home$cells$fate))), colnames(p))
  expect_equal(nrow(as.data.frame(home$screen)), 3 * nrow(home$cells[["RNA"]]))
  expect_s3_class(home$drivers, "fatefield_result")
  expect_identical(which(!is.na(home$cells$criticality)), home$some)
  expect_true(all(home$cells$criticality[home$some] > 0))
  expect_setequal(levels(home$paths$cell), colnames(home$snapshot)[1:20])
  expect_identical(unique(as.data.frame(home$between)$time), 1.5)
})
