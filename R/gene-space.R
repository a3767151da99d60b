# From the space of a model to genes and back. gene_space() takes an object with a model and gives a list:
#
#   kind        "linear": states are linear in the genes; "genes": states are the genes themselves
#   genes       names of the genes that can be moved
#   dims        names of the model's dimensions
#   loadings    genes x dims: what a change of one z does to the state; an identity for kind "genes"
#   centre,     one per gene: z = (e - centre) / scale, with e in log-normalised units (fields: log1p of
#   scale       the normalised count)
#   offset      state where all z are 0; linear only
#   agreement   smallest share of the variance of a dimension that the genes give back; linear only
#   expression(cells, genes)   cells x genes, e; NULL means all
#   z(cells, genes)            the same in z
#   shift(states, dz)          states (n x dims) moved by dz (n x some genes, named columns)
#   decode(states, genes)      states (n x dims) to e (n x genes), never below 0
#   decoder     list(weights = genes x dims, bias): e is weights times the state and bias, or 0; linear only
#   measured, source           all genes of the assay, and what the genes come from, for messages
#
# A reduction is trusted only where it is reproduced: coordinates recomputed from expression, loadings, centre
# and scale must agree with those stored, but for a factor and an offset of each dimension (Seurat's
# `weight.by.var = FALSE` leaves the standard deviation out).

# Least share of the variance of each dimension that a reduction must give back.
least_agreement <- 0.99

# Cells on which agreement is looked at, and on which genes are regressed.
agreement_cells <- 2000L

# Genes that "regress" takes at most.
regressed_genes <- 2000L

# ScaleData() cuts z off here.
seurat_z_limit <- 10

# `loadings`: NULL for those of the object, a matrix (genes x dims) or "regress". `expression`: genes x cells in
# log-normalised units, NULL for those of the object. `center`, `scale`: one value per gene, or NULL.
gene_space <- function(object, model, assay = NULL, loadings = NULL, center = NULL, scale = NULL,
                       expression = NULL) {
  x <- model_coordinates(object, model)
  if (identical(model$type, "field")) {
    return(space_of_field(x))
  }
  e <- expression_of(object, model, assay, expression)
  e <- e[, rownames(x), drop = FALSE]
  if (identical(loadings, "regress")) {
    return(regressed_space(x, e, model))
  }
  given <- !is.null(loadings)
  source <- if (given) "`loadings`" else paste0("the reduction ", quoted(model$reduction))
  loadings <- if (given) check_loadings(loadings, model$dims) else stored_loadings(object, model)
  lost <- setdiff(rownames(loadings), rownames(e))
  if (length(lost) > 0L) {
    stop_input(
      "assay", "`assay`: ", length(lost), " of the ", nrow(loadings), " genes of ", source,
      " are not in it, the first is ", quoted(lost[[1L]]), "; name the assay that the reduction was made of.",
      near(lost[[1L]], rownames(e))
    )
  }
  scalings <- if (is.null(center) && is.null(scale)) {
    known_scalings(object, model, assay, e[rownames(loadings), , drop = FALSE])
  } else {
    list(given_scaling(e[rownames(loadings), , drop = FALSE], center, scale))
  }
  fit <- best_scaling(x, e, loadings, scalings)
  if (fit$agreement < least_agreement) {
    disagreement(fit, source, given)
    fit$factor[] <- 1
  }
  linear_space(x, e, loadings, fit, source)
}

# The state is the genes. `x`: cells x genes, normalised counts.
space_of_field <- function(x) {
  logged <- log1p(x)
  genes <- colnames(x)
  centre <- colMeans(logged)
  scale <- positive_sd(sqrt(pmax(colMeans(logged^2) - centre^2, 0) * nrow(x) / max(1, nrow(x) - 1)))
  chosen <- function(cells, genes) some_of(logged, cells, genes)
  list(
    kind = "genes", genes = genes, dims = genes,
    loadings = Matrix::Diagonal(length(genes), names = genes), centre = centre, scale = scale,
    offset = NULL, agreement = 1, measured = genes, source = "the velocity field",
    expression = function(cells = NULL, genes = NULL) chosen(cells, genes),
    z = function(cells = NULL, genes = NULL) standardised(chosen(cells, genes), centre, scale),
    shift = function(states, dz) {
      moved <- colnames(dz)
      by <- sweep(dz, 2L, scale[moved], "*")
      states[, moved] <- expm1(pmax(log1p(states[, moved, drop = FALSE]) + by, 0))
      states
    },
    decode = function(states, genes = NULL) {
      colnames(states) <- colnames(x)
      log1p(pmax(some_of(states, NULL, genes), 0))
    }
  )
}

