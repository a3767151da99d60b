// Takes a velocity and observed cells, or what is known of a field's data; gives lengths and times.
#include "paths/scales.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "base/quantile.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kCells = 2000;

double distance(const Matrix& z, std::int64_t a, std::int64_t b) {
  double sum = 0;
  for (std::int64_t c = 0; c < z.cols; ++c) sum += (z(a, c) - z(b, c)) * (z(a, c) - z(b, c));
  return std::sqrt(sum);
}

std::vector<std::int64_t> spread_cells(std::int64_t n) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(std::min(n, kCells)));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::int64_t>(i) * n / static_cast<std::int64_t>(out.size());
  }
  return out;
}

double median_radius(const CellSpace& cells, const std::vector<std::int64_t>& which) {
  const Neighbours near = cells.index().query_self(which, cells.k());
  std::vector<double> last;
  for (std::int64_t i = 0; i < near.n; ++i) last.push_back(near.distance[(i + 1) * near.k - 1]);
  return quantile(std::move(last), 0.5);
}

// Distances of each cell to those a few and many places on.
double extent_of(const CellSpace& cells, const std::vector<std::int64_t>& which) {
  const auto n = static_cast<std::int64_t>(which.size());
  std::vector<double> all;
  for (const std::int64_t shift : {n / 2, n / 3, n / 5, n / 7, std::int64_t{1}}) {
    for (std::int64_t i = 0; i < n && shift > 0; ++i)
      all.push_back(distance(cells.coordinates(), which[i], which[(i + shift) % n]));
  }
  return quantile(std::move(all), 0.95);
}

double median_speed(const Dynamics& f, const CellSpace& cells, const std::vector<std::int64_t>& which,
                    double kappa, double time) {
  const auto n = static_cast<std::int64_t>(which.size());
  const std::int64_t d = cells.dims(), p = cells.components();
  std::vector<double> x(static_cast<std::size_t>(n * d)), v(x.size()), dz(static_cast<std::size_t>(n * p));
  for (std::int64_t i = 0; i < n; ++i) cells.copy_cell(which[i], x.data() + i * d);
  cells.smooth(n, x.data());
  const std::vector<double> t(static_cast<std::size_t>(n), time);
  f.evaluate(n, t.data(), x.data(), v.data(), *f.workspace());
  cells.project_change(n, x.data(), v.data(), dz.data());
  std::vector<double> speed;
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t c = 0; c < p; ++c) sum += dz[i * p + c] * dz[i * p + c];
    speed.push_back(kappa * std::sqrt(sum));
  }
  return quantile(std::move(speed), 0.5);
}

}  // namespace

CellScales cell_scales(const Dynamics& f, const CellSpace& cells, double kappa, double time) {
  const std::vector<std::int64_t> which = spread_cells(cells.cells().rows);
  CellScales out;
  out.radius = median_radius(cells, which);
  out.extent = extent_of(cells, which);
  out.speed = median_speed(f, cells, which, kappa, time);
  if (!(out.speed > 0) || !std::isfinite(out.speed))
    throw numeric_error(
        "Half of the cells do not move, so that the data say nothing of how long to integrate: give `t.out` "
        "and `snap.every`.");
  return out;
}

IntegrateOptions published_integrate_options() {
  IntegrateOptions o;
  o.solver = "rk23";
  o.snap = "full";
  o.snap_every = static_cast<double>(o.points - 1);
  o.positive = false;
  o.fixed_point = 0;
  o.support = "none";
  o.shadow = "never";
  return o;
}

double published_kappa(const FieldStatistics& data, const std::string& how, double q) {
  double kappa = 0;
  if (how == "quantile") {
    std::vector<double> ratio;
    for (std::size_t g = 0; g < data.mean_state.size(); ++g) {
      if (data.mean_state[g] > 0) ratio.push_back(data.mean_velocity[g] / data.mean_state[g]);
    }
    kappa = quantile(std::move(ratio), q);
  } else if (how == "ratio") {
    double velocity = 0, state = 0;
    for (std::size_t g = 0; g < data.mean_state.size(); ++g) {
      velocity += data.abs_velocity[g];
      state += data.mean_state[g];
    }
    kappa = velocity / state;
  } else {
    throw input_error("kappa", "`kappa` is \"" + how + "\"; a number, \"quantile\" or \"ratio\" is needed.");
  }
  if (kappa > 0 && std::isfinite(kappa)) return kappa;
  throw input_error("kappa", "`kappa` = \"" + how + "\" gives " + std::to_string(kappa) +
                                 " for these data, but the clock needs a number above 0; give one.");
}

double published_steps(const FieldStatistics& data, double q) {
  std::vector<double> steps;
  for (std::size_t g = 0; g < data.sd_state.size(); ++g) {
    if (data.mean_velocity[g] != 0) steps.push_back(std::abs(2 * data.sd_state[g] / data.mean_velocity[g]));
  }
  return std::floor(quantile(std::move(steps), q));
}

}  // namespace fatefield
