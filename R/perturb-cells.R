# In-silico perturbation of cells: genes are moved in expression, the cells simulated beside controls with the same
# noise, and the fates compared. Takes an object with a model; gives a result of kind "perturbation", see
# R/perturb-cells-result.R.

#' Perturb genes of cells in a model
#'
#' The expression of some genes is changed in the cells that start, the change is brought into the model's space,
#' and the futures of the perturbed cells are compared with those of the same cells left alone.
#' Both arms have the same random numbers, trajectory by trajectory, so that what differs is due to the change.
#'
#' @section Basic use:
#' ```
#' change <- PerturbCells(cells, "Gata1", mode = "knockout")
#' change
#' plot(change)
#' ```
#' Fates are those of [DefineFates()].
#'
#' @section How a gene moves a cell:
#' For neural SDEs on a linear reduction, such as a PCA, a gene moves the state along its loadings: z becomes
#' z + dz, and the state x + dz times the loadings of the gene.
#' z is the expression less the mean over the standard deviation that the reduction was made with.
#' Both are found again from the object, and the coordinates recomputed from them must agree with those stored.
#' For velocity fields the genes are the state, and expression is `log1p()` of the normalised count.
#'
#' @section Modes:
#' * `"set"`: all cells get the same value, `at`.
#'   By default the 0.99 quantile of the gene over all cells.
#' * `"knockout"`: expression 0.
#'   `at = -10` repeats published practice, which is far from any cell.
#' * `"shift"`: each cell is moved by `at` standard deviations (default 2), not below 0.
#' * `"scale"`: counts are multiplied by `at` (default 2).
#' * `"clamp"`: as `"set"`, and the genes are held there to the end.
#'
#' Without holding, the change is one of the start alone, and a model may take it back within hours.
#' With `hold` a velocity field has derivative 0 for the genes, and pulling back to the cells does not move them; a
#' neural SDE is brought back after each step to its perturbed start along the loadings of the genes.
#'
#' @section Ends that meet the observed cells:
#' With `correct = TRUE` ends have the weights of `PredictFate(correct = TRUE)`, by which the cloud that unchanged cells
#' of the start time arrive at becomes the observed one.
#' They are found without any change, and are the same in all arms: what differs is due to the change, not to another
#' correction.
#' `correction` of the result says how much of the mass was moved; `p_mcnemar` counts futures as they are.
#'
#' @section Uncertainty:
#' Members of an ensemble that were trained from different seeds disagree about what a change does, and more
#' simulations do not help: with several members intervals and `p` are of the spread between them (Student's t).
#' A single model cannot tell how sure it is, however many cells it has: `p`, `q` and intervals are `NA` then.
#' Fit `n.models = 3` or more.
#'
#' What can be said over cells, of these models, stands beside: `se_cells`, `p_wilcoxon`, the signed-rank test of
#' Wilcoxon, and `p_mcnemar`, the exact test of McNemar of one future of each cell: those that come to a fate (`gained`)
#' against those that leave it (`lost`).
#' These tell whether the cells of a model change alike, and nothing of whether another training would agree.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix (cells x dims); for `summary()` a result.
#' @param genes (names) Genes to change, all at once.
#' @param model A model from [FitSDE()] or [FitVelocityField()], or the name of one in the object; `NULL` takes the
#'   neural SDE fitted last, or the velocity field where there is no other.
#' @param mode `"set"` (default), `"knockout"`, `"shift"`, `"scale"` or `"clamp"`, see below.
#' @param at What genes are brought to, or by how much: one number, or one for each gene.
#'   `NULL` takes values that cells have, see below.
#' @param units Units of `at`: `"z"` (default, standard deviations from the mean), `"quantile"` of the gene over all
#'   cells, or `"expression"` (log-normalised).
#'   Not used where `at` is `NULL`, and by mode `"scale"`.
#' @param hold Hold the genes to the end?
#'   `NULL` does so for mode `"clamp"`.
#' @param labels,fates,exclude,reference What counts as a fate, see [DefineFates()]; `NULL` takes what is defined there.
#'   For `plot()` `fates` are those shown.
#' @param k,weights,vote,cutoff How ends are labelled, see [DefineFates()].
#' @param cells (names, numbers or TRUE/FALSE) Cells that start; `NULL` takes those of the model's first time, or
#'   all for a velocity field.
#' @param n.sim Futures of each cell, member and arm; `NULL` takes 2,000 over the number of cells, at least 10; 1 for a
#'   velocity field.
#' @param time Times of the cells: a column, or one value for each cell.
#'   `NULL` takes those that the model has of them.
#'   The cells that start must be of one time.
#' @param t.start One time at which all cells start, in place of their own.
#' @param t.end End of the simulation in the units of the times; `NULL` takes the model's last time.
#'   For a velocity field the span to follow; `NULL` takes the time in which it crosses its data.
#' @param assay Assay with the log-normalised expression; `NULL` takes that of the model's reduction.
#' @param loadings A matrix of genes x dims, or `"regress"` for reductions without: ridge regression of the coordinates
#'   on up to 2,000 genes.
#'   `NULL` takes those of the reduction.
#' @param center,scale One value per gene of the loadings, by which expression becomes z; `NULL` finds them from the
#'   object.
#' @param expression A matrix of genes x cells in log-normalised units, for objects without.
#' @param interaction Several genes: simulate each alone too, and tell how far the whole is from the sum of the changes
#'   of log odds?
#' @param compat `"scdiffeq"` works as the original did: `replicates` draws of `n.cells` cells, one trajectory each,
#'   independent noise in both arms, `at` as an absolute z (default 10), majority of the neighbours, and Welch's t-test
#'   between the shares of the draws.
#'   That test measures how many trajectories were simulated; it is there for comparison.
#' @param replicates,n.cells For `compat`: defaults 5 and 200.
#' @param correct Weigh the ends of futures by the cells that were observed there, see below?
#'   `FALSE` (default) counts all futures alike.
#' @param conf.level Level of the intervals.
#' @param seed.use Seed of the simulations; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param ... For velocity fields options of [IntegrateCells()] by name: `noise`, `n.neighbors`, `solver`, `kappa`,
#'   `snap` and the others there.
#'   Other names are errors.
#'
#' @return A result of class `fatefield_perturbation`, see [results]:
#'   \item{table}{data.frame, one row per fate: `gene` (those changed), `fate`, probabilities `control` and `perturbed`
#'     among the fates, their difference `change` with `change_se`, `change_low` and `change_high`, `log2_ratio` with
#'     its own interval, `spread` (standard deviation between members), `se_cells` (standard error over cells), `p`,
#'     and `q` (Benjamini and Hochberg, over the fates); over cells, of these models: `p_wilcoxon`, `gained`, `lost`,
#'     `p_mcnemar`.
#'     With one member `change_se`, `p`, `q` and the intervals are `NA`.}
#'   \item{control, perturbed}{Probabilities, cells x fates x members.}
#'   \item{shift}{Change of each cell, cells x fates, mean over members.}
#'   \item{lost}{Shares of the mass that ends under labels that are no fates (`other`) or far from all labelled cells
#'     (`unassigned`), in both arms.}
#'   \item{off}{`share` of the perturbed starts that are farther from the cells than 99 \% of these from each other, and
#'     their median `distance` in that unit.}
#'   \item{interaction}{Where asked for: `expected` and `found` probability, `interaction` in log odds with interval.}
#'   `[` gives the result for some of the cells alone.
#'   `rbind()` and `c()` put changes of several genes with the same cells, model and settings in one table, whose `q`
#'   is over all of its rows.
#' @section Errors:
#' `fatefield_error_input` names the argument: genes that are not measured (all of them, with the nearest name) or not
#' among the features of the reduction, a reduction without loadings or one that they do not give back, fewer than two
#' fates, cells of different times.
#' A warning of class `fatefield_warning_manifold` tells where more than a fifth of the perturbed starts are off the
#' cells.
#' @references
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#'
#' Chen et al. (2022) DeepVelo: Single-cell transcriptomic deep velocity field learning with neural ordinary
#' differential equations. Science Advances 8.
#'
#' McNemar (1947) Note on the sampling error of the difference between correlated proportions or percentages.
#' Psychometrika 12.
#' @seealso [DoseResponse()], [ScreenPerturbations()], [DefineFates()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 40, n.futures = 0)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state")
#' change <- PerturbCells(cells, "fateA", n.sim = 5, verbose = FALSE)
#' change
#' summary(change)
#' plot(change)
#' @export
PerturbCells <- function(object, ...) UseMethod("PerturbCells")

