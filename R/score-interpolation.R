# How good predicted cells of a left-out time are, beside what needs no model. Takes an object or a
# matrix with times, and models or states; gives a table of distances to the observed cells, each
# from repeated draws of the same number of cells.

#' Score the prediction of a left-out time
#'
#' Compares predicted with observed cells of a time that was kept out of the training, and with
#' lines that need no model, all drawn to the same number of cells:
#'
#' * `noise floor`: other observed cells of the same time.
#'   Fresh cells are no nearer than this, so a prediction that is nearer in one score and off in
#'   the variance ratios has shrunk rather than hit.
#' * `earlier cells`, `later cells`: the cells of the nearest other times, unchanged.
#' * `McCann`: earlier and later cells paired by exact optimal transport, each pair at its share of
#'   the way (displacement interpolation).
#'
#' @section Basic use:
#' ```
#' cells <- FitSDE(cells, time = "day", cells = which(cells$day != 2))
#' scores <- ScoreInterpolation(cells, t.out = 2)
#' plot(scores)
#' ```
#' @section Scores:
#' In the units of the reduction:
#'
#' * `sinkhorn.0.05`, `sinkhorn.0.1`: Sinkhorn divergence at `blur` 0.05 with `scaling` 0.5 and at
#'   0.1 with 0.7, as published methods report it; near half the squared distance W2.
#' * `W1`, `W2`: exact Wasserstein distances.
#' * `energy`: debiased energy distance; 0 on average for cells of the same distribution, whatever
#'   their number.
#' * `sliced`: root of the mean squared W2 along the axes and random lines.
#' * `variance.min`, `variance.median`, `variance.max`, `variance.total`: variance of the predicted
#'   over that of the observed cells, over dimensions, and of all dimensions together; 1 is right.
#'
#' @param object A Seurat object, a SingleCellExperiment or a matrix (cells x dims).
#' @param t.out The time that was left out, in the units of the time column.
#' @param model What is to be scored: a model from [FitSDE()], the name of one in the object, an
#'   interpolation from [InterpolateTime()], a matrix of predicted states (states x dims), or a named
#'   list of these; `NULL` takes the object's last model.
#' @param time Times of the cells: a column, or one value for each cell; `NULL` takes those that the model has of
#'   them.
#' @param reduction,dims Where no model says it: reduction and dimensions of the observed cells;
#'   `NULL` takes the PCA, and all dimensions.
#' @param n.cells Cells drawn of each, at most; fewer where a time has less (the observed cells are
#'   parted in two for the noise floor).
#' @param n.repeats Draws; the table has mean and standard deviation over them.
#' @param blur,scaling Settings of the Sinkhorn divergence, as many of the one as of the other.
#' @param slices Random lines of `sliced`.
#' @param n.sim Simulations of each start cell, see [InterpolateTime()].
#' @param seed.use Seed of simulations and draws; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone, see [SimulateCells()].
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return A data.frame of class `fatefield_interpolation_scores`, see [results]: one row for each predictor, with
#'   columns `predictor`, `cells` (drawn) and each score followed by its standard deviation over the
#'   draws (`W1`, `W1_sd`, ...).
#'   `summary()` gives the main ones, with `excess`: 0 for a prediction as near as fresh cells of the same time, 1 for
#'   one as far as the earlier cells, both by W2.
#'   Attributes: `time`, `earlier`, `later` (`NA` where there is none), `repeats`, and `seen`, the
#'   names of models that were trained on cells of this time.
#' @section Errors:
#' `fatefield_error_input`: no or too few cells at `t.out`, none earlier, models or states of
#' other dimensions; `fatefield_error_model`: no model.
#' @references McCann (1997) A convexity principle for interacting gases. Advances in Mathematics.
#' @seealso [InterpolateTime()], [OTDistance()] for each distance alone.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' days <- sort(unique(cells$day))
#' cells <- FitSDE(
#'   cells, time = "day", reduction = "latent", cells = which(cells$day != days[2]), updates = 20,
#'   verbose = FALSE
#' )
#' scores <- ScoreInterpolation(cells, t.out = days[2], n.repeats = 2, verbose = FALSE)
#' scores
#' plot(scores)
#' @export
ScoreInterpolation <- function(object, ...) UseMethod("ScoreInterpolation")

