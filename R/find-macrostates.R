# Macrostates: groups of cells among which walks by the transitions stay long. Takes an object or transitions; gives
# soft memberships, the transitions between the groups, and which of them are initial and terminal.

#' Find macrostates: where cells begin and end
#'
#' Groups cells among which walks by the transitions stay for long, tells how stable each group is, and which of them
#' walks end in and begin from.
#' Of the cells of the terminal ones [AbsorptionProbabilities()] makes fates.
#'
#' @section Basic use:
#' ```
#' cells <- EmbedVelocity(cells, reduction = "umap")
#' cells <- FindMacrostates(cells, group.by = "celltype")
#' GetResult(cells, "macrostates")
#' cells <- AbsorptionProbabilities(cells)
#' PlotFate(cells)
#' ```
#'
#' @details
#' Generalised Perron cluster cluster analysis: memberships are a linear combination of the leading Schur vectors of the
#' transitions, none below 0, that sum to 1 for each cell and are as crisp as can be, where crispness is the mean over
#' groups of <m, m> / <m, 1>: 1 where each cell is in one group alone.
#' Transitions need not be reversible.
#' Without `n.states` the number of groups, of 2 to `max.states`, is that before the largest gap between the real
#' parts of successive eigenvalues (`method = "eigengap"`), or that of the largest crispness (`"crispness"`), which
#' tends to few groups; `criteria` of the result has both, so that one can choose otherwise.
#' A number that would part a pair of complex eigenvalues is passed over.
#' Small ends of a lineage come late among the eigenvalues: to find them, ask for more groups.
#'
#' The transitions between the groups have on their diagonal the stability: the probability that a step does not leave
#' the group.
#' `forward` is the density of walks in the core of the group, 1 where it is that of the cells, after as many steps from
#' all cells alike as the faster eigenvalues need to fall to 1 in 100; `backward` the same of the steps taken back.
#' `stationary` is the share of walks that are in the group in the long run.
#' A group is terminal where its stability is at least `stability` and walks come to its core more than twice as often
#' as walks back do, `forward` above 2 `backward`; or where nobody leaves it.
#' The initial group is, of the others to which walks back come more than walks, the one where most of them end after
#' as many steps as the second eigenvalue needs.
#' These follow the velocities: an end that they do not point at is a macrostate, but not terminal, and can be named in
#' [AbsorptionProbabilities()].
#'
#' The core of a group are the `n.cells` cells of the highest membership.
#'
#' Cells without steps, such as those without a velocity, are in no group.
#' Parts of the cells with no steps between them are groups, or fall into groups, of their own; a
#' `fatefield_warning_parts` names them.
#'
#' @param object A Seurat object or SingleCellExperiment, or transitions from [TransitionMatrix()].
#' @param n.states Number of groups; `NULL` chooses it, see details.
#' @param transitions Transitions from [TransitionMatrix()]; `NULL` makes them of `kernel`, steps by velocity to
#'   neighbours alone (`neighbors.only = TRUE`).
#' @param kernel Kernels of [TransitionMatrix()] with their shares, where `transitions` are not given.
#' @param velocity Name of the velocities in the object; `NULL` takes those estimated last.
#' @param group.by Groups are named after the label that most of their core has: a column, or one label for each cell.
#'   Two of the same label get numbers, `"Beta 1"`.
#'   `NULL` numbers them.
#' @param n.cells Cells of the core of a group, at most.
#' @param stability Least stability of a terminal group.
#' @param method How the number is chosen: `"eigengap"` (default) or `"crispness"`, see details.
#' @param max.states Most groups to try; `NULL` means `r doc_default("macrostate", "max.states")`.
#' @param store.as Stem of the names of columns, and the name of the result; `NULL` means `"macrostate"`.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param ... More options: `r doc_option("macrostate", "tolerance")` of the leading subspace, and
#'   `r doc_option("macrostate", "max.restarts")` of the search for it.
#' @return For transitions a result of class `fatefield_macrostates`, see [results].
#'   Its table has a row for each cell: `cell`, `macrostate` (that of the highest membership), `membership` in it, and
#'   `core` (is it one of its core?).
#'   It has
#'   \item{states}{data.frame, a row for each group: `state`, `kind` (`"terminal"`, `"initial"` or `"between"`), `cells`
#'     (whose highest membership it is), `core`, `stability`, `forward`, `backward`, `stationary` and, with
#'     `group.by`, `label` and `purity`, the share of the core with that label.
#'     `summary()` gives it.}
#'   \item{membership}{Matrix, cells x states.}
#'   \item{between}{Transitions between the groups, states x states.}
#'   \item{criteria}{data.frame: `n.states`, `eigenvalue` (real part) and `imaginary`, `gap` to the next, `crispness`.}
#'   \item{transitions}{The transitions.}
#'   For an object the object with the columns `macrostate`, `macrostate_membership` and `macrostate_core` (the group of
#'   the cells of its core, else `NA`); [GetResult()] gives the whole result.
#' @section Errors:
#' `fatefield_error_input` names the argument: no transitions or velocities, rows that do not sum to 1, other cells,
#' no such column, a number of groups that parts a pair of eigenvalues or is below that of the parts nobody leaves.
#' `fatefield_error_numeric`: the cells do not tell so many groups apart.
#' `fatefield_error_stale`: the object has changed since the transitions were made.
#' `fatefield_warning_states`: there are groups without a cell of their own, whose stability may be missing.
#' `fatefield_warning_convergence`: the leading subspace was not found to the tolerance.
#' @references
#' Reuter, Fackeldey, Weber (2019) Generalized Markov modeling of nonreversible molecular kinetics. Journal of Chemical
#' Physics 150.
#'
#' Roeblitz, Weber (2013) Fuzzy spectral clustering by PCCA+: application to Markov state models and data
#' classification.
#' Advances in Data Analysis and Classification 7.
#'
#' Lange et al. (2022) CellRank for directed single-cell fate mapping. Nature Methods 19.
#' @seealso [TransitionMatrix()], [AbsorptionProbabilities()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 400, n.genes = 100)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells <- EmbedVelocity(cells, reduction = "latent", verbose = FALSE)
#' cells <- FindMacrostates(cells, n.states = 3, group.by = "state")
#' found <- GetResult(cells, "macrostates")
#' found
#' summary(found)
#' plot(found)
#' @export
FindMacrostates <- function(object, ...) UseMethod("FindMacrostates")

