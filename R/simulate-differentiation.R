# Simulated cells with known dynamics. Takes a design, gives a Seurat object, a
# SingleCellExperiment or a list; assays are genes x cells, reductions cells x dims.

#' Simulate differentiating cells whose dynamics are known
#'
#' Progenitors drift along a landscape, pass a gate, and fall into one of several fates.
#' Their descendants are sampled at several days, carry the barcode of their clone, and express
#' genes that follow their state through unspliced and spliced RNA.
#' What no experiment tells comes along: drift, diffusion, potential, growth and the true
#' probabilities of the fates of each cell.
#'
#' @section Basic use:
#' ```
#' cells <- SimulateDifferentiation(n.fates = 2)
#' table(cells$state, cells$day)
#' ```
#'
#' @details
#' A state `z` has `n.fates` coordinates: progress `x` and a position `y` between the fates.
#' It follows `dz = -grad V(z) dt + g(z) dW` (Ito), integrated by Euler and Maruyama, with
#' `V = speed * ((x - 2)^2 / 2 + |y|^2 / 2 - T log(mean(exp(c(x) 1.5 u_k . y / T))))`.
#' The `u_k` are the corners of a regular simplex, `T = 0.9 / (n.fates - 1)`, and
#' `c(x) = 1 / (1 + exp(-(x - 1) / 0.12))` is the gate behind which fates part.
#' The share of fate k at a state is `exp(c(x) 1.5 u_k . y / T)` over its sum.
#' The noise `g` is `noise` where the shares are equal and half of it where one fate has all.
#' The net rate of division is the mean of `growth` over the shares.
#' A cell is called a fate when that fate has more than 0.9 of the shares, else progenitor.
#'
#' Clones are marked on the first day.
#' Each cell is sampled once, so clones link days but no cell is seen twice, as in lineage
#' tracing by barcodes.
#' With `growth` the population of each day is resampled at each step, so that fast dividers
#' leave more descendants and clones differ in size.
#'
#' Gene g is transcribed at `alpha = top (leak + (1 - leak) / (1 + exp(-slope (v . z - at))))`;
#' along the path of each cell `du/dt = alpha - beta u` and `ds/dt = beta u - gamma s`, from the
#' steady state of the first day.
#' Counts are negative binomial around `u` and `s` times the size of the cell's library.
#'
#' @param n.cells Number of cells, shared evenly among the days.
#' @param days Increasing days at which cells are sampled; clones are marked on the first.
#' @param n.fates Number of fates, 2 to 26; also the number of dimensions of the latent space.
#' @param n.genes Number of genes, at least `n.fates + 2`.
#'   Genes follow in turn nothing, the progenitor, and each fate.
#' @param n.clones Number of clones.
#'   `NULL` makes one for every ten cells, so that most clones are seen on several days.
#' @param growth Net rate of division per day of the fates: one number, or one for each fate.
#'   `NULL` takes `r doc_default("differentiation", "growth")`: no fate outgrows another.
#' @param noise Standard deviation of the noise per square root of a day.
#'   `NULL` takes `r doc_default("differentiation", "noise")`, at which founders lean to a fate but are not
#'   bound to it.
#' @param speed Rate per day at which cells relax.
#'   `NULL` takes `r doc_default("differentiation", "speed")`: the gate is reached after two thirds of a day, and
#'   most cells are committed at day 3.
#' @param founder.spread,clone.spread Standard deviation of founders around the origin, and of
#'   the members of a clone around their founder.
#'   `NULL` takes `r doc_default("differentiation", "founder.spread")` and
#'   `r doc_default("differentiation", "clone.spread")`; the ratio says how much a clone shares.
#' @param dispersion Excess of the variance of counts over the Poisson, relative to the squared
#'   mean.
#'   `NULL` takes `r doc_default("differentiation", "dispersion")`; 0 is Poisson.
#' @param library.spread Standard deviation of the logarithm of the library sizes; `NULL` takes
#'   `r doc_default("differentiation", "library.spread")`.
#' @param dt Step of the integration in days; `NULL` takes `r doc_default("differentiation", "dt")`.
#' @param n.futures Futures simulated from each cell for its fate probabilities; `NULL` takes
#'   `r doc_default("differentiation", "n.futures")`, which gives a standard error of at most 0.05.
#'   0 leaves them out.
#' @param lead Days before the first one for which founders have moved straight on, at the drift they have then, as
#'   their RNA velocity tells; `NULL` takes `r doc_default("differentiation", "lead")`: founders are at rest on the
#'   first day, and so is their RNA, from which their velocity is not to be known.
#' @param n.drivers Genes per fate that drive it, `driverA` and so on; default 0.
#'   A cell's leaning, where it stands between the fates, is all that the landscape asks when it sends the cell on.
#'   Such a gene follows the leaning alone, from the first day on, where other genes of a fate rise with
#'   commitment.
#'   They stand in the place of the last genes.
#' @param n.pcs Principal components of the log-normalised spliced counts (fewer where there are
#'   fewer genes or cells).
#' @param as What to return: `"seurat"`, `"sce"` (a SingleCellExperiment) or `"list"`.
#' @param seed.use Seed; the same seed gives the same cells, whatever the number of threads.
#'   `NULL` draws one from R's generator, which is else untouched.
#'
#' @param ... Not used.
#' @return
#' A Seurat object with the assays `RNA` (spliced counts and their log-normalised values),
#' `spliced` and `unspliced` (counts); the reductions `pca` and `latent` (the true states); the
#' columns `day`, `state` (`"progenitor"`, `"fateA"`, ...), `clone` and `pseudotime` (true
#' progress, near 0 at the start and 1 at rest); and the truth in `Misc(object, "truth")`.
#'
#' A SingleCellExperiment has the assays `counts`, `logcounts`, `spliced`, `unspliced`, the
#' reductions `PCA` and `LATENT`, and `metadata(object)$truth`.
#' A list has `counts`, `data`, `unspliced` (genes x cells, sparse), `cells` (data.frame), `pca`
#' (cells x `n.pcs`), `latent` and `truth`.
#'
#' The truth is a list of
#' * `latent`, `drift` (cells x `n.fates`, per day), `diffusion`, `potential` and `growth` (one a
#'   cell),
#' * `fate` (cells x fates): shares of the cell's simulated futures nearest to each fate on the
#'   last day; `fate.weighted`: the same, each future counted by its expected descendants,
#' * `unspliced`, `spliced` (genes x cells): means at library size 1; `velocity`: `beta u - gamma s`
#'   per day; `library`: the library sizes,
#' * `genes`: data.frame of `module`, `top`, `leak`, `slope`, `at`, `beta`, `gamma` (rates per day),
#'   and `direction`, the genes x dims matrix of the `v`,
#' * `attractors` (fates x dims), `n.fates` and `options`, all that defines the landscape.
#'
#' @section Errors:
#' Arguments of a wrong type, length or range give a `fatefield_error_input` that names them.
#'
#' @references
#' Weinreb, C. et al. Lineage tracing on transcriptional landscapes links state to fate during
#' differentiation. Science 367 (2020), for the design of clones and days.
#'
#' @examples
#' object <- SimulateDifferentiation(n.cells = 300, n.fates = 2, n.genes = 40, n.futures = 20)
#' object
#' table(object$state, object$day)
#'
#' # Cells of one clone share their fate more often than chance.
#' last <- object[[]][object$day == 3 & object$state != "progenitor", ]
#' head(table(last$clone, last$state))
#'
#' # The truth about the cells of day 0.
#' truth <- SeuratObject::Misc(object, "truth")
#' head(truth$fate)
#' @export
SimulateDifferentiation <- function(n.cells = 3000L, days = c(0, 1, 2, 3), n.fates = 3L,
                                    n.genes = 200L, n.clones = NULL, growth = NULL, noise = NULL,
                                    speed = NULL, founder.spread = NULL, clone.spread = NULL,
                                    dispersion = NULL, library.spread = NULL, dt = NULL,
                                    n.futures = NULL, lead = NULL, n.drivers = 0L, n.pcs = 10L,
                                    as = c("seurat", "sce", "list"), seed.use = 42L, ...) {
  check_no_dots(names(formals(SimulateDifferentiation)), ...)
  n.cells <- check_count(n.cells, "n.cells", min = 2L)
  n.fates <- check_count(n.fates, "n.fates", min = 2L)
  n.genes <- check_count(n.genes, "n.genes", min = n.fates + 2L)
  n.pcs <- check_count(n.pcs, "n.pcs")
  days <- check_times(days, "days", distinct = 1L)
  as <- check_choice(as, c("seurat", "sce", "list"), "as")
  if (as == "sce") need_package("SingleCellExperiment", "to return a SingleCellExperiment")
  options <- list(
    n.clones = if (!is.null(n.clones)) check_count(n.clones, "n.clones"),
    growth = growth, noise = noise, speed = speed, founder.spread = founder.spread,
    clone.spread = clone.spread, dispersion = dispersion, library.spread = library.spread,
    dt = dt, n.futures = if (!is.null(n.futures)) check_count(n.futures, "n.futures", min = 0L),
    lead = lead
  )
  n.drivers <- check_count(n.drivers, "n.drivers", min = 0L)
  check_simulation_memory(n.cells, n.fates, n.genes, n.drivers, options$n.clones)
  raw <- cpp_simulate_differentiation(
    n.cells, days, n.fates, n.genes, n.drivers, options, seed_from(seed.use),
    thread_count()
  )
  simulation_as(named_simulation(raw, n.fates), n.pcs, as)
}

