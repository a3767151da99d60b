# How unstable each cell is: the change of its expression profile along its future, summed up. Takes an object or a
# matrix with a model, or trajectories; gives one value per cell with its spread, and the increments.

# Numbers of states kept at a time while criticality is computed.
criticality_chunk <- 4e6

#' Criticality of cells
#'
#' The cell criticality index tells how much a cell's expression profile changes along its future: the sum over steps
#' of the Kullback-Leibler divergence from the profile before a step to that after it, in nats.
#' Cells about to change their type have a high one, cells at rest a low one.
#'
#' @section Basic use:
#' ```
#' cells <- CellCriticality(cells)
#' PlotCriticality(cells)
#' PlotCriticality(cells, type = "violin", group.by = "type")
#' ```
#'
#' @section What is summed up:
#' The profile of a state x is p = (max(x, 0) + `epsilon` m) / sum, where m is the mean expression of each gene over
#' the cells.
#' The second term keeps every gene above 0, so that no divergence is infinite, and multiples of all expression have the
#' same criticality.
#' `measure = "js"` takes the divergence of Jensen and Shannon, which no order of before and after changes;
#' `"path"` takes the length of the path: in 30 principal components of `log1p()` of the cells for a velocity field, in
#' the model's own space for a neural SDE.
#'
#' A velocity field moves each cell along one path, [IntegrateCells()]; a neural SDE along `n.sim` stochastic paths,
#' whose increments are averaged; their states are turned back into the expression of genes by the loadings of the
#' reduction.
#' With `path = "drift"` a neural SDE too moves each cell along one path.
#' Members of an ensemble are averaged, their standard deviation is reported.
#'
#' The first step leads from what was counted in a cell to what the model makes of it.
#' It tells of the depth of the cell more than of its future, and is left out unless `skip.first = FALSE`.
#' What is left does not follow depth in simulated cells with some hundred molecules of the model's genes; with fewer it
#' can, since a model makes other futures of noisier cells: let [GeneDynamics()] and [CompareDynamics()] adjust for
#' depth.
#' `start = "smoothed"` begins at the mean of the cell and its nearest cells instead.
#'
#' `compat = "deepvelo"` is the published way: states are fully projected onto the cells, nothing is added to the
#' profiles, genes that make a divergence infinite are left out of it, and the first step counts.
#' Its values depend on the depth of cells.
#'
#' @inheritParams IntegrateCells
#' @param object A Seurat object, a SingleCellExperiment, a matrix (cells x dims), or [trajectories] whose states are
#'   the expression of genes.
#' @param model A model from [FitVelocityField()] or [FitSDE()], or the name of one in the object; `NULL` takes the last
#'   one fitted.
#' @param cells (names, numbers or TRUE/FALSE) Cells to look at; `NULL` takes all.
#' @param measure `"kl"` (default), `"js"` or `"path"`, see below.
#' @param t.max Time to look ahead.
#'   `NULL` takes for a velocity field the time in which a cell of median speed crosses the data, and the whole time of
#'   the model for a neural SDE, the same for all cells.
#' @param n.steps Steps into which that time is cut; default 30.
#' @param start `"observed"` (default) or `"smoothed"`, see below.
#' @param n.neighbors Cells whose mean is the smoothed start, the cell itself among them, and onto which states are
#'   projected where `snap` says so; default 30.
#' @param skip.first Leave out the first step; `NULL` is `TRUE`, and `FALSE` with `compat = "deepvelo"`.
#' @param per.time Divide by the time of the steps counted, in units in which the velocity is not sped up
#'   (`kappa` times time), so that different horizons can be compared.
#'   A path that ended before is divided by the time it was followed.
#'   Default `FALSE`.
#' @param epsilon Share of the mean profile that is added; default
#'   `r doc_default("criticality", "epsilon")`.
#' @param n.sim Paths of each cell and member of a neural SDE; default 30.
#' @param path Of a neural SDE: `"stochastic"` (default) for futures with noise, or `"drift"`.
#' @param growth Futures that gained mass by growth count for more, each step by the mass at its end, as in
#'   [PredictFate()]; default `TRUE`.
#'   It matters for models with growth alone.
#' @param compat `"none"` (default) or `"deepvelo"`, see below.
#' @param mean.expression Of trajectories: mean expression of each gene; `NULL` takes the mean of the states at the
#'   first time.
#' @param store.as Name of the new column and of the result kept; `NULL` means `"criticality"`, or
#'   `"fatefield_criticality"` where the object has such a column of your own, which is never overwritten.
#' @param ... Options of [IntegrateCells()] by name, such as `snap`, `solver` or `kappa`, where paths are without noise.
#'
#' @return For matrices and trajectories a result of class `fatefield_criticality`, see [results], whose table has the
#'   columns `cell`, `criticality` (`NA` where no path could be followed) and, for ensembles, `criticality_sd`, the
#'   standard deviation between members.
#'   Its parts are
#'   \item{criticality, sd}{The same by the names of cells; `sd` is 0 for one model.}
#'   \item{increments}{Matrix, cells x steps, mean over paths and members; the first step is among them also where
#'     it does not count.}
#'   \item{times}{Of the ends of the steps, from the start of the path.}
#'   \item{measure, skip.first, per.time, n.models, along}{What was asked for; `along` says which model and paths.}
#'
#'   For a Seurat object or a SingleCellExperiment the object with the columns `criticality` and, for ensembles,
#'   `criticality_sd`; `GetResult(object, "criticality")` gives the whole result.
#' @section Errors:
#' `fatefield_error_input` names the argument; trajectories need at least two times, and three where the first step is
#' left out.
#' `fatefield_error_model`: there is no model, or one of other dimensions.
#' @references
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#' @seealso [PlotCriticality()], [GeneDynamics()], [LyapunovExponents()]
#' @examples
#' # One gene decays, the other stays; the second cell is at rest.
#' t <- seq(0, 3, 0.5)
#' states <- array(1, c(2, 2, length(t)), list(NULL, c("g1", "g2"), NULL))
#' states[1, 1, ] <- exp(-t)
#' paths <- structure(
#'   list(
#'     states = states, times = t, cell = factor(c("a", "b")), sim = c(1L, 1L), member = c(1L, 1L),
#'     log_weights = matrix(0, 2, length(t)), reduction = NULL, dims = c("g1", "g2")
#'   ),
#'   class = "fatefield_trajectories"
#' )
#' CellCriticality(paths, skip.first = FALSE)$criticality
#'
#' cells <- SimulateDifferentiation(n.cells = 200, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "latent", updates = 20, verbose = FALSE)
#' cells <- CellCriticality(cells, measure = "path", n.sim = 5, n.steps = 10, verbose = FALSE)
#' summary(cells$criticality)
#' @export
CellCriticality <- function(object, ...) UseMethod("CellCriticality")