#' @rdname PerturbCells
#' @export
PerturbCells.default <- function(object, genes, model = NULL, mode = c("set", "knockout", "shift", "scale", "clamp"),
                                 at = NULL, units = c("z", "quantile", "expression"), hold = NULL, labels = NULL,
                                 cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                 exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                 cutoff = NULL, assay = NULL, loadings = NULL, center = NULL, scale = NULL,
                                 expression = NULL, interaction = FALSE, compat = NULL, replicates = 5L,
                                 n.cells = 200L, correct = FALSE, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                 verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_flag(verbose, "verbose")
  if (missing(genes)) stop_genes()
  published <- !is.null(compat) && check_choice(compat, c("none", "scdiffeq"), "compat") == "scdiffeq"
  conf.level <- check_number(conf.level, "conf.level", min = 0, max = 1)
  if (published) n.sim <- 1L
  if (published && check_flag(correct, "correct")) {
    stop_input("correct", "`correct` is not known to `compat`: published behaviour has no such weights.")
  }
  context <- perturb_context(
    object, model, fate_definition(
      object, labels, fates, exclude, reference, k, weights, vote, cutoff, compat = if (published) "scdiffeq"
    ), cells, n.sim, time, t.start, t.end, list(assay, loadings, center, scale, expression), seed.use, list(...),
    correct
  )
  mode <- check_choice(mode, perturb_modes, "mode")
  if (published && is.null(at) && mode %in% c("set", "knockout")) at <- if (mode == "set") 10 else -10
  change <- check_change(context$space, genes, mode, at, units, hold)
  if (published) {
    return(perturb_as_published(
      context, change, check_count(replicates, "replicates", 2L), check_count(n.cells, "n.cells"), verbose
    ))
  }
  perturb_cells(context, change, check_flag(interaction, "interaction"), conf.level, verbose)
}

