// The sliced Wasserstein distance in plain operations of LibTorch, for points that are not in the processor's
// own memory: the same values and derivatives as ot/sliced.hpp, on tensors of any device and floating type.
#pragma once

#include <ATen/core/Tensor.h>

#include "ot/sinkhorn_tensor.hpp"

namespace fatefield {

/// Mean over directions of the squared W2 distance of the projections, and where asked for its gradient,
/// without autograd. grad_a is the derivative in weights of which only the proportions count.
///
/// Errors of kind Input: tensors of other shapes, types or devices than each other's.
/// @param x,a,y      n x dims, n (undefined: equal weights), m x dims; y has equal weights
/// @param directions directions x dims, as slice_directions() gives them
TensorDivergence tensor_sliced(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                               const at::Tensor& directions, bool gradient);

}  // namespace fatefield
