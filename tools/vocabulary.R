# Holds the arguments of all exported functions against the table "Words of arguments" in DEVELOPING.md:
#   a word that two or more functions use is in the table,
#   a word that the table replaces by another is used nowhere, but where the table says so,
#   methods for objects have the arguments of their worker, in its order.
# Prints what is wrong and ends with "vocabulary: N passed, N failed".
#
#   Rscript tools/vocabulary.R [DEVELOPING.md]
suppressMessages(library(fatefield))

file <- c(commandArgs(TRUE), "DEVELOPING.md")[[1L]]
space <- asNamespace("fatefield")

quoted_words <- function(text) regmatches(text, gregexpr("`[^`]+`", text))[[1L]]
bare <- function(words) gsub("`", "", words)

# The rows of the table as list(words, replaced (named by the functions that may keep it)).
table_rows <- function(lines) {
  from <- grep("^## Words of arguments", lines)
  to <- c(grep("^## ", lines), length(lines) + 1L)
  rows <- grep("^\\| `", lines[from:(min(to[to > from]) - 1L)], value = TRUE)
  lapply(strsplit(rows, "|", fixed = TRUE), function(cells) {
    instead <- if (length(cells) >= 4L) strsplit(cells[[4L]], ",(?![^(]*\\))", perl = TRUE)[[1L]] else character()
    list(words = bare(quoted_words(cells[[2L]])), replaced = lapply(instead, function(part) {
      words <- bare(quoted_words(part))
      list(word = words[1L], kept = sub("\\(\\)$", "", words[-1L]))
    }))
  })
}

# Each exported function with those of its methods, and the figures of results: list(function = argument names).
arguments_of <- function() {
  names <- c(Filter(function(n) is.function(get(n, space)), getNamespaceExports(space)), "plot")
  lapply(stats::setNames(names, names), function(name) {
    methods <- ls(space, pattern = paste0("^", gsub(".", "\\.", name, fixed = TRUE),
      "\\.(default|Seurat|SingleCellExperiment|fatefield_)"))
    unique(unlist(lapply(c(name, methods), function(f) names(formals(get(f, envir = space))))))
  })
}

rows <- table_rows(readLines(file))
known <- unlist(lapply(rows, `[[`, "words"))
used <- arguments_of()
counts <- table(unlist(used))
problems <- character()

for (word in setdiff(names(counts)[counts >= 2L], c(known, "...", "object"))) {
  who <- names(Filter(function(a) word %in% a, used))
  problems <- c(problems, paste0("`", word, "` is not in the table; it is used by ", toString(who)))
}
for (row in rows) {
  for (old in row$replaced) {
    who <- setdiff(names(Filter(function(a) old$word %in% a, used)), old$kept)
    if (is.na(old$word) || length(who) == 0L) next
    problems <- c(problems, paste0("`", old$word, "` of ", toString(who), " should be `", row$words[[1L]], "`"))
  }
}
for (word in setdiff(known, names(counts))) problems <- c(problems,
  paste0("`", word, "` of the table is used by no function"))
for (name in names(used)) {
  methods <- paste0(name, c(".default", ".Seurat", ".SingleCellExperiment"))
  if (!all(vapply(methods, exists, logical(1), envir = space, inherits = FALSE))) next
  f <- lapply(methods, function(m) setdiff(names(formals(get(m, space))), "..."))
  shared <- intersect(f[[1L]], f[[2L]])
  if (!identical(f[[2L]], f[[3L]]) || !identical(intersect(f[[2L]], f[[1L]]), shared)) {
    problems <- c(problems, paste0(name, ": methods differ in their arguments or the order of these"))
  }
}

writeLines(problems)
checked <- length(counts)
cat("vocabulary: ", checked, " passed, ", length(problems), " failed\n", sep = "")
if (length(problems) > 0L) quit(status = 1L)
