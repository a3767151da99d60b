// Observed cells and the space in which they are near each other. Takes states in rows (n x dims doubles, one
// row after the other); gives their coordinates in that space, their distance from the cells, and the states
// projected onto neighbours.
// The nearest cells of a state are those nearest in the space, by Euclidean distance.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/integrate_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"
#include "graph/knn.hpp"

namespace fatefield {

/// z = (g(x) - centre) rotation, with g = log1p for x >= 0 and g(x) = x below, or g(x) = x throughout.
struct CellAxes {
  bool log = false;
  std::vector<double> centre;  ///< one per dimension of the states; empty: none
  Matrix rotation;             ///< dims x components; without columns: z = g(x) - centre
};

/// The first k principal components of log1p of the cells (cells x dims). Errors of kind Input name
/// `components`.
CellAxes log_components(const SparseRows& cells, std::int64_t k);

class CellSpace {
 public:
  /// @param cells   observed states, cells x dims
  /// @param options k and how to snap
  /// Errors of kind Input name `k`, `snap.share`, `snap.statistic`, and `cells` where the shapes do not fit.
  CellSpace(SparseRows cells, CellAxes space, const IntegrateOptions& options);

  std::int64_t dims() const { return cells_.cols; }
  std::int64_t components() const;
  const SparseRows& cells() const { return cells_; }
  const CellAxes& space() const { return space_; }
  /// Coordinates of the cells: cells x components.
  const Matrix& coordinates() const { return coordinates_; }
  const NeighbourIndex& index() const { return index_; }
  std::int64_t k() const { return options_.k; }

  /// z: n x components(), rows.
  void project(std::int64_t n, const double* x, double* z) const;
  /// How fast coordinates change: dz (n x components, rows) of states x that change by v.
  void project_change(std::int64_t n, const double* x, const double* v, double* dz) const;

  /// The state of an observed cell.
  void copy_cell(std::int64_t cell, double* out) const;
  /// Puts the plain mean of its k nearest cells in the place of each state.
  void smooth(std::int64_t n, double* x) const;
  /// Projects states onto neighbours as IntegrateOptions::snap says, in place.
  void snap(std::int64_t n, double* x) const;
  /// Mean distance to the k nearest cells over the 0.99 quantile of the same among the cells.
  void support_score(std::int64_t n, const double* x, double* out) const;

  /// Of each dimension the standard deviation of the cells around the mean of their k nearest other cells:
  /// the noise of single cells.
  std::vector<double> residual_sd() const;

 private:
  void rotate(const double* row, double* z) const;
  Matrix coordinates_of_cells() const;
  std::vector<Neighbour> nearest(std::int64_t n, const double* x) const;
  void weighted_mean(const Neighbour* near, bool equal, double* out) const;
  void median(const Neighbour* near, std::vector<double>& workspace, double* out) const;

  SparseRows cells_;
  CellAxes space_;
  IntegrateOptions options_;
  Matrix coordinates_;
  NeighbourIndex index_;
  double usual_distance_;
};

}  // namespace fatefield
