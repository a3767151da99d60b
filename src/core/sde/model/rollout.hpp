// One block of trajectories through a whole grid, for simulation and for training alike.
// Takes scaled states n x D and a grid in scaled time; gives states and accumulated growth at the outputs.
// LibTorch differentiates it; sde/model/fused_sde.hpp is its fast twin for Euler and Maruyama.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "sde/model/nets.hpp"
#include "sde/solvers/grid.hpp"
#include "sde/solvers/solver.hpp"

namespace fatefield {

/// Rows of a block: its bounds do not depend on the number of threads, so neither do the results.
constexpr std::int64_t kBlockRows = 256;
/// On a GPU, which wants many rows at once.
constexpr std::int64_t kDeviceRows = 1 << 14;
inline std::int64_t block_rows(const at::Device& device) {
  return device.is_cpu() ? kBlockRows : kDeviceRows;
}

/// The networks with their parameters, as an equation for the solvers.
class BoundSde final : public Sde {
 public:
  BoundSde(const SdeNets& nets, SdeWeights weights, Dropout* dropout)
      : nets_(nets), weights_(std::move(weights)), dropout_(dropout) {}
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
  SdeWeights weights_;
  Dropout* dropout_;
  at::Tensor* effort_ = nullptr;
  at::Tensor noise_sd_;
  double step_ = 0.0;
  mutable std::int64_t evaluations_ = 0;
};

struct Rollout {
  std::vector<at::Tensor> states;      ///< n x D per output
  std::vector<at::Tensor> log_growth;  ///< n per output: integral of the growth rate; empty without growth
  at::Tensor growth_effort;            ///< sum over rows of the integral of the squared rate
  at::Tensor drift_effort;             ///< sum over rows of the integral of the squared drift; if measured
};

using Increments = std::function<Increment(std::int64_t step)>;
/// The state that is kept in place of the one a step ends in.
using AfterStep = std::function<at::Tensor(const at::Tensor&)>;

/// @param noise_sd scaled, D: constant noise in the place of the network's, where defined
Rollout roll_out(const SdeNets& nets, const SdeWeights& weights, const SdeSolver& solver,
                 const StepGrid& grid, const at::Tensor& start, const Increments& increments,
                 Dropout* dropout, bool measure_drift = false, const at::Tensor& noise_sd = {},
                 const AfterStep& after_step = nullptr);

/// The same grid in scaled time.
StepGrid scaled_grid(const StepGrid& grid, double start, double span);

}  // namespace fatefield
