// The hand-written networks from tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "sde/model/fused_sde.hpp"

namespace fatefield {

/// @param parameters of type T, in the order of the layout; they are copied
template <typename T>
FusedSde<T> fused_sde(const SdeLayout& layout, const std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> plain;
  std::vector<const T*> weights;
  for (const at::Tensor& p : parameters) {
    plain.push_back(p.contiguous());
    weights.push_back(plain.back().template data_ptr<T>());
  }
  return FusedSde<T>(layout, weights.data());
}

}  // namespace fatefield
