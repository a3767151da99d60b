// Modules of a weighted graph by the algorithm of Leiden (Traag, Waltman and van Eck, "From Louvain to
// Leiden", Scientific Reports 9, 2019). Takes a symmetric graph; gives a module for each node.
#pragma once

#include <cstdint>
#include <vector>

#include "base/network_options.hpp"
#include "base/sparse.hpp"

namespace fatefield {

struct Modules {
  /// The module of each node, from 0, the largest first, of equals that with the first node.
  std::vector<std::int32_t> of;
  std::int64_t count = 0;
  /// Modularity at the given resolution, of all weights (Reichardt and Bornholdt).
  double quality = 0.0;
};

/// Q = sum over modules of (weight within / all weight - resolution (strength / all strengths)^2).
double modularity(const SparseRows& graph, const std::vector<std::int32_t>& of, double resolution);

/// The same graph, options and seed give the same modules.
/// @param graph symmetric, without entries on the diagonal, weights finite and above 0
/// @throws Error (input) for a resolution or randomness not above 0
Modules leiden(const SparseRows& graph, const LeidenOptions& options, std::uint64_t seed);

}  // namespace fatefield
