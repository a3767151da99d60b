// Cells whose genes are switched on and off, with counts of unspliced and spliced molecules: takes numbers of
// cells and genes, gives sparse counts and the kinetics they come from. Made for many cells: nothing dense is
// held. No torch.
//
// Cells are at times spread evenly over a span. Gene g is transcribed at alpha_g until its switch, then not;
// du/dt = alpha - beta u, ds/dt = beta u - gamma s from (0, 0). Counts are Poisson around u and s times the
// cell's library size.
#pragma once

#include <cstdint>
#include <vector>

#include "base/sparse.hpp"

namespace fatefield {

struct SplicingDesign {
  std::int64_t n_cells = 0;
  std::int64_t n_genes = 0;
  double span = 20;             ///< of time
  double rate = 0.05;           ///< median of alpha, per unit of time
  double library_spread = 0.3;  ///< standard deviation of the logarithm of library sizes
};

struct SplicedCells {
  std::vector<double> time, library;                 ///< one per cell
  std::vector<double> alpha, beta, gamma, switched;  ///< one per gene
  SparseRows spliced, unspliced;                     ///< counts, cells x genes
};

/// The same seed gives the same bytes, whatever the number of threads.
SplicedCells simulate_splicing(const SplicingDesign& design, std::uint64_t seed);

/// Means of unspliced and spliced molecules of gene g at a time, at library size 1.
void splicing_state(const SplicedCells& x, std::int64_t g, double time, double& u, double& s);

}  // namespace fatefield
