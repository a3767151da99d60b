// What is asked of an integration of cells, and the paths it gives.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"
#include "paths/space.hpp"

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

}  // namespace fatefield
