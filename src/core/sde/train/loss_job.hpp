// What the loss of one update is of: a batch, the networks and how to simulate them, and what counts how
// much. All tensors in scaled units.
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

}  // namespace fatefield
