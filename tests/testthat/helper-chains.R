# Chains and objects for tests of walks by transitions.

# Whole matrix of a chain: `blocks` groups of `size` cells, a ring within each, and a leak to the next group.
block_chain <- function(size = 30L, leave = c(0.004, 0.006, 0.008), links = 4L, seed = 1L) {
  set.seed(seed)
  n <- size * length(leave)
  p <- matrix(0, n, n, dimnames = rep(list(sprintf("c%03d", seq_len(n))), 2L))
  for (i in seq_len(n)) {
    block <- (i - 1L) %/% size
    within <- block * size + c((i - block * size) %% size + 1L, sample.int(size, links))
    w <- table(factor(within, seq_len(n)))
    p[i, ] <- (1 - leave[[block + 1L]]) * w / sum(w)
    other <- (block + 1L) %% length(leave)
    to <- other * size + sample.int(size, 1L)
    p[i, to] <- p[i, to] + leave[[block + 1L]]
  }
  p
}

as_steps <- function(p) methods::as(methods::as(methods::as(p, "dMatrix"), "generalMatrix"), "CsparseMatrix")

gambler_chain <- function(n, p) {
  chain <- matrix(0, n + 1L, n + 1L, dimnames = rep(list(paste0("coins", 0:n)), 2L))
  chain[1L, 1L] <- chain[n + 1L, n + 1L] <- 1
  inner <- 2:n
  chain[cbind(inner, inner + 1L)] <- p
  chain[cbind(inner, inner - 1L)] <- 1 - p
  chain
}

# Cells with velocities on the way to three fates, as every kind of object; made once in each file of tests.
chain_cells <- local({
  made <- list()
  function(as = "seurat") {
    if (is.null(made[[as]])) {
      cells <- SimulateDifferentiation(n.cells = 250, n.genes = 60, as = as)
      cells <- EstimateVelocity(cells, verbose = FALSE)
      latent <- choose_reduction(cells, "latent")
      made[[as]] <<- EmbedVelocity(cells, reduction = latent, terminal = FALSE, verbose = FALSE)
    }
    made[[as]]
  }
})

chain_kinds <- function() c("seurat", if (requireNamespace("SingleCellExperiment", quietly = TRUE)) "sce")
