// The Sinkhorn divergence in plain operations of LibTorch, for points that are not in the processor's own
// memory: the same annealing and the same derivatives as ot/sinkhorn.hpp, on tensors of any device and
// floating type. Works on blocks of rows, so that memory is bounded. Slower than the fused kernels on a
// processor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "base/transport_options.hpp"

namespace fatefield {

struct TensorDivergence {
  double value = 0.0;
  at::Tensor grad_x;  ///< n x dims; undefined unless asked for
  at::Tensor grad_a;  ///< n: up to a constant where mass is conserved; undefined unless asked for
};

/// Errors of kind Input unless points of x and y, and weights of x (or undefined), can be compared.
void check_tensors(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y);

/// Pairs of points whose costs are held at a time: 64 MB in float32.
constexpr std::int64_t kTensorPairs = 1 << 24;

/// S(x, y) and, where asked for, its gradient, without autograd: the tensors may be leaves or not.
/// options.tolerance and options.precision play no part: it stops after the annealing, in the type of x.
///
/// Errors of kind Input: options out of range, tensors of other shapes, types or devices than each other's.
/// @param x,a,y n x dims, n (undefined: equal weights), m x dims; y has equal weights
/// @param keep_going asked before each pass over the pairs; false throws Interrupted
/// @param pairs at most about this many pairs of points are held at a time
TensorDivergence tensor_sinkhorn(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                                 const SinkhornOptions& options, bool gradient,
                                 const std::function<bool()>& keep_going = {},
                                 std::int64_t pairs = kTensorPairs);

}  // namespace fatefield
