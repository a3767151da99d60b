# Cells of known splicing kinetics, for tests and benchmarks: many cells at little cost, where
# SimulateDifferentiation() has fates and clones. Counts are genes x cells, sparse.

# list(spliced, unspliced, time and library (one per cell), genes (data.frame of rates and of the time each is
# switched off)). `rate`: median rate of transcription per unit of time, of 20.
simulate_splicing <- function(n.cells, n.genes, rate = 0.05, seed = 42) {
  x <- cpp_simulate_splicing(n.cells, n.genes, rate, seed, thread_count())
  names <- list(paste0("gene", seq_len(n.genes)), paste0("cell", seq_len(n.cells)))
  counts <- function(parts) {
    methods::new(
      "dgCMatrix", p = parts$p, i = parts$i, x = parts$x, Dim = lengths(names), Dimnames = names
    )
  }
  list(
    spliced = counts(x$spliced), unspliced = counts(x$unspliced), time = x$time, library = x$library,
    genes = data.frame(x[c("alpha", "beta", "gamma", "switched")], row.names = names[[1L]])
  )
}
