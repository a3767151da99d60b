# Fates of cells: many futures are simulated, their ends labelled by the nearest labelled cells and
# summed up. Takes an object or a matrix with a model; gives probabilities with standard errors.

#' Predict the fates of cells
#'
#' Each cell's future is simulated `n.sim` times up to the end time, by each member of the model's
#' ensemble.
#' Each end state is labelled by the vote of the `k` nearest reference cells.
#' The labels are summed up into fate probabilities.
#' Simulations that gained mass by growth count for more.
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day")
#' cells <- PredictFate(cells, labels = "state", exclude = "progenitor")
#' PlotFate(cells)
#' ```
#'
#' @details
#' The probability of fate f is (n q_f + a/F) / (n q + a) with n the effective number of
#' simulations, q_f the share of the mass that ended in f, q that which ended in any fate, F the
#' number of fates and a the `prior`.
#' No probability of a simulated cell is exactly 0 or 1: a finite number of simulations cannot tell.
#' Cells that are at the end already are not simulated and have no prior.
#' A cell whose simulations all end outside the fates has equal probabilities and `NA` as its fate.
#'
#' The standard error is that of the posterior, sqrt(p (1 - p) / (n q + a + 1)); for an ensemble it
#' is the larger of that of the mean and the spread between members over the root of their number.
#' For an ensemble the result has `low` and `high` (cells x fates), the 95 % interval of each probability by Student's t
#' of the members: three members know little of their own spread, and their intervals are wide.
#' `summary()` has the root mean square of the `spread` between members.
#'
#' Results depend on the seed and on the cells asked for; they do not depend on the number of
#' threads.
#'
#' @section Ends that meet the observed cells:
#' Where a model pushes cells of one time to a later one, the cloud that arrives is not quite the one that was observed.
#' With `correct = TRUE` the end of each future gets the weight h(end), a function of the state by which the pushed
#' cloud of all cells of the start time becomes the observed one, compared through a kernel as wide as the distance
#' between neighbours.
#' So the fates of all cells of a time have the composition that was observed, and ends far from all cells count little.
#' Where growth is part of the model, cells may have more or fewer descendants for it; else each start keeps its mass.
#' It is exact for the model's own law, but no cure for a wrong one, whose fates it makes surer without making them
#' better: `correction` of the result says how much of the mass
#' was moved (total variation, one row a start time), `probability_plain` holds the fates without.
#' Cells that start or end at times at which fewer than 50 cells of the model were observed are not corrected.
#'
#' @section Fates by plans:
#' With `method = "plan"` labels of the cells of the last time are pushed back, from time to time, through entropic
#' transport plans, which are Schroedinger bridges of a Brownian motion.
#' Labelled reference cells of the last time alone count.
#' `descendants` of the result are the masses at the end of each cell, relative to that of the others of its time.
#'
#' Where there is a model, they are the plans that it was trained on: of its cells, with its noise, reach and growth,
#' one for each noise of its members; `options` change what they name.
#' Else `time` and `reduction` say what lies where, and the defaults are those that serve best without a model.
#' So they are the line to hold a model against: one that does worse has learned less than it was trained on.
#' `plan = TRUE` finds them beside the fates of the model, for a few seconds more: the result then says how far the two
#' are apart, keeps `probability_plan`, and [ScoreFate()] scores both and compares them.
#'
#' @param object A Seurat object, a SingleCellExperiment, a matrix (cells x dims), or trajectories
#'   from [SimulateCells()].
#' @param model A model from [FitSDE()], or the name of one in the object; `NULL` takes the last one
#'   fitted.
#' @param labels Name of the column that holds the labels of the cells, or one label for each cell;
#'   `NA` and `""` mean unlabelled.
#'   `NULL` takes those of [DefineFates()], as it does for `fates`, `exclude`, `reference`, `k`, `weights`, `vote` and
#'   `cutoff`.
#'   For trajectories: the labels of the cells of `reference`.
#' @param cells (names, numbers or TRUE/FALSE) Cells whose fate is predicted; `NULL` takes all.
#' @param n.sim Simulations of each cell and member, default 100: a standard error of at most 0.05,
#'   and of 0.03 for the three members of a model by default.
#' @param time Times of the cells: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#' @param t.start One time at which all cells start, in place of their own.
#' @param t.end End of the simulations in the units of the time column; `NULL` takes the last time
#'   of the training.
#'   Cells already there, or beyond, keep their label with probability 1; unlabelled ones are labelled by the reference
#'   cells near them.
#' @param fates (strings) Labels that count as fates; `NULL` takes all labels of the reference.
#' @param exclude (strings) Labels that are no fates, such as `"Undifferentiated"`.
#'   End states may still be labelled so; that share is reported as `other`.
#' @param reference (names, numbers or TRUE/FALSE) Reference cells, whose labels are given to the futures that end near
#'   them, such as those of the last day; `NULL` takes all labelled cells.
#'   For trajectories: a matrix (cells x dims) of labelled cells, or an object.
#' @param k,weights,vote,cutoff How ends are labelled, see [DefineFates()].
#' @param prior Pseudo-observations shared equally by the fates. Default `r doc_default("fate", "prior")`; 0 gives the
#'   plain fractions.
#' @param compat `"scdiffeq"` labels as the original did: the nearest neighbour is passed over, the
#'   majority wins, nothing is unassigned, fractions are not smoothed, and cells at the end are labelled like all
#'   others.
#' @param store.as Stem of the names under which the result is kept; `NULL` means `"fate"`, or `"fatefield_fate"` where
#'   the object has such a column of your own, which is never overwritten.
#' @param seed.use Seed of the simulations; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param method `"model"` (default): by futures that a model simulates.
#'   `"plan"`: by transport plans between the observed times, without a network and without simulation, see below.
#' @param correct Weigh the ends of futures by the cells that were observed there, see below?
#'   `FALSE` (default) counts all futures alike.
#' @param plan Find the fates by plans, too, and keep them beside those of the model, see below?
#' @param reduction,dims For `method = "plan"` of an object without a model: where cells are, see [FitSDE()].
#' @param options Of plans, a named list of these; `NULL` takes those of the model where it was trained on plans, else
#'   * `r doc_option("plan", "noise")`: variance of the noise over an interval between observed times of the usual
#'     length, as a share of the variance within times (the mean of that of the dimensions, weighted by itself); the
#'     same in all dimensions, but in none more than twice its own.
#'     It means what `bridge.noise` of [TrainOptions()] does.
#'     0 takes the values of the members of a model by default, each for plans of its own, and the mean of their fates.
#'   * `r doc_option("plan", "reach")`: distance, relative to the usual one of two cells of one time, beyond which mass
#'     grows and dies rather than moves; 0 moves all mass.
#'   * `r doc_option("plan", "marginals")`: whose masses give way: `"target"`, only those of the earlier time of a plan,
#'     or `"both"`.
#'   * `r doc_option("plan", "max.cells")`: cells of each time, at most, between which plans are found.
#' @param ... Passed to methods.
#'
#' @return For matrices and trajectories a result of class `fatefield_fate`, see [results], with, among others,
#'   `probability`, `se` and `spread` (cells x fates; `spread` is the standard deviation between
#'   members), `counts` (cells x labels, effective numbers of simulations), `fate` (the most
#'   probable), `entropy` (nats), `unassigned` and `other` (shares of the mass).
#'   For a Seurat object the object with assays `fates` (fates x cells, the probability) and
#'   `fates_se`, and the columns `fate`, `fate_entropy` and `fate_unassigned`; for a
#'   SingleCellExperiment the same as alternative experiments and columns.
#'   Cells not asked for have `NA`.
#'   `GetResult(object, "fates")` gives the whole result.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no such column, cells, label or reduction, too few
#'   labelled cells for `k`, `n.sim` below 1. `fatefield_error_model`: no model, or one of other
#'   dimensions.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations.
#'   Nature Machine Intelligence 7. Weinreb et al. (2020) Lineage tracing on transcriptional
#'   landscapes links state to fate during differentiation. Science 367.
#' @seealso [ScoreFate()], [PlotFate()], [SimulateCells()]
#' @examples
#' # Two heaps of labelled cells, and paths that end in them.
#' walk <- structure(
#'   list(
#'     states = array(c(0, 0, 0, 0, -3, -2.9, 3, 2.8), c(4, 1, 2)), times = c(0, 1),
#'     cell = factor(c("a", "a", "a", "a")), sim = 1:4, member = rep(1L, 4),
#'     log_weights = matrix(0, 4, 2), reduction = NULL, dims = "x"
#'   ),
#'   class = "fatefield_trajectories"
#' )
#' reference <- matrix(c(seq(-3.5, -2.5, 0.1), seq(2.5, 3.5, 0.1)), ncol = 1)
#' PredictFate(walk, labels = rep(c("left", "right"), each = 11), reference = reference, k = 5)
#' @export
PredictFate <- function(object, ...) UseMethod("PredictFate")

