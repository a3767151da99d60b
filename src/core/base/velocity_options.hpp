// Defaults of RNA velocity by the steady state: which genes, how neighbours are found, how ratios are fitted.
#pragma once

#include <cstdint>
#include <string>

#include "base/options.hpp"

namespace fatefield {

/// From counts to velocities. Limits of 0 on the number of counts or cells mean no limit.
struct VelocityOptions {
  /// Least molecules of a gene in the cells where it is seen both spliced and unspliced.
  double min_shared_counts = 20;
  /// Least number of such cells.
  double min_shared_cells = 0;
  /// Spliced and unspliced molecules of a gene, and cells in which it is seen.
  double min_counts = 0, max_counts = 0, min_cells = 0, max_cells = 0;
  double min_counts_u = 0, max_counts_u = 0, min_cells_u = 0, max_cells_u = 0;
  /// Most variable genes kept; all are kept where there are fewer, and with 0.
  std::int64_t nfeatures = 2000;
  /// Bins of mean expression within which dispersions are compared.
  std::int64_t bins = 20;
  /// Principal components for the neighbours, where no reduction is given.
  std::int64_t npcs = 30;
  /// Below this number of genes neighbours are found among the genes themselves.
  std::int64_t pca_from = 50;
  /// Neighbours of a cell, the cell itself among them.
  std::int64_t k = 30;
  /// Cells at or above this percentile of expression give the ratio; with an offset also those at or below
  /// the other.
  double percentile_upper = 95, percentile_lower = 5;
  /// Fit a basal unspliced level too (mode "deterministic").
  bool fit_offset = false;
  /// Take r2 from the slope through all cells rather than from the extreme ones.
  bool r2_adjusted = false;
  /// Velocity genes have at least these.
  double min_r2 = 0.01, min_ratio = 0.01;
};

template <typename O, typename V>
void fields(VelocityOptions*, O& o, V&& visit) {
  visit("min.shared.counts", o.min_shared_counts);
  visit("min.shared.cells", o.min_shared_cells);
  visit("min.counts", o.min_counts);
  visit("max.counts", o.max_counts);
  visit("min.cells", o.min_cells);
  visit("max.cells", o.max_cells);
  visit("min.counts.u", o.min_counts_u);
  visit("max.counts.u", o.max_counts_u);
  visit("min.cells.u", o.min_cells_u);
  visit("max.cells.u", o.max_cells_u);
  visit("nfeatures", o.nfeatures);
  visit("bins", o.bins);
  visit("npcs", o.npcs);
  visit("pca.from", o.pca_from);
  visit("k", o.k);
  visit("percentile.upper", o.percentile_upper);
  visit("percentile.lower", o.percentile_lower);
  visit("fit.offset", o.fit_offset);
  visit("r2.adjusted", o.r2_adjusted);
  visit("min.r2", o.min_r2);
  visit("min.ratio", o.min_ratio);
}

/// Errors of kind Input name the option that is out of range.
void check_options(const VelocityOptions& o);

}  // namespace fatefield
