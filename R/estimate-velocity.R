# RNA velocity: from spliced and unspliced counts to how fast each gene changes in each cell. Takes an
# object or two matrices, genes x cells; gives velocities, genes x cells.

#' Estimate RNA velocity
#'
#' Unspliced molecules become spliced ones, and spliced ones are degraded.
#' A cell with more unspliced molecules of a gene than a steady state would have is raising that
#' gene, a cell with fewer is lowering it.
#' The velocity of a gene is `Mu - gamma * Ms`, where `Ms` and `Mu` are means of spliced and
#' unspliced counts over neighbouring cells, and `gamma` is the ratio of the two at the steady state.
#' Its unit is normalised molecules per mean lifetime of the unspliced molecules of that gene.
#'
#' @section Basic use:
#' ```
#' cells <- EstimateVelocity(cells)                   # assays "spliced" and "unspliced" are found
#' cells <- EmbedVelocity(cells, reduction = "umap")
#' PlotVelocity(cells, reduction = "umap")
#' ```
#'
#' @details
#' The steps, each of which can be replaced:
#'
#' 1. Genes with fewer than `min.shared.counts` molecules in cells that show both kinds are left out.
#' 2. Counts of a cell are divided by their total relative to the median total, spliced and unspliced
#'    apart.
#'    Values that are not whole numbers are taken as normalised and filtered already.
#' 3. The `nfeatures` most variable genes are kept: those of the highest dispersion of normalised
#'    spliced counts among genes of like mean (Satija et al.).
#' 4. Neighbours are the `k` nearest cells, the cell itself among them, in the first 30 principal
#'    components of `log1p()` of these genes; or in `reduction`, or in `graph`.
#'    Among up to 2 million numbers they are exact, beyond found by an index.
#' 5. `Ms` and `Mu` are plain means over each cell, its neighbours, and those it is a neighbour of.
#' 6. `mode = "deterministic"`: `gamma` is the slope of `Mu` on `Ms` through the origin, in the cells
#'    above the 95th percentile of expression.
#'    `mode = "stochastic"`: in velocity genes the second moments enter too, each equation weighted by
#'    its own residuals.
#'    `mode = "dynamical"`: the kinetics of each gene are fitted, see below.
#' 7. Velocity genes, on which everything later rests, have `r2` and `gamma` above 0.01; in mode `"dynamical"` they
#'    have a likelihood above 0.001, an `r2` above 0.01 and a usual scaling.
#'
#' Velocities say where a cell goes only as far as splicing is what changes: genes whose kinetics
#' differ between cell types, or whose unspliced molecules are hardly seen, mislead.
#' Look at the number of velocity genes and at the confidence, and compare the modes.
#'
#' @section The dynamical mode:
#' Each gene is transcribed at rate `alpha` from time 0 until `t_`, then no longer; `beta` is the rate of splicing,
#' `gamma` that of degradation: `du/dt = alpha - beta u`, `ds/dt = beta u - gamma s`.
#' Unspliced counts are `scaling` times `u`, as both kinds are not seen equally well.
#' Genes are fitted whose deterministic slope has `r2` (of the slope through all cells) and `gamma` above 0.01, and
#' those named by `genes` or `retain`.
#' Times are scaled such that the kinetics of each gene take 20 units, and the velocity, `beta u - gamma s` of the
#' fit, is per such unit; it is 0 for cells in a steady state.
#'
#' Where the published method (Bergen et al.) stops after a fixed number of steps, here each gene is fitted to
#' convergence from several starts, distances being those from cells to the nearest point of the curve, in units in
#' which `u` and `s`
#' spread alike.
#' What a thin loop leaves open, `gamma / beta` and how long the gene is transcribed, is held near 1 and `2 / beta`.
#' The likelihood is never below that of the published steps, which are run too and taken where they do better.
#' `parity = TRUE` takes these alone, in double precision.
#'
#' @section Batches:
#' `batch` needs a `reduction` (or `graph`) in which batches are aligned, such as that of Harmony or
#' fastMNN: neighbours are common to all batches, moments are means of uncorrected counts.
#' Size factors are those of each batch; then one factor per batch, the same for spliced and
#' unspliced counts, brings batches to the same depth.
#' The two kinds are never corrected apart, as this would change their ratio, which is the velocity.
#' `cells$batch` and the attribute `batches` of the result tell how well batches mix: the share of
#' neighbours from other batches over that expected without any batch effect.
#'
#' @param object A Seurat object, a SingleCellExperiment, or a matrix of spliced counts (genes x
#'   cells, dense or sparse).
#' @param unspliced For a matrix: the matrix of unspliced counts of the same genes and cells.
#'   For an object: the name of the assay or layer; `NULL` looks for `unspliced`, `nascent`, `intron`.
#' @param spliced The name of the assay or layer; `NULL` looks for `spliced`, `mature`, `exon`.
#' @param mode `"stochastic"` (default), `"deterministic"` or `"dynamical"`.
#' @param min.shared.counts Least number of molecules of a gene in cells where it is seen both
#'   spliced and unspliced; default `r doc_default("velocity", "min.shared.counts")`.
#'   0 where values are not counts.
#' @param nfeatures Most variable genes to keep; default `r doc_default("velocity", "nfeatures")`, 0 keeps
#'   all.
#' @param genes Genes to fit, in place of those that the steps 1 and 3 choose.
#' @param retain Genes to fit whatever the steps 1 and 3 say of them.
#' @param dims Dimensions of the reduction to use, such as `1:20`.
#'   `NULL` takes all of `reduction`, or `r doc_default("velocity", "npcs")` components.
#' @param k Neighbours of a cell, itself included; default `r doc_default("velocity", "k")`.
#' @param reduction Where to look for neighbours: the name of a reduction of the object; for
#'   matrices a matrix of cells x dims.
#'   `NULL` computes principal components of the spliced counts.
#' @param graph Neighbours that are known, in place of those of a reduction.
#'   The name of a graph or neighbour object (SingleCellExperiment: pairing of cells), which holds
#'   weights, larger for nearer cells, but for one named `distances`; both `c("distances",
#'   "connectivities")`; a square matrix of weights; or `list(index, distance)` (cells x neighbours).
#'   Moments are taken over all of it, `k` limits what is kept as neighbours.
#' @param moments First moments that are known: the names of two assays or layers, or
#'   `list(Ms, Mu)` of matrices (genes x cells).
#'   `TRUE` means `c("Ms", "Mu")`.
#' @param batch,time A column of the cell data, or one value per cell: the batch, and the time of
#'   sampling, which is only compared with the batch.
#' @param normalise Divide by the sizes of the cells?
#'   `NULL` does so where values are whole numbers.
#' @param variance Keep the velocity of the variance too (mode `"stochastic"`)?
#'   `FALSE` by default: it takes as much memory as the velocities.
#' @param velocity.u Keep the velocities of the unspliced counts too (mode `"dynamical"`)?
#'   `FALSE` by default, for the same reason.
#' @param parity Follow scVelo step for step: neighbours are exact whatever their number; each of the
#'   two matrices is normalised where the first five cells are whole numbers; velocity genes must be
#'   highly variable where the object says which are; and of objects that are normalised already the
#'   stored `Ms` and `Mu`, and neighbours (`distances` and `connectivities`, or `pca`), are taken where they are
#'   there.
#' @param store.as Name of the assay for the velocities, and stem of the columns; `NULL` means `"velocity"`, or
#'   `"fatefield_velocity"` where the object has such a column of your own.
#'   Nothing of yours is overwritten.
#' @param threads Threads to use; `NULL` takes all, see [fatefield_sitrep()].
#' @param verbose Tell how many genes are left?
#' @param ... More options; the defaults, where 0 means no limit, are
#'   `r doc_option("velocity", "min.shared.cells")`; `r doc_option("velocity", "min.counts")`,
#'   `r doc_option("velocity", "max.counts")`, `r doc_option("velocity", "min.cells")`,
#'   `r doc_option("velocity", "max.cells")` (spliced) and `r doc_option("velocity", "min.counts.u")`,
#'   `r doc_option("velocity", "max.counts.u")`, `r doc_option("velocity", "min.cells.u")`,
#'   `r doc_option("velocity", "max.cells.u")` (unspliced); `r doc_option("velocity", "bins")` of mean
#'   expression in step 3; `r doc_option("velocity", "npcs")`; `r doc_option("velocity", "pca.from")`, the
#'   number of genes below which neighbours are found among genes themselves;
#'   `r doc_option("velocity", "percentile.upper")`; `r doc_option("velocity", "fit.offset")`, a basal unspliced
#'   level (deterministic mode), fitted with the cells below `r doc_option("velocity", "percentile.lower")` too;
#'   `r doc_option("velocity", "r2.adjusted")`, `r2` of the slope through all cells;
#'   `r doc_option("velocity", "min.r2")`; `r doc_option("velocity", "min.ratio")`.
#'   In mode `"dynamical"` also `r doc_option("dynamical", "starts")`, how many of ten starts are followed to the
#'   end; `r doc_option("dynamical", "max.iterations")` of each, and `r doc_option("dynamical", "tolerance")` of
#'   the logarithm of the error; `r doc_option("dynamical", "ratio.width")` and
#'   `r doc_option("dynamical", "duration.width")`, standard deviations of the logarithms of `gamma / beta` and
#'   of the duration of transcription about what they are held near (0 lets go), and
#'   `r doc_option("dynamical", "belief")`, how many neighbourhoods of cells that counts as;
#'   `r doc_option("dynamical", "min.likelihood")` of velocity genes.
#'
#' @return
#' For matrices a result of class `fatefield_velocity`, see [results], whose table has a row for each gene, with
#'   `gene` and the columns of `genes`; `[` takes genes.
#'   It has:
#'   \item{velocity}{Matrix, genes x cells; `NaN` for genes that could not be fitted.}
#'   \item{genes}{data.frame, one row per gene: `velocity_gamma`, `velocity_qreg_ratio` (the slope of the
#'     deterministic mode), `velocity_r2`, `velocity_genes`, with an offset `velocity_offset`; in mode
#'     `"dynamical"` `velocity_genes` and, `NA` where there is no fit, `fit_alpha`, `fit_beta` (of unspliced counts as
#'     they are, that of the equations divided by `fit_scaling`), `fit_gamma`, `fit_t_`, `fit_scaling`, `fit_std_u`,
#'     `fit_std_s`, `fit_likelihood`, `fit_variance` (of the distances), `fit_pval_steady`, `fit_steady_u`,
#'     `fit_steady_s` (whether and
#'     where cells gather at high expression), `fit_alignment_scaling` (by which times were multiplied), `fit_status`
#'     (`"fitted"`, or why not), `fit_converged`, `fit_iterations`, and for all genes `fit_r2`; and, where genes were
#'     chosen, `means`, `dispersions`, `dispersions_norm`, `highly_variable`.}
#'   \item{cells}{data.frame, one row per cell: `spliced_size` and `unspliced_size`, by which counts
#'     were divided; `velocity_length`; `velocity_confidence`, the mean correlation with the
#'     velocities of the neighbours.}
#'   \item{knn}{list(`index`, `distance`), cells x (k - 1), nearest first, from 1, without the cell.}
#'   \item{mode}{The mode.}
#'   \item{variance,u}{As `velocity`, where asked for: of the variance, and of unspliced counts.}
#'   \item{fit_t}{In mode `"dynamical"`: the time of each cell by each fitted gene, genes x cells.}
#' For an object the object with an assay `velocity`, or the name in `store.as` (SingleCellExperiment: alternative
#' experiment), whose feature data are `genes` (and `velocity_variance`, `velocity_u`, `velocity_fit_t`), the columns
#' of `cells`, and the neighbours as `velocity.nn` (the cell itself first, as Seurat has it).
#' @section What later steps check:
#' The object remembers which counts the velocities came from.
#' Where these have changed, [EmbedVelocity()], [PlotVelocity()], [PlotPhase()] and all that learn from velocities
#' stop with a `fatefield_error_stale`.
#' Cells that were renamed or put in another order are followed.
#' Where cells were taken out the velocities of those left stay as they were estimated, and moments are means over the
#' neighbours that are left.
#' A second estimate under the same name takes the place of the first, and columns that [EmbedVelocity()] made of it are
#' removed.
#'
#' @section Errors:
#' `fatefield_error_input` names the argument: no unspliced counts; other genes or cells in the two;
#' logarithms in place of counts; negative or missing values; no gene left by the filters or with kinetics that
#' can be fitted; more neighbours than cells.
#' @references
#' La Manno et al. (2018) RNA velocity of single cells. Nature 560.
#'
#' Bergen et al. (2020) Generalizing RNA velocity to transient cell states through dynamical
#' modeling. Nature Biotechnology 38.
#'
#' Satija et al. (2015) Spatial reconstruction of single-cell gene expression data. Nature
#' Biotechnology 33.
#' @examples
#' cells <- SimulateDifferentiation(n.cells = 300, n.genes = 60)
#' cells <- EstimateVelocity(cells, verbose = FALSE)
#' cells[["velocity"]]
#' summary(cells$velocity_confidence)
#'
#' # Without an object.
#' simulated <- SimulateDifferentiation(n.cells = 300, n.genes = 60, as = "list")
#' EstimateVelocity(simulated$counts, simulated$unspliced, mode = "deterministic", verbose = FALSE)
#' @export
EstimateVelocity <- function(object, ...) UseMethod("EstimateVelocity")

