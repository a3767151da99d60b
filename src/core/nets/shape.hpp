// What a multilayer perceptron is: its shape, the names and shapes of its weights and where they begin. No
// torch here. Two executors evaluate it: the fused kernels of nets/dense.hpp on the processor, and LibTorch
// (nets/mlp.hpp) on any device and wherever second derivatives are asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.hpp"

namespace fatefield {

/// Identity is that of a layer without one; none asks for it by name.
enum class Activation { Softplus, Silu, Tanh, LeakyRelu, Relu, Identity };

/// "softplus", "silu", "tanh", "leakyrelu"; anything else is an input_error that names `argument`.
Activation parse_activation(const std::string& name, const std::string& argument);

/// Whether the slope changes between the kinks.
constexpr bool bends_smoothly(Activation a) {
  return a != Activation::LeakyRelu && a != Activation::Relu && a != Activation::Identity;
}

/// Slope of the leaky rectifier below zero, as in the published networks.
constexpr double kLeak = 0.01;

struct MlpShape {
  std::int64_t inputs;
  std::vector<std::int64_t> hidden;  ///< widths; empty for a linear map
  std::int64_t outputs;
  bool output_bias;
  Activation activation;
  std::int64_t plain = -1;  ///< the hidden layer that has no activation; below 0 for none

  Activation activation_of(std::int64_t l) const { return l == plain ? Activation::Identity : activation; }
};

/// From here on softplus is its argument to the last digit of a double; LibTorch's own 20 is off by 2e-9.
constexpr double kSoftplusLinear = 40.0;

/// Name and shape of a parameter, and the number of inputs that its initial spread depends on.
struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t fan_in;
};

/// Weights (outputs x inputs) and biases in the order in which every executor takes them.
/// @param prefix begins the names, e.g. "drift"
std::vector<ParameterSpec> parameter_specs(const std::string& prefix, const MlpShape& shape);

/// n numbers uniform within +-reach, a function of (seed, stream, number of the parameter) alone.
void draw_weights(std::uint64_t seed, Stream stream, std::uint64_t number, double reach, std::int64_t n,
                  double* out);

/// Parameters of a network: a weight and a bias per hidden layer, a weight and perhaps a bias of the output.
inline std::size_t parameter_tensors(const MlpShape& s) { return 2 * s.hidden.size() + 1 + s.output_bias; }

}  // namespace fatefield
