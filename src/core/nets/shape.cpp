// Takes the name of an activation; gives it, or an error that names the argument.
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

}  // namespace fatefield
