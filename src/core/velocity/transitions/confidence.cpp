// Takes velocities and neighbours; gives lengths and mean correlations, from one centred copy in single
// precision.
#include "velocity/transitions/confidence.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kCells = 256;

template <typename F>
void each_cell(std::int64_t n, F&& f) {
  parallel_for((n + kCells - 1) / kCells, [&](std::int64_t block) {
    for (std::int64_t c = block * kCells; c < std::min(n, (block + 1) * kCells); ++c) f(c);
  });
}

float product(const float* a, const float* b, std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  float lanes[kLanes] = {};
  std::int64_t g = 0;
  for (; g + kLanes <= n; g += kLanes)
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += a[g + l] * b[g + l];
  float sum = 0;
  for (; g < n; ++g) sum += a[g] * b[g];
  for (float lane : lanes) sum += lane;
  return sum;
}

}  // namespace

VelocityConfidence velocity_confidence(MatrixView velocity, const std::vector<std::int64_t>& genes,
                                       const Neighbours& x) {
  const std::int64_t n = velocity.cols, g = static_cast<std::int64_t>(genes.size());
  VelocityConfidence out{std::vector<double>(static_cast<std::size_t>(n), 0.0),
                         std::vector<double>(static_cast<std::size_t>(n), 0.0)};
  if (g == 0) return out;
  std::vector<float> unit(static_cast<std::size_t>(n * g));
  each_cell(n, [&](std::int64_t c) {
    double mean = 0, squares = 0;
    for (std::int64_t gene : genes) mean += velocity(gene, c);
    mean /= static_cast<double>(g);
    for (std::int64_t gene : genes) squares += (velocity(gene, c) - mean) * (velocity(gene, c) - mean);
    out.length[c] = std::sqrt(squares);
    const double scale = squares > 0 ? 1 / out.length[c] : 0;
    for (std::int64_t k = 0; k < g; ++k)
      unit[c * g + k] = static_cast<float>((velocity(genes[k], c) - mean) * scale);
  });
  each_cell(n, [&](std::int64_t c) {
    double sum = 0;
    for (std::int64_t j = c * x.k; j < (c + 1) * x.k; ++j)
      sum += product(unit.data() + c * g, unit.data() + x.index[j] * g, g);
    out.confidence[c] = std::max(0.0, sum / static_cast<double>(x.k));
  });
  return out;
}

}  // namespace fatefield
