// Everything that changes from update to update of a training, kept with the model as plain numbers, so that
// training can stop anywhere and go on bit by bit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sde/model/neural_sde_impl.hpp"
#include "sde/train/optimizer.hpp"

namespace fatefield {

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
