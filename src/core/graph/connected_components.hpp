// Connected components of a graph. Takes sparse rows, whose entries are the edges; gives numbers of
// components.
#pragma once

#include <cstdint>
#include <vector>

#include "base/sparse.hpp"

namespace fatefield {

struct GraphComponents {
  /// The component of each node, from 0, in the order of their first nodes.
  std::vector<std::int32_t> of;
  std::int64_t count = 0;

  /// The nodes of each component, ascending.
  std::vector<std::vector<std::int32_t>> nodes() const;
};

/// Strongly connected components: each node is reached from each other (Tarjan,
/// SIAM Journal on Computing 1, 1972).
GraphComponents strong_components(const SparseRows& graph);

/// Weakly connected components: the direction of the edges does not matter.
GraphComponents weak_components(const SparseRows& graph);

}  // namespace fatefield
