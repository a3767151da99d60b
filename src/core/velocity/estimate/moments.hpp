// Means over neighbouring cells, one gene at a time. Takes normalised counts by gene and sets of cells; gives
// first and second moments. Nothing is held for more than the genes asked for. No torch.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "graph/fuzzy.hpp"
#include "velocity/estimate/counts.hpp"

namespace fatefield {

/// The mean over each cell's set, all cells of a set alike (La Manno et al., Nature 2018; Bergen et al.,
/// Nature Biotechnology 2020).
class CellMeans {
 public:
  explicit CellMeans(CellSets sets);

  std::int64_t cells() const { return sets_.size(); }
  const CellSets& sets() const { return sets_; }

  /// out[c] = mean of in over the set of c; n numbers each.
  void of(const double* in, double* out) const;

  /// The cells whose sets hold cell c: `count` of them from the pointer.
  const std::int32_t* holders(std::int64_t c, std::int64_t& count) const {
    count = holders_.offset[c + 1] - holders_.offset[c];
    return holders_.index.data() + holders_.offset[c];
  }
  double share(std::int64_t c) const { return share_[c]; }

 private:
  CellSets sets_, holders_;
  std::vector<double> share_;  // 1 / size of the set
};

/// Moments of one gene, one number per cell: means of spliced s and unspliced u, of s^2 and of s u.
struct GeneMoments {
  std::vector<double> s, u, ss, su;
  std::vector<double> sums;  ///< workspace
};

/// Moments of any gene. Thread-safe: each thread brings its own GeneMoments.
class Moments {
 public:
  /// Keeps references: all must live as long.
  Moments(const SparseRows& spliced, const SparseRows& unspliced, const CellMeans& means);

  /// First moments that are known already, genes x cells; second moments are still taken from the counts.
  void take_first(MatrixView s, MatrixView u);

  std::int64_t genes() const { return spliced_.rows; }
  std::int64_t cells() const { return means_.cells(); }

  /// s and u of gene g.
  void first(std::int64_t g, GeneMoments& out) const;
  /// ss and su.
  void second(std::int64_t g, GeneMoments& out) const;

 private:
  void known_first(std::int64_t g, GeneMoments& out) const;

  const SparseRows& spliced_;
  const SparseRows& unspliced_;
  const CellMeans& means_;
  MatrixView known_s_, known_u_;
};

}  // namespace fatefield
