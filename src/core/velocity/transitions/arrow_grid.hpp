// Arrows of cells averaged on a grid. Takes places and arrows of cells in a plane; gives mean arrows at the
// points of a grid, with how many cells each of them knows.
#pragma once

#include <cstdint>
#include <vector>

#include "base/arrows_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

struct GridArrow {
  double dx = 0;
  double dy = 0;
  /// Cells around, each counted by its distance: 1 for a cell at the place itself.
  double mass = 0;
};

/// A field of arrows over a rectangle with a margin around all cells; squares have sides of `step`.
struct ArrowGrid {
  std::int64_t columns = 0;
  std::int64_t rows = 0;
  double left = 0;
  double bottom = 0;
  double step = 0;
  /// Length of the longer side of the box around the cells.
  double side = 0;
  /// Points with less mass have no arrow.
  double least = 0;
  /// Point (column, row) at column + row * columns.
  std::vector<GridArrow> at;

  double x(std::int64_t column) const { return left + static_cast<double>(column) * step; }
  double y(std::int64_t row) const { return bottom + static_cast<double>(row) * step; }
  const GridArrow& point(std::int64_t column, std::int64_t row) const { return at[column + row * columns]; }
};

/// Means weighted by a Gaussian of the distance (Nadaraya and Watson). Cells whose arrow is not finite, or is
/// 0 in both directions, count for the mass and not for the means.
/// @param places, arrows cells x 2
ArrowGrid average_on_grid(MatrixView places, MatrixView arrows, const StreamOptions& options);

}  // namespace fatefield
