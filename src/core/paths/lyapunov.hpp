// Finite-time Lyapunov exponents: how fast paths that start beside a cell part from its own.
//
// A disturbance delta of a path dx/dt = kappa f(x) follows d delta/dt = kappa J(x) delta. Path and
// disturbances are integrated together by Runge and Kutta of order 4 and orthonormalised now and then
// (Benettin et al., Meccanica 15, 1980); what that takes out is the product of triangular matrices, whose
// singular values s give the exponents ln(s) / T. With as many disturbances as dimensions these are the
// growth rates of the axes of an infinitesimal ball around the cell; with fewer, of a ball in the directions
// given.
#pragma once

#include <cstdint>
#include <functional>

#include "base/dynamics_options.hpp"
#include "base/matrix.hpp"
#include "paths/dynamics.hpp"

namespace fatefield {

struct LyapunovRequest {
  MatrixView starts;         ///< cells x dims
  MatrixView directions;     ///< dims x m, orthonormal: the disturbances at the start
  double start = 0.0;        ///< time of the cells
  double horizon = 1.0;      ///< T, above 0
  std::int64_t leading = 1;  ///< exponents wanted, at most m
};

/// Called now and then on the calling thread with the number of cells done; false asks to stop.
using LyapunovTick = std::function<bool(std::int64_t done)>;

/// cells x leading, falling; NaN where a path or a disturbance is not finite. Exponents more than 30 / T
/// below the first are lost in rounding. On threads() threads; the same bytes for any number of them. Errors
/// of kind Input name the argument. Throws Interrupted when tick asks to stop.
Matrix lyapunov_exponents(const Dynamics& f, const LyapunovRequest& request, const LyapunovOptions& options,
                          const LyapunovTick& tick);

}  // namespace fatefield
