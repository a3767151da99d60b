// What the network of a velocity field is, its weights as plain numbers, and where they begin. No torch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "nets/shape.hpp"

namespace fatefield {

struct FieldNetShape {
  std::int64_t features = 0;         ///< inputs
  std::int64_t genes = 0;            ///< outputs
  std::vector<std::int64_t> hidden;  ///< at least one
  std::int64_t latent = -1;          ///< which of them is sampled, not the first; below 0 for none
  Activation activation = Activation::Relu;
  std::int64_t batches = 0;  ///< values of the covariate; 0 for none

  bool samples() const { return latent >= 0; }
  std::int64_t layers() const { return static_cast<std::int64_t>(hidden.size()) + 1; }
  std::int64_t inputs(std::int64_t l) const {
    return l == 0 ? features : hidden[static_cast<std::size_t>(l - 1)];
  }
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
