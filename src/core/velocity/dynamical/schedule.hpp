// The published fit of one gene, step by step (scVelo's recover_dynamics with max_iter = 10): a proposal of
// parameters, the times under it, and whether that lowers the loss.
#pragma once

#include "velocity/dynamical/loss.hpp"
#include "velocity/dynamical/start.hpp"
#include "velocity/dynamical/times.hpp"

namespace fatefield {

struct ScheduledFit {
  GeneParameters parameters;
  CellTimes times;
  /// gamma / beta of the start, towards which the loss draws.
  double ratio = kNoRatio;
  /// After each accepted proposal.
  std::vector<double> losses;
  /// In the model's units of u.
  double steady_u = 0;
};

/// @param gene without trouble
ScheduledFit fit_by_schedule(const GeneReads& gene, const CellAverages& averages, const GeneStart& start);

}  // namespace fatefield
