// Takes the number of fates and options; gives potential, drift, diffusion, growth and shares at a state.
#include "sim/landscape.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"

namespace fatefield {
namespace {

constexpr double kReach = 2.0;   // L
constexpr double kRadius = 1.5;  // a
constexpr double kGateAt = 1.0;
constexpr double kGateWidth = 0.12;
constexpr double kHeat = 0.9;
constexpr double kCommitted = 0.9;
constexpr std::int64_t kMostFates = 26;

double require(const char* name, double value, double least, const char* needed) {
  if (!std::isfinite(value) || value < least) {
    throw input_error(
        name, std::string("`") + name + "` is " + std::to_string(value) + "; " + needed + " is needed.");
  }
  return value;
}

// Corners of a regular simplex at distance 1 from the origin, in n - 1 dimensions: any two have the inner
// product -1 / (n - 1).
std::vector<double> simplex(std::int64_t n) {
  const std::int64_t d = n - 1;
  std::vector<double> v(static_cast<std::size_t>(n * d), 0.0);
  for (std::int64_t i = 0; i < d; ++i) {
    double left = 1.0;
    for (std::int64_t j = 0; j < i; ++j) left -= v[i * d + j] * v[i * d + j];
    v[i * d + i] = std::sqrt(left);
    for (std::int64_t k = i + 1; k < n; ++k) {
      double inner = -1.0 / static_cast<double>(d);
      for (std::int64_t j = 0; j < i; ++j) inner -= v[k * d + j] * v[i * d + j];
      v[k * d + i] = inner / v[i * d + i];
    }
  }
  return v;
}

}  // namespace

Landscape::Landscape(std::int64_t n_fates, const DifferentiationOptions& options) : n_fates_(n_fates) {
  if (n_fates < 2 || n_fates > kMostFates) {
    throw input_error("n.fates",
                      "`n.fates` is " + std::to_string(n_fates) + "; 2 to 26 fates can be simulated.");
  }
  speed_ = require("speed", options.speed, 0, "a number of at least 0");
  noise_ = require("noise", options.noise, 0, "a number of at least 0");
  temperature_ = kHeat / static_cast<double>(n_fates - 1);
  growth_ = options.growth;
  if (growth_.size() == 1) growth_.assign(static_cast<std::size_t>(n_fates), growth_[0]);
  if (growth_.size() != static_cast<std::size_t>(n_fates)) {
    throw input_error("growth", "`growth` has " + std::to_string(growth_.size()) +
                                    " values; one, or one for each of the " + std::to_string(n_fates) +
                                    " fates is needed.");
  }
  for (double g : growth_) {
    if (!std::isfinite(g)) throw input_error("growth", "`growth` holds a value that is not finite.");
  }
  corners_ = simplex(n_fates);
}

bool Landscape::still() const {
  return std::all_of(growth_.begin(), growth_.end(), [](double g) { return g == 0; });
}

std::vector<double> Landscape::attractor(std::int64_t k) const {
  std::vector<double> z{kReach};
  for (std::int64_t j = 0; j + 1 < dims(); ++j) z.push_back(kRadius * corner(k)[j]);
  return z;
}

void Landscape::at(const double* z, LandscapePoint& out) const {
  const std::int64_t side = dims() - 1;
  const double* y = z + 1;
  out.shares.resize(static_cast<std::size_t>(n_fates_));
  out.drift.resize(static_cast<std::size_t>(dims()));
  const double gate = 1.0 / (1.0 + std::exp(-(z[0] - kGateAt) / kGateWidth));
  const double gate_slope = gate * (1.0 - gate) / kGateWidth;

  double largest = -INFINITY, square = 0;
  for (std::int64_t k = 0; k < n_fates_; ++k) {
    double along = 0;
    for (std::int64_t j = 0; j < side; ++j) along += corner(k)[j] * y[j];
    out.shares[k] = along;
    largest = std::max(largest, along);
  }
  // Shares are a soft maximum; the largest exponent is taken out so that none overflows.
  const double sharpness = gate * kRadius / temperature_;
  double total = 0, towards = 0;
  for (double& share : out.shares) {
    const double along = share;
    share = std::exp(sharpness * (along - largest));
    total += share;
    towards += share * along;
  }
  towards /= total;
  std::fill(out.drift.begin(), out.drift.end(), 0.0);
  double purity = 0, growth = 0;
  for (std::int64_t k = 0; k < n_fates_; ++k) {
    out.shares[k] /= total;
    purity += out.shares[k] * out.shares[k];
    growth += out.shares[k] * growth_[k];
    for (std::int64_t j = 0; j < side; ++j) out.drift[j + 1] += out.shares[k] * corner(k)[j];
  }
  for (std::int64_t j = 0; j < side; ++j) {
    out.drift[j + 1] = speed_ * (gate * kRadius * out.drift[j + 1] - y[j]);
    square += y[j] * y[j];
  }
  out.drift[0] = speed_ * (kReach - z[0] + gate_slope * kRadius * towards);
  const double soft_largest =
      gate * kRadius * largest + temperature_ * std::log(total / static_cast<double>(n_fates_));
  out.potential = speed_ * (0.5 * (z[0] - kReach) * (z[0] - kReach) + 0.5 * square - soft_largest);
  const double n = static_cast<double>(n_fates_);
  out.diffusion = noise_ * (0.5 + 0.5 * (1.0 - purity) * n / (n - 1.0));
  out.growth = growth;
}

std::int64_t Landscape::nearest_fate(const double* z) const {
  std::int64_t best = 0;
  double largest = -INFINITY;
  for (std::int64_t k = 0; k < n_fates_; ++k) {
    double along = 0;
    for (std::int64_t j = 0; j + 1 < dims(); ++j) along += corner(k)[j] * z[j + 1];
    if (along > largest) {
      largest = along;
      best = k;
    }
  }
  return best;
}

std::int64_t Landscape::state(const LandscapePoint& point) {
  const auto most = std::max_element(point.shares.begin(), point.shares.end());
  return *most > kCommitted ? most - point.shares.begin() : -1;
}

}  // namespace fatefield
