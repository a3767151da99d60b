// The loop that the cells of one gene are nearest to. Errors are those across the curve, times give way
// (orthogonal regression), by Levenberg's and Marquardt's method; gamma / beta and the duration of
// transcription, which thin loops leave open, are held near what is believed of them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "velocity/dynamical/gene.hpp"
#include "velocity/dynamical/loop_kernel.hpp"

namespace fatefield {

Loop loop_of(const GeneParameters& p, const GeneReads& gene);
/// With beta = 1.
GeneParameters parameters_of(const Loop& loop, const GeneReads& gene);

/// Cells of one gene in units of their spread, padded to a multiple of kSplicingLanes.
struct LoopCells {
  std::int64_t n = 0;
  Aligned<double> u, s;
  /// 1 for cells that count.
  Aligned<double> counts;
  double n_counted = 0;

  explicit LoopCells(const GeneReads& gene);
  /// Used cells only, evenly chosen, about `at_most`.
  LoopCells(const GeneReads& gene, std::int64_t at_most);
};

/// The nearest points of one way to all cells.
struct LoopTimes {
  Aligned<double> x, squared;
  /// Where the way ends.
  double last = 0;
};

void go_nearest(const Loop& loop, bool up, const LoopCells& cells, LoopTimes& out);

/// Normal in the logarithm about ratio 1 and duration 2; a width of 0 is no belief.
struct LoopBelief {
  double ratio_width = 0, duration_width = 0;
  /// How many independent cells it counts as.
  double weight = 0;
};

struct LoopFit {
  Loop loop{};
  /// Sum of squared distances.
  double error = 0;
  /// Logarithm of the error, and the share of the belief.
  double objective = 0;
  std::int64_t iterations = 0;
  bool converged = false;
};

class LoopProblem {
 public:
  /// The way of a cell is that which is nearer to its neighbourhood.
  /// @param averages must outlive this
  LoopProblem(LoopCells cells, const CellAverages& averages);

  LoopFit fit(const Loop& start, const LoopBelief& belief, std::int64_t max_iterations, double tolerance);

  /// The sum over cells that count of the lesser mean squared distance of their neighbourhood.
  double error(const Loop& loop);
  /// Its derivative is -2 times the gradient; for the loop that error() has seen last.
  LoopSums sums(const Loop& loop);
  /// For the loop that error() has seen last, in units of 1 / beta.
  CellTimes times(const Loop& loop) const;

 private:
  double objective(const LoopFit& fit, const LoopBelief& belief) const;

  LoopCells cells_;
  const CellAverages& averages_;
  LoopTimes down_, up_;
  std::vector<char> rising_;
  Aligned<double> weight_;
  /// Share of each cell in the neighbourhoods of all cells that count.
  std::vector<double> reach_;
  std::vector<double> workspace_, averaged_;
};

}  // namespace fatefield
