// A velocity field that is a trained network: VAE, auto-encoder or multilayer perceptron. In doubles, at the
// latent mean. Its inputs are (t(x) - centre) / scale with t(x) the state itself, its soft logarithm, or the
// principal components of that; the velocity is mean + spread * output. Where the network was trained with a
// covariate, answers are means over its values by their shares in training.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "field/model/base.hpp"
#include "field/model/shape.hpp"

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
  // Numbers of the parts of the memory; hidden layer l has kOwn + kFixed + 3 l and the two after it.
  enum Part : std::size_t { kInput = kOwn, kFirst, kMean, kOutput, kFixedEnd };
  std::size_t before(std::int64_t l) const { return kFixedEnd + 3 * static_cast<std::size_t>(l); }
  std::size_t after(std::int64_t l) const { return before(l) + 1; }
  std::size_t change(std::int64_t l) const { return before(l) + 2; }

  std::int64_t depth() const { return static_cast<std::int64_t>(shape_.hidden.size()); }
  std::int64_t stride(std::int64_t l) const { return layers_[static_cast<std::size_t>(l)].stride(); }
  std::int64_t labels() const { return std::max<std::int64_t>(1, shape_.batches); }
  std::int64_t input_stride() const { return leading<double>(shape_.features); }
  double share(std::int64_t b) const { return shares_.empty() ? 1.0 : shares_[static_cast<std::size_t>(b)]; }
  bool bends(std::int64_t l) const { return l != shape_.latent; }

  void build();
  void first_layer(std::int64_t n, const double* x, FieldMemory& m) const;
  void down_to_states(const double* x, const Matrix& in_inputs, Matrix& out) const;
  void first_change(std::int64_t n, const double* x, const double* delta, FieldMemory& m) const;
  void narrow(std::int64_t n, std::int64_t label, std::int64_t upto, FieldMemory& m) const;
  void narrow_change(std::int64_t n, std::int64_t upto, FieldMemory& m) const;
  void slopes(std::int64_t l, std::int64_t n, const double* u, std::int64_t u_stride, double* out,
              FieldMemory& m) const;
  template <typename F>
  void mean_over_labels(std::int64_t n, std::int64_t l, F&& run, FieldMemory& m) const;

  FieldNetShape shape_;
  FieldUnits units_;
  std::vector<FieldTensor> weights_;
  std::vector<double> shares_;
  std::vector<PackedLayer<double>> layers_;
};

}  // namespace fatefield
