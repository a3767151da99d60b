# Fates by walks along transitions: how likely each cell is to end in each terminal state. Takes transitions and the
# cells of terminal states; gives what PredictFate() gives.

#' Fates by absorption: where walks along the transitions end
#'
#' The probability that a walk from each cell by the transitions comes to each terminal state first, and how many steps
#' it takes.
#' The result is that of [PredictFate()], so that [PlotFate()], [ScoreFate()], [FindFateDrivers()] and all else that
#' asks for fates work on it; it needs no times and no model.
#'
#' @section Basic use:
#' ```
#' cells <- FindMacrostates(cells, group.by = "celltype")
#' cells <- AbsorptionProbabilities(cells)
#' PlotFate(cells)
#' FindFateDrivers(cells, fate = "Beta", sources = "correlation")
#' ```
#'
#' @details
#' With Q the transitions among the cells that are in no terminal state and R those into the states, probabilities solve
#' (I - Q) P = R.
#' The systems are sparse and are solved by BiCGSTAB behind an incomplete factorisation; as the inverse of I - Q has no
#' negative entry, the residual and the expected number of steps bound the error, which ends the iteration below
#' `tolerance` and is kept in the result.
#'
#' Walks may come to cells from which no terminal state can be reached.
#' Their share is `unassigned`; probabilities are those of the walks that do end in a terminal state, and missing for
#' cells of which none does.
#'
#' Probabilities are those of the transitions, which are taken as known: there is no standard error.
#'
#' @param object A Seurat object or SingleCellExperiment, a result of [FindMacrostates()], or transitions from
#'   [TransitionMatrix()].
#' @param states The terminal states: names of macrostates, or one label for each cell, `NA` for cells in none; of an
#'   object also the name of a column with such labels.
#'   `NULL` takes the macrostates that are terminal.
#'   Of macrostates the cells of the core count.
#' @param transitions Transitions from [TransitionMatrix()]; `NULL` takes those that the macrostates were found by.
#' @param tolerance Largest error of a probability; `NULL` means `r doc_default("absorption", "tolerance")`.
#' @param store.as Stem of the names under which the result is kept; `NULL` means `"fate"`, or `"fatefield_fate"` where
#'   the object has such a column of your own, which is never overwritten.
#' @param name Name of the macrostates in the object; `NULL` takes those found last.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... More options: `r doc_option("absorption", "max.iterations")` of the solver for a state.
#' @return For transitions and macrostates a result of class `fatefield_fate`, see [PredictFate()] and [results], with
#'   `method` `"absorption"`, further columns of the table, and
#'   \item{steps}{Mean number of steps of the walks that end in a terminal state, of each cell; also the column `steps`
#'     of the table.}
#'   \item{steps.to}{The same of those that end in each state: cells x states, missing where the probability is below
#'     0.0001.}
#'   \item{error}{Bound of the error of the probabilities.}
#'   For an object the object with assays `fates` and `fates_se`, and the columns `fate`, `fate_entropy` and
#'   `fate_unassigned`, as [PredictFate()] leaves them; standard errors are missing.
#' @section Errors:
#' `fatefield_error_input` names the argument: no terminal state, no such macrostate or column, transitions that are
#' negative, do not sum to 1 or are of other cells.
#' `fatefield_error_stale`: the object has changed since the macrostates were found.
#' `fatefield_warning_convergence`: the tolerance was not reached; `error` of the result says how near it is.
#' @references
#' Kemeny, Snell (1960) Finite Markov chains.
#'
#' Lange et al. (2022) CellRank for directed single-cell fate mapping. Nature Methods 19.
#' @seealso [FindMacrostates()], [TransitionMatrix()], [PredictFate()]
#' @examples
#' # A gambler with 0 to 4 coins who stops at either end.
#' steps <- matrix(0, 5, 5, dimnames = list(0:4, 0:4))
#' steps[cbind(2:4, 1:3)] <- steps[cbind(2:4, 3:5)] <- 0.5
#' steps[1, 1] <- steps[5, 5] <- 1
#' found <- AbsorptionProbabilities(steps, states = c("ruin", NA, NA, NA, "win"))
#' found$probability
#' found$steps
#' @export
AbsorptionProbabilities <- function(object, ...) UseMethod("AbsorptionProbabilities")

#' @rdname AbsorptionProbabilities
#' @export
AbsorptionProbabilities.default <- function(object, states, tolerance = NULL, threads = NULL, ...) {
  local_threads(threads)
  transitions <- check_transitions(object, "object")
  if (missing(states) || is.null(states)) {
    stop_input("states", "`states` is needed: the terminal state of each cell, NA for cells in none.")
  }
  absorbed_fates(transitions, terminal_labels(states, rownames(transitions)), tolerance, list(...))
}

#' @rdname AbsorptionProbabilities
#' @export
AbsorptionProbabilities.fatefield_macrostates <- function(object, states = NULL, tolerance = NULL, threads = NULL,
                                                          ...) {
  local_threads(threads)
  states <- core_states(object, states)
  absorbed_fates(object$transitions, states, tolerance, list(...), object$cols, object$column)
}

