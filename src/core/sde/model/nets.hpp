// The networks of a neural SDE in scaled units: z = (x - centre) / scale, tau = (t - start) / span.
// Takes parameters, a time and states (n x D tensors); gives drift n x D, diffusion, potential n, growth n.
// Drift potential: f = + gradient of psi (cells climb). Sources: Vinyard et al., Nat. Mach. Intell. 7 (2025);
// Yeo et al., Nat. Commun. 12 (2021).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/sde_options.hpp"
#include "nets/mlp.hpp"
#include "sde/model/layout.hpp"
#include "sde/solvers/solver.hpp"

namespace fatefield {

/// The diffusion (n x D, or n x D x m) from what its network put out.
at::Tensor diffusion_from(const SdeLayout& layout, const at::Tensor& raw);

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

  /// Everything below takes one time for all rows, or a tensor of n times, one for each.
  /// n x D
  at::Tensor drift(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor drift(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                   Dropout* d) const;
  /// Diagonal: n x D, positive. Others: n x D x m.
  at::Tensor diffusion(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor diffusion(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                       Dropout* d) const;
  /// Standard deviation per dimension and square root of time, n x D, for any kind.
  at::Tensor spread(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z, Dropout* d) const;
  /// n; model_error where the drift has no potential
  at::Tensor potential(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z) const;
  /// n: rate of growth per unit of scaled time
  at::Tensor growth(const std::vector<at::Tensor>& p, double tau, const at::Tensor& z, Dropout* d) const;
  at::Tensor growth(const std::vector<at::Tensor>& p, const at::Tensor& tau, const at::Tensor& z,
                    Dropout* d) const;

 private:
  // The inputs of the networks: z, and time where it is one.
  at::Tensor inputs(double tau, const at::Tensor& z) const;
  at::Tensor inputs(const at::Tensor& tau, const at::Tensor& z) const;
  at::Tensor drift_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const;
  at::Tensor diffusion_of(const std::vector<at::Tensor>& p, const at::Tensor& in, Dropout* d) const;

  SdeLayout layout_;
  double diffusion_init_;
  Mlp drift_net_;
  Mlp diffusion_net_;
  Mlp growth_net_;
  std::vector<ParameterSpec> specs_;
};

/// The networks with their parameters, as an equation for the solvers.
class BoundSde final : public Sde {
 public:
  BoundSde(const SdeNets& nets, const std::vector<at::Tensor>& parameters, Dropout* dropout)
      : nets_(nets), parameters_(parameters), dropout_(dropout) {}
  /// Adds up |f|^2 times `step` over all evaluations and rows, where a sum is given.
  void measure(at::Tensor* effort) { effort_ = effort; }
  void begin_step(double h) { step_ = h; }
  /// Constant noise of each dimension (D) from now on, where defined.
  void replace_noise(const at::Tensor& sd) { noise_sd_ = sd; }
  std::int64_t evaluations() const { return evaluations_; }
  at::Tensor drift(double t, const at::Tensor& y) const override;
  at::Tensor diffusion(double t, const at::Tensor& y) const override;
  NoiseType noise() const override { return noise_sd_.defined() ? NoiseType::Diagonal : nets_.noise(); }
  std::int64_t brownian_dims() const override {
    return noise_sd_.defined() ? nets_.dims() : nets_.brownian_dims();
  }

 private:
  const SdeNets& nets_;
  const std::vector<at::Tensor>& parameters_;
  Dropout* dropout_;
  at::Tensor* effort_ = nullptr;
  at::Tensor noise_sd_;
  double step_ = 0.0;
  mutable std::int64_t evaluations_ = 0;
};

}  // namespace fatefield
