// The units in which the networks work: z = (x - centre) / scale, tau = (t - start) / span.
// One scale for all dimensions keeps distances; plain numbers, no torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace fatefield {

struct Scaling {
  std::vector<double> centre;  ///< one per dimension
  double scale = 1.0;          ///< root of the mean variance of the dimensions
  double start = 0.0;          ///< first observed time
  double span = 1.0;           ///< last minus first observed time
  /// Numbers of the dimensions that the networks see; the others do not vary and stay as they are. Empty for
  /// all.
  std::vector<std::int64_t> moving = {};

  std::vector<std::int64_t> seen() const {
    if (!moving.empty()) return moving;
    std::vector<std::int64_t> all(centre.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    return all;
  }
};

}  // namespace fatefield
