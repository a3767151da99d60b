# Genes that go with a fate and genes that would change it: takes progenitors with a model; gives, gene by gene,
# differential expression by predicted fate, the sensitivity of the fate to a change of the gene, the effect of
# activating it, and how far these agree. Sensitivities stand in fate-sensitivity.R.

#' Find genes that drive a fate
#'
#' Three answers to the question which genes lead cells to a `fate`, and how far they agree.
#'
#' @section Basic use:
#' ```
#' drivers <- FindFateDrivers(cells, fate = "Neutrophil", against = "Monocyte")
#' drivers
#' plot(drivers)
#' ```
#' Fates are those of [DefineFates()].
#'
#' @section Three answers:
#' **Expression**: progenitors predicted to become `fate` are compared with those predicted to become `against`,
#' by Wilcoxon's rank sum test of log-normalised expression, with the false discovery rate of Benjamini and
#' Hochberg.
#' It finds what marks the fate early, whatever the reason.
#'
#' **Sensitivity**: how much the margin of the fate, the share of its ends less that of `against`,
#' would change for a small change of one gene at the start, by one standard deviation of the gene.
#' Futures are simulated with the same random numbers from states a little to either side of the cells, along each
#' dimension of the model; the derivative is carried to genes by the loadings.
#' For models whose state is the genes, cells are moved along `n.directions` random directions, to either side,
#' and the change of the margin is regressed on them.
#' The mean over cells has a standard error from the cells and the ensemble; one model has none, and
#' `sensitivity_se_cells` tells how much its cells differ.
#' It tells what the model does when the gene is moved, through the space that the model sees: genes of equal
#' loadings have equal sensitivities.
#'
#' **Activation**: each gene alone is raised by two standard deviations in the same cells, and the change of the margin
#' is simulated, as by [ScreenPerturbations()].
#' It is the sensitivity over a longer way, with the bends that the model has there.
#' `screen` takes a result of [ScreenPerturbations()] with other settings, or a table, in its place.
#'
#' @section Correlation with the probability:
#' `sources = "correlation"` needs no model: over the cells that have fates, such as those of
#' [AbsorptionProbabilities()],
#' Pearson's correlation of the log-normalised expression of each gene with the probability of `fate`; with `against`,
#' with its share among these fates.
#' Its interval is Fisher's, its p value that of the t test, with the false discovery rate of Benjamini and Hochberg.
#' Where the object has fates and no model, this is the answer that is given by default.
#' Cells of one terminal state have much in common besides their fate: take `cells` that are under way to ask for what
#' leads there.
#'
#' A p value of the expression test knows nothing of the model's error: cells are sorted by the model, and are
#' taken as independent.
#' It tells of cells with and without a predicted fate, not of whether another training would sort them alike.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims) with `expression`; for `summary()`
#'   a result.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   neural SDE fitted last, or the velocity field where there is no other.
#'   Along a velocity field each cell has one path.
#' @param fate The fate, one of the labels.
#' @param against (strings) The other fates; `NULL` takes all the others.
#' @param labels,fates,exclude,reference What counts as a fate, see [DefineFates()]; `NULL` takes what is defined there.
#' @param k,weights,vote,cutoff How ends are labelled, see [DefineFates()].
#' @param cells (names, numbers or TRUE/FALSE) Progenitors; `NULL` takes those of the model's first time.
#' @param predicted Predicted fates of the cells: a column, one label for each cell of the object, or a result of
#'   [PredictFate()].
#'   `NULL` takes the fates that [PredictFate()] left in the object where they are of this model, these fates, cells and
#'   times, and says so; else it predicts them.
#'   For `"correlation"` a result of [PredictFate()] or [AbsorptionProbabilities()], or the name of one in the object;
#'   `NULL` takes the last.
#' @param sources Which answers: `"expression"`, `"sensitivity"`, `"activation"`; by default all three.
#'   Or `"correlation"`, alone, see below.
#' @param screen A result of [ScreenPerturbations()] of the same model, or a table of the columns `gene` and `effect`,
#'   positive where activation helps the fate; `NULL` simulates activations where `sources` asks for them.
#' @param time Times of the cells: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#' @param t.start One time at which all cells start, in place of their own.
#' @param t.end End of the simulations in the units of the times; `NULL` takes the last time of the training.
#'   Along a velocity field it is counted from the start; `NULL` takes the span of [IntegrateCells()].
#' @param assay Assay with the log-normalised expression; `NULL` takes that of the model's reduction.
#' @param expression Matrix genes x cells in log-normalised units, for objects without.
#' @param loadings Matrix genes x dims, or `"regress"`, where the reduction has none.
#' @param center,scale One value per gene of the loadings, by which expression becomes z; `NULL` finds them from the
#'   object.
#' @param n.sim Simulations of each cell and member; the fate is predicted by ten times as many.
#'   `NULL` takes 20, and for the activation of each gene as many as [ScreenPerturbations()] does, whose documentation
#'   says how exact that is.
#' @param max.cells At most this many cells, evenly spread, for sensitivity and activation.
#' @param step Length of the step for the sensitivity, in standard deviations of the coordinates of the cells;
#'   of models of genes, of each gene.
#' @param n.directions Random directions for models of genes.
#' @param n.top Genes whose overlap is counted.
#' @param min.cells Cells that each group needs at least.
#' @param seed.use Seed of the simulations; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return A result of class `fatefield_drivers`, see [results]:
#'   \item{table}{data.frame, one row per gene, the best `combined` first: `gene`; `log2fc` (as Seurat's),
#'     `pct.1`, `pct.2` (share of cells with the gene, of the fate and of the others), `auc`, `p`, `q` of the test of
#'     expression; `sensitivity`, `sensitivity_se` (`NA` for one model),
#'     `sensitivity_se_cells` (over the cells of these models),
#'     `sensitivity_abs` (mean absolute value over cells); `activation`;
#'     for `"correlation"` in their place `correlation`, `correlation_low`, `correlation_high`, `p`, `q` and `mean`, the
#'     mean expression;
#'     and `combined`, the mean over the answers of the signed rank of the gene: 1 for what is strongest for the
#'     fate everywhere, -1 against it.}
#'   \item{agreement}{data.frame, one row per pair of answers: the `genes` both have, Spearman's `rho`, the
#'     `overlap` among the `n.top` genes for the fate, that `expected` by chance and its hypergeometric `p`.}
#'   \item{fate, against, n}{The fates and the numbers of cells predicted for them.}
#'   `summary()` has a row per answer; `[` takes genes, the agreement stays that of all.
#' @section Errors:
#'   `fatefield_error_input` names the argument: no such fate, too few cells predicted for one of the two
#'   groups, no expression, a reduction without loadings.
#'   `fatefield_error_stale`: `screen` was made with a model that has been fitted anew since.
#' @references Wilcoxon (1945) Individual comparisons by ranking methods. Biometrics Bulletin 1. Benjamini, Hochberg
#'   (1995) Controlling the false discovery rate. Journal of the Royal Statistical Society B 57. Spall (1992)
#'   Multivariate stochastic approximation using a simultaneous perturbation gradient approximation. IEEE
#'   Transactions on Automatic Control 37.
#' @seealso [PredictFate()], [ScreenPerturbations()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state", exclude = "progenitor")
#' drivers <- FindFateDrivers(cells, fate = "fateA", cells = which(cells$day <= 1), sources = "expression",
#'   n.sim = 4, verbose = FALSE)
#' drivers
#' plot(drivers, n.label = 5)
#' @export
FindFateDrivers <- function(object, ...) UseMethod("FindFateDrivers")

