# Which species genes are of, by the case of their symbols. Takes names of genes; gives the annotation package of mouse
# or human, with a message, or stops with what to install.

# Share of the symbols that must agree, and the fewest that are told from.
species_rule <- list(share = 0.7, genes = 10L)

species_packages <- c(mouse = "org.Mm.eg.db", human = "org.Hs.eg.db")

# "mouse", "human" or NA. Numbers, accessions and symbols of one letter say nothing; genes of mitochondria (mt-Co1,
# MT-CO1) do.
guess_species <- function(genes) {
  genes <- unique(genes[grepl("[A-Za-z].*[A-Za-z]", genes) & !grepl("^ENS[A-Z]*[GT][0-9]+", genes)])
  if (length(genes) < species_rule$genes) {
    return(NA_character_)
  }
  letters <- gsub("[^A-Za-z]", "", genes)
  # Open reading frames of human genes have small letters: C1orf56.
  human <- letters == toupper(letters) | grepl("^C[0-9XY]+orf[0-9]+", genes)
  mouse <- !human & substring(letters, 2L) == tolower(substring(letters, 2L))
  shares <- c(mouse = mean(mouse), human = mean(human))
  if (max(shares) < species_rule$share) NA_character_ else names(which.max(shares))
}

# The name of an annotation package that is installed.
species_annotation <- function(genes) {
  species <- guess_species(genes)
  if (is.na(species)) {
    stop_input("terms", "`terms` is needed: sets of genes, see GeneSets(). From symbols such as ",
      quoted(utils::head(genes, 3L)), " it cannot be told whether genes are of mouse (Gata1) or human (GATA1).")
  }
  package <- species_packages[[species]]
  if (!requireNamespace(package, quietly = TRUE)) {
    stop_input("terms", "`terms`: the symbols look like those of ", species, ", for which the package ",
      quoted(package), " is needed; install it by BiocManager::install(\"", package,
      "\"), or on Debian, where it is packaged, by apt-get install r-bioc-", tolower(package),
      ". Or give sets of your own, such as a GMT file.")
  }
  rlang::inform(
    paste0("Terms of the Gene Ontology for ", species, " (", package, "), by the case of the symbols; `terms` takes ",
      "others."),
    class = "fatefield_message_species"
  )
  package
}

# The genes of a network, of the first of several, or of lists.
species_genes <- function(object, background) {
  if (!is.null(background)) {
    return(background)
  }
  if (is_network_list(object)) object <- object[[1L]]
  if (inherits(object, "fatefield_network")) object$table$gene else as.character(unlist(module_genes(object)))
}
