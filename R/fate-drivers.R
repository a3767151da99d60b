# Genes that go with a fate and genes that would change it: takes progenitors with a model; gives, gene by gene,
# differential expression by predicted fate, the sensitivity of the fate to a change of the gene, the effect of
# activating it, and how far these agree. Sensitivities stand in fate-sensitivity.R.

#' Find genes that drive a fate
#'
#' Three answers to the question which genes lead cells to a `fate`, and how far they agree.
#'
#' **Expression**: progenitors predicted to become `fate` are compared with those predicted to become `against`,
#' by Wilcoxon's rank sum test of log-normalised expression, with the false discovery rate of Benjamini and
#' Hochberg.
#' It finds what marks the fate early, whatever the reason.
#'
#' **Sensitivity**: how much the margin of the fate, its share of the votes at the ends less that of `against`,
#' would change for a small change of one gene at the start, by one standard deviation of the gene.
#' Futures are simulated with the same random numbers from states a little to either side of the cells, along each
#' dimension of the model; the derivative is carried to genes by the loadings.
#' For models whose state is the genes, cells are moved along `n.directions` random directions, to either side,
#' and the change of the margin is regressed on them.
#' The mean over cells has a standard error from the cells and the ensemble.
#' It tells what the model does when the gene is moved, through the space that the model sees: genes of equal
#' loadings have equal sensitivities.
#'
#' **Activation**: each gene alone is raised by two standard deviations in the same cells, and the change of the margin
#' is simulated, as by [ScreenPerturbations()].
#' It is the sensitivity over a longer way, with the bends that the model has there.
#' `screen` takes a result of [ScreenPerturbations()] with other settings, or a table, in its place.
#'
#' A p value of the expression test knows nothing of the model's error: cells are sorted by the model, and are
#' taken as independent.
#'
#' @inheritParams PredictFate
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims) with `expression`.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   last one fitted.
#'   Along a velocity field each cell has one path.
#' @param time End of the simulations in the units of the time column; along a velocity field counted from the
#'   start; `NULL` takes the last time of the training, or that of [IntegrateCells()].
#' @param fate The fate, one of the labels.
#' @param against (strings) The other fates; `NULL` takes all the others.
#' @param cells (names, numbers or TRUE/FALSE) Progenitors; `NULL` takes those of the model's first time.
#' @param predicted Predicted fates of the cells: a column, one label for each cell of the object, or a result of
#'   [PredictFate()]; `NULL` predicts them.
#' @param sources Which answers: `"expression"`, `"sensitivity"`, `"activation"`; by default all three.
#' @param screen A result of [ScreenPerturbations()], or a table of the columns `gene` and `effect`, positive where
#'   activation helps the fate; `NULL` (default) simulates activations where `sources` asks for them.
#' @param assay Assay with the log-normalised expression; `NULL` takes that of the model's reduction.
#' @param expression Matrix genes x cells in log-normalised units, for objects without.
#' @param loadings Matrix genes x dims, or `"regress"`, where the reduction has none.
#' @param n.sim Simulations of each cell and member. Default 20; the fate is predicted by ten times as many.
#' @param max.cells At most this many cells, evenly spread, for sensitivity and activation. Default 200.
#' @param step Length of the step for the sensitivity, in standard deviations of the coordinates of the cells;
#'   of models of genes, of each gene. Default 0.25.
#' @param n.directions Random directions for models of genes. Default 20.
#' @param top Genes whose overlap is counted. Default 50.
#' @param min.cells Cells that each group needs at least. Default 3.
#'
#' @return A list of class `fatefield_drivers`:
#'   \item{table}{data.frame, one row per gene, the best `combined` first: `gene`; `log2fc` (as Seurat's),
#'     `pct.1`, `pct.2` (share of cells with the gene, of the fate and of the others), `auc`, `p`, `q`;
#'     `sensitivity`, `sensitivity_se`, `sensitivity_abs` (mean absolute value over cells); `activation`; and
#'     `combined`, the mean over the answers of the signed rank of the gene: 1 for what is strongest for the
#'     fate everywhere, -1 against it.}
#'   \item{agreement}{data.frame, one row per pair of answers: the `genes` both have, Spearman's `rho`, the
#'     `overlap` among the `top` genes for the fate, that `expected` by chance and its hypergeometric `p`.}
#'   \item{fate, against, n}{The fates and the numbers of cells predicted for them.}
#' @section Errors:
#'   `fatefield_error_input` names the argument: no such fate, too few cells predicted for one of the two
#'   groups, no expression, a reduction without loadings.
#' @references Wilcoxon (1945) Individual comparisons by ranking methods. Biometrics Bulletin 1. Benjamini, Hochberg
#'   (1995) Controlling the false discovery rate. Journal of the Royal Statistical Society B 57. Spall (1992)
#'   Multivariate stochastic approximation using a simultaneous perturbation gradient approximation. IEEE
#'   Transactions on Automatic Control 37.
#' @seealso [PredictFate()], [PlotFateDrivers()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' early <- which(cells$day <= 1)
#' drivers <- FindFateDrivers(cells, fate = "fateA", labels = "state", exclude = "progenitor", cells = early,
#'   sources = "expression", verbose = FALSE)
#' drivers
#' PlotFateDrivers(drivers)
#' @export
FindFateDrivers <- function(object, model = NULL, fate, against = NULL, labels = NULL, cells = NULL,
                            predicted = NULL, sources = driver_sources, screen = NULL,
                            time = NULL, start = NULL, fates = NULL, exclude = NULL, reference = NULL,
                            assay = NULL, expression = NULL, loadings = NULL, n.sim = 20L,
                            max.cells = 200L, step = 0.25, n.directions = 20L, top = 50L,
                            min.cells = 3L, k = NULL, weights = NULL, vote = NULL, cutoff = NULL,
                            seed.use = 42L, threads = NULL, verbose = TRUE) {
  local_threads(threads)
  check_object(object)
  if (is_plain_matrix(object) && is.null(model)) {
    stop_input("model", "`model` is needed: a matrix holds none; give one from FitSDE().")
  }
  model <- choose_model(object, model, type = c("sde", "field"))
  x <- model_coordinates(object, model)
  starts <- if (model$type == "field") numeric(nrow(x)) else cell_starts(object, model, time, t.start)
  cells <- if (is.null(cells)) which(starts == min(starts)) else check_cells(cells, rownames(x))
  sources <- check_sources(sources)
  labels <- label_column(object, labels)
  voters <- label_voters(voting_space(object, model, x), labels, reference,
    vote_options(k, weights, vote, cutoff, NULL, NULL))
  sides <- fate_sides(fate, against, voters, which_fates(voters, fates, exclude))
  task <- list(
    object = object, model = model, x = x, starts = starts, cells = cells, labels = labels, voters = voters,
    sides = sides, end = driver_end(time, model),
    n.sim = check_count(n.sim, "n.sim"), max.cells = check_count(max.cells, "max.cells"),
    step = positive_number(step, "step"), n.directions = check_count(n.directions, "n.directions"),
    seed = seed_from(seed.use), verbose = check_flag(verbose, "verbose")
  )
  parts <- list()
  found <- predicted_fates(predicted, task, list(
    reference = reference, k = k, weights = weights, vote = vote, cutoff = cutoff
  ))
  n <- c(sum(found %in% sides$fate), sum(found %in% sides$against))
  if ("expression" %in% sources) {
    check_group_sizes(n, sides, check_count(min.cells, "min.cells"))
    group <- ifelse(found %in% sides$fate, 1L, ifelse(found %in% sides$against, 2L, 0L))
    e <- driver_expression(object, model, assay, expression)[, rownames(x)[cells], drop = FALSE]
    parts$expression <- expression_by_fate(e, group)
  }
  if ("sensitivity" %in% sources) {
    space <- gene_space(object, model, assay = assay, loadings = loadings, expression = expression)
    parts$sensitivity <- fate_sensitivity(task, space)
  }
  if (!is.null(screen)) {
    parts$activation <- screen_effects(screen, sides)
  } else if ("activation" %in% sources) {
    parts$activation <- fate_activation(task, list(
      reference = reference, k = k, weights = weights, vote = vote, cutoff = cutoff, assay = assay, loadings = loadings,
      expression = expression
    ))
  }
  result <- join_drivers(parts, check_count(top, "top"))
  structure(
    c(result, list(fate = sides$fate, against = sides$against, n = n, top = top)),
    class = "fatefield_drivers"
  )
}

