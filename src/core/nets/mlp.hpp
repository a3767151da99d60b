// Multilayer perceptrons as descriptions: the parameters are plain tensors that the caller keeps.
// Takes n x inputs, gives n x outputs, or the gradient of a scalar output in the inputs, n x inputs.
// Hidden layer: linear, dropout, activation. The output is linear.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nets/shape.hpp"

namespace fatefield {

/// Name and shape of a parameter, and the number of inputs that its initial spread depends on.
struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;
};

/// Masks of hidden units during training; absent at inference. A mask is a function of (seed, trajectory,
/// number of the mask, unit) alone.
struct Dropout {
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint64_t first = 0;  ///< trajectory of the first row
  std::uint32_t masks = 0;  ///< masks drawn so far
};

class Mlp {
 public:
  /// @param prefix begins the names of the parameters, e.g. "drift"
  Mlp(std::string prefix, MlpShape shape);

  /// Weights (outputs x inputs) and biases in the order in which `p` must hold them.
  std::vector<ParameterSpec> parameters() const;

  /// @param p       the parameters, starting at this network's first
  /// @param x       n x inputs
  /// @param dropout nullptr for none
  at::Tensor forward(const at::Tensor* p, const at::Tensor& x, Dropout* dropout) const;

  /// Gradient of the single output in x, written out as one forward and one backward chain of matrix
  /// products, so that training differentiates it once and not twice.
  at::Tensor input_gradient(const at::Tensor* p, const at::Tensor& x, Dropout* dropout) const;

 private:
  std::string prefix_;
  MlpShape shape_;
};

}  // namespace fatefield
