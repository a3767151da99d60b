# A report of what an object holds: takes an object with models and results; gives the facts as a result, and writes
# them with their figures as HTML or PDF by the template of inst/rmarkdown/templates/fate-report.

#' A report of an analysis
#'
#' Writes what an object holds as one page that can be handed on: a check of the data, a card of each model with its
#' scores and verdict, fates, velocities, drivers and perturbations, what not to believe and why, and how all was made.
#' Sections without results say which call makes them.
#'
#' @section Basic use:
#' ```r
#' FateReport(cells)                                  # report.html
#' drivers <- FindFateDrivers(cells, fate = "Beta")
#' FateReport(cells, "report.pdf", results = drivers)
#' ```
#' `rmarkdown::draft("report.Rmd", template = "fate-report", package = "fatefield")` gives the same report as a file of
#' your own, to change and to knit.
#'
#' @section What is written:
#' Nothing is computed anew but counts and sums: models and results stand as they are in the object, so the same object
#' gives the same numbers.
#' A result that is older than what it was made from is left out, and named among the doubts.
#'
#' @param object A Seurat object or a SingleCellExperiment.
#' @param file The report, which ends in `.html` or `.pdf`; an older one is overwritten.
#'   `NULL` writes nothing and gives the facts alone.
#' @param results Results that the object does not hold, to be shown too: one, or a (named) list of them, such as those
#'   of [FindFateDrivers()], [PerturbCells()], [ScreenPerturbations()], [ScoreFate()], [ScoreInterpolation()].
#' @param model (strings) Names of models in the object; `NULL` takes the last of each type.
#' @param batch A column of the object that says in which batch each cell was measured.
#'   `NULL` looks for one of a usual name (`batch`, `sample`, `orig.ident`, `library`, `donor`).
#' @param title Title of the report.
#' @param ... Not used.
#'
#' @return The facts, a result of class `fatefield_report`, see [results]; invisible where a report was written.
#'   Its table has a row for each number: `section`, `quantity`, `group` (time, fate, model) and `value`.
#'   `doubts` is a data.frame of `what` not to believe, `why`, and the `remedy`; `times`, `batches`, `cards`, `scores`,
#'   `fates`, `results`, `seeds` and `calls` are what the sections show.
#' @section Errors:
#' `fatefield_error_input`: a matrix, a file of another kind, no such model or column, something among `results` that is
#' no result, or a package or program that is needed to write the report; the message says which to install.
#' @seealso [GetResult()], [GetModel()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
#' facts <- FateReport(cells, file = NULL)
#' facts
#' facts$doubts$what
#' plot(facts)
#' @export
FateReport <- function(object, file = "report.html", results = NULL, model = NULL, batch = NULL, title = NULL, ...) {
  check_no_dots(names(formals(FateReport)), ...)
  check_object(object)
  if (is_plain_matrix(object)) {
    stop_input("object", "`object` is a matrix and holds no analysis; give a Seurat object or a SingleCellExperiment.")
  }
  format <- if (!is.null(file)) report_format(file)
  if (!is.null(title)) check_string(title, "title")
  facts <- report_facts(object, report_models(object, model), report_results(results), report_batch(object, batch))
  if (is.null(file)) {
    return(facts)
  }
  write_report(file, format, title, list(object = object, results = results, model = model, batch = batch))
  invisible(facts)
}

# "html_document" or "pdf_document", with all that is needed to write it.
report_format <- function(file) {
  kind <- tolower(sub(".*\\.", "", basename(check_string(file, "file"))))
  if (!kind %in% c("html", "pdf")) {
    stop_input("file", "`file` must end in .html or .pdf, not ", quoted(basename(file)), ".")
  }
  if (!dir.exists(dirname(file))) stop_input("file", "`file`: there is no folder ", quoted(dirname(file)), ".")
  for (package in c("rmarkdown", "knitr")) need_package(package, "to write a report")
  if (!rmarkdown::pandoc_available("1.12.3")) {
    stop_input("file", "`file`: pandoc is needed to write a report; install it (apt-get install pandoc, brew install ",
      "pandoc), or knit in RStudio, which brings it.")
  }
  if (kind == "pdf" && !nzchar(Sys.which("pdflatex"))) {
    stop_input("file", "`file`: LaTeX is needed to write a PDF, and pdflatex was not found; install it by ",
      "tinytex::install_tinytex(), or on Debian by apt-get install texlive-latex-recommended texlive-latex-extra ",
      "texlive-fonts-recommended lmodern. A file that ends in .html needs none of it.")
  }
  paste0(kind, "_document")
}

