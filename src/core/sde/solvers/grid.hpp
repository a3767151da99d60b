// The steps between observed times. Takes observed times (increasing) and a target step, in the same unit;
// gives the start and length of every step and where the observed times lie among them. No torch here.
#pragma once

#include <cstdint>
#include <vector>

namespace fatefield {

/// Where an observed time lies: between the states before and after step `step` (counted from 0).
struct GridOutput {
  std::int64_t step;  ///< -1 for the start, which is no step's end
  double weight;      ///< state = (1 - weight) * before + weight * after; 1 where the step ends at the time
};

struct StepGrid {
  std::vector<double> t;            ///< start of each step
  std::vector<double> h;            ///< length of each step
  std::vector<GridOutput> outputs;  ///< one per observed time, in order

  std::int64_t steps() const { return static_cast<std::int64_t>(t.size()); }
};

/// Whole numbers of equal steps: interval k takes n_k = max(1, round(interval / dt)) steps of interval / n_k.
/// Every observed time is the end of a step. Times may also decrease throughout; the steps are then negative.
StepGrid step_grid(const std::vector<double>& times, double dt);

/// Precision of the clock that published_grid() adds up.
enum class ClockPrecision { Single, Double };

/// The grid of torchsde: a clock adds dt until it passes each observed time, the last step is cut at the end,
/// and observed times inside a step are interpolated linearly. Rounding of the clock can leave a sliver of a
/// last step: 2, 4, 6 at dt = 0.1 take 41 steps. For the reproduction of published runs only.
StepGrid published_grid(const std::vector<double>& times, double dt,
                        ClockPrecision precision = ClockPrecision::Single);

}  // namespace fatefield
