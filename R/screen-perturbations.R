# One gene at a time, for all genes: a control is simulated once, and every gene's arm has its noise. Takes an object
# with a model; gives a result of kind "screen".

# Genes matched to each: random ones, and others where the state is the genes.
screen_random <- 100L
screen_matched <- 200L

# Trajectories simulated between two looks at the progress, after which an interrupt keeps what is done.
screen_chunk <- 50000L

# Trajectories that reach a fate, so that its changes can be tested.
screen_rare <- 10

#' Screen perturbations of single genes
#'
#' Each gene is changed alone, as by [PerturbCells()]; see there for arguments not described here.
#' The control is simulated once and shared.
#'
#' @section Basic use:
#' ```
#' screen <- ScreenPerturbations(cells)
#' screen
#' plot(screen)
#' ```
#'
#' @section What is tested:
#' Every gene moves the state, so that with enough simulations every gene is "significant".
#' What is asked instead is whether a gene does more than a random one that moves cells as far.
#' On a linear reduction `n.null` random genes are simulated beside: each has the expression of a gene of the
#' reduction, and loadings of the same length in a random direction, drawn with the covariance of the loadings of all
#' genes.
#' `p` compares the effect of a gene with those of the 100 that move cells most nearly as far, in proportion to how far,
#' by their median, standard deviation and Student's t; `p_rank` is the share of them that are as extreme.
#' So `p` is uniform for genes whose loadings point nowhere in particular, whatever the others do.
#' Where the state is the genes, as for velocity fields, the comparison is with the 200 genes that are nearest in mean
#' expression and in how far they move cells (in ranks), by their median and the larger of their median absolute and
#' standard deviation; where fewer are asked for, `n.null` others are simulated beside them.
#' A held gene also counts where ends are labelled, which shows in genes that mark a fate.
#' `p` is `NA` where fewer than 10 trajectories reach the fate in both arms.
#'
#' All this is asked of the models at hand.
#' One model cannot tell whether another training would agree: `p`, `q` and intervals are `NA` then, and `p_genes` and
#' `q_genes` hold what the comparison with other genes says of this one model.
#' Fit `n.models = 3` or more.
#'
#' @section How exact it is:
#' By default 2,000 futures of each gene are simulated by all members together, not by each.
#' Genes and control have the same noise, so that the Monte-Carlo error is that of the difference alone.
#' For three models of 3,000 simulated cells, 50 of which start, its standard error was 0.3 to 0.8 (by fate) of the
#' standard error between members, which more futures do not make smaller; `n.sim = 40`, three times as many, made it
#' 0.3 to 0.4.
#' With 100 random genes as with 200, `z` by others drawn anew differed by a tenth of its size, and 2 to 6 \% of random
#' genes had `p` below 0.05.
#' Take more where `change_se` is small and genes of like `change` shall be told apart.
#'
#' @section Workers:
#' After `future::plan(multisession)` or another plan of workers, genes are simulated by them, each on one thread.
#' The result is the same.
#' What a worker held that died is started again on another; after three times the error is of class
#' `fatefield_error_worker`.
#' On one machine threads do as much without copies of the cells; workers are for several machines.
#'
#' @inheritParams PerturbCells
#' @param genes (names) Genes to screen; `NULL` takes all that can be moved.
#' @param n.sim Futures of each cell, member and gene; `NULL` takes 2,000 over the number of cells and members, and at
#'   least 10 of each cell by all members together; 1 for a velocity field.
#' @param n.null Random or other genes that are simulated for comparison, see above.
#'   With `NULL` there are as many as a gene is compared with: 100 random ones, or 200 others where the state is the
#'   genes.
#'   0 leaves `p` out on a linear reduction.
#' @param resume A result of this function with the same model, cells and settings, whose genes are not simulated again.
#' @return A result of class `fatefield_screen`, see [results]: `table` is a data.frame of one row per gene and fate,
#'   most extreme first: `gene`, `fate`, `control` (probability), `change` with `change_se`, `change_low` and
#'   `change_high` (between members), `log2_ratio`, `z`, `p`, `p_rank` and `q` (Benjamini and Hochberg, over the genes
#'   of each fate), and `p_genes` and `q_genes`, the same for any number of models.
#'   `effects` (genes x fates x members) and `errors` (the standard errors over cells) are beside it.
#'   `summary()` has a row per fate; `[` takes genes, whose p and q stay as they are; `rbind()` and `c()` put screens of
#'   other genes with the same model, cells and settings together, and test them anew.
#'   `plot()`: a ggplot.
#'   An interrupt gives what is done so far, with a warning of class `fatefield_warning_incomplete`.
#' @section Errors:
#' As [PerturbCells()], and `resume` of other settings, which are named.
#' `fatefield_error_stale`: `resume` was made with a model that has been fitted anew since.
#' @seealso [PerturbCells()], [FindFateDrivers()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 40, n.futures = 0)
#' cells <- FitSDE(cells, time = "day", reduction = "pca", updates = 20, verbose = FALSE)
#' cells <- DefineFates(cells, labels = "state")
#' screen <- ScreenPerturbations(cells, mode = "shift", n.sim = 2, n.null = 20, verbose = FALSE)
#' screen
#' summary(screen)
#' plot(screen, fates = "fateA")
#' @export
ScreenPerturbations <- function(object, ...) UseMethod("ScreenPerturbations")