#' @rdname FindMacrostates
#' @export
FindMacrostates.default <- function(object, n.states = NULL, group.by = NULL, n.cells = 30L, stability = 0.96,
                                    method = c("eigengap", "crispness"), max.states = NULL, threads = NULL, ...) {
  local_threads(threads)
  transitions <- check_transitions(object, "object")
  labels <- if (!is.null(group.by)) {
    check_labels(cell_vector(group.by, rownames(transitions), "group.by"), "group.by", nrow(transitions))
  }
  macrostates_of(transitions, n.states, labels, n.cells, stability, method, max.states, list(...))
}

#' @rdname FindMacrostates
#' @export
FindMacrostates.Seurat <- function(object, n.states = NULL, group.by = NULL, n.cells = 30L, stability = 0.96,
                                   method = c("eigengap", "crispness"), max.states = NULL, threads = NULL,
                                   transitions = NULL,
                                   kernel = c(velocity = 0.8, connectivity = 0.2), velocity = NULL, store.as = NULL,
                                   ...) {
  local_threads(threads)
  store.as <- store_name(object, store.as, "macrostate", macrostate_columns)
  labels <- if (!is.null(group.by)) check_labels(cell_column(object, group.by, "group.by"), "group.by")
  transitions <- transitions_for(object, transitions, kernel, velocity)
  result <- macrostates_of(transitions, n.states, labels, n.cells, stability, method, max.states, list(...))
  result$column <- if (is.character(group.by) && length(group.by) == 1L) group.by
  result$cols <- colours_of(result$states$state, stored_definition(object)$cols)
  log_call(store_macrostates(object, result, store.as), "FindMacrostates")
}

#' @rdname FindMacrostates
#' @export
FindMacrostates.SingleCellExperiment <- FindMacrostates.Seurat

# Those that are given, checked against the object, or those of the kernel.
transitions_for <- function(object, transitions, kernel, velocity) {
  if (is.null(transitions)) {
    return(TransitionMatrix(object, kernel = kernel, velocity = velocity, neighbors.only = TRUE))
  }
  transitions <- check_transitions(transitions, "transitions", cell_names(object))
  check_transition_inputs(object, transitions)
  transitions
}

macrostate_columns <- function(stem) paste0(stem, c("", "_membership", "_core"))

store_macrostates <- function(object, result, store.as) {
  table <- result$table
  core <- table$macrostate
  core[!table$core] <- NA
  columns <- data.frame(table$macrostate, table$membership, core, row.names = table$cell)
  object <- store_cells(object, stats::setNames(columns, macrostate_columns(store.as)))
  put_result(object, "macrostates", store.as, result, chain_inputs(object, result$transitions), "FindMacrostates()")
}

# What walks by the transitions were made from; those of a plain matrix are known by their cells.
chain_inputs <- function(object, transitions) {
  if (length(transitions@inputs) > 0L) transitions@inputs else list(known_by(object))
}

