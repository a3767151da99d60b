// Defaults of what is asked of paths and cells: criticality, exponents of local divergence, correlations of
// genes.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// How far the expression profile of a cell moves between two times.
struct CriticalityOptions {
  /// "kl": Kullback-Leibler divergence from the profile before to that after; "js": that of Jensen and
  /// Shannon, both in nats; "path": Euclidean length.
  std::string measure = "kl";
  /// Share of the mean profile that is added to every state, so that no gene is at zero.
  double epsilon = 1e-3;
  /// The published way: the generalised divergence of each gene, those that are infinite left out.
  bool drop_infinite = false;
};

/// How fast neighbouring paths part.
struct LyapunovOptions {
  /// Factor of the velocity: how fast the clock runs.
  double kappa = 1.0;
  /// Hold states at zero and above, as integrate_cells() does.
  bool positive = true;
  /// Steps of Runge and Kutta (order 4) over the whole time.
  std::int64_t steps = 40;
  /// Steps between two orthonormalisations of the disturbances.
  std::int64_t orthonormalise = 2;
};

}  // namespace fatefield