#' @rdname FindFateDrivers
#' @export
FindFateDrivers.default <- function(object, model = NULL, fate, against = NULL, labels = NULL, cells = NULL,
                                    predicted = NULL, sources = c("expression", "sensitivity", "activation"),
                                    screen = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                    exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                    cutoff = NULL, assay = NULL, expression = NULL, loadings = NULL, center = NULL,
                                    scale = NULL, n.sim = NULL, max.cells = 200L, step = 0.25, n.directions = 20L,
                                    n.top = 50L, min.cells = 3L, seed.use = 42L, threads = NULL, verbose = TRUE,
                                    ...) {
  local_threads(threads)
  check_object(object)
  check_no_dots(names(formals(FindFateDrivers.default)), ...)
  if (asks_correlation(object, model, predicted, if (!missing(sources)) sources)) {
    return(fate_correlations(object, predicted, if (!missing(fate)) fate, against, cells, assay, expression))
  }
  model <- choose_model(object, model, type = c("sde", "field"))
  definition <- fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff)
  task <- driver_task(object, model, definition, if (!missing(fate)) fate, against, cells, time, t.start, t.end)
  task <- c(task, list(
    n.sim = if (is.null(n.sim)) 20L else check_count(n.sim, "n.sim"), activation.sim = n.sim,
    max.cells = check_count(max.cells, "max.cells"),
    step = positive_number(step, "step"), n.directions = check_count(n.directions, "n.directions"),
    seed = seed_from(seed.use), verbose = check_flag(verbose, "verbose"),
    source = list(assay = assay, loadings = loadings, center = center, scale = scale, expression = expression)
  ))
  sources <- check_sources(sources)
  n.top <- check_count(n.top, "n.top")
  found <- predicted_fates(predicted, task)
  parts <- driver_answers(task, sources, screen, found, check_count(min.cells, "min.cells"))
  sides <- task$sides
  joined <- join_drivers(parts, n.top)
  new_result("drivers", joined$table, list(
    agreement = joined$agreement, fate = sides$fate, against = sides$against,
    n = c(sum(found %in% sides$fate), sum(found %in% sides$against)), n.top = n.top, cols = definition$cols
  ), by = "gene")
}

