// Which genes have enough molecules, and the sizes cells are divided by. Takes sums over cells and genes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/velocity_options.hpp"
#include "velocity/estimate/counts.hpp"

namespace fatefield {

/// TRUE for each gene that passes all limits of the options.
std::vector<bool> filter_genes(const GeneTotals& totals, const VelocityOptions& options);

/// What the counts of each cell are divided by: its total relative to the median total, so that all cells
/// come to the median. 1 for a cell without counts.
std::vector<double> size_factors(const std::vector<double>& totals);

/// Size factors of spliced and unspliced counts of cells of several batches.
struct BatchSizes {
  std::vector<double> spliced, unspliced;
};

/// Within a batch, cells come to the batch's own median totals, spliced and unspliced each. Then one factor
/// per batch, the same for spliced and unspliced, brings both together to the mean of all batches: depth is
/// levelled, and the share of unspliced molecules in a batch stays as it was measured.
/// @param batch one code per cell, from 0
BatchSizes batch_size_factors(const std::vector<double>& spliced, const std::vector<double>& unspliced,
                              const std::vector<std::int32_t>& batch);

}  // namespace fatefield