#' @rdname EstimateVelocity
#' @export
EstimateVelocity.default <- function(object, unspliced,
                                     mode = c("stochastic", "deterministic", "dynamical"),
                                     min.shared.counts = NULL, nfeatures = NULL, genes = NULL,
                                     retain = NULL, dims = NULL, k = NULL, reduction = NULL,
                                     graph = NULL, moments = NULL, batch = NULL, time = NULL,
                                     normalise = NULL, variance = FALSE, velocity.u = FALSE,
                                     parity = FALSE, threads = NULL, verbose = TRUE, ...) {
  if (missing(unspliced)) {
    stop_input("unspliced", "`unspliced` is needed: a matrix of genes x cells beside the spliced one.")
  }
  local_threads(threads)
  pair <- count_pair(object, unspliced, c("object", "unspliced"))
  velocity_of_pair(
    pair, mode,
    given = list(
      min.shared.counts = min.shared.counts, nfeatures = nfeatures, k = k, ...
    ),
    genes = genes, retain = retain, dims = dims, reduction = reduction, graph = graph,
    moments = moments, batch = cell_values(batch, pair, "batch"),
    time = cell_values(time, pair, "time"), normalise = normalise, variance = variance,
    velocity.u = velocity.u, parity = parity, verbose = verbose
  )
}

