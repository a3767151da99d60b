// Small things that the losses of training share.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/error.hpp"
#include "ot/sinkhorn.hpp"
#include "sde/model/neural_sde.hpp"

namespace fatefield {

/// Throws Interrupted where keep_going asks to stop.
inline void proceed(const KeepGoing& keep_going) {
  if (keep_going && !keep_going()) throw Interrupted();
}

/// Rows of a contiguous tensor as weighted points; undefined weights are equal ones.
template <typename T>
Cloud<T> cloud(const at::Tensor& points, const at::Tensor& weights) {
  return {points.data_ptr<T>(), points.size(0), points.size(1),
          weights.defined() ? weights.data_ptr<T>() : nullptr};
}

}  // namespace fatefield