linear_space <- function(x, e, loadings, fit, source) {
  genes <- rownames(loadings)
  # Columns times the factor of their dimension.
  moved <- loadings * rep(fit$factor, each = nrow(loadings))
  back <- pseudo_inverse(moved)
  dimnames(back) <- list(colnames(x), genes)
  make_linear(x, e, moved, back, fit, source)
}

# `back`: dims x genes, from states (less the offset) to z.
make_linear <- function(x, e, loadings, back, fit, source) {
  genes <- rownames(loadings)
  colnames(loadings) <- colnames(x)
  centre <- stats::setNames(fit$centre, genes)
  scale <- stats::setNames(fit$scale, genes)
  offset <- stats::setNames(fit$offset, colnames(x))
  logged <- function(cells, some) {
    if (is.null(some)) some <- genes
    rows <- if (is.null(cells)) seq_len(ncol(e)) else cells
    t(as.matrix(e[some, rows, drop = FALSE]))
  }
  weights <- t(back) * scale
  list(
    kind = "linear", genes = genes, dims = colnames(x), loadings = loadings, centre = centre, scale = scale,
    offset = offset, agreement = fit$agreement, measured = rownames(e), source = source,
    expression = function(cells = NULL, genes = NULL) logged(cells, genes),
    decoder = list(weights = weights, bias = unname(centre - drop(weights %*% offset))),
    z = function(cells = NULL, genes = NULL) standardised(logged(cells, genes), centre, scale),
    shift = function(states, dz) states + dz %*% loadings[colnames(dz), , drop = FALSE],
    decode = function(states, genes = NULL) {
      if (is.null(genes)) genes <- rownames(loadings)
      z <- sweep(states, 2L, offset) %*% back[, genes, drop = FALSE]
      out <- pmax(sweep(sweep(z, 2L, scale[genes], "*"), 2L, centre[genes], "+"), 0)
      dimnames(out) <- list(rownames(states), genes)
      out
    }
  )
}

some_of <- function(x, cells, columns) {
  if (!is.null(cells)) x <- x[cells, , drop = FALSE]
  if (!is.null(columns)) x <- x[, columns, drop = FALSE]
  x
}

standardised <- function(e, centre, scale) {
  sweep(sweep(e, 2L, centre[colnames(e)]), 2L, scale[colnames(e)], "/")
}

# A gene that never varies is moved in its own units.
positive_sd <- function(sd) replace(sd, !is.finite(sd) | sd <= 0, 1)

pseudo_inverse <- function(m) {
  s <- svd(m)
  keep <- s$d > max(dim(m)) * s$d[[1L]] * .Machine$double.eps
  s$v[, keep, drop = FALSE] %*% (t(s$u[, keep, drop = FALSE]) / s$d[keep])
}

# Genes x cells in log-normalised units, with names both ways.
expression_of <- function(object, model, assay, expression) {
  cells <- cell_names(object)
  argument <- if (is.null(expression)) "object" else "expression"
  if (is.null(expression)) {
    if (is_plain_matrix(object)) {
      stop_input("expression", "`expression` is needed: a matrix of coordinates holds no genes; give a matrix of ",
        "genes x cells in log-normalised units, or a Seurat object or SingleCellExperiment.")
    }
    expression <- if (is_seurat(object)) {
      layer_data(object, "data", reduction_assay(object, model, assay))
    } else {
      in_memory(SummarizedExperiment::assay(object, sce_assay(object, assay)))
    }
  }
  expression <- check_finite_expression(as_counts(expression, "expression"), argument)
  if (is_sce(object) || is_plain_matrix(object)) {
    if (ncol(expression) == length(cells) && !all(cells %in% colnames(expression))) {
      colnames(expression) <- cells
    }
  }
  lost <- setdiff(cells, colnames(expression))
  if (length(lost) > 0L) {
    stop_input("expression", "`expression` lacks ", length(lost), " of the ", length(cells),
      " cells, the first is ", quoted(lost[[1L]]), "; columns are cells.")
  }
  expression
}

