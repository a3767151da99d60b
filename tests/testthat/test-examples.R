# The scripts that come with the package run as they are, and leave the figures that they name.

run_example <- function(script) {
  out <- file.path(withr::local_tempdir(.local_envir = parent.frame()), "out")
  file <- system.file("examples", paste0(script, ".R"), package = "fatefield", mustWork = TRUE)
  said <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(file), shQuote(out), "240"), stdout = TRUE,
    stderr = TRUE,
    env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep))
  ))
  status <- attr(said, "status")
  expect_null(status, info = paste(utils::tail(said, 20L), collapse = "\n"))
  named <- regmatches(readLines(file),
    regexpr("(?<=, \")[a-z-]+(?=\"(, [0-9.]+, [0-9.]+)?\\)$)", readLines(file), perl = TRUE))
  expect_gt(length(named), 5L)
  made <- sub("[.](png|csv)$", "", list.files(out))
  expect_identical(setdiff(named, made), character())
  tables <- list.files(out, "[.]csv$", full.names = TRUE)
  for (table in tables) expect_gt(length(readLines(table)), 1L, label = basename(table))
}

test_that("the example of fates runs", {
  run_example("fates")
})
test_that("the example of velocity runs", {
  run_example("velocity")
})
test_that("the example of questions runs", {
  run_example("questions")
})
