// How much a cell's expression profile changes along its path: increments of the cell criticality index
// (Chen et al., "DeepVelo", Science Advances 8, 2022), made finite and free of scale.
//
// The profile of a state x is p = (max(x, 0) + epsilon m) / sum, with m the mean expression of each gene, so
// that no gene is at zero and a multiple of all expression changes nothing. An increment is
// KL(p before || p after) in nats, or the divergence of Jensen and Shannon, or the distance of the states.
#pragma once

#include <cstdint>
#include <vector>

#include "base/dynamics_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

/// States of paths, path + paths * (dim + dims * time).
struct PathStates {
  const double* data;
  std::int64_t paths, dims, times;

  double operator()(std::int64_t path, std::int64_t dim, std::int64_t time) const {
    return data[path + paths * (dim + dims * time)];
  }
};

/// The expression of genes in a state s: exp(max(bias + weights s, 0)) - 1.
struct StateExpression {
  Matrix weights;            ///< genes x dims
  std::vector<double> bias;  ///< one for each gene
};

/// Increments, paths x (times - 1), at least 0; NaN where a state is not finite.
/// @param genes what profiles are of; nullptr where states are the expression of genes. "path" takes none.
/// @param mean  mean expression of each gene, for "kl" and "js" with epsilon above 0; else unused
/// @throws Error (input) for a mean of another length or without anything above 0, an epsilon below 0, an
///         unknown measure
Matrix path_changes(const PathStates& states, const StateExpression* genes, const std::vector<double>& mean,
                    const CriticalityOptions& options);

}  // namespace fatefield