#' @rdname EstimateVelocity
#' @export
EstimateVelocity.Seurat <- function(object, spliced = NULL, unspliced = NULL,
                                    mode = c("stochastic", "deterministic", "dynamical"),
                                    min.shared.counts = NULL, nfeatures = NULL, genes = NULL,
                                    retain = NULL, dims = NULL, k = NULL, reduction = NULL,
                                    graph = NULL, moments = NULL, batch = NULL, time = NULL,
                                    normalise = NULL, variance = FALSE, velocity.u = FALSE,
                                    parity = FALSE, store.as = NULL, threads = NULL,
                                    verbose = TRUE, ...) {
  local_threads(threads)
  mode <- check_choice(mode, c("stochastic", "deterministic", "dynamical"), "mode")
  store.as <- store_name(object, store.as, "velocity", estimate_columns, estimate_slots)
  object <- estimate_in_object(
    object, spliced, unspliced, mode,
    given = list(
      min.shared.counts = min.shared.counts, nfeatures = nfeatures, k = k, ...
    ),
    genes = genes, retain = retain, dims = dims, reduction = reduction, graph = graph,
    moments = moments, batch = batch, time = time, normalise = normalise, variance = variance,
    velocity.u = velocity.u, parity = parity, store.as = store.as, verbose = verbose
  )
  log_call(object, "EstimateVelocity")
}