#' @rdname ScoreInterpolation
#' @export
ScoreInterpolation.default <- function(object, t.out, model = NULL, time = NULL, reduction = NULL, dims = NULL,
                                       n.cells = 1000L, n.repeats = 5L, blur = c(0.05, 0.1), scaling = c(0.5, 0.7),
                                       slices = 100L, n.sim = NULL, seed.use = 42L, threads = NULL, verbose = TRUE,
                                       ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(ScoreInterpolation.default)), ...)
  seed <- seed_from(seed.use)
  check_flag(verbose, "verbose")
  settings <- interpolation_settings(n.cells, n.repeats, blur, scaling, slices, seed)
  predictors <- interpolation_predictors(object, model)
  known <- observed_cells(object, predictors, time, reduction, dims)
  around <- times_around(interpolated_time(t.out, known$time), known, predictors)
  clouds <- lapply(around[!is.na(around)], function(at) {
    known$x[known$time == at, , drop = FALSE]
  })
  pools <- lapply(predictors, predicted_pool, object, known, around[["out"]], n.sim, seed)
  settings$n <- drawn_cells(settings$n, clouds)
  scored <- score_pools(pools, clouds, time_share(around), settings, verbose)
  seen <- vapply(pools, function(p) isTRUE(p$seen), logical(1))
  interpolation_table(scored, settings, around, names(pools)[seen])
}

#' @rdname ScoreInterpolation
#' @export
ScoreInterpolation.Seurat <- function(object, t.out, model = NULL, time = NULL, reduction = NULL, dims = NULL,
                                      n.cells = 1000L, n.repeats = 5L, blur = c(0.05, 0.1), scaling = c(0.5, 0.7),
                                      slices = 100L, n.sim = NULL, seed.use = 42L, threads = NULL, verbose = TRUE,
                                      ...) {
  call_worker(ScoreInterpolation.default, ...)
}

#' @rdname ScoreInterpolation
#' @export
ScoreInterpolation.SingleCellExperiment <- ScoreInterpolation.Seurat

interpolation_settings <- function(n.cells, n.repeats, blur, scaling, slices, seed) {
  if (!is.numeric(blur) || length(blur) == 0L || length(blur) != length(scaling)) {
    stop_input(
      "blur", "`blur` and `scaling` must be as many numbers the one as the other, not ",
      described(blur), " and ", described(scaling), "."
    )
  }
  list(
    n = check_count(n.cells, "n.cells", min = 2L), repeats = check_count(n.repeats, "n.repeats"),
    sinkhorn = Map(function(b, s) {
      # Doubles: a small blur in large units is beyond single precision.
      SinkhornOptions(blur = b, scaling = s, precision = "float64")
    }, blur, scaling),
    slices = check_count(slices, "slices"), seed = seed
  )
}

# A named list of models, interpolations and matrices.
interpolation_predictors <- function(object, model) {
  single <- is.null(model) || is.character(model) || is_plain_matrix(model) ||
    inherits(model, c("fatefield_model", "fatefield_interpolation"))
  predictors <- if (single) list(model = model) else model
  if (!is.list(predictors) || length(predictors) == 0L) {
    stop_input("model", "`model` must be a model, predicted states, or a named list of these, not ",
      described(model), ".")
  }
  if (is.null(names(predictors)) || !all(nzchar(names(predictors))) ||
    anyDuplicated(names(predictors)) > 0L) {
    stop_input("model", "`model`: each predictor of the list must have a name of its own.")
  }
  lapply(predictors, function(p) {
    states <- is_plain_matrix(p) || inherits(p, "fatefield_interpolation")
    if (states) p else choose_model(object, p)
  })
}

is_model <- function(x) inherits(x, "fatefield_model")

# Coordinates and times of all cells, in the space of the models.
observed_cells <- function(object, predictors, time, reduction, dims) {
  models <- Filter(is_model, predictors)
  if (length(models) == 0L) {
    if (is.null(time)) {
      stop_input("time", "`time` is needed where no model says which column it is.")
    }
    return(list(
      x = embedding(object, reduction, dims),
      time = check_times(cell_column(object, time, "time"), "time")
    ))
  }
  if (is_plain_matrix(object) && is.null(time)) {
    stop_input("time", "`time` is needed: one number for each cell of the matrix.")
  }
  all <- lapply(models, function(m) model_coordinates(object, m))
  other <- which(!vapply(all, function(x) identical(x, all[[1L]]), logical(1)))
  if (length(other) > 0L) {
    stop_input("model", "`model`: ", quoted(names(models)[other[[1L]]]), " and ",
      quoted(names(models)[[1L]]), " were fitted in different dimensions.")
  }
  list(x = all[[1L]], time = cell_starts(object, models[[1L]], time, x = all[[1L]]))
}

