# Runs the tests of the installed package, each file in a process of its own and several at a time, and prints, last,
# "testthat: N passed, N failed, N skipped".
#
#   Rscript tools/testthat.R [FILES...]     only these test files; all of them without
#
# TEST_JOBS says how many files run at a time; all processors without it. Each runs on one thread, unless
# OMP_NUM_THREADS says otherwise or a test asks for more. A test counts once: failed with any failed expectation or
# error, else skipped or passed.
folder <- "tests/testthat"
files <- basename(commandArgs(trailingOnly = TRUE))
if (length(files) == 0L) files <- list.files(folder, "^test-.*\\.R$")
missing <- files[!file.exists(file.path(folder, files))]
if (length(missing) > 0L) stop("no such test file: ", paste(missing, collapse = ", "))
jobs <- as.integer(Sys.getenv("TEST_JOBS", parallel::detectCores()))
for (variable in c("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")) {
  if (!nzchar(Sys.getenv(variable))) do.call(Sys.setenv, stats::setNames(list("1"), variable))
}

suppressMessages({
  library(testthat)
  library(fatefield)
})
# Loaded once here, not again by each file's process.
for (package in c("Seurat", "SingleCellExperiment", "ggplot2")) suppressMessages(requireNamespace(package,
  quietly = TRUE))

# What one file printed goes to the console in one piece, before the next. The package uses one thread in a forked
# child; here nothing ran before the fork, so the child counts as a process that loaded it.
run_file <- function(file) {
  asNamespace("fatefield")$remember_process()
  log <- tempfile()
  connection <- file(log, "wt")
  sink(connection)
  sink(connection, type = "message")
  results <- tryCatch(
    as.data.frame(test_dir(
      folder,
      filter = paste0("^", sub("^test-(.*)\\.R$", "\\1", file), "$"), package = "fatefield",
      load_package = "installed", stop_on_failure = FALSE,
      reporter = MultiReporter$new(list(SummaryReporter$new(max_reports = 100L), ListReporter$new()))
    )),
    error = function(e) {
      print(e)
      NULL
    }
  )
  sink(type = "message")
  sink()
  close(connection)
  said <- readLines(log, warn = FALSE)
  cat(paste0(said[nzchar(said) & !grepl("DONE =+$|DONE \u2550+$", said)], "\n"), sep = "")
  if (is.null(results)) return(NULL)
  results[c("file", "test", "failed", "skipped", "error", "user", "system")]
}

# The longest first: the last ones to end are then short.
files <- files[order(-file.size(file.path(folder, files)))]
# In forked processes progressr shows nothing, and what they start may not hear Ctrl-C: tests of these run here, after
# the others.
asks <- function(file) any(grepl("with_progress\\(|\\$interrupt\\(", readLines(file.path(folder, file), warn = FALSE)))
here <- vapply(files, asks, NA)
files <- c(files[!here], files[here])
found <- parallel::mclapply(files[seq_len(sum(!here))], run_file, mc.cores = jobs, mc.preschedule = FALSE)
found <- c(found, lapply(files[seq_len(sum(here)) + sum(!here)], run_file))
whole <- vapply(found, is.data.frame, NA)
for (file in files[!whole]) cat(file, ": ended before its tests did\n", sep = "")
results <- do.call(rbind, found[whole])
failed <- results$failed > 0 | results$error
skipped <- results$skipped & !failed

results$seconds <- results$user + results$system
show_slowest <- function(title, names, seconds) {
  first <- utils::head(order(-seconds), 8L)
  cat(title, sprintf("%6.1f s  %s", seconds[first], names[first]), sep = "\n  ")
  cat("\n")
}
by_file <- tapply(results$seconds, results$file, sum)
show_slowest("files that took most processor time:", names(by_file), by_file)
show_slowest("tests that did:", paste0(results$file, ": ", results$test), results$seconds)
if (any(failed)) cat("failed:", paste0(results$file, ": ", results$test)[failed], sep = "\n  ")
cat(
  "\ntestthat: ", sum(!failed & !skipped), " passed, ", sum(failed) + sum(!whole), " failed, ", sum(skipped),
  " skipped\n",
  sep = ""
)
quit(status = as.integer(any(failed) || !all(whole)))
