# Runs the tests of the installed package and prints, last, "testthat: N passed, N failed".
# Rscript tools/testthat.R [FILES...]: only these test files; all of them without.
# A test counts once: failed with any failed expectation or error, else passed; skipped ones are listed, not counted.
files <- commandArgs(trailingOnly = TRUE)
filter <- if (length(files) > 0L) {
  paste0("^(", paste(sub("^test-(.*)\\.R$", "\\1", basename(files)), collapse = "|"), ")$")
}
library(testthat)
library(fatefield)
results <- test_dir(
  "tests/testthat",
  filter = filter, package = "fatefield", load_package = "installed", stop_on_failure = FALSE,
  reporter = MultiReporter$new(list(SummaryReporter$new(max_reports = 100L), ListReporter$new()))
)
results <- as.data.frame(results)
failed <- results$failed > 0 | results$error
passed <- !failed & !results$skipped
slow <- utils::head(results[order(-results$real), c("file", "test", "real")], 8L)
message("slowest tests:\n", paste0("  ", sprintf("%6.1f s  ", slow$real), slow$file, ": ", slow$test, collapse = "\n"))
cat("testthat:", sum(passed), "passed,", sum(failed), "failed\n")
quit(status = as.integer(any(failed)))
