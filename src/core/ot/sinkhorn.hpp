// The Sinkhorn divergence between two weighted clouds of points, with its gradient. Takes row-major points
// (n x dims, any unit) and weights; gives a value in the unit of the cost (length^p), potentials and
// derivatives. No torch here: kernels are fused, in float or double.
//
// Source: Feydy et al., Interpolating between Optimal Transport and MMD using Sinkhorn Divergences, AISTATS
// 2019; unbalanced: Sejourne et al., Sinkhorn Divergences for Unbalanced Optimal Transport, 2019.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/transport_options.hpp"

namespace fatefield {

/// Weighted points that somebody else owns.
template <typename T>
struct Cloud {
  const T* points = nullptr;  ///< n x dims, row-major
  std::int64_t n = 0;
  std::int64_t dims = 0;
  const T* weights = nullptr;  ///< n, not negative; nullptr for 1/n each. They need not sum to one.
};

/// Quantities of length n belong to x, of length m to y.
template <typename T>
struct SinkhornResult {
  double value = 0.0;
  std::vector<T> grad_x;  ///< n x dims row-major: derivative in the points of x; empty unless asked for
  std::vector<T> grad_a;  ///< n: derivative in the weights of x, up to a constant where mass is conserved
  std::vector<T> grad_b;  ///< m: derivative in the weights of y
  std::vector<T> f;       ///< n: potential on x; with debiasing the self potential is subtracted
  std::vector<T> g;       ///< m: potential on y
  double epsilon = 0.0;   ///< last temperature, blur^p
  std::int64_t iterations = 0;
  double marginal_error = 0.0;  ///< sum over y of |column sum of the plan - what it should be|, rows exact
  bool converged = false;       ///< options.tolerance was reached; false where none was asked for
};

/// S(x, y) and, where asked for, its gradient. Identical bytes for any number of threads.
///
/// Annealing from the diameter down to `blur` by the factor `scaling`; at each temperature one simultaneous
/// averaged update of all potentials; then one last update at blur^p through which the gradient is taken.
/// Weights of zero are points without influence. Clouds within a box smaller than `blur` skip the annealing.
/// Single precision gives way to double where the box is so large beside `blur` that it would not do.
/// Under `reach` (rho = reach^p) all gradients are those of the converged value where tolerance > 0; with
/// tolerance = 0 they are, as in the originals, smaller by (rho + epsilon / 2) / (rho + epsilon).
///
/// Errors of kind Input: no points, different dims, points or weights that are not finite, negative weights,
/// no mass, unequal masses without `reach`, options out of range.
///
/// @param keep_going asked before each pass over the pairs, on the calling thread; false throws Interrupted
template <typename T>
SinkhornResult<T> sinkhorn_divergence(const Cloud<T>& x, const Cloud<T>& y, const SinkhornOptions& options,
                                      bool gradient, const std::function<bool()>& keep_going = {});

/// Diagonal of the axis-aligned box around all points of all clouds.
template <typename T>
double bounding_diameter(const std::vector<Cloud<T>>& clouds);

/// The temperatures of the annealing: diameter^p, then (diameter s^k)^p for k = 0, 1, ... above blur^p, then
/// blur^p.
std::vector<double> epsilon_schedule(const SinkhornOptions& options, double diameter);

/// Errors of kind Input, named as R names the options, where one is out of its range.
void check_options(const SinkhornOptions& options);

}  // namespace fatefield
