# A report tells what an object holds, the same when it is asked again, and what not to believe.

reported_cells <- function() {
  cells <- SimulateDifferentiation(n.cells = 200L, n.genes = 30L)
  cells <- FitSDE(cells, time = "day", reduction = "pca", dims = 1:4, updates = 10, n.models = 1L, drift.hidden = 16L,
    verbose = FALSE)
  cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
  PredictFate(cells, n.sim = 4, verbose = FALSE)
}
cells <- reported_cells()

test_that("the facts are those of the object, and the same when asked again", {
  facts <- FateReport(cells, file = NULL)
  expect_s3_class(facts, "fatefield_report")
  table <- as.data.frame(facts)
  expect_identical(table, as.data.frame(FateReport(cells, file = NULL)))
  expect_identical(facts$times$cells, as.vector(table(cells$day)))
  depth <- tapply(cells$nCount_RNA, cells$day, stats::median)
  expect_equal(facts$times$counts, as.vector(depth))
  expect_equal(table$value[table$section == "fates" & table$quantity == "probability"],
    summary(GetResult(cells, "fates"))$probability)
  expect_identical(facts$verdicts, GetModel(cells)$verdict$verdict, ignore_attr = TRUE)
  expect_match(facts$seeds, "sde 42")
  expect_s3_class(plot(facts), "ggplot")
})

test_that("doubts follow from what was found", {
  doubts <- FateReport(cells, file = NULL)$doubts
  expect_true(any(grepl("One model does not know", doubts$why)))
  expect_true(any(grepl("noise is assumed", doubts$why)))
  cells$batch <- ifelse(cells$day > 1, "late", "early")
  facts <- FateReport(cells, file = NULL)
  expect_equal(facts$batch.share, 1)
  expect_true(any(grepl("Cramer's V 1", facts$doubts$why, fixed = TRUE)))
  expect_identical(facts$batches$batch, c("early", "late"))
  cells$mixed <- rep_len(c("a", "b"), ncol(cells))
  expect_lt(FateReport(cells, file = NULL, batch = "mixed")$batch.share, 0.2)
})

test_that("what is out of date is left out and named", {
  moved <- cells
  moved[["pca"]]@cell.embeddings <- moved[["pca"]]@cell.embeddings + 1
  facts <- FateReport(moved, file = NULL)
  expect_null(facts$fates)
  expect_true("What is out of date." %in% facts$doubts$what)
})

test_that("association of batches with times is Cramer's V", {
  by <- table(a = c(1, 1, 2, 2), b = c("x", "x", "y", "y"))
  expect_equal(association(by), 1)
  expect_equal(association(table(rep(1:2, each = 2), rep(1:2, 2))), 0)
  expect_equal(association(table(c(1, 1, 1, 2, 2, 2), c(1, 1, 2, 1, 2, 2))), 1 / 3)
  expect_identical(association(table(rep(1, 4), rep(1:2, 2))), NA_real_)
})

test_that("slips are named", {
  expect_error(FateReport(matrix(1, 2, 2)), "holds no analysis", class = "fatefield_error_input")
  expect_error(FateReport(cells, "report.docx"), ".html or .pdf", class = "fatefield_error_input")
  expect_error(FateReport(cells, file = NULL, results = list(1)), "element 1", class = "fatefield_error_input")
  expect_error(FateReport(cells, file = NULL, model = "other"), "no model", class = "fatefield_error_input")
  expect_error(FateReport(cells, file = NULL, batch = "nothing"), class = "fatefield_error_input")
  lost <- file.path(tempdir(), "no", "report.html")
  expect_error(FateReport(cells, lost), "no folder", class = "fatefield_error_input")
})

test_that("the page is written with results that are handed over, and the template can be drafted", {
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available("1.12.3"))
  file <- tempfile(fileext = ".html")
  scores <- ScoreFate(cells, as.character(cells$state), n.boot = 10)
  FateReport(cells, file, results = list(`my scores` = scores), title = "Fates: a \"test\"")
  page <- paste(readLines(file), collapse = "\n")
  for (part in c("Fates: a", "my scores", "What not to believe", "Model sde", "DefineFates|PredictFate", "R version")) {
    expect_match(page, part)
  }
  expect_match(page, "Nothing here yet. screen", fixed = TRUE)
  expect_false(grepl("Error in", page, fixed = TRUE))
  drafted <- tempfile(fileext = ".Rmd")
  rmarkdown::draft(drafted, template = "fate-report", package = "fatefield", edit = FALSE)
  expect_true(file.exists(drafted))
})
