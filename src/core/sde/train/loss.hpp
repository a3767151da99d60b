// The loss of one update and its gradient: simulate a batch from the first time through all later times,
// compare the clouds by the Sinkhorn divergence, control drift against diffusion, and hold growth back. All
// tensors in scaled units. Source: Vinyard et al. 2025, with the control of spec 2.4 made free of dt.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "base/transport_options.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/model/rollout.hpp"

namespace fatefield {

struct LossOptions {
  SinkhornOptions sinkhorn;
  /// Debias by independent halves of the clouds rather than by each cloud against itself, see halves.hpp.
  bool halves = false;
  /// The published loss: the first time is compared too, and all times share one box and so one annealing.
  bool published = false;
  double ratio_enforce = 0.0;
  double ratio_target = 2.5;
  bool ratio_square = true;
  /// What the mean drift is multiplied by in the ratio: 1 in scaled time, dt under compat.
  double ratio_factor = 1.0;
  double growth_penalty = 0.0;
  double drift_penalty = 0.0;
  /// Weight of the sliced distance, which unlike the divergence never rewards clouds for shrinking.
  double sliced_weight = 0.0;
  SlicedOptions sliced;
};

struct LossBatch {
  at::Tensor start;                  ///< B x D at the first time
  std::vector<at::Tensor> observed;  ///< n_k x D at each time, the first included
  std::vector<double> times;         ///< scaled
  at::Tensor growth_rate;            ///< B given rates per unit of scaled time; undefined for none
};

struct LossValue {
  double total = 0.0;
  double ratio_penalty = 0.0;
  double growth_effort = 0.0;    ///< mean over cells of the integral of the squared growth rate
  double drift_effort = 0.0;     ///< mean over cells of the integral of the squared drift; 0 unless penalised
  std::vector<double> sinkhorn;  ///< per time; 0 for a first time that is not compared
  std::vector<double> sliced;    ///< per time: D / 2 times the sliced squared distance; 0 unless weighted
  std::vector<double> drift;     ///< mean norm of drift times ratio_factor, per time
  std::vector<double> diffusion;      ///< mean norm of diffusion, per time
  std::vector<at::Tensor> gradients;  ///< one per parameter; empty unless asked for
  std::vector<at::Tensor> states;     ///< B x D per time
  std::vector<at::Tensor> weights;    ///< B per time, summing to one; undefined for equal weights
};

/// What the Brownian motions of rows [first, first + n) do in a step.
using BlockIncrements = std::function<Increment(std::int64_t first, std::int64_t n, std::int64_t step)>;

/// A rollout and its comparison.
struct LossJob {
  const SdeNets& nets;
  const SdeSolver& solver;
  const StepGrid& grid;  ///< scaled
  const LossOptions& options;
  BlockIncrements increments;
  double dropout = 0.0;
  std::uint64_t dropout_seed = 0;
  KeepGoing keep_going;           ///< asked between pieces of work; false throws Interrupted
  std::uint64_t sliced_seed = 0;  ///< of the directions, together with the number of the draw
  std::uint32_t sliced_draw = 0;
  /// Take the fused kernels where it can run the job; else LibTorch differentiates.
  bool fused = true;
  /// Take the kernels written for processors; else LibTorch's operations alone, in one block, as on a GPU.
  bool kernels = true;
};

LossValue rollout_loss(const LossJob& job, const std::vector<at::Tensor>& parameters, const LossBatch& batch,
                       bool gradient);

}  // namespace fatefield