# Renders a copy of the template, so that nothing else is left beside the report.
write_report <- function(file, format, title, params) {
  folder <- tempfile("report")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  source <- file.path(folder, "report.Rmd")
  text <- readLines(system.file("rmarkdown", "templates", "fate-report", "skeleton", "skeleton.Rmd",
    package = "fatefield"))
  if (!is.null(title)) text[startsWith(text, "title:")] <- paste0("title: ", encodeString(title, quote = "\""))
  writeLines(enc2utf8(text), source, useBytes = TRUE)
  made <- rmarkdown::render(
    source, format, output_dir = folder, intermediates_dir = folder, params = params,
    envir = new.env(parent = globalenv()), quiet = TRUE
  )
  if (!file.copy(made, file, overwrite = TRUE)) stop_input("file", "`file`: ", quoted(file), " cannot be written.")
}

# Names of the models to report of.
report_models <- function(object, model) {
  present <- tool_names(object, "models")
  if (is.null(model)) {
    types <- vapply(present, function(name) as.character(tool(object, "models", name)$type), "")
    return(present[!duplicated(types, fromLast = TRUE)])
  }
  lost <- setdiff(model, present)
  if (!is.character(model) || length(lost) > 0L) {
    stop_input("model", "`model`: the object holds no model ", if (is.character(model)) quoted(lost) else
      described(model), "; it holds ", quoted(present), ".")
  }
  model
}

# A named list of results, as they are given.
report_results <- function(results) {
  if (inherits(results, "fatefield_result")) results <- list(results)
  if (is.null(results)) {
    return(list())
  }
  listed <- is.list(results) && !is.data.frame(results)
  bad <- if (listed) which(!vapply(results, inherits, NA, "fatefield_result")) else 1L
  if (length(bad) > 0L) {
    stop_input("results", "`results` must be results of fatefield; element ", bad[[1L]], " is ",
      described(if (listed) results[[bad[[1L]]]] else results), ".")
  }
  given <- if (is.null(names(results))) character(length(results)) else names(results)
  kinds <- gsub("_", " ", vapply(results, result_kind, ""))
  stats::setNames(results, make.unique(ifelse(nzchar(given), given, kinds), sep = " "))
}

result_kind <- function(x) sub("^fatefield_", "", class(x)[[1L]])

# The name of the column of batches, or NULL.
report_batch <- function(object, batch) {
  if (!is.null(batch)) {
    cell_column(object, check_string(batch, "batch"), "batch")
    return(batch)
  }
  usual <- c("batch", "sample", "orig.ident", "library", "donor")
  for (name in intersect(usual, column_names(object))) {
    n <- length(unique(as.character(cell_column(object, name, "batch"))))
    if (n > 1L && n <= 50L) {
      return(name)
    }
  }
  NULL
}

headline.fatefield_report <- function(x) {
  c(
    paste0("report of ", counted(x$cells, "cell"), ", ", counted(length(x$cards), "model"), ", ",
      counted(sum(lengths(x$results)) + !is.null(x$fates), "result")),
    if (length(x$verdicts) > 0L) paste0("fit: ", paste(x$verdicts, collapse = "; ")),
    paste0(counted(nrow(x$doubts), "doubt"), ": ", paste(utils::head(x$doubts$what, 3L), collapse = " "))
  )
}

#' @rdname FateReport
#' @param x Facts.
#' @export
plot.fatefield_report <- function(x, ...) {
  check_no_dots("x", ...)
  table <- x$counts
  figure <- ggplot2::ggplot(table, ggplot2::aes(.data$time, .data$cells)) +
    ggplot2::labs(x = x$time.label, y = "cells") + theme_curves()
  if (all(is.na(table$batch))) {
    return(figure + ggplot2::geom_col(fill = "grey60"))
  }
  figure + ggplot2::geom_col(ggplot2::aes(fill = .data$batch)) +
    scale_labels(levels(factor(table$batch)), aesthetics = "fill", name = "batch")
}
