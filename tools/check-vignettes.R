# Looks into the vignettes of a built package for output that says nothing: NULL, empty tables and vectors, tables of NA
# alone, warnings and errors; and that each says when not to believe it. Prints "vignettes: N passed, N failed" over the
# chunks' outputs.
#
#   Rscript tools/check-vignettes.R fatefield_*.tar.gz
tarball <- commandArgs(TRUE)[[1L]]
folder <- tempfile("vignettes")
utils::untar(tarball, exdir = folder)
pages <- list.files(folder, "\\.html$", recursive = TRUE, full.names = TRUE)
pages <- pages[grepl("inst/doc/", pages, fixed = TRUE)]

empty <- c(
  "^#> NULL$", "^#> character\\(0\\)$", "^#> numeric\\(0\\)$", "^#> integer\\(0\\)$", "^#> named list\\(\\)$",
  "^#> list\\(\\)$",
  "<0 rows>", "< table of extent 0 >", "data frame with 0 columns", "^#> \\[1\\] NA$", "^#> \\[1\\] NaN$",
  "^#> Warning", "^#> Error"
)

# The texts of <pre> elements, tags taken out.
outputs_of <- function(page) {
  text <- paste(readLines(page, warn = FALSE), collapse = "\n")
  found <- regmatches(text, gregexpr("(?s)<pre>?[^>]*>.*?</pre>", text, perl = TRUE))[[1L]]
  plain <- gsub("<[^>]+>", "", found)
  for (code in list(c("&lt;", "<"), c("&gt;", ">"), c("&quot;", "\""), c("&#39;", "'"), c("&amp;", "&"))) {
    plain <- gsub(code[[1L]], code[[2L]], plain, fixed = TRUE)
  }
  plain
}

passed <- 0L
failed <- 0L
for (page in pages) {
  outputs <- Filter(function(o) any(grepl("^#>", strsplit(o, "\n")[[1L]])), outputs_of(page))
  figures <- length(gregexpr("<img ", paste(readLines(page, warn = FALSE), collapse = "\n"))[[1L]])
  if (length(outputs) == 0L || figures < 1L) {
    cat(basename(page), ": no output or no figure\n", sep = "")
    failed <- failed + 1L
  }
  if (!any(grepl("When not to believe this</h2>", readLines(page, warn = FALSE), fixed = TRUE))) {
    cat(basename(page), ": it does not say when not to believe it\n", sep = "")
    failed <- failed + 1L
  }
  for (output in outputs) {
    lines <- strsplit(output, "\n")[[1L]]
    bad <- lines[Reduce(`|`, lapply(empty, grepl, x = lines))]
    if (length(bad) > 0L) cat(basename(page), ": ", bad[[1L]], "\n", sep = "")
    if (length(bad) > 0L) failed <- failed + 1L else passed <- passed + 1L
  }
}
if (length(pages) == 0L) failed <- failed + 1L
unlink(folder, recursive = TRUE)
cat("vignettes: ", passed, " passed, ", failed, " failed\n", sep = "")
quit(status = as.integer(failed > 0L))
