// Where walks by the transitions end, and how many steps they take. Takes transitions of cells x cells whose
// rows sum to 1 or are empty, and the terminal state of each cell that is in one; gives a probability of each
// terminal state for each cell.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/chain_options.hpp"
#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

struct Absorption {
  /// cells x states; rows sum to less than 1 as far as walks end in no terminal state.
  Matrix probability;
  /// Mean number of steps of the walks that end in a terminal state; NaN where none does.
  std::vector<double> steps;
  /// The same of those that end in each state: cells x states.
  Matrix steps_to;
  /// No probability is off by more.
  double error = 0;
  /// Of the solver for all states together.
  std::int64_t iterations = 0;
  bool converged = true;
};

/// With Q the transitions among the cells that are in no terminal state and R those into the states,
/// probabilities solve (I - Q) x = R, and numbers of steps (I - Q) y = x, divided by x. Cells that cannot
/// reach a terminal state are left out. Each system is solved by BiCGSTAB (van der Vorst, SIAM Journal on
/// Scientific and Statistical Computing 13, 1992) behind an incomplete factorisation without fill, in the
/// order in which the cells are met on the way back from the terminal states. As the inverse of I - Q has no
/// negative entry, |error of x_i| <= h_i |r| with h the expected number of steps and r the largest residual:
/// that is what ends the iteration.
/// @param state the terminal state of each cell from 0, -1 for the others
/// @param keep_going asked now and then on the calling thread; false stops with Interrupted
Absorption absorption(const SparseRows& transitions, const std::vector<std::int32_t>& state,
                      std::int64_t n_states, const AbsorptionOptions& options,
                      const std::function<bool()>& keep_going = {});

}  // namespace fatefield