#' @rdname PredictFate
#' @export
PredictFate.default <- function(object, model = NULL, labels = NULL, cells = NULL, n.sim = 100L, time = NULL,
                                t.start = NULL, t.end = NULL, fates = NULL, exclude = NULL, reference = NULL, k = NULL,
                                weights = NULL, vote = NULL, cutoff = NULL, prior = NULL, compat = NULL,
                                seed.use = 42L, threads = NULL, verbose = TRUE, method = "model", correct = FALSE,
                                plan = FALSE, reduction = NULL, dims = NULL, options = NULL, ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(PredictFate.default)), ...)
  if (check_choice(method, c("model", "plan"), "method") == "plan") {
    return(call_worker(predict_by_plan))
  }
  check_flag(plan, "plan")
  for (unused in c("reduction", "dims", if (!plan) "options")) {
    if (!is.null(get(unused))) stop_input(unused, "`", unused, "` is for `method = \"plan\"`.")
  }
  model <- choose_model(object, model)
  x <- model_coordinates(object, model)
  end <- if (is.null(t.end)) max(model$times) else nearest_known(check_number(t.end, "t.end"), model$times)
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff, prior, compat)
  beside <- if (plan) call_worker(predict_by_plan, model = model)
  result <- predict_fates(
    x, model_engines(model), end, starts = cell_starts(object, model, time, t.start, x),
    cells = check_cells(cells, rownames(x)), n.sim = check_count(n.sim, "n.sim"), definition = definition,
    seed = seed_from(seed.use), verbose = check_flag(verbose, "verbose"),
    correction = if (check_flag(correct, "correct")) correction_source(model, x, end, definition$published)
  )
  if (plan) with_plan(result, beside) else result
}

