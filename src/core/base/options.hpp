// Defaults of the integration of ordinary differential equations.
#pragma once

#include <cstdint>
#include <string>

namespace fatefield {

/// Ordinary differential equations dy/dt = f(t, y), forward and backward in time.
struct OdeOptions {
  /// "euler", "midpoint", "rk4" (steps of `dt`); "bosh3", "dopri5", "dop853" (steps chosen by the error).
  std::string solver = "dopri5";
  /// Target step of the first three, in units of time, rounded so that a whole number of equal steps lies
  /// between output times; 0 takes one step between any two.
  double dt = 0.0;
  /// Error allowed in a step, relative to the state.
  double rtol = 1e-5;
  /// The same, absolute in units of the state.
  double atol = 1e-7;
  /// First step of the last three; 0 estimates one.
  double first_step = 0.0;
  /// Steps tried, failures included, after which an integration gives up.
  std::int64_t max_steps = 100000;
};

}  // namespace fatefield
