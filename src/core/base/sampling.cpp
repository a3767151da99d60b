// Takes numbers of items or their weights; gives draws.
#include "base/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace fatefield {

std::vector<std::int64_t> draw_without_replacement(std::int64_t n, std::int64_t size, std::uint64_t seed,
                                                   Stream stream, std::uint64_t draw) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(n));
  permutation(seed, stream, draw, n, items.data());
  items.resize(static_cast<std::size_t>(size));
  return items;
}

std::vector<std::int64_t> draw_at_most(std::int64_t n, std::int64_t most, std::uint64_t seed, Stream stream,
                                       std::uint64_t draw) {
  if (n > most) {
    std::vector<std::int64_t> out = draw_without_replacement(n, most, seed, stream, draw);
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return all;
}

std::vector<std::int64_t> draw_by_weight(const std::vector<double>& weights, std::int64_t size,
                                         std::uint64_t seed, Stream stream, std::uint64_t draw) {
  for (double w : weights) {
    if (!std::isfinite(w) || w < 0)
      throw input_error("weights", "`weights` must be finite and not negative.");
  }
  const double mass = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(mass > 0)) throw input_error("weights", "`weights` are all zero: some mass is needed.");
  const double step = mass / static_cast<double>(size);
  // Equally spaced marks over the cumulated weights, from one random start.
  double mark = step * uniform(seed, stream, 0, draw), upto = 0.0;
  std::vector<std::int64_t> sorted;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0) last = static_cast<std::int64_t>(i);
    upto += weights[i];
    for (; mark < upto && static_cast<std::int64_t>(sorted.size()) < size; mark += step)
      sorted.push_back(static_cast<std::int64_t>(i));
  }
  // What rounding left beyond the last mark.
  sorted.resize(static_cast<std::size_t>(size), last);
  std::vector<std::int64_t> order(static_cast<std::size_t>(size)), out;
  permutation(seed, stream, draw, size, order.data());
  for (std::int64_t k : order) out.push_back(sorted[k]);
  return out;
}

}  // namespace fatefield
