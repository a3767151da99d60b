# The table of GeneDynamics(): correlations from the core, p-values, adjustment and order.

gene_measures <- c("pearson", "spearman", "partial")

# `expression`: genes x cells; `quantities`: cells x quantities, NA where unknown; `covariates`: cells x covariates or
# NULL; `block`: codes from 1 or NULL.
correlate_genes <- function(expression, quantities, covariates, block, genes, min.cells, sort.by, n.boot, level,
                            seed, threads, verbose) {
  local_threads(threads)
  expression <- chosen_genes(expression, genes, min.cells)
  if (is.null(covariates)) covariates <- matrix(0, ncol(expression), 0L)
  covered <- rowSums(!is.finite(covariates)) == 0
  known <- !is.na(quantities) & covered
  too.few <- which(colSums(known) < 10L)
  if (length(too.few) > 0L) {
    stop_input("quantities", "`quantities`: ", quoted(colnames(quantities)[[too.few[[1L]]]]), " is known for ",
      colSums(known)[[too.few[[1L]]]], " cells; at least 10 are needed.")
  }
  if (any(is.infinite(quantities))) stop_input("quantities", "`quantities` must be finite, or NA where unknown.")
  # Quantities known for the same cells go together.
  pattern <- apply(known, 2L, function(k) paste(which(!k), collapse = " "))
  groups <- split(seq_along(pattern), factor(pattern, unique(pattern)))
  tick <- progress_bar((n.boot + 1L) * length(groups), "Correlating genes", verbose)
  tables <- lapply(seq_along(groups), function(i) {
    q <- groups[[i]]
    cells <- which(known[, q[[1L]]])
    own <- if (is.null(block)) seq_along(cells) else match(block[cells], unique(block[cells]))
    if (!is.null(block) && max(own) < 3L) {
      stop_input("block", "`block`: the cells are of ", max(own), " block", if (max(own) > 1L) "s",
        "; at least 3 are needed.")
    }
    found <- gene_correlations(
      expression[, cells, drop = FALSE], quantities[cells, q, drop = FALSE], covariates[cells, , drop = FALSE], own,
      max(own), n.boot, level, seed, function(done) tick((i - 1L) * (n.boot + 1L) + done), thread_count()
    )
    lapply(seq_along(q), function(j) {
      one_quantity(found, j, colnames(quantities)[[q[[j]]]], rownames(expression), length(cells),
        if (!is.null(block)) max(own), qr(cbind(1, covariates[cells, , drop = FALSE]))$rank - 1L, sort.by)
    })
  })
  table <- do.call(rbind, unlist(tables, recursive = FALSE))
  table <- table[order(match(table$quantity, colnames(quantities)), table$rank), ]
  new_table("gene_dynamics", table, by = "gene", adjusted = colnames(covariates), sort.by = sort.by,
    conf.level = level, blocks = if (!is.null(block)) length(unique(block)))
}

chosen_genes <- function(expression, genes, min.cells) {
  if (!is.null(genes)) {
    lost <- setdiff(genes, rownames(expression))
    if (!is.character(genes) || length(genes) == 0L || length(lost) > 0L) {
      stop_input("genes", "`genes` must be names of genes; ",
        if (is.character(genes) && length(lost) > 0L) quoted(lost[[1L]]) else described(genes), " is not.",
        if (is.character(genes) && length(lost) > 0L) near(lost[[1L]], rownames(expression)))
    }
    return(expression[unique(genes), , drop = FALSE])
  }
  enough <- Matrix::rowSums(expression != 0) >= min.cells
  if (!any(enough)) stop_input("min.cells", "`min.cells`: no gene is detected in ", min.cells, " cells.")
  expression[enough, , drop = FALSE]
}

# Rows of one quantity, by falling strength.
one_quantity <- function(found, j, name, genes, n, blocks, covariates, sort.by) {
  table <- data.frame(quantity = name, gene = genes, rank = NA_integer_, n = n, detected = found$detected)
  for (measure in gene_measures) {
    part <- found[[measure]]
    r <- part$estimate[, j]
    p <- if (is.null(blocks)) {
      correlation_p(r, n - 2 - if (measure == "partial") covariates else 0)
    } else {
      2 * stats::pt(-abs(atanh(pmin(pmax(r, -1 + 1e-12), 1 - 1e-12)) / part$se[, j]), blocks - 1)
    }
    table[[measure]] <- r
    table[[paste0(measure, "_low")]] <- part$low[, j]
    table[[paste0(measure, "_high")]] <- part$high[, j]
    table[[paste0(measure, "_p")]] <- p
    table[[paste0(measure, "_q")]] <- stats::p.adjust(p, "BH")
  }
  table <- table[order(-abs(table[[sort.by]]), table$gene), ]
  table$rank <- seq_len(nrow(table))
  table
}

# Two-sided p-values of correlations by Student's t.
correlation_p <- function(r, df) {
  if (df < 1) {
    return(rep(NA_real_, length(r)))
  }
  2 * stats::pt(-abs(r) * sqrt(df / pmax(1 - r^2, 0)), df)
}
