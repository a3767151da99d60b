# What PerturbCells() gives, and several of them in one table. A perturbation holds arrays of probabilities, cells x
# fates x members, of both arms; all else follows from these.

# `x`: the parts of a perturbation; what follows from its cells is put beside.
summed_perturbation <- function(x) {
  n <- dim(x$control)[[1L]] * x$n.sim
  x$shift <- over_members(x$perturbed) - over_members(x$control)
  x$lost <- t(vapply(x$ends, function(a) apply(a, 2L, mean, na.rm = TRUE), numeric(2)))
  if (!is.null(x$parts)) {
    x$interaction <- interaction_table(x$control, x$perturbed, x$parts, n, x$conf.level)
  }
  table <- perturb_table(x$control, x$perturbed, x$first, n, x$conf.level)
  new_result("perturbation", data.frame(gene = changed_genes(x$change), table), x)
}

#' @rdname PerturbCells
#' @param x A perturbation.
#' @param i (names, numbers or TRUE/FALSE) Cells to keep; of several perturbations genes.
#' @export
`[.fatefield_perturbation` <- function(x, i, ...) {
  if (!is.null(x$published)) stop_input("x", "A result of `compat = \"scdiffeq\"` holds no cells to choose from.")
  present <- rownames(x$control)
  subset_result(x, present[check_cells(i, present, "i")])
}

# `keep`: names of cells.
subset_result.fatefield_perturbation <- function(x, keep) {
  rows <- match(keep, rownames(x$control))
  some <- function(a) a[rows, , , drop = FALSE]
  parts <- unclass(x)[setdiff(names(x), "table")]
  parts$control <- some(x$control)
  parts$perturbed <- some(x$perturbed)
  parts$ends <- lapply(x$ends, some)
  if (!is.null(x$parts)) parts$parts <- lapply(x$parts, some)
  parts$first <- x$first[rows, , drop = FALSE]
  # Other cells are another setting: such parts are bound with parts of the same cells alone.
  parts$settings$cells <- rlang::hash(list(x$settings$cells, rows))
  summed_perturbation(parts)
}

headline.fatefield_perturbation <- function(x) {
  if (!is.null(x$published)) {
    return(headline_published(x))
  }
  size <- dim(x$control)
  c(
    largest_change(x$table, describe_change(x$change)),
    paste0(counted(size[[1L]], "cell"), " x ", counted(x$n.sim, "future"), " to ", format(x$t.end), ", ",
      counted(size[[3L]], "model"), "; ",
      if (size[[3L]] > 1L) "intervals of the spread between models" else one_member),
    paste0("off the cells: ", percent(x$off$share), " of the starts; unassigned ",
      percent(x$lost["perturbed", "unassigned"]), " (control ", percent(x$lost["control", "unassigned"]), ")",
      if (!is.null(x$interaction)) describe_interaction(x$interaction)),
    correction_text(x)
  )
}

# The row with the largest change in words.
largest_change <- function(table, what) {
  row <- table[which.max(abs(table$change)), ]
  if (nrow(row) == 0L) {
    return(paste0(what, ": no future reaches a fate"))
  }
  short <- function(v) round(v, 3L)
  paste0(what, ": probability of ", row$fate, " ", format(short(row$control)), " to ", format(short(row$perturbed)),
    ", change ", with_interval(short(row$change), short(row$change_low), short(row$change_high)), with_p(row$p))
}

# ", p 0.03"; nothing where p is not known.
with_p <- function(p) if (!is.na(p)) paste0(", p ", format(p, digits = 2L))

describe_interaction <- function(table) {
  row <- table[which.max(abs(table$interaction)), ]
  paste0("; interaction ", with_interval(row$interaction, row$interaction_low, row$interaction_high),
    " log odds of ", row$fate, " beyond the sum of the genes")
}

headline_published <- function(x) {
  row <- x$table[which.max(abs(x$table$change)), ]
  c(
    paste0(describe_change(x$change), ": probability of ", row$fate, " ", format(row$control, digits = 3L), " to ",
      format(row$perturbed, digits = 3L), ", log2 ratio ", format(row$lfc, digits = 3L), ", p ",
      format(row$pval, digits = 2L)),
    paste0(nrow(x$published$control), " fates, ", ncol(x$published$control),
      " draws as published; tests of the draws, not of models")
  )
}

#' @rdname PerturbCells
#' @export
summary.fatefield_perturbation <- function(object, ...) {
  if (!is.null(object$published)) {
    return(object$table)
  }
  object$table[c("gene", "fate", "control", "perturbed", "change", "change_low", "change_high", "log2_ratio", "p", "q")]
}

#' @rdname PerturbCells
#' @export
c.fatefield_perturbation <- function(...) bind_results(..1, list(...))

bind_results.fatefield_perturbation <- function(first, parts) {
  each <- unlist(lapply(parts, function(p) {
    if (inherits(p, "fatefield_perturbations")) p$perturbations else list(p)
  }), recursive = FALSE)
  fits <- vapply(each, function(p) inherits(p, "fatefield_perturbation") && is.null(p$published), logical(1))
  if (!all(fits)) {
    stop_input("...", "Only results of PerturbCells() can be bound with each other, and none of `compat`.")
  }
  check_same_settings(lapply(each, function(p) c(p$settings, p$change[c("mode", "units", "hold")])))
  names(each) <- vapply(each, function(p) changed_genes(p$change), "")
  twice <- names(each)[duplicated(names(each))]
  if (length(twice) > 0L) stop_input("...", "The change of ", quoted(twice[[1L]]), " is there twice.")
  table <- do.call(rbind, lapply(unname(each), `[[`, "table"))
  table$q <- stats::p.adjust(table$p, "BH")
  new_result("perturbations", table, list(perturbations = each, cols = first$cols), by = "gene")
}

bind_results.fatefield_perturbations <- bind_results.fatefield_perturbation

#' @rdname PerturbCells
#' @export
c.fatefield_perturbations <- c.fatefield_perturbation

# Stops where answers that are put together are not of the same question.
check_same_settings <- function(settings) {
  for (other in settings[-1L]) {
    differ <- other_settings(settings[[1L]], other)
    if (length(differ) > 0L) {
      stop_input("...", "Results of other settings (", paste0("`", differ, "`", collapse = ", "), ") cannot be bound.")
    }
  }
}

subset_result.fatefield_perturbations <- function(x, keep) {
  x <- subset_result.default(x, keep)
  x$perturbations <- x$perturbations[keep]
  x
}

headline.fatefield_perturbations <- function(x) {
  t <- x$table
  one <- dim(x$perturbations[[1L]]$control)[[3L]] == 1L
  c(
    paste0("changes of ", counted(length(x$perturbations), "gene"), ": ", if (one) one_member else paste0(
      sum(t$q < 0.05, na.rm = TRUE), " of ", counted(nrow(t), "effect"), " at a false discovery rate of 0.05"
    )),
    largest_change(t, t$gene[which.max(abs(t$change))])
  )
}

#' @rdname PerturbCells
#' @export
summary.fatefield_perturbations <- summary.fatefield_perturbation
