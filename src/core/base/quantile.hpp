// Quantiles by linear interpolation between order statistics: R's type 7, the default of R and of NumPy.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace fatefield {

/// The q-quantile of `x`, q in [0, 1]; NaN for no values. `x` must hold no NaN.
inline double quantile(std::vector<double> x, double q) {
  if (x.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = q * static_cast<double>(x.size() - 1);
  const auto low = static_cast<std::ptrdiff_t>(std::floor(at));
  std::nth_element(x.begin(), x.begin() + low, x.end());
  const double below = x[static_cast<std::size_t>(low)];
  if (static_cast<double>(low) == at) return below;
  const double above = *std::min_element(x.begin() + low + 1, x.end());
  return below + (at - static_cast<double>(low)) * (above - below);
}

}  // namespace fatefield
