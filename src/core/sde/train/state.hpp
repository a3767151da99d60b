// Everything that changes from update to update of a training - weights, the optimiser's moments, counts -
// and how an update changes it; kept with the model as plain numbers, so that training can stop anywhere and
// go on bit by bit. AdamW: Loshchilov and Hutter, ICLR 2019. RMSprop: Hinton's lecture 6e (2012), smoothing
// .99 as in common use.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sde/model/neural_sde_impl.hpp"

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

struct TrainState {
  std::vector<at::Tensor> current, mean, best;
  Optimizer optimizer;
  std::int64_t updates = 0;  ///< in all stages
  std::int64_t stage = 0;    ///< number of the stage, and updates done in it
  std::int64_t stage_updates = 0;
  std::int64_t best_update = 0;
  double best_value = std::numeric_limits<double>::infinity();
  std::int64_t validations_since_best = 0;
  /// Columns of equal length, one value per update.
  std::vector<std::pair<std::string, std::vector<double>>> history;

  TrainState(const NeuralSde::Impl& model, const TrainOptions& options);

  /// A value of the present update; columns an update says nothing of are NaN there.
  void note(const std::string& column, double value);
  /// Ends the row of the present update.
  void end_row();
  /// The next stage goes on from the running mean of the weights with a fresh optimiser.
  void next_stage(const TrainOptions& options);
};

std::vector<at::Tensor> copies(const std::vector<at::Tensor>& tensors);

void save(const TrainState& state, NeuralSde::Impl& model, std::uint64_t seed, double data_print,
          const std::string& method);

/// Errors of kind Model where the seed, the data, the optimiser or the method are others than before.
void load(TrainState& state, const NeuralSde::Impl& model, std::uint64_t seed, double data_print,
          const std::string& method);

}  // namespace fatefield
