# What every result is and can do: a list of class c("fatefield_<kind>", "fatefield_result") whose element `table`
# is a tidy data.frame. print() says in at most three lines what a biologist asks first, summary() gives the main
# numbers, plot() the right figure, as.data.frame() the table, `[` some cells or genes of it.
#
# A kind has
#   headline.fatefield_<kind>(x)   strings for print(), the main number with its interval first
#   plot.fatefield_<kind>(x, ...)  a ggplot
# and, where tables alone do not say it, subset_result.fatefield_<kind>(x, keep) and summary.fatefield_<kind>(object).
# Columns of tables: `cell`, `gene`, `fate`, `group`, `time` say what a row is of; a number `x` has its standard error
# in `x_se`, its interval in `x_low` and `x_high`; `p` and `q` are of the row's main question.

# `table`: data.frame. `parts`: list of further elements. `by`: the column of `table` that `[` looks up, or NULL.
# `call`: the call of the user, for the record, or NULL.
new_result <- function(kind, table, parts = list(), by = NULL, call = NULL) {
  rownames(table) <- NULL
  structure(
    c(list(table = table), parts), class = c(paste0("fatefield_", kind), "fatefield_result"), by = by, call = call
  )
}

headline <- function(x) UseMethod("headline")

#' Results
#'
#' What is not a property of cells comes back as a result.
#' `print()` says in a few lines what was found, `summary()` gives the main numbers as a data.frame, `plot()` draws the
#' right figure, `as.data.frame()` gives a tidy table, and `[` keeps some of the cells or genes.
#'
#' Columns have the same names in all tables: `cell`, `gene`, `fate`, `group` and `time` say what a row is of;
#' `_se` is the standard error of the number before it, `_low` and `_high` are its interval; `p` is a p-value and `q`
#' the same after the correction of Benjamini and Hochberg.
#'
#' @param x,object A result.
#' @param i Names of the cells, genes or other things that rows are of, their numbers, or TRUE/FALSE.
#' @param row.names,optional Not used; part of the generic.
#' @param ... Passed to methods; results of one kind for `rbind()` and `c()`.
#' @return `summary()` and `as.data.frame()`: a data.frame; `[`, `c()`, `rbind()`: a result.
#' @name results
NULL

#' @rdname results
#' @export
print.fatefield_result <- function(x, ...) {
  writeLines(headline(x))
  invisible(x)
}

#' @rdname results
#' @export
as.data.frame.fatefield_result <- function(x, row.names = NULL, optional = FALSE, ...) x$table

#' @rdname results
#' @export
summary.fatefield_result <- function(object, ...) {
  numbers <- vapply(object$table, is.numeric, logical(1))
  quantiles <- vapply(object$table[numbers], function(v) {
    c(stats::quantile(v, c(0, 0.25, 0.5, 0.75, 1), na.rm = TRUE, names = FALSE), mean(v, na.rm = TRUE), sum(is.na(v)))
  }, numeric(7))
  rownames(quantiles) <- c("min", "q1", "median", "q3", "max", "mean", "missing")
  data.frame(quantity = names(object$table)[numbers], t(quantiles), row.names = NULL)
}

#' @rdname results
#' @export
`[.fatefield_result` <- function(x, i, ...) {
  present <- result_rows(x)
  if (is.null(present)) {
    stop_input("i", "`i`: a result of class ", quoted(class(x)[[1L]]), " cannot be subset.")
  }
  subset_result(x, present[check_cells(i, present, "i")])
}

# Names that `[` looks up, or NULL. Kinds whose table is made on demand say them from their parts.
result_rows <- function(x) UseMethod("result_rows")

result_rows.default <- function(x) {
  by <- attr(x, "by")
  if (!is.null(by)) unique(as.character(x$table[[by]]))
}

# The part of a result that is of `keep`, names in the column `by`, in that order.
subset_result <- function(x, keep) UseMethod("subset_result")

subset_result.default <- function(x, keep) {
  rows <- as.character(x$table[[attr(x, "by")]])
  x$table <- x$table[order(match(rows, keep), na.last = NA), , drop = FALSE]
  rownames(x$table) <- NULL
  x
}

