# A worker of tools/fuzz.sh: poisoned calls FIRST to LAST of a plan, one after the other; a line of FOLDER/log for each,
# the one at work in FOLDER/state. Usage: Rscript tools/poison.R FOLDER plan [SHARE] | FOLDER run FIRST LAST
suppressMessages({
  library(testthat)
  library(fatefield)
})
arguments <- commandArgs(TRUE)
folder <- normalizePath(arguments[[1L]])
helpers <- new.env(parent = asNamespace("fatefield"))
for (name in c("data", "fit", "h5ad", "loom", "poison")) {
  sys.source(file.path("tests", "testthat", paste0("helper-", name, ".R")), helpers)
}
plan <- file.path(folder, "plan.rds")
if (arguments[[2L]] == "plan") {
  objects <- helpers$poison_objects()
  cases <- helpers$poison_cases(helpers$poison_calls(objects))
  if (length(arguments) > 2L && nzchar(arguments[[3L]])) cases <- cases[grepl(arguments[[3L]], cases$call), ]
  saveRDS(list(objects = objects, cases = cases), plan)
  # The files that calls read live as long as the plan.
  kept <- file.path(folder, "files")
  dir.create(kept, showWarnings = FALSE)
  file.copy(list.files(objects$folder, full.names = TRUE), kept, overwrite = TRUE)
  cat(nrow(cases), "\n")
  quit()
}
set <- readRDS(plan)
set$objects$folder <- file.path(folder, "files")
calls <- helpers$poison_calls(set$objects)
# What is written to a name that is poison lies here.
setwd(set$objects$folder)
log <- file(file.path(folder, "log"), "a")
for (i in seq(as.integer(arguments[[3L]]), as.integer(arguments[[4L]]))) {
  writeLines(as.character(i), file.path(folder, "state"))
  case <- set$cases[i, ]
  began <- proc.time()[["elapsed"]]
  set.seed(1)
  found <- helpers$poison_try(calls, case)
  seconds <- proc.time()[["elapsed"]] - began
  cat(paste(i, found$outcome, case$call, case$argument, case$value, round(seconds, 2), found$message, found$where,
    sep = "\t"), "\n", sep = "", file = log)
  flush(log)
}
