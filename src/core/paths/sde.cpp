// Takes a neural SDE; gives its drift or its probability flow as something to integrate.
#include "paths/sde.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

// Differences over this share of the unit: far above the rounding of networks in single precision.
constexpr double kShare = 1e-2;
constexpr std::int64_t kRows = 16;

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
  const auto n = static_cast<std::int64_t>(clouds.size());
  std::vector<std::optional<CloudDensity>> found(clouds.size());
  parallel_for(n, [&](std::int64_t i) {
    const FutureCloud& cloud = clouds[i];
    const double interval = n < 2 ? 0 : (clouds[n - 1].time - clouds[0].time) / static_cast<double>(n - 1);
    found[i].emplace(cloud.states, cloud.variance, interval);
  });
  for (std::int64_t i = 0; i < n; ++i) clouds_.push_back({clouds[i].time, std::move(*found[i])});
}

void SdeDynamics::evaluate(std::int64_t n, const double* t, const double* x, double* v,
                           FieldWorkspace&) const {
  const Matrix f = drift_(from_rows(n, dims_, x), std::vector<double>(t, t + n));
  parallel_for((n + kRows - 1) / kRows, [&](std::int64_t block) {
    for (std::int64_t i = block * kRows; i < std::min(n, (block + 1) * kRows); ++i) {
      for (std::int64_t g = 0; g < dims_; ++g) v[i * dims_ + g] = f(i, g);
      if (clouds_.empty()) continue;
      const auto after = std::upper_bound(clouds_.begin() + 1, clouds_.end() - 1, t[i],
                                          [](double time, const Known& k) { return time < k.time; });
      const Known &a = *(after - 1), &b = *after;
      const double share = std::min(1.0, std::max(0.0, (t[i] - a.time) / (b.time - a.time)));
      if (share < 1) a.density.add_velocity(x + i * dims_, 1 - share, v + i * dims_);
      if (share > 0) b.density.add_velocity(x + i * dims_, share, v + i * dims_);
    }
  });
}

void SdeDynamics::jvp(std::int64_t n, const double* t, const double* x, const double* delta, double* out,
                      FieldWorkspace& workspace) const {
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
  evaluate(n, t, up.data(), out, workspace);
  evaluate(n, t, down.data(), low.data(), workspace);
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
    // Rows that were repeated are the same points at the start, and count once.
    const std::int64_t points =
        k > 0 ? paths.trajectories
              : std::min(paths.trajectories, std::max<std::int64_t>(2, request.population.rows));
    FutureCloud c{s.times[k], Matrix(points, paths.dims), Matrix()};
    for (std::int64_t j = 0; j < paths.dims; ++j)
      std::copy_n(paths.states.data() + paths.trajectories * (j + paths.dims * k), points,
                  c.states.values.begin() + points * j);
    c.variance = model.diffusion(c.states, c.time);
    for (double& g : c.variance.values) g *= g;
    clouds.push_back(std::move(c));
  }
  return SdeDynamics(model.dims(), drift_of(model), model.scaling().scale, std::move(clouds));
}

}  // namespace fatefield