#' @rdname AbsorptionProbabilities
#' @export
AbsorptionProbabilities.Seurat <- function(object, states = NULL, tolerance = NULL, threads = NULL, transitions = NULL,
                                           name = NULL, store.as = NULL, ...) {
  local_threads(threads)
  store.as <- store_name(object, store.as, "fate", fate_columns, fate_assays)
  of.cells <- labels_of_states(object, states, name)
  macrostates <- if (is.null(transitions) || is.null(of.cells)) {
    take_result(object, "macrostates", name, "FindMacrostates()")
  }
  if (is.null(of.cells)) of.cells <- core_states(macrostates, states)
  transitions <- if (is.null(transitions)) macrostates$transitions else transitions_for(object, transitions)
  cols <- label_colours(object, levels(of.cells))
  result <- absorbed_fates(transitions, of.cells, tolerance, list(...), cols)
  object <- store_fate(object, result, store.as, chain_inputs(object, transitions),
    remake = "AbsorptionProbabilities()")
  log_call(object, "AbsorptionProbabilities")
}

#' @rdname AbsorptionProbabilities
#' @export
AbsorptionProbabilities.SingleCellExperiment <- AbsorptionProbabilities.Seurat

# Labels of cells, where `states` says these, else NULL: names of macrostates rule over names of columns.
labels_of_states <- function(object, states, name) {
  if (is.null(states)) {
    return(NULL)
  }
  if (is.character(states) && is.null(names(states)) && length(states) < length(cell_names(object))) {
    known <- tool(object, "results", "macrostates")
    found <- if (is.null(name)) utils::tail(known, 1L)[[1L]] else known[[name]]
    if (any(states %in% found$result$states$state) || length(states) > 1L) {
      return(NULL)
    }
  }
  terminal_labels(cell_column(object, states, "states"), cell_names(object))
}

# A factor of all cells, named by cell.
terminal_labels <- function(states, cells) {
  out <- check_labels(cell_vector(states, cells, "states"), "states", length(cells))
  stats::setNames(out, cells)
}

# The cores of some macrostates: a factor of all cells.
core_states <- function(x, states = NULL) {
  all <- x$states
  if (is.null(states)) {
    states <- all$state[all$kind == "terminal"]
    if (length(states) == 0L) {
      stop_input("states", "`states`: there is no terminal state: of ", nrow(all),
        " macrostates none is stable enough and ",
        "gathers walks. Name some of ", quoted(all$state), ", or lower `stability` of FindMacrostates().")
    }
  }
  if (!is.character(states) || length(states) == 0L) {
    stop_input("states", "`states` must be names of macrostates, not ", described(states), ".")
  }
  lost <- setdiff(states, all$state)
  if (length(lost) > 0L) {
    stop_input("states", "`states`: there is no macrostate ", quoted(lost[[1L]]), "; there are ", quoted(all$state),
      ".",
      near(lost[[1L]], all$state))
  }
  table <- x$table
  label <- ifelse(table$core & table$macrostate %in% states, as.character(table$macrostate), NA)
  gone <- setdiff(states, label)
  if (length(gone) > 0L) {
    stop_input("states", "`states`: no cell of the core of macrostate ", quoted(gone[[1L]]), " is left.")
  }
  stats::setNames(factor(label, levels = unique(states)), table$cell)
}

# `states`: factor of all cells; `more`: further options of the engine.
absorbed_fates <- function(transitions, states, tolerance, more, cols = NULL, column = NULL) {
  options <- merge_options(absorption_defaults(), c(list(tolerance = tolerance), more), "")
  found <- chain_absorption(plain_steps(transitions), as.integer(states), nlevels(states), options, thread_count())
  if (!found$converged) {
    rlang::warn(paste0("Probabilities of absorption are known to ", format(found$error, digits = 2L), " only; raise ",
      "`max.iterations`, or lower the stakes by a larger `tolerance`."), class = "fatefield_warning_convergence")
  }
  new_absorbed(found, rownames(transitions), levels(states), list(
    method = "absorption", kernel = transitions@kernel, error = found$error,
    terminal = table(states), cols = colours_of(levels(states), cols), column = column
  ))
}

new_absorbed <- function(found, cells, labels, more) {
  named <- function(m) {
    dimnames(m) <- list(cells, labels)
    m
  }
  share <- named(found$probability)
  reached <- rowSums(share)
  known <- reached > found$error + 1e-12
  p <- share / ifelse(known, reached, NA)
  parts <- list(
    probability = p, se = p * NA_real_, spread = p * NA_real_, counts = share, fate = most_probable(p, known),
    entropy = stats::setNames(share_entropy(p), cells),
    unassigned = stats::setNames(pmax(1 - reached, 0), cells), other = stats::setNames(0 * reached, cells),
    effective = stats::setNames(0 * reached + 1, cells), n.models = 1L, steps = stats::setNames(found$steps, cells),
    steps.to = named(found$steps.to)
  )
  new_result("fate", fate_table(parts), c(parts, more), by = "cell")
}
