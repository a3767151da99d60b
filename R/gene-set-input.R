# Sets of genes as users have them: lists, tables with a row per gene, collections of GSEABase, GMT files. Gives named
# lists of character vectors without empty entries, each gene once.

# Names of columns that hold sets or genes, the usual ones first.
set_columns <- list(
  term = c("term", "gs_name", "set", "set_name", "gene_set", "geneset", "pathway", "pathway_name", "module", "cluster",
    "go_id", "goid", "go", "gs_id", "term_id", "ont", "source"),
  gene = c("gene", "gene_symbol", "symbol", "genesymbol", "gene_name", "genename", "db_gene_symbol", "gene_id",
    "geneid",
    "target", "feature", "ensembl_gene", "entrez_gene", "ncbi_gene", "human_gene_symbol", "entrezid", "ensembl",
    "genes")
)

# `what`: what else could be given, for the message.
gene_lists <- function(x, argument, what = "") {
  if (inherits(x, c("GeneSet", "GeneSetCollection"))) x <- collection_list(x)
  if (is.matrix(x) && ncol(x) == 2L || inherits(x, c("DFrame", "DataFrame"))) x <- as.data.frame(x)
  if (is.data.frame(x)) x <- table_list(x, argument)
  fits <- is.list(x) && length(x) > 0L && !is.null(names(x)) && !anyNA(names(x)) && all(nzchar(trim_text(names(x)))) &&
    all(vapply(x, function(genes) is.null(genes) || is_gene_vector(genes), NA))
  if (!fits) {
    stop_input(argument, "`", argument, "` must be ", what, "a named list of vectors of genes, not ", described(x), ".")
  }
  names(x) <- trim_text(names(x))
  if (anyDuplicated(names(x)) > 0L) {
    stop_input(argument, "`", argument, "` has the set ", quoted(names(x)[[anyDuplicated(names(x))]]), " twice.")
  }
  lists <- lapply(x, clean_genes)
  if (all(lengths(lists) == 0L)) stop_input(argument, "`", argument, "` holds no gene.")
  lists
}

# Numbers are names of genes of Entrez.
is_gene_vector <- function(x) {
  is.character(x) || is.factor(x) || is.numeric(x) && all(is.na(x) | x == round(x)) || is.logical(x) && all(is.na(x))
}

clean_genes <- function(x) {
  x <- plain_column(x)
  text <- if (is.numeric(x) && !is.factor(x)) format(x, scientific = FALSE, trim = TRUE) else as.character(x)
  text <- trim_text(text[!is.na(x)])
  unique(text[nzchar(text)])
}

# Without spaces around, those that do not break a line among them.
trim_text <- function(x) gsub("^[\\s\u00a0]+|[\\s\u00a0]+$", "", enc2utf8(as.character(x)), perl = TRUE)

# A table with a row per gene of each set as a list, the sets in the order in which they come.
table_list <- function(x, argument) {
  at <- lapply(set_columns, function(known) {
    found <- match(known, gsub("[. ]", "_", tolower(names(x))))
    found[!is.na(found)][1L]
  })
  if (ncol(x) == 2L) {
    if (is.na(at$term) && is.na(at$gene)) at <- list(term = 1L, gene = 2L)
    if (is.na(at$term)) at$term <- 3L - at$gene
    if (is.na(at$gene) || at$gene == at$term) at$gene <- 3L - at$term
  }
  if (is.na(at$term) || is.na(at$gene)) {
    stop_input(argument, "`", argument, "` is a table with the columns ", quoted(names(x)),
      "; two are needed, of sets and ",
      "of genes, such as \"term\" and \"gene\". A table with a set in each column can be given as a list, ",
      "with as.list().")
  }
  term <- x[[at$term]]
  genes <- x[[at$gene]]
  if (is.list(genes)) {
    term <- rep(term, lengths(genes))
    genes <- unlist(lapply(genes, as.character), use.names = FALSE)
  }
  if (!is.atomic(term) || !is_gene_vector(genes)) {
    stop_input(argument, "`", argument, "`: the columns ", quoted(names(x)[unlist(at)]),
      " must hold names of sets and of ",
      "genes.")
  }
  term <- trim_text(term)
  term[!nzchar(term)] <- NA
  split(genes, factor(term, unique(term[!is.na(term)])))
}

# Sets of GSEABase, which need not be there for it.
collection_list <- function(x) {
  sets <- if (inherits(x, "GeneSet")) list(x) else methods::slot(x, ".Data")
  stats::setNames(lapply(sets, methods::slot, "geneIds"), vapply(sets, methods::slot, "", "setName"))
}

read_gmt <- function(file) {
  if (!file.exists(file) || dir.exists(file)) stop_file("x", "`x`: there is no file ", quoted(file), ".")
  lines <- text_lines(file)
  number <- which(nzchar(trim_text(lines)))
  if (length(number) == 0L) stop_file("x", "`x`: the file ", quoted(file), " is empty.")
  parts <- lapply(strsplit(lines[number], "\t", fixed = TRUE), gmt_fields)
  bad <- which(vapply(parts, function(p) length(p$genes) == 0L || !nzchar(p$name), NA))
  if (length(bad) > 0L) {
    stop_file("x", "`x`: line ", number[[bad[[1L]]]], " of ", quoted(basename(file)), " is no set of genes; a GMT ",
      "file has a name, a description and genes on each line, with tabs between.")
  }
  names <- vapply(parts, `[[`, "", "name")
  twice <- anyDuplicated(names)
  if (twice > 0L) {
    stop_file("x", "`x`: line ", number[[twice]], " of ", quoted(basename(file)), " names the set ",
      quoted(names[[twice]]), " again.")
  }
  about <- vapply(parts, `[[`, "", "about")
  about[!nzchar(about) | grepl("^(https?://|na$)", about, ignore.case = TRUE)] <- NA
  list(
    sets = stats::setNames(lapply(parts, `[[`, "genes"), names),
    names = stats::setNames(about, names)[!is.na(about)]
  )
}

# Fields of a line, without spaces around and the quotes that spreadsheets put.
gmt_fields <- function(fields) {
  fields <- trim_text(fields)
  quotes <- grepl("^\".*\"$", fields)
  fields[quotes] <- trim_text(gsub("\"\"", "\"", substr(fields[quotes], 2L, nchar(fields[quotes]) - 1L), fixed = TRUE))
  c(as.list(stats::setNames(c(fields, "", "")[1:2], c("name", "about"))), list(genes = clean_genes(fields[-(1:2)])))
}

# Lines of a file as UTF-8, whatever it is in: UTF-16 and UTF-8 with or without a mark at the start, else Latin-1.
text_lines <- function(file) {
  bytes <- readBin(file, "raw", file.size(file))
  starts <- function(...) identical(utils::head(bytes, ...length()), as.raw(c(...)))
  zero <- utils::head(bytes, 1000L) == 0
  even <- seq_along(zero) %% 2L == 0L
  wide <- if (starts(0xff, 0xfe) || sum(zero[even]) > 0.3 * length(zero)) "UTF-16LE" else
    if (starts(0xfe, 0xff) || sum(zero[!even]) > 0.3 * length(zero)) "UTF-16BE"
  text <- if (is.null(wide)) rawToChar(bytes[bytes != 0]) else iconv(list(bytes), wide, "UTF-8")
  if (is.na(text)) stop_file("x", "`x`: the file ", quoted(file), " is no text.")
  text <- if (validUTF8(text)) `Encoding<-`(text, "UTF-8") else iconv(text, "latin1", "UTF-8")
  strsplit(sub("^\ufeff", "", text), "\r\n|\n|\r")[[1L]]
}