#' @rdname CellCriticality
#' @export
CellCriticality.default <- function(object, model = NULL, cells = NULL, measure = c("kl", "js", "path"), t.max = NULL,
                                    n.steps = 30L, start = c("observed", "smoothed"), n.neighbors = 30L,
                                    skip.first = NULL, per.time = FALSE, epsilon = NULL, n.sim = 30L,
                                    path = c("stochastic", "drift"), growth = TRUE, compat = c("none", "deepvelo"),
                                    seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  request <- criticality_request(measure, skip.first, per.time, epsilon, compat, growth)
  request$n.steps <- check_count(n.steps, "n.steps", min = if (request$skip.first) 2L else 1L)
  request$n.sim <- check_count(n.sim, "n.sim")
  path <- check_choice(path, c("stochastic", "drift"), "path")
  request$stochastic <- identical(model$type, "sde") && path == "stochastic"
  n.neighbors <- check_count(n.neighbors, "n.neighbors")
  request$k <- if (check_choice(start, c("observed", "smoothed"), "start") == "smoothed") n.neighbors else 1L
  request$t.max <- if (!is.null(t.max)) check_number(t.max, "t.max")
  given <- criticality_options(list(...), request, n.neighbors)
  x <- model_coordinates(object, model)
  cells <- check_cells(cells, rownames(x))
  check_criticality_memory(request, ncol(x), length(model$states))
  space <- profile_space(object, model, x, request)
  result <- criticality_of(
    object, model, x, cells, space, request, seed_from(seed.use), check_flag(verbose, "verbose"), given
  )
  result["along"] <- list(path_words(object, model, request))
  result
}

