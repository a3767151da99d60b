// Fates by plans between times: clusters that can only go one way, a closed form, masses that are kept or
// given, the pairs that bridges are trained on, the same bytes on any number of threads.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "analysis/fate_plan.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/sampling.hpp"
#include "base/threads.hpp"
#include "ot/time_plan.hpp"
#include "sde/train/couplings.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// Cells at times 0 and 1, or more, around centres given for each time.
struct Cells {
  Matrix states;
  PlanPopulation population;

  // @param centres one (x, y, label) a cluster, for each time
  Cells(const std::vector<std::vector<std::array<double, 3>>>& centres, std::int64_t each) {
    std::int64_t n = 0;
    for (const auto& some : centres) n += static_cast<std::int64_t>(some.size()) * each;
    states = Matrix(n, 2);
    std::int64_t row = 0;
    for (std::size_t t = 0; t < centres.size(); ++t) {
      for (const auto& c : centres[t]) {
        for (std::int64_t i = 0; i < each; ++i, ++row) {
          double z[2];
          normals(7, Stream::Simulator, static_cast<std::uint64_t>(row), 1, 0, 2, z);
          states(row, 0) = c[0] + 0.3 * z[0];
          states(row, 1) = c[1] + 0.3 * z[1];
          population.times.push_back(static_cast<double>(t));
          population.codes.push_back(static_cast<std::int32_t>(c[2]));
        }
      }
    }
    population.states = states;
    population.n_labels = 2;
  }
};

Cells pairs(std::int64_t each) {
  return Cells({{{0, 0, -1}, {0, 9, -1}}, {{0, 0, -1}, {0, 9, -1}}, {{0, 0, 0}, {0, 9, 1}}}, each);
}

// Three clusters that become two of other sizes: mass must grow and die, or move.
Cells uneven(std::int64_t each) {
  return Cells({{{0, 0, -1}, {0, 3, -1}}, {{1, 0, 0}, {1, 3, 1}, {1.5, 3, 1}}}, each);
}

PlanOptions options(double noise, double reach, const std::string& marginals = "target") {
  PlanOptions o;
  o.noise = noise;
  o.reach = reach;
  o.marginals = marginals;
  return o;
}

std::vector<double> zeros(std::int64_t n) { return std::vector<double>(static_cast<std::size_t>(n), 0.0); }

}  // namespace

TEST_CASE("clusters that lie before one another have one fate", "[fate_plan]") {
  for (const double reach : {0.0, 0.5}) {
    const Cells c = pairs(60);
    const FatePlan plan(c.population, options(0.02, reach), 1);
    const PlanShares s = plan.shares(c.states, zeros(c.states.rows));
    for (std::int64_t i = 0; i < 120; ++i) {
      CHECK(s.shares.share(i, i < 60 ? 0 : 1) > 0.999);
      CHECK(s.shares.effective[static_cast<std::size_t>(i)] >= 1.0);
    }
  }
}

TEST_CASE("between two ends odds are those of Brownian motion", "[fate_plan]") {
  // Sources and targets lie symmetrically, so the potentials of the targets are equal.
  Matrix x(4, 1);
  x.values = {-0.5, 0.5, -1.0, 1.0};
  PlanPopulation cells;
  cells.states = x;
  cells.times = {2, 2, 5, 5};
  cells.codes = {-1, -1, 0, 1};
  cells.n_labels = 2;
  const FatePlan plan(cells, options(0.8, 0.0), 1);
  const double variance = 0.8 * (0.25 + 0.25 + 1 + 1) / 4;  // of the noise over the interval
  Matrix at(4, 1);
  at.values = {-0.5, 0.1, 0.3, 0.3};
  const std::vector<double> times = {2, 2, 3.5, 0.5};
  const PlanShares s = plan.shares(at, times);
  for (std::int64_t i = 0; i < 4; ++i) {
    const double left = (5 - times[static_cast<std::size_t>(i)]) / 3;
    CHECK(s.shares.share(i, 1) == Approx(1 / (1 + std::exp(-2 * at(i, 0) / (variance * left)))).margin(1e-5));
  }
}

