// Clouds of normal points for tests.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.hpp"
#include "ot/sinkhorn.hpp"

/// n x dims, row-major.
inline std::vector<double> cloud(std::int64_t n, std::int64_t dims, double shift, double scale,
                                 std::uint64_t seed) {
  std::vector<double> x(static_cast<std::size_t>(n * dims));
  fatefield::normals(seed, fatefield::Stream::Simulator, 0, n, 0, dims, x.data());
  for (double& v : x) v = shift + scale * v;
  return x;
}

inline fatefield::Cloud<double> view(const std::vector<double>& x, std::int64_t dims,
                                     const std::vector<double>* w = nullptr) {
  return {x.data(), static_cast<std::int64_t>(x.size()) / dims, dims, w == nullptr ? nullptr : w->data()};
}
