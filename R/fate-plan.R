# Fates by transport plans between the observed times, without a network. Takes an object or a matrix with times, with
# or without a model; gives what PredictFate() gives.

# The arguments are those of PredictFate().
predict_by_plan <- function(object, model = NULL, labels = NULL, cells = NULL, time = NULL, t.start = NULL,
                            t.end = NULL, fates = NULL, exclude = NULL, reference = NULL, k = NULL, weights = NULL,
                            vote = NULL, cutoff = NULL, prior = NULL, compat = NULL, seed.use = NULL,
                            reduction = NULL, dims = NULL, options = NULL) {
  options <- merge_options(plan_defaults(), options)
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff, prior, compat)
  plan_shares(plan_cells(object, model, reduction, dims, time, t.start), t.end, cells, definition, options,
    seed_from(seed.use))
}

# list(x, times, starts) of all cells: coordinates, the times of those between which plans are found (NA for others),
# and when each cell starts.
plan_cells <- function(object, model, reduction, dims, time, t.start) {
  model <- plan_model(object, model, reduction)
  if (is.null(model)) {
    x <- embedding(object, reduction, dims)
    if (is.null(time)) {
      stop_input("time", "`time` is needed where there is no model: a column, or one value for each cell.")
    }
    times <- as.numeric(check_times(cell_column(object, time, "time"), "time", nrow(x)))
    starts <- if (is.null(t.start)) times else rep(check_number(t.start, "t.start"), nrow(x))
    return(list(x = x, times = times, starts = starts))
  }
  if (!is.null(dims)) stop_input("dims", "`dims` are those of the model; leave them out, or name a `reduction`.")
  x <- model_coordinates(object, model)
  times <- if (has_own_times(model) && is.null(time)) known_times(model, x) else cell_starts(object, model, time, x = x)
  if (has_own_times(model)) times[is.na(known_times(model, x))] <- NA
  list(x = x, times = times, starts = cell_starts(object, model, time, t.start, x))
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

plan_shares <- function(space, t.end, cells, definition, options, seed) {
  far <- which(!is.na(space$times))[far_cells(
    space$x[!is.na(space$times), , drop = FALSE], space$times[!is.na(space$times)]
  )]
  warn_far_cells(rownames_or_numbers(space$x)[far], "the plans")
  space$times[far] <- NA
  votes <- fate_references(space$x, definition)
  names <- rownames_or_numbers(space$x)
  end <- plan_end(t.end, space$times)
  cells <- check_cells(cells, names)
  cells <- cells[order(space$starts[cells], cells)]
  x <- space$x[cells, , drop = FALSE]
  starts <- space$starts[cells]
  arrived <- starts >= end
  among <- which(space$times <= end)
  codes <- match(as.character(definition$labels), votes$references$labels)
  codes[-check_cells(definition$reference, names, "reference")] <- NA
  known <- votes$references$labels
  found <- list(
    share = matrix(0, length(cells), length(known) + 1L), effective = rep(1, length(cells)),
    descendants = rep(NA_real_, length(cells))
  )
  if (any(arrived)) {
    p <- label_states(votes$references$index, x[arrived, , drop = FALSE], thread_count())$probability
    found$share[arrived, ] <- cbind(p, 1 - rowSums(p))
    found <- keep_labels(found, definition$labels[cells], arrived, known)
  }
  if (!all(arrived)) {
    pushed <- plan_fates(
      space$x[among, , drop = FALSE], space$times[among], codes[among], length(known), x[!arrived, , drop = FALSE],
      starts[!arrived], options, seed, thread_count()
    )
    found$share[!arrived, ] <- pushed$share
    found$effective[!arrived] <- pushed$effective
    found$descendants[!arrived] <- pushed$descendants
  }
  result <- new_fate(
    list(found), rownames(space$x)[cells], votes, definition, arrived,
    list(
      method = "plan", time = end, seed = seed, starts = stats::setNames(starts, names[cells]),
      descendants = stats::setNames(found$descendants, names[cells]), options = options,
      plan.times = table(space$times[among]),
      definition = definition_digest(definition, known[votes$counted], names)
    )
  )
  result[rownames(space$x)[sort(cells)]]
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
