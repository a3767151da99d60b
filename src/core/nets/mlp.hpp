// Multilayer perceptrons as descriptions: the parameters are plain tensors that the caller keeps.
// Takes n x inputs, gives n x outputs, or the gradient of a scalar output in the inputs, n x inputs.
// Hidden layer: linear, dropout, activation. The output is linear.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fatefield {

enum class Activation { Softplus, Silu, Tanh, LeakyRelu };

/// "softplus", "silu", "tanh", "leakyrelu"; anything else is an input_error that names `argument`.
Activation parse_activation(const std::string& name, const std::string& argument);

/// Name and shape of a parameter, and the number of inputs that its initial spread depends on.
struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;
};

/// Masks of hidden units during training; absent at inference.
struct Dropout {
  double rate = 0.0;
  at::Generator generator;
};

struct MlpShape {
  std::int64_t inputs;
  std::vector<std::int64_t> hidden;  ///< widths; empty for a linear map
  std::int64_t outputs;
  bool output_bias;
  Activation activation;
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
