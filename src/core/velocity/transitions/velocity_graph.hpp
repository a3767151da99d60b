// The velocity graph: for each cell, how well its velocity points at each of its neighbours and their
// neighbours. Takes expression and velocity of cells (genes x cells, a cell's genes beside each other in
// memory) and the cells' nearest neighbours; gives correlations as sparse rows of cells x cells.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/arrows_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"
#include "graph/knn.hpp"

namespace fatefield {

/// Entry (i, j) is Pearson's correlation over genes of expression[j] - expression[i] with velocity[i]
/// (La Manno et al., Nature 2018; Bergen et al., Nature Biotechnology 2020), in [-1, 1]. Correlations of 0,
/// and cells whose velocity is the same in all genes, have no entries. Genes whose velocity is not finite in
/// some cell are left out.
/// @param knn        nearest cells of each cell, itself not among them; an index below 0 means none
/// @param keep_going asked now and then on the calling thread; false stops with Interrupted
SparseRows velocity_graph(MatrixView expression, MatrixView velocity, const Neighbours& knn,
                          const VelocityGraphOptions& options, const std::function<bool()>& keep_going = {});

/// Cells of (0, n) that velocity_graph() considers for cell i, ascending, itself not among them.
/// @param most at most so many: all neighbours, and of theirs a draw; 0 for no limit
std::vector<std::int32_t> near_cells(const Neighbours& knn, std::int64_t i, std::int64_t most,
                                     std::uint64_t seed);

/// Numbers of the genes (rows) whose velocity is finite in every cell. Fewer than 2 are an error.
std::vector<std::int64_t> known_genes(MatrixView velocity);

}  // namespace fatefield
