# Which annotations the genes of a module share more often than chance has it. Takes a network or lists of genes,
# and sets of genes; gives one row per module and set.

#' Test modules for annotations
#'
#' Each module is tested for each set of genes by the one-sided hypergeometric test: the probability to draw at
#' least `overlap` genes of the set when as many genes as the module has are drawn from the background.
#' The background is not the genome: it is the genes that could have been found, that is the genes of the network
#' that are in any of the sets.
#' Modules and sets are cut to it first.
#'
#' @section Basic use:
#' ```
#' network <- CoexpressionNetwork(cells)
#' terms <- EnrichModules(network)                 # the Gene Ontology of mouse or human, by the symbols
#' terms[, c("module", "name", "overlap", "p", "q")]
#' plot(terms)
#' ```
#' @section Several networks:
#' Of a named list of networks the best module of each is taken for each set of genes, and its evidence compared with
#' that of the first network: delta is log10 p of the first less log10 p of the other, so that 2 means a hundred times
#' as small a p.
#'
#' The comparison is fair where networks are of the same genes, which is asked for, and have the same number of
#' modules (`n.modules` of [CoexpressionNetwork()]), else a warning tells.
#' Sets must be chosen before the results are seen: the best of all sets flatters any network.
#' Smoothing alone raises correlations: where simulated states are compared with observed cells, smoothed cells
#' belong between the two.
#'
#' @param object A network from [CoexpressionNetwork()], a named list of vectors of genes, a data.frame with columns
#'   such as `module` and `gene`, or a named list of at least two networks, the first of which the others are compared
#'   with.
#' @param terms Sets of genes: what [GeneSets()] gives or takes.
#'   `NULL` takes the terms of the Gene Ontology for the species of the genes: mouse where most symbols begin with one
#'   capital (`Gata1`), human where they are all capitals (`GATA1`), and says which.
#' @param background (strings) Genes that could have been found; `NULL` takes all genes of the network.
#'   Needed for a list of genes.
#' @param among (strings) Sets that are told of, by term or by name; `NULL` takes all of the size asked for.
#'   `q` is over all of that size.
#' @param min.term,max.term Sets with fewer or more genes of the background are not tested; defaults 10 and 500.
#' @param ignore.case Compare names in upper case? For mouse genes and an annotation of human ones, most of which
#'   have the same symbols but for case.
#'   Default `FALSE`.
#' @param claim Of several networks: delta that is asked about; default 2.
#' @param ontology,parents,keytype,names How sets are read, see [GeneSets()].
#' @param ... Not used.
#'
#' @return A table of class `fatefield_enrichment`, see [results], sorted by p, one row per module and set: `module`,
#'   `term`, `name`, `ontology`, `overlap`, `size` (genes of the module in the background), `term.size`, `background`,
#'   `expected` and `ratio` (`overlap` over it), `p`, `log10.p` (where `p` is too small for a number, too), `q` (of
#'   Benjamini and Hochberg, over all modules and sets of an ontology), `genes` (those of the overlap, as the network
#'   names them).
#'   It works like a data.frame, and `x["GO:0030073"]` takes the rows of a term.
#'   `summary()` has one row per module: how many terms have `q` of at most 0.05, and the best.
#'
#'   For several networks a result of class `fatefield_enrichment_comparison`.
#'   Its table has one row per set: `term`, `name`, `term.size`, and for each network `log10.p_`, `module_`, and for all
#'   but the first `delta_` with its name.
#'   `summary()` has one row per network: `modules`, `resolution`, `states`, `significant` (sets with p below 0.05), and
#'   `min`, `median` and `max` of delta, and whether the median reaches `claim`.
#' @section Errors:
#' `fatefield_error_input`: no gene of the background is in any set, no set is of the size asked for, the network
#' has no modules, a list without `background`, networks of other genes, no such set. Those of [GeneSets()].
#' A warning of class `fatefield_warning_matched`: numbers of modules differ.
#' @references
#' Rivals et al. (2007) Enrichment or depletion of a GO category within a class of genes: which test?
#' Bioinformatics 23.
#'
#' Benjamini and Hochberg (1995) Controlling the false discovery rate. Journal of the Royal Statistical Society B
#' 57.
#' @seealso [CoexpressionNetwork()], [GeneSets()]
#' @examples
#' genes <- paste0("g", 1:100)
#' sets <- list(secretion = genes[1:20], division = genes[41:60])
#' found <- EnrichModules(list(M1 = genes[c(1:12, 70:75)]), sets, background = genes)
#' found[, c("term", "overlap", "p")]
#' plot(found)
#'
#' # Two ways to make a network of the same genes.
#' noise <- sin(outer(1:200, 1:40, function(i, j) i * sqrt(j + 50)))
#' x <- 2 + cbind(sin(1:200), cos(1:200 * 1.7))[, rep(1:2, 20)] + noise / 2
#' colnames(x) <- paste0("g", 1:40)
#' noisy <- x + 1.5 * noise[, 40:1]
#' make <- function(x) {
#'   CoexpressionNetwork(x, transform = "none", power = 2, n.modules = 2, min.size = 5, verbose = FALSE)
#' }
#' networks <- list(observed = make(noisy), retrograde = make(x))
#' EnrichModules(networks, list(odd = colnames(x)[seq(1, 40, 2)], even = colnames(x)[seq(2, 40, 2)]))
#' @export
EnrichModules <- function(object, ...) UseMethod("EnrichModules")

