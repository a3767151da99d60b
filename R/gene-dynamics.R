# Which genes go with drift, diffusion, criticality or potential of cells. Takes expression (cells x genes, or an
# object) and quantities of the cells; gives a table of correlations with intervals from blocks of cells.

#' Genes that go with the dynamics of cells
#'
#' Correlates the expression of each gene over cells with drift, diffusion, potential, criticality or any other
#' quantity of cells.
#'
#' @section Basic use:
#' ```
#' cells <- DriftDiffusion(cells)
#' genes <- GeneDynamics(cells, quantities = "drift")
#' plot(genes)
#' ```
#'
#' @details
#' Three correlations are given: Pearson's, Spearman's, and Pearson's partial one, which is that of the residuals of
#' gene and quantity after least squares on the covariates.
#'
#' Covariates are the logarithm of the total counts and the number of detected genes of each cell (`depth = TRUE`), the
#' `pseudotime` where it is given, and those of `adjust`.
#' A gene that merely follows depth or time has no partial correlation.
#'
#' Cells of a clone are not independent.
#' With `block` the bootstrap draws clones, not cells, and p-values come from its standard error: artanh(r) / se is
#' compared with Student's t of one degree of freedom less than there are blocks.
#' Cells without a block are blocks of their own.
#' Without `block` cells are drawn, and p-values are those of [stats::cor.test()] (for Spearman's its approximation by
#' Student's t), with as many degrees of freedom less for the partial one as there are covariates.
#' Every bootstrap sample ranks and regresses anew; intervals are quantiles of the samples.
#'
#' p-values are adjusted by Benjamini and Hochberg over the genes of each quantity.
#' They tell of the cells at hand and the model at hand; that the model might have come out otherwise is told by an
#' ensemble alone.
#'
#' @param object A Seurat object, a SingleCellExperiment or a matrix of log-normalised expression (cells x genes).
#' @param quantities Of objects: names of numeric columns of the cell data; `NULL` takes those present of `"drift"`,
#'   `"diffusion"`, `"potential"`, `"criticality"` and `"lyapunov"`.
#'   Of matrices, and in place of names: a data.frame or matrix of numbers, one row per cell, or what
#'   [DriftDiffusion()] or [CellCriticality()] gave.
#'   Cells where a quantity is `NA` are left out of it.
#' @param genes (strings) Genes to look at; `NULL` takes all that are detected in at least `min.cells` cells.
#' @param assay Name of the assay of a Seurat object; `NULL` takes the default one.
#' @param layer Layer or assay of log-normalised expression: `"data"` for Seurat, `"logcounts"` for a
#'   SingleCellExperiment.
#' @param min.cells Least number of cells with a gene; default 10.
#' @param depth Adjust for depth; default `TRUE`.
#'   Total counts are those of the layer `"counts"` where there is one, else sums of `exp(x) - 1`.
#' @param pseudotime A column of the object, or one number for each cell, to adjust for.
#' @param adjust More columns to adjust for, such as another quantity; or a matrix (cells x covariates).
#' @param block A column of the object, or one value for each cell: clones, donors.
#' @param sort.by `"partial"` (default), `"pearson"` or `"spearman"`: the table falls in its absolute value.
#' @param n.boot Bootstrap samples; default 200, 0 leaves the intervals out.
#' @param conf.level Of the intervals; default 0.95.
#' @param seed.use Seed of the bootstrap; `NULL` draws one from R's generator.
#' @param threads Threads to work on, for this call alone.
#'   `NULL` takes `options(fatefield.threads = n)` where it is set, else all cores at hand.
#'   Results do not depend on it.
#' @param verbose Show progress.
#' @param ... Not used.
#'
#' @return A table of class `fatefield_gene_dynamics`, see [results], one row per quantity and gene, by falling strength
#'   within each quantity: `quantity`, `gene`, `rank`, `n` (cells), `detected` (share of cells), and for each of
#'   `pearson`, `spearman` and `partial` the estimate, `_low`, `_high`, `_p` and `_q` (the false discovery rate).
#'   It works like a data.frame, and `x["Gata1"]` takes the rows of a gene.
#'   What was adjusted for is its attribute `adjusted`.
#'
#'   `summary()` has one row per quantity: how many genes were tested and how many have `q` of at most 0.05, and the
#'   strongest of them.
#' @section Errors:
#' `fatefield_error_input` names the argument: no such column, gene or layer, fewer than 10 cells with a quantity, fewer
#' than 3 blocks.
#' `fatefield_error_stale`: a quantity was made by this package from something that has changed since.
#' @references
#' Benjamini and Hochberg (1995) Controlling the false discovery rate. Journal of the Royal Statistical Society B 57.
#'
#' Chen et al. (2022) DeepVelo. Science Advances 8.
#'
#' Vinyard et al. (2025) Learning cell dynamics with neural differential equations. Nature Machine Intelligence 7.
#' @seealso [CellCriticality()], [DriftDiffusion()], [CompareDynamics()]
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 30)
#' table <- GeneDynamics(cells, quantities = "pseudotime", n.boot = 50, verbose = FALSE)
#' head(table)
#' @export
GeneDynamics <- function(object, ...) UseMethod("GeneDynamics")

