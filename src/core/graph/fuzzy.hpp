// The fuzzy graph of nearest neighbours (McInnes, Healy and Melville, UMAP, arXiv 1802.03426), and the sets
// of cells that are averaged. Takes lists of neighbours that do not hold the cell itself; gives graphs of
// cells.
#pragma once

#include <cstdint>
#include <vector>

#include "base/sparse.hpp"
#include "graph/knn.hpp"

namespace fatefield {

/// Memberships of the neighbours, n x k like the lists: exp(-(d - rho) / sigma), rho the cell's least
/// distance above 0 and sigma such that the memberships of a cell come to log2(k + 1).
std::vector<double> fuzzy_memberships(const Neighbours& neighbours);

/// The union of both directions: W + W' - W W', entry by entry; cells x cells.
SparseRows fuzzy_graph(const Neighbours& neighbours);

/// Which cells are averaged for each cell, ascending.
struct CellSets {
  std::vector<std::int64_t> offset;  ///< n + 1
  std::vector<std::int32_t> index;

  std::int64_t size() const { return static_cast<std::int64_t>(offset.size()) - 1; }
};

/// Each cell and those with a weight above 0 in its row.
CellSets cell_sets(const SparseRows& graph);

/// Each cell and its own neighbours at a distance above 0, which need not have it among theirs.
CellSets cell_sets(const Neighbours& neighbours);

/// For each cell the cells whose set it is in.
CellSets transposed(const CellSets& sets);

}  // namespace fatefield
