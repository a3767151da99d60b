# Finds spliced and unspliced counts in what users give and checks them. Matrices are genes x cells,
# dgCMatrix or dense.

# Names under which programs write the two kinds of molecules; upper and lower case are alike.
splicing_aliases <- list(
  spliced = c("spliced", "mature", "exon", "exonic"),
  unspliced = c("unspliced", "nascent", "intron", "intronic")
)

# A matrix of an object: list(assay, layer), which layer_at() reads. For an SCE `layer` is an assay and
# `assay` an alternative experiment or NULL.
# `name`: what the user calls it, or NULL for the first of `aliases`.
find_layer <- function(object, name, aliases, argument) {
  places <- layer_places(object)
  if (!is.null(name)) check_string(name, argument)
  # Layers that an Assay5 was made of as a list of counts are named after it.
  wanted <- if (is.null(name)) c(aliases, paste0("counts.", aliases)) else name
  at <- if (is.null(name)) integer() else which(places$name == name)
  if (length(at) == 0L) {
    same <- match(tolower(wanted), tolower(places$name))
    at <- same[!is.na(same)]
  }
  if (length(at) > 0L) {
    return(list(assay = places$assay[[at[[1L]]]], layer = places$layer[[at[[1L]]]]))
  }
  wanted <- if (is.null(name)) aliases else name
  stop_input(
    argument, "`", argument, "`: the object has no assay or layer ",
    paste0("\"", wanted, "\"", collapse = " or "), "; it has ", quoted(unique(places$name)), ".",
    near(wanted[[1L]], unique(places$name)), if (is.null(name)) paste0(
      " Counts of ", argument, " molecules come from velocyto, STARsolo, alevin-fry or ",
      "kallisto bustools; read them with ReadLoom() or ReadH5AD(), or name their assay."
    )
  )
}

# All matrices that have a name: data.frame(name, assay, layer), assays before layers, wholes of split layers before
# their parts.
layer_places <- function(object) {
  check_object(object)
  if (is_sce(object)) {
    inner <- SummarizedExperiment::assayNames(object)
    outer <- assay_names(object)
    first <- vapply(outer, function(name) {
      names <- SummarizedExperiment::assayNames(sce_experiment(object, name))
      if (length(names) == 0L) NA_character_ else c(intersect("counts", names), names)[[1L]]
    }, character(1))
    return(data.frame(
      name = c(inner, outer), assay = c(rep(NA_character_, length(inner)), outer),
      layer = c(inner, unname(first))
    ))
  }
  assays <- seurat_assays(object)
  own <- vapply(assays, function(a) if (has_layer(object, "counts", a)) "counts" else "data", "")
  default <- SeuratObject::DefaultAssay(object)
  layers <- lapply(union(default, assays), function(a) {
    present <- layer_names(object, a)
    names <- c(split_wholes(present), present)
    data.frame(name = names, assay = rep(a, length(names)), layer = names)
  })
  rbind(data.frame(name = assays, assay = assays, layer = unname(own)), do.call(rbind, layers))
}

# Names of split layers of which only parts are there: spliced of spliced.1 and spliced.2. Those that this package
# reads are known by name, as parts may be called anything.
split_wholes <- function(present) {
  known <- unlist(c(splicing_aliases, "Ms", "Mu"), use.names = FALSE)
  wholes <- unique(unlist(lapply(c(known, paste0("counts.", known)), function(whole) {
    parts <- split_parts(tolower(present), tolower(whole))
    substr(present[tolower(present) %in% parts], 1L, nchar(whole))
  })))
  stems <- sub("\\.[^.]*$", "", present)
  setdiff(unique(c(wholes, stems[stems %in% stems[duplicated(stems)] & stems != present])), present)
}

has_layer <- function(object, layer, assay) {
  present <- layer_names(object, assay)
  layer %in% present || length(split_parts(present, layer)) > 0L
}

# The matrix of a place; cells of an SCE without names have their numbers.
layer_at <- function(object, place, argument = "layer") {
  if (is_seurat(object)) {
    return(layer_data(object, place$layer, place$assay, argument))
  }
  cells <- cell_names(object)
  if (!is.na(place$assay)) object <- sce_experiment(object, place$assay)
  x <- in_memory(SummarizedExperiment::assay(object, place$layer))
  if (is.null(colnames(x))) colnames(x) <- cells
  x
}

# list(spliced, unspliced): of the same genes and cells in the same order, checked; with `kind`, what
# check_counts() says of each. `arguments`: the user's names of the two.
count_pair <- function(spliced, unspliced, arguments = c("spliced", "unspliced")) {
  spliced <- as_counts(spliced, arguments[[1L]])
  unspliced <- as_counts(unspliced, arguments[[2L]])
  unspliced <- align_names(unspliced, spliced, arguments)
  kind <- list(
    spliced = check_counts(spliced, arguments[[1L]]),
    unspliced = check_counts(unspliced, arguments[[2L]])
  )
  check_linear(spliced, arguments[[1L]], kind$spliced)
  check_linear(unspliced, arguments[[2L]], kind$unspliced)
  if (same_values(spliced, unspliced)) {
    stop_input(
      arguments[[2L]], "`", arguments[[2L]], "` and `", arguments[[1L]],
      "` hold the same values, so that there are no ",
      "velocities to be seen; give the counts of unspliced molecules beside those of spliced ones."
    )
  }
  list(spliced = spliced, unspliced = unspliced, kind = kind)
}