#' @rdname PredictFate
#' @export
PredictFate.Seurat <- function(object, model = NULL, labels = NULL, cells = NULL, n.sim = 100L, time = NULL,
                               t.start = NULL, t.end = NULL, fates = NULL, exclude = NULL, reference = NULL, k = NULL,
                               weights = NULL, vote = NULL, cutoff = NULL, prior = NULL, compat = NULL,
                               seed.use = 42L, threads = NULL, verbose = TRUE, method = "model", correct = FALSE,
                               plan = FALSE, reduction = NULL, dims = NULL, options = NULL, store.as = NULL, ...) {
  store.as <- store_name(object, store.as, "fate", fate_columns, fate_assays)
  model <- if (identical(method, "plan")) plan_model(object, model, reduction) else choose_model(object, model)
  result <- call_worker(PredictFate.default, ...)
  if (is.null(stored_definition(object))) {
    object <- DefineFates(object, labels, fates, exclude, reference, k, weights, vote, cutoff)
  }
  inputs <- fate_inputs(object, model, reduction, dims)
  log_call(store_fate(object, result, store.as, inputs, result$column), "PredictFate")
}

#' @rdname PredictFate
#' @export
PredictFate.SingleCellExperiment <- PredictFate.Seurat

#' @rdname PredictFate
#' @export
PredictFate.fatefield_trajectories <- function(object, labels = NULL, reference = NULL, t.end = NULL, fates = NULL,
                                               exclude = NULL, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                                               prior = NULL, compat = NULL, threads = NULL, ...) {
  local_threads(threads)
  check_no_dots(names(formals(PredictFate.fatefield_trajectories)), ...)
  if (is.null(reference)) {
    stop_input("reference", "`reference` is needed: the labelled cells, a matrix (cells x dims) or an object.")
  }
  cells <- background_cells(object, reference, "reference")
  definition <- fate_definition(reference, labels, fates, exclude, NULL, k, weights, vote, cutoff, prior, compat)
  object <- near_trajectories(object)
  votes <- fate_references(cells, definition)
  keep <- which(levels(object$cell) %in% object$cell)
  names <- levels(object$cell)[keep]
  at <- if (is.null(t.end)) length(object$times) else which.min(abs(object$times - check_number(t.end, "t.end")))
  shares <- lapply(split(seq_along(object$cell), object$member), function(rows) {
    fate_shares(
      votes$references$index, states_at(object, object$times[[at]])[rows, , drop = FALSE], object$log_weights[rows, at],
      match(object$cell[rows], names), length(names), thread_count()
    )
  })
  new_fate(unname(shares), names, votes, definition)
}