#' @rdname CellCriticality
#' @export
CellCriticality.Seurat <- function(object, model = NULL, cells = NULL, measure = c("kl", "js", "path"), t.max = NULL,
                                   n.steps = 30L, start = c("observed", "smoothed"), n.neighbors = 30L,
                                   skip.first = NULL, per.time = FALSE, epsilon = NULL, n.sim = 30L,
                                   path = c("stochastic", "drift"), growth = TRUE, compat = c("none", "deepvelo"),
                                   seed.use = 42L, threads = NULL, verbose = TRUE, store.as = NULL, ...) {
  columns <- function(stem) paste0(stem, c("", "_sd"))
  store.as <- store_name(object, store.as, "criticality", columns)
  model <- choose_model(object, model, type = c("sde", "field"), last = TRUE)
  result <- call_worker(CellCriticality.default, ...)
  values <- data.frame(result$criticality, result$sd, row.names = names(result$criticality))
  names(values) <- columns(store.as)
  object <- store_cells(object, values[if (result$n.models > 1L) 1:2 else 1L])
  object <- put_result(object, "criticality", store.as, result, model_inputs(object, model), "CellCriticality()")
  log_call(object, "CellCriticality")
}

#' @rdname CellCriticality
#' @export
CellCriticality.SingleCellExperiment <- CellCriticality.Seurat

# Options of the integration, for paths without noise; those with noise take none.
criticality_options <- function(more, request, n.neighbors) {
  arguments <- names(formals(CellCriticality.default))
  if (request$stochastic) {
    do.call(check_no_dots, c(list(arguments), more))
    return(list())
  }
  own <- c("solver", "snap", "kappa")
  integration_options(
    more[["solver"]], more[["snap"]], n.neighbors, more[["kappa"]], more[!names_or_none(more) %in% own],
    c(arguments, own)
  )
}

# Which model the paths follow, in words.
path_words <- function(object, model, request) {
  name <- if (is_seurat(object) || is_sce(object)) model_name(object, model)
  kind <- if (identical(model$type, "field")) {
    paste0("paths of the velocity field", if (!is.null(model$config$field)) paste0(" (", model$config$field, ")"))
  } else if (request$stochastic) {
    paste0(request$n.sim, " stochastic futures of the neural SDE")
  } else {
    "the drift of the neural SDE"
  }
  paste0(kind, if (!is.null(name)) paste0(" ", quoted(name)))
}

#' @rdname CellCriticality
#' @export
CellCriticality.fatefield_trajectories <- function(object, measure = c("kl", "js", "path"), skip.first = NULL,
                                                   per.time = FALSE, epsilon = NULL, mean.expression = NULL,
                                                   growth = TRUE, compat = c("none", "deepvelo"), threads = NULL,
                                                   ...) {
  local_threads(threads)
  check_no_dots(names(formals(CellCriticality.fatefield_trajectories)), ...)
  request <- criticality_request(measure, skip.first, per.time, epsilon, compat, growth)
  least <- 2L + request$skip.first
  if (length(object$times) < least) {
    stop_input("object", "`object`: the trajectories have ", length(object$times), " time",
      if (length(object$times) != 1L) "s", "; at least ", least, " are needed",
      if (request$skip.first) " where the first step is left out", ".")
  }
  space <- list(mean = mean.expression)
  if (is.null(mean.expression)) {
    space$mean <- colMeans(pmax(states_at(object, object$times[[1L]]), 0), na.rm = TRUE)
  }
  new_criticality(list(path_increments(object, space, request)), request)
}

# What is asked for, apart from where paths come from.
criticality_request <- function(measure, skip.first, per.time, epsilon, compat, growth) {
  compat <- check_choice(compat, c("none", "deepvelo"), "compat")
  published <- compat == "deepvelo"
  options <- criticality_defaults()
  options$measure <- check_choice(measure, c("kl", "js", "path"), "measure")
  options$epsilon <- if (!is.null(epsilon)) {
    check_number(epsilon, "epsilon", min = 0)
  } else if (published) {
    0
  } else {
    options$epsilon
  }
  options$drop.infinite <- published
  list(
    options = options, skip.first = if (is.null(skip.first)) !published else check_flag(skip.first, "skip.first"),
    per.time = check_flag(per.time, "per.time"), growth = check_flag(growth, "growth"), compat = compat
  )
}

