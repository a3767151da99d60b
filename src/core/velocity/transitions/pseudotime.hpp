// Pseudotime along the velocity graph: how far each cell is from the cells where the steps begin, by
// diffusion. Takes the graph and scores of roots and end points; gives a time from 0 to 1 for each cell.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/arrows_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// Diffusion map of a symmetric graph with weights of at least 0, its density divided out
/// (Coifman and Lafon, Applied and Computational Harmonic Analysis 21, 2006).
struct DiffusionMap {
  /// nodes x components; the eigenvectors of the symmetrised transitions.
  Matrix component;
  /// Their eigenvalues, the largest first; the first is 1.
  std::vector<double> value;
  bool converged = true;
};

/// @param weights symmetric, connected
DiffusionMap diffusion_map(const SparseRows& weights, const PseudotimeOptions& options,
                           const std::function<bool()>& keep_going = {});

/// Distances of all nodes from one (Haghverdi et al., Nature Methods 13, 2016): walks of all lengths summed.
std::vector<double> diffusion_distances(const DiffusionMap& map, std::int64_t from);

struct Pseudotime {
  /// NaN for cells in parts of the graph too small for a time.
  std::vector<double> time;
  /// The cell each part of the graph starts from, and the one it ends at.
  std::vector<std::int64_t> root, end;
  bool converged = true;
};

/// In each connected component of the graph, the mean of the scaled distance from the root and of 1 less
/// the scaled distance from the end point, scaled to [0, 1] (Bergen et al. 2020). Edges have the absolute
/// correlations as weights, whatever their direction.
/// @param root_score, end_score one for each cell; the highest of a part is its root, and its end
/// @param root a cell that is the root of its part whatever the scores, or -1
Pseudotime velocity_pseudotime(const SparseRows& graph, const std::vector<double>& root_score,
                               const std::vector<double>& end_score, std::int64_t root,
                               const PseudotimeOptions& options,
                               const std::function<bool()>& keep_going = {});

}  // namespace fatefield
