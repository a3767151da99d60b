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
#' @param object A network from [CoexpressionNetwork()], a named list of vectors of genes, or a data.frame with columns
#'   such as `module` and `gene`.
#' @param terms Sets of genes: what [GeneSets()] gives or takes.
#' @param background (strings) Genes that could have been found; `NULL` takes all genes of the network.
#'   Needed for a list.
#' @param min.term,max.term Sets with fewer or more genes of the background are not tested; defaults 10 and 500.
#' @param ignore.case Compare names in upper case? For mouse genes and an annotation of human ones, most of which
#'   have the same symbols but for case.
#'   Default `FALSE`.
#' @param ... Passed to [GeneSets()].
#'
#' @return data.frame sorted by p, one row per module and set: `module`, `term`, `name`, `ontology`, `overlap`,
#'   `size` (genes of the module in the background), `term.size`, `background`, `expected` and `ratio` (`overlap`
#'   over it), `p`, `log10.p` (where `p` is too small for a number, too), `q` (of Benjamini and Hochberg, over all
#'   modules and sets of an ontology), `genes` (those of the overlap, as the network names them).
#' @section Errors:
#' `fatefield_error_input`: no gene of the background is in any set, no set is of the size asked for, the network
#' has no modules, a list without `background`. Those of [GeneSets()].
#' @references
#' Rivals et al. (2007) Enrichment or depletion of a GO category within a class of genes: which test?
#' Bioinformatics 23.
#'
#' Benjamini and Hochberg (1995) Controlling the false discovery rate. Journal of the Royal Statistical Society B
#' 57.
#' @seealso [CompareEnrichment()]
#' @examples
#' genes <- paste0("g", 1:100)
#' sets <- list(secretion = genes[1:20], division = genes[41:60])
#' EnrichModules(list(M1 = genes[c(1:12, 70:75)]), sets, background = genes)
#' @export
EnrichModules <- function(object, terms, background = NULL, min.term = 10L, max.term = 500L,
                          ignore.case = FALSE, ...) {
  sets <- GeneSets(terms, ...)
  modules <- module_genes(object)
  if (is.null(background)) {
    if (!inherits(object, "fatefield_network")) {
      stop_input("background", "`background` is needed with a list of genes: all genes that could have been found.")
    }
    background <- object$genes$gene
  }
  min.term <- check_count(min.term, "min.term")
  max.term <- check_count(max.term, "max.term", min = min.term)
  tested <- background_sets(sets, clean_genes(background), check_flag(ignore.case, "ignore.case"))
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
    return(split(object$genes$gene, object$genes$module))
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