# The time at which ends are labelled; infinite for the span of IntegrateCells().
driver_end <- function(time, model) {
  if (!is.null(time)) {
    return(check_number(time, "time"))
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

# The fate and its rivals, by name and by code among the labels that vote.
fate_sides <- function(fate, against, voters, counted) {
  if (missing(fate) || is.null(fate)) {
    stop_input("fate", "`fate` is needed: one of ", quoted(voters$labels[counted]), ".")
  }
  present <- voters$labels[counted]
  fate <- check_among(check_string(fate, "fate"), present, "fate")
  against <- if (is.null(against)) setdiff(present, fate) else check_among(against, present, "against")
  if (length(against) == 0L || fate %in% against) {
    stop_input("against", "`against` must be other fates than ", quoted(fate), ".")
  }
  list(
    fate = fate, against = against, present = present, for.it = match(fate, voters$labels),
    against.it = match(against, voters$labels)
  )
}

# The predicted fate of each of the cells, as text.
predicted_fates <- function(predicted, task, voting) {
  names <- rownames(task$x)[task$cells]
  if (is.null(predicted) && task$model$type == "field") {
    return(field_fates(task))
  }
  if (is.null(predicted)) {
    predicted <- do.call(PredictFate.default, c(list(
      task$object, task$model, labels = task$labels, cells = task$cells, n.sim = 10L * task$n.sim,
      time = task$end, start = task$starts, fates = task$sides$present, seed.use = task$seed,
      verbose = task$verbose
    ), voting))
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
    stop_input("screen", "`screen` must be a result of ScreenPerturbations(), or have the columns \"gene\" and \"effect\", ",
      "not ", if (is.data.frame(screen)) quoted(names(screen)) else described(screen), ".")
  }
  data.frame(gene = as.character(screen$gene), activation = as.numeric(screen$effect))
}

# The same from a screen of the cells of `task`, one for each time at which they are; `more`: its arguments by name.
fate_activation <- function(task, more) {
  some <- sampled_progenitors(task)
  groups <- split(some, task$starts[some])
  parts <- lapply(groups, function(cells) {
    screen <- do.call(ScreenPerturbations, c(list(
      task$object, model = task$model, mode = "shift", labels = task$labels, cells = cells,
      n.sim = if (task$model$type == "sde") task$n.sim, time = if (is.finite(task$end)) task$end,
      fates = task$sides$present, n.null = 0L, seed.use = task$seed, verbose = task$verbose, start = if (task$model$type == "sde") task$starts[[cells[[1L]]]]
    ), more))
    screen_effects(screen, task$sides)
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

join_drivers <- function(parts, top) {
  table <- Reduce(function(a, b) merge(a, b, by = "gene", all = TRUE, sort = FALSE), parts)
  scores <- lapply(names(parts), function(name) driver_score(parts[[name]], name)[table$gene])
  names(scores) <- names(parts)
  table$combined <- rowMeans(vapply(scores, signed_ranks, numeric(nrow(table))), na.rm = TRUE)
  list(
    table = data.frame(table[order(-table$combined), ], row.names = NULL),
    agreement = driver_agreement(scores, top)
  )
}

# Ranks of the absolute values as shares of the largest, with the sign.
signed_ranks <- function(x) {
  sign(x) * rank(abs(x), na.last = "keep") / max(1, sum(!is.na(x)))
}

driver_agreement <- function(scores, top) {
  if (length(scores) < 2L) {
    return(NULL)
  }
  pairs <- utils::combn(names(scores), 2L, simplify = FALSE)
  do.call(rbind, lapply(pairs, function(pair) {
    both <- !is.na(scores[[pair[[1L]]]]) & !is.na(scores[[pair[[2L]]]])
    a <- scores[[pair[[1L]]]][both]
    b <- scores[[pair[[2L]]]][both]
    n <- length(a)
    most <- min(top, n)
    best <- function(v) order(-v)[seq_len(most)]
    shared <- length(intersect(best(a), best(b)))
    data.frame(
      first = pair[[1L]], second = pair[[2L]], genes = n, rho = stats::cor(a, b, method = "spearman"),
      overlap = shared, expected = most^2 / n, p = stats::phyper(shared - 1, most, n - most, most, lower.tail = FALSE)
    )
  }))
}

#' @export
as.data.frame.fatefield_drivers <- function(x, row.names = NULL, optional = FALSE, ...) x$table

#' @export
print.fatefield_drivers <- function(x, ...) {
  cat("genes for ", quoted(x$fate), " (", x$n[[1L]], " cells) against ", quoted(x$against, 6L), " (",
    x$n[[2L]], " cells): ", nrow(x$table), "\n", sep = "")
  shown <- utils::head(x$table, 10L)
  print(data.frame(lapply(shown, function(v) if (is.numeric(v)) signif(v, 3L) else v)), row.names = FALSE)
  if (!is.null(x$agreement)) {
    cat("agreement of the answers, and overlap of their first ", x$top, " genes\n", sep = "")
    print(data.frame(lapply(x$agreement, function(v) if (is.numeric(v)) signif(v, 3L) else v)),
      row.names = FALSE)
  }
  invisible(x)
}
