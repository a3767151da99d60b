# Cells that go round, with known velocities. Takes a design; gives an object or a list, assays genes x cells.

#' Simulate cells that go round
#'
#' Cells turn on a ring, all the same way, and at each time they are everywhere on it.
#' So the cells of all times look alike: times alone do not tell which way cells go.
#' Their RNA does, and their clones do.
#'
#' @section Basic use:
#' ```
#' cells <- SimulateCycle()
#' cells <- FitSDE(EstimateVelocity(cells), time = "day", reduction = "latent", velocity = TRUE)
#' ```
#'
#' @details
#' A cell at the angle `q` turns by `2 pi turns` per day and keeps its radius.
#' Gene g is transcribed at `alpha = top (1 + 0.9 cos(q - phase)) / 2`; `du/dt = alpha - beta u` and
#' `ds/dt = beta u - gamma s` have gone on for ever.
#' Counts are negative binomial around `u` and `s` times the size of the library.
#'
#' @param n.cells,n.genes Numbers of cells, shared evenly among the days, and of genes.
#' @param days Increasing days at which cells are sampled; clones are marked at the first.
#' @param turns Turns per day; below 0 for the other way round.
#' @param spread Standard deviation of the radius around 1.
#' @param n.clones Number of clones; `NULL` makes one for every ten cells.
#' @param clone.spread Standard deviation of the angles in a clone.
#' @param dispersion Excess of the variance of counts over the Poisson, relative to the squared mean.
#' @param library.spread Standard deviation of the logarithm of the library sizes.
#' @param n.pcs Principal components of the log-normalised spliced counts.
#' @param as What to return: `"seurat"`, `"sce"` (a SingleCellExperiment) or `"list"`.
#' @param seed.use Seed; the same seed gives the same cells, whatever the number of threads.
#'   `NULL` draws one from R's generator, which is else untouched.
#' @param ... Not used.
#' @return
#' What [SimulateDifferentiation()] returns, with the columns `day`, `angle` and `clone`, the reductions `pca` and
#' `latent` (the ring), and the truth: a list of `latent`, `drift` (cells x 2, per day), `unspliced`,
#' `spliced`, `velocity` (genes x cells), `library` and `genes` (data.frame of `top`, `phase`, `beta`, `gamma`).
#' @section Errors:
#' `fatefield_error_input` names the argument that is out of range.
#' @seealso [SimulateDifferentiation()]
#' @examples
#' cells <- SimulateCycle(n.cells = 300, n.genes = 30)
#' table(cells$day, cut(cells$angle %% (2 * pi), 4))
#' @export
SimulateCycle <- function(n.cells = 1500L, n.genes = 100L, days = c(0, 1, 2), turns = 0.1, spread = 0.1,
                          n.clones = NULL, clone.spread = 0.1, dispersion = 0.1, library.spread = 0.3,
                          n.pcs = 10L, as = c("seurat", "sce", "list"), seed.use = 42L, ...) {
  check_no_dots(names(formals(SimulateCycle)), ...)
  as <- check_choice(as, c("seurat", "sce", "list"), "as")
  if (as == "sce") need_package("SingleCellExperiment", "to return a SingleCellExperiment")
  n.cells <- check_count(n.cells, "n.cells", min = 2L)
  n.genes <- check_count(n.genes, "n.genes", min = 3L)
  days <- as.numeric(check_times(days, "days", distinct = 1L))
  if (is.unsorted(days, strictly = TRUE)) stop_input("days", "`days` must increase from each to the next.")
  n.clones <- if (is.null(n.clones)) max(1L, n.cells %/% 10L) else check_count(n.clones, "n.clones")
  for (argument in c("turns", "spread", "clone.spread", "dispersion", "library.spread")) {
    check_number(get(argument), argument)
  }
  check_memory(8 * as.numeric(n.cells) * n.genes, "n.cells", n.cells, "the simulated counts")
  design <- list(
    n.cells = n.cells, n.genes = n.genes, n.clones = n.clones, days = days, turns = turns, spread = spread,
    clone.spread = clone.spread, dispersion = dispersion, library.spread = library.spread
  )
  raw <- cpp_simulate_cycle(design, seed_from(seed.use), thread_count())
  simulation_as(named_cycle(raw, design), check_count(n.pcs, "n.pcs"), as)
}

named_cycle <- function(raw, design) {
  genes <- sprintf("gene%0*d", nchar(design$n.genes), seq_len(design$n.genes))
  cells <- sprintf("cell%0*d", nchar(design$n.cells), seq_len(design$n.cells))
  named <- function(x) `dimnames<-`(x, list(genes, cells))
  ring <- function(x, y) matrix(c(x, y), ncol = 2L, dimnames = list(cells, c("latent_1", "latent_2")))
  latent <- ring(raw$radius * cos(raw$angle), raw$radius * sin(raw$angle))
  list(
    counts = Matrix::Matrix(named(raw$spliced.counts), sparse = TRUE),
    unspliced = Matrix::Matrix(named(raw$unspliced.counts), sparse = TRUE),
    cells = data.frame(
      day = raw$time, angle = raw$angle, clone = factor(paste0("clone", raw$clone)), row.names = cells
    ),
    latent = latent,
    truth = list(
      latent = latent, drift = 2 * pi * design$turns * ring(-latent[, 2L], latent[, 1L]),
      velocity = named(raw$velocity), spliced = named(raw$spliced), unspliced = named(raw$unspliced),
      library = stats::setNames(raw$library, cells), genes = data.frame(raw$genes, row.names = genes)
    )
  )
}
