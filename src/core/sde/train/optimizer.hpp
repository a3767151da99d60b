// Optimisers over a list of tensors, with a state that can be kept and brought back bit by bit.
// AdamW: Loshchilov and Hutter, ICLR 2019. RMSprop: Hinton's lecture 6e (2012), smoothing .99 as in common
// use.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/sde_options.hpp"

namespace fatefield {

class Optimizer {
 public:
  /// @param name "adamw" or "rmsprop", else an input_error
  Optimizer(const std::string& name, double weight_decay, const std::vector<at::Tensor>& parameters);

  /// One step in place.
  void step(std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
            double learning_rate);

  /// Running first and second moments, one per parameter; the first are absent for RMSprop.
  std::vector<at::Tensor> first, second;
  std::int64_t steps = 0;

 private:
  bool adam_;
  double weight_decay_;
};

/// Norm of all gradients together; scales them down to `most` where it is larger (0: never).
double clip_gradients(std::vector<at::Tensor>& gradients, double most);

/// The learning rate of update u, counted from 0.
double learning_rate(const TrainOptions& options, std::int64_t u);

}  // namespace fatefield
