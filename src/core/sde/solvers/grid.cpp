// Takes observed times and a step; gives the grid of steps (whole equal steps, or torchsde's running clock).
#include "sde/solvers/grid.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"

namespace fatefield {
namespace {

// More would be a mistake in the unit of dt, and would fill the memory before anything is computed.
constexpr double kMostSteps = 1e8;

void check_times(const std::vector<double>& times, double dt) {
  if (times.empty()) throw input_error("times", "`times` is empty; at least one time is needed.");
  if (!std::isfinite(dt) || dt <= 0) {
    throw input_error("dt", "`dt` is " + std::to_string(dt) + "; a positive step is needed.");
  }
  for (double t : times) {
    if (!std::isfinite(t)) throw input_error("times", "`times` holds a value that is not finite.");
  }
  if (std::abs(times.back() - times.front()) / dt > kMostSteps) {
    throw input_error(
        "dt",
        "`dt` is so small that more than 1e8 steps would be taken between the first and the last time.");
  }
}

// 1 for increasing times, -1 for decreasing ones.
int direction(const std::vector<double>& times) {
  const int sign = times.size() > 1 && times[1] < times[0] ? -1 : 1;
  for (std::size_t k = 1; k < times.size(); ++k) {
    if (sign * (times[k] - times[k - 1]) <= 0) {
      throw input_error("times", "`times` must increase (or decrease) strictly; entry " +
                                     std::to_string(k + 1) + " does not.");
    }
  }
  return sign;
}

// Clock: the floating type in which the running time is added up.
template <typename Clock>
StepGrid running_clock(const std::vector<double>& times, double dt) {
  const std::vector<Clock> out(times.begin(), times.end());
  const Clock step = static_cast<Clock>(dt);
  StepGrid grid;
  grid.outputs.push_back({-1, 1.0});
  Clock now = out.front();
  for (std::size_t k = 1; k < out.size(); ++k) {
    while (now < out[k]) {
      const Clock next = std::min(static_cast<Clock>(now + step), out.back());
      if (next <= now) throw input_error("dt", "`dt` is too small for the clock of the published grid.");
      grid.t.push_back(now);
      grid.h.push_back(next - now);
      now = next;
    }
    const Clock before = static_cast<Clock>(grid.t.back());
    grid.outputs.push_back({grid.steps() - 1, (out[k] - before) / (now - before)});
  }
  return grid;
}

}  // namespace

StepGrid step_grid(const std::vector<double>& times, double dt) {
  check_times(times, dt);
  direction(times);
  StepGrid grid;
  grid.outputs.push_back({-1, 1.0});
  for (std::size_t k = 1; k < times.size(); ++k) {
    const double interval = times[k] - times[k - 1];
    const auto n = std::max<std::int64_t>(1, std::llround(std::abs(interval) / dt));
    const double h = interval / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) {
      grid.t.push_back(times[k - 1] + static_cast<double>(i) * h);
      grid.h.push_back(h);
    }
    grid.outputs.push_back({grid.steps() - 1, 1.0});
  }
  return grid;
}

StepGrid published_grid(const std::vector<double>& times, double dt, ClockPrecision precision) {
  check_times(times, dt);
  if (direction(times) < 0)
    throw input_error("times", "`times` must increase strictly on the published grid.");
  return precision == ClockPrecision::Single ? running_clock<float>(times, dt)
                                             : running_clock<double>(times, dt);
}

}  // namespace fatefield
