// How much a cell's expression profile changes between two times of its path: increments of the cell
// criticality index (Chen et al., "DeepVelo", Science Advances 8, 2022), made finite and free of scale.
//
// The profile of a state x is p = (max(x, 0) + epsilon m) / sum, with m the mean expression of each gene, so
// that no gene is at zero and a multiple of all expression changes nothing. An increment is
// KL(p before || p after) in nats, or the divergence of Jensen and Shannon, or the distance of the states.
#pragma once

#include <vector>

#include "base/dynamics_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

/// Increments of n cells, at least 0; NaN where a state is not finite.
/// @param before, after n x genes
/// @param mean          mean expression of each gene, for "kl" and "js" with epsilon above 0; else
/// unused
/// @throws Error (input) for matrices of different size, a mean of another length or without anything above
/// 0,
///         an epsilon below 0, an unknown measure
std::vector<double> profile_change(const MatrixView& before, const MatrixView& after,
                                   const std::vector<double>& mean, const CriticalityOptions& options);

}  // namespace fatefield
