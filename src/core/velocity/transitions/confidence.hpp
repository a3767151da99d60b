// How long each cell's velocity is, and how much it agrees with its neighbours'. Takes velocities of genes x
// cells and lists of neighbours. No torch.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "graph/knn.hpp"

namespace fatefield {

struct VelocityConfidence {
  std::vector<double> length;      ///< of the velocity about its mean over the genes
  std::vector<double> confidence;  ///< mean Pearson correlation with the neighbours' velocities, at least 0
};

/// @param velocity   genes x cells
/// @param genes      which genes count; their velocities must be finite
/// @param neighbours one list for each cell, without the cell
VelocityConfidence velocity_confidence(MatrixView velocity, const std::vector<std::int64_t>& genes,
                                       const Neighbours& neighbours);

}  // namespace fatefield