# The engine's side of things, apart from where models and cells come from.
# `x`: all cells x dims. `engines`: one function per member that gives an engine. `starts`: one time per cell. `cells`:
# numbers of the cells to predict. `definition`: see fate_definition(). `noise.sd`: noise instead of the learned one.
# `correction`: see correction_source(), NULL for none.
predict_fates <- function(x, engines, end, starts, cells, n.sim, definition, seed, verbose = FALSE, noise.sd = NULL,
                          correction = NULL) {
  check_future_memory(n.sim, ncol(x))
  votes <- fate_references(x, definition)
  # Cells that start together are simulated together; the order is part of the seed's meaning.
  cells <- cells[order(starts[cells], cells)]
  tick <- progress_bar(length(cells) * length(engines), "Predicting fates", verbose)
  at <- correctable(correction, starts[cells], end)
  workers <- if (length(engines) > 1L) plan_workers() else 1L
  work <- fates_worker(x, engines, starts[cells], end, cells, n.sim, definition, seed, noise.sd, correction, at,
    if (workers == 1L) votes)
  ran <- plan_chunks(seq_along(engines), work, function(n) tick(n * length(cells)),
    function(member, done) tick((member - 1L) * length(cells) + done), workers = workers)
  if (!ran$whole) rlang::interrupt()
  found <- ran$results
  arrived <- starts[cells] >= end
  own <- function(shares) {
    if (definition$published) shares else
      lapply(shares, keep_labels, definition$labels[cells], arrived, votes$references$labels)
  }
  shares <- lapply(found, `[[`, "shares")
  more <- if (length(at) > 0L) {
    plain <- own(lapply(shares, `[[`, "plain"))
    list(probability_plain = new_fate(plain, rownames(x)[cells], votes, definition, arrived)$probability)
  }
  shares <- own(shares)
  more$correction <- correction_table(correction, starts[cells], end, at, lapply(found, `[[`, "moved"))
  result <- new_fate(
    shares, rownames(x)[cells], votes, definition, arrived,
    c(list(
      n.sim = n.sim, time = end, seed = seed, starts = stats::setNames(starts[cells], rownames(x)[cells]),
      definition = definition_digest(definition, votes$references$labels[votes$counted], rownames_or_numbers(x))
    ), more)
  )
  result[rownames(x)[sort(cells)]]
}