#' @rdname ScreenPerturbations
#' @export
ScreenPerturbations.default <- function(object, genes = NULL, model = NULL,
                                        mode = c("set", "knockout", "shift", "scale", "clamp"), at = NULL,
                                        units = c("z", "quantile", "expression"), hold = NULL, labels = NULL,
                                        cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL,
                                        fates = NULL, exclude = NULL, reference = NULL, k = NULL, weights = NULL,
                                        vote = NULL, cutoff = NULL, assay = NULL, loadings = NULL, center = NULL,
                                        scale = NULL, expression = NULL, n.null = NULL, resume = NULL,
                                        correct = FALSE, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                        verbose = TRUE, ...) {
  local_threads(threads)
  check_object(object)
  context <- perturb_context(
    object, model, fate_definition(object, labels, fates, exclude, reference, k, weights, vote, cutoff), cells, n.sim,
    time, t.start, t.end, list(assay, loadings, center, scale, expression), seed.use, list(...), correct, shared = TRUE
  )
  if (is.null(genes)) genes <- context$space$genes
  screen_genes(
    context, check_change(context$space, genes, mode, at, units, hold), n.null, resume,
    check_number(conf.level, "conf.level", min = 0, max = 1), check_flag(verbose, "verbose")
  )
}

#' @rdname ScreenPerturbations
#' @export
ScreenPerturbations.Seurat <- function(object, genes = NULL, model = NULL,
                                       mode = c("set", "knockout", "shift", "scale", "clamp"), at = NULL,
                                       units = c("z", "quantile", "expression"), hold = NULL, labels = NULL,
                                       cells = NULL, n.sim = NULL, time = NULL, t.start = NULL, t.end = NULL,
                                       fates = NULL, exclude = NULL, reference = NULL, k = NULL, weights = NULL,
                                       vote = NULL, cutoff = NULL, assay = NULL, loadings = NULL, center = NULL,
                                       scale = NULL, expression = NULL, n.null = NULL, resume = NULL,
                                       correct = FALSE, conf.level = 0.95, seed.use = 42L, threads = NULL,
                                       verbose = TRUE, ...) {
  call_worker(ScreenPerturbations.default, ...)
}

#' @rdname ScreenPerturbations
#' @export
ScreenPerturbations.SingleCellExperiment <- ScreenPerturbations.Seurat

