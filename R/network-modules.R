# Edges of a network of genes, and its modules. `r`: correlations, genes x genes, with names.

# Width of the classes in which correlations are counted.
correlation_bins <- 1000L

# list(kind, signed, graph, ...): the edges, and how they were chosen.
choose_edges <- function(r, x, ranks, groups, signed, options, seed, verbose) {
  if (options$kind == "hard") {
    return(hard_edges(r, x, ranks, groups, signed, options, seed, verbose))
  }
  fit <- NULL
  power <- options$power
  if (power == 0) {
    fit <- scale_free_fit(power_strengths(r, options$max.power, signed, thread_count()))
    power <- choose_power(fit, options$min.fit, nrow(r))
    if (verbose) {
      message("Power ", power, " of the correlations is taken; R2 of the power law is ",
        format(fit$r2[[power]], digits = 3L), ".")
    }
  }
  list(kind = "soft", signed = signed, power = power, fit = fit, graph = gene_graph(r, power, 0, signed))
}

# How well the strengths of genes follow a power law, for each power (columns of `strengths`): the straight line
# through the logarithms of the share of genes against that of the mean strength, in ten classes of equal width.
# An R2 is negative where strong genes are the commoner ones.
scale_free_fit <- function(strengths) {
  rows <- lapply(seq_len(ncol(strengths)), function(power) {
    k <- strengths[, power]
    class <- cut(k, 10L, labels = FALSE)
    centre <- log10(tapply(k, class, mean))
    share <- log10(tapply(k, class, length) / length(k))
    if (length(centre) < 3L || any(!is.finite(centre))) {
      return(data.frame(power = power, r2 = NA_real_, slope = NA_real_))
    }
    slope <- stats::cov(centre, share) / stats::var(centre)
    data.frame(power = power, r2 = -sign(slope) * stats::cor(centre, share)^2, slope = slope)
  })
  do.call(rbind, rows)
}

# Genes below which ten classes of them tell nothing.
fitted_genes <- 100L

# The power of most networks of genes in the literature where strengths tell nothing.
choose_power <- function(fit, min.fit, genes) {
  enough <- which(fit$r2 >= min.fit)
  if (genes < fitted_genes || length(enough) == 0L) min(6L, nrow(fit)) else enough[[1L]]
}

hard_edges <- function(r, x, ranks, groups, signed, options, seed, verbose) {
  bins <- correlation_bins
  counts <- edge_counts(r, x, ranks, groups, signed, bins, options$n.perm, seed, thread_count())
  upward <- function(v) rev(cumsum(rev(v)))
  table <- data.frame(threshold = (seq_len(bins) - 1L) / bins, edges = upward(counts$observed),
    shuffled = upward(counts$shuffled))
  # The share of false edges never rises with the threshold.
  table$fdr <- cummin(pmin(1, table$shuffled / pmax(table$edges, 1)))
  fits <- table$fdr <= options$fdr & table$edges <= options$top * sum(counts$observed) & table$threshold > 0
  if (!any(fits & table$edges > 0)) {
    stop_input("fdr", "`fdr`: no threshold keeps the share of false edges below ", options$fdr,
      "; the least is ", format(min(table$fdr[table$edges > 0]), digits = 3L), ".")
  }
  at <- which(fits)[[1L]]
  if (verbose) {
    message(table$edges[[at]], " edges of a correlation of at least ", table$threshold[[at]],
      ", expected share of false ones ", format(table$fdr[[at]], digits = 2L), ".")
  }
  list(kind = "hard", signed = signed, threshold = table$threshold[[at]], fdr = table[table$edges > 0, ],
    graph = gene_graph(r, 1, table$threshold[[at]], signed))
}

new_network <- function(r, edges, search, options, n) {
  graph <- edges$graph
  edges$graph <- NULL
  dimnames(graph) <- dimnames(r)
  found <- find_modules(graph, r, search, options, edges$signed)
  module <- found$module
  count <- found$count
  names <- paste0("M", seq_len(count))
  membership <- gene_membership(r, module, count, thread_count())
  dimnames(membership) <- list(rownames(r), names[seq_len(count)])
  own <- membership[cbind(seq_along(module), module)]
  order <- order(module, -own)
  rank <- rep(NA_integer_, length(module))
  known <- order[!is.na(module[order])]
  rank[known] <- sequence(tabulate(module[known], count))
  genes <- data.frame(
    gene = rownames(r), module = factor(names[module], levels = names[seq_len(count)]), kME = own,
    degree = unname(Matrix::colSums(graph)), within = within_strength(graph, module), rank = rank
  )
  hubs <- which(rank == 1L)
  modules <- data.frame(
    module = names[seq_len(count)], size = tabulate(module, count), hub = genes$gene[hubs][order(module[hubs])],
    explained = vapply(seq_len(count), function(m) mean(own[which(module == m)]^2), 0)
  )
  if (count == 0L) {
    rlang::warn(paste0("No module has ", options$min.size, " genes that follow it; the largest part of the network ",
      "has ", found$largest, ". A lower `min.size` or another `resolution` may help."),
      class = "fatefield_warning_modules")
  }
  new_result("network", genes, list(
    modules = modules, membership = membership, correlation = r, edges = edges, graph = graph, n = n,
    resolution = found$resolution, modularity = found$quality
  ), by = "gene")
}

within_strength <- function(graph, module) {
  entries <- columns_of(graph)
  same <- module[graph@i + 1L] == module[entries]
  sums <- numeric(ncol(graph))
  inside <- !is.na(same) & same
  by <- rowsum(graph@x[inside], entries[inside])
  sums[as.integer(rownames(by))] <- by[, 1L]
  sums[is.na(module)] <- NA_real_
  sums
}

# Modules from 1, the largest first, NA for none, at the resolution of `search` or at one that gives as many as
# wanted.
find_modules <- function(graph, r, search, options, signed) {
  at <- function(resolution) {
    how <- search$options
    how$resolution <- resolution
    found <- graph_modules(graph, how, search$seed)
    found$largest <- max(tabulate(found$module))
    found$module <- large_modules(found$module, options$min.size)
    found$module <- close_genes(found$module, r, options, signed)
    found$count <- max(0L, found$module, na.rm = TRUE)
    found$resolution <- resolution
    found
  }
  first <- at(search$options$resolution)
  if (is.null(search$n) || first$count == search$n) {
    return(first)
  }
  # Near resolutions first: of those that give the number, the one that asks for least.
  best <- first
  for (step in 2^(seq_len(32L) / 8)) {
    for (resolution in search$options$resolution * c(step, 1 / step)) {
      tried <- at(resolution)
      if (abs(tried$count - search$n) < abs(best$count - search$n)) best <- tried
      if (best$count == search$n) {
        return(best)
      }
    }
  }
  best
}

# Modules of at least `min.size` genes, numbered by size, NA for the rest.
large_modules <- function(module, min.size) {
  sizes <- tabulate(module, max(1L, module, na.rm = TRUE))
  order <- order(-sizes)
  order <- order[sizes[order] >= min.size]
  match(module, order)
}

# The same without genes that hardly follow their module: every gene with an edge is in some module.
close_genes <- function(module, r, options, signed) {
  repeat {
    count <- max(0L, module, na.rm = TRUE)
    if (count == 0L) {
      return(module)
    }
    own <- gene_membership(r, module, count, thread_count())[cbind(seq_along(module), module)]
    if (!signed) own <- abs(own)
    far <- !is.na(own) & own < options$min.kME
    if (!any(far)) {
      return(module)
    }
    module[far] <- NA
    module <- large_modules(module, options$min.size)
  }
}
