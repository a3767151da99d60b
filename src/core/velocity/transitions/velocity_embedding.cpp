// Takes transitions and coordinates; gives the mean direction of each cell's steps.
#include "velocity/transitions/velocity_embedding.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

// Cells worked on together.
constexpr std::int64_t kBlock = 256;

// Adds up, over the steps of cell i, T u into `weighted` and u into `plain`; returns the mean of T.
double sum_directions(const SparseRows& transitions, MatrixView x, std::int64_t i,
                      std::vector<double>& weighted, std::vector<double>& plain) {
  std::fill(weighted.begin(), weighted.end(), 0.0);
  std::fill(plain.begin(), plain.end(), 0.0);
  double total = 0;
  std::int64_t count = 0;
  for (std::int64_t e = transitions.start[i]; e < transitions.start[i + 1]; ++e) {
    const std::int64_t j = transitions.index[e];
    if (j == i) continue;
    total += transitions.value[e];
    ++count;
    double square = 0;
    for (std::int64_t d = 0; d < x.cols; ++d) square += (x(j, d) - x(i, d)) * (x(j, d) - x(i, d));
    if (!(square > 0)) continue;
    for (std::int64_t d = 0; d < x.cols; ++d) {
      const double u = (x(j, d) - x(i, d)) / std::sqrt(square);
      weighted[d] += transitions.value[e] * u;
      plain[d] += u;
    }
  }
  return count > 0 ? total / static_cast<double>(count) : 0.0;
}

}  // namespace

Matrix embed_velocity(const SparseRows& transitions, MatrixView coordinates) {
  const std::int64_t n = coordinates.rows;
  if (transitions.rows != n)
    throw input_error("object", "The transitions are about " + std::to_string(transitions.rows) +
                                    " cells, but there are coordinates of " + std::to_string(n) + ".");
  Matrix out(n, coordinates.cols);
  parallel_for((n + kBlock - 1) / kBlock, [&](std::int64_t block) {
    std::vector<double> weighted(static_cast<std::size_t>(coordinates.cols)), plain(weighted.size());
    for (std::int64_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
      const double mean = sum_directions(transitions, coordinates, i, weighted, plain);
      for (std::int64_t d = 0; d < coordinates.cols; ++d) out(i, d) = weighted[d] - mean * plain[d];
    }
  });
  return out;
}

}  // namespace fatefield