# A function of the number of a member: list(shares, moved) of the cells. `votes`: of this session, NULL to make them
# where it runs.
fates_worker <- function(x, engines, starts, end, cells, n.sim, definition, seed, noise.sd, correction, at, votes) {
  force_all(x, engines, starts, end, cells, n.sim, definition, seed, noise.sd, correction, at, votes)
  function(member, tick) {
    if (is.null(votes)) votes <- fate_references(x, definition)
    engine <- engines[[member]]()
    own <- seed + member - 1
    ends <- member_weights(engine, correction, at, end, own)
    shares <- engine$fates(
      votes$references$index, x[cells, , drop = FALSE], starts, end,
      c(list(n.sim = n.sim, seed = own, noise.sd = noise.sd), ends[c("weights", "weight.times")]), tick
    )
    list(shares = shares, moved = ends$moved)
  }
}

# A labelled cell that is at the end already keeps its label: nothing about it is open.
keep_labels <- function(shares, labels, arrived, known) {
  own <- match(as.character(labels), known)
  rows <- which(arrived & !is.na(own))
  shares$share[rows, ] <- 0
  shares$share[cbind(rows, own[rows])] <- 1
  shares
}

label_column <- function(object, labels) {
  if (is.null(labels)) stop_labels()
  check_labels(cell_column(object, labels, "labels"), "labels")
}

stop_labels <- function() {
  stop_input("labels", "`labels` is needed: which cells are known to be what.")
}

# Options of the vote and of the summary, the core's defaults where NULL.
vote_options <- function(k, weights, vote, cutoff, prior, compat) {
  if (!is.null(k)) k <- check_count(k, "k")
  if (!is.null(weights)) weights <- check_choice(weights, c("uniform", "distance"), "weights")
  if (!is.null(vote)) vote <- check_choice(vote, c("soft", "majority"), "vote")
  if (!is.null(cutoff)) cutoff <- check_number(cutoff, "cutoff", min = 0)
  if (identical(compat, "scdiffeq") && is.null(prior)) prior <- 0
  if (!is.null(prior)) prior <- check_number(prior, "prior", min = 0)
  list(
    label = merge_options(label_defaults(), list(
      k = k, weights = weights, vote = vote, cutoff.factor = cutoff, compat = compat
    ), ""),
    fate = merge_options(fate_defaults(), list(prior = prior), "")
  )
}

# The labelled cells of `reference`, ready to vote. `x`: all cells x dims, `labels`: their factor.
label_references <- function(x, labels, reference, options) {
  chosen <- check_cells(reference, rownames_or_numbers(x), "reference")
  chosen <- chosen[!is.na(labels[chosen])]
  if (length(chosen) == 0L) {
    stop_input("reference", "`reference`: none of these cells has a label.")
  }
  voting <- droplevels(labels[chosen])
  list(
    index = label_index(
      x[chosen, , drop = FALSE], as.integer(voting), nlevels(voting), options$label, thread_count()
    ),
    labels = levels(voting), known = levels(labels)
  )
}

rownames_or_numbers <- function(x) {
  if (is.null(rownames(x))) as.character(seq_len(nrow(x))) else rownames(x)
}

# Codes of the labels that count as fates. A label that no reference cell has may be excluded all the same.
which_fates <- function(references, fates = NULL, exclude = NULL) {
  labels <- references$labels
  wanted <- if (is.null(fates)) labels else check_among(fates, labels, "fates")
  if (!is.null(exclude)) wanted <- setdiff(wanted, check_among(exclude, references$known, "exclude"))
  if (length(wanted) < 2L) {
    argument <- if (is.null(fates) && is.null(exclude)) "labels" else
      if (is.null(exclude)) "fates" else "exclude"
    stop_input(
      argument, "`", argument, "` leaves ", length(wanted), " fate", if (length(wanted) != 1L) "s",
      " (", quoted(wanted), "); at least 2 are needed."
    )
  }
  match(wanted, labels)
}

check_among <- function(x, present, argument) {
  lost <- setdiff(as.character(x), present)
  if (length(lost) > 0L) {
    stop_input(
      argument, "`", argument, "`: no labelled cell is ", quoted(lost[[1L]]), "; the labels are ",
      quoted(present), ".", near(lost[[1L]], present)
    )
  }
  unique(as.character(x))
}
