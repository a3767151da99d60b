// A velocity field that is a trained network: VAE, auto-encoder or multilayer perceptron. In doubles, at the
// latent mean, by the kernels of nets/layer_chain.hpp; what is its own are units and the covariate. Its
// inputs are (t(x) - centre) / scale with t(x) the state itself, its soft logarithm, or the principal
// components of that; the velocity is mean + spread * output. Where the network was trained with a covariate,
// answers are means over its values by their shares in training.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "field/model/base.hpp"
#include "field/model/shape.hpp"
#include "nets/layer_chain.hpp"

namespace fatefield {

enum class FieldInput { State, Logarithm, Components };

/// From states and velocities to the units of the network and back.
struct FieldUnits {
  FieldInput input = FieldInput::Components;
  std::vector<double> centre, scale;  ///< one for each input
  std::vector<double> mean, spread;   ///< of velocities, one for each gene
};

class NetworkField final : public BuiltInField {
 public:
  /// @param shares of the values of the covariate, summing to one; empty without
  NetworkField(const std::string& kind, FieldFoundation base, const FieldNetShape& shape, FieldUnits units,
               std::vector<FieldTensor> weights, std::vector<double> shares);
  NetworkField(const std::string& kind, const Archive& archive);

  const FieldNetShape& shape() const { return shape_; }
  std::int64_t embedding_units() const;
  /// z (n x embedding_units()): the latent mean, or what the narrowest layer gives.
  void embed(std::int64_t n, const double* x, double* z, FieldWorkspace& workspace) const;
  /// dz = change of the embedding along delta.
  void jvp_embedding(std::int64_t n, const double* x, const double* delta, double* dz,
                     FieldWorkspace& workspace) const;

 protected:
  void reserve(FieldMemory& memory) const override;
  void evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& memory) const override;
  void jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                 FieldMemory& memory) const override;
  JacobianFactors factors_at(const double* x, FieldMemory& memory) const override;
  void put(Archive& archive) const override;

 private:
  // Numbers of the parts of the memory.
  enum Part : std::size_t { kInput = kOwn, kFirst, kMean, kOutput, kTape, kValue, kChange, kSpare };

  std::int64_t depth() const { return net_.depth(); }
  std::int64_t labels() const { return std::max<std::int64_t>(1, shape_.batches); }
  double share(std::int64_t b) const { return shares_.empty() ? 1.0 : shares_[static_cast<std::size_t>(b)]; }
  ChainRows<double> rows(std::int64_t n, FieldMemory& m) const { return {n, m.at(kTape), nullptr}; }

  void build();
  void first_layer(std::int64_t n, const double* x, FieldMemory& m) const;
  void down_to_states(const double* x, const Matrix& in_inputs, Matrix& out) const;
  void inputs_change(std::int64_t n, const double* x, const double* delta, FieldMemory& m) const;
  const double* values(std::int64_t n, std::int64_t label, std::int64_t l, FieldMemory& m) const;
  const double* changes(std::int64_t n, std::int64_t label, std::int64_t l, FieldMemory& m) const;
  template <typename F>
  void mean_over_labels(std::int64_t n, std::int64_t l, F&& run, FieldMemory& m) const;

  FieldNetShape shape_;
  FieldUnits units_;
  std::vector<FieldTensor> weights_;
  std::vector<double> shares_;
  LayerChain<double> net_;
};

}  // namespace fatefield
