// Exact search among few points: all distances, a block of points at a time, points across the lanes.
#include <algorithm>
#include <vector>

#include "graph/knn_search.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t lanes = 64;

class Brute : public NeighbourIndex::Search {
 public:
  Brute(const float* points, std::int64_t n, std::int64_t dims) : n_(n), dims_(dims) {
    const std::int64_t blocks = (n + lanes - 1) / lanes;
    points_.resize(static_cast<std::size_t>(blocks * lanes * dims));
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t d = 0; d < dims; ++d) points_[at(i / lanes, d) + i % lanes] = points[i * dims + d];
  }

  const char* name() const override { return "brute"; }

  void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const override {
    Best best(out, k);
    float squared[lanes];
    for (std::int64_t first = 0; first < n_; first += lanes) {
      distances(first / lanes, query, squared);
      const std::int64_t count = std::min(lanes, n_ - first);
      for (std::int64_t l = 0; l < count; ++l) {
        const auto index = static_cast<std::int32_t>(first + l);
        if (best.admits(squared[l]) && index != skip) best.offer({squared[l], index});
      }
    }
  }

 private:
  std::int64_t at(std::int64_t block, std::int64_t d) const { return (block * dims_ + d) * lanes; }

  void distances(std::int64_t block, const float* query, float* squared) const {
    std::fill(squared, squared + lanes, 0.0f);
    for (std::int64_t d = 0; d < dims_; ++d) {
      const float* x = points_.data() + at(block, d);
      const float q = query[d];
      for (std::int64_t l = 0; l < lanes; ++l) {
        const float gap = x[l] - q;
        squared[l] += gap * gap;
      }
    }
  }

  std::int64_t n_;
  std::int64_t dims_;
  std::vector<float> points_;
};

}  // namespace

std::unique_ptr<NeighbourIndex::Search> brute_search(const float* points, std::int64_t n, std::int64_t dims) {
  return std::make_unique<Brute>(points, n, dims);
}

}  // namespace fatefield
