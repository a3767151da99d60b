// Integrates cells along a velocity field or the drift of a neural SDE: many paths dx/dt = kappa f(x, t),
// each with steps of its own, so that no path depends on those integrated beside it. Takes start states and
// times; gives the states at these times, how fast they move, how a disturbance grows, and why each path
// ended.
//
// Adaptive steps: error control and first step of Hairer, Noersett, Wanner, "Solving ordinary differential
// equations I" (1993), II.4, with the rules of SciPy's solve_ivp: root mean square of the error over
// atol + rtol max(|y0|, |y1|), safety 0.9, factors from 0.2 to 10 and none above 1 after a rejection; output
// times are interpolated and do not shorten steps. A path projected onto the cells starts afresh there.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analysis/integrate_dynamics.hpp"
#include "analysis/integrate_space.hpp"
#include "base/integrate_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

struct IntegrationRequest {
  MatrixView starts;          ///< cells x dims
  std::vector<double> times;  ///< the start, then increasing (forward) or decreasing (backward) throughout
  std::int64_t n_sim = 1;     ///< paths of each cell, where starts or ways are noisy
  std::uint64_t seed = 42;
  /// Number of the first path: pieces of a larger request give the bytes of the whole.
  std::uint64_t first_path = 0;
  /// Standard deviation of the noise added to the starts, one per dimension; empty: none.
  std::vector<double> start_sd;
  /// That of the noise on the way per root of time (Euler and Maruyama, Ito), one per dimension; empty: none.
  std::vector<double> noise_sd;
  /// Numbers of the dimensions, ascending, that stay as they start: their velocity and noise are zero, and
  /// projection does not move them.
  std::vector<std::int64_t> held;
  /// Needed for snapping and for the support by cells.
  const CellSpace* cells = nullptr;
  /// Keep coordinates in the space of the cells instead of states.
  bool keep_coordinates = false;
};

enum class PathEnd : std::int32_t {
  Reached = 0,     ///< the last time
  FixedPoint = 1,  ///< stands still; later states are this one
  Repeats = 2,     ///< was projected to where it was; later states are this one
  LeftCells = 3,   ///< beyond the support; stays there
  Grown = 4,       ///< a disturbance has grown beyond the limit; stays there
  TooSmall = 5,    ///< the tolerance asks for steps too small to tell; later states are NaN
  TooMany = 6,     ///< max_steps are used up; later states are NaN
  NotFinite = 7    ///< the velocity is not finite; later states are NaN
};

/// Path i is path i % n_sim of cell i / n_sim.
struct Paths {
  std::int64_t n = 0;
  std::int64_t dims = 0;  ///< those of the states, or components
  std::int64_t times = 0;
  std::vector<double> states;  ///< [path + n * (dim + dims * time)]
  std::vector<double> speed;   ///< [path + n * time]: |kappa f|, Euclidean
  std::vector<double>
      growth;  ///< [path + n * time]: log of the growth of a disturbance; empty if not followed
  std::vector<PathEnd> end;
  std::vector<double> end_time;
  std::vector<std::int64_t> steps, rejected;  ///< tried with success, and without
  std::int64_t evaluations = 0;               ///< of f, one for each state
};

/// Called now and then on the calling thread with the number of paths done; false asks to stop.
using PathTick = std::function<bool(std::int64_t done)>;

/// Paths of all cells on threads() threads; the same bytes for any number of them.
/// Errors of kind Input name the option or argument; a path that cannot go on is no error but says so in
/// `end`. Throws Interrupted when tick asks to stop.
Paths integrate_cells(const Dynamics& f, const IntegrationRequest& request, const IntegrateOptions& options,
                      const PathTick& tick);

}  // namespace fatefield
