# Fates by the dose of a gene: one call over doses, all with the noise of one control. Takes an object with a model;
# gives a result of kind "dose".

#' Fates by the dose of genes
#'
#' Genes are brought to each of several values, and the cells simulated with the same random numbers at each; see
#' [PerturbCells()] for what is done to the genes and for the arguments not described here.
#'
#' @section Basic use:
#' ```
#' dose <- DoseResponse(cells, "Gata1", doses = seq(-2, 2, 0.5))
#' dose
#' plot(dose)
#' ```
#'
#' @inheritParams PerturbCells
#' @param doses Increasing values that the genes are brought to.
#'   Default: nine z values from -10 to 10, as published; the outer ones are far from any cell.
#' @param mode `"set"` (default) or `"clamp"`.
#' @return A result of class `fatefield_dose`, see [results]:
#'   \item{table}{data.frame, one row per dose and fate: `gene`, `dose`, `fate`, `probability` with `probability_low`
#'     and `probability_high`, `change` from the control with `change_se`, `change_low` and `change_high`, `log2_ratio`,
#'     and `off`, the share of starts off the cells.}
#'   \item{trend}{One row per fate: `slope` of the probability by dose with `slope_se`, `slope_low` and `slope_high`,
#'     `p`, `q` (Benjamini and Hochberg, over the fates), `p_wilcoxon`, `pearson` (of dose and log2 ratio over doses and
#'     members), and
#'     `half`, the dose at which half of the effect between the first and the last dose is reached, between doses by
#'     lines; `NA` where there is less than 0.01 between them.
#'     `summary()` gives this table.}
#'   `p` and intervals are of the spread between members; with one they are `NA`, see [PerturbCells()].
#'   `p_wilcoxon` of the trend is of the slope of each cell, over the cells of these models.
#'   `[` takes fates.
#' @section Errors:
#' As [PerturbCells()], and `doses` that do not increase.
#' @references Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine
#'   Intelligence 7.
#' @seealso [PerturbCells()], [ScreenPerturbations()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 40, n.futures = 0)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state")
#' dose <- DoseResponse(cells, "fateA", doses = c(-1, 0, 1), n.sim = 5, verbose = FALSE)
#' dose
#' plot(dose)
#' @export
DoseResponse <- function(object, ...) UseMethod("DoseResponse")

#' @rdname DoseResponse
#' @export
DoseResponse.default <- function(object, genes, doses = seq(-10, 10, length.out = 9L), model = NULL,
                                 mode = c("set", "clamp"), units = c("z", "quantile", "expression"), labels = NULL,
                                 cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                 exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                 cutoff = NULL, assay = NULL, loadings = NULL, center = NULL, scale = NULL,
                                 expression = NULL, correct = FALSE, conf.level = 0.95, seed.use = 42L,
                                 threads = NULL, verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  check_flag(verbose, "verbose")
  if (missing(genes)) stop_genes()
  conf.level <- check_number(conf.level, "conf.level", min = 0, max = 1)
  if (!is.numeric(doses) || length(doses) < 2L || any(!is.finite(doses)) || any(diff(doses) <= 0)) {
    stop_input("doses", "`doses` must be at least two increasing numbers, not ", described(doses), ".")
  }
  mode <- check_choice(mode, c("set", "clamp"), "mode")
  context <- perturb_context(
    object, model, fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff), cells, n.sim,
    time, t.start, t.end, list(assay, loadings, center, scale, expression), seed.use, list(...), correct
  )
  x <- start_states(context)
  changes <- lapply(doses, function(d) check_change(context$space, genes, mode, d, units, NULL))
  arms <- lapply(changes, function(change) arm_of(context$space, change, x, context$futures$cells))
  off <- vapply(arms, function(arm) off_manifold(context, arm$states)$share, numeric(1))
  found <- run_arms(context, c(list(list(states = x, hold = NULL)), arms), verbose, "Simulating doses")
  summed_doses(list(
    genes = changes[[1L]]$genes, mode = mode, units = changes[[1L]]$units, doses = as.numeric(doses),
    control = found$probability[[1L]], perturbed = found$probability[-1L], off = off, n.sim = context$futures$n.sim,
    correction = found$correction, conf.level = conf.level, cols = context$definition$cols
  ))
}

#' @rdname DoseResponse
#' @export
DoseResponse.Seurat <- function(object, genes, doses = seq(-10, 10, length.out = 9L), model = NULL,
                                mode = c("set", "clamp"), units = c("z", "quantile", "expression"), labels = NULL,
                                cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL, fates = NULL,
                                exclude = NULL, reference = NULL, k = NULL, weights = NULL, vote = NULL,
                                cutoff = NULL, assay = NULL, loadings = NULL, center = NULL, scale = NULL,
                                expression = NULL, correct = FALSE, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                verbose = TRUE, ...) {
  call_worker(DoseResponse.default, ...)
}

