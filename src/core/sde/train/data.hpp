// The cells that a training is given: their check, their fingerprint, their units, and which cell belongs to
// which time. Plain numbers; no torch here.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "sde/model/scaling.hpp"

namespace fatefield {

struct TrainData {
  MatrixView x;                     ///< cells x dims
  std::vector<double> time;         ///< one per cell
  std::vector<std::int64_t> clone;  ///< one per cell, below 0 for none; empty to split by cell
  /// Of each interval between observed times: how far clones are trusted in pairing cells; empty or 0: not.
  std::vector<double> clone_trust;
  std::vector<double>
      growth_rate;  ///< per cell and unit of time; only the first time's are used; empty for none
  /// Cells x dims, per unit of time: the drift of the reference process that bridges are taken from. Empty
  /// for none, as of a Brownian motion.
  MatrixView velocity = {};
};

/// Errors of kind Input or Model where the data cannot be.
void check_data(const TrainData& data, std::int64_t dims);

/// A number that tells whether a model meets the data it was trained on.
double fingerprint(const TrainData& data);

/// Numbers of the dimensions that vary beyond rounding; empty where all do.
/// Error of kind Input where none does.
std::vector<std::int64_t> moving_dims(const MatrixView& x);

/// Centre, scale and time unit of the training cells; the published networks work in raw units.
/// @param moving as moving_dims() gives it
Scaling measure(const TrainData& data, const std::vector<char>& held_out, const std::vector<double>& times,
                const std::vector<std::int64_t>& moving, bool published);

/// Numbers of the cells of one time.
struct CellsOfTime {
  std::vector<std::int64_t> train, held_out;
};

/// One entry for each of `times`. Error of kind Input where a time is left without cells to train on.
std::vector<CellsOfTime> cells_by_time(const TrainData& data, const std::vector<char>& held_out,
                                       const std::vector<double>& times);

}  // namespace fatefield