# The time left out and its neighbours among the times that all models know: out, earlier, later.
times_around <- function(t.out, known, predictors) {
  present <- sort(unique(known$time))
  trained <- lapply(Filter(is_model, predictors), `[[`, "times")
  others <- setdiff(Reduce(intersect, trained, present), t.out)
  if (!t.out %in% present) {
    stop_input("t.out", "`t.out`: no cell is of time ", format(t.out),
      "; the cells are of ", paste(format(present, trim = TRUE), collapse = ", "), ".")
  }
  earlier <- others[others < t.out]
  later <- others[others > t.out]
  if (length(earlier) == 0L) {
    stop_input("t.out", "`t.out`: there are no cells of an earlier time.")
  }
  c(
    out = t.out, earlier = max(earlier),
    later = if (length(later) > 0L) min(later) else NA_real_
  )
}

time_share <- function(around) {
  (around[["out"]] - around[["earlier"]]) / (around[["later"]] - around[["earlier"]])
}

# States and weights that are drawn from.
predicted_pool <- function(predictor, object, known, t.out, n.sim, seed) {
  if (is_model(predictor)) {
    predictor <- InterpolateTime.default(
      object, t.out, model = predictor, time = known$time, n.sim = n.sim, seed.use = seed,
      verbose = FALSE
    )
  }
  if (inherits(predictor, "fatefield_interpolation")) {
    check_same_dims(predictor$states, known$x)
    return(predictor)
  }
  states <- check_matrix(predictor, "model", rows = NULL)
  check_same_dims(states, known$x)
  list(states = states, weights = rep(1 / nrow(states), nrow(states)))
}

check_same_dims <- function(states, x) {
  if (ncol(states) != ncol(x)) {
    stop_input("model", "`model`: the predicted states have ", ncol(states),
      " dimensions, the observed cells ", ncol(x), ".")
  }
}

# As many cells as all clouds can give; those left out are parted in two.
drawn_cells <- function(n, clouds) {
  sizes <- vapply(clouds, nrow, 1L)
  n <- min(n, sizes[["out"]] %/% 2L, sizes[-1L])
  if (n < 2L) {
    stop_input("t.out", "`t.out`: there are too few cells to compare, ", sizes[["out"]],
      " at this time and ", paste(sizes[-1L], collapse = " and "), " at its neighbours.")
  }
  n
}

# For each repeat and predictor one vector of scores: an array score x predictor x repeat.
score_pools <- function(pools, clouds, share, settings, verbose) {
  tick <- progress_bar(settings$repeats, "Scoring", verbose)
  each <- lapply(seq_len(settings$repeats), function(r) {
    drawn <- drawn_clouds(pools, clouds, share, settings, r)
    scores <- lapply(drawn$predicted, score_cloud, target = drawn$target, settings = settings)
    tick(r)
    do.call(cbind, scores)
  })
  simplify2array(each)
}

# The clouds of one repeat: the target and what is compared with it, `settings$n` cells each. A draw
# is known by the repeat and the place of the cloud.
drawn_clouds <- function(pools, clouds, share, settings, r) {
  n <- settings$n
  some <- function(x, size, place, weights = numeric()) {
    x[draw_cells(nrow(x), size, weights, settings$seed, r * 1000 + place), , drop = FALSE]
  }
  observed <- some(clouds$out, 2L * n, 0)
  earlier <- some(clouds$earlier, n, 1)
  predicted <- Map(function(pool, place) {
    plain <- nrow(pool$states) >= n && diff(range(pool$weights)) == 0
    some(pool$states, n, 2 + place, if (plain) numeric() else pool$weights)
  }, pools, seq_along(pools))
  predicted[["noise floor"]] <- observed[n + seq_len(n), , drop = FALSE]
  predicted[["earlier cells"]] <- earlier
  if (!is.null(clouds$later)) {
    later <- some(clouds$later, n, 2)
    predicted[["later cells"]] <- later
    match <- OTDistance.default(earlier, later, method = "exact")$match
    predicted[["McCann"]] <- (1 - share) * earlier + share * later[match, , drop = FALSE]
  }
  list(target = observed[seq_len(n), , drop = FALSE], predicted = predicted)
}