#' @rdname EstimateVelocity
#' @export
EstimateVelocity.SingleCellExperiment <- EstimateVelocity.Seurat

# What both kinds of object share: reads what is named, estimates, stores.
estimate_in_object <- function(object, spliced, unspliced, mode, given, genes, retain, dims,
                               reduction, graph, moments, batch, time, normalise, variance, velocity.u,
                               parity, store.as, verbose) {
  check_flag(parity, "parity")
  check_flag(verbose, "verbose")
  source <- list(
    spliced = find_layer(object, spliced, splicing_aliases$spliced, "spliced"),
    unspliced = find_layer(object, unspliced, splicing_aliases$unspliced, "unspliced")
  )
  pair <- count_pair(
    layer_at(object, source$spliced, "spliced"), layer_at(object, source$unspliced, "unspliced")
  )
  if (parity && !pair$kind$spliced$first_whole) {
    stored <- stored_steps(object, reduction, graph, moments, verbose)
    reduction <- stored$reduction
    graph <- stored$graph
    moments <- stored$moments
  }
  source$moments <- find_moments(object, moments)
  result <- velocity_of_pair(
    pair, mode, given, genes, retain, dims,
    reduction = if (!is.null(reduction)) embedding(object, reduction),
    graph = find_graph(object, graph),
    moments = if (is.null(source$moments)) {
      if (is.list(moments)) moments
    } else {
      lapply(source$moments, layer_at, object = object)
    },
    batch = if (!is.null(batch)) cell_column(object, batch, "batch"),
    time = if (!is.null(time)) cell_column(object, time, "time"),
    normalise = normalise, variance = variance, velocity.u = velocity.u, parity = parity,
    highly.variable = if (parity) stored_highly_variable(object, rownames(pair$spliced)),
    verbose = verbose
  )
  store_velocity(object, result, source, store.as)
}

