// Defaults of simulated cells: a landscape of fates, and counts along two branches.
#pragma once

#include <cstdint>
#include <vector>

namespace fatefield {

/// A landscape on which simulated cells differentiate: time in days, states in units of the latent space.
struct DifferentiationOptions {
  /// Rate per day at which a cell relaxes to its target; a day takes it 63 % of the way.
  double speed = 1.0;
  /// Standard deviation per square root of a day of the noise of uncommitted cells; committed ones have half.
  double noise = 0.5;
  /// Standard deviation of the founders of clones around the origin.
  double founder_spread = 0.45;
  /// Clones; 0 makes one for every ten cells.
  std::int64_t n_clones = 0;
  /// Standard deviation of the members of a clone around their founder, when they are marked.
  double clone_spread = 0.05;
  /// Net rate of division per day in each fate; one number for all fates, or one for each.
  std::vector<double> growth = {0.0};
  /// Excess variance of counts over the Poisson, relative to the squared mean; 0 is Poisson.
  double dispersion = 0.1;
  /// Standard deviation of the logarithm of the library size.
  double library_spread = 0.3;
  /// Step of Euler and Maruyama in days.
  double dt = 0.05;
  /// Futures simulated from each cell for its true fate probabilities; 0 leaves them out.
  std::int64_t n_futures = 100;
  /// Days before the first one for which founders have moved straight on at the drift they have then, as
  /// their RNA knows; 0 takes founders at rest, whose RNA is at the steady state of their place.
  double lead = 0.0;
};

/// Cells that go along one path and then one of two, with piecewise constant rates of transcription.
struct TwoBranchOptions {
  /// Cells.
  std::int64_t n_cells = 1500;
  /// Genes.
  std::int64_t n_genes = 269;
  /// Share of the cells behind the fork that are on the first branch.
  double major_share = 0.61;
  /// When the branches part, in units of time.
  double fork = 2.8;
  /// How long the whole lasts, in units of time.
  double span = 8.0;
  /// Median over genes of spliced molecules at the steady state of full transcription.
  double depth = 2.0;
  /// Excess variance of counts over the Poisson, relative to the squared mean.
  double dispersion = 0.1;
  /// Standard deviation of the logarithm of the library size.
  double library_spread = 0.3;
};

}  // namespace fatefield