#' @rdname PerturbCells
#' @export
PerturbCells.Seurat <- function(object, genes, model = NULL, mode = c("set", "knockout", "shift", "scale", "clamp"),
                                at = NULL, units = c("z", "quantile", "expression"), hold = NULL, labels = NULL,
                                cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                cutoff = NULL, assay = NULL, loadings = NULL, center = NULL, scale = NULL,
                                expression = NULL, interaction = FALSE, compat = NULL, replicates = 5L,
                                n.cells = 200L, correct = FALSE, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                verbose = TRUE, ...) {
  call_worker(PerturbCells.default, ...)
}

#' @rdname PerturbCells
#' @export
PerturbCells.SingleCellExperiment <- PerturbCells.Seurat

stop_genes <- function() stop_input("genes", "`genes` is needed: the names of the genes that are changed.")

perturb_cells <- function(context, change, interaction, conf.level, verbose) {
  if (interaction && length(change$genes) < 2L) {
    stop_input("interaction", "`interaction` needs at least two genes.")
  }
  x <- start_states(context)
  arms <- list(list(states = x, hold = NULL), arm_of(context$space, change, x, context$futures$cells))
  if (interaction) {
    arms <- c(arms, lapply(seq_along(change$genes), function(i) {
      one <- utils::modifyList(change, list(genes = change$genes[[i]], at = change$at[[i]]))
      arm_of(context$space, one, x, context$futures$cells)
    }))
  }
  off <- off_manifold(context, arms[[2L]]$states)
  warn_off_manifold(off, describe_change(change))
  found <- run_arms(context, arms, verbose, first = TRUE)
  out <- list(
    change = change, control = found$probability[[1L]], perturbed = found$probability[[2L]],
    parts = if (interaction) stats::setNames(found$probability[-(1:2)], change$genes),
    ends = list(control = found$lost[[1L]], perturbed = found$lost[[2L]]), first = found$first[, 1:2, drop = FALSE],
    off = off, n.sim = context$futures$n.sim, t.start = context$futures$start, t.end = context$futures$end,
    correction = found$correction, seed = context$seed, conf.level = conf.level, cols = context$definition$cols,
    settings = context$settings
  )
  summed_perturbation(out)
}