# One value per cell of a matrix, or NULL.
cell_values <- function(values, pair, argument) {
  if (is.null(values)) {
    return(NULL)
  }
  cell_column(Matrix::t(pair$spliced[1L, , drop = FALSE]), values, argument)
}

# From two checked matrices to the result, see EstimateVelocity(). `given`: options by name.
# `highly.variable`: TRUE/FALSE per gene where an object says so, or NULL.
velocity_of_pair <- function(pair, mode, given, genes, retain, dims, reduction, graph, moments, batch,
                             time, normalise, variance, velocity.u, parity, highly.variable = NULL,
                             verbose) {
  mode <- check_choice(mode, c("stochastic", "deterministic", "dynamical"), "mode")
  for (flag in c("variance", "velocity.u", "parity", "verbose")) check_flag(get(flag), flag)
  if (velocity.u && mode != "dynamical") {
    stop_input("velocity.u", "`velocity.u`: only the dynamical mode has velocities of unspliced counts, not mode ",
      quoted(mode), ".")
  }
  if (!is.null(batch)) {
    batch <- check_labels(batch, "batch", ncol(pair$spliced), distinct = 2L)
    if (anyNA(batch)) stop_input("batch", "`batch` must be known for each cell.")
    if (is.null(reduction) && is.null(graph)) {
      stop_input("batch", "`batch` needs a `reduction` or `graph` in which batches are aligned, such ",
        "as that of Harmony; neighbours in the counts themselves would be of the same batch.")
    }
  }
  counts <- to_normalise(pair, normalise, parity, verbose)
  options <- velocity_options(given, any(counts), mode)
  totals <- count_totals(pair$spliced, pair$unspliced)
  sizes <- cell_sizes(totals, counts, batch)
  chosen <- choose_genes(
    pair, totals, sizes, options, genes, retain, highly.variable, parity, verbose
  )
  around <- choose_neighbours(pair, sizes, chosen$space, options, dims, reduction, graph, parity)
  batches <- check_batches(batch, time, around$knn)
  prepared <- list(
    spliced = pair$spliced, unspliced = pair$unspliced, genes = chosen$genes, mode = mode,
    names = rownames(pair$spliced)[chosen$genes], options = options, variance = variance,
    velocity.u = velocity.u, parity = parity, named = chosen$named,
    how = list(
      spliced.size = sizes$spliced, unspliced.size = sizes$unspliced,
      neighbours = around$neighbours, directed = FALSE
    ),
    known = known_moments(moments, rownames(pair$spliced)[chosen$genes], colnames(pair$spliced)),
    allowed = chosen$allowed, verbose = verbose
  )
  fit <- if (mode == "dynamical") velocity_dynamical(prepared) else velocity_steady_state(prepared)
  new_velocity(fit, prepared, chosen$table, around$knn, batch, batches)
}