TEST_CASE("with target masses kept the descendants have the composition that was observed", "[fate_plan]") {
  const Cells c = uneven(50);
  const FatePlan plan(c.population, options(0.5, 0.4), 1);
  const PlanShares s = plan.shares(c.states, zeros(c.states.rows));
  double of_first = 0, all = 0, least = INFINITY, most = 0;
  for (std::int64_t i = 0; i < 100; ++i) {
    const double d = s.descendants[static_cast<std::size_t>(i)];
    of_first += d * s.shares.share(i, 0);
    all += d;
    least = std::min(least, d);
    most = std::max(most, d);
  }
  CHECK(of_first / all == Approx(1.0 / 3).margin(2e-3));
  CHECK(all / 100 == Approx(1).margin(2e-3));
  // The cluster before two of three grows.
  CHECK(most / least > 1.3);
}

TEST_CASE("fates by plans have the same bytes on any number of threads, and for any cut of the queries",
          "[fate_plan]") {
  const Cells c = uneven(150);
  PlanOptions o = options(0.5, 0.4);
  o.max_cells = 90;
  std::vector<PlanShares> found;
  for (const int n : {1, 3}) {
    const ThreadScope scope(n);
    found.push_back(FatePlan(c.population, o, 5).shares(c.states, zeros(c.states.rows)));
  }
  CHECK(found[0].shares.share.values == found[1].shares.share.values);
  CHECK(found[0].shares.effective == found[1].shares.effective);
  CHECK(found[0].descendants == found[1].descendants);
}

TEST_CASE("a plan on some of the cells is near that on all", "[fate_plan]") {
  const Cells c = uneven(400);
  PlanOptions o = options(0.5, 0.4);
  const PlanShares all = FatePlan(c.population, o, 5).shares(c.states, zeros(c.states.rows));
  o.max_cells = 300;
  const PlanShares some = FatePlan(c.population, o, 5).shares(c.states, zeros(c.states.rows));
  double off = 0;
  for (std::int64_t i = 0; i < 800; ++i)
    off += std::abs(all.shares.share(i, 0) - some.shares.share(i, 0)) / 800;
  CHECK(off < 0.03);
}

TEST_CASE("the noise of a plan is the same in all dimensions, but no more than there is to know",
          "[fate_plan]") {
  const std::vector<double> variance = {1.0, 4.0, 0.1}, times = {0, 1, 3};
  PlanOptions o = options(0.6, 2.0);
  const auto scales = ot::plan_scales(variance, times, o);
  REQUIRE(scales.size() == 2);
  const double usual = (1.0 + 16.0 + 0.01) / 5.1;
  for (std::size_t k = 0; k < 2; ++k) {
    const double noise = 0.6 * usual * (times[k + 1] - times[k]) / 1.5;
    double distance = 0.0;
    for (std::size_t d = 0; d < 3; ++d) {
      CHECK(scales[k].sd[d] == Approx(std::sqrt(std::min(noise, 2 * variance[d]))));
      distance += variance[d] / (scales[k].sd[d] * scales[k].sd[d]);
    }
    CHECK(scales[k].reach == Approx(2.0 * std::sqrt(distance)));
  }
}

TEST_CASE("the variance within times is pooled, and constant dimensions have a little", "[fate_plan]") {
  const std::vector<std::vector<double>> first = {{0, 2}, {10, 10, 16}};
  const auto found = ot::within_variance({2, 3}, 2, [&](std::size_t k, std::int64_t i, std::int64_t d) {
    return d == 0 ? first[k][static_cast<std::size_t>(i)] : 3.0 * static_cast<double>(k);
  });
  CHECK(found[0] == Approx((2.0 + 24.0) / 5.0));
  CHECK(found[1] == Approx(1e-4 * found[0] / 2.0));
}

TEST_CASE("a draw is all there is, or so many increasing numbers", "[fate_plan]") {
  CHECK(draw_at_most(3, 5, 1, Stream::Bridge, 0) == std::vector<std::int64_t>{0, 1, 2});
  const auto some = draw_at_most(100, 10, 1, Stream::Bridge, 0);
  CHECK(some.size() == 10);
  CHECK(std::is_sorted(some.begin(), some.end()));
  CHECK(std::adjacent_find(some.begin(), some.end()) == some.end());
  CHECK(ot::plan_cells(100, 10, 1, 0) != ot::plan_cells(100, 10, 1, 1));
}

