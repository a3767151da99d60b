// What a training is to do: its stages, the distances they compare by, the learning rate of each update.
// Plain numbers; no torch here.
#pragma once

#include <cstdint>
#include <vector>

#include "base/sde_options.hpp"
#include "base/transport_options.hpp"

namespace fatefield {

/// Errors of kind Input, named as R names the options, where one is out of its range.
void check_options(const TrainOptions& options);

/// What a stage is told: options with its own number of updates, learning rate and validation interval.
struct StagePlan {
  bool bridge;
  TrainOptions options;
};

/// The stages of a method, in order.
std::vector<StagePlan> stage_plans(const TrainOptions& options);

/// Models that are trained where no number is asked for: several where they differ in an assumption.
std::int64_t usual_members(const TrainOptions& options);

/// TrainOptions::bridge_noise of a member of an ensemble, counted from 0, where none is asked for.
double member_noise(std::int64_t member, std::int64_t members);

/// Cells of each time in an update of a stage where no number is asked for.
std::int64_t usual_batch(bool bridge, std::int64_t dims);

/// Updates of all stages together, unless they stop early.
std::int64_t total_updates(const TrainOptions& options);

/// The learning rate of update u, counted from 0.
double learning_rate(const TrainOptions& options, std::int64_t u);

/// The distances of the loss of rollouts.
SinkhornOptions sinkhorn_options(const TrainOptions& options);
SlicedOptions sliced_options(const TrainOptions& options);

}  // namespace fatefield