#' @rdname FindFateDrivers
#' @export
FindFateDrivers.Seurat <- function(object, model = NULL, fate, against = NULL, labels = NULL, cells = NULL,
                                   predicted = NULL, sources = c("expression", "sensitivity", "activation"),
                                   screen = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                   exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                   cutoff = NULL, assay = NULL, expression = NULL, loadings = NULL, center = NULL,
                                   scale = NULL, n.sim = NULL, max.cells = 200L, step = 0.25, n.directions = 20L,
                                   n.top = 50L, min.cells = 3L, seed.use = 42L, threads = NULL, verbose = TRUE,
                                   ...) {
  if (missing(sources) && asks_correlation(object, model, predicted)) sources <- "correlation"
  call_worker(FindFateDrivers.default, ...)
}

#' @rdname FindFateDrivers
#' @export
FindFateDrivers.SingleCellExperiment <- FindFateDrivers.Seurat

# Who is asked about what: cells, their times, the reference cells, the fate and its rivals.
driver_task <- function(object, model, definition, fate, against, cells, time, t.start, t.end) {
  x <- model_coordinates(object, model)
  field <- model$type == "field"
  if (field) check_timeless(time, t.start)
  starts <- if (field) numeric(nrow(x)) else cell_starts(object, model, time, t.start, x)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  motion <- if (field) motion_of_field(object, model, cells, "drift", no_noise, list(), "none")
  # For velocity fields the space in which IntegrateCells() looks for neighbours.
  votes <- fate_references(if (field) near_space(motion, x) else x, definition)
  list(
    object = object, motion = motion, model = model, x = x, starts = starts, cells = cells, definition = definition,
    references = votes$references, sides = fate_sides(fate, against, votes$references, votes$counted),
    end = driver_end(t.end, model)
  )
}

# The answers of these sources by name. `found`: the predicted fate of each of the cells.
driver_answers <- function(task, sources, screen, found, min.cells) {
  parts <- list()
  sides <- task$sides
  if ("expression" %in% sources) {
    group <- ifelse(found %in% sides$fate, 1L, ifelse(found %in% sides$against, 2L, 0L))
    check_group_sizes(c(sum(group == 1L), sum(group == 2L)), sides, min.cells)
    e <- driver_expression(task$object, task$model, task$source$assay, task$source$expression)
    parts$expression <- expression_by_fate(e[, rownames(task$x)[task$cells], drop = FALSE], group)
  }
  if ("sensitivity" %in% sources) {
    space <- do.call(gene_space, c(list(task$object, task$model), task$source), quote = TRUE)
    parts$sensitivity <- fate_sensitivity(task, space)
  }
  if (!is.null(screen)) {
    parts$activation <- screen_effects(check_screen(screen, task$model), sides)
  } else if ("activation" %in% sources) {
    parts$activation <- fate_activation(task)
  }
  parts
}

# The time at which ends are labelled; infinite for the span of IntegrateCells().
driver_end <- function(t.end, model) {
  if (!is.null(t.end)) {
    return(check_number(t.end, "t.end"))
  }
  if (model$type == "field") Inf else max(model$times)
}

positive_number <- function(x, argument) {
  x <- check_number(x, argument, min = 0)
  if (x == 0) stop_input(argument, "`", argument, "` must be above 0.")
  x
}

driver_sources <- c("expression", "sensitivity", "activation")

check_sources <- function(sources) {
  all <- driver_sources
  if (!is.character(sources) || length(sources) == 0L || !all(sources %in% all)) {
    stop_input("sources", "`sources` must be among ", quoted(all), ", not ", described(sources), ".")
  }
  sources
}

