// Takes states at two times; gives how far the profile of each cell has moved.
#include "analysis/criticality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRows = 32;

enum class Measure { Kl, Js, Path };

Measure measure_of(const std::string& name) {
  if (name == "kl") return Measure::Kl;
  if (name == "js") return Measure::Js;
  if (name == "path") return Measure::Path;
  throw input_error("measure", "`measure` is \"" + name + "\"; \"kl\", \"js\" or \"path\" is needed.");
}

void check(const MatrixView& before, const MatrixView& after, const std::vector<double>& mean,
           Measure measure, const CriticalityOptions& o) {
  if (before.rows != after.rows || before.cols != after.cols)
    throw input_error("object", "States before and after must be of the same cells and genes.");
  if (!(o.epsilon >= 0) || !std::isfinite(o.epsilon))
    throw input_error("epsilon", "`epsilon` must be a number of at least 0.");
  if (measure == Measure::Path || o.epsilon == 0) return;
  if (static_cast<std::int64_t>(mean.size()) != before.cols)
    throw input_error("mean.expression", "`mean.expression` has " + std::to_string(mean.size()) +
                                             " values, but there are " + std::to_string(before.cols) +
                                             " genes.");
  double sum = 0;
  for (const double m : mean) {
    if (!(m >= 0) || !std::isfinite(m))
      throw input_error("mean.expression", "`mean.expression` must be finite and not below 0.");
    sum += m;
  }
  if (sum == 0) throw input_error("mean.expression", "`mean.expression` is 0 for all genes.");
}

double divergence(double a, double b) { return a > 0 ? a * std::log(a / b) : 0.0; }

// a log(a / b) - a + b, infinite where only b is zero.
double generalised(double a, double b) {
  if (!(a > 0)) return b;
  return b > 0 ? a * std::log(a / b) - a + b : std::numeric_limits<double>::infinity();
}

double between(double a, double b, Measure measure, bool drop_infinite) {
  if (measure == Measure::Js) {
    const double middle = (a + b) / 2;
    return (divergence(a, middle) + divergence(b, middle)) / 2;
  }
  const double d = generalised(a, b);
  return drop_infinite && std::isinf(d) ? 0.0 : d;
}

}  // namespace

std::vector<double> profile_change(const MatrixView& before, const MatrixView& after,
                                   const std::vector<double>& mean, const CriticalityOptions& options) {
  const Measure measure = measure_of(options.measure);
  check(before, after, mean, measure, options);
  const std::int64_t n = before.rows, genes = before.cols;
  std::vector<double> out(static_cast<std::size_t>(n), 0.0);
  const bool add = measure != Measure::Path && options.epsilon > 0;
  const auto floor_of = [&](std::int64_t g) { return add ? options.epsilon * mean[g] : 0.0; };
  // A number that is not one stays so: max() would hide it.
  const auto positive = [](double x) { return x < 0 ? 0.0 : x; };
  parallel_for((n + kRows - 1) / kRows, [&](std::int64_t block) {
    const std::int64_t first = block * kRows, m = std::min(kRows, n - first);
    double total_before[kRows] = {}, total_after[kRows] = {}, sum[kRows] = {};
    if (measure == Measure::Path) {
      for (std::int64_t g = 0; g < genes; ++g) {
        for (std::int64_t i = 0; i < m; ++i) {
          const double step = after(first + i, g) - before(first + i, g);
          sum[i] += step * step;
        }
      }
      for (std::int64_t i = 0; i < m; ++i) out[first + i] = std::sqrt(sum[i]);
      return;
    }
    for (std::int64_t g = 0; g < genes; ++g) {
      const double low = floor_of(g);
      for (std::int64_t i = 0; i < m; ++i) {
        total_before[i] += positive(before(first + i, g)) + low;
        total_after[i] += positive(after(first + i, g)) + low;
      }
    }
    for (std::int64_t g = 0; g < genes; ++g) {
      const double low = floor_of(g);
      for (std::int64_t i = 0; i < m; ++i) {
        sum[i] +=
            between((positive(before(first + i, g)) + low) / total_before[i],
                    (positive(after(first + i, g)) + low) / total_after[i], measure, options.drop_infinite);
      }
    }
    for (std::int64_t i = 0; i < m; ++i) {
      // Rounding can leave a divergence of equal profiles a little below zero. A state without anything has
      // no profile.
      const bool known = std::isfinite(total_before[i]) && std::isfinite(total_after[i]) &&
                         total_before[i] > 0 && total_after[i] > 0;
      out[first + i] = known ? (sum[i] < 0 ? 0.0 : sum[i]) : std::numeric_limits<double>::quiet_NaN();
    }
  });
  return out;
}

}  // namespace fatefield