# Counts of two kinds, velocities and their copies in the object; states, drift and fates of the cells.
check_simulation_memory <- function(n.cells, n.fates, n.genes, n.drivers, n.clones) {
  what <- "the simulated counts"
  drivers <- as.numeric(n.drivers) * n.fates
  genes <- n.genes + drivers
  check_memory(6 * n.cells, "n.cells", n.cells, what)
  check_memory(6 * n.genes, "n.genes", n.genes, what)
  check_memory(6 * drivers, "n.drivers", n.drivers, what)
  check_memory(8 * max(0, n.clones), "n.clones", n.clones, what)
  check_memory(6 * n.cells * (genes + n.fates), "n.cells", n.cells, what)
}

# The core's vectors and matrices under the names of cells, genes, fates and dimensions.
named_simulation <- function(raw, n.fates) {
  fates <- paste0("fate", LETTERS[seq_len(n.fates)])
  modules <- c("constant", "progenitor", fates)
  if (max(raw$genes$module) > length(modules)) modules <- c(modules, paste0("driver", LETTERS[seq_len(n.fates)]))
  module <- factor(modules[raw$genes$module], levels = modules)
  genes <- make.unique(as.character(module), sep = "-")
  cells <- sprintf("cell%0*d", nchar(length(raw$day)), seq_along(raw$day))
  dims <- paste0("latent_", seq_len(n.fates))
  named <- function(x, rows, columns) {
    dimnames(x) <- list(rows, columns)
    x
  }
  latent <- named(raw$latent, cells, dims)
  per_cell <- function(x) stats::setNames(x, cells)
  futures <- function(x) if (nrow(x) > 0L) named(x, cells, fates)
  unspliced <- named(raw$unspliced, genes, cells)
  spliced <- named(raw$spliced, genes, cells)
  attractors <- named(raw$attractors, fates, dims)
  truth <- list(
    latent = latent, drift = named(raw$drift, cells, dims), diffusion = per_cell(raw$diffusion),
    potential = per_cell(raw$potential), growth = per_cell(raw$growth), fate = futures(raw$fate),
    fate.weighted = futures(raw$fate.weighted), unspliced = unspliced, spliced = spliced,
    velocity = raw$genes$beta * unspliced - raw$genes$gamma * spliced,
    library = per_cell(raw$library),
    genes = data.frame(
      module = module, raw$genes[c("top", "leak", "slope", "at", "beta", "gamma")],
      row.names = genes
    ),
    direction = named(raw$genes$direction, genes, dims),
    attractors = attractors, n.fates = n.fates, options = raw$options
  )
  list(
    counts = Matrix::Matrix(named(raw$spliced.counts, genes, cells), sparse = TRUE),
    unspliced = Matrix::Matrix(named(raw$unspliced.counts, genes, cells), sparse = TRUE),
    cells = data.frame(
      day = raw$day, state = factor(c("progenitor", fates)[raw$state], c("progenitor", fates)),
      clone = factor(paste0("clone", raw$clone), paste0("clone", sort(unique(raw$clone)))),
      pseudotime = latent[, 1L] / attractors[1L, 1L], row.names = cells
    ),
    latent = latent, truth = truth
  )
}

