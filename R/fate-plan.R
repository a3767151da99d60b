# Fates by transport plans between the observed times, without a network. Takes an object or a matrix with times, with
# or without a model; gives what PredictFate() gives.

# The arguments are those of PredictFate().
predict_by_plan <- function(object, model = NULL, labels = NULL, cells = NULL, time = NULL, t.start = NULL,
                            t.end = NULL, fates = NULL, exclude = NULL, reference = NULL, k = NULL, weights = NULL,
                            vote = NULL, cutoff = NULL, prior = NULL, compat = NULL, seed.use = NULL,
                            reduction = NULL, dims = NULL, options = NULL) {
  merge_options(plan_defaults(), options)
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff, prior, compat)
  model <- plan_model(object, model, reduction)
  space <- plan_cells(object, model, reduction, dims, time, t.start)
  plan_shares(space, t.end, cells, definition, plan_options(model, options, space), seed_from(seed.use))
}

# list(x, times, starts, rates, own) of all cells: coordinates, the times of those between which plans are found (NA for
# others, those far from all others among them), when each cell starts, its given growth (or none); `own`: are these the
# plans of a model?
plan_cells <- function(object, model, reduction, dims, time, t.start) {
  if (is.null(model)) {
    x <- embedding(object, reduction, dims)
    if (is.null(time)) {
      stop_input("time", "`time` is needed where there is no model: a column, or one value for each cell.")
    }
    times <- as.numeric(check_times(cell_column(object, time, "time"), "time", nrow(x)))
    starts <- if (is.null(t.start)) times else rep(check_number(t.start, "t.start"), nrow(x))
    return(list(x = x, times = without_far_cells(times, x), starts = starts, rates = numeric(), own = FALSE))
  }
  if (!is.null(dims)) stop_input("dims", "`dims` are those of the model; leave them out, or name a `reduction`.")
  x <- model_coordinates(object, model)
  times <- if (has_own_times(model) && is.null(time)) known_times(model, x) else cell_starts(object, model, time, x = x)
  times <- if (has_own_times(model)) {
    replace(times, is.na(trained_times(model, x)), NA)
  } else {
    without_far_cells(times, x)
  }
  list(
    x = x, times = times, starts = cell_starts(object, model, time, t.start, x), rates = known_rates(model, x),
    own = has_bridge(model$config)
  )
}

# The times with NA for cells so far from all others that plans of them would be of those alone.
without_far_cells <- function(times, x) {
  known <- which(!is.na(times))
  far <- known[far_cells(x[known, , drop = FALSE], times[known])]
  warn_far_cells(rownames_or_numbers(x)[far], "the plans")
  replace(times, far, NA)
}

# The model whose cells and times are taken, or NULL where there is none or another reduction is asked for.
plan_model <- function(object, model, reduction) {
  if (!is.null(model)) {
    return(choose_model(object, model))
  }
  holds <- if (!is_plain_matrix(object)) tool_names(object, "models")
  sde <- any(vapply(holds, function(name) identical(tool(object, "models", name)$type, "sde"), logical(1)))
  if (is.null(reduction) && sde) choose_model(object)
}

# One list of options a plan: those of the plans that the model was trained on, as many as its members have noises;
# where there are none, the defaults, with the noises of the members of a model by default. What the user gives rules.
# `space`: see plan_cells().
plan_options <- function(model, given, space) {
  own <- if (has_bridge(model$config)) own_plan_options(model, space) else usual_plan_options()
  if (identical(as.numeric(given$noise), 0)) given$noise <- NULL
  unique(lapply(own, function(o) merge_options(plan_defaults(), utils::modifyList(o, as.list(given)))))
}

usual_plan_options <- function() {
  config <- train_defaults("none")
  lapply(bridge_noises(config, train_members(config)), function(noise) list(noise = noise))
}

own_plan_options <- function(model, space) {
  config <- model$config
  free <- isTRUE(config$growth) || config$reach > 0
  reach <- if (!free) 0 else if (config$reach > 0) relative_reach(config$reach, space) else config$bridge.reach
  lapply(bridge_noises(config, length(model$states)), function(noise) {
    list(noise = noise, reach = reach, marginals = config$bridge.marginals)
  })
}

# A length in the scaled units of a model, relative to the usual distance of two cells of one time.
relative_reach <- function(reach, space) {
  known <- !is.na(space$times)
  x <- space$x[known, , drop = FALSE]
  reach * sqrt(mean(apply(x, 2L, stats::var))) / usual_distance(x, space$times[known])
}

# Growth rates that the model was given, of all cells `x`; others are taken for usual ones.
known_rates <- function(model, x) {
  if (is.null(model$growth.rates) || !has_own_times(model)) {
    return(numeric())
  }
  rates <- model$growth.rates[match_inputs(model$source, input_of("coordinates", x))$at]
  replace(rates, is.na(rates), mean(model$growth.rates))
}