#' @rdname EnrichModules
#' @export
EnrichModules.default <- function(object, terms = NULL, background = NULL, among = NULL, min.term = 10L,
                                  max.term = 500L, ignore.case = FALSE, claim = 2, ontology = NULL, parents = NULL,
                                  keytype = "SYMBOL", names = NULL, ...) {
  check_no_dots(base::names(formals(EnrichModules.default)), ...)
  if (is.null(terms)) terms <- species_annotation(species_genes(object, background))
  sets <- GeneSets(terms, ontology, parents, keytype, names)
  min.term <- check_count(min.term, "min.term")
  max.term <- check_count(max.term, "max.term", min = min.term)
  check_flag(ignore.case, "ignore.case")
  claim <- check_number(claim, "claim")
  if (is_network_list(object)) {
    return(compare_networks(object, sets, background, among, min.term, max.term, ignore.case, claim))
  }
  found <- enrich_one(object, sets, background, min.term, max.term, ignore.case)
  if (!is.null(among)) {
    tested <- found[!duplicated(found$term), c("term", "name")]
    found <- found[found$term %in% tested$term[compared_terms(among, sets$terms, tested)], ]
  }
  new_table("enrichment", found, by = "term")
}

# The table of one network or list of genes.
enrich_one <- function(object, sets, background, min.term, max.term, ignore.case) {
  modules <- module_genes(object)
  if (is.null(background)) {
    if (!inherits(object, "fatefield_network")) {
      stop_input("background", "`background` is needed with a list of genes: all genes that could have been found.")
    }
    background <- object$table$gene
  }
  tested <- background_sets(sets, clean_genes(background), ignore.case)
  sizes <- lengths(tested$sets)
  keep <- sizes >= min.term & sizes <= max.term
  if (!any(keep)) {
    stop_input("min.term", "`min.term` and `max.term`: none of ", length(sizes), " sets has ", min.term, " to ",
      max.term, " of the ", length(tested$genes), " genes of the background; the largest has ", max(sizes), ".")
  }
  out <- do.call(rbind, lapply(names(modules), function(module) {
    genes <- intersect(tested$key(modules[[module]]), names(tested$genes))
    test_module(module, genes, tested$sets[keep], sets$terms[keep, ], tested$genes)
  }))
  out$q <- stats::ave(out$p, out$ontology, FUN = function(p) stats::p.adjust(p, "BH"))
  columns <- c(setdiff(names(out), c("q", "genes")), "q", "genes")
  out <- out[order(out$log10.p, out$module, out$term), columns]
  rownames(out) <- NULL
  out
}

# Named list of the genes of each module.
module_genes <- function(object) {
  if (inherits(object, "fatefield_network")) {
    if (nrow(object$modules) == 0L) stop_input("object", "`object` has no modules.")
    return(split(object$table$gene, object$table$module))
  }
  gene_lists(object, "object", "a network from CoexpressionNetwork() or ")
}

# Sets cut to the background: list(sets, genes, key). `genes`: names as given, named by the key they are compared
# by.
background_sets <- function(sets, background, ignore.case) {
  key <- if (ignore.case) toupper else identity
  universe <- unique(key(unlist(sets$sets, use.names = FALSE)))
  genes <- stats::setNames(background, key(background))
  genes <- genes[names(genes) %in% universe & !duplicated(names(genes))]
  if (length(genes) == 0L) {
    stop_input("background", "`background`: none of its ", length(background), " genes, such as ",
      quoted(background[[1L]]), ", is in any set, such as ", quoted(utils::head(universe, 1L)), ".",
      if (!ignore.case && any(toupper(background) %in% toupper(universe))) {
        " They are but for upper and lower case: set `ignore.case`."
      })
  }
  list(sets = lapply(sets$sets, function(s) intersect(key(s), names(genes))), genes = genes, key = key)
}

