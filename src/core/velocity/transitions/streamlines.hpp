// Lines that follow a field of arrows and keep a distance from each other (after Jobard and Lefer, "Creating
// evenly-spaced streamlines of arbitrary density", Visualization in Scientific Computing 1997). Takes arrows
// on a grid; gives lines.
#pragma once

#include <vector>

#include "base/arrows_options.hpp"
#include "velocity/transitions/arrow_grid.hpp"

namespace fatefield {

/// Points of a line in the direction of the arrows, at equal distances.
struct Streamline {
  std::vector<double> x, y;
  /// Length of the arrow at each point.
  std::vector<double> speed;
};

/// Lines are followed by Runge and Kutta's method of fourth order, with unit speed, to both sides of a start.
/// A new line starts at the distance `separation` from one already drawn, else at the grid point with the
/// most cells that is as far from all lines.
std::vector<Streamline> streamlines(const ArrowGrid& grid, const StreamOptions& options);

}  // namespace fatefield
