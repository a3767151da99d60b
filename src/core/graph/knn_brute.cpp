// Exact search among few points: all of them, in panels. The kernel's values, of scalar products, choose a
// few more candidates than were asked for; our own distances rank them. Where rounding might have kept a
// neighbour from the candidates, all distances decide.
#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/knn_panels.hpp"

namespace fatefield {
namespace {

float norm(const float* x, std::int64_t dims) {
  float sum = 0;
  for (std::int64_t d = 0; d < dims; ++d) sum += x[d] * x[d];
  return std::sqrt(sum);
}

class Brute : public NeighbourIndex::Search {
 public:
  Brute(const float* points, std::int64_t n, std::int64_t dims)
      : points_(points), n_(n), dims_(dims), panels_(panels_of(n), dims) {
    for (std::int64_t i = 0; i < n; ++i) {
      panels_.set(i, points + i * dims);
      longest_ = std::max(longest_, norm(points + i * dims, dims));
    }
  }

  const char* name() const override { return "brute"; }

  void search(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const override {
    search_many(query, 1, dims_, k, &skip, out);
  }

  void search_many(const float* queries, std::int64_t n, std::int64_t, std::int64_t k,
                   const std::int32_t* skip, Neighbour* out) const override {
    const std::int64_t capacity = std::min(n_, k + 1 + kMargin);
    std::vector<Neighbour> found(static_cast<std::size_t>(n * capacity));
    const std::vector<Best> best = nearest(panels_, queries, n, capacity, found.data());
    for (std::int64_t i = 0; i < n; ++i) {
      const float* query = queries + i * dims_;
      Best ranked(out + i * k, k);
      for (std::int64_t j = 0; j < best[i].count(); ++j) {
        const std::int32_t id = found[i * capacity + j].index;
        if (id != skip[i]) ranked.offer({squared_distance(points_ + id * dims_, query, dims_), id});
      }
      if (!certain(query, ranked, best[i])) search_all(query, k, skip[i], out + i * k);
    }
  }

 private:
  // Whether no point outside the candidates can be as near as the worst of those ranked, whatever rounding
  // did to either. Both are sums of dims products of at most (|query| + |point|)^2.
  bool certain(const float* query, const Best& ranked, const Best& candidates) const {
    if (candidates.count() == n_) return true;
    const double size = norm(query, dims_), reach = size + longest_;
    const double slack = 4.0 * static_cast<double>(dims_ + 8) * 0x1p-24 * reach * reach;
    return ranked.full() && ranked.worst(kFar) + slack < 2.0 * candidates.worst(kFar) + size * size;
  }

  void search_all(const float* query, std::int64_t k, std::int32_t skip, Neighbour* out) const {
    Best best(out, k);
    for (std::int64_t i = 0; i < n_; ++i) {
      const float squared = squared_distance(points_ + i * dims_, query, dims_);
      const auto index = static_cast<std::int32_t>(i);
      if (best.admits(squared) && index != skip) best.offer({squared, index});
    }
  }

  const float* points_;
  std::int64_t n_;
  std::int64_t dims_;
  Panels panels_;
  float longest_ = 0;
};

}  // namespace

std::unique_ptr<NeighbourIndex::Search> brute_search(const float* points, std::int64_t n, std::int64_t dims) {
  return std::make_unique<Brute>(points, n, dims);
}

}  // namespace fatefield
