// A gene's course in the plane of (u, s), as a loop: up from the origin while it is transcribed, back down
// after. Lengths are widths of the data, times are in units of 1 / beta, so that four numbers say all:
//   up    p = 1 - e^-x,           q = 1 - e^-kx - k h
//   down  p = p0 e^-x,            q = q0 e^-kx + k p0 h      h = (e^-x - e^-kx) / (k - 1)
// with (a p, b q) the place, k = gamma / beta and (p0, q0) the state at the switch. Both ways dp/dx is
// [up] - p, dq/dx = k (p - q).
#pragma once

#include <cstdint>

namespace fatefield {

struct Loop {
  double a, b;      ///< steady level of u and of s
  double ratio;     ///< k
  double x_switch;  ///< duration of transcription
};

/// Points of one way of a loop, in order of time.
struct LoopGrid {
  std::int64_t points;
  const double *x, *u, *s;
};

/// Sums over cells for the normal equations of (log a, log b, log k, log x_switch): upper triangle by rows,
/// gradient.
struct LoopSums {
  double matrix[10];
  double gradient[4];
};

struct LoopKernel {
  /// The nearest point of one way to each cell: its time and the squared distance. The best grid point is
  /// improved by Newton's iteration within [0, the last grid time]. n a multiple of kSplicingLanes.
  void (*project)(std::int64_t n, const Loop& loop, bool up, const LoopGrid& grid, const double* u,
                  const double* s, double* x, double* squared);
  /// Sums of weight times the products of residuals across the curve. Where the nearest point is an end of
  /// the way, of the whole residuals.
  void (*accumulate)(std::int64_t n, const Loop& loop, bool up, double last, const double* u, const double* s,
                     const double* x, const double* weight, LoopSums& sums);
};

/// The version for this machine.
const LoopKernel& loop_kernel();

}  // namespace fatefield
