# What counts as a fate, said once: labels, which of them are no fates, which cells are the reference, how ends are
# labelled, and a colour for each label. Takes an object, gives it back with the definition in it.

#' Define fates
#'
#' Says once what the fates of cells are.
#' Every function that asks for `labels`, `fates`, `exclude`, `reference`, `k`, `weights`, `vote` and `cutoff` then
#' takes them from here, unless told otherwise, and every figure of the object draws a label in the same colour.
#'
#' A function that is given other `labels` takes nothing of the definition but the colours.
#' Without a definition the first [PredictFate()] leaves its own.
#' The definition follows the cells when they are subset, reordered or renamed.
#'
#' @section Basic use:
#' ```
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
#' cells <- PredictFate(cells)
#' PlotFate(cells)
#' ```
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims).
#' @param labels Name of the column that holds the labels of the cells, or one label for each cell; `NA` and `""` mean
#'   unlabelled.
#' @param fates (strings) Labels that count as fates; `NULL` takes all labels.
#' @param exclude (strings) Labels that are no fates, such as `"progenitor"`.
#'   Futures may still end there; that share is reported as `other`.
#' @param reference (names, numbers or TRUE/FALSE) Reference cells, whose labels are given to the futures that end near
#'   them, such as those of the last day; `NULL` takes all labelled cells.
#' @param k Nearest reference cells that label the end of a future. Default `r doc_default("label", "k")`.
#' @param weights `"uniform"` (default): each of them has one vote; `"distance"`: near ones have more, by a Gaussian
#'   kernel of half the distance to the k-th.
#' @param vote `"soft"` (default): an end counts for each label by its share of the votes; `"majority"`: for the
#'   winner alone.
#' @param cutoff An end is unassigned where its mean distance to the `k` reference cells is more than `cutoff` times
#'   the 0.99 quantile of that distance among the labelled cells. Default `r doc_default("label", "cutoff.factor")`;
#'   0 assigns every end.
#' @param cols Colours by label, `c(label = "colour")`; labels not named get one of a palette that colour-blind people
#'   can tell apart.
#' @param ... Not used.
#' @return The object with the definition in it; for a matrix the definition, a list of class
#'   `fatefield_definition`, whose table has a row for each label.
#'   [GetResult()] takes it out of an object.
#'   The table has the columns `label`, `fate` (does it count?), `cells`, `reference` (their numbers) and `colour`.
#' @section Errors:
#' `fatefield_error_input` names the argument: no such column or label, fewer than two fates, no labelled reference
#' cell, something that is no colour.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor", cols = c(fateA = "firebrick"))
#' GetResult(cells, "definition")
#' @export
DefineFates <- function(object, ...) UseMethod("DefineFates")

#' @rdname DefineFates
#' @export
DefineFates.default <- function(object, labels, fates = NULL, exclude = NULL, reference = NULL, k = NULL,
                                weights = NULL, vote = NULL, cutoff = NULL, cols = NULL, ...) {
  check_object(object)
  check_no_dots(names(formals(DefineFates.default)), ...)
  if (is_plain_matrix(object)) embedding(object)
  if (missing(labels) || is.null(labels)) stop_labels()
  values <- label_column(object, labels)
  chosen <- if (!is.null(reference)) check_cells(reference, cell_names(object), "reference")
  voting <- droplevels(if (is.null(chosen)) values else values[chosen])
  if (!any(!is.na(voting))) stop_input("reference", "`reference`: none of these cells has a label.")
  counted <- levels(voting)[which_fates(list(labels = levels(voting), known = levels(values)), fates, exclude)]
  vote_options(k, weights, vote, cutoff, NULL, NULL)
  named <- is.character(labels) && length(labels) == 1L && !is_plain_matrix(object)
  new_definition(
    list(
      labels = if (named) labels, values = if (!named) stats::setNames(as.character(values), cell_names(object)),
      fates = fates, exclude = exclude, reference = if (!is.null(chosen)) cell_names(object)[chosen], k = k,
      weights = weights, vote = vote, cutoff = cutoff, cols = colours_of(levels(values), cols),
      cells = cell_names(object), source = if (!is.null(chosen) || !named) known_by(object)
    ),
    table = data.frame(
      label = levels(values), fate = levels(values) %in% counted, cells = as.vector(table(values)),
      reference = as.vector(table(factor(voting, levels(values)))), row.names = NULL
    )
  )
}

#' @rdname DefineFates
#' @export
DefineFates.Seurat <- function(object, labels, fates = NULL, exclude = NULL, reference = NULL, k = NULL,
                               weights = NULL, vote = NULL, cutoff = NULL, cols = NULL, ...) {
  put_result(object, "definition", "fates", call_worker(DefineFates.default, ...))
}

#' @rdname DefineFates
#' @export
DefineFates.SingleCellExperiment <- DefineFates.Seurat

# By what the cells of an object are known again under other names: their coordinates, where there are any.
known_by <- function(object) {
  if (!is_plain_matrix(object) && length(reduction_names(object)) > 0L) {
    coordinates_input(object)
  }
}

# The place of each cell in `definition$cells`, NA for new ones: by coordinates where they still hold, else by name.
places_in_definition <- function(object, definition) {
  by.name <- match(cell_names(object), definition$cells)
  now <- if (!is.null(definition$source)) input_now(object, definition$source)
  if (is.null(now)) {
    return(by.name)
  }
  at <- match_inputs(definition$source, now)$at
  ifelse(is.na(at), by.name, at)
}

new_definition <- function(settings, table) {
  table$colour <- unname(settings$cols[table$label])
  new_result("definition", table, settings, by = "label")
}