#' @rdname GeneDynamics
#' @export
GeneDynamics.default <- function(object, quantities = NULL, genes = NULL, assay = NULL, layer = NULL, min.cells = 10L,
                                 depth = TRUE, pseudotime = NULL, adjust = NULL, block = NULL,
                                 sort.by = c("partial", "pearson", "spearman"), n.boot = 200L, conf.level = 0.95,
                                 seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  check_no_dots(names(formals(GeneDynamics.default)), ...)
  check_object(object)
  plain <- is_plain_matrix(object)
  check_derived(object, pseudotime, adjust, block)
  if (plain && is.null(quantities)) {
    stop_input("quantities", "`quantities` is needed: a data.frame of one row per cell.")
  }
  # Read first: an error while Matrix::t() looks for its method would lose its class.
  expression <- if (!plain) object_expression(object, assay, layer)
  expression <- as_expression(if (plain) object else Matrix::t(expression))
  values <- if (plain) quantities else object_quantities(object, quantities)
  covariates <- cbind(
    if (check_flag(depth, "depth")) depth_covariates(expression, if (!plain) object_counts(object, assay)),
    if (!is.null(pseudotime)) cbind(pseudotime = numeric_column(object, pseudotime, "pseudotime")),
    if (!is.null(adjust)) adjust_columns(object, adjust)
  )
  correlate_genes(
    expression, quantity_columns(values, colnames(expression)), covariates, block_codes(object, block),
    genes = genes, min.cells = check_count(min.cells, "min.cells", 0L),
    sort.by = check_choice(sort.by, c("partial", "pearson", "spearman"), "sort.by"),
    n.boot = check_count(n.boot, "n.boot", 0L), level = check_level(conf.level),
    seed = seed_from(seed.use), threads = threads, verbose = check_flag(verbose, "verbose")
  )
}

#' @rdname GeneDynamics
#' @export
GeneDynamics.Seurat <- function(object, quantities = NULL, genes = NULL, assay = NULL, layer = NULL, min.cells = 10L,
                                depth = TRUE, pseudotime = NULL, adjust = NULL, block = NULL,
                                sort.by = c("partial", "pearson", "spearman"), n.boot = 200L, conf.level = 0.95,
                                seed.use = 42L, threads = NULL, verbose = TRUE, ...) {
  call_worker(GeneDynamics.default, ...)
}

#' @rdname GeneDynamics
#' @export
GeneDynamics.SingleCellExperiment <- GeneDynamics.Seurat

# A matrix (cells x genes) as genes x cells, dgCMatrix or dense, with names both ways.
as_expression <- function(object) {
  if (inherits(object, "Matrix")) {
    x <- methods::as(methods::as(Matrix::t(object), "generalMatrix"), "CsparseMatrix")
    x <- methods::as(x, "dMatrix")
    if (!all(is.finite(x@x))) stop_input("object", "`object` must be finite.")
    check_unique_names(rownames(x), "gene", "object")
    check_unique_names(colnames(x), "cell", "object")
  } else {
    x <- t(check_matrix(object, "object"))
  }
  if (is.null(rownames(x))) rownames(x) <- paste0("gene_", seq_len(nrow(x)))
  if (is.null(colnames(x))) colnames(x) <- as.character(seq_len(ncol(x)))
  x
}

# Log-normalised expression of an object, genes x cells.
object_expression <- function(object, assay, layer) {
  x <- if (is_seurat(object)) {
    assay <- if (is.null(assay)) SeuratObject::DefaultAssay(object) else check_string(assay, "assay")
    layer_data(object, if (is.null(layer)) "data" else check_string(layer, "layer"), assay)
  } else {
    if (!is.null(assay)) stop_input("assay", "`assay` is of Seurat objects; name the assay of an SCE by `layer`.")
    sce_layer(object, if (is.null(layer)) "logcounts" else check_string(layer, "layer"))
  }
  x[, cell_names(object), drop = FALSE]
}

sce_layer <- function(object, name) {
  present <- SummarizedExperiment::assayNames(object)
  if (!name %in% present) {
    stop_input("layer", "`layer`: the object has no assay ", quoted(name), "; it has ", quoted(present), ".",
      near(name, present))
  }
  x <- in_memory(SummarizedExperiment::assay(object, name))
  check_unique_names(rownames(object), "gene", "object")
  dimnames(x) <- list(rownames(object), cell_names(object))
  x
}

# Counts (genes x cells), or NULL where the object has none.
object_counts <- function(object, assay) {
  if (is_sce(object)) {
    return(if ("counts" %in% SummarizedExperiment::assayNames(object)) sce_layer(object, "counts"))
  }
  assay <- if (is.null(assay)) SeuratObject::DefaultAssay(object) else assay
  present <- layer_names(object, assay)
  if (!any(present == "counts" | startsWith(present, "counts."))) {
    return(NULL)
  }
  layer_data(object, "counts", assay)[, cell_names(object), drop = FALSE]
}

