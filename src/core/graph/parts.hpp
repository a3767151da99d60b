// Parts of a graph that hang together. Takes sparse rows, whose entries are the edges; gives numbers of
// parts.
#pragma once

#include <cstdint>
#include <vector>

#include "base/sparse.hpp"

namespace fatefield {

struct GraphParts {
  /// The part of each node, from 0, in the order of their first nodes.
  std::vector<std::int32_t> of;
  std::int64_t count = 0;

  /// The nodes of each part, ascending.
  std::vector<std::vector<std::int32_t>> nodes() const;
};

/// Parts within which each node is reached from each other (Tarjan, SIAM Journal on Computing 1, 1972).
GraphParts strong_parts(const SparseRows& graph);

/// Parts that hang together when the direction of the edges does not matter.
GraphParts weak_parts(const SparseRows& graph);

}  // namespace fatefield
