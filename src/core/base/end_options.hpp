// Defaults of what brings the ends of futures to the cells that were observed there.
#pragma once

#include <cstdint>

namespace fatefield {

/// Weights of the ends of futures by the cells that were observed at the end (a half-bridge).
struct EndOptions {
  /// The kernel through which ends and observed cells are compared has in each dimension the variance of half
  /// the squared distance of an observed cell to its k-th nearest among the others.
  std::int64_t k = 30;
  /// Rounds of fitting, at most, where the masses of starts are fixed.
  std::int64_t max_iterations = 30;
};

}  // namespace fatefield