# Options with their defaults; values that are no counts are not filtered by counts unless asked for.
velocity_options <- function(given, counts, mode) {
  if (!counts && is.null(given$min.shared.counts)) given$min.shared.counts <- 0
  dynamical <- if (mode == "dynamical") dynamical_defaults()
  options <- merge_options(c(velocity_defaults(), dynamical), given, argument = "")
  check_velocity_options(options)
  if (mode == "dynamical") check_dynamical_options(options)
  options
}

cell_sizes <- function(totals, counts, batch) {
  codes <- if (is.null(batch)) integer() else as.integer(batch)
  sizes <- velocity_sizes(totals$cell_spliced, totals$cell_unspliced, codes)
  for (part in names(counts)[!counts]) sizes[[part]] <- rep(1, length(sizes[[part]]))
  sizes
}

# Which genes to fit and which to look for neighbours in, as row numbers; `table`: what is known of
# the fitted ones; `allowed`: which may become velocity genes; `named`: which the user asked for.
choose_genes <- function(pair, totals, sizes, options, genes, retain, highly.variable, parity,
                         verbose) {
  all <- rownames(pair$spliced)
  if (sum(totals$spliced) == 0 || sum(totals$unspliced) == 0) {
    none <- if (sum(totals$spliced) == 0) "spliced" else "unspliced"
    stop_input(none, "All ", none, " counts are 0; is the assay or layer the right one?")
  }
  retain <- named_genes(retain, all, totals, "retain")
  keep <- filter_velocity_genes(totals, options)
  keep[retain] <- TRUE
  index <- which(keep)
  if (length(index) == 0L) {
    stop_input(
      "min.shared.counts", "No gene passes the filters: `min.shared.counts` is ",
      options$min.shared.counts, ", and the most of any gene is ", max(totals$shared), "."
    )
  }
  table <- data.frame(row.names = all)
  if (options$nfeatures > 0 && length(index) >= options$nfeatures) {
    found <- choose_variable_genes(
      pair$spliced, sizes$spliced, index, options$nfeatures, options$bins
    )
    for (column in c("means", "dispersions", "dispersions_norm")) {
      table[[column]] <- NA_real_
      table[[column]][index] <- found[[column]]
    }
    highly.variable <- seq_along(all) %in% index[found$chosen]
    table$highly_variable <- highly.variable
    index <- index[found$chosen | index %in% retain]
  }
  fit <- if (is.null(genes)) index else named_genes(genes, all, totals, "genes")
  if (verbose) message("Genes: ", length(fit), " of ", length(all), " are kept.")
  allowed <- if (is.null(highly.variable)) rep(TRUE, length(all)) else highly.variable
  named <- c(retain, if (!is.null(genes)) fit)
  if (!parity) allowed[named] <- TRUE
  list(
    genes = fit, space = index, allowed = allowed[fit], named = fit %in% named,
    table = table[fit, , drop = FALSE]
  )
}

