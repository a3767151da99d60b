# Cells of a path that forks, with known velocities. Takes a design; gives an object or a list, assays genes x
# cells.

#' Simulate cells of two branches whose velocities are known
#'
#' Cells go along a common path and, behind a fork, along one of two branches, by deterministic splicing kinetics; only
#' the counts are random.
#' It is the system on which velocity fields are compared: the velocity of every cell is known, and so is the
#' share of the cells on each branch.
#'
#' @section Basic use:
#' ```
#' cells <- SimulateTwoBranch()
#' table(cells$stage)
#' ```
#'
#' @details
#' Gene g follows `du/dt = alpha_g - beta_g u` and `ds/dt = beta_g u - gamma_g s`.
#' `alpha_g` acts between two times in the cells of the gene's branch, and is a twentieth of that else.
#' A third of the genes follow the common path and a third each branch; half of each stay on.
#' Cells lie evenly along time.
#' Counts are negative binomial around `u` and `s` times the size of the library.
#'
#' @param n.cells,n.genes Numbers of cells and genes.
#' @param major.share Share of the cells behind the fork that are on the major branch; default
#'   `r doc_default("two.branch", "major.share")`.
#' @param fork,span When the branches part, and how long the whole lasts; defaults
#'   `r doc_default("two.branch", "fork")` and `r doc_default("two.branch", "span")` units of time.
#' @param depth Median over genes of spliced molecules at full transcription; default
#'   `r doc_default("two.branch", "depth")`.
#' @param dispersion Excess of the variance of counts over the Poisson, relative to the squared mean; default
#'   `r doc_default("two.branch", "dispersion")`.
#' @param library.spread Standard deviation of the logarithm of the library sizes; default
#'   `r doc_default("two.branch", "library.spread")`.
#' @param n.pcs Principal components of the log-normalised spliced counts.
#' @param as What to return: `"seurat"`, `"sce"` (a SingleCellExperiment) or `"list"`.
#' @param seed.use Seed; the same seed gives the same cells, whatever the number of threads.
#'   `NULL` draws one from R's generator, which is else untouched.
#' @param ... Not used.
#' @return
#' A Seurat object with the assays `RNA`, `spliced` and `unspliced`, the reduction `pca`, the columns `time`,
#' `branch` (`"common"`, `"major"`, `"minor"`) and `stage` (`"progenitor"` before the fork, `"major"` and
#' `"minor"` in the last third behind it, else `"between"`), and the truth in `Misc(object, "truth")`: a list of
#' `velocity`, `spliced` and `unspliced` (genes x cells: means at library size 1), `library` and `genes`
#' (data.frame of `branch`, `alpha`, `beta`, `gamma`, `on`, `off`).
#' A SingleCellExperiment has the same as `counts`, `logcounts`, `spliced`, `unspliced`, `PCA` and
#' `metadata(object)$truth`; a list has `counts`, `data`, `unspliced`, `cells`, `pca` and `truth`.
#' @section Errors:
#' `fatefield_error_input` names the argument that is out of range.
#' @seealso [FitVelocityField()], [ScoreVelocityField()], [SimulateDifferentiation()]
#' @examples
#' cells <- SimulateTwoBranch(n.cells = 200, n.genes = 30)
#' table(cells$stage)
#' @export
SimulateTwoBranch <- function(n.cells = 1500L, n.genes = 269L, major.share = NULL, fork = NULL, span = NULL,
                              depth = NULL, dispersion = NULL, library.spread = NULL, n.pcs = 10L,
                              as = c("seurat", "sce", "list"), seed.use = 42L, ...) {
  check_no_dots(names(formals(SimulateTwoBranch)), ...)
  as <- check_choice(as, c("seurat", "sce", "list"), "as")
  if (as == "sce") need_package("SingleCellExperiment", "to return a SingleCellExperiment")
  n.pcs <- check_count(n.pcs, "n.pcs")
  options <- merge_options(two_branch_defaults(), list(
    n.cells = check_count(n.cells, "n.cells"), n.genes = check_count(n.genes, "n.genes"),
    major.share = major.share, fork = fork, span = span, depth = depth, dispersion = dispersion,
    library.spread = library.spread
  ), "")
  for (count in c("n.cells", "n.genes")) check_memory(8 * options[[count]], count, options[[count]], "the counts")
  check_memory(8 * options$n.cells * options$n.genes, "n.cells", options$n.cells, "the simulated counts")
  raw <- cpp_simulate_two_branch(options, seed_from(seed.use), thread_count())
  simulation_as(named_branches(raw, options), n.pcs, as)
}

named_branches <- function(raw, options) {
  genes <- sprintf("gene%0*d", nchar(options$n.genes), seq_len(options$n.genes))
  cells <- sprintf("cell%0*d", nchar(options$n.cells), seq_len(options$n.cells))
  named <- function(x) {
    dimnames(x) <- list(genes, cells)
    x
  }
  branches <- c("common", "major", "minor")
  branch <- factor(branches[raw$branch + 1L], branches)
  late <- raw$time > options$fork + 2 / 3 * (options$span - options$fork)
  stage <- ifelse(branch == "common", "progenitor", ifelse(late, as.character(branch), "between"))
  list(
    counts = Matrix::Matrix(named(raw$spliced.counts), sparse = TRUE),
    unspliced = Matrix::Matrix(named(raw$unspliced.counts), sparse = TRUE),
    cells = data.frame(
      time = raw$time, branch = branch, stage = factor(stage, c("progenitor", "between", "major", "minor")),
      row.names = cells
    ),
    truth = list(
      velocity = named(raw$velocity), spliced = named(raw$spliced), unspliced = named(raw$unspliced),
      library = stats::setNames(raw$library, cells),
      genes = data.frame(
        branch = factor(branches[raw$genes$branch + 1L], branches),
        raw$genes[c("alpha", "beta", "gamma", "on", "off")], row.names = genes
      )
    )
  )
}