# `plans`: one list of options each; members of the result are plans.
plan_shares <- function(space, t.end, cells, definition, plans, seed) {
  votes <- fate_references(space$x, definition)
  names <- rownames_or_numbers(space$x)
  end <- plan_end(t.end, space$times)
  cells <- check_cells(cells, names)
  cells <- cells[order(space$starts[cells], cells)]
  starts <- space$starts[cells]
  arrived <- starts >= end
  codes <- match(as.character(definition$labels), votes$references$labels)
  codes[-check_cells(definition$reference, names, "reference")] <- NA
  found <- lapply(plans, function(options) {
    one_plan(space, end, cells, arrived, codes, votes$references, definition$labels, options, seed)
  })
  result <- new_fate(
    found, rownames(space$x)[cells], votes, definition, arrived,
    list(
      method = "plan", time = end, seed = seed, starts = stats::setNames(starts, names[cells]),
      descendants = stats::setNames(rowMeans(vapply(found, `[[`, starts, "descendants")), names[cells]),
      options = utils::modifyList(plans[[1L]], list(noise = vapply(plans, `[[`, 0, "noise"))), own = space$own,
      plan.times = table(space$times[which(space$times <= end)]),
      definition = definition_digest(definition, votes$references$labels[votes$counted], names)
    )
  )
  result[rownames(space$x)[sort(cells)]]
}

# list(share, effective, descendants) of `cells` by one plan. `codes`: labels of all cells, NA for those that do not
# count.
one_plan <- function(space, end, cells, arrived, codes, references, labels, options, seed) {
  known <- references$labels
  among <- which(space$times <= end)
  x <- space$x[cells, , drop = FALSE]
  found <- list(
    share = matrix(0, length(cells), length(known) + 1L), effective = rep(1, length(cells)),
    descendants = rep(NA_real_, length(cells))
  )
  if (any(arrived)) {
    p <- label_states(references$index, x[arrived, , drop = FALSE], thread_count())$probability
    found$share[arrived, ] <- cbind(p, 1 - rowSums(p))
    found <- keep_labels(found, labels[cells], arrived, known)
  }
  if (!all(arrived)) {
    rates <- function(of) if (length(space$rates) > 0L) space$rates[of] else numeric()
    pushed <- plan_fates(
      space$x[among, , drop = FALSE], space$times[among], codes[among], length(known), x[!arrived, , drop = FALSE],
      space$starts[cells[!arrived]], rates(among), rates(cells[!arrived]), options, seed, thread_count()
    )
    found$share[!arrived, ] <- pushed$share
    found$effective[!arrived] <- pushed$effective
    found$descendants[!arrived] <- pushed$descendants
  }
  found
}

# The observed time at which labels are known.
plan_end <- function(t.end, times) {
  seen <- sort(unique(times))
  if (is.null(t.end)) {
    return(max(seen))
  }
  end <- nearest_known(check_number(t.end, "t.end"), seen)
  if (!end %in% seen[-1L]) {
    stop_input("t.end", "`t.end` is ", format(end), ", but plans end at an observed time after the first: ",
      paste(format(seen[-1L]), collapse = ", "), ".")
  }
  end
}

# The fates `model` with those of the same cells by a plan beside them.
with_plan <- function(model, plan) {
  model$probability_plan <- plan$probability[rownames(model$probability), colnames(model$probability), drop = FALSE]
  model
}

# How far a model is from its plan, for results of the same cells and fates: list(distance, top, cells), the mean total
# variation distance of the fates of cells that both have to go on, and the share of these with the same fate on top.
plan_agreement <- function(model, plan) {
  one <- model$probability
  two <- plan$probability
  cells <- Reduce(intersect, list(rownames(one), rownames(two), names(which(plan$starts < plan$time))))
  fates <- union(colnames(one), colnames(two))
  spread_out <- function(p) {
    full <- matrix(0, length(cells), length(fates), dimnames = list(cells, fates))
    full[, colnames(p)] <- p[cells, , drop = FALSE]
    full
  }
  one <- spread_out(one)
  two <- spread_out(two)
  list(
    distance = mean(rowSums(abs(one - two)) / 2), top = mean(rowSums(top_shares(one) * top_shares(two))),
    cells = length(cells)
  )
}

# What fates with those of a plan beside them say of it; NULL without.
agreement_text <- function(x) {
  if (is.null(x$probability_plan)) {
    return(NULL)
  }
  agreement <- plan_agreement(x, list(probability = x$probability_plan, starts = x$starts, time = x$time))
  if (agreement$cells == 0L) {
    return(NULL)
  }
  paste0("beside plans: mean distance of fates (total variation) ", format(agreement$distance, digits = 2L),
    ", the same fate on top in ", format(100 * agreement$top, digits = 2L), " % of cells")
}
