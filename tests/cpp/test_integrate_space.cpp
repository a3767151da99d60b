// Observed cells beneath an integration: coordinates, neighbour projection, support, noise of cells, and the
// spans that follow from them, against what is written down once more or known.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/rng.hpp"
#include "paths.hpp"
#include "paths/scales.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

SparseRows sparse_of(std::int64_t dims, const std::vector<double>& rows) {
  SparseRows out;
  out.rows = static_cast<std::int64_t>(rows.size()) / dims;
  out.cols = dims;
  out.start = {0};
  for (std::int64_t i = 0; i < out.rows; ++i) {
    for (std::int64_t g = 0; g < dims; ++g) {
      if (rows[i * dims + g] == 0) continue;
      out.index.push_back(static_cast<std::int32_t>(g));
      out.value.push_back(rows[i * dims + g]);
    }
    out.start.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

// n cells of `dims` genes, counts with many zeros.
std::vector<double> counts(std::int64_t n, std::int64_t dims) {
  std::vector<double> out(static_cast<std::size_t>(n * dims));
  for (std::size_t e = 0; e < out.size(); ++e)
    out[e] = std::max(0.0, std::floor(6 * uniform(3, Stream::Simulator, e, 0) - 2)) *
             (1 + static_cast<double>(e % 7) / 7);
  return out;
}

CellAxes some_space(std::int64_t dims, std::int64_t components) {
  CellAxes s;
  s.log = true;
  s.rotation = Matrix(dims, components);
  for (std::int64_t g = 0; g < dims; ++g) {
    s.centre.push_back(0.1 * static_cast<double>(g));
    for (std::int64_t c = 0; c < components; ++c)
      s.rotation(g, c) = std::sin(static_cast<double>(1 + g + 3 * c));
  }
  return s;
}

std::vector<double> naive_coordinates(const CellAxes& s, const double* x) {
  std::vector<double> z(static_cast<std::size_t>(s.rotation.cols));
  for (std::int64_t c = 0; c < s.rotation.cols; ++c) {
    for (std::int64_t g = 0; g < s.rotation.rows; ++g)
      z[c] += ((x[g] >= 0 ? std::log1p(x[g]) : x[g]) - s.centre[g]) * s.rotation(g, c);
  }
  return z;
}

// Cells by their distance from a state in the space, nearest first.
std::vector<std::pair<double, std::int64_t>> naive_order(const CellAxes& s, const std::vector<double>& cells,
                                                         const double* x) {
  const std::vector<double> z = naive_coordinates(s, x);
  std::vector<std::pair<double, std::int64_t>> out;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(cells.size()) / s.rotation.rows; ++i) {
    const std::vector<double> y = naive_coordinates(s, cells.data() + i * s.rotation.rows);
    double sum = 0;
    for (std::size_t c = 0; c < z.size(); ++c) sum += (y[c] - z[c]) * (y[c] - z[c]);
    out.emplace_back(std::sqrt(sum), i);
  }
  std::sort(out.begin(), out.end());
  return out;
}

IntegrateOptions snapping(const std::string& how, std::int64_t k, double every = 0.5) {
  IntegrateOptions o = plain_options("dopri5");
  o.snap = how;
  o.k = k;
  o.snap_every = every;
  return o;
}

Paths with_cells(const Dynamics& f, const Matrix& starts, const std::vector<double>& times,
                 const CellSpace& cells, const IntegrateOptions& o, bool coordinates = false) {
  IntegrationRequest r;
  r.starts = starts;
  r.times = times;
  r.cells = &cells;
  r.keep_coordinates = coordinates;
  return integrate_cells(f, r, o, {});
}

// Cells at 0, 1, ..., n - 1 on a line.
SparseRows line(std::int64_t n) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<double>(i));
  return sparse_of(1, x);
}

GivenDynamics constant_motion(double speed) {
  return GivenDynamics(1, [speed](double, const double*, double* v) { v[0] = speed; });
}

}  // namespace

