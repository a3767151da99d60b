// Highly variable genes by dispersion within bins of mean expression ("Seurat flavour": Satija et al., Nature
// Biotechnology 2015). Takes means and variances of genes; gives dispersions and which genes to keep.
#pragma once

#include <cstdint>
#include <vector>

#include "velocity/estimate/counts.hpp"

namespace fatefield {

/// Mean and variance (n - 1) of each gene over all cells, of values divided by the cells' sizes.
struct GeneSpread {
  std::vector<double> mean, variance;
};

GeneSpread gene_spread(const CountsView& x, const std::vector<double>& size);

/// One entry per gene. Dispersion is ln(variance / mean), NaN where a gene does not vary; normalised it is
/// in standard deviations from the mean of the genes whose ln(1 + mean) falls in the same of equally wide
/// bins.
struct VariableGenes {
  std::vector<double> mean;  ///< ln(1 + mean)
  std::vector<double> dispersion, normalised;
  std::vector<bool> chosen;
};

/// @param top  genes to choose, the most variable first; genes as variable as the last are chosen too. All
///             are chosen where there are no more, or with 0.
/// @param bins bins of mean expression; a gene alone in its bin has the normalised dispersion 1
VariableGenes variable_genes(const GeneSpread& spread, std::int64_t top, std::int64_t bins);

}  // namespace fatefield