# `x`: genes x cells. `argument`: where it comes from.
check_finite_expression <- function(x, argument) {
  values <- if (is.matrix(x)) x else x@x
  bad <- which(!is.finite(values))
  if (length(bad) == 0L) {
    return(x)
  }
  stop_input(
    argument, "`", argument, "`: expression must be finite, but ", counted(length(bad), "value"),
    if (length(bad) > 1L) " are" else " is", " not, the first is ", values[[bad[[1L]]]], "."
  )
}

reduction_assay <- function(object, model, assay) {
  if (!is.null(assay)) {
    return(check_assay(object, assay))
  }
  used <- if (!is.null(model$reduction)) SeuratObject::DefaultAssay(object[[model$reduction]])
  if (length(used) == 1L && used %in% seurat_assays(object)) used else SeuratObject::DefaultAssay(object)
}

sce_assay <- function(object, assay) {
  present <- SummarizedExperiment::assayNames(object)
  if (is.null(assay)) assay <- "logcounts"
  if (check_string(assay, "assay") %in% present) {
    return(assay)
  }
  stop_input("assay", "`assay`: the object has no assay ", quoted(assay), "; it has ", quoted(present),
    ". Log-normalised values are needed, such as those of scater::logNormCounts().", near(assay, present))
}

# Genes x the model's dimensions.
stored_loadings <- function(object, model) {
  name <- model$reduction
  all <- if (is_seurat(object)) {
    SeuratObject::Loadings(object[[name]])
  } else if (is_sce(object)) {
    attr(sce_reduction(object, name), "rotation")
  }
  if (length(all) == 0L) {
    stop_input(
      "loadings", if (is.null(name)) "A model of plain coordinates" else paste0("The reduction ", quoted(name)),
      " holds no loadings, so that it cannot be told how genes move a cell in it. ",
      "Fit the model on a reduction that does, such as a PCA; or give `loadings` (genes x dims), with `center` ",
      "and `scale`; or set `loadings = \"regress\"`, which estimates them from the cells."
    )
  }
  columns <- colnames(embedding(object, name))
  at <- match(model$dims, columns)
  if (ncol(all) != length(columns)) at <- match(model$dims, colnames(all))
  if (anyNA(at)) {
    stop_input("loadings", "The loadings of ", quoted(name), " have ", ncol(all),
      " columns, but its coordinates ", length(columns), "; run the reduction again.")
  }
  all <- as.matrix(all)[, at, drop = FALSE]
  storage.mode(all) <- "double"
  # Genes whose loadings are missing took no part.
  all[rowSums(!is.finite(all)) == 0L, , drop = FALSE]
}

check_loadings <- function(loadings, dims) {
  loadings <- check_matrix(loadings, "loadings", rows = NULL)
  if (is.null(rownames(loadings)) || anyDuplicated(rownames(loadings)) > 0L) {
    stop_input("loadings", "`loadings` must have the names of genes, each once, as its rows.")
  }
  if (all(dims %in% colnames(loadings))) {
    return(loadings[, dims, drop = FALSE])
  }
  if (ncol(loadings) != length(dims)) {
    stop_input("loadings", "`loadings` has ", ncol(loadings), " columns, but the model has ", length(dims),
      " dimensions (", quoted(dims, 4L), ").")
  }
  loadings
}

# Ways in which expression may have been brought to z: list(z = function(cells), centre, scale) each.
known_scalings <- function(object, model, assay, e) {
  centre <- Matrix::rowMeans(e)
  sd <- row_sd(e, centre)
  z_of <- function(centre, scale, limit) {
    function(cells) pmin((as.matrix(e[, cells, drop = FALSE]) - centre) / scale, limit)
  }
  one <- rep(1, nrow(e))
  ways <- list(
    list(z = z_of(centre, sd, seurat_z_limit), centre = centre, scale = sd),
    list(z = z_of(centre, sd, Inf), centre = centre, scale = sd),
    list(z = z_of(centre, one, Inf), centre = centre, scale = one)
  )
  scaled <- stored_scaling(object, model, assay, e, sd)
  if (is.null(scaled)) ways else c(list(scaled), ways)
}

row_sd <- function(e, centre) {
  n <- ncol(e)
  positive_sd(sqrt(pmax(Matrix::rowSums(e^2) - n * centre^2, 0) / max(1, n - 1)))
}

