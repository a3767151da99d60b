// Points in panels, and the best of them for a few queries at a time, ranked by knn_kernel.hpp's values.
// Takes centred floats, row-major; gives slots: the place of a point in its panels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "graph/knn_kernel.hpp"
#include "graph/knn_search.hpp"

namespace fatefield {

constexpr float kFar = std::numeric_limits<float>::max();
/// Candidates beyond those asked for, whose order rounding may have changed.
constexpr std::int64_t kMargin = 8;

inline std::int64_t panels_of(std::int64_t n) { return (n + kPanel - 1) / kPanel; }

// Points in panels, with half their squared norms.
struct Panels {
  Panels(std::int64_t n_panels, std::int64_t dims)
      : dims(dims),
        count(n_panels),
        values(static_cast<std::size_t>(n_panels * dims * kPanel), 0.0f),
        half_squares(static_cast<std::size_t>(n_panels * kPanel), kFar) {}

  void set(std::int64_t slot, const float* point) {
    float* to = values.data() + slot / kPanel * kPanel * dims + slot % kPanel;
    float sum = 0;
    for (std::int64_t d = 0; d < dims; ++d) {
      to[d * kPanel] = point[d];
      sum += point[d] * point[d];
    }
    half_squares[slot] = 0.5f * sum;
  }

  /// Half the squared distance of a slot to a query, less half the query's squared norm.
  float value(std::int64_t slot, const float* query) const {
    const float* at = values.data() + slot / kPanel * kPanel * dims + slot % kPanel;
    float dot = 0;
    for (std::int64_t d = 0; d < dims; ++d) dot += query[d] * at[d * kPanel];
    return half_squares[slot] - dot;
  }

  std::int64_t dims, count;
  std::vector<float> values, half_squares;
};

// Offers the slots of panels [from, to) to the rows of `queries`, at most kQueriesAtOnce of them.
class Scanner {
 public:
  Scanner() : value_(kQueriesAtOnce * kPanelsAtOnce * kPanel), below_(kQueriesAtOnce * kPanelsAtOnce) {}

  void scan(const Panels& panels, std::int64_t from, std::int64_t to, const float* queries, std::int64_t rows,
            Best* const* best) {
    // Until there are enough candidates all points are; few panels at first, so that there soon is a bound.
    bool full = true;
    for (std::int64_t r = 0; r < rows; ++r) full = full && best[r]->full();
    std::int64_t ahead = full ? kPanelsAtOnce : 1;
    for (std::int64_t some; from < to; from += some, ahead = std::min(2 * ahead, kPanelsAtOnce)) {
      some = std::min(ahead, to - from);
      float bound[kQueriesAtOnce];
      for (std::int64_t r = 0; r < rows; ++r) bound[r] = best[r]->worst(kFar);
      knn_kernel().scan(queries, rows, panels.dims, panels.values.data() + from * kPanel * panels.dims,
                        panels.half_squares.data() + from * kPanel, some, bound, value_.data(),
                        below_.data());
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t p = 0; p < some; ++p) offer(r * some + p, (from + p) * kPanel, *best[r]);
      }
    }
  }

 private:
  static constexpr std::int64_t kPanelsAtOnce = 16;

  void offer(std::int64_t at, std::int64_t first_slot, Best& best) const {
    const float* value = value_.data() + at * kPanel;
    for (std::uint32_t bits = below_[at]; bits != 0; bits &= bits - 1) {
      const int b = __builtin_ctz(bits);
      best.offer({value[b], static_cast<std::int32_t>(first_slot + b)});
    }
  }

  std::vector<float> value_;
  std::vector<std::uint32_t> below_;
};

/// The k nearest slots of each of n queries, by value: out is n x k, best[i] writes row i.
inline std::vector<Best> nearest(const Panels& panels, const float* queries, std::int64_t n, std::int64_t k,
                                 Neighbour* out) {
  Scanner scanner;
  std::vector<Best> best;
  for (std::int64_t i = 0; i < n; ++i) best.emplace_back(out + i * k, k);
  for (std::int64_t i = 0; i < n; i += kQueriesAtOnce) {
    const std::int64_t rows = std::min(kQueriesAtOnce, n - i);
    Best* all[kQueriesAtOnce];
    for (std::int64_t r = 0; r < rows; ++r) all[r] = &best[i + r];
    scanner.scan(panels, 0, panels.count, queries + i * panels.dims, rows, all);
  }
  return best;
}

}  // namespace fatefield
