// Takes a neural SDE; gives its drift or its probability flow as something to integrate.
#include "analysis/integrate_sde.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

// Differences over this share of the unit: far above the rounding of networks in single precision.
constexpr double kShare = 1e-2;
constexpr std::int64_t kRows = 16;
// Mass of the normal density beneath the kernels.
constexpr double kBeneath = 0.05;
// Points left out in turn to choose the width.
constexpr std::int64_t kLeftOut = 200;

Matrix from_rows(std::int64_t n, std::int64_t d, const double* x) {
  Matrix out(n, d);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < d; ++j) out(i, j) = x[i * d + j];
  }
  return out;
}

}  // namespace

SdeDynamics::SdeDynamics(std::int64_t dims, Drift drift, double unit, std::vector<FutureCloud> clouds)
    : dims_(dims), drift_(std::move(drift)), unit_(unit) {
  kernels_.resize(clouds.size());
  parallel_for(static_cast<std::int64_t>(clouds.size()), [&](std::int64_t i) {
    kernels_[static_cast<std::size_t>(i)] = kernels_of(clouds[static_cast<std::size_t>(i)]);
  });
}

SdeDynamics::Kernels SdeDynamics::kernels_of(const FutureCloud& cloud) {
  Kernels best;
  double most = -std::numeric_limits<double>::infinity();
  for (double b = 1; b > 0.1; b *= 0.75) {
    Kernels some = kernels_of(cloud, b);
    const double found = likelihood(some, cloud.states);
    if (found <= most) continue;
    most = found;
    best = std::move(some);
  }
  return best;
}

SdeDynamics::Kernels SdeDynamics::kernels_of(const FutureCloud& cloud, double b) {
  const Matrix& y = cloud.states;
  const auto entries = static_cast<std::size_t>((y.rows + 1) * y.cols);
  const auto m = static_cast<double>(y.rows);
  Kernels out{cloud.time,
              y.rows + 1,
              std::vector<double>(entries),
              std::vector<double>(entries),
              std::vector<double>(entries),
              std::vector<double>(static_cast<std::size_t>(y.rows + 1))};
  for (std::int64_t j = 0; j < y.cols; ++j) {
    double mean = 0, squares = 0, variance = 0;
    for (std::int64_t i = 0; i < y.rows; ++i) mean += y(i, j) / m;
    for (std::int64_t i = 0; i < y.rows; ++i) squares += (y(i, j) - mean) * (y(i, j) - mean);
    for (std::int64_t i = 0; i < y.rows; ++i) variance += cloud.variance(i, j) / m;
    // A dimension in which all points are alike would have kernels without width.
    const double sd = std::sqrt(std::max(squares / (m - 1), 1e-12));
    for (std::int64_t i = 0; i <= y.rows; ++i) {
      const bool beneath = i == y.rows;
      out.centre[i * y.cols + j] = beneath ? mean : mean + std::sqrt(1 - b * b) * (y(i, j) - mean);
      out.variance[i * y.cols + j] = beneath ? variance : cloud.variance(i, j);
      out.width[i * y.cols + j] = beneath ? sd : b * sd;
    }
  }
  std::fill(out.log_weight.begin(), out.log_weight.end(),
            std::log((1 - kBeneath) / m) - static_cast<double>(y.cols) * std::log(b));
  out.log_weight.back() = std::log(kBeneath);
  return out;
}

// The share of each kernel in the density at x, without kernel `skip`; the density itself up to a factor.
std::vector<double> SdeDynamics::shares(const Kernels& k, const double* x, std::int64_t skip,
                                        double* log_density) {
  const auto dims = static_cast<std::int64_t>(k.centre.size()) / k.count;
  std::vector<double> out(k.log_weight);
  double highest = -std::numeric_limits<double>::infinity(), total = 0;
  for (std::int64_t j = 0; j < k.count; ++j) {
    for (std::int64_t g = j * dims; g < (j + 1) * dims; ++g) {
      const double u = (x[g - j * dims] - k.centre[g]) / k.width[g];
      out[j] -= 0.5 * u * u;
    }
    if (j == skip) out[j] = -std::numeric_limits<double>::infinity();
    highest = std::max(highest, out[j]);
  }
  for (double& e : out) total += e = std::exp(e - highest);
  for (double& e : out) e /= total;
  *log_density = highest + std::log(total);
  return out;
}

// Mean log density of some points, each without its own kernel.
double SdeDynamics::likelihood(const Kernels& k, const Matrix& points) {
  std::vector<double> x(static_cast<std::size_t>(points.cols));
  const std::int64_t n = std::min(points.rows, kLeftOut);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t at = i * points.rows / n;
    for (std::int64_t g = 0; g < points.cols; ++g) x[g] = points(at, g);
    double log_density;
    shares(k, x.data(), at, &log_density);
    sum += log_density;
  }
  return sum / static_cast<double>(n);
}