same_values <- function(x, y) {
  if (inherits(x, "dgCMatrix") && inherits(y, "dgCMatrix")) {
    return(identical(x@x, y@x) && identical(x@i, y@i) && identical(x@p, y@p))
  }
  identical(as.vector(as.matrix(x)), as.vector(as.matrix(y)))
}

# A dgCMatrix or a double matrix with names of genes and cells.
as_counts <- function(x, argument) {
  if (is.data.frame(x)) x <- plain_matrix(x, argument, rows = "gene")
  if (!is.matrix(x)) {
    array <- inherits(x, c("Matrix", "DelayedArray", "IterableMatrix"))
    if (length(dim(x)) != 2L || !array) {
      stop_input(
        argument, "`", argument, "` must be a matrix of genes x cells, dense or sparse, not ",
        described(x), ".", part_hint(x)
      )
    }
    x <- as_compressed(in_memory(x))
  } else if (is.numeric(x)) {
    if (!is.double(x)) storage.mode(x) <- "double"
  } else {
    stop_input(argument, "`", argument, "` must hold numbers, not ", described(x[[1L]]), ".")
  }
  if (nrow(x) == 0L || ncol(x) < 2L) {
    stop_input(argument, "`", argument, "` has ", nrow(x), " genes and ", ncol(x),
      " cells; at least one gene and two cells are needed.")
  }
  names <- list(
    if (is.null(rownames(x))) as.character(seq_len(nrow(x))) else rownames(x),
    if (is.null(colnames(x))) as.character(seq_len(ncol(x))) else colnames(x)
  )
  check_unique_names(names[[1L]], "gene", argument)
  check_unique_names(names[[2L]], "cell", argument)
  if (!identical(dimnames(x), names)) dimnames(x) <- names
  x
}

as_compressed <- function(x) {
  if (inherits(x, "dgCMatrix")) {
    return(x)
  }
  if (is.matrix(x) || inherits(x, "denseMatrix")) {
    return(as.matrix(x) + 0)
  }
  methods::as(methods::as(methods::as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")
}

# `x` with the genes and cells of `like` in its order; both must have the same ones.
align_names <- function(x, like, arguments) {
  for (side in 1:2) {
    what <- c("genes", "cells")[[side]]
    wanted <- dimnames(like)[[side]]
    found <- dimnames(x)[[side]]
    if (identical(found, wanted)) next
    if (!setequal(found, wanted)) stop_names(found, wanted, what, arguments)
    x <- if (side == 1L) x[wanted, , drop = FALSE] else x[, wanted, drop = FALSE]
  }
  x
}

stop_names <- function(found, wanted, what, arguments) {
  alone <- if (length(setdiff(found, wanted)) > 0L) {
    paste0(quoted(setdiff(found, wanted)[[1L]]), " is in `", arguments[[2L]], "` only")
  } else {
    paste0(quoted(setdiff(wanted, found)[[1L]]), " is in `", arguments[[1L]], "` only")
  }
  stop_input(
    arguments[[2L]], "`", arguments[[2L]], "` has other ", what, " than `", arguments[[1L]], "`: ",
    length(found), " and ", length(wanted), ", of which they share ",
    length(intersect(found, wanted)), "; ", alone, ". Keep those of both, with intersect()."
  )
}

# Which of the two are counts, to be divided by the sizes of cells: c(spliced, unspliced).
# `normalise`: TRUE, FALSE, or NULL to see for oneself.
to_normalise <- function(pair, normalise, parity, verbose) {
  if (!is.null(normalise)) {
    check_flag(normalise, "normalise")
    return(c(spliced = normalise, unspliced = normalise))
  }
  part <- if (parity) "first_whole" else "whole"
  whole <- vapply(pair$kind, `[[`, logical(1), part)
  if (!parity && whole[[1L]] != whole[[2L]]) {
    stop_input(
      "normalise", "`normalise`: of spliced and unspliced values only those of ",
      names(whole)[whole], " are all whole numbers. Give counts for both, or say with `normalise` ",
      "whether to divide both by the sizes of the cells."
    )
  }
  if (!any(whole) && verbose && !parity) {
    message(
      "Spliced and unspliced values are not whole numbers: taken as normalised and filtered ",
      "already. For estimated counts set `normalise = TRUE`."
    )
  }
  whole
}

# Known first moments, list(Ms, Mu), brought to these genes and cells.
known_moments <- function(moments, genes, cells) {
  if (is.null(moments)) {
    return(NULL)
  }
  if (!is.list(moments) || length(moments) != 2L) {
    stop_input(
      "moments", "`moments` must be list(Ms = , Mu = ), two matrices of genes x cells, not ",
      described(moments), "."
    )
  }
  if (!is.null(names(moments)) && all(c("Ms", "Mu") %in% names(moments))) {
    moments <- moments[c("Ms", "Mu")]
  }
  out <- lapply(moments, function(x) {
    x <- as_counts(x, "moments")
    lost <- list(setdiff(genes, rownames(x)), setdiff(cells, colnames(x)))
    if (any(lengths(lost) > 0L)) {
      what <- if (length(lost[[1L]]) > 0L) 1L else 2L
      stop_input(
        "moments", "`moments` lack ", length(lost[[what]]), " of the ", c("genes", "cells")[[what]],
        ", the first is ", quoted(lost[[what]][[1L]]), "."
      )
    }
    as.matrix(x[genes, cells, drop = FALSE])
  })
  names(out) <- c("Ms", "Mu")
  out
}