#' @rdname results
#' @param deparse.level Not used; part of the generic.
#' @export
rbind.fatefield_result <- function(..., deparse.level = 1) bind_results(..1, list(...))

# `parts`: results, the first of which decides how they are bound.
bind_results <- function(first, parts) UseMethod("bind_results")

bind_results.default <- function(first, parts) {
  stop_input("...", "Results of class ", quoted(class(first)[[1L]]), " cannot be bound.")
}

# Number and interval as people read it: "0.42 (0.31 to 0.55)".
with_interval <- function(x, low, high, digits = 3L) {
  shown <- function(v) format_each(v, digits)
  ifelse(is.na(low), shown(x), paste0(shown(x), " (", shown(low), " to ", shown(high), ")"))
}

# Each number with its own digits, not with those of the smallest of them.
format_each <- function(v, digits) vapply(v, format, "", digits = digits)

# "5.2 %" of a share.
percent <- function(share) paste0(format(100 * share, digits = 2L), " %")

# "3 cells", "1 cell".
counted <- function(n, what) paste0(format(n, big.mark = ",", trim = TRUE), " ", what, if (n != 1L) "s")

# A result that is a table and nothing more: it works like a data.frame, too, but `x[i]` without a comma takes rows
# by the names in the column `by`. `...`: attributes that the methods need.
new_table <- function(kind, table, by = NULL, ...) {
  rownames(table) <- NULL
  structure(
    table, class = c(paste0("fatefield_", kind), "fatefield_table", "fatefield_result", "data.frame"), by = by, ...
  )
}

# The plain data.frame, without the attributes of the result.
plain_table <- function(x) {
  rows <- attr(x, "row.names")
  out <- as.list(unclass(x))
  attributes(out) <- list(names = names(x))
  structure(out, row.names = rows, class = "data.frame")
}

#' @rdname results
#' @export
as.data.frame.fatefield_table <- function(x, row.names = NULL, optional = FALSE, ...) plain_table(x)

#' @rdname results
#' @export
summary.fatefield_table <- function(object, ...) {
  summary.fatefield_result(list(table = plain_table(object)))
}

#' @rdname results
#' @export
print.fatefield_table <- function(x, ...) {
  writeLines(headline(x))
  shown <- utils::head(plain_table(x)[shown_columns(x)], 10L)
  print(data.frame(lapply(shown, function(v) if (is.numeric(v)) signif(v, 3L) else v), check.names = FALSE))
  if (nrow(x) > nrow(shown)) writeLines(paste0("... and ", counted(nrow(x) - nrow(shown), "more row")))
  invisible(x)
}

# Columns that print() shows; the others are there all the same.
shown_columns <- function(x) UseMethod("shown_columns")

shown_columns.default <- function(x) names(x)

#' @rdname results
#' @param j,drop As for a data.frame, after a comma.
#' @export
`[.fatefield_table` <- function(x, i, j, drop) {
  if (nargs() - (!missing(drop)) > 2L) {
    rows <- if (missing(i)) rep(TRUE, nrow(x)) else i
    table <- plain_table(x)
    if (missing(j)) {
      kept <- attributes(x)[setdiff(names(attributes(x)), c("names", "row.names"))]
      table <- table[rows, , drop = FALSE]
      attributes(table) <- c(attributes(table)[c("names", "row.names")], kept)
      return(table)
    }
    return(if (missing(drop)) table[rows, j] else table[rows, j, drop = drop])
  }
  by <- attr(x, "by")
  present <- if (is.null(by)) as.character(seq_len(nrow(x))) else as.character(x[[by]])
  keep <- unique(present)[check_cells(i, unique(present), "i")]
  x[order(match(present, keep), na.last = NA), ]
}

#' @rdname results
#' @export
rbind.fatefield_table <- function(...) {
  parts <- list(...)
  kinds <- unique(vapply(parts, function(p) class(p)[[1L]], ""))
  if (length(kinds) > 1L) stop_input("...", "Only results of one kind can be bound, not ", quoted(kinds), ".")
  table <- do.call(rbind, lapply(parts, plain_table))
  kept <- attributes(parts[[1L]])
  attributes(table) <- c(attributes(table)[c("names", "row.names")],
    kept[setdiff(names(kept), c("names", "row.names"))])
  table
}