# Simulated parts with principal components of their logarithms, as an object or a list.
simulation_as <- function(parts, n.pcs, as) {
  parts$data <- log_normalised(parts$counts)
  pcs <- min(n.pcs, nrow(parts$counts), ncol(parts$counts) - 1L)
  parts$components <- cpp_principal_components(as.matrix(Matrix::t(parts$data)), pcs)
  parts$pca <- parts$components$scores
  dimnames(parts$pca) <- list(rownames(parts$cells), paste0("PC_", seq_len(pcs)))
  switch(as,
    seurat = simulation_seurat(parts),
    sce = simulation_sce(parts),
    list = parts[intersect(c("counts", "data", "unspliced", "cells", "pca", "latent", "truth"), names(parts))]
  )
}

# log(1 + 1e4 * count / total of the cell), as Seurat's LogNormalize; genes x cells, sparse.
log_normalised <- function(counts) {
  counts <- methods::as(counts, "CsparseMatrix")
  total <- pmax(Matrix::colSums(counts), 1)
  log1p(counts %*% Matrix::Diagonal(x = 1e4 / total, names = colnames(counts)))
}

simulation_seurat <- function(parts) {
  object <- new_seurat(parts$counts, NULL, "RNA", parts$cells)
  object <- set_layer_data(object, parts$data, "data", "RNA")
  object[["spliced"]] <- new_assay(parts$counts, key = "spliced_")
  object[["unspliced"]] <- new_assay(parts$unspliced, key = "unspliced_")
  loadings <- parts$components$loadings
  rownames(loadings) <- rownames(parts$counts)
  object <- add_reduction(
    object, parts$pca, "pca", "PC", loadings = loadings, stdev = parts$components$stdev
  )
  if (!is.null(parts$latent)) object <- add_reduction(object, parts$latent, "latent", "latent")
  SeuratObject::Misc(object, slot = "truth") <- parts$truth
  object
}

simulation_sce <- function(parts) {
  # Where scater and scran keep the loadings.
  rotation <- parts$components$loadings
  dimnames(rotation) <- list(rownames(parts$counts), colnames(parts$pca))
  pca <- structure(parts$pca, rotation = rotation)
  SingleCellExperiment::SingleCellExperiment(
    assays = list(
      counts = parts$counts, logcounts = parts$data, spliced = parts$counts,
      unspliced = parts$unspliced
    ),
    colData = S4Vectors::DataFrame(parts$cells),
    reducedDims = Filter(Negate(is.null), list(PCA = pca, LATENT = parts$latent)),
    metadata = list(truth = parts$truth)
  )
}