test_module <- function(module, genes, sets, terms, background) {
  shared <- lapply(sets, intersect, genes)
  overlap <- lengths(shared)
  size <- lengths(sets)
  all <- length(background)
  log.p <- stats::phyper(overlap - 1, size, all - size, length(genes), lower.tail = FALSE, log.p = TRUE)
  expected <- length(genes) * size / all
  data.frame(
    module = module, terms, overlap = overlap, size = length(genes), term.size = size, background = all,
    expected = expected, ratio = overlap / expected, p = exp(log.p), log10.p = log.p / log(10),
    genes = vapply(shared, function(s) paste(background[s], collapse = ","), ""), row.names = NULL
  )
}

headline.fatefield_enrichment <- function(x) {
  if (!all(c("module", "term", "name", "overlap", "p", "q") %in% names(x)) || nrow(x) == 0L) {
    return(counted(nrow(x), "row"))
  }
  sure <- sum(x$q <= 0.05)
  best <- plain_table(x)[which.min(x$p), ]
  c(
    paste0(counted(length(unique(x$term)), "term"), " in ", counted(length(unique(x$module)), "module"), ": ", sure,
      " of ", counted(nrow(x), "test"), " at FDR 0.05"),
    paste0("best: ", best$name, " in ", best$module, ", ", best$overlap, " of ", best$term.size, " genes, ",
      format(best$ratio, digits = 3L), " times as many as expected, q ", format(best$q, digits = 2L))
  )
}

shown_columns.fatefield_enrichment <- function(x) {
  intersect(c("module", "term", "name", "overlap", "size", "term.size", "ratio", "p", "q"), names(x))
}

#' @rdname EnrichModules
#' @export
summary.fatefield_enrichment <- function(object, ...) {
  table <- plain_table(object)
  rows <- lapply(unique(table$module), function(m) {
    part <- table[table$module == m, ]
    best <- part[which.min(part$log10.p), ]
    best <- best[c("term", "name", "overlap", "p", "q")]
    data.frame(module = m, terms = nrow(part), found = sum(part$q <= 0.05), best)
  })
  out <- do.call(rbind, rows)
  rownames(out) <- NULL
  out
}

#' @rdname EnrichModules
#' @param x An enrichment, or a comparison of networks.
#' @param modules (strings) Of the figure: modules to draw; `NULL` takes all.
#' @param n.top Of the figure: best terms of each module, default 5; of a comparison all terms, at most 30.
#' @param fdr Of the figure: terms with a larger `q` are paler; default 0.05.
#' @export
plot.fatefield_enrichment <- function(x, modules = NULL, n.top = 5L, fdr = 0.05, ...) {
  check_no_dots(names(formals(plot.fatefield_enrichment)), ...)
  table <- plain_table(x)
  present <- unique(as.character(table$module))
  modules <- if (is.null(modules)) sort(present) else check_modules(modules, present)
  table <- table[table$module %in% modules, ]
  n.top <- check_count(n.top, "n.top")
  best <- unique(unlist(lapply(modules, function(m) utils::head(table$term[table$module == m], n.top))))
  table <- table[table$term %in% best & table$overlap > 0L, ]
  titles <- make.unique(table$name[match(best, table$term)])
  table$place <- factor(titles[match(table$term, best)], rev(titles))
  table$sure <- table$q <= check_number(fdr, "fdr", min = 0, max = 1)
  ggplot2::ggplot(table, ggplot2::aes(factor(.data$module, modules), .data$place)) +
    ggplot2::geom_point(ggplot2::aes(size = .data$overlap, colour = -.data$log10.p, alpha = .data$sure)) +
    ggplot2::scale_colour_viridis_c(name = "-log10 p", end = 0.95, direction = -1) +
    ggplot2::scale_alpha_manual(values = c(`TRUE` = 1, `FALSE` = 0.35), guide = "none") +
    ggplot2::scale_size_continuous(name = "genes", range = c(1.5, 6)) +
    ggplot2::labs(x = "module", y = NULL) + theme_curves()
}
