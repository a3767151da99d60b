# Expression of simulated states: through the loadings of the reduction, or by regression on observed cells.

# States decoded at a time.
decode_chunk <- 100000L

# Cells on which it is measured how much of a gene states explain.
explained_cells <- 2000L

# list(values = array (path x gene x time), genes = data.frame(gene, method, explained)).
decoded_paths <- function(object, cells, genes, source) {
  size <- dim(object$states)
  rows <- matrix(aperm(object$states, c(1L, 3L, 2L)), size[[1L]] * size[[3L]], size[[2L]],
    dimnames = list(NULL, object$dims))
  found <- decoded_states(rows, cells, object, genes, source)
  values <- array(found$values, c(size[[1L]], size[[3L]], ncol(found$values)))
  values <- aperm(values, c(1L, 3L, 2L))
  dimnames(values) <- list(NULL, colnames(found$values), NULL)
  list(values = values, genes = found$genes)
}

# list(values = states x genes, genes). `states`: rows in the space of the trajectories `object`.
decoded_states <- function(states, cells, object, genes = NULL, source = list(method = "auto", k = 30L)) {
  if (is.null(genes)) genes <- default_genes(cells, source)
  if (!is.character(genes) || length(genes) == 0L) {
    stop_input("genes", "`genes` must be names of genes, not ", described(genes), ".")
  }
  genes <- unique(genes)
  method <- source$method
  if (method == "auto" && all(genes %in% object$dims)) method <- "states"
  if (method == "states") {
    return(decode_states_themselves(states, cells, object, genes, source))
  }
  if (method %in% c("auto", "linear")) {
    space <- linear_space_of(cells, object, genes, source, must = method == "linear")
    if (!is.null(space)) {
      return(decode_linear(states, background_cells(object, cells, "cells"), space, genes))
    }
    method <- "nearest"
  }
  decode_by_cells(states, background_cells(object, cells, "cells"), observed_expression(cells, genes, source),
    method, source$k)
}

default_genes <- function(cells, source) {
  if (is_seurat(cells)) {
    variable <- SeuratObject::VariableFeatures(cells, assay = source$assay)
    if (length(variable) > 0L) return(variable)
  }
  if (is_plain_matrix(cells)) return(colnames(source$expression))
  rownames(feature_values(cells, source$assay, source$layer))
}

gene_report <- function(genes, method, explained) {
  data.frame(gene = genes, method = method, explained = as.numeric(explained))
}

decode_states_themselves <- function(states, cells, object, genes, source) {
  lost <- setdiff(genes, object$dims)
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: ", quoted(lost[[1L]]), " is not among the dimensions of the trajectories.",
      near(lost[[1L]], object$dims))
  }
  transform <- source$transform
  if (is.null(transform)) transform <- if (is_plain_matrix(cells)) "none" else "log1p"
  transform <- check_choice(transform, c("log1p", "none"), "transform")
  x <- states[, genes, drop = FALSE]
  if (transform == "log1p") x <- log1p(pmax(x, 0))
  list(values = x, genes = gene_report(genes, "states", NA))
}

# The space of genes of a reduction with loadings that has all these genes, else NULL, or with `must` an error.
linear_space_of <- function(cells, object, genes, source, must) {
  if (is_plain_matrix(cells) || is.null(object$reduction)) {
    if (must) {
      stop_input("method", "`method` \"linear\" needs an object with a reduction that has loadings.")
    }
    return(NULL)
  }
  if (!must && is_sce(cells) && isTRUE(source$assay %in% assay_names(cells))) {
    return(NULL)
  }
  like <- list(type = "sde", reduction = object$reduction, dims = object$dims)
  make <- function() gene_space(cells, like, assay = source$assay)
  space <- if (must) {
    make()
  } else {
    tryCatch(make(), error = function(e) NULL, warning = function(w) NULL)
  }
  lost <- setdiff(genes, space$genes)
  if (must && length(lost) > 0L) {
    stop_input("genes", "`genes`: ", quoted(lost[[1L]]), " is not among the ", length(space$genes),
      " genes of the reduction; `method = \"nearest\"` can do without.", near(lost[[1L]], space$genes))
  }
  if (length(lost) == 0L) space
}