# Logarithm of total counts and number of detected genes, cells x 2. `expression`, `counts`: genes x cells.
depth_covariates <- function(expression, counts) {
  total <- if (!is.null(counts)) {
    Matrix::colSums(counts)
  } else if (inherits(expression, "Matrix")) {
    expression@x <- expm1(expression@x)
    Matrix::colSums(expression)
  } else {
    colSums(expm1(expression))
  }
  genes <- Matrix::colSums((if (is.null(counts)) expression else counts) != 0)
  cbind(log_counts = log1p(pmax(total, 0)), detected_genes = genes)
}

object_quantities <- function(object, quantities) {
  known <- c("drift", "diffusion", "potential", "criticality", "lyapunov")
  if (is.null(quantities)) {
    quantities <- intersect(known, column_names(object))
    if (length(quantities) == 0L) {
      stop_input("quantities", "`quantities`: the object has none of the columns ", quoted(known),
        "; call DriftDiffusion() or CellCriticality() first, or name columns.")
    }
  }
  check_derived(object, quantities)
  if (!is.character(quantities)) {
    return(quantities)
  }
  values <- lapply(quantities, function(q) numeric_column(object, q, "quantities"))
  as.data.frame(stats::setNames(values, quantities), row.names = cell_names(object), optional = TRUE)
}

numeric_column <- function(object, name, argument) {
  x <- cell_column(object, name, argument)
  if (!is.numeric(x)) {
    stop_input(argument, "`", argument, "` must be numbers, but ", if (is.character(name)) quoted(name[[1L]]) else "it",
      " is ", described(x), ".")
  }
  as.numeric(x)
}

# Covariates by columns of the object, or as they are given: cells x covariates.
adjust_columns <- function(object, adjust) {
  if (is.character(adjust)) {
    found <- vapply(adjust, function(a) numeric_column(object, a, "adjust"), numeric(length(cell_names(object))))
    return(matrix(found, ncol = length(adjust), dimnames = list(NULL, adjust)))
  }
  x <- if (is.null(dim(adjust))) {
    cbind(adjust = numeric_column(object, adjust, "adjust"))
  } else {
    plain_matrix(adjust, "adjust")
  }
  match_cells(x, cell_names(object), "adjust")
}

# Quantities (cells x quantities) with rows as `cells`.
quantity_columns <- function(quantities, cells) {
  if (inherits(quantities, "fatefield_result")) {
    quantities <- result_quantities(quantities)
  } else if (is.numeric(quantities) && is.null(dim(quantities))) {
    quantities <- data.frame(quantity = quantities)
  }
  if (!is_plain_matrix(quantities)) {
    stop_input("quantities", "`quantities` must be a data.frame or matrix of one row per cell, not ",
      described(quantities), ".")
  }
  named <- !is.data.frame(quantities) && !is.null(rownames(quantities)) ||
    is.data.frame(quantities) && is.character(attr(quantities, "row.names"))
  x <- plain_matrix(quantities, "quantities")
  if (is.null(colnames(x))) colnames(x) <- paste0("quantity_", seq_len(ncol(x)))
  if (named && all(cells %in% rownames(x))) {
    return(x[cells, , drop = FALSE])
  }
  if (named && any(rownames(x) %in% cells)) {
    return(matrix(x[match(cells, rownames(x)), ], length(cells), dimnames = list(cells, colnames(x))))
  }
  if (nrow(x) != length(cells)) {
    stop_input("quantities", "`quantities` has ", nrow(x), " rows, but there are ", length(cells), " cells.")
  }
  x
}

# The numbers of a result whose rows are cells, without their errors and intervals.
result_quantities <- function(x) {
  table <- as.data.frame(x)
  if (!"cell" %in% names(table)) {
    stop_input("quantities", "`quantities`: rows of ", described(x), " are not cells.")
  }
  parts <- names(table)[vapply(table, is.numeric, NA)]
  data.frame(table[parts[!grepl("_(sd|se|low|high)$", parts)]], row.names = table$cell, check.names = FALSE)
}

# Blocks of cells as codes from 1, each cell without one by itself; NULL where none are given.
block_codes <- function(object, block, argument = "block") {
  if (is.null(block)) {
    return(NULL)
  }
  values <- as.character(cell_column(object, block, argument))
  values[!is.na(values) & !nzchar(values)] <- NA
  codes <- match(values, unique(values[!is.na(values)]))
  alone <- which(is.na(codes))
  codes[alone] <- length(unique(values[!is.na(values)])) + seq_along(alone)
  codes
}

check_level <- function(level) {
  level <- check_number(level, "conf.level", min = 0, max = 1)
  if (level == 0 || level == 1) stop_input("conf.level", "`conf.level` must be above 0 and below 1, not ", level, ".")
  level
}