# What ScaleData() left. Cells may have been taken out since, or covariates regressed out, which makes mean and
# standard deviation of the cells at hand others than those it used; the slope of e on z is its scale in
# either case, because what was regressed out is orthogonal to the rest.
stored_scaling <- function(object, model, assay, e, sd) {
  if (!is_seurat(object)) {
    return(NULL)
  }
  assay <- reduction_assay(object, model, assay)
  if (!has_layer(object, "scale.data", assay)) {
    return(NULL)
  }
  z <- layer_data(object, "scale.data", assay)
  if (!all(rownames(e) %in% rownames(z)) || !all(colnames(e) %in% colnames(z))) {
    return(NULL)
  }
  z <- as.matrix(z)[rownames(e), colnames(e), drop = FALSE]
  # Values that were cut off would bend the line.
  kept <- z < seurat_z_limit
  n <- rowSums(kept)
  inner <- as.matrix(e) * kept
  mean_z <- rowSums(z * kept) / n
  mean_e <- rowSums(inner) / n
  slope <- (rowSums(inner * z) / n - mean_e * mean_z) / (rowSums(z^2 * kept) / n - mean_z^2)
  slope <- ifelse(is.finite(slope) & slope > 0, slope, sd)
  list(z = function(cells) z[, cells, drop = FALSE], centre = mean_e - slope * mean_z, scale = slope)
}

given_scaling <- function(e, center, scale) {
  centre <- if (is.null(center)) Matrix::rowMeans(e) else per_gene(center, "center", rownames(e))
  scale <- if (is.null(scale)) rep(1, nrow(e)) else per_gene(scale, "scale", rownames(e))
  if (any(scale <= 0)) {
    stop_input("scale", "`scale` must be above 0; that of ", quoted(rownames(e)[scale <= 0][[1L]]), " is ",
      scale[scale <= 0][[1L]], ".")
  }
  list(z = function(cells) (as.matrix(e[, cells, drop = FALSE]) - centre) / scale, centre = centre, scale = scale)
}

# One number for each gene, by name where there are names.
per_gene <- function(x, argument, genes) {
  if (is.numeric(x) && length(x) == 1L && is.null(names(x))) x <- rep(x, length(genes))
  if (is.numeric(x) && !is.null(names(x)) && all(genes %in% names(x))) x <- x[genes]
  if (!is.numeric(x) || length(x) != length(genes) || any(!is.finite(x))) {
    stop_input(argument, "`", argument, "` must be one finite number, or one for each of the ", length(genes),
      " genes of the loadings, not ", described(x), ".")
  }
  as.numeric(x)
}

# The scaling that gives the stored coordinates back best, with the factor and offset of each dimension.
best_scaling <- function(x, e, loadings, scalings) {
  cells <- unique(round(seq(1, nrow(x), length.out = min(nrow(x), agreement_cells))))
  at <- x[cells, , drop = FALSE]
  best <- NULL
  for (way in scalings) {
    fit <- dimension_lines(crossprod(way$z(cells), loadings), at)
    fit <- c(fit, way[c("centre", "scale")])
    if (is.null(best) || fit$agreement > best$agreement) best <- fit
    if (best$agreement > 1 - 1e-8) break
  }
  best
}

# x = factor y + offset, dimension by dimension.
dimension_lines <- function(y, x) {
  my <- colMeans(y)
  mx <- colMeans(x)
  yc <- sweep(y, 2L, my)
  xc <- sweep(x, 2L, mx)
  slope <- colSums(yc * xc) / colSums(yc^2)
  slope[!is.finite(slope)] <- 0
  # Rounding of the stored numbers must not change what is right as it is.
  if (all(abs(slope - 1) < 1e-5)) slope[] <- 1
  # A dimension without variance says nothing.
  total <- colSums(xc^2)
  left <- colSums((xc - sweep(yc, 2L, slope, "*"))^2) / pmax(total, 1e-8 * max(total))
  list(factor = unname(slope), offset = unname(mx - slope * my), agreement = 1 - max(left),
    worst = colnames(x)[[which.max(left)]])
}

disagreement <- function(fit, source, given) {
  found <- paste0(
    "Coordinates recomputed from ", source, " and the expression of its genes give back only ",
    format(100 * max(fit$agreement, 0), digits = 3L), " % of the variance of ", fit$worst
  )
  if (given) {
    rlang::warn(paste0(found, ": they are taken as given, but do not describe this space."),
      class = "fatefield_warning_loadings")
    return(invisible())
  }
  stop_input(
    "loadings", found, " (at least ", 100 * least_agreement, " % is needed), so that a change of a gene cannot be ",
    "brought into this space. Corrected or integrated coordinates, and objects whose cells or genes changed since ",
    "the reduction was made, are so. Run the reduction again; or give `center` and `scale` as they were then; or fit ",
    "the model on the uncorrected PCA; or set `loadings = \"regress\"`."
  )
}

