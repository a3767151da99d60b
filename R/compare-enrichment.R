# Does one way to make a network find known biology better than another? Takes networks of the same genes, and sets
# chosen beforehand; gives the evidence for each set in each network, and the differences.

#' Compare networks by what they are enriched for
#'
#' For each set of genes the best module of each network is taken, and its evidence compared with that of the
#' first network: delta is log10 p of the first less log10 p of the other, so that 2 means a hundred times as
#' small a p.
#'
#' The comparison is fair where networks are of the same genes, which is asked for, and have the same number of
#' modules (`n.modules` of [CoexpressionNetwork()]), else a warning tells.
#' Sets must be chosen before the results are seen: the best of all sets flatters any network.
#' Smoothing alone raises correlations: where simulated states are compared with observed cells, smoothed cells
#' belong between the two.
#'
#' @param networks Named list of at least two networks from [CoexpressionNetwork()], the first what the others
#'   are compared with.
#' @param among (strings) Sets that are compared, by term or by name; `NULL` takes all of the size asked for.
#' @param claim Delta that is asked about; default 2.
#' @inheritParams EnrichModules
#'
#' @return A list of class `fatefield_enrichment_comparison`:
#'   \item{table}{data.frame, one row per set: `term`, `name`, `term.size`, and for each network `log10.p_`,
#'     `module_`, and for all but the first `delta_` with its name.}
#'   \item{summary}{data.frame, one row per network: `modules`, `resolution`, `states`, `significant` (sets with
#'     p below 0.05), and `min`, `median` and `max` of delta, and whether the median reaches `claim`.}
#' @section Errors:
#' `fatefield_error_input`: fewer than two networks, networks of other genes, no such set; those of
#' [EnrichModules()].
#' A warning of class `fatefield_warning_matched`: numbers of modules differ.
#' @seealso [EnrichModules()]
#' @examples
#' noise <- sin(outer(1:200, 1:40, function(i, j) i * sqrt(j + 50)))
#' x <- 2 + cbind(sin(1:200), cos(1:200 * 1.7))[, rep(1:2, 20)] + noise / 2
#' colnames(x) <- paste0("g", 1:40)
#' noisy <- x + 1.5 * noise[, 40:1]
#' make <- function(x) {
#'   CoexpressionNetwork(x, transform = "none", power = 2, n.modules = 2, min.size = 5, verbose = FALSE)
#' }
#' networks <- list(observed = make(noisy), retrograde = make(x))
#' CompareEnrichment(networks, list(odd = colnames(x)[seq(1, 40, 2)], even = colnames(x)[seq(2, 40, 2)]))
#' @export
CompareEnrichment <- function(networks, terms, among = NULL, min.term = 10L, max.term = 500L,
                              ignore.case = FALSE, claim = 2, ...) {
  check_networks(networks)
  claim <- check_number(claim, "claim")
  sets <- GeneSets(terms, ...)
  results <- lapply(networks, EnrichModules, terms = sets, min.term = min.term, max.term = max.term,
    ignore.case = ignore.case)
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
  rownames(chosen) <- NULL
  structure(list(table = chosen, summary = enrichment_summary(networks, chosen, claim), claim = claim),
    class = "fatefield_enrichment_comparison")
}

check_networks <- function(networks) {
  fits <- is.list(networks) && length(networks) >= 2L && !is.null(names(networks)) &&
    all(vapply(networks, inherits, NA, "fatefield_network"))
  if (!fits) {
    stop_input("networks", "`networks` must be a named list of at least two networks from CoexpressionNetwork(), ",
      "not ", described(networks), ".")
  }
  genes <- lapply(networks, function(n) n$genes$gene)
  other <- which(!vapply(genes, setequal, NA, genes[[1L]]))
  if (length(other) > 0L) {
    stop_input("networks", "`networks`: ", quoted(names(networks)[[other[[1L]]]]), " has ",
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

enrichment_summary <- function(networks, table, claim) {
  rows <- lapply(names(networks), function(name) {
    network <- networks[[name]]
    delta <- table[[paste0("delta_", name)]]
    if (is.null(delta)) delta <- NA_real_
    data.frame(
      network = name, modules = nrow(network$modules), resolution = network$resolution, states = network$n,
      significant = sum(table[[paste0("log10.p_", name)]] < log10(0.05)), min = min(delta),
      median = stats::median(delta), max = max(delta), reached = stats::median(delta) >= claim
    )
  })
  do.call(rbind, rows)
}

#' @export
print.fatefield_enrichment_comparison <- function(x, ...) {
  cat("evidence for ", nrow(x$table), " sets, compared with ", quoted(x$summary$network[[1L]]),
    " (delta: orders of magnitude of p)\n", sep = "")
  numbers <- vapply(x$summary, is.double, NA)
  x$summary[numbers] <- lapply(x$summary[numbers], round, 2L)
  print(x$summary, row.names = FALSE)
  invisible(x)
}
