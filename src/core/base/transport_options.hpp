// Defaults of transport distances: the Sinkhorn divergence and the sliced Wasserstein distance.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// The Sinkhorn divergence (Feydy et al., AISTATS 2019; spec: symmetric, annealed, debiased).
struct SinkhornOptions {
  /// Power of the cost: 1 for the distance, 2 for half its square.
  /// A value S at 2 corresponds to a squared Wasserstein-2 distance near 2 S.
  std::int64_t p = 2;
  /// Length below which cells are not told apart, in units of the data; choose about the distance between a
  /// cell and its neighbours. The last temperature is this length to the power `p`.
  double blur = 0.05;
  /// Ratio of successive lengths, above 0 and below 1: 0.9 is near convergence, 0.5 is about seven times as
  /// fast and a few per cent low.
  double scaling = 0.9;
  /// Length beyond which mass is destroyed and created rather than moved, in units of the data; 0 means
  /// balanced transport: all mass is moved.
  double reach = 0.0;
  /// Subtract what each cloud costs against itself, so that a cloud is at distance zero from itself.
  bool debias = true;
  /// First length of the annealing, in units of the data; 0 takes the diagonal of the box around all cells.
  double diameter = 0.0;
  /// After the annealing, iterate at the last temperature until the plan misses the weights by less than this
  /// share of the mass; 0 stops after the annealing, as the originals do.
  /// Below 0.001 use `precision = "float64"`.
  double tolerance = 0.0;
  /// At most this many such iterations.
  std::int64_t max_iterations = 1000;
  /// `"float32"` (fast) or `"float64"`.
  std::string precision = "float32";
};

/// The sliced Wasserstein distance: exact transport along many directions.
struct SlicedOptions {
  /// Random directions.
  std::int64_t slices = 100;
  /// Take the axes too, so that every dimension counts.
  bool axes = true;
};

}  // namespace fatefield
