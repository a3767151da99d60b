// Labels of new states by the vote of the nearest labelled cells, with probabilities and a cut-off.
// Takes reference states and their labels (codes from 0) and new states; gives shares of labels per state.
#pragma once

#include <cstdint>
#include <vector>

#include "base/label_options.hpp"
#include "base/matrix.hpp"
#include "graph/knn.hpp"

namespace fatefield {

/// Labels of n states.
struct Labels {
  /// n x labels: the share of each label in the vote; rows sum to 1, those of unassigned states are 0.
  Matrix probability;
  /// The label with the largest share, of equals that of the nearest cell (the first under compat); -1 for
  /// unassigned states.
  std::vector<std::int32_t> label;
  /// Mean distance to the neighbours, in the units of the states.
  std::vector<double> distance;
};

/// Labelled reference cells prepared. Calls are thread-safe and do not depend on how states are cut
/// into calls.
class LabelTransfer {
 public:
  /// @param reference cells x dimensions
  /// @param codes     label of each reference cell, 0..n_labels-1
  /// @throws Error (input) for codes out of range, k beyond the cells, unknown weights or vote
  LabelTransfer(MatrixView reference, const std::vector<std::int32_t>& codes, std::int64_t n_labels,
                const LabelOptions& options, const KnnOptions& knn);

  /// Labels of states (n x dimensions).
  Labels transfer(MatrixView states) const;

  /// The vote for rows [first, first + n) of states. The n x n_labels() shares of an unassigned state are 0.
  /// @param distance n: mean distances to the neighbours, or nullptr
  /// @param label n: as Labels::label, or nullptr
  /// @return n: whether each state is assigned
  std::vector<char> vote(MatrixView states, std::int64_t first, std::int64_t n, double* share,
                         double* distance = nullptr, std::int32_t* label = nullptr) const;
  /// As NeighbourIndex::block_of().
  std::int64_t block_of(std::int64_t n) const { return index_.block_of(n); }

  std::int64_t n_labels() const { return n_labels_; }
  std::int64_t dims() const { return index_.dims(); }
  /// States whose mean distance exceeds this are unassigned; infinite where every state is assigned.
  double cutoff() const { return cutoff_; }

 private:
  double estimate_cutoff() const;
  bool count(const Neighbour* found, double* share, double* distance, std::int32_t* label) const;
  std::int32_t winner(const Neighbour* found, const double* share) const;

  NeighbourIndex index_;
  std::vector<std::int32_t> codes_;
  std::int64_t n_labels_;
  LabelOptions options_;
  /// Neighbours to find, and how many of the nearest of them to pass over.
  std::int64_t asked_;
  std::int64_t passed_;
  double cutoff_;
};

}  // namespace fatefield