# Genes by name as row numbers; each must have counts.
named_genes <- function(genes, all, totals, argument) {
  if (is.null(genes)) {
    return(integer())
  }
  if (!is.character(genes) || length(genes) == 0L || anyNA(genes)) {
    stop_input(argument, "`", argument, "` must be names of genes, not ", described(genes), ".")
  }
  index <- match(unique(genes), all)
  if (anyNA(index)) {
    lost <- unique(genes)[is.na(index)]
    stop_input(
      argument, "`", argument, "`: ", length(lost), " genes are not there, the first is ",
      quoted(lost[[1L]]), ".", near(lost[[1L]], all)
    )
  }
  silent <- totals$spliced[index] + totals$unspliced[index] == 0
  if (any(silent)) {
    stop_input(
      argument, "`", argument, "`: ", sum(silent), " genes have no counts in any cell, the first is ",
      quoted(all[index][silent][[1L]]), ".")
  }
  index
}

# The deterministic and the stochastic mode.
velocity_steady_state <- function(prepared) {
  fit <- fit_steady_state(
    prepared$spliced, prepared$unspliced, prepared$how, prepared$genes, prepared$known,
    prepared$allowed, list(prepared$names, colnames(prepared$spliced)), prepared$mode == "stochastic",
    prepared$variance && prepared$mode == "stochastic", prepared$options, thread_count()
  )
  if (fit$few) {
    rlang::warn(
      paste0(
        "Fewer than two genes have r2 above ", prepared$options$min.r2, " and gamma above ",
        prepared$options$min.ratio, "; those with r2 above its 80th percentile take their place. ",
        "Velocities of such data say little."
      ),
      class = "fatefield_warning_velocity_genes"
    )
  }
  genes <- data.frame(
    velocity_gamma = fit$gamma, velocity_qreg_ratio = fit$ratio, velocity_r2 = fit$r2,
    velocity_genes = fit$velocity_genes, row.names = prepared$names
  )
  if (prepared$options$fit.offset) genes$velocity_offset <- fit$offset
  list(velocity = fit$velocity, genes = genes, variance = fit$variance)
}

# Matrices beside the velocities, genes x cells, that only some modes have: the velocity of the variance, that of
# unspliced counts, and the time of each cell by each gene.
velocity_parts <- c("variance", "u", "fit_t")

# The result of a fit, with what is known of all cells.
new_velocity <- function(fit, prepared, table, knn, batch, batches) {
  cells <- colnames(prepared$spliced)
  used <- which(fit$genes$velocity_genes)
  agreement <- cell_confidence(fit$velocity, used, knn, thread_count())
  columns <- data.frame(
    spliced_size = prepared$how$spliced.size, unspliced_size = prepared$how$unspliced.size,
    velocity_length = agreement$length, velocity_confidence = agreement$confidence,
    row.names = cells
  )
  if (!is.null(batch)) columns$batch <- batch
  if (!is.null(fit$cells)) columns <- cbind(columns, fit$cells)
  if (prepared$verbose) {
    message("Velocity genes: ", length(used), " of ", length(prepared$genes), ".")
  }
  parts <- list(
    velocity = fit$velocity, genes = cbind(fit$genes, table), cells = columns, knn = knn,
    mode = prepared$mode
  )
  for (part in velocity_parts) parts[[part]] <- fit[[part]]
  parts$inputs <- prepared[c("spliced", "unspliced", "how", "known")]
  velocity_result(parts, batches)
}
