// Where points on bridges are expected to end. Takes the cells of the later time with what the plan gives
// them; gives the mean end of a path that is at x, n x D. All tensors in scaled units.
//
// The plan between two times at the temperature of the noise is a Schroedinger bridge: a path that is at x
// after the share t of the interval ends in cell j with a chance in proportion to
// b_j exp(g_j) exp(-|x - y_j|^2 / (2 s^2 (1 - t))), s^2 the variance of the noise over the interval. So the
// drift there is (mean end - x) / (h (1 - t)): what the regression of single pairs has for its mean, without
// their spread.
// Sources: Leonard, A survey of the Schroedinger problem, DCDS-A 34 (2014); Pooladian and Niles-Weed, Plug-in
// estimation of Schroedinger bridges, 2024.
#pragma once

#include <ATen/core/Tensor.h>

namespace fatefield {

struct BridgeEnds {
  at::Tensor points;      ///< m x D: cells of the later time, or some of them
  at::Tensor log_weight;  ///< m: log b + g
  at::Tensor log_growth;  ///< m: part of the end in the growth of a path; undefined for none
};

/// @param x,place n x D points and the share of the interval that lies behind each
/// @param sd D: standard deviation of the noise over the interval
at::Tensor expected_end(const BridgeEnds& ends, const at::Tensor& x, const at::Tensor& place,
                        const at::Tensor& sd);

}  // namespace fatefield
