// Explicit Runge-Kutta methods as numbers, and the names by which they are asked for. Sources stand with each
// method in tableaux.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fatefield {

/// Stage s is k[s] = f(t + c[s] h, y + h sum_j a[s][j] k[j]).
/// A method with an error estimate has its last stage at the end of the step: its state is the end itself,
/// and its slope the first of the next step.
struct RungeKutta {
  /// The first is ours, the others are SciPy's and torchdiffeq's. Capital letters do not matter.
  std::vector<std::string> names;
  int order = 0;           ///< the global error is O(h^order)
  std::size_t stages = 0;  ///< of a step; rows of `a` beyond serve states between its ends
  std::vector<double> c;
  std::vector<std::vector<double>> a;
  std::vector<double> weights;  ///< the step is h sum_j weights[j] k[j]
  /// Weights of the method less those of its companion: h sum_j error[j] k[j]. Empty for fixed steps.
  std::vector<double> error;
  /// dop853 alone: the same for its companion of order 3.
  std::vector<double> error_low;
  /// For states between the ends. None: the cubic through ends and slopes (Hermite). One row: the half-step
  /// is h sum_j between[0][j] k[j], and a quartic goes through it too. Four rows: dop853's polynomial.
  std::vector<std::vector<double>> between;

  bool adaptive() const { return !error.empty(); }
};

/// All of them.
const std::vector<RungeKutta>& runge_kutta_methods();

/// By any of its names; any other is an input_error("solver").
const RungeKutta& runge_kutta_method(const std::string& solver);

}  // namespace fatefield