# How states are looked at: list(mean, genes, view). `mean`: mean expression of the genes over cells; `genes`: what
# gives their expression, see path_changes(), where states are not that themselves; `view`: turns states (n x dims) into
# others, whose distances are taken.
profile_space <- function(object, model, x, request) {
  if (identical(model$type, "field")) {
    if (request$options$measure == "path") {
      return(list(view = log_projection(x), mean = numeric()))
    }
    return(list(mean = colMeans(pmax(x, 0))))
  }
  if (request$options$measure == "path") {
    return(list(mean = numeric()))
  }
  if (is_plain_matrix(object)) {
    stop_input("measure", "`measure` ", quoted(request$options$measure), " needs the expression of genes, which a ",
      "matrix of coordinates does not tell; take measure = \"path\".")
  }
  genes <- gene_space(object, model)
  list(mean = colMeans(expm1(genes$decode(x))), genes = genes$decoder)
}

# Principal components of log1p of cells, as a function of states.
log_projection <- function(x, components = 30L) {
  logged <- function(s) ifelse(s >= 0, log1p(pmax(s, 0)), s)
  centre <- colMeans(logged(x))
  most <- min(components, nrow(x) - 1L, ncol(x))
  rotation <- svd(sweep(logged(x), 2L, centre), nu = 0L, nv = most)$v
  function(states) sweep(logged(states), 2L, centre) %*% rotation
}

# Increments of all paths at a time, then per cell and member: list(cell, member, increments = cells x steps,
# elapsed).
path_increments <- function(paths, space, request) {
  steps <- length(paths$times) - 1L
  states <- if (is.null(space$view)) paths$states else viewed_states(paths, space$view)
  change <- path_changes(states, space$genes, space$mean, request$options, thread_count())
  followed <- paths$times[-1L] - paths$times[-length(paths$times)]
  end <- paths$paths$end_time
  elapsed <- matrix(followed, nrow(change), steps, byrow = TRUE)
  if (!is.null(end)) {
    early <- paths$paths$end %in% c("left cells", "grown")
    reached <- rep(paths$times[-1L], each = nrow(change))
    late <- matrix(pmax(0, reached - ifelse(early, end, Inf)), nrow(change))
    elapsed <- pmax(elapsed - late, 0)
  }
  cell <- droplevels(paths$cell)
  member <- match(paths$member, sort(unique(paths$member)))
  by <- (member - 1L) * nlevels(cell) + as.integer(cell)
  mass <- if (request$growth) step_mass(paths$log_weights) else 1
  average <- function(m) {
    known <- !is.na(m)
    m[!known] <- 0
    sums <- rowsum(m * mass, by) / rowsum(known * mass, by)
    out <- matrix(NA_real_, nlevels(cell) * max(member), steps)
    out[as.integer(rownames(sums)), ] <- sums
    out
  }
  list(
    cells = levels(cell), members = length(unique(paths$member)), increments = average(change),
    elapsed = average(elapsed), times = paths$times[-1L] - paths$times[[1L]]
  )
}

# Array path x what `view` gives x time.
viewed_states <- function(paths, view) {
  at <- lapply(paths$times, function(t) view(states_at(paths, t)))
  array(unlist(at), c(dim(at[[1L]]), length(at)))
}

# Mass of each path at the end of each step, up to a factor for each step.
step_mass <- function(log.weights) {
  ends <- log.weights[, -1L, drop = FALSE]
  most <- apply(ends, 2L, max)
  exp(sweep(ends, 2L, ifelse(is.finite(most), most, 0)))
}

# One result from the parts of chunks of cells.
new_criticality <- function(parts, request, kappa = 1) {
  counted <- function(part) {
    steps <- seq_len(ncol(part$increments))
    if (request$skip.first) steps[-1L] else steps
  }
  sums <- lapply(parts, function(part) {
    total <- rowSums(part$increments[, counted(part), drop = FALSE])
    if (request$per.time) total <- total / (kappa * rowSums(part$elapsed[, counted(part), drop = FALSE]))
    # Nothing was followed and nothing has changed.
    total[is.nan(total) & rowSums(part$elapsed) == 0] <- 0
    matrix(total, length(part$cells), part$members)
  })
  mean_of_members <- function(part) {
    n <- length(part$cells)
    rows <- lapply(seq_len(part$members), function(m) part$increments[(m - 1L) * n + seq_len(n), , drop = FALSE])
    Reduce(`+`, rows) / part$members
  }
  values <- do.call(rbind, sums)
  values[is.nan(values)] <- NA
  cells <- unlist(lapply(parts, `[[`, "cells"))
  increments <- do.call(rbind, lapply(parts, mean_of_members))
  increments[is.nan(increments)] <- NA
  dimnames(increments) <- list(cells, NULL)
  parts <- list(
    criticality = stats::setNames(rowMeans(values), cells), sd = stats::setNames(row_sds(values), cells),
    increments = increments, times = parts[[1L]]$times, measure = request$options$measure,
    skip.first = request$skip.first, per.time = request$per.time, compat = request$compat,
    n.models = ncol(values)
  )
  new_result("criticality", criticality_table(parts), parts, by = "cell")
}

