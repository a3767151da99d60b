// Takes points of a cloud; gives its density's velocity under noise.
#include "paths/density.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fatefield {
namespace {

// Mass of the normal density beneath the kernels.
constexpr double kBeneath = 0.05;
// Points left out in turn to choose the width.
constexpr std::int64_t kLeftOut = 200;
constexpr double kNever = -std::numeric_limits<double>::infinity();

}  // namespace

CloudDensity::CloudDensity(const Matrix& points, const Matrix& variance, double least)
    : CloudDensity(points, variance, least, 1) {
  double most = likelihood(points);
  for (double b = 0.75; b > 0.1; b *= 0.75) {
    CloudDensity narrower(points, variance, least, b);
    const double found = narrower.likelihood(points);
    if (found <= most) continue;
    most = found;
    *this = std::move(narrower);
  }
}

CloudDensity::CloudDensity(const Matrix& y, const Matrix& variance, double least, double width)
    : dims_(y.cols) {
  const auto entries = static_cast<std::size_t>((y.rows + 1) * y.cols);
  for (auto* rows : {&centre_, &variance_, &scale_}) rows->resize(entries);
  const auto m = static_cast<double>(y.rows);
  double log_volume = 0;
  for (std::int64_t j = 0; j < dims_; ++j) {
    double mean = 0, squares = 0, noise = 0;
    for (std::int64_t i = 0; i < y.rows; ++i) mean += y(i, j) / m;
    for (std::int64_t i = 0; i < y.rows; ++i) squares += (y(i, j) - mean) * (y(i, j) - mean);
    for (std::int64_t i = 0; i < y.rows; ++i) noise += variance(i, j) / m;
    // A dimension in which all points are alike would have kernels without width.
    const double blur = std::max(least * noise, 1e-12);
    const double total = std::max(squares / (m - 1), blur), kernel = std::max(width * width * total, blur);
    const double shrink = std::sqrt(1 - kernel / total);
    log_volume += 0.5 * std::log(kernel / total);
    for (std::int64_t i = 0; i <= y.rows; ++i) {
      const bool beneath = i == y.rows;
      centre_[i * dims_ + j] = beneath ? mean : mean + shrink * (y(i, j) - mean);
      variance_[i * dims_ + j] = beneath ? noise : variance(i, j);
      scale_[i * dims_ + j] = std::sqrt(beneath ? total : kernel);
    }
  }
  log_weight_.assign(static_cast<std::size_t>(y.rows + 1), std::log((1 - kBeneath) / m) - log_volume);
  log_weight_.back() = std::log(kBeneath);
}

std::vector<double> CloudDensity::shares(const double* x, std::int64_t skip, double* log_density) const {
  std::vector<double> out(log_weight_);
  double highest = kNever, total = 0;
  for (std::size_t j = 0; j < out.size(); ++j) {
    const std::size_t at = j * static_cast<std::size_t>(dims_);
    for (std::int64_t g = 0; g < dims_; ++g) {
      const double u = (x[g] - centre_[at + g]) / scale_[at + g];
      out[j] -= 0.5 * u * u;
    }
    if (static_cast<std::int64_t>(j) == skip) out[j] = kNever;
    highest = std::max(highest, out[j]);
  }
  for (double& e : out) total += e = std::exp(e - highest);
  for (double& e : out) e /= total;
  *log_density = highest + std::log(total);
  return out;
}

// Mean log density of some points, each without its own kernel.
double CloudDensity::likelihood(const Matrix& points) const {
  std::vector<double> x(static_cast<std::size_t>(dims_));
  const std::int64_t n = std::min(points.rows, kLeftOut);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t at = i * points.rows / n;
    for (std::int64_t g = 0; g < dims_; ++g) x[g] = points(at, g);
    double log_density;
    shares(x.data(), at, &log_density);
    sum += log_density;
  }
  return sum / static_cast<double>(n);
}

void CloudDensity::add_velocity(const double* x, double weight, double* v) const {
  double log_density;
  const std::vector<double> share = shares(x, -1, &log_density);
  for (std::size_t j = 0; j < share.size(); ++j) {
    const double w = weight * share[j] / 2;
    if (w == 0) continue;
    const std::size_t at = j * static_cast<std::size_t>(dims_);
    for (std::int64_t g = 0; g < dims_; ++g)
      v[g] += w * variance_[at + g] * (x[g] - centre_[at + g]) / (scale_[at + g] * scale_[at + g]);
  }
}

}  // namespace fatefield
