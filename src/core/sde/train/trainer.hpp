// Trains a neural SDE on cells of several times: bridges between paired cells, rollouts compared by the
// Sinkhorn divergence, early stopping on held-out cells. Plain matrices in, a report out; no torch here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/sde_options.hpp"
#include "sde/model/neural_sde.hpp"
#include "sde/train/data.hpp"
#include "sde/train/plan.hpp"

namespace fatefield {

struct Progress {
  std::int64_t update;   ///< updates done
  std::int64_t updates;  ///< updates planned
  double loss;
  double held_out;  ///< best held-out divergence so far; infinite before the first validation
};

/// Called after every update on the calling thread; false ends the training, and the model is usable.
using Tick = std::function<bool(const Progress&)>;

/// Simulated over observed variance of the dimensions at one time: their least, median and largest ratio.
struct TimeDispersion {
  double time;
  double low, median, high;
};

struct TrainReport {
  /// Columns of the history, each with one value per update since the model was made.
  std::vector<std::pair<std::string, std::vector<double>>> history;
  std::int64_t updates = 0;
  std::int64_t best_update = 0;  ///< update of the weights that were kept; the last without held-out cells
  double held_out = 0.0;         ///< their divergence; NaN without held-out cells
  std::string ended;             ///< "finished", "early", "interrupted" or "diverged"
  std::vector<char> validation_cells;      ///< 1 for the cells that were held out, see held_out_cells()
  std::vector<TimeDispersion> dispersion;  ///< at each later time, of the weights that were kept; empty
                                           ///< after an interrupt
};

/// Trains the model in place; a model that was trained on the same data before goes on exactly where it
/// stopped.
/// @param seed of batches, noise, dropout and the split
/// @param keep_going asked several times per update; false counts as an interrupt
/// Errors of kind Input for data or options that cannot be; of kind Model when a trained model meets other
/// data; of kind Numeric when the loss is not finite before any weights could be kept.
TrainReport fit_sde(NeuralSde& model, const TrainData& data, const TrainOptions& options, std::uint64_t seed,
                    const Tick& tick, const KeepGoing& keep_going);

}  // namespace fatefield
