// Defaults of RNA velocity by the steady state: which genes, how neighbours are found, how ratios are fitted.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// From counts to velocities. Limits of 0 on the number of counts or cells mean no limit.
struct VelocityOptions {
  /// Least molecules of a gene in the cells where it is seen both spliced and unspliced.
  double min_shared_counts = 20;
  /// Least number of such cells.
  double min_shared_cells = 0;
  /// Least spliced molecules of a gene.
  double min_counts = 0;
  /// Most of them.
  double max_counts = 0;
  /// Least cells in which it is seen spliced.
  double min_cells = 0;
  /// Most of them.
  double max_cells = 0;
  /// Least unspliced molecules of a gene.
  double min_counts_u = 0;
  /// Most of them.
  double max_counts_u = 0;
  /// Least cells in which it is seen unspliced.
  double min_cells_u = 0;
  /// Most of them.
  double max_cells_u = 0;
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
  /// Cells at or above this percentile of expression give the ratio.
  double percentile_upper = 95;
  /// With an offset, so do those at or below this one.
  double percentile_lower = 5;
  /// Fit a basal unspliced level too (mode "deterministic").
  bool fit_offset = false;
  /// Take r2 from the slope through all cells rather than from the extreme ones.
  bool r2_adjusted = false;
  /// Velocity genes have at least this r2.
  double min_r2 = 0.01;
  /// And at least this ratio.
  double min_ratio = 0.01;
};

/// Errors of kind Input name the option that is out of range.
void check_options(const VelocityOptions& o);

}  // namespace fatefield
