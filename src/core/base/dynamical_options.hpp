// Defaults of the dynamical model of RNA velocity, and of the time all genes share.
#pragma once

#include <cstdint>

namespace fatefield {

/// The kinetics of each gene: rates, and when its transcription stops.
struct DynamicalOptions {
  /// At most so many steps from each start.
  std::int64_t max_iterations = 200;
  /// Ended when a step lowers the logarithm of the error by less than this.
  double tolerance = 1e-6;
  /// Starts, by their fit to some of the cells the best of ten, that are followed to the end.
  std::int64_t starts = 3;
  /// What is believed of gamma / beta before the data, in the units in which u and s spread alike: the
  /// standard deviation of its logarithm about 0. 0 believes nothing.
  double ratio_width = 0.5;
  /// The same of the duration of transcription, about 2 / beta.
  double duration_width = 0.6;
  /// These beliefs count as much as so many neighbourhoods of cells.
  double belief = 4.0;
  /// Velocity genes are at least this likely.
  double min_likelihood = 1e-3;
};

/// The time all genes share.
struct LatentTimeOptions {
  /// Genes of this likelihood tell the time.
  double min_likelihood = 0.1;
  /// And of a higher r2 than this.
  double min_r2 = 0.01;
  /// Cells from which time is counted, at most.
  std::int64_t roots = 4;
  /// Cells whose time agrees less with their neighbours' give it to nobody: squared, 1 less the difference.
  double min_agreement = 0.75;
};

/// Errors of kind Input name the option that is out of range.
void check_options(const DynamicalOptions& o);
void check_options(const LatentTimeOptions& o);

}  // namespace fatefield
