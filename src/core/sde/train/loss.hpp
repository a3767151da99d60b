// The loss of one update and its gradient: simulate a batch from the first time through all later times,
// compare the clouds by the Sinkhorn divergence, control drift against diffusion, and hold growth back. All
// tensors in scaled units. Source: Vinyard et al. 2025, with the control of spec 2.4 made free of dt.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "sde/train/loss_job.hpp"

namespace fatefield {

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

LossValue rollout_loss(const LossJob& job, const std::vector<at::Tensor>& parameters, const LossBatch& batch,
                       bool gradient);

}  // namespace fatefield