#' @rdname DoseResponse
#' @export
DoseResponse.SingleCellExperiment <- DoseResponse.Seurat

summed_doses <- function(x) {
  n <- dim(x$control)[[1L]] * x$n.sim
  fates <- dimnames(x$control)[[2L]]
  each <- lapply(x$perturbed, function(p) perturb_table(x$control, p, NULL, n, x$conf.level))
  table <- do.call(rbind, lapply(seq_along(each), function(d) {
    t <- each[[d]]
    data.frame(
      gene = paste(x$genes, collapse = " + "), dose = x$doses[[d]], fate = fates, probability = t$perturbed,
      probability_low = pmax(t$control + t$change_low, 0), probability_high = pmin(t$control + t$change_high, 1),
      t[c("change", "change_se", "change_low", "change_high", "log2_ratio")], off = x$off[[d]]
    )
  }))
  x$trend <- do.call(rbind, lapply(seq_along(fates), dose_trend, x = x, n = n))
  x$trend$q <- stats::p.adjust(x$trend$p, "BH")
  new_result("dose", table, x, by = "fate")
}

dose_trend <- function(f, x, n) {
  weights <- (x$doses - mean(x$doses)) / sum((x$doses - mean(x$doses))^2)
  members <- dim(x$control)[[3L]]
  mean_of <- function(a) colMeans(matrix(a[, f, ], ncol = members), na.rm = TRUE)
  means <- matrix(vapply(x$perturbed, mean_of, numeric(members)), members)
  slopes <- means %*% weights
  slope <- by_members(t(slopes), x$conf.level)
  cells <- Reduce(`+`, Map(function(p, w) over_members(p)[, f] * w, x$perturbed, weights))
  ratio <- log2_ratio(means, mean_of(x$control), n)
  dose <- rep(x$doses, each = members)
  data.frame(
    fate = dimnames(x$control)[[2L]][[f]], slope = slope$estimate, slope_se = slope$se, slope_low = slope$low,
    slope_high = slope$high, p = slope$p, p_wilcoxon = signed_rank(matrix(0, length(cells), 1L), matrix(cells)),
    pearson = if (stats::sd(ratio) > 0) stats::cor(dose, as.vector(ratio)) else NA_real_,
    half = half_dose(x$doses, colMeans(means))
  )
}

# Where the first line between doses passes the middle between the first and the last value.
half_dose <- function(doses, values, least = 0.01) {
  last <- length(values)
  if (anyNA(values) || abs(values[[last]] - values[[1L]]) < least) {
    return(NA_real_)
  }
  y <- (values - values[[1L]]) / (values[[last]] - values[[1L]])
  i <- which(y >= 0.5)[[1L]]
  doses[[i - 1L]] + (0.5 - y[[i - 1L]]) / (y[[i]] - y[[i - 1L]]) * (doses[[i]] - doses[[i - 1L]])
}

subset_result.fatefield_dose <- function(x, keep) {
  x <- subset_result.default(x, keep)
  x$trend <- x$trend[match(keep, x$trend$fate), , drop = FALSE]
  rownames(x$trend) <- NULL
  x
}

headline.fatefield_dose <- function(x) {
  size <- dim(x$control)
  row <- x$trend[which.max(abs(x$trend$slope)), ]
  short <- function(v) format(v, digits = 3L)
  ends <- x$table$probability[x$table$fate %in% row$fate]
  c(
    paste0(paste(x$genes, collapse = " + "), " at ", counted(length(x$doses), "dose"), " from ", format(x$doses[[1L]]),
      " to ", format(x$doses[[length(x$doses)]]), " (", x$units, "), ", counted(size[[1L]], "cell"), " x ",
      counted(x$n.sim, "future"), ", ", counted(size[[3L]], "model")),
    if (nrow(row) > 0L) paste0("probability of ", row$fate, " ", short(ends[[1L]]), " to ",
      short(ends[[length(ends)]]), "; slope ", with_interval(row$slope, row$slope_low, row$slope_high),
      with_p(row$p), if (!is.na(row$half)) paste0(", half of it at ", short(row$half))),
    if (size[[3L]] == 1L) one_member,
    correction_text(x)
  )
}

#' @rdname DoseResponse
#' @export
summary.fatefield_dose <- function(object, ...) object$trend
