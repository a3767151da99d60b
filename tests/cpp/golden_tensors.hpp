// Reference numbers as tensors.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "golden.hpp"

/// A copy as a tensor of doubles.
inline at::Tensor golden_tensor(const Golden& golden, const std::string& path) {
  GoldenArray a = golden.read(path);
  return at::from_blob(a.values.data(), a.shape, at::kDouble).clone();
}
