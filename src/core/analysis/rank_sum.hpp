// Wilcoxon's rank sum test of many genes between two groups of cells.
// Takes sparse expression (genes x cells by rows) and who is in which group; gives statistics per gene.
// Source: Wilcoxon (1945); normal approximation with correction for ties and continuity as in Lehmann (1975).
#pragma once

#include <cstdint>
#include <vector>

#include "base/sparse.hpp"

namespace fatefield {

/// One value per gene.
struct RankSums {
  std::vector<double> statistic;  ///< Mann and Whitney's U of the first group
  std::vector<double> p;          ///< two-sided; 1 where all values are equal
};

/// @param x     genes x cells; what is not stored is 0
/// @param group one value per cell: 1 or 2, 0 for cells that take no part
/// @throws Error (input) where a group is empty
RankSums rank_sums(const SparseRows& x, const std::vector<std::int32_t>& group);

}  // namespace fatefield
