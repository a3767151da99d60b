# Sets of genes that share an annotation: from a GMT file, an annotation package or a list. Gives one class for all.

#' Read sets of genes
#'
#' @section Sources:
#' A GMT file has one set a line: its name, a description (or the address of a page), and its genes, with tabs
#' between.
#' An annotation package such as `"org.Mm.eg.db"` gives the terms of the Gene Ontology; AnnotationDbi and GO.db
#' must be installed.
#' There genes of a term count for all terms above it, as they do where `parents` are given.
#' Its sets are found once and kept until R ends; a package that is installed anew is read anew.
#' A table has a row for each gene of each set, as the TERM2GENE of clusterProfiler and the tables of msigdbr:
#' its columns are known by name (`term`, `gs_name`, `pathway`, ...; `gene`, `gene_symbol`, ...); of two columns with
#' other names the first holds the sets, the second the genes.
#' Spaces around names and empty entries are dropped.
#'
#' @section Basic use:
#' ```r
#' sets <- GeneSets("hallmarks.gmt")
#' EnrichModules(CoexpressionNetwork(cells), sets)
#' ```
#' @param x A file, the name of an annotation package or the package's object, a named list of vectors of genes, a
#'   data.frame with a row for each gene of each set, or a GeneSetCollection of GSEABase.
#' @param ontology (strings) Of an annotation package: `"BP"` (default), `"MF"`, `"CC"`.
#'   Of others: one name for all sets, such as `"hallmark"`.
#' @param parents data.frame whose columns `child` and `parent` name sets: genes of a child are genes of its
#'   parents, and of theirs.
#' @param keytype Of an annotation package: which names its genes have, `"SYMBOL"` (default), `"ENTREZID"` or
#'   `"ENSEMBL"`.
#' @param names Named vector of titles by set, for lists and files; `NULL`: the names, or a file's descriptions.
#'
#' @param ... Not used.
#' @return A result of class `fatefield_sets`, see [results].
#'   Its table has a row for each set: `term`, `name`, `ontology` and `size`, its number of genes.
#'   `sets` is the named list of vectors of genes, and `terms` a data.frame of `term`, `name` and `ontology`.
#'   `[` keeps some sets, `c()` joins several results, and `plot()` shows how large sets are.
#' @section Errors:
#' `fatefield_error_file`: no such file, or a line that is no set, with its number.
#' `fatefield_error_input`: no such package, sets without names, `parents` that go round in a circle.
#' @references Ashburner et al. (2000) Gene Ontology: tool for the unification of biology. Nature Genetics 25.
#' @seealso [EnrichModules()]
#' @examples
#' file <- tempfile(fileext = ".gmt")
#' writeLines(c("insulin\tsecretion of insulin\tIns1\tIns2\tSnap25", "glucose\tlevels\tGck\tIns1"), file)
#' GeneSets(file)
#'
#' sets <- list(process = "Ins1", secretion = c("Ins2", "Snap25"))
#' GeneSets(sets, parents = data.frame(child = "secretion", parent = "process"))$sets
#' @export
GeneSets <- function(x, ontology = NULL, parents = NULL, keytype = "SYMBOL", names = NULL, ...) {
  check_no_dots(base::names(formals(GeneSets)), ...)
  if (inherits(x, "fatefield_sets")) {
    return(x)
  }
  if (inherits(x, "OrgDb") || is_package_name(x)) {
    return(ontology_sets(x, ontology, check_string(keytype, "keytype")))
  }
  found <- if (is.character(x) && is.null(dim(x))) read_gmt(check_string(x, "x")) else list(sets = x, names = names)
  sets <- gene_lists(found$sets, "x", "a GMT file, an annotation package, a table of terms and genes, or ")
  if (!is.null(names)) found$names <- names
  titles <- stats::setNames(base::names(sets), base::names(sets))
  titles[intersect(base::names(found$names), base::names(sets))] <-
    found$names[intersect(base::names(found$names), base::names(sets))]
  if (!is.null(parents)) sets <- propagate_sets(sets, parents)
  ontology <- if (is.null(ontology)) "sets" else check_string(ontology, "ontology")
  new_sets(sets, titles, ontology)
}

