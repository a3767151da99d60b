// Takes the name of an activation or a shape; gives the activation, the names and shapes of weights, and
// numbers to begin with.
#include "nets/shape.hpp"

#include "base/error.hpp"

namespace fatefield {

Activation parse_activation(const std::string& name, const std::string& argument) {
  if (name == "softplus") return Activation::Softplus;
  if (name == "silu") return Activation::Silu;
  if (name == "tanh") return Activation::Tanh;
  if (name == "leakyrelu") return Activation::LeakyRelu;
  throw input_error(argument, "`" + argument + "` is \"" + name +
                                  "\"; \"softplus\", \"silu\", \"tanh\" or \"leakyrelu\" is needed.");
}

std::vector<ParameterSpec> parameter_specs(const std::string& prefix, const MlpShape& shape) {
  std::vector<ParameterSpec> out;
  std::int64_t from = shape.inputs;
  for (std::size_t l = 0; l < shape.hidden.size(); ++l) {
    const std::string layer = prefix + ".hidden_" + std::to_string(l + 1);
    out.push_back({layer + ".weight", {shape.hidden[l], from}, from});
    out.push_back({layer + ".bias", {shape.hidden[l]}, from});
    from = shape.hidden[l];
  }
  out.push_back({prefix + ".output.weight", {shape.outputs, from}, from});
  if (shape.output_bias) out.push_back({prefix + ".output.bias", {shape.outputs}, from});
  return out;
}

void draw_weights(std::uint64_t seed, Stream stream, std::uint64_t number, double reach, std::int64_t n,
                  double* out) {
  for (std::int64_t j = 0; j < n; ++j)
    out[j] = reach * (2.0 * uniform(seed, stream, number, static_cast<std::uint64_t>(j)) - 1.0);
}

}  // namespace fatefield
