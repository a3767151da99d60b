# Does one way to make a network find known biology better than another? EnrichModules() of several networks of the same
# genes: the evidence for each set in each network, and the differences.

is_network_list <- function(x) {
  is.list(x) && !inherits(x, "fatefield_network") && any(vapply(x, inherits, NA, "fatefield_network"))
}

# `sets`: from GeneSets().
compare_networks <- function(networks, sets, background, among, min.term, max.term, ignore.case, claim) {
  check_networks(networks)
  results <- lapply(networks, enrich_one, sets, background, min.term, max.term, ignore.case)
  tested <- unique(results[[1L]][c("term", "name", "ontology", "term.size")])
  chosen <- tested[compared_terms(among, sets$terms, tested), ]
  for (network in names(networks)) {
    # Sorted by p: the first of a set is its best module.
    best <- results[[network]][match(chosen$term, results[[network]]$term), ]
    chosen[[paste0("log10.p_", network)]] <- best$log10.p
    chosen[[paste0("module_", network)]] <- best$module
  }
  first <- names(networks)[[1L]]
  for (network in names(networks)[-1L]) {
    chosen[[paste0("delta_", network)]] <- chosen[[paste0("log10.p_", first)]] - chosen[[paste0("log10.p_", network)]]
  }
  about <- do.call(rbind, lapply(names(networks), function(name) {
    network <- networks[[name]]
    data.frame(network = name, modules = nrow(network$modules), resolution = network$resolution, states = network$n)
  }))
  new_result("enrichment_comparison", chosen, list(networks = about, claim = claim), by = "term")
}

check_networks <- function(networks) {
  fits <- length(networks) >= 2L && !is.null(names(networks)) && all(nzchar(names(networks))) &&
    all(vapply(networks, inherits, NA, "fatefield_network"))
  if (!fits) {
    stop_input("object", "`object` must be a network, a named list of vectors of genes, or a named list of at least ",
      "two networks from CoexpressionNetwork(), not ", described(networks), ".")
  }
  genes <- lapply(networks, function(n) n$table$gene)
  other <- which(!vapply(genes, setequal, NA, genes[[1L]]))
  if (length(other) > 0L) {
    stop_input("object", "`object`: ", quoted(names(networks)[[other[[1L]]]]), " has ",
      length(genes[[other[[1L]]]]), " genes, ", quoted(names(networks)[[1L]]), " has ", length(genes[[1L]]), ", ",
      length(Reduce(intersect, genes)), " are in all; make them again with these as `genes`.")
  }
  modules <- vapply(networks, function(n) nrow(n$modules), 0L)
  if (length(unique(modules)) > 1L) {
    rlang::warn(paste0("The networks have different numbers of modules (", paste(names(modules), modules,
      collapse = ", "), "), which favours those with more tests; set `n.modules`."),
      class = "fatefield_warning_matched")
  }
}

# Rows of `tested` that are asked for.
compared_terms <- function(among, terms, tested) {
  if (is.null(among)) {
    return(seq_len(nrow(tested)))
  }
  by.name <- match(tolower(among), tolower(terms$name))
  term <- ifelse(among %in% terms$term, among, terms$term[by.name])
  if (anyNA(term)) {
    lost <- among[is.na(term)][[1L]]
    stop_input("among", "`among`: there is no set ", quoted(lost), ".", near(lost, utils::head(terms$name, 5000L)))
  }
  at <- match(unique(term), tested$term)
  if (anyNA(at)) {
    message(sum(is.na(at)), " of the sets asked for are too small or too large to be tested: ",
      quoted(terms$name[match(unique(term)[is.na(at)], terms$term)], 6L), ".")
  }
  if (all(is.na(at))) stop_input("among", "`among`: none of these sets is of the size asked for.")
  at[!is.na(at)]
}

headline.fatefield_enrichment_comparison <- function(x) {
  delta <- summary(x)[-1L, ]
  c(
    paste0("evidence for ", counted(nrow(x$table), "set"), ", compared with ", quoted(x$networks$network[[1L]]),
      " (delta: orders of magnitude of p)"),
    utils::head(paste0(delta$network, ": median delta ", format(delta$median, digits = 3L, trim = TRUE), ", from ",
      format(delta$min, digits = 3L, trim = TRUE), " to ", format(delta$max, digits = 3L, trim = TRUE), ", ",
      ifelse(delta$reached, "reaches ", "does not reach "), format(x$claim)), 2L)
  )
}

#' @rdname EnrichModules
#' @export
summary.fatefield_enrichment_comparison <- function(object, ...) {
  rows <- lapply(object$networks$network, function(name) {
    delta <- object$table[[paste0("delta_", name)]]
    if (is.null(delta)) delta <- NA_real_
    data.frame(
      significant = sum(object$table[[paste0("log10.p_", name)]] < log10(0.05)), min = min(delta),
      median = stats::median(delta), max = max(delta), reached = stats::median(delta) >= object$claim
    )
  })
  data.frame(object$networks, do.call(rbind, rows))
}

#' @rdname EnrichModules
#' @param cols Of the figure of a comparison: colours by network.
#' @export
plot.fatefield_enrichment_comparison <- function(x, n.top = 30L, cols = NULL, ...) {
  check_no_dots(names(formals(plot.fatefield_enrichment_comparison)), ...)
  networks <- x$networks$network
  evidence <- -as.matrix(x$table[paste0("log10.p_", networks)])
  top <- utils::head(order(-apply(evidence, 1L, max)), check_count(n.top, "n.top"))
  titles <- make.unique(x$table$name[top])
  long <- data.frame(
    set = factor(rep(titles, length(networks)), rev(titles)), evidence = as.vector(evidence[top, ]),
    network = factor(rep(networks, each = length(top)), networks)
  )
  ggplot2::ggplot(long, ggplot2::aes(.data$evidence, .data$set)) +
    ggplot2::geom_line(ggplot2::aes(group = .data$set), colour = "grey75", linewidth = 0.4) +
    ggplot2::geom_point(ggplot2::aes(colour = .data$network), size = 2) +
    ggplot2::geom_vline(xintercept = -log10(0.05), colour = "grey60", linewidth = 0.3, linetype = "dashed") +
    scale_labels(networks, cols) + ggplot2::labs(x = "-log10 p of the best module", y = NULL) + theme_curves()
}