# `x`: cells x dims.
decode_linear <- function(states, x, space, genes) {
  sample <- thinned(nrow(x), explained_cells)
  y <- space$expression(sample, genes)
  guess <- space$decode(x[sample, , drop = FALSE], genes)
  left <- colSums((y - guess)^2)
  all <- colSums(sweep(y, 2L, colMeans(y))^2)
  finite <- rowSums(!is.finite(states)) == 0
  values <- matrix(NA_real_, nrow(states), length(genes), dimnames = list(NULL, genes))
  values[finite, ] <- space$decode(states[finite, , drop = FALSE], genes)
  list(values = values, genes = gene_report(genes, "linear", ifelse(all > 0, 1 - left / all, 0)))
}

# `x`: cells x dims; `y`: cells x genes.
decode_by_cells <- function(states, x, y, method, k) {
  if (k >= nrow(x)) stop_input("n.neighbors", "`n.neighbors` is ", k, "; fewer than the ", nrow(x), " cells is needed.")
  sample <- thinned(nrow(x), explained_cells)
  finite <- which(rowSums(!is.finite(states)) == 0)
  values <- matrix(NA_real_, nrow(states), ncol(y), dimnames = list(NULL, colnames(y)))
  for (rows in split(finite, (seq_along(finite) - 1L) %/% decode_chunk)) {
    at <- states[rows, , drop = FALSE]
    found <- if (method == "ridge") {
      regress_ridge(x, y, at, thread_count())
    } else {
      regress_nearest(x, y, at, k, sample, thread_count())
    }
    values[rows, ] <- found$values
  }
  list(values = values, genes = gene_report(colnames(y), method, found$explained))
}

# Observed expression, cells x genes.
observed_expression <- function(cells, genes, source) {
  if (is_plain_matrix(cells)) {
    if (is.null(source$expression)) {
      stop_input("expression", "`expression` is needed: a matrix of coordinates holds no genes; give a matrix of ",
        "cells x genes.")
    }
    y <- check_matrix(source$expression, "expression")
    y <- match_cells(y, cell_names(cells), "expression")
    return(y[, known_genes(genes, colnames(y)), drop = FALSE])
  }
  values <- feature_values(cells, source$assay, source$layer)
  t(as.matrix(values[known_genes(genes, rownames(values)), , drop = FALSE]))
}

known_genes <- function(genes, present) {
  lost <- setdiff(genes, present)
  if (length(lost) > 0L) {
    stop_input("genes", "`genes`: ", quoted(lost[[1L]]), " is not among the ", length(present), " features.",
      near(lost[[1L]], present))
  }
  genes
}

# A matrix of an object, features x cells. For a SingleCellExperiment `assay` is one of its assays or of its
# alternative experiments.
feature_values <- function(object, assay = NULL, layer = NULL) {
  if (is_seurat(object)) {
    if (is.null(assay)) assay <- SeuratObject::DefaultAssay(object)
    return(layer_data(object, if (is.null(layer)) "data" else layer, check_assay(object, assay)))
  }
  values <- sce_values(object, assay, layer)
  check_unique_names(rownames(values), "gene", "object")
  if (is.null(colnames(values))) colnames(values) <- cell_names(object)
  values
}

sce_values <- function(object, assay, layer) {
  check_object(object)
  if (!is.null(assay) && assay %in% assay_names(object)) {
    inner <- sce_experiment(object, assay)
    names <- SummarizedExperiment::assayNames(inner)
    if (is.null(layer)) layer <- c(intersect(c("logcounts", "data"), names), names)[[1L]]
    return(SummarizedExperiment::assay(inner, layer))
  }
  SummarizedExperiment::assay(object, sce_assay(object, if (is.null(assay)) layer else assay))
}