// v += weight times the second term of the flow at the state x.
void SdeDynamics::add_flow(const Kernels& k, const double* x, double weight, double* v) const {
  double log_density;
  const std::vector<double> share = shares(k, x, -1, &log_density);
  for (std::int64_t j = 0; j < k.count; ++j) {
    const double w = weight * share[j] / 2;
    if (w == 0) continue;
    const double *centre = k.centre.data() + j * dims_, *variance = k.variance.data() + j * dims_,
                 *width = k.width.data() + j * dims_;
    for (std::int64_t g = 0; g < dims_; ++g)
      v[g] += w * variance[g] * (x[g] - centre[g]) / (width[g] * width[g]);
  }
}

void SdeDynamics::evaluate(std::int64_t n, const double* t, const double* x, double* v, FieldRoom&) const {
  const Matrix f = drift_(from_rows(n, dims_, x), std::vector<double>(t, t + n));
  parallel_for((n + kRows - 1) / kRows, [&](std::int64_t block) {
    for (std::int64_t i = block * kRows; i < std::min(n, (block + 1) * kRows); ++i) {
      for (std::int64_t g = 0; g < dims_; ++g) v[i * dims_ + g] = f(i, g);
      if (kernels_.empty()) continue;
      const auto after = std::upper_bound(kernels_.begin() + 1, kernels_.end() - 1, t[i],
                                          [](double time, const Kernels& k) { return time < k.time; });
      const Kernels &a = *(after - 1), &b = *after;
      const double share = std::min(1.0, std::max(0.0, (t[i] - a.time) / (b.time - a.time)));
      if (share < 1) add_flow(a, x + i * dims_, 1 - share, v + i * dims_);
      if (share > 0) add_flow(b, x + i * dims_, share, v + i * dims_);
    }
  });
}

void SdeDynamics::push(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
                       FieldRoom& room) const {
  const auto entries = static_cast<std::size_t>(n * dims_);
  std::vector<double> up(x, x + entries), down(up), low(entries), step(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    double length = 0;
    for (std::int64_t g = 0; g < dims_; ++g) length += delta[i * dims_ + g] * delta[i * dims_ + g];
    step[i] = length > 0 ? kShare * unit_ / std::sqrt(length) : 1.0;
    for (std::int64_t g = 0; g < dims_; ++g) {
      up[i * dims_ + g] += step[i] * delta[i * dims_ + g];
      down[i * dims_ + g] -= step[i] * delta[i * dims_ + g];
    }
  }
  evaluate(n, t, up.data(), out, room);
  evaluate(n, t, down.data(), low.data(), room);
  for (std::size_t e = 0; e < entries; ++e)
    out[e] = (out[e] - low[e]) / (2 * step[e / static_cast<std::size_t>(dims_)]);
}

namespace {

SdeDynamics::Drift drift_of(const NeuralSde& model) {
  return [&model](const MatrixView& x, const std::vector<double>& t) { return model.drift(x, t); };
}

// `points` rows of x, evenly spread; with more points than rows some rows come again.
Matrix spread_rows(const MatrixView& x, std::int64_t points) {
  Matrix out(points, x.cols);
  for (std::int64_t i = 0; i < points; ++i) {
    const std::int64_t from = points >= x.rows ? i % x.rows : i * x.rows / points;
    for (std::int64_t j = 0; j < x.cols; ++j) out(i, j) = x(from, j);
  }
  return out;
}

}  // namespace

SdeDynamics drift_dynamics(const NeuralSde& model) {
  return SdeDynamics(model.dims(), drift_of(model), model.scaling().scale);
}

SdeDynamics flow_dynamics(const NeuralSde& model, const FlowRequest& request, const KeepGoing& keep_going) {
  const std::string& noise = model.options().diffusion;
  if (noise == "lowrank" || noise == "rank1")
    throw input_error("path",
                      "The noise of this model is \"" + noise +
                          "\", so that its dimensions move together; the probability flow is made for "
                          "noise of each dimension by itself. Take `path` \"drift\".");
  SimulationRequest s;
  s.seed = request.seed;
  for (std::int64_t k = 0; k < request.clouds; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(request.clouds - 1);
    s.times.push_back(request.start + share * (request.end - request.start));
  }
  const Simulation paths = model.simulate(spread_rows(request.population, request.points), s, keep_going);
  std::vector<FutureCloud> clouds;
  for (std::int64_t k = 0; k < paths.times; ++k) {
    FutureCloud c{s.times[k], Matrix(paths.trajectories, paths.dims), Matrix()};
    std::copy_n(paths.states.data() + paths.trajectories * paths.dims * k, paths.trajectories * paths.dims,
                c.states.values.begin());
    c.variance = model.diffusion(c.states, c.time);
    for (double& g : c.variance.values) g *= g;
    clouds.push_back(std::move(c));
  }
  return SdeDynamics(model.dims(), drift_of(model), model.scaling().scale, std::move(clouds));
}

}  // namespace fatefield
