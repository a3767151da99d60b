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

#include "base/integrate_options.hpp"
#include "paths/dynamics.hpp"
#include "paths/request.hpp"

namespace fatefield {

/// Called now and then on the calling thread with the number of paths done; false asks to stop.
using PathTick = std::function<bool(std::int64_t done)>;

/// Paths of all cells on threads() threads; the same bytes for any number of them.
/// Errors of kind Input name the option or argument; a path that cannot go on is no error but says so in
/// `end`. Throws Interrupted when tick asks to stop.
Paths integrate_cells(const Dynamics& f, const IntegrationRequest& request, const IntegrateOptions& options,
                      const PathTick& tick);

}  // namespace fatefield
