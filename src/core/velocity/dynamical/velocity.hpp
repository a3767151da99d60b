// What follows from the fit of one gene: times on a common scale, and the velocity of each cell.
#pragma once

#include <vector>

#include "velocity/dynamical/gene.hpp"
#include "velocity/dynamical/times.hpp"

namespace fatefield {

/// Total time of a gene's kinetics after alignment, by convention (20 hours of splicing).
constexpr double kTotalTime = 20.0;

/// The factor that brings the times of a gene to kTotalTime: smoothed times of induction and repression span
/// it, as far as cells are not in a steady state.
double alignment_of(const std::vector<double>& smoothed_t, double t_switch);

/// Multiplies times by `factor` and divides rates by it.
GeneParameters rescaled(GeneParameters p, double factor);

struct GeneVelocity {
  /// Per unit of time: of spliced and unspliced counts. 0 for cells in a steady state.
  std::vector<double> s, u;
};

/// @param tau times on both courses, in the units of the parameters
GeneVelocity velocity_of(const GeneReads& gene, const CellAverages& averages, const GeneParameters& p,
                         const CourseTimes& tau);

}  // namespace fatefield
