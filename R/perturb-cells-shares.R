# From an object and a model to the shares of fates of arms of start cells: what PerturbCells(), DoseResponse() and
# ScreenPerturbations() share. An arm is described in R/futures.R.

# list(space, futures, definition, voting, fates, seed, model, settings): everything but what is done to genes.
# `source`: where genes come from, list(assay, loadings, center, scale, expression) as for gene_space(). `given`:
# options of the integration of a field. `correct`, `shared`: see futures_of().
perturb_context <- function(object, model, definition, cells, n.sim, time, t.start, t.end, source, seed.use,
                            given = list(), correct = FALSE, shared = FALSE) {
  model <- choose_model(object, model, type = c("sde", "field"))
  force(definition)
  correct <- check_flag(correct, "correct")
  futures <- futures_of(object, model, cells, time, t.start, t.end, n.sim, given, correct, shared)
  space <- do.call(gene_space, c(list(object, model), source), quote = TRUE)
  votes <- fate_references(futures$places, definition)
  context <- list(
    space = space, futures = futures, definition = definition, voting = votes$references$labels, fates = votes$counted,
    seed = seed_from(seed.use), model = model
  )
  c(context, list(settings = context_settings(context, given)))
}

# What an answer depends on but for what is done to genes, by the names of arguments; values are compared, not names.
context_settings <- function(context, given) {
  space <- context$space
  futures <- context$futures
  settings <- list(
    model = model_digest(context$model), cells = rlang::hash(unname(start_states(context))), n.sim = futures$n.sim,
    t.start = futures$start, t.end = futures$end,
    labels = definition_digest(context$definition, fate_names(context), rownames_or_numbers(futures$x)),
    loadings = rlang::hash(space[c("genes", "loadings", "centre", "scale")]),
    seed.use = context$seed, `...` = rlang::hash(given[sort(names(given))])
  )
  c(settings, if (!is.null(futures$correction)) list(correct = TRUE))
}

# Names of the settings in which two answers differ.
other_settings <- function(one, two) {
  names <- union(names(one), names(two))
  names[!vapply(names, function(name) identical(one[[name]], two[[name]]), logical(1))]
}

# The labelled cells, made anew: pointers do not outlive a call nor reach other processes.
context_references <- function(context) fate_references(context$futures$places, context$definition)$references

context_cells <- function(context) rownames_or_numbers(context$futures$x)[context$futures$cells]

fate_names <- function(context) context$voting[context$fates]

start_states <- function(context) context$futures$x[context$futures$cells, , drop = FALSE]

# Probabilities of the fates among those that end in one, starts x fates; NA where none does.
fate_probability <- function(share, fates) {
  p <- share[, fates, drop = FALSE]
  total <- rowSums(p)
  p / ifelse(total > 0, total, NA)
}

# Shares of the mass that ends in no fate: starts x c(other, unassigned).
no_fate <- function(share, fates) {
  unassigned <- share[, ncol(share)]
  cbind(other = pmax(1 - rowSums(share[, fates, drop = FALSE]) - unassigned, 0), unassigned = unassigned)
}

# The members of the model, opened with their seeds.
opened_members <- function(context) {
  lapply(seq_along(context$futures$members), function(m) context$futures$members[[m]](context$seed + m - 1))
}

# A function of arms: list(found, moved), by member what the engine finds of each arm, and how far its ends were moved.
arms_worker <- function(context, first) {
  force_all(context, first)
  function(arms, tick) {
    references <- context_references(context)
    members <- opened_members(context)
    found <- lapply(seq_along(members), function(m) {
      members[[m]]$shares(
        references, arms, context$seed + m - 1, first && m == 1L, function(done) tick(m, done)
      )
    })
    list(found = found, moved = lapply(members, `[[`, "moved"))
  }
}

# Arms through all members: list(probability, lost) with one array per arm, cells x fates x members and cells x
# c(other, unassigned) x members, `first`, labels of the first future (cells x arms) of the first member, and
# `correction`, see correction_of().
run_arms <- function(context, arms, verbose, label = "Perturbing cells", first = FALSE) {
  each <- length(arms) * length(context$futures$cells)
  tick <- progress_bar(length(context$futures$members) * each, label, verbose)
  most <- ceiling(length(arms) / plan_workers())
  pieces <- unname(split(arms, (seq_along(arms) - 1L) %/% most))
  ran <- plan_chunks(
    pieces, arms_worker(context, first), function(n) tick(n / length(pieces) * length(context$futures$members) * each),
    function(i, m, done) tick((m - 1L) * each + done)
  )
  if (!ran$whole) rlang::interrupt()
  found <- lapply(seq_along(context$futures$members), function(m) {
    unlist(lapply(ran$results, function(part) part$found[[m]]), recursive = FALSE)
  })
  names <- list(context_cells(context), fate_names(context), NULL)
  stacked <- function(a, f, columns) {
    each <- lapply(found, function(member) f(member[[a]]$share, context$fates))
    array(unlist(each), c(length(names[[1L]]), length(columns), length(each)), list(names[[1L]], columns, NULL))
  }
  list(
    probability = lapply(seq_along(arms), stacked, f = fate_probability, columns = names[[2L]]),
    lost = lapply(seq_along(arms), stacked, f = no_fate, columns = c("other", "unassigned")),
    first = if (first) {
      codes <- vapply(found[[1L]], `[[`, integer(length(names[[1L]])), "first")
      matrix(context$voting[codes], ncol = length(arms))
    },
    correction = correction_of(context, ran$results[[1L]]$moved)
  )
}

# By how much the ends of all arms were corrected, see correction_table(); NULL where that was not asked for.
correction_of <- function(context, moved) {
  futures <- context$futures
  correction_table(futures$correction, rep(futures$start, length(futures$cells)), futures$end, futures$at, moved)
}

# How far starts are from the cells: mean distance to the k nearest over the 0.99 quantile of that of the cells.
off_manifold <- function(context, states, k = 20L) {
  places <- context$futures$places
  k <- min(k, nrow(places) - 1L)
  own <- rowMeans(knn_self(places, k, knn_defaults(), thread_count())$distance)
  edge <- stats::quantile(own, 0.99, names = FALSE)
  at <- unname(context$futures$coordinates(states))
  d <- rowMeans(knn_query(places, at, k, knn_defaults(), thread_count())$distance)
  list(share = mean(d > edge), distance = stats::median(d) / edge)
}

# Shares of starts beyond which there is a warning.
most_off <- 0.2

warn_off_manifold <- function(off, what) {
  if (off$share <= most_off) {
    return(invisible())
  }
  rlang::warn(
    paste0(
      format(100 * off$share, digits = 3L), " % of the perturbed starts (", what, ") are farther from the cells ",
      "than 99 % of the cells are from each other (median ", format(off$distance, digits = 3L),
      " times that far). What the model says there is extrapolation: take a value that cells have, such as ",
      "`at = 0.99, units = \"quantile\"`."
    ),
    class = "fatefield_warning_manifold"
  )
}
