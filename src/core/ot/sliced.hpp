// The sliced Wasserstein distance between two weighted clouds: the mean, over directions, of the squared
// Wasserstein-2 distance of the projections, which on a line is exact and costs two sorts. Takes row-major
// points (any unit) and weights; gives a value in the unit squared, its derivatives in points and weights.
// A cloud that is too narrow along any direction pays for it, however few points there are: unlike entropic
// costs it does not reward shrinking. No torch here.
//
// Source: Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, 2015.
#pragma once

#include <cstdint>
#include <vector>

#include "base/transport_options.hpp"
#include "ot/sinkhorn.hpp"

namespace fatefield {

template <typename T>
struct SlicedResult {
  double value = 0.0;                 ///< mean over directions of W2^2
  std::vector<double> per_direction;  ///< W2^2 along each direction
  std::vector<T> grad_x;              ///< n x dims row-major; empty unless asked for
  std::vector<T> grad_a;              ///< n: derivative in the weights of x; empty unless asked for
};

/// Directions of length 1, row-major, one a row: first the axes where options.axes is set, then
/// options.slices random ones. A pure function of its arguments.
/// @param draw counts calls of one seed that shall differ
template <typename T>
std::vector<T> slice_directions(std::int64_t dims, const SlicedOptions& options, std::uint64_t seed,
                                std::uint32_t draw);

/// Mean of W2^2 along the given directions. Only the proportions of weights count: each side is made to sum
/// to 1, and grad_a is the derivative of that. Identical bytes for any number of threads. Takes
/// directions x n numbers of memory for the gradient.
///
/// Errors of kind Input: no points, different dims, points or weights that are not finite, negative weights,
/// no mass, no directions.
/// @param directions n_directions x dims, row-major; values scale with their squared length
template <typename T>
SlicedResult<T> sliced_wasserstein(const Cloud<T>& x, const Cloud<T>& y, const std::vector<T>& directions,
                                   bool gradient);

/// The same along slice_directions().
template <typename T>
SlicedResult<T> sliced_wasserstein(const Cloud<T>& x, const Cloud<T>& y, const SlicedOptions& options,
                                   std::uint64_t seed, std::uint32_t draw, bool gradient);

/// Errors of kind Input, named as R names the options, where one is out of its range.
void check_options(const SlicedOptions& options);

}  // namespace fatefield