# `change`: as check_change() gives it, of all genes that are screened.
screen_genes <- function(context, change, n.null, resume, conf.level, verbose) {
  if (length(unique(change$at)) > 1L) stop_input("at", "`at` must be one number for all genes of a screen.")
  settings <- c(context$settings, change[c("mode", "units", "hold")], list(at = change$at[[1L]]))
  done <- check_resume(resume, settings)
  space <- context$space
  linear <- space$kind == "linear"
  n.null <- if (is.null(n.null)) {
    if (linear) screen_random else screen_matched
  } else {
    check_count(n.null, "n.null", min = 0L)
  }
  if (linear) space <- context$space <- with_random_genes(space, n.null, context$seed)
  size <- gene_sizes(space, change, context$futures$cells)
  like <- if (!linear) gene_likeness(space, size)
  null <- if (linear) space$random else null_genes(change$genes, like, n.null)
  todo <- setdiff(c(change$genes, null), dimnames(done$effects)[[1L]])
  found <- run_screen(context, change, todo, verbose)
  summed_screen(list(
    genes = change$genes, change = change, effects = bind_genes(done$effects, found$effects),
    errors = bind_genes(done$errors, found$errors), control = if (is.null(found)) done$control else found$control,
    correction = if (is.null(found)) done$correction else found$correction,
    size = size, like = like, random = space$random, settings = settings, n.sim = context$futures$n.sim,
    n = length(context$futures$cells) * context$futures$n.sim, conf.level = conf.level, cols = context$definition$cols
  ))
}

# A space with random genes beside its own, named in `random`: donors of expression in turn, loadings of their length in
# directions drawn with the covariance of all loadings.
with_random_genes <- function(space, n, seed) {
  own <- space$genes
  names <- sprintf("random %d", seq_len(n))
  donor <- stats::setNames(c(own, rep_len(own, n)), c(own, names))
  loadings <- as.matrix(space$loadings)
  long <- sqrt(rowSums(loadings^2))
  spread <- svd(loadings, nu = 0L)
  drawn <- random_directions(n, spread$d * t(spread$v), seed) * long[unname(donor[names])]
  dimnames(drawn) <- list(names, colnames(loadings))
  all <- rbind(loadings, drawn)
  of_donors <- function(x) stats::setNames(x[unname(donor)], names(donor))
  utils::modifyList(space, list(
    genes = c(own, names), random = names, loadings = all, centre = of_donors(space$centre),
    scale = of_donors(space$scale),
    expression = function(cells = NULL, genes = NULL) {
      if (is.null(genes)) return(space$expression(cells, own))
      e <- space$expression(cells, unname(donor[genes]))
      colnames(e) <- genes
      e
    },
    shift = function(states, dz) states + dz %*% all[colnames(dz), , drop = FALSE]
  ))
}

# Genes whose expression is made dense at a time.
gene_blocks <- function(genes) unname(split(genes, (seq_along(genes) - 1L) %/% 500L))

# How far each gene moves the cells that start: the root of the mean square of the change of state; where the state is
# the genes, of the logarithm of expression.
gene_sizes <- function(space, change, cells) {
  long <- if (space$kind == "genes") space$scale else sqrt(Matrix::rowSums(space$loadings^2))
  parts <- lapply(gene_blocks(space$genes), function(genes) {
    all <- utils::modifyList(change, list(genes = genes, at = rep(change$at[[1L]], length(genes))))
    sqrt(colMeans(change_of_z(space, all, cells)^2))
  })
  stats::setNames(unlist(parts, use.names = FALSE) * long, space$genes)
}

# Mean expression and how far cells are moved, by which genes are matched, genes x 2 in ranks.
gene_likeness <- function(space, size) {
  mean <- lapply(gene_blocks(space$genes), function(g) colMeans(space$expression(NULL, g)))
  out <- matching_features(unlist(mean, use.names = FALSE), size)
  rownames(out) <- space$genes
  out
}