# The fate and its rivals, by name and by code among the labels of the reference cells.
fate_sides <- function(fate, against, references, counted) {
  if (is.null(fate)) {
    stop_input("fate", "`fate` is needed: one of ", quoted(references$labels[counted]), ".")
  }
  present <- references$labels[counted]
  fate <- check_among(check_string(fate, "fate"), present, "fate")
  against <- if (is.null(against)) setdiff(present, fate) else check_among(against, present, "against")
  if (length(against) == 0L || fate %in% against) {
    stop_input("against", "`against` must be other fates than ", quoted(fate), ".")
  }
  list(
    fate = fate, against = against, present = present, for.it = match(fate, references$labels),
    against.it = match(against, references$labels)
  )
}

# The predicted fate of each of the cells, as text.
predicted_fates <- function(predicted, task) {
  names <- rownames(task$x)[task$cells]
  if (is.null(predicted) && task$model$type == "field") {
    return(field_fates(task))
  }
  if (is.null(predicted)) predicted <- stored_fates(task)
  if (is.null(predicted)) {
    predicted <- predict_fates(
      task$x, model_engines(task$model), task$end, task$starts, task$cells, 10 * task$n.sim, of_present_fates(task),
      task$seed, task$verbose
    )
  }
  if (inherits(predicted, "fatefield_fate")) {
    lost <- setdiff(names, rownames(predicted$probability))
    if (length(lost) > 0L) {
      stop_input("predicted", "`predicted` has no fate of cell ", quoted(lost[[1L]]), ".")
    }
    return(as.character(predicted[names]$fate))
  }
  as.character(check_labels(cell_column(task$object, predicted, "predicted"), "predicted"))[task$cells]
}

# The definition with the fates that it comes to.
of_present_fates <- function(task) utils::modifyList(task$definition, list(fates = task$sides$present, exclude = NULL))

# Fates that PredictFate() left in the object, the last that answer the same question; NULL where none do.
stored_fates <- function(task) {
  if (is_plain_matrix(task$object)) {
    return(NULL)
  }
  for (name in rev(tool_names_of(task$object, "fates"))) {
    result <- fates_of_task(task, name)
    if (!is.null(result)) {
      rlang::inform(
        paste0("Using the fates ", quoted(name), " that PredictFate() left in the object; `predicted` takes others."),
        class = "fatefield_message_predicted"
      )
      return(result)
    }
  }
}

fates_of_task <- function(task, name) {
  models <- Filter(function(input) input$type == "model", tool(task$object, "results", "fates")[[name]]$inputs)
  if (length(models) == 0L || !identical(models[[1L]]$digest, model_digest(task$model))) {
    return(NULL)
  }
  result <- tryCatch(take_result(task$object, "fates", name), fatefield_error_stale = function(e) NULL)
  cells <- rownames(task$x)[task$cells]
  asked <- definition_digest(task$definition, task$sides$present, rownames_or_numbers(task$x))
  fits <- !is.null(result) && identical(result$definition, asked) && identical(result$time, task$end) &&
    all(cells %in% names(result$starts)) && identical(unname(result$starts[cells]), task$starts[task$cells])
  if (fits) result
}

check_group_sizes <- function(n, sides, least) {
  if (all(n >= least)) {
    return(invisible())
  }
  few <- if (n[[1L]] < least) list("fate", sides$fate, n[[1L]]) else list("against", sides$against, n[[2L]])
  stop_input(few[[1L]], "`", few[[1L]], "`: ", few[[3L]], " of the cells are predicted to become ",
    quoted(few[[2L]]), "; at least ", least, " are needed.")
}

# Genes x cells in log-normalised units; of a velocity field those of its own genes, where nothing else is asked.
driver_expression <- function(object, model, assay, expression) {
  if (model$type == "field" && is.null(assay) && is.null(expression)) {
    return(t(gene_space(object, model)$expression()))
  }
  expression_of(object, model, assay, expression)
}

# Wilcoxon's test and fold changes. `e`: genes x cells, log-normalised; `group`: 1, 2 or 0.
expression_by_fate <- function(e, group) {
  if (!methods::is(e, "dgCMatrix")) {
    if (is.matrix(e)) e <- Matrix::Matrix(e, sparse = TRUE)
    e <- methods::as(methods::as(methods::as(e, "dMatrix"), "generalMatrix"), "CsparseMatrix")
  }
  n <- c(sum(group == 1L), sum(group == 2L))
  test <- gene_rank_sums(e, group, thread_count())
  mean_of <- function(m, g) Matrix::rowSums(m[, group == g, drop = FALSE]) / n[[g]]
  level <- e
  level@x <- expm1(level@x)
  present <- e
  present@x <- as.numeric(present@x > 0)
  data.frame(
    gene = rownames(e), log2fc = log2(mean_of(level, 1L) + 1) - log2(mean_of(level, 2L) + 1),
    pct.1 = mean_of(present, 1L), pct.2 = mean_of(present, 2L), auc = test$statistic / prod(n), p = test$p,
    q = stats::p.adjust(test$p, "BH"), row.names = NULL
  )
}