TEST_CASE("coordinates and their changes are those of log1p and a rotation", "[integrate]") {
  const std::int64_t genes = 7;
  const CellAxes space = some_space(genes, 3);
  const CellSpace cells(sparse_of(genes, counts(40, genes)), space, snapping("none", 5));
  const std::vector<double> x = {0, 1.5, -0.4, 20, 3, 0.2, 7}, v = {1, -2, 0.5, 3, -1, 0.1, 2};
  std::vector<double> z(3), moved(3), change(3), ahead = x;
  cells.project(1, x.data(), z.data());
  const std::vector<double> wanted = naive_coordinates(space, x.data());
  for (int c = 0; c < 3; ++c) CHECK(z[c] == Approx(wanted[c]));
  for (std::int64_t g = 0; g < genes; ++g) ahead[g] += 1e-7 * v[g];
  cells.project(1, ahead.data(), moved.data());
  cells.project_change(1, x.data(), v.data(), change.data());
  for (int c = 0; c < 3; ++c) CHECK(change[c] == Approx((moved[c] - z[c]) / 1e-7).epsilon(1e-4));
  // Without rotation and logarithm coordinates are the states.
  const CellSpace plain(line(9), CellAxes(), snapping("none", 3));
  CHECK(plain.components() == 1);
  CHECK(plain.coordinates()(4, 0) == 4);
}

TEST_CASE("components of the logarithms are orthonormal and hold the variance", "[integrate]") {
  const std::int64_t genes = 9, n = 200;
  const std::vector<double> all = counts(n, genes);
  const CellAxes space = log_components(sparse_of(genes, all), genes);
  const CellSpace cells(sparse_of(genes, all), space, snapping("none", 5));
  double total = 0, held = 0, before = 1e9;
  for (std::int64_t g = 0; g < genes; ++g) {
    double mean = 0, squares = 0, score = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += std::log1p(all[i * genes + g]) / n;
    for (std::int64_t i = 0; i < n; ++i) squares += std::pow(std::log1p(all[i * genes + g]) - mean, 2);
    for (std::int64_t i = 0; i < n; ++i) score += cells.coordinates()(i, g) * cells.coordinates()(i, g);
    CHECK(space.centre[g] == Approx(mean));
    CHECK(score < before * (1 + 1e-9));
    before = score;
    total += squares;
    held += score;
  }
  CHECK(held == Approx(total));
  CHECK_THROWS_AS(log_components(sparse_of(genes, all), genes + 1), Error);
}