# Other genes to compare with, those most like any of the genes first.
null_genes <- function(genes, like, n) {
  others <- setdiff(rownames(like), genes)
  if (length(genes) >= screen_matched || n == 0L || length(others) == 0L) {
    return(character())
  }
  far <- vapply(genes, function(g) colSums((t(like[others, , drop = FALSE]) - like[g, ])^2), numeric(length(others)))
  near <- apply(matrix(far, length(others)), 1L, min)
  others[order(near)[seq_len(min(n, length(others)))]]
}

check_resume <- function(resume, settings) {
  if (is.null(resume)) {
    return(NULL)
  }
  if (!inherits(resume, "fatefield_screen")) {
    stop_input("resume", "`resume` must be a result of ScreenPerturbations(), not ", described(resume), ".")
  }
  if (!is.list(resume$settings)) {
    stop_input("resume", "`resume` was made by fatefield 0.1.0, which did not keep its settings; screen anew.")
  }
  if (!identical(resume$settings$model, settings$model)) {
    stop_stale("the screen in `resume`", "the model has been fitted anew, or is another", "ScreenPerturbations()")
  }
  differ <- other_settings(resume$settings, settings)
  if (length(differ) > 0L) {
    stop_input("resume", "`resume` was made with other settings: ", paste0("`", differ, "`", collapse = ", "),
      ". Give what it was made with, or screen anew.")
  }
  resume
}

# Effects and their errors, genes x fates x members, of as many genes as were done before an interrupt.
run_screen <- function(context, change, genes, verbose) {
  if (length(genes) == 0L) {
    return(NULL)
  }
  workers <- plan_workers()
  most <- max(1L, screen_chunk %/% (length(context$futures$cells) * context$futures$n.sim))
  most <- min(most, ceiling(length(genes) / workers))
  batches <- unname(split(genes, (seq_along(genes) - 1L) %/% most))
  tick <- progress_bar(length(genes), "Screening genes", verbose)
  members <- opened_members(context)
  control <- screen_control(context, members)
  found <- plan_chunks(
    batches, screen_worker(context, change, control, if (workers == 1L) members),
    function(n) tick(sum(lengths(batches[seq_len(n)]))), workers = workers
  )
  parts <- found$results
  if (!found$whole) {
    rlang::warn(paste0("The screen was interrupted after ", sum(lengths(batches[seq_along(parts)])), " of ",
      length(genes), " genes; go on with `resume`."), class = "fatefield_warning_incomplete")
  }
  joined <- function(name) Reduce(bind_genes, lapply(parts, `[[`, name))
  means <- vapply(control, colMeans, numeric(length(context$fates)), na.rm = TRUE)
  list(effects = joined("effects"), errors = joined("errors"),
    control = matrix(means, length(context$fates), dimnames = list(fate_names(context), NULL)),
    correction = correction_of(context, lapply(members, `[[`, "moved")))
}

# Probabilities of the fates of the cells left alone, cells x fates, by member.
screen_control <- function(context, members) {
  references <- context_references(context)
  alone <- list(list(states = start_states(context), hold = NULL))
  lapply(seq_along(members), function(m) {
    shares <- members[[m]]$shares(references, alone, context$seed + m - 1)
    fate_probability(shares[[1L]]$share, context$fates)
  })
}

# A function of a batch of genes: their effects. `members`: engines of this session; others open their own.
screen_worker <- function(context, change, control, members = NULL) {
  force_all(context, change, control)
  references <- if (!is.null(members)) context_references(context)
  function(batch, tick) {
    if (is.null(members)) {
      return(screen_batch(context, change, batch, opened_members(context), context_references(context), control))
    }
    screen_batch(context, change, batch, members, references, control)
  }
}