headline.fatefield_definition <- function(x) {
  fates <- x$table$label[x$table$fate]
  c(
    paste0(counted(length(fates), "fate"), if (!is.null(x$labels)) paste0(" of column ", quoted(x$labels)), ": ",
      quoted(fates, 6L)),
    if (!all(x$table$fate)) paste0("no fates: ", quoted(x$table$label[!x$table$fate], 6L)),
    paste0("reference: ", counted(sum(x$table$reference), "labelled cell"))
  )
}

#' @rdname DefineFates
#' @param x A definition.
#' @export
plot.fatefield_definition <- function(x, ...) {
  check_no_dots("x", ...)
  table <- x$table
  table$label <- factor(table$label, rev(table$label))
  ggplot2::ggplot(table, ggplot2::aes(.data$cells, .data$label, fill = .data$label)) +
    ggplot2::geom_col(ggplot2::aes(alpha = .data$fate)) +
    ggplot2::scale_fill_manual(values = x$cols, guide = "none") +
    ggplot2::scale_alpha_manual(values = c(`TRUE` = 1, `FALSE` = 0.35), name = "fate") +
    ggplot2::labs(x = "cells", y = NULL) + theme_curves()
}

# The definition stored in an object, or NULL.
stored_definition <- function(object) {
  if (is_seurat(object) || is_sce(object)) tool(object, "results", "definition")$fates$result
}

# What a verb works with: list(labels (factor, one a cell), fates, exclude, reference, options, cols, column). What the
# call says rules; what it leaves out comes from the definition in the object, unless it names other labels. Colours are
# those of the definition in any case.
fate_definition <- function(object, labels = NULL, fates = NULL, exclude = NULL, reference = NULL, k = NULL,
                            weights = NULL, vote = NULL, cutoff = NULL, prior = NULL, compat = NULL) {
  kept <- stored <- stored_definition(object)
  if (!is.null(labels) && !identical(labels, stored$labels)) stored <- NULL
  if (is.null(labels)) labels <- if (is.null(stored$labels)) kept_labels(object, stored) else stored$labels
  # fates and exclude together say what counts: naming one in a call puts both aside.
  own <- is.null(fates) && is.null(exclude)
  values <- label_column(object, labels)
  list(
    labels = values, fates = if (own) stored$fates else fates,
    exclude = if (own) still_there(stored$exclude, values) else exclude,
    reference = if (is.null(reference)) kept_reference(object, stored) else reference,
    options = vote_options(
      if (is.null(k)) stored$k else k, if (is.null(weights)) stored$weights else weights,
      if (is.null(vote)) stored$vote else vote, if (is.null(cutoff)) stored$cutoff else cutoff, prior, compat
    ),
    cols = colours_of(levels(values), kept$cols), column = if (is.character(labels) && length(labels) == 1L) labels,
    published = !is.null(compat) && compat != "none"
  )
}

# Those of the labels of a definition that some cell still has, NULL for none: cells may have been taken out since.
still_there <- function(labels, values) {
  found <- intersect(labels, levels(values))
  if (length(found) > 0L) found
}

# Labels that were given as values, for the cells that the object has now; NULL where there is no definition.
kept_labels <- function(object, stored) {
  if (is.null(stored)) {
    return(NULL)
  }
  values <- unname(stored$values)[places_in_definition(object, stored)]
  if (all(is.na(values))) {
    stop_stale("the definition of fates", "none of its labelled cells is left", "DefineFates()")
  }
  factor(values, levels = stored$table$label)
}

# Reference cells of the definition that the object still has, by their numbers.
kept_reference <- function(object, stored) {
  if (is.null(stored$reference)) {
    return(NULL)
  }
  kept <- which(stored$cells[places_in_definition(object, stored)] %in% stored$reference)
  if (length(kept) == 0L) {
    stop_stale("the definition of fates", "none of its reference cells is left", "DefineFates()")
  }
  kept
}

# Reference cells ready to label states, and the codes of the labels that count: list(references, counted).
# `x`: all cells x dims, in the space in which ends are labelled.
fate_references <- function(x, definition) {
  references <- label_references(x, definition$labels, definition$reference, definition$options)
  list(references = references, counted = which_fates(references, definition$fates, definition$exclude))
}

# Whether two answers were about the same fates: labels, reference cells and how ends are labelled, whichever way the
# definition was said. `fates`: labels that count; `cells`: names of all cells.
definition_digest <- function(definition, fates, cells) {
  rlang::hash(list(
    as.character(definition$labels), fates, check_cells(definition$reference, cells, "reference"),
    definition$options$label
  ))
}

# Colours by label: those given, then those of the palette that are left.
colours_of <- function(labels, given = NULL) {
  if (!is.null(given)) {
    known <- vapply(given, function(v) !inherits(try(grDevices::col2rgb(v), silent = TRUE), "try-error"), logical(1))
    if (!is.character(given) || is.null(names(given)) || !all(known)) {
      stop_input("cols", "`cols` must be colours with the names of labels, such as c(fateA = \"firebrick\"), not ",
        if (is.character(given) && !all(known)) quoted(given[!known][[1L]]) else described(given), ".")
    }
  }
  out <- given[intersect(labels, names(given))]
  open <- setdiff(labels, names(out))
  free <- setdiff(label_palette, given)
  if (length(free) < length(open)) {
    free <- c(free, grDevices::hcl(seq(15, 375, length.out = length(open) + 1L)[-1L], 100, 65))
  }
  out <- c(out, stats::setNames(free[seq_along(open)], open))
  out[labels]
}

# Colours of the levels of a column in every figure of an object.
label_colours <- function(object, levels) colours_of(levels, stored_definition(object)$cols)