# A screen of another model would answer another question.
check_screen <- function(screen, model) {
  if (inherits(screen, "fatefield_screen") && !identical(as.list(screen$settings)$model, model_digest(model))) {
    stop_stale("the screen in `screen`", "the model has been fitted anew, or is another", "ScreenPerturbations()")
  }
  screen
}

# The change of the margin by each gene of a screen, or the effects of a table.
screen_effects <- function(screen, sides) {
  if (inherits(screen, "fatefield_screen")) {
    effects <- over_members(screen$effects)[screen$genes, , drop = FALSE]
    lost <- setdiff(c(sides$fate, sides$against), colnames(effects))
    if (length(lost) > 0L) {
      stop_input("screen", "`screen` has no fate ", quoted(lost[[1L]]), "; it has ", quoted(colnames(effects)), ".")
    }
    margin <- effects[, sides$fate] - rowSums(effects[, sides$against, drop = FALSE])
    return(data.frame(gene = rownames(effects), activation = unname(margin)))
  }
  if (!is.data.frame(screen) || !all(c("gene", "effect") %in% names(screen))) {
    stop_input("screen", "`screen` must be a result of ScreenPerturbations(), or have the columns \"gene\" and ",
      "\"effect\", not ", if (is.data.frame(screen)) quoted(names(screen)) else described(screen), ".")
  }
  data.frame(gene = as.character(screen$gene), activation = as.numeric(screen$effect))
}

# The same from a screen of the cells of `task`, one for each time at which they are.
fate_activation <- function(task) {
  some <- sampled_progenitors(task)
  sde <- task$model$type == "sde"
  groups <- split(some, task$starts[some])
  parts <- lapply(groups, function(cells) {
    context <- perturb_context(
      task$object, task$model, of_present_fates(task), cells, if (sde) task$activation.sim, NULL,
      if (sde) task$starts[[cells[[1L]]]], if (is.finite(task$end)) task$end, task$source, task$seed, shared = TRUE
    )
    change <- check_change(context$space, context$space$genes, "shift", NULL, "z", NULL)
    screen_effects(screen_genes(context, change, 0L, NULL, 0.95, task$verbose), task$sides)
  })
  share <- lengths(groups) / length(some)
  effects <- vapply(parts, function(p) p$activation, numeric(nrow(parts[[1L]])))
  data.frame(gene = parts[[1L]]$gene, activation = drop(matrix(effects, ncol = length(parts)) %*% share))
}

# The column by which each answer ranks genes; positive is for the fate.
driver_score <- function(part, name) {
  score <- switch(name, expression = part$auc - 0.5, sensitivity = part$sensitivity, part$activation)
  stats::setNames(score, part$gene)
}

join_drivers <- function(parts, n.top) {
  table <- Reduce(function(a, b) merge(a, b, by = "gene", all = TRUE, sort = FALSE), parts)
  scores <- lapply(names(parts), function(name) driver_score(parts[[name]], name)[table$gene])
  names(scores) <- names(parts)
  table$combined <- rowMeans(vapply(scores, signed_ranks, numeric(nrow(table))), na.rm = TRUE)
  list(
    table = data.frame(table[order(-table$combined), ], row.names = NULL),
    agreement = driver_agreement(scores, n.top)
  )
}

# Ranks of the absolute values as shares of the largest, with the sign.
signed_ranks <- function(x) {
  sign(x) * rank(abs(x), na.last = "keep") / max(1, sum(!is.na(x)))
}

driver_agreement <- function(scores, n.top) {
  if (length(scores) < 2L) {
    return(NULL)
  }
  pairs <- utils::combn(names(scores), 2L, simplify = FALSE)
  do.call(rbind, lapply(pairs, function(pair) {
    both <- !is.na(scores[[pair[[1L]]]]) & !is.na(scores[[pair[[2L]]]])
    a <- scores[[pair[[1L]]]][both]
    b <- scores[[pair[[2L]]]][both]
    n <- length(a)
    most <- min(n.top, n)
    best <- function(v) order(-v)[seq_len(most)]
    shared <- length(intersect(best(a), best(b)))
    data.frame(
      first = pair[[1L]], second = pair[[2L]], genes = n, rho = stats::cor(a, b, method = "spearman"),
      overlap = shared, expected = most^2 / n, p = stats::phyper(shared - 1, most, n - most, most, lower.tail = FALSE)
    )
  }))
}