new_sets <- function(sets, titles, ontology) {
  name <- unname(titles[names(sets)])
  name[is.na(name)] <- names(sets)[is.na(name)]
  terms <- data.frame(term = names(sets), name = name, ontology = ontology)
  new_result("sets", data.frame(terms, size = lengths(sets)), list(sets = sets, terms = terms), by = "term")
}

# Genes of each set added to those of all sets above it.
propagate_sets <- function(sets, parents) {
  fits <- is.data.frame(parents) && all(c("child", "parent") %in% names(parents))
  if (!fits) {
    stop_input("parents", "`parents` must be a data.frame with columns child and parent, not ", described(parents),
      ".")
  }
  child <- as.character(parents$child)
  parent <- as.character(parents$parent)
  all <- union(names(sets), union(child, parent))
  sets <- stats::setNames(lapply(all, function(s) if (is.null(sets[[s]])) character() else sets[[s]]), all)
  above <- split(parent, factor(child, levels = all))
  waiting <- stats::setNames(as.integer(table(factor(parent, levels = all))), all)
  ready <- all[waiting == 0L]
  done <- 0L
  # From the most special sets up: a set is ready when all below it are done.
  while (length(ready) > 0L) {
    s <- ready[[1L]]
    ready <- ready[-1L]
    done <- done + 1L
    for (p in above[[s]]) {
      sets[[p]] <- union(sets[[p]], sets[[s]])
      waiting[[p]] <- waiting[[p]] - 1L
      if (waiting[[p]] == 0L) ready <- c(ready, p)
    }
  }
  if (done < length(all)) {
    stop_input("parents", "`parents` go round in a circle, in which ", quoted(names(which(waiting > 0L)), 4L), " are.")
  }
  sets
}

is_package_name <- function(x) is.character(x) && length(x) == 1L && grepl("^org\\.[A-Za-z]+\\.[A-Za-z]+\\.db$", x)

# Where names of genes are in the data base of an annotation package: table and column.
annotation_columns <- list(
  SYMBOL = c("gene_info", "symbol"), ENTREZID = c("genes", "gene_id"), ENSEMBL = c("ensembl", "ensembl_id")
)

# data.frame(gene, go_id) with all terms above those a gene is annotated with. The package's own select() takes
# minutes, because it keeps every piece of evidence; so does a join in the data base.
annotated_genes <- function(x, ontology, column) {
  ask <- function(...) DBI::dbGetQuery(AnnotationDbi::dbconn(x), paste0(...))
  pairs <- ask("SELECT _id, go_id FROM go_", tolower(ontology), "_all")
  # Terms are "GO:" and seven figures.
  pairs <- pairs[!duplicated(pairs[["_id"]] * 1e7 + as.numeric(substring(pairs$go_id, 4L))), ]
  names <- ask("SELECT _id, ", column[[2L]], " AS gene FROM ", column[[1L]])
  # A gene may have several names of a kind.
  of <- split(names$gene, names[["_id"]])[as.character(pairs[["_id"]])]
  data.frame(gene = unlist(of, use.names = FALSE), go_id = rep(pairs$go_id, lengths(of)))
}

