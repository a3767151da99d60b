// The dynamical model of RNA velocity (Bergen et al., Nature Biotechnology 2020): for each gene rates of
// transcription, splicing and degradation, the time at which transcription stops, and the time of each cell.
// Takes moments, one gene at a time; gives parameters, times and velocities. Nothing of the size of cells x
// genes is held but the results. No torch.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/dynamical_options.hpp"
#include "velocity/dynamical/gene.hpp"
#include "velocity/estimate/moments.hpp"

namespace fatefield {

/// The fit of one gene, times aligned so that its kinetics take about 20 units; NaN where there is none.
struct DynamicalGene {
  /// "fitted", "few cells", "constant", "not finite", "failed", or "not asked for".
  std::string status = "not asked for";
  GeneParameters parameters = {kNone, kNone, kNone, kNone, kNone};
  double std_u = kNone, std_s = kNone;
  double likelihood = kNone;
  /// Of the signed distances of the upper cells.
  double variance = kNone;
  /// p value of the test whether high expression gathers at a level, and that level, in counts.
  double p_steady = kNone, steady_u = kNone, steady_s = kNone;
  /// The factor by which times were multiplied.
  double alignment = kNone;
  /// Of the fit to convergence; 0 iterations under parity.
  std::int64_t iterations = 0;
  bool converged = false;

  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
};

struct DynamicalJob {
  /// scVelo's own sequence of steps, one simplex iteration each.
  bool parity = false;
  /// Which genes of the moments to fit.
  std::vector<std::int64_t> genes;
  /// genes x cells of the moments, column-major, NaN for genes without a fit: velocities of spliced and,
  /// unless null, of unspliced counts, and the smoothed time of each cell.
  double* velocity = nullptr;
  double* velocity_u = nullptr;
  double* time = nullptr;
  /// Called on the calling thread with the number of genes done; false throws Interrupted.
  std::function<bool(std::int64_t)> tick;
};

/// One entry for each gene of the moments. A gene that cannot be fitted says so and stops nobody. The same
/// bytes for any number of threads.
std::vector<DynamicalGene> fit_dynamics(const Moments& moments, const CellSets& sets, const DynamicalJob& job,
                                        const DynamicalOptions& options);

/// Which genes' velocities can be used: likely, with `r2` above `min_r2`, and a scaling among the usual.
std::vector<bool> dynamical_velocity_genes(const std::vector<DynamicalGene>& genes,
                                           const std::vector<double>& r2, double min_r2,
                                           const DynamicalOptions& options);

}  // namespace fatefield
