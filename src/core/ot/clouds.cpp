// Takes clouds and options; gives errors in the user's words, weights, the box around points and the
// temperatures of the annealing.
#include "ot/clouds.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace fatefield {
namespace {

// Single-precision weights of a hundred thousand points may miss their sum by this much.
constexpr double kMassTolerance = 1e-3;

std::string shown(double v) {
  std::string s = std::to_string(v);
  s.erase(s.find_last_not_of('0') + 1);
  if (!s.empty() && s.back() == '.') s.pop_back();
  return s;
}

void need(bool fits, const char* name, const std::string& what, const std::string& found) {
  if (!fits) throw input_error(name, std::string("`") + name + "` must be " + what + ", not " + found + ".");
}

bool at_least(double v, double low) { return std::isfinite(v) && v >= low; }

}  // namespace

void check_options(const SinkhornOptions& o) {
  need(o.p == 1 || o.p == 2, "p", "1 or 2", std::to_string(o.p));
  need(std::isfinite(o.blur) && o.blur > 0, "blur", "one number above 0", shown(o.blur));
  need(o.scaling > 0 && o.scaling < 1, "scaling", "one number between 0 and 1, both excluded",
       shown(o.scaling));
  need(at_least(o.reach, 0), "reach", "one number of at least 0 (0 means balanced)", shown(o.reach));
  need(at_least(o.diameter, 0), "diameter", "one number of at least 0 (0 takes it from the points)",
       shown(o.diameter));
  need(at_least(o.tolerance, 0), "tolerance", "one number of at least 0", shown(o.tolerance));
  need(o.max_iterations >= 1, "max.iterations", "one whole number of at least 1",
       std::to_string(o.max_iterations));
  need(o.precision == "float32" || o.precision == "float64", "precision", "\"float32\" or \"float64\"",
       "\"" + o.precision + "\"");
}

std::vector<double> epsilon_schedule(const SinkhornOptions& o, double diameter) {
  const double p = static_cast<double>(o.p);
  const double last = std::pow(o.blur, p);
  diameter = std::max(diameter, o.blur);
  const double from = p * std::log(diameter), to = p * std::log(o.blur), step = p * std::log(o.scaling);
  std::vector<double> out = {std::pow(diameter, p)};
  const auto n = static_cast<std::int64_t>(std::ceil((to - from) / step));
  for (std::int64_t k = 0; k < n; ++k) out.push_back(std::exp(from + static_cast<double>(k) * step));
  out.push_back(last);
  return out;
}

template <typename T>
double bounding_diameter(const std::vector<Cloud<T>>& clouds) {
  if (clouds.empty()) return 0.0;
  const std::int64_t dims = clouds.front().dims;
  double sum = 0.0;
  for (std::int64_t d = 0; d < dims; ++d) {
    double low = INFINITY, high = -INFINITY;
    for (const Cloud<T>& c : clouds) {
      for (std::int64_t i = 0; i < c.n; ++i) {
        const double v = c.points[i * dims + d];
        low = std::min(low, v);
        high = std::max(high, v);
      }
    }
    if (high > low) sum += (high - low) * (high - low);
  }
  return std::sqrt(sum);
}

namespace ot {

template <typename T>
std::vector<double> weights_of(const Cloud<T>& cloud) {
  if (cloud.weights == nullptr) {
    return std::vector<double>(static_cast<std::size_t>(cloud.n), 1.0 / static_cast<double>(cloud.n));
  }
  return std::vector<double>(cloud.weights, cloud.weights + cloud.n);
}

template <typename T>
void check_cloud(const Cloud<T>& cloud, const std::string& argument) {
  const std::string name = "`" + argument + "`";
  if (cloud.n < 1 || cloud.dims < 1) {
    throw input_error(argument, name + " is empty: " + std::to_string(cloud.n) + " x " +
                                    std::to_string(cloud.dims) + "; at least one point is needed.");
  }
  for (std::int64_t k = 0; k < cloud.n * cloud.dims; ++k) {
    if (std::isfinite(cloud.points[k])) continue;
    throw input_error(argument, name + " must be finite: point " + std::to_string(k / cloud.dims + 1) +
                                    ", dimension " + std::to_string(k % cloud.dims + 1) + " is not.");
  }
  if (cloud.weights == nullptr) return;
  const std::string weights = "weights." + argument;
  double mass = 0.0;
  for (std::int64_t i = 0; i < cloud.n; ++i) {
    const double w = cloud.weights[i];
    if (!std::isfinite(w) || w < 0) {
      throw input_error(weights, "`" + weights + "` must be finite and not negative: number " +
                                     std::to_string(i + 1) + " is " + std::to_string(w) + ".");
    }
    mass += w;
  }
  if (!(mass > 0)) throw input_error(weights, "`" + weights + "` are all zero: some mass is needed.");
}

template <typename T>
void check_pair(const Cloud<T>& x, const Cloud<T>& y, bool balanced) {
  check_cloud(x, "x");
  check_cloud(y, "y");
  if (x.dims != y.dims) {
    throw input_error("y", "`y` must have as many dimensions as `x`: " + std::to_string(y.dims) + " and " +
                               std::to_string(x.dims) + " were given.");
  }
  if (!balanced) return;
  const std::vector<double> a = weights_of(x), b = weights_of(y);
  const double mass_a = std::accumulate(a.begin(), a.end(), 0.0);
  const double mass_b = std::accumulate(b.begin(), b.end(), 0.0);
  if (std::abs(mass_a - mass_b) > kMassTolerance * std::max(mass_a, mass_b)) {
    throw input_error("weights.y", "`weights.y` must sum to what `weights.x` sums to (" + shown(mass_a) +
                                       "), not " + shown(mass_b) + ", unless `reach` is above 0.");
  }
}

template std::vector<double> weights_of(const Cloud<float>&);
template std::vector<double> weights_of(const Cloud<double>&);
template void check_cloud(const Cloud<float>&, const std::string&);
template void check_cloud(const Cloud<double>&, const std::string&);
template void check_pair(const Cloud<float>&, const Cloud<float>&, bool);
template void check_pair(const Cloud<double>&, const Cloud<double>&, bool);

}  // namespace ot

template double bounding_diameter(const std::vector<Cloud<float>>&);
template double bounding_diameter(const std::vector<Cloud<double>>&);

}  // namespace fatefield
