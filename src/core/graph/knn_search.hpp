// The ways of searching behind NeighbourIndex. Points are centred floats, row-major, points x dims.
#pragma once

#include <cstdint>
#include <memory>

#include "graph/knn.hpp"

namespace fatefield {

/// Squared distance, summed in the order of the dimensions: every way of searching uses this one, so that
/// exact ways agree to the last bit.
inline float squared_distance(const float* a, const float* b, std::int64_t dims) {
  float sum = 0;
  for (std::int64_t d = 0; d < dims; ++d) {
    const float gap = a[d] - b[d];
    sum += gap * gap;
  }
  return sum;
}

/// The k best candidates so far, sorted, in memory given by the caller.
class Best {
 public:
  Best(Neighbour* out, std::int64_t k) : out_(out), k_(k) {}

  bool full() const { return count_ == k_; }
  std::int64_t count() const { return count_; }
  /// Whether a point this far away could still enter, whatever its index.
  bool admits(float squared) const { return count_ < k_ || squared <= out_[k_ - 1].squared; }

  /// The worst value where there is no place for more, `none` where there is.
  float worst(float none) const { return full() ? out_[k_ - 1].squared : none; }

  void offer(Neighbour candidate) {
    if (count_ == k_) {
      if (!(candidate < out_[k_ - 1])) return;
    } else {
      ++count_;
    }
    std::int64_t at = count_ - 1;
    for (; at > 0 && candidate < out_[at - 1]; --at) out_[at] = out_[at - 1];
    out_[at] = candidate;
  }

 private:
  Neighbour* out_;
  std::int64_t k_;
  std::int64_t count_ = 0;
};

class NeighbourIndex::Search {
 public:
  virtual ~Search() = default;
  virtual void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const = 0;
  /// The same for n queries (n x dims): n skips, out n x k.
  virtual void search_many(const float* queries, std::int64_t n, std::int64_t dims, std::int64_t k,
                           const std::int32_t* skip, Neighbour* out) const;
  /// How many queries search_many() likes to be given.
  virtual std::int64_t together() const { return 512; }
  virtual const char* name() const = 0;
};

/// `points` must outlive the search.
std::unique_ptr<NeighbourIndex::Search> tree_search(const float* points, std::int64_t n, std::int64_t dims);
std::unique_ptr<NeighbourIndex::Search> brute_search(const float* points, std::int64_t n, std::int64_t dims);
std::unique_ptr<NeighbourIndex::Search> annoy_search(const float* points, std::int64_t n, std::int64_t dims,
                                                     const KnnOptions& options);
std::unique_ptr<NeighbourIndex::Search> lists_search(const float* points, std::int64_t n, std::int64_t dims,
                                                     const KnnOptions& options);

}  // namespace fatefield
