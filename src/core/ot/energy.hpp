// The energy distance between two weighted clouds, 2 E|x - y| - E|x - x'| - E|y - y'|: zero exactly where the
// distributions are equal, without any length to choose. Takes row-major points; gives a length in their
// unit.
//
// Source: Szekely and Rizzo, Energy statistics, 2013.
#pragma once

#include <functional>

#include "ot/sinkhorn.hpp"

namespace fatefield {

/// The U-statistic: a point is not its own pair, so that two samples of one distribution are at 0 on average,
/// and may be below. Only the proportions of weights count; a cloud of a single point has no pairs and E|x -
/// x'| = 0. Identical bytes for any number of threads; memory does not grow with pairs.
///
/// Errors of kind Input: no points, different dims, points or weights that are not finite, negative weights,
/// no mass.
/// @param keep_going asked now and then, on the calling thread; false throws Interrupted
double energy_distance(const Cloud<double>& x, const Cloud<double>& y,
                       const std::function<bool()>& keep_going = {});

}  // namespace fatefield
