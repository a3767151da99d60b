// What the network of a velocity field has beside what nets/shape.hpp says of any: a layer that may be
// sampled in training, and a covariate. Its weights as plain numbers, and where they begin. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "nets/shape.hpp"

namespace fatefield {

struct FieldNetShape {
  /// From features to genes, with one hidden layer at least. That without an activation, never the first, is
  /// the latent one, which is sampled.
  MlpShape net{0, {}, 0, true, Activation::Relu};
  std::int64_t batches = 0;  ///< values of the covariate; 0 for none

  std::int64_t latent() const { return net.plain; }
  bool samples() const { return net.plain >= 0; }
  std::int64_t depth() const { return static_cast<std::int64_t>(net.hidden.size()); }
  std::int64_t layers() const { return depth() + 1; }
  /// Units of a hidden layer.
  std::int64_t units(std::int64_t l) const { return net.hidden[static_cast<std::size_t>(l)]; }
  std::int64_t inputs(std::int64_t l) const { return l == 0 ? net.inputs : units(l - 1); }
  /// Outputs of a layer; those of the latent one are means, then logarithms of variances.
  std::int64_t outputs(std::int64_t l) const;
  /// The layer that an embedding is taken from: the latent one, else the narrowest.
  std::int64_t embedding() const;
  /// Numbers in all weights and biases.
  std::int64_t parameters() const;
};

/// Weights outputs x inputs, in order "layer0.weight", "layer0.bias" (outputs x 1), ..., then "batch.weight"
/// (hidden[0] x batches) where there is a covariate.
struct FieldTensor {
  std::string name;
  Matrix values;
};

/// Uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio, AISTATS 2010), biases zero.
std::vector<FieldTensor> initial_field_weights(const FieldNetShape& shape, std::uint64_t seed);

}  // namespace fatefield