screen_batch <- function(context, change, genes, members, references, control) {
  x <- start_states(context)
  arms <- arms_of_genes(context$space, change, genes, x, context$futures$cells)
  size <- c(length(genes), length(context$fates), length(members))
  effects <- errors <- array(NA_real_, size, list(genes, fate_names(context), NULL))
  for (m in seq_along(members)) {
    found <- members[[m]]$shares(references, arms, context$seed + m - 1)
    for (g in seq_along(genes)) {
      shift <- fate_probability(found[[g]]$share, context$fates) - control[[m]]
      known <- pmax(colSums(!is.na(shift)), 1)
      effects[g, , m] <- colMeans(shift, na.rm = TRUE)
      errors[g, , m] <- apply(shift, 2L, stats::sd, na.rm = TRUE) / sqrt(known)
    }
  }
  list(effects = effects, errors = errors)
}

# Arrays one below the other along genes.
bind_genes <- function(a, b) {
  if (is.null(a)) return(b)
  if (is.null(b)) return(a)
  out <- array(NA_real_, c(dim(a)[[1L]] + dim(b)[[1L]], dim(a)[-1L]),
    list(c(dimnames(a)[[1L]], dimnames(b)[[1L]]), dimnames(a)[[2L]], NULL))
  out[seq_len(dim(a)[[1L]]), , ] <- a
  out[dim(a)[[1L]] + seq_len(dim(b)[[1L]]), , ] <- b
  out
}

# `x`: the parts of a screen; the table follows from them.
summed_screen <- function(x) {
  x <- unclass(x)[setdiff(names(x), "table")]
  all <- dimnames(x$effects)[[1L]]
  shown <- intersect(x$genes, all)
  mean <- over_members(x$effects)
  tables <- lapply(colnames(mean), function(f) {
    interval <- screen_interval(x, shown, f)
    test <- screen_test(x, mean[, f], shown)
    before <- base::mean(x$control[f, ])
    rare <- (before + pmax(mean[shown, f], 0)) * x$n * dim(x$effects)[[3L]] < screen_rare
    test[which(rare), ] <- NA_real_
    q <- stats::p.adjust(test$p, "BH")
    data.frame(gene = shown, fate = f, control = before, change = mean[shown, f], change_se = interval$se,
      change_low = interval$low, change_high = interval$high,
      log2_ratio = log2_ratio(pmin(pmax(before + mean[shown, f], 0), 1), before, x$n), z = test$z,
      p = if (of_one_model(x)) NA_real_ else test$p, p_rank = test$p_rank, q = if (of_one_model(x)) NA_real_ else q,
      p_genes = test$p, q_genes = q)
  })
  table <- do.call(rbind, tables)
  new_result("screen", table[order(table$p_genes, -abs(table$change)), ], x, by = "gene")
}

of_one_model <- function(x) dim(x$effects)[[3L]] == 1L

screen_interval <- function(x, genes, fate) {
  by_members(matrix(x$effects[genes, fate, ], length(genes)), x$conf.level)
}

# `effect`: of all genes that were simulated; `shown`: those that were asked for.
screen_test <- function(x, effect, shown) {
  all <- names(effect)
  if (is.null(x$like)) {
    random <- intersect(x$random, all)
    return(random_test(effect[shown], x$size[shown], effect[random], x$size[random], screen_random))
  }
  pool <- if (length(shown) > screen_matched || length(all) == length(shown)) all else setdiff(all, shown)
  matched_test(effect[shown], x$like[shown, , drop = FALSE], effect[pool], x$like[pool, , drop = FALSE],
    match(shown, pool), screen_matched)
}

subset_result.fatefield_screen <- function(x, keep) {
  beside <- setdiff(dimnames(x$effects)[[1L]], x$genes)
  x <- subset_result.default(x, keep)
  x$effects <- x$effects[c(keep, beside), , , drop = FALSE]
  x$errors <- x$errors[c(keep, beside), , , drop = FALSE]
  x$change[c("genes", "at")] <- list(keep, rep(x$change$at[[1L]], length(keep)))
  x$genes <- keep
  x
}

