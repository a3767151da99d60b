# Genes that go with the probability of a fate, whatever it was found by: takes fates of cells and their expression;
# gives correlations with intervals, as FindFateDrivers() gives its other answers.

# Is the correlation asked for, or all that can be answered? `sources`: what the user gives, or NULL.
asks_correlation <- function(object, model, predicted, sources = NULL) {
  if (!is.null(sources)) {
    if ("correlation" %in% sources && length(sources) > 1L) {
      stop_input("sources", "`sources`: \"correlation\" asks for no model and stands alone; leave out ",
        quoted(setdiff(sources, "correlation")), ".")
    }
    return(identical(sources, "correlation"))
  }
  if (!is.null(model)) {
    return(FALSE)
  }
  if (is_plain_matrix(object)) {
    return(inherits(predicted, "fatefield_fate"))
  }
  length(tool_names(object, "models")) == 0L && length(tool_names_of(object, "fates")) > 0L
}

fate_correlations <- function(object, predicted, fate, against, cells, assay, expression) {
  found <- correlated_fates(object, predicted)
  present <- colnames(found$probability)
  sides <- fate_sides(fate, against, list(labels = present), seq_along(present))
  p <- found$probability[, c(sides$fate, sides$against), drop = FALSE]
  p <- if (is.null(against)) p[, 1L] else p[, 1L] / rowSums(p)
  names <- cell_names(object)
  chosen <- intersect(names[check_cells(cells, names)], names(p)[is.finite(p)])
  if (length(chosen) < 4L) {
    stop_input("cells", "`cells`: ", length(chosen), " of them have a probability of ", quoted(sides$fate),
      "; at least 4 are needed.")
  }
  e <- expression_of(object, NULL, assay, expression)[, chosen, drop = FALSE]
  table <- fate_gene_correlations(e, p[chosen])
  if (all(is.na(table$correlation))) {
    stop_input("fate", "`fate`: the probability of ", quoted(sides$fate), " is the same in all ", length(chosen),
      " cells.")
  }
  table$combined <- signed_ranks(table$correlation)
  new_result("drivers", data.frame(table[order(-table$correlation), ], row.names = NULL), list(
    agreement = NULL, fate = sides$fate, against = sides$against,
    n = c(sum(found$fate[match(chosen, rownames(found$probability))] %in% sides$fate), length(chosen)),
      n.top = nrow(table),
    cols = found$cols
  ), by = "gene")
}

# The fates whose probabilities are taken.
correlated_fates <- function(object, predicted) {
  if (inherits(predicted, "fatefield_fate")) {
    return(predicted)
  }
  if (is_plain_matrix(object)) {
    stop_input("predicted", "`predicted` must be fates from AbsorptionProbabilities() or PredictFate(), not ",
      described(predicted), ".")
  }
  fates_of_object(object, if (!is.null(predicted)) check_string(predicted, "predicted"))
}

# Correlation of each gene of `e` (genes x cells) with `p`, with Fisher's interval.
fate_gene_correlations <- function(e, p, level = 0.95) {
  n <- length(p)
  centred <- p - mean(p)
  mean <- Matrix::rowMeans(e)
  spread <- sqrt(pmax(Matrix::rowSums(e^2) - n * mean^2, 0))
  r <- as.vector(e %*% centred) / (spread * sqrt(sum(centred^2)))
  r[!is.finite(r) | spread <= 1e-9 * sqrt(n) * abs(mean)] <- NA
  r <- pmax(pmin(r, 1), -1)
  half <- stats::qnorm(0.5 + level / 2) / sqrt(n - 3)
  t <- abs(r) * sqrt((n - 2) / pmax(1 - r^2, 1e-300))
  p.value <- 2 * stats::pt(-t, n - 2)
  data.frame(
    gene = rownames(e), correlation = r, correlation_low = tanh(atanh(r) - half),
    correlation_high = tanh(atanh(r) + half), p = p.value, q = stats::p.adjust(p.value, "BH"), mean = unname(mean),
    row.names = NULL
  )
}
