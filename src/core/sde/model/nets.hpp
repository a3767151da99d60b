// The networks of a neural SDE in scaled units: z = (x - centre) / scale, tau = (t - start) / span.
// Takes parameters, a time and states (n x D tensors); gives drift n x D, diffusion, potential n, growth n.
// Drift potential: f = + gradient of psi (cells climb). Sources: Vinyard et al., Nat. Mach. Intell. 7 (2025);
// Yeo et al., Nat. Commun. 12 (2021).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/sde_options.hpp"
#include "nets/mlp.hpp"
#include "sde/model/layout.hpp"
#include "sde/solvers/solver.hpp"

namespace fatefield {

/// The parameters of all networks, and which executor is to use them.
struct SdeWeights {
  SdeWeights() = default;
  /// LibTorch evaluates; SdeNets::packed() gives weights for the fused kernels.
  SdeWeights(std::vector<at::Tensor> parameters) : p(std::move(parameters)) {}
  /// The same numbers in other tensors, for a graph of their own.
  SdeWeights in(std::vector<at::Tensor> copies) const;

  std::vector<at::Tensor> p;
  std::shared_ptr<const PackedMlp> drift, diffusion, growth;
};

class SdeNets {
 public:
  /// Errors of kind Input name the option that cannot be.
  SdeNets(const SdeOptions& options, std::int64_t dims);

  const SdeLayout& layout() const { return layout_; }
  std::int64_t dims() const { return layout_.dims; }
  bool has_potential() const { return layout_.potential; }
  bool has_growth() const { return layout_.growth; }
  bool has_diffusion() const { return layout_.has_diffusion(); }
  NoiseType noise() const;
  /// Independent Brownian motions of a cell.
  std::int64_t brownian_dims() const { return layout_.brownian_dims(); }

  /// All parameters in their order.
  const std::vector<ParameterSpec>& specs() const { return specs_; }
  std::int64_t parameter_count() const;

  /// Initial parameters from Philox: uniform within 1 / sqrt(fan_in).
  /// Outputs start small outside compat, so that the first simulations stay near the data.
  std::vector<at::Tensor> initial(std::uint64_t seed, at::ScalarType type) const;

  /// Parameters for the fused kernels, which are copied for them once; for LibTorch where these cannot be
  /// used.
  SdeWeights packed(const std::vector<at::Tensor>& parameters) const;

  /// Everything below takes one time for all rows, or a tensor of n times, one for each.
  /// n x D
  at::Tensor drift(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor drift(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z, Dropout* d) const;
  /// Diagonal: n x D, positive. Others: n x D x m.
  at::Tensor diffusion(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor diffusion(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z, Dropout* d) const;
  /// Standard deviation per dimension and square root of time, n x D, for any kind.
  at::Tensor spread(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const;
  /// n; model_error where the drift has no potential
  at::Tensor potential(const SdeWeights& w, double tau, const at::Tensor& z) const;
  /// n: rate of growth per unit of scaled time
  at::Tensor growth(const SdeWeights& w, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor growth(const SdeWeights& w, const at::Tensor& tau, const at::Tensor& z, Dropout* d) const;

 private:
  // The inputs of the networks: z, and time where it is one.
  at::Tensor inputs(double tau, const at::Tensor& z) const;
  at::Tensor inputs(const at::Tensor& tau, const at::Tensor& z) const;
  at::Tensor drift_of(const SdeWeights& w, const at::Tensor& in, Dropout* d) const;
  at::Tensor diffusion_of(const SdeWeights& w, const at::Tensor& in, Dropout* d) const;

  SdeLayout layout_;
  double diffusion_init_;
  Mlp drift_net_;
  Mlp diffusion_net_;
  Mlp growth_net_;
  std::vector<ParameterSpec> specs_;
};

}  // namespace fatefield