TEST_CASE("fates are those of the pairs that bridges are trained on", "[fate_plan]") {
  const std::int64_t each = 40, draws = 2000, n = 2 * each, m = 3 * each;
  const Cells c = uneven(each);
  for (const std::string marginals : {"target", "both"}) {
    const PlanOptions o = options(0.5, 0.8, marginals);
    const PlanShares s = FatePlan(c.population, o, 1).shares(c.states, zeros(c.states.rows));
    const auto variance = ot::within_variance({n, m}, 2, [&](std::size_t k, std::int64_t i, std::int64_t d) {
      return c.states(k == 0 ? i : n + i, d);
    });
    const auto scale = ot::plan_scales(variance, {0, 1}, o).front();
    std::vector<double> points;
    for (std::int64_t i = 0; i < n + m; ++i) {
      for (std::int64_t d = 0; d < 2; ++d)
        points.push_back(c.states(i, d) / scale.sd[static_cast<std::size_t>(d)]);
    }
    SinkhornOptions of_plan;
    of_plan.blur = 1.0;
    of_plan.reach = scale.reach;
    of_plan.tolerance = 1e-6;
    const Partners pairs =
        draw_partners<double>({points.data(), n, 2, nullptr}, {points.data() + 2 * n, m, 2, nullptr}, of_plan,
                              {draws, 1, 0, marginals == "both"});
    for (std::int64_t i = 0; i < n; ++i) {
      double first = 0;
      for (std::int64_t r = 0; r < draws; ++r)
        first += pairs.target[static_cast<std::size_t>(i * draws + r)] < each ? 1.0 / draws : 0.0;
      CHECK(s.shares.share(i, 0) == Approx(first).margin(3e-3));
    }
  }
}

TEST_CASE("given growth is the mass at the end", "[fate_plan]") {
  // One far source before one target, the other before three.
  Matrix x(6, 1);
  x.values = {0, 5, 0, 5, 5.1, 4.9};
  PlanPopulation cells;
  cells.states = x;
  cells.times = {0, 0, 2, 2, 2, 2};
  cells.codes = {-1, -1, 0, 1, 1, 1};
  cells.n_labels = 2;
  cells.rates = {0, std::log(3.0) / 2, 0, 0, 0, 0};
  const FatePlan plan(cells, options(0.3, 0.0), 1);
  Matrix at(3, 1);
  at.values = {0, 5, 5};
  const PlanShares s = plan.shares(at, {0, 0, 1}, {0, std::log(3.0) / 2, std::log(3.0) / 2});
  CHECK(s.shares.share(0, 0) == Approx(1).margin(2e-3));
  CHECK(s.shares.share(1, 1) == Approx(1).margin(2e-3));
  CHECK(s.descendants[0] == Approx(0.5).margin(3e-3));
  CHECK(s.descendants[1] == Approx(1.5).margin(3e-3));
  CHECK(s.descendants[2] == Approx(std::sqrt(3.0) / 2).margin(3e-3));
}

TEST_CASE("plans that cannot be are named", "[fate_plan]") {
  Cells c = uneven(5);
  const auto message = [&](const PlanOptions& o) {
    try {
      FatePlan(c.population, o, 1);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(message(options(0, 0)).find("`noise`") != std::string::npos);
  CHECK(message(options(1, -1)).find("`reach`") != std::string::npos);
  CHECK(message(options(1, 1, "none")).find("`marginals`") != std::string::npos);
  c.population.codes.assign(c.population.codes.size(), -1);
  CHECK(message(options(1, 0)).find("no reference cell") != std::string::npos);
}

TEST_CASE("walks by the steps between times have the fates of the plans", "[fate_plan]") {
  const Cells c = uneven(50);
  for (const double reach : {0.0, 0.5}) {
    const FatePlan plan(c.population, options(0.5, reach), 1);
    std::vector<std::vector<double>> found;
    for (const int n : {1, 2}) {
      const ThreadScope scope(n);
      const SparseRows steps = plan.steps(row_block(c.states, 0, 100), zeros(100), 400, 3);
      REQUIRE(steps.rows == 100);
      REQUIRE(steps.cols == c.states.rows);
      const PlanShares s = plan.shares(row_block(c.states, 0, 100), zeros(100));
      for (std::int64_t i = 0; i < 100; ++i) {
        double sum = 0, one = 0;
        for (std::int64_t e = steps.start[i]; e < steps.start[i + 1]; ++e) {
          CHECK(c.population.times[static_cast<std::size_t>(steps.index[e])] == 1.0);
          sum += steps.value[e];
          if (c.population.codes[static_cast<std::size_t>(steps.index[e])] == 1) one += steps.value[e];
        }
        CHECK(sum == Approx(1.0));
        // Columns of a label lie beside each other: systematic draws are off by at most 1 / 400 at each
        // border.
        CHECK(one == Approx(s.shares.share(i, 1)).margin(0.006));
      }
      found.push_back(steps.value);
    }
    CHECK(found[0] == found[1]);
  }
}