bind_results.fatefield_screen <- function(first, parts) {
  fits <- vapply(parts, inherits, logical(1), "fatefield_screen")
  if (!all(fits)) stop_input("...", "Only results of ScreenPerturbations() can be bound with each other.")
  check_same_settings(lapply(parts, `[[`, "settings"))
  summed_screen(Reduce(function(x, more) {
    new <- setdiff(dimnames(more$effects)[[1L]], dimnames(x$effects)[[1L]])
    x$effects <- bind_genes(x$effects, more$effects[new, , , drop = FALSE])
    x$errors <- bind_genes(x$errors, more$errors[new, , , drop = FALSE])
    x$genes <- union(x$genes, more$genes)
    x$random <- union(x$random, more$random)
    x$size <- c(x$size, more$size[setdiff(names(more$size), names(x$size))])
    x$change[c("genes", "at")] <- list(x$genes, rep(x$change$at[[1L]], length(x$genes)))
    x
  }, parts))
}

#' @rdname ScreenPerturbations
#' @export
c.fatefield_screen <- function(...) bind_results(..1, list(...))

headline.fatefield_screen <- function(x) {
  t <- x$table
  tested <- any(is.finite(t$p_genes))
  one <- of_one_model(x)
  row <- t[if (tested) 1L else which.max(abs(t$change)), ]
  c(
    paste0("screen of ", counted(length(unique(t$gene)), "gene"), ", ", counted(dim(x$effects)[[3L]], "model"), ", ",
      format(x$n, big.mark = ","), " trajectories each: ", if (one) one_member else if (tested) {
        paste0(counted(sum(t$q < 0.05, na.rm = TRUE), "effect"), " at a false discovery rate of 0.05")
      } else "effects are not tested"),
    if (nrow(row) > 0L) paste0(if (tested && one) "farthest from what other genes do: " else
      if (tested) "most extreme: " else "largest: ", row$gene, " on ", row$fate, ", change ",
      with_interval(round(row$change, 3L), round(row$change_low, 3L), round(row$change_high, 3L)),
      if (tested && one) paste0(", z ", format(row$z, digits = 2L)),
      if (tested && !one) paste0(", q ", format(row$q, digits = 2L))),
    correction_text(x)
  )
}

#' @rdname ScreenPerturbations
#' @export
summary.fatefield_screen <- function(object, ...) {
  rows <- lapply(split(object$table, factor(object$table$fate, unique(object$table$fate))), function(t) {
    best <- t[which.max(abs(t$change)), c("gene", "change", "change_se", "change_low", "change_high", "p", "q")]
    data.frame(fate = t$fate[[1L]], control = t$control[[1L]], genes = nrow(t),
      found = if (of_one_model(object)) NA_integer_ else sum(t$q < 0.05, na.rm = TRUE), largest = best$gene, best[-1L])
  })
  data.frame(do.call(rbind, rows), row.names = NULL)
}

#' @rdname ScreenPerturbations
#' @param x A screen.
#' @param type `"volcano"` (default): change against `p_genes`, one panel per fate, in the fate's colour where `q_genes`
#'   is below 0.05; `"heatmap"`: change of the genes with the largest changes, by fate.
#' @param n.label Number of genes named in each panel, the largest changes with q < 0.05 first, or shown in the heat
#'   map.
#' @param repel Keep names apart, where the package ggrepel is installed?
#' @export
plot.fatefield_screen <- function(x, type = c("volcano", "heatmap"), fates = NULL, n.label = 10L, repel = TRUE, ...) {
  check_no_dots(names(formals(plot.fatefield_screen)), ...)
  type <- check_choice(type, c("volcano", "heatmap"), "type")
  n.label <- check_count(n.label, "n.label", min = 0L)
  table <- rows_of_fates(x$table, fates)
  if (type == "heatmap") draw_screen_map(table, n.label) else
    draw_volcano(table, x$cols, n.label, repel, of_one_model(x))
}
