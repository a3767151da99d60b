// RNA velocity from the ratio of unspliced to spliced molecules at the steady state: the deterministic model
// (La Manno et al., Nature 2018, as regression on the extreme cells) and the stochastic one (Bergen et al.,
// Nature Biotechnology 2020), which adds what second moments say. Takes moments, one gene at a time; gives
// velocities in normalised molecules per unit of 1 / beta. No torch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/velocity_options.hpp"
#include "velocity/estimate/moments.hpp"

namespace fatefield {

/// The line u = gamma s + offset of one gene.
struct SteadyLine {
  double gamma = 0, offset = 0;
  double r2 = 0;  ///< 1 - squared residuals over squared distances of u from its mean; 0 where u is constant
  bool seen = false;  ///< some s and some u are above 0
};

/// The line through the cells of the highest (with an offset also the lowest) expression.
/// @param s, u first moments of n cells
SteadyLine fit_line(const double* s, const double* u, std::int64_t n, const VelocityOptions& options);

/// gamma of the stochastic model: least squares of u on s in the extreme cells and of 2 su + u on 2 ss - s in
/// all cells, each divided by the standard deviation of its residuals at the separate fits. The gamma of
/// `line` where there is no spread to divide by.
double fit_stochastic(const GeneMoments& m, const SteadyLine& line, const VelocityOptions& options);

/// One entry per gene.
struct SteadyStates {
  std::vector<double> gamma;  ///< of the velocities
  std::vector<double> ratio;  ///< of the deterministic line
  std::vector<double> offset, r2;
  std::vector<bool> velocity_gene;
  bool few = false;  ///< fewer than two genes passed the limits, and those with r2 above its 80th percentile
                     ///< took their place
};

/// What to fit, and where velocities go.
struct SteadyStateJob {
  bool stochastic = true;
  std::vector<bool> allowed;   ///< per gene, whether it may be a velocity gene; empty for all
  double* velocity = nullptr;  ///< genes x cells, column-major; null where only the lines are wanted
  double* variance = nullptr;  ///< the same for the velocity of the variance, 0 outside velocity genes, only
                               ///< beside `velocity`; may be null
  std::function<bool()> keep_going;  ///< asked on the calling thread; false throws Interrupted
};

/// Fits all genes. Velocities v = u - gamma s - offset are given for all genes; second moments count in
/// velocity genes only (in all, where there is none). The same bytes for any number of threads.
SteadyStates fit_steady_states(const Moments& moments, const SteadyStateJob& job,
                               const VelocityOptions& options);

}  // namespace fatefield
