// Defaults of what is asked of walks by transitions: macrostates, absorption, and transitions that need no
// velocity.
#pragma once

#include <cstdint>

namespace fatefield {

/// Absorption probabilities.
struct AbsorptionOptions {
  /// Probabilities are off by no more than this.
  double tolerance = 1e-6;
  /// Iterations of the solver for one state before it gives up.
  std::int64_t max_iterations = 5000;
};

/// Macrostates.
struct MacrostateOptions {
  /// Most macrostates that are tried where their number is not given.
  std::int64_t max_states = 12;
  /// Residual of the leading subspace that is small enough.
  double tolerance = 1e-7;
  /// Restarts of the iteration for the subspace before it gives up.
  std::int64_t max_restarts = 200;
};

/// Transitions that need no velocity.
struct KernelOptions {
  /// (R: `n.neighbors`) Nearest cells that each cell may step to; those that have it among theirs count, too.
  std::int64_t neighbours = 30;
};

}  // namespace fatefield