# `labels`: factor of the cells, or NULL. `more`: further options of the engine.
macrostates_of <- function(transitions, n.states, labels, n.cells, stability, method, max.states, more) {
  method <- check_choice(method, c("eigengap", "crispness"), "method")
  n.cells <- check_count(n.cells, "n.cells")
  stability <- check_number(stability, "stability", 0, 1)
  options <- merge_options(macrostate_defaults(), c(list(max.states = max.states), more), "")
  most <- if (is.null(n.states)) check_count(options$max.states, "max.states", 2L) else
    check_count(n.states, "n.states", 2L)
  cells <- rownames(transitions)
  walking <- which(walking_cells(plain_steps(transitions)))
  if (length(walking) < 3L) {
    stop_input("transitions", "`transitions`: ", length(walking),
      " cells have steps to go on by; at least 3 are needed.")
  }
  steps <- plain_steps(steps_among(transitions, cells[walking]))
  space <- schur_space(steps, as.integer(min(most + 1L, length(walking))), options, thread_count())
  if (!space$converged) warn_subspace()
  warn_parts(steps)
  tried <- membership_trials(space, n.states, most, method)
  chain <- coarse_chain(steps, tried$best$share, thread_count())
  chain$spans <- walk_spans(Re(space$values), ncol(tried$best$share))
  parts <- macrostate_parts(tried$best, chain, steps, cells, walking, labels, n.cells, stability)
  new_macrostates(c(parts, list(
    criteria = tried$criteria, crispness = tried$best$crispness, transitions = transitions
  )))
}

warn_subspace <- function() {
  rlang::warn("The leading subspace of the transitions was not found to the tolerance; raise `max.restarts`.",
    class = "fatefield_warning_convergence")
}

warn_parts <- function(steps) {
  part <- weak_parts(steps)
  if (max(part) == 1L) {
    return(invisible())
  }
  sizes <- table(part)
  first <- rownames(steps)[match(names(sizes), part)]
  counts <- format(as.vector(sizes), big.mark = ",", trim = TRUE)
  shown <- utils::head(paste0(counts, " with ", vapply(first, quoted, "")), 5L)
  rlang::warn(paste0(
    "The cells fall into ", length(sizes), " parts with no steps between them: ", paste(shown, collapse = ", "),
    if (length(sizes) > 5L) ", ...", ". Their macrostates are found beside one another; mix in the kernel ",
    "\"connectivity\" with more neighbours to join them, or leave a part out."
  ), class = "fatefield_warning_parts")
}

# list(best, criteria). A number between the two values of a pair is passed over.
membership_trials <- function(space, n.states, most, method) {
  values <- space$values
  closed <- max(1L, space$closed, na.rm = TRUE)
  whole <- vapply(seq_along(values), function(k) k == length(values) || !is_pair(values[[k]], values[[k + 1L]]), NA)
  able <- seq_len(min(most, ncol(space$basis)))
  able <- able[able >= max(2L, closed) & whole[able]]
  if (!is.null(n.states)) check_state_number(n.states, closed, values, whole, ncol(space$basis))
  if (length(able) == 0L) {
    stop_input(if (is.null(n.states)) "max.states" else "n.states", "`transitions` have ", closed,
      " parts that nobody leaves and ", ncol(space$basis), " eigenvalues above 0; no number of macrostates fits.")
  }
  wanted <- if (is.null(n.states)) able else n.states
  found <- lapply(wanted, function(k) pcca_memberships(space$basis[, seq_len(k), drop = FALSE], k, thread_count()))
  crispness <- vapply(found, `[[`, 1, "crispness")
  # A group without a cell of its own is none.
  inhabited <- vapply(found, function(m) empty_states(m$share) == 0L, NA)
  gap <- c(-diff(Re(values)), NA)
  score <- if (method == "crispness") crispness else replace(gap, is.na(gap), -1)[wanted]
  best <- which.max(ifelse(inhabited, score, score - 2))
  if (!inhabited[[best]]) warn_empty_states(found[[best]]$share)
  shown <- seq_along(values)
  list(best = found[[best]], criteria = data.frame(
    n.states = shown, eigenvalue = Re(values), imaginary = Im(values), gap = gap,
    crispness = crispness[match(shown, wanted)]
  ))
}

# How many groups no cell belongs to most.
empty_states <- function(share) ncol(share) - length(unique(max.col(share, ties.method = "first")))

warn_empty_states <- function(share) {
  rlang::warn(paste0(
    empty_states(share), " of ", ncol(share), " macrostates have no cell of their own: the ",
    "cells do not tell so many apart. Take another `n.states`; `criteria` of the result shows gaps of the eigenvalues."
  ), class = "fatefield_warning_states")
}

is_pair <- function(a, b) abs(Im(a)) > 1e-8 && abs(a - Conj(b)) < 1e-6