# All scores of one cloud against the target of the same size.
score_cloud <- function(cloud, target, settings) {
  distance <- function(...) OTDistance.default(cloud, target, ...)$value
  sinkhorn <- vapply(settings$sinkhorn, function(o) distance(options = o), 0)
  names(sinkhorn) <- paste0("sinkhorn.", vapply(settings$sinkhorn, function(o) format(o$blur), ""))
  ratio <- variance_ratios(cloud, target)
  c(
    sinkhorn,
    W1 = distance(method = "exact", p = 1L), W2 = sqrt(2 * distance(method = "exact", p = 2L)),
    energy = distance(method = "energy"),
    sliced = sqrt(distance(method = "sliced", slices = settings$slices, seed.use = settings$seed)),
    variance.min = min(ratio$each), variance.median = stats::median(ratio$each),
    variance.max = max(ratio$each), variance.total = ratio$total
  )
}

# Dimensions in which the target does not vary have no ratio.
variance_ratios <- function(cloud, target) {
  spread <- function(x) colMeans((x - rep(colMeans(x), each = nrow(x)))^2)
  of <- spread(cloud)
  to <- spread(target)
  list(each = if (any(to > 0)) (of / to)[to > 0] else NA_real_, total = sum(of) / sum(to))
}

# `scored`: score x predictor x repeat.
interpolation_table <- function(scored, settings, around, seen) {
  table <- data.frame(
    predictor = dimnames(scored)[[2L]], cells = settings$n, row.names = NULL
  )
  for (score in dimnames(scored)[[1L]]) {
    values <- matrix(scored[score, , ], ncol = settings$repeats)
    table[[score]] <- rowMeans(values)
    table[[paste0(score, "_sd")]] <- if (settings$repeats > 1L) apply(values, 1L, stats::sd) else NA_real_
  }
  new_table(
    "interpolation_scores", table, by = "predictor", time = around[["out"]], earlier = around[["earlier"]],
    later = around[["later"]], repeats = settings$repeats, seen = seen,
    scale = table$W2[match(c("noise floor", "earlier cells"), table$predictor)]
  )
}

headline.fatefield_interpolation_scores <- function(x) {
  later <- attr(x, "later")
  main <- paste0(x$predictor, " ", format(x$W2, digits = 3L, trim = TRUE),
    ifelse(is.na(x$W2_sd), "", paste0(" (", format(x$W2_sd, digits = 1L, trim = TRUE), ")")))
  c(
    paste0("Time ", format(attr(x, "time")), " predicted from ", format(attr(x, "earlier")),
      if (!is.na(later)) paste0(" (later: ", format(later), ")"), ": ", x$cells[[1L]],
      " cells, mean (sd) of ", attr(x, "repeats"), " draws"),
    paste0("W2 to the observed cells: ", paste(main, collapse = ", ")),
    if (length(attr(x, "seen")) > 0L) paste0("Trained on cells of this time: ", quoted(attr(x, "seen")))
  )
}

#' @rdname ScoreInterpolation
#' @export
print.fatefield_interpolation_scores <- function(x, ...) {
  writeLines(headline(x))
  shown <- summary(x)
  numbers <- vapply(shown, is.numeric, NA)
  shown[numbers] <- lapply(shown[numbers], signif, 3L)
  print(shown, row.names = FALSE)
  invisible(x)
}

#' @rdname ScoreInterpolation
#' @export
summary.fatefield_interpolation_scores <- function(object, ...) {
  scale <- attr(object, "scale")
  data.frame(
    predictor = object$predictor, W2 = object$W2, W2_sd = object$W2_sd, energy = object$energy,
    sliced = object$sliced, variance = object$variance.median,
    excess = (object$W2 - scale[[1L]]) / diff(scale)
  )
}

score_names <- function(table) {
  setdiff(names(table), c("predictor", "cells", grep("_sd$", names(table), value = TRUE)))
}
