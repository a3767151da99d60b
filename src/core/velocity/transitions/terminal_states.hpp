// Where steps between cells end: the cells among which a walk by the transitions stays longest. On
// transitions taken backward the same finds where they begin. Takes transitions; gives a score of each cell.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/arrows_options.hpp"
#include "base/sparse.hpp"
#include "graph/knn.hpp"

namespace fatefield {

/// Distributions over the cells that one step leaves (almost) as they are.
struct SlowDistributions {
  /// Each of one number for each cell, not negative, with sum 1.
  std::vector<std::vector<double>> share;
  /// What a step leaves of each: eigenvalues of the transitions, 1 where nothing is lost.
  std::vector<double> value;
  /// Whether all eigenvectors asked for were found.
  bool converged = true;
};

/// Moduli of the left eigenvectors with eigenvalues within options.tolerance of 1, at most options.count, the
/// largest first. They are searched within each part of the cells whose cells reach each other, so that
/// parts that nobody leaves each have their own. Cells without steps, such as those without a velocity, are
/// left out with the steps to them.
SlowDistributions slow_distributions(const SparseRows& transitions, const TerminalOptions& options,
                                     const std::function<bool()>& keep_going = {});

struct TerminalStates {
  /// From 0 to 1.
  std::vector<double> score;
  std::vector<double> value;
  bool converged = true;
};

/// Sum of the slow distributions, each cut off at two of its quantiles and scaled to a largest value of 1,
/// averaged over each cell and its neighbours, cut off at the upper quantile, and scaled to [0, 1]
/// (Bergen et al., Nature Biotechnology 2020). All 0 where there is no slow distribution.
TerminalStates terminal_states(const SparseRows& transitions, const Neighbours& knn,
                               const TerminalOptions& options, const std::function<bool()>& keep_going = {});

}  // namespace fatefield