check_state_number <- function(n.states, closed, values, whole, found) {
  if (n.states > found) {
    stop_input("n.states", "`n.states` is ", n.states, ", but only ", found,
      " eigenvalues of the transitions are above 0.")
  }
  if (n.states < closed) {
    stop_input("n.states", "`n.states` is ", n.states, ", but there are ", closed,
      " parts of the cells that nobody leaves, ",
      "each of which is a macrostate.")
  }
  if (!whole[[n.states]]) {
    stop_input("n.states", "`n.states`: ", n.states, " would part the pair of eigenvalues ",
      paste(format(values[n.states + 0:1], digits = 3L), collapse = ", "), "; take ", n.states - 1L, " or ",
      n.states + 1L, ".")
  }
}

# Steps after which eigenvalues have fallen to 1 in 100: list(fast, slow), of the first that is no group's and of the
# second of all. `values`: real parts.
walk_spans <- function(values, k) {
  steps_of <- function(v) if (is.na(v) || v <= 0.01) 1 else ceiling(log(0.01) / log(min(v, 0.999)))
  list(fast = min(steps_of(values[k + 1L]), 1000), slow = min(steps_of(values[2L]), 1000))
}

# How dense walks of `n` steps from all cells alike are at each cell; 1 is the density of the cells.
walk_density <- function(steps, n) {
  out <- rep(1, nrow(steps))
  for (i in seq_len(n)) out <- as.vector(Matrix::crossprod(steps, out))
  out
}

# What is told of the groups. `found`: list(share) of the cells `walking`, of which `steps` are; `chain`:
# list(transitions, stationary, spans).
macrostate_parts <- function(found, chain, steps, cells, walking, labels, n.cells, stability) {
  share <- found$share
  k <- ncol(share)
  top <- max.col(share, ties.method = "first")
  own <- share[cbind(seq_along(top), top)]
  core <- lapply(seq_len(k), function(s) {
    of <- which(top == s)
    of[utils::head(order(-own[of], of), n.cells)]
  })
  back <- divided_rows(Matrix::t(steps))
  in.core <- function(density) vapply(core, function(i) mean(density[i]), 1)
  states <- data.frame(
    kind = "between", cells = tabulate(top, k), core = lengths(core), stability = known_stability(chain$transitions),
    forward = in.core(walk_density(steps, chain$spans$fast)), backward = in.core(walk_density(back, chain$spans$fast)),
    stationary = chain$stationary
  )
  states$kind <- state_kinds(states, in.core(walk_density(back, chain$spans$slow)), stability)
  names <- as.character(seq_len(k))
  if (!is.null(labels)) {
    named <- core_labels(lapply(core, function(i) labels[walking[i]]))
    states <- cbind(states, named[c("label", "purity")])
    names <- named$name
  }
  states <- cbind(state = names, states)
  membership <- matrix(NA_real_, length(cells), k, dimnames = list(cells, names))
  membership[walking, ] <- share
  of <- factor(rep(NA_character_, length(cells)), levels = names)
  of[walking] <- names[top]
  is.core <- logical(length(cells))
  is.core[walking[unlist(core)]] <- TRUE
  between <- chain$transitions
  dimnames(between) <- list(names, names)
  list(states = states, membership = membership, between = between, macrostate = of, core = is.core)
}

# Where groups have much the same cells the transitions between them are not known.
known_stability <- function(transitions) {
  out <- diag(transitions)
  out[out < -0.01 | out > 1.01] <- NA
  pmin(pmax(out, 0), 1)
}

# `origin`: density of the core of each group after long walks back.
state_kinds <- function(states, origin, stability) {
  gathers <- states$forward > 2 * states$backward
  ends <- states$stability >= stability & gathers | states$stability > 1 - 1e-8
  kind <- ifelse(!is.na(ends) & ends, "terminal", "between")
  begins <- which(kind == "between" & states$backward > states$forward & origin > 1)
  if (length(begins) > 0L) kind[begins[which.max(origin[begins])]] <- "initial"
  kind
}

# Names after the most frequent label of each core; of equal ones each gets a number, the purest first.
core_labels <- function(labels) {
  counts <- lapply(labels, table)
  label <- vapply(counts, function(n) if (sum(n) > 0L) names(n)[[which.max(n)]] else NA_character_, "")
  purity <- vapply(counts, function(n) if (sum(n) > 0L) max(n) / sum(n) else NA_real_, 1)
  name <- ifelse(is.na(label), "unlabelled", label)
  for (twice in unique(name[duplicated(name)])) {
    at <- which(name == twice)
    name[at] <- paste(twice, rank(-purity[at], ties.method = "first"))
  }
  list(label = label, purity = purity, name = name)
}
