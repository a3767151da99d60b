// States as principal components of their logarithms, and how far a state is from the cells a field was
// fitted to. Takes states n x genes (row-major, linear scale); no torch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "base/matrix.hpp"
#include "graph/knn.hpp"
#include "graph/pca.hpp"
#include "nets/packed_layer.hpp"

namespace fatefield {

/// log(1 + x), and below zero the straight line that goes on with the same slope.
double soft_log(double x);
double soft_log_slope(double x);

/// Cells x genes (column-major) by what their soft logarithms do, without keeping these.
LinearMap logarithms(const MatrixView& x);

class StateSpace {
 public:
  StateSpace() = default;
  explicit StateSpace(const PrincipalAxes& axes);
  StateSpace(const Archive& archive, const std::string& prefix);
  void put(Archive& archive, const std::string& prefix) const;

  std::int64_t genes() const { return rotation_.rows; }
  std::int64_t dims() const { return rotation_.cols; }
  /// Entries per row of scores, and of the workspace that scores() and jvp() need.
  std::int64_t stride() const { return scores_.stride(); }
  std::int64_t workspace() const { return leading<double>(genes()); }

  /// z (n x stride()); workspace: n x workspace(). Where `rest` is given: the squared distance of each state
  /// to the plane of the components.
  void scores(std::int64_t n, const double* x, double* z, double* rest, double* workspace) const;
  /// dz (n x stride()) = change of the scores along delta (n x genes).
  void jvp(std::int64_t n, const double* x, const double* delta, double* dz, double* workspace) const;
  /// Change of the scores with the state: dims x genes.
  Matrix slopes(const double* x) const;

 private:
  std::vector<double> centre_;
  Matrix rotation_;  // genes x dims
  PackedLayer<double> scores_;
};

/// Scores of many cells (cells x genes, column-major): cells x dims, on threads().
Matrix state_scores(const StateSpace& space, const MatrixView& x);

/// Memory of the built-in fields: numbered parts of doubles for kFieldRows states, and what a search needs.
struct FieldMemory {
  std::vector<Aligned<double>> part;
  std::vector<float> point;
  std::vector<Neighbour> near;

  double* at(std::size_t k) { return part[k].data(); }
};

/// States that are worked on together.
constexpr std::int64_t kFieldRows = 32;

struct SupportOptions {
  std::int64_t cells;       ///< kept as landmarks, at most
  std::int64_t neighbours;  ///< whose mean distance counts
};

/// The score of VelocityField::support_score(): the mean distance to the nearest landmarks among the
/// components, and the distance to the plane of the components, each in units of what the cells themselves
/// have; the larger counts.
class FieldSupport {
 public:
  FieldSupport() = default;
  /// @param x the cells fitted to (cells x genes), at least two
  FieldSupport(StateSpace space, const MatrixView& x, const SupportOptions& options, std::uint64_t seed);
  FieldSupport(const Archive& archive, const std::string& prefix);
  void put(Archive& archive, const std::string& prefix) const;

  const StateSpace& space() const { return space_; }
  /// Adds the parts that score() needs to `memory`; gives the number of the first.
  std::size_t reserve(FieldMemory& memory) const;
  /// Of at most kFieldRows states.
  void score(std::int64_t n, const double* x, double* out, FieldMemory& memory, std::size_t part) const;

 private:
  // Mean distances to the landmarks of n states, of which `skip` are themselves, or -1.
  void distances(std::int64_t n, const double* z, const std::int32_t* skip, double* out,
                 FieldMemory& memory) const;
  void index_landmarks();

  StateSpace space_;
  Matrix landmarks_;  // cells x dims
  std::int64_t neighbours_ = 0;
  double near_ = 1.0, off_ = 1.0, unit_ = 1.0;
  std::shared_ptr<const NeighbourIndex> index_;
};

}  // namespace fatefield