# Loadings estimated from the cells: ridge regression of the coordinates on the z of the most variable genes, its
# penalty by generalised cross-validation (Golub, Heath, Wahba 1979).
regressed_space <- function(x, e, model) {
  centre <- Matrix::rowMeans(e)
  sd <- row_sd(e, centre)
  varies <- Matrix::rowSums(e^2) - ncol(e) * centre^2 > 1e-12
  if (!any(varies)) stop_input("expression", "`expression`: no gene varies between the cells.")
  chosen <- order(-sd * varies)[seq_len(min(sum(varies), regressed_genes))]
  chosen <- sort(chosen)
  cells <- unique(round(seq(1, nrow(x), length.out = min(nrow(x), 2L * agreement_cells))))
  z <- t((as.matrix(e[chosen, cells, drop = FALSE]) - centre[chosen]) / sd[chosen])
  at <- x[cells, , drop = FALSE]
  z <- sweep(z, 2L, colMeans(z))
  middle <- colMeans(at)
  xc <- sweep(at, 2L, middle)
  beta <- ridge(z, xc)
  back <- ridge(xc, z)
  dimnames(beta) <- list(rownames(e)[chosen], colnames(x))
  dimnames(back) <- rev(dimnames(beta))
  left <- colSums((xc - z %*% beta)^2) / colSums(xc^2)
  fit <- list(centre = centre[chosen], scale = sd[chosen], offset = middle, agreement = 1 - max(left))
  make_linear(x, e, beta, back, fit, "the regression on the cells")
}

# Coefficients of centred y on centred x.
ridge <- function(x, y) {
  s <- svd(x)
  keep <- s$d > 1e-8 * s$d[[1L]]
  d <- s$d[keep]
  u <- s$u[, keep, drop = FALSE]
  uy <- crossprod(u, y)
  total <- sum(y^2)
  penalties <- d[[1L]]^2 * 10^seq(-8, 1, by = 0.5)
  score <- vapply(penalties, function(p) {
    shrink <- d^2 / (d^2 + p)
    rest <- total - sum((1 - (1 - shrink)^2) * rowSums(uy^2))
    rest / (nrow(x) - 1 - min(sum(shrink), nrow(x) - 2))^2
  }, numeric(1))
  p <- penalties[[which.min(score)]]
  s$v[, keep, drop = FALSE] %*% (uy * (d / (d^2 + p)))
}

# Genes that can be moved, or an error that names all that cannot.
check_moved_genes <- function(genes, space, argument = "genes") {
  if (is.factor(genes)) genes <- as.character(genes)
  if (!is.character(genes) || length(genes) == 0L || anyNA(genes)) {
    stop_input(argument, "`", argument, "` must be names of genes, not ", described(genes), ".")
  }
  genes <- unique(genes)
  unknown <- setdiff(genes, space$measured)
  if (length(unknown) > 0L) {
    hints <- vapply(unknown, function(g) near_gene(g, space$measured), character(1))
    stop_input(argument, "`", argument, "`: ", length(unknown), " of ", length(genes), " are not measured: ",
      paste0("\"", unknown, "\"", hints, collapse = ", "), ".")
  }
  outside <- setdiff(genes, space$genes)
  if (length(outside) > 0L) {
    stop_input(
      argument, "`", argument, "`: ", paste0("\"", outside, "\"", collapse = ", "),
      if (length(outside) > 1L) " are" else " is", " measured but not among the ", length(space$genes),
      " genes of ", space$source, ", which therefore cannot tell what ", if (length(outside) > 1L) "they do" else
        "it does", ". Run the reduction with these among its features and fit again, or set ",
      "`loadings = \"regress\"`."
    )
  }
  genes
}

# " (did you mean "x"?)" with the nearest name, or nothing.
near_gene <- function(gene, present) {
  hint <- near(gene, present)
  if (!nzchar(hint)) "" else paste0(" (did you mean ", sub("^ Did you mean (\"[^\"]*\").*$", "\\1", hint), "?)")
}