TEST_CASE("states are projected onto their nearest cells", "[integrate]") {
  const std::int64_t genes = 7, k = 6;
  const std::vector<double> all = counts(60, genes);
  const CellAxes space = some_space(genes, 3);
  std::vector<double> x = counts(4, genes);
  for (double& e : x) e = 0.7 * e + 0.3;
  for (const std::string how : {"mean", "median", "partial"}) {
    INFO(how);
    IntegrateOptions o = snapping(how == "partial" ? "partial" : "full", k);
    if (how == "median") o.snap_statistic = "median";
    o.snap_share = 0.3;
    const CellSpace cells(sparse_of(genes, all), space, o);
    std::vector<double> projected = x;
    cells.snap(4, projected.data());
    for (std::int64_t i = 0; i < 4; ++i) {
      const auto near = naive_order(space, all, x.data() + i * genes);
      for (std::int64_t g = 0; g < genes; ++g) {
        double sum = 0, total = 0;
        std::vector<double> values;
        for (std::int64_t j = 0; j < k; ++j) {
          const double value = all[near[j].second * genes + g];
          const double w =
              how == "partial" ? std::pow(1 - std::pow(near[j].first / near[k - 1].first, 3), 3) : 1;
          sum += w * value;
          total += w;
          values.push_back(value);
        }
        const double wanted = how == "mean"     ? sum / total
                              : how == "median" ? quantile(values, 0.5)
                                                : 0.7 * x[i * genes + g] + 0.3 * sum / total;
        CHECK(projected[i * genes + g] == Approx(wanted).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("noise of cells is what is left of them beside the mean of their nearest", "[integrate]") {
  const std::int64_t genes = 5, n = 300, k = 4;
  const std::vector<double> all = counts(n, genes);
  const CellAxes space = some_space(genes, 3);
  const CellSpace cells(sparse_of(genes, all), space, snapping("none", k));
  std::vector<std::vector<double>> rest(genes);
  for (std::int64_t i = 0; i < n; ++i) {
    auto near = naive_order(space, all, all.data() + i * genes);
    near.erase(std::find_if(near.begin(), near.end(), [i](const auto& c) { return c.second == i; }));
    for (std::int64_t g = 0; g < genes; ++g) {
      double mean = 0;
      for (std::int64_t j = 0; j < k; ++j) mean += all[near[j].second * genes + g] / k;
      rest[g].push_back(all[i * genes + g] - mean);
    }
  }
  const std::vector<double> found = cells.residual_sd();
  for (std::int64_t g = 0; g < genes; ++g) {
    double mean = 0, squares = 0;
    for (const double r : rest[g]) mean += r / n;
    for (const double r : rest[g]) squares += (r - mean) * (r - mean) / (n - 1);
    // Ties between cells may be broken otherwise.
    CHECK(found[g] == Approx(std::sqrt(squares)).epsilon(0.02));
  }
}

TEST_CASE("support is measured in the distances of the cells themselves", "[integrate]") {
  const CellSpace cells(line(1001), CellAxes(), snapping("none", 2));
  const std::vector<double> x = {500, 500.5, -10, 1100};
  std::vector<double> score(4);
  cells.support_score(4, x.data(), score.data());
  // The two nearest others of a cell are 1 away, but for the two cells at the ends.
  CHECK(score[0] == Approx(0.5));
  CHECK(score[1] == Approx(0.5));
  CHECK(score[2] == Approx(10.5));
  CHECK(score[3] == Approx(100.5));
}

TEST_CASE("a path fully projected moves from mean to mean, or stands", "[integrate]") {
  const CellSpace cells(line(101), CellAxes(), snapping("full", 1));
  const IntegrateOptions o = snapping("full", 1);
  // Moving 1 in half a unit of time it goes from cell to cell.
  const Paths walks = with_cells(constant_motion(2), starts_of(1, {10.2}), {0, 0.5, 1, 3.25, 4}, cells, o);
  CHECK(state_of(walks, 0, 0, 0) == 10.2);
  CHECK(state_of(walks, 0, 0, 1) == Approx(11));
  CHECK(state_of(walks, 0, 0, 2) == Approx(12));
  CHECK(state_of(walks, 0, 0, 3) == Approx(16.5));
  CHECK(state_of(walks, 0, 0, 4) == Approx(18));
  CHECK(walks.end[0] == PathEnd::Reached);
  // Moving 0.2 it is always projected to the same cell.
  const Paths stands = with_cells(constant_motion(0.4), starts_of(1, {10.2}), {0, 0.5, 1, 3, 4}, cells, o);
  CHECK(stands.end[0] == PathEnd::Repeats);
  CHECK(stands.end_time[0] == 1);
  for (std::int64_t k = 1; k < 5; ++k) CHECK(state_of(stands, 0, 0, k) == 10);
}

TEST_CASE("a path partly projected keeps moving where a fully projected one stands", "[integrate]") {
  IntegrateOptions o = snapping("partial", 5);
  const CellSpace cells(line(101), CellAxes(), o);
  const Paths p = with_cells(constant_motion(0.4), starts_of(1, {10.2}), {0, 50}, cells, o);
  CHECK(p.end[0] == PathEnd::Reached);
  CHECK(state_of(p, 0, 0, 1) == Approx(30.2).margin(2));
  // A disturbance is halved each time; the flow itself leaves it.
  o.shadow = "always";
  const Paths grown = with_cells(constant_motion(0.4), starts_of(1, {10.2}), {0, 0.4, 0.5, 2}, cells, o);
  CHECK(grown.growth[1] == Approx(0).margin(1e-12));
  CHECK(grown.growth[2] == Approx(std::log(0.5)));
  CHECK(grown.growth[3] == Approx(4 * std::log(0.5)));
}

TEST_CASE("states are projected at output times that differ by rounding alone", "[integrate]") {
  const IntegrateOptions o = snapping("full", 1, 0.1);
  const CellSpace cells(line(101), CellAxes(), o);
  for (const std::string solver : {"rk4", "dopri5"}) {
    IntegrateOptions by = o;
    by.solver = solver;
    by.dt = 0.05;
    const Paths p = with_cells(constant_motion(10), starts_of(1, {0.3}), {0, 0.1, 0.3, 0.6, 0.7}, cells, by);
    for (const auto& [k, wanted] : {std::pair<int, double>{1, 1}, {2, 3}, {3, 6}, {4, 7}})
      CHECK(state_of(p, 0, 0, k) == wanted);
    const Paths back = with_cells(constant_motion(10), starts_of(1, {50.2}), {1, 0.9, 0.7, 0.45}, cells, by);
    CHECK(state_of(back, 0, 0, 2) == 47);
    CHECK(state_of(back, 0, 0, 3) == Approx(44.5));
    CHECK(state_of(back, 0, 0, 3) != 44.5 - 1);
  }
}

TEST_CASE("a path ends where it leaves the cells", "[integrate]") {
  IntegrateOptions o = plain_options("euler");
  o.dt = 0.1;
  o.support = "cells";
  o.support_limit = 4;
  o.k = 2;
  const CellSpace cells(line(1001), CellAxes(), o);
  const Paths p = with_cells(constant_motion(5), starts_of(1, {990, 10}), {0, 4, 10}, cells, o);
  CHECK(p.end[0] == PathEnd::LeftCells);
  // 3.5 beyond the last cell the mean distance to the last two is 4.
  CHECK(state_of(p, 0, 0, 2) == Approx(1003.5).margin(0.6));
  CHECK(p.end_time[0] == Approx(2.7).margin(0.15));
  CHECK(p.end[1] == PathEnd::Reached);
  CHECK(state_of(p, 1, 0, 2) == Approx(60));
}

TEST_CASE("coordinates may be kept in place of states", "[integrate]") {
  const std::int64_t genes = 7;
  const CellAxes space = some_space(genes, 3);
  const IntegrateOptions o = snapping("partial", 5, 0.4);
  const CellSpace cells(sparse_of(genes, counts(80, genes)), space, o);
  std::vector<double> a(static_cast<std::size_t>(genes * genes));
  for (std::size_t e = 0; e < a.size(); ++e) a[e] = 0.3 * std::cos(static_cast<double>(e * e));
  const GivenDynamics f = linear_dynamics(genes, a);
  const Matrix start = starts_of(genes, counts(3, genes));
  const Paths states = with_cells(f, start, {0, 0.5, 1.7}, cells, o);
  const Paths coordinates = with_cells(f, start, {0, 0.5, 1.7}, cells, o, true);
  CHECK(coordinates.dims == 3);
  CHECK(coordinates.speed == states.speed);
  for (std::int64_t k = 0; k < 3; ++k) {
    for (std::int64_t i = 0; i < 3; ++i) {
      std::vector<double> x, z(3);
      for (std::int64_t g = 0; g < genes; ++g) x.push_back(state_of(states, i, g, k));
      cells.project(1, x.data(), z.data());
      for (std::int64_t c = 0; c < 3; ++c) CHECK(state_of(coordinates, i, c, k) == z[c]);
    }
  }
}

TEST_CASE("spans follow from the speed and the extent of the cells", "[integrate]") {
  const CellSpace cells(line(1001), CellAxes(), snapping("none", 10));
  const CellScales s = cell_scales(constant_motion(2), cells, 3, 0);
  CHECK(s.speed == 6);
  CHECK(s.radius == 5);
  CHECK(s.crossing() == Approx(5.0 / 6));
  CHECK(s.extent > 600);
  CHECK(s.extent < 1000);
  CHECK_THROWS_AS(cell_scales(constant_motion(0), cells, 1, 0), Error);
}

TEST_CASE("the published clock and span are quantiles over genes", "[integrate]") {
  FieldStatistics data;
  data.mean_state = {1, 2, 4, 0};
  data.sd_state = {1, 1, 2, 1};
  data.mean_velocity = {0.5, -0.2, 0.8, 0};
  data.abs_velocity = {0.6, 0.4, 1, 0};
  CHECK(published_kappa(data, "ratio", 0) == Approx(2.0 / 7));
  // Ratios 0.5, -0.1, 0.2.
  CHECK(published_kappa(data, "quantile", 1) == Approx(0.5));
  CHECK(published_kappa(data, "quantile", 0.75) == Approx(0.35));
  CHECK_THROWS_AS(published_kappa(data, "quantile", 0), Error);
  CHECK_THROWS_AS(published_kappa(data, "mean", 0), Error);
  // 4, 10, 5.
  CHECK(published_steps(data, 0.5) == 5);
  CHECK(published_steps(data, 0.75) == 7);
}

TEST_CASE("cells that cannot serve are refused", "[integrate]") {
  const auto argument = [](const IntegrateOptions& o, CellAxes space = CellAxes()) {
    try {
      const CellSpace cells(line(10), std::move(space), o);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  CHECK(argument(snapping("none", 9)) == "none");
  CHECK(argument(snapping("none", 10)) == "n.neighbors");
  CHECK(argument(snapping("none", 0)) == "n.neighbors");
  CHECK(argument(snapping("half", 3)) == "snap");
  IntegrateOptions o = snapping("partial", 3);
  o.snap_share = 1;
  CHECK(argument(o) == "snap.share");
  o = snapping("full", 3);
  o.snap_statistic = "mode";
  CHECK(argument(o) == "snap.statistic");
  CHECK(argument(snapping("none", 3), some_space(2, 1)) == "cells");
  const CellSpace cells(line(10), CellAxes(), snapping("full", 3));
  CHECK_THROWS_AS(with_cells(constant_motion(1), starts_of(1, {1}), {0, 1}, cells, snapping("full", 3, 0)),
                  Error);
}

TEST_CASE("dimensions held stay where they start, and drive the others", "[integrate][hold]") {
  // dx = y - x, dy = -y: with y held at 2, x goes to 2.
  const GivenDynamics f = linear_dynamics(2, {-1, 1, 0, -1});
  const std::vector<double> square{0, 0, 1, 1, 0, 1, 1, 0, 5, 3};
  for (const std::string how : {"none", "partial", "full"}) {
    INFO(how);
    const IntegrateOptions o = snapping(how, 2, 0.25);
    const CellSpace cells(sparse_of(2, square), CellAxes(), o);
    const Matrix starts = starts_of(2, {0.5, 2});
    IntegrationRequest r;
    r.starts = starts;
    r.times = {0, 1};
    r.cells = &cells;
    r.held = {1};
    const Paths p = integrate_cells(f, r, o, {});
    CHECK(state_of(p, 0, 1, 1) == 2);
    if (how == "none") CHECK(state_of(p, 0, 0, 1) == Approx(2 - 1.5 * std::exp(-1.0)).epsilon(1e-3));
    r.held = {};
    CHECK(state_of(integrate_cells(f, r, o, {}), 0, 1, 1) < 1.5);
  }
  IntegrateOptions o = snapping("none", 2);
  o.solver = "euler";
  o.support = "none";
  const Matrix starts = starts_of(2, {0.5, 2});
  IntegrationRequest r;
  r.starts = starts;
  r.times = {0, 1};
  r.noise_sd = {0.3, 0.3};
  r.held = {1};
  const Paths p = integrate_cells(f, r, o, {});
  CHECK(state_of(p, 0, 1, 1) == 2);
  CHECK(std::abs(state_of(p, 0, 0, 1) - (2 - 1.5 * std::exp(-1.0))) > 1e-3);
  r.held = {2};
  CHECK_THROWS_AS(integrate_cells(f, r, o, {}), Error);
}