criticality_table <- function(x) {
  out <- data.frame(cell = names(x$criticality), criticality = unname(x$criticality))
  if (x$n.models > 1L) out$criticality_sd <- unname(x$sd)
  out
}

subset_result.fatefield_criticality <- function(x, keep) {
  x$criticality <- x$criticality[keep]
  x$sd <- x$sd[keep]
  x$increments <- x$increments[keep, , drop = FALSE]
  x$table <- criticality_table(x)
  x
}

rename_cells.fatefield_criticality <- function(x, names) {
  for (part in c("criticality", "sd")) base::names(x[[part]]) <- unname(names[base::names(x[[part]])])
  rownames(x$increments) <- unname(names[rownames(x$increments)])
  x$table <- criticality_table(x)
  x
}

headline.fatefield_criticality <- function(x) {
  kind <- c(kl = "Kullback-Leibler divergence, nats", js = "Jensen-Shannon divergence, nats",
    path = "length of the path")
  q <- stats::quantile(x$criticality, c(0.5, 0.05, 0.95), na.rm = TRUE, names = FALSE)
  lost <- sum(is.na(x$criticality))
  c(
    paste0("criticality of ", counted(length(x$criticality), "cell"), ": median ",
      with_interval(q[[1L]], q[[2L]], q[[3L]]),
      ", 90 % of the cells in brackets"),
    paste0("along ", if (is.null(x$along)) "the trajectories" else x$along, ", ", counted(x$n.models, "model"),
      if (lost > 0L) paste0("; ", lost, " cells could not be followed")),
    paste0(kind[[x$measure]], if (x$per.time) " per time", ", ", counted(ncol(x$increments), "step"),
      if (x$skip.first) ", the first left out", " over time ", format(max(x$times), digits = 3L))
  )
}

#' @rdname CellCriticality
#' @param x Criticality.
#' @param type `"histogram"`: how many cells have which criticality; `"steps"`: when it comes about, the median of the
#'   increments at each step with the middle half of the cells; any of [PlotCriticality()] with its arguments, such as
#'   `embedding` or `group.by`.
#' @export
plot.fatefield_criticality <- function(x, type = c("histogram", "steps", "embedding", "violin", "box"), ...) {
  type <- check_choice(type, c("histogram", "steps", "embedding", "violin", "box"), "type")
  if (type %in% c("embedding", "violin", "box")) {
    return(PlotCriticality(x, type = type, ...))
  }
  check_no_dots(c("x", "type"), ...)
  if (type == "histogram") {
    return(ggplot2::ggplot(x$table, ggplot2::aes(.data$criticality)) +
      ggplot2::geom_histogram(bins = 40L, fill = label_palette[[1L]], na.rm = TRUE) +
      ggplot2::labs(x = "criticality", y = "cells") + theme_curves())
  }
  edges <- apply(x$increments, 2L, stats::quantile, c(0.25, 0.5, 0.75), na.rm = TRUE)
  steps <- data.frame(time = x$times, low = edges[1L, ], middle = edges[2L, ], high = edges[3L, ])
  if (x$skip.first) steps <- steps[-1L, ]
  ggplot2::ggplot(steps, ggplot2::aes(.data$time, .data$middle)) +
    ggplot2::geom_ribbon(ggplot2::aes(ymin = .data$low, ymax = .data$high), alpha = 0.25, fill = label_palette[[1L]]) +
    ggplot2::geom_line(colour = label_palette[[1L]]) +
    ggplot2::labs(x = "time along the path", y = "change per step") + theme_curves()
}
