// Futures of cells, simulated and labelled in one go: where they end is never kept.
// Takes a neural SDE or a motion with its integration, start states (cells x dims), labelled cells; gives the
// share of each label at the end, cells x (labels + 1), as analysis/fate.hpp has it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/end_weight.hpp"
#include "analysis/fate.hpp"
#include "base/integrate_options.hpp"
#include "base/matrix.hpp"
#include "graph/labels.hpp"
#include "paths/dynamics.hpp"
#include "paths/space.hpp"
#include "sde/model/neural_sde.hpp"

namespace fatefield {

/// Trajectories that are simulated and labelled at a time.
constexpr std::int64_t kFutureChunk = 50000;

struct FutureRequest {
  /// (arms x cells) x dims, arm after arm.
  MatrixView starts;
  /// Futures of each cell, their noise, arms and what these hold; its times are not read. `first_trajectory`
  /// is that of the first cell. Of a motion `noise_sd` is as IntegrationRequest::noise_sd, for it has none of
  /// its own, and `hold` has one number a row, that of a dimension, ascending within an arm.
  SimulationRequest simulation;
  /// When each cell of an arm starts. Cells of equal times are best side by side, as they are simulated
  /// together.
  std::vector<double> start_times;
  /// A cell that starts no earlier has arrived: the label of its start is its fate, its effective number 1.
  double end = 0;
  /// Weights of the ends of those that start at weight_times[i], which mass is multiplied with: in every arm
  /// the same. Starts of other times have none.
  std::vector<const EndWeight*> weights;
  std::vector<double> weight_times;
  /// Tell the label of the first future of each start.
  bool first_labels = false;
  /// Trajectories at a time, but at least those of one cell in one arm. Nothing but memory depends on it.
  std::int64_t chunk = kFutureChunk;
};

struct LabelledFutures {
  FateShares shares;                ///< one row for each start, arm after arm
  FateShares plain;                 ///< the same without weights of ends; empty where there are none
  std::vector<std::int32_t> first;  ///< as Labels::label, where asked for
};

/// Called on the calling thread with the number of starts done; false asks to stop.
using FutureTick = std::function<bool(std::int64_t done)>;

/// Memory grows with `chunk` and with the futures of one cell, not with those of all. The bytes depend
/// neither on `chunk` nor on threads. Throws Interrupted when tick asks to stop.
LabelledFutures label_futures(const NeuralSde& model, const FutureRequest& request,
                              const LabelTransfer& labels, const FutureTick& tick);

/// The same along a motion; a path that cannot be integrated ends nowhere and has no mass.
/// @param cells as IntegrationRequest::cells; with them ends are labelled in their space, else as they are
LabelledFutures label_futures(const Dynamics& motion, const CellSpace* cells, const IntegrateOptions& options,
                              const FutureRequest& request, const LabelTransfer& labels,
                              const FutureTick& tick);

}  // namespace fatefield
