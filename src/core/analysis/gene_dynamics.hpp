// Correlation of each of many genes with a few quantities of cells (drift, diffusion, criticality, ...):
// Pearson, Spearman, and partial given covariates, with a bootstrap over blocks of cells such as clones.
//
// Partial is the correlation of the residuals of gene and quantity after least squares on the covariates and
// a constant. Each bootstrap sample draws blocks with replacement and does everything anew: ranks, residuals.
// A sample gives cells whole weights, so that sums over the cells of a gene that are not zero are enough.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.hpp"
#include "velocity/estimate/counts.hpp"

namespace fatefield {

struct GeneDynamicsRequest {
  const CountsView* genes = nullptr;  ///< genes x cells
  MatrixView quantities;              ///< cells x quantities
  MatrixView covariates;              ///< cells x covariates; none is zero columns
  std::vector<std::int32_t> block;    ///< of each cell, 0 .. blocks - 1
  std::int64_t blocks = 0;
  std::int64_t n_boot = 200;  ///< 0: estimates alone
  double level = 0.95;        ///< of the intervals
  std::uint64_t seed = 42;
};

/// genes x quantities each; NaN where a gene or a quantity does not vary.
struct Correlations {
  Matrix estimate;
  Matrix low, high;  ///< quantiles of the bootstrap
  Matrix se;         ///< its standard deviation, of artanh of the correlation
};

struct GeneDynamics {
  Correlations pearson, spearman, partial;
  std::vector<double> detected;  ///< share of cells in which each gene is not zero
};

/// Called on the calling thread with the number of bootstrap samples done; false asks to stop.
using BootTick = std::function<bool(std::int64_t done)>;

/// On threads() threads; the same bytes for any number of them.
/// Errors of kind Input for sizes that do not fit, values that are not finite, fewer than 3 cells. Throws
/// Interrupted when tick asks to stop.
GeneDynamics gene_dynamics(const GeneDynamicsRequest& request, const BootTick& tick);

}  // namespace fatefield