# Terms of the Gene Ontology with the genes of all terms below them.
ontology_sets <- function(x, ontology, keytype) {
  for (package in c("AnnotationDbi", "DBI")) need_package(package, "to read annotation packages")
  need_package("GO.db", "for the names of terms")
  if (is.character(x)) {
    need_package(x, "for the annotation of genes")
    x <- getExportedValue(x, x)
  }
  ontology <- if (is.null(ontology)) "BP" else ontology
  lost <- setdiff(ontology, c("BP", "MF", "CC"))
  if (length(lost) > 0L) {
    stop_input("ontology", "`ontology` must be of \"BP\", \"MF\", \"CC\", not ", quoted(lost[[1L]]), ".")
  }
  if (!keytype %in% names(annotation_columns)) {
    stop_input("keytype", "`keytype` must be one of ", quoted(names(annotation_columns)), ", not ", quoted(keytype),
      ".")
  }
  once_a_session(ontology_key(x, ontology, keytype), function() {
    tables <- lapply(ontology, function(o) annotated_genes(x, o, annotation_columns[[keytype]]))
    sets <- lapply(tables, function(t) genes_by_term(t$gene, t$go_id))
    known <- suppressMessages(AnnotationDbi::select(
      getExportedValue("GO.db", "GO.db"), keys = unlist(lapply(sets, names)), keytype = "GOID", columns = "TERM"
    ))
    new_sets(do.call(c, sets), stats::setNames(known$TERM, known$GOID), rep(ontology, lengths(sets)))
  })
}

# Genes of each term, each once and in order.
genes_by_term <- function(gene, term) {
  all <- sort(unique(gene))
  terms <- sort(unique(term))
  code <- unique(match(term, terms) * (length(all) + 1) + match(gene, all))
  code <- sort(code)
  split(all[code %% (length(all) + 1)], factor(terms[code %/% (length(all) + 1)], terms))
}

# What the sets of an annotation package depend on: its file as it is now, and the names of terms.
ontology_key <- function(x, ontology, keytype) {
  file <- AnnotationDbi::dbfile(x)
  list(
    normalizePath(file), unlist(file.info(file)[c("size", "mtime")]), utils::packageVersion("GO.db"), ontology, keytype
  )
}

# Answers that take long and stay the same while R runs, by the hash of what they depend on.
session_answers <- new.env(parent = emptyenv())

once_a_session <- function(key, make) {
  name <- rlang::hash(key)
  if (is.null(session_answers[[name]])) assign(name, make(), envir = session_answers)
  session_answers[[name]]
}

headline.fatefield_sets <- function(x) {
  sizes <- x$table$size
  c(
    paste0(counted(length(sizes), "set"), " of ", min(sizes), " to ", max(sizes), " genes (median ",
      format(stats::median(sizes)), "), ", counted(length(unique(unlist(x$sets))), "gene"), " in all"),
    paste0("such as ", quoted(utils::head(x$table$name, 3L)))
  )
}

subset_result.fatefield_sets <- function(x, keep) {
  x <- subset_result.default(x, keep)
  x$sets <- x$sets[keep]
  x$terms <- x$terms[match(keep, x$terms$term), , drop = FALSE]
  rownames(x$terms) <- NULL
  x
}

bind_results.fatefield_sets <- function(first, parts) {
  if (!all(vapply(parts, inherits, NA, "fatefield_sets"))) {
    stop_input("...", "Only results of GeneSets() can be joined to sets of genes.")
  }
  terms <- do.call(rbind, lapply(unname(parts), `[[`, "terms"))
  twice <- anyDuplicated(terms$term)
  if (twice > 0L) stop_input("...", "The set ", quoted(terms$term[[twice]]), " is there twice.")
  new_sets(do.call(c, lapply(unname(parts), `[[`, "sets")), stats::setNames(terms$name, terms$term), terms$ontology)
}

#' @rdname GeneSets
#' @param ... Results of `GeneSets()` for `c()`, else not used.
#' @export
c.fatefield_sets <- function(...) bind_results(..1, list(...))

#' @rdname GeneSets
#' @export
plot.fatefield_sets <- function(x, ...) {
  check_no_dots("x", ...)
  ggplot2::ggplot(x$table, ggplot2::aes(.data$size)) +
    ggplot2::geom_histogram(bins = 30L, fill = label_palette[[1L]]) + ggplot2::scale_x_log10() +
    ggplot2::facet_wrap("ontology", scales = "free_y") +
    ggplot2::labs(x = "genes of a set", y = "sets") + theme_curves()
}
