// How paths end, what grows on them, noise, and states that stay at zero or above.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "paths.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

GivenDynamics decay() {
  return GivenDynamics(1, [](double, const double* x, double* v) { v[0] = -x[0]; });
}

Paths noisy(const Dynamics& f, const Matrix& starts, const std::vector<double>& times, std::int64_t n_sim,
            const std::vector<double>& start_sd, const std::vector<double>& noise_sd, std::uint64_t first = 0,
            const std::string& solver = "euler") {
  IntegrationRequest r;
  r.starts = starts;
  r.times = times;
  r.n_sim = n_sim;
  r.start_sd = start_sd;
  r.noise_sd = noise_sd;
  r.first_path = first;
  IntegrateOptions o = plain_options(solver);
  o.dt = 0.01;
  return integrate_cells(f, r, o, {});
}

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments_at(const Paths& p, std::int64_t time) {
  Moments m;
  for (std::int64_t i = 0; i < p.n; ++i) m.mean += state_of(p, i, 0, time) / static_cast<double>(p.n);
  for (std::int64_t i = 0; i < p.n; ++i) {
    const double d = state_of(p, i, 0, time) - m.mean;
    m.variance += d * d / static_cast<double>(p.n - 1);
  }
  return m;
}

}  // namespace

TEST_CASE("a path ends at a fixed point and stays", "[integrate]") {
  for (const std::string name : {"euler", "rk4", "rk23", "dopri5", "dop853"}) {
    INFO(name);
    IntegrateOptions o = plain_options(name);
    o.dt = 0.05;
    o.fixed_point = 1e-3;
    const Paths p = integrated(decay(), starts_of(1, {1, 0, 1e9}), {0, 2, 50, 100}, o);
    CHECK(p.end[0] == PathEnd::FixedPoint);
    CHECK(p.end_time[0] > std::log(1e3) - 0.3);
    CHECK(p.end_time[0] < 50);
    CHECK(state_of(p, 0, 0, 2) == state_of(p, 0, 0, 3));
    CHECK(std::abs(state_of(p, 0, 0, 3)) < 1e-3);
    CHECK(p.end[1] == PathEnd::FixedPoint);
    CHECK(p.end_time[1] == 0);
    CHECK(p.steps[1] == 0);
  }
}

TEST_CASE("a disturbance grows as the field says", "[integrate]") {
  // Both directions of x grow alike, so any disturbance does.
  const GivenDynamics f = linear_dynamics(2, {0.7, -1, 1, 0.7});
  for (const std::string name : {"rk4", "rk23", "dopri5", "dop853"}) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-8, 1e-10);
    o.dt = 0.01;
    o.shadow = "always";
    const Paths p = integrated(f, starts_of(2, {1, 0}), {0, 1, 2.3, 5}, o);
    for (std::int64_t k = 0; k < 4; ++k)
      CHECK(p.growth[k] == Approx(0.7 * std::vector<double>{0, 1, 2.3, 5}[k]).margin(1e-5));
    // Backward alone by default: what contracted grows.
    o.shadow = "backward";
    CHECK(integrated(f, starts_of(2, {1, 0}), {0, 1}, o).growth.empty());
    const Paths back = integrated(decay(), starts_of(1, {1}), {0, -2}, o);
    CHECK(back.growth[1] == Approx(2.0).margin(1e-5));
    CHECK(state_of(back, 0, 0, 1) == Approx(std::exp(2.0)).epsilon(1e-6));
  }
}

TEST_CASE("a path ends where a disturbance has grown beyond the limit", "[integrate]") {
  IntegrateOptions o = plain_options("dopri5", 1e-6, 1e-8);
  o.shadow = "backward";
  o.growth_limit = 100;
  const Paths p = integrated(decay(), starts_of(1, {1, 2}), {0, -3, -20}, o);
  for (std::int64_t i = 0; i < 2; ++i) {
    CHECK(p.end[i] == PathEnd::Grown);
    CHECK(p.end_time[i] < -std::log(100.0));
    CHECK(p.end_time[i] > -8);
    CHECK(state_of(p, i, 0, 2) == Approx((i + 1.0) * std::exp(-p.end_time[i])).epsilon(1e-3));
  }
}

TEST_CASE("paths that cannot go on say so and are not numbers any more", "[integrate]") {
  const GivenDynamics explode(1, [](double, const double* x, double* v) { v[0] = x[0] * x[0]; });
  const GivenDynamics nowhere(1, [](double t, const double* x, double* v) { v[0] = t > 1 ? NAN : x[0]; });
  const GivenDynamics never(1, [](double, const double*, double* v) { v[0] = NAN; });
  for (const std::string name : {"rk23", "dopri5", "dop853"}) {
    INFO(name);
    const IntegrateOptions o = plain_options(name, 1e-6, 1e-6);
    // The second state ends at time 10, beyond what is asked for.
    const Paths p = integrated(explode, starts_of(1, {1, 0.1}), {0, 0.5, 3}, o);
    CHECK(p.end[0] >= PathEnd::TooSmall);
    CHECK(p.end_time[0] == Approx(1.0).epsilon(1e-3));
    CHECK(state_of(p, 0, 0, 1) == Approx(2.0).epsilon(1e-4));
    CHECK(std::isnan(state_of(p, 0, 0, 2)));
    CHECK(std::isnan(p.speed[0 + p.n * 2]));
    CHECK(p.end[1] == PathEnd::Reached);
    CHECK(state_of(p, 1, 0, 2) == Approx(1 / 7.0).epsilon(1e-4));
    CHECK(integrated(nowhere, starts_of(1, {1}), {0, 3}, o).end[0] == PathEnd::NotFinite);
    CHECK(integrated(never, starts_of(1, {1}), {0, 3}, o).end[0] == PathEnd::NotFinite);
    IntegrateOptions few = o;
    few.max_steps = 3;
    const GivenDynamics shake(1, [](double t, const double*, double* v) { v[0] = std::cos(50 * t); });
    CHECK(integrated(shake, starts_of(1, {1}), {0, 3}, few).end[0] == PathEnd::TooMany);
  }
  IntegrateOptions fixed = plain_options("rk4");
  fixed.dt = 0.1;
  CHECK(integrated(nowhere, starts_of(1, {1}), {0, 3}, fixed).end[0] == PathEnd::NotFinite);
}

TEST_CASE("genes stay at zero or above, and the others see them so", "[integrate]") {
  // The first gene falls to zero at time 1, stays, and is raised again from time 3; the second follows it.
  const GivenDynamics f(2, [](double t, const double* x, double* v) {
    v[0] = t < 3 ? -1 : 1;
    v[1] = x[0] - x[1];
  });
  const std::vector<double> times = {0, 0.5, 1.5, 2.5, 3, 4, 5};
  for (const std::string name : {"euler", "rk4", "rk23", "dopri5", "dop853"}) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-6, 1e-8);
    o.dt = 0.002;
    o.positive = true;
    const Paths p = integrated(f, starts_of(2, {1, 0.5}), times, o);
    for (std::int64_t k = 0; k < 7; ++k) {
      CHECK(state_of(p, 0, 0, k) >= 0);
      CHECK(state_of(p, 0, 1, k) >= 0);
    }
    CHECK(state_of(p, 0, 0, 1) == Approx(0.5).margin(1e-3));
    CHECK(state_of(p, 0, 0, 3) == 0);
    // x1 at 1 is 1 - 1 + ... = the solution of x' = (1 - t) - x; then it decays alone.
    const double at_one = 1 - std::exp(-1.0) * 1.5;
    CHECK(state_of(p, 0, 1, 3) == Approx(at_one * std::exp(-1.5)).margin(2e-3));
    CHECK(state_of(p, 0, 0, 6) == Approx(2.0).margin(0.1));
  }
}

TEST_CASE("a gene at zero costs an adaptive solver no small steps", "[integrate]") {
  const std::int64_t genes = 50;
  const GivenDynamics f(genes, [](double, const double* x, double* v) {
    for (std::int64_t g = 0; g < genes; ++g) v[g] = -0.1 * static_cast<double>(g) + 0.01 * x[0];
  });
  IntegrateOptions o = plain_options("dopri5");
  o.positive = true;
  const Paths p = integrated(f, starts_of(genes, std::vector<double>(genes, 1.0)), {0, 20}, o);
  CHECK(p.steps[0] + p.rejected[0] < 120);
  for (std::int64_t g = 10; g < genes; ++g) CHECK(state_of(p, 0, g, 1) == 0);
}

TEST_CASE("noise on the way has the variance of the process", "[integrate]") {
  // Ornstein and Uhlenbeck: mean e^-t, variance s^2 (1 - e^-2t) / 2.
  const Paths p = noisy(decay(), starts_of(1, {1, 1}), {0, 0.5, 2}, 5000, {}, {0.8});
  for (std::int64_t k = 1; k < 3; ++k) {
    const double t = k == 1 ? 0.5 : 2;
    const Moments m = moments_at(p, k);
    CHECK(m.mean == Approx(std::exp(-t)).margin(0.03));
    CHECK(m.variance == Approx(0.32 * (1 - std::exp(-2 * t))).epsilon(0.06));
  }
  const Moments still = moments_at(p, 0);
  CHECK(still.variance < 1e-20);
  // Pieces give the bytes of the whole.
  const Paths piece = noisy(decay(), starts_of(1, {1}), {0, 0.5, 2}, 5000, {}, {0.8}, 5000);
  for (std::int64_t i : {0, 17, 4999}) CHECK(state_of(piece, i, 0, 2) == state_of(p, 5000 + i, 0, 2));
  CHECK_THROWS_AS(noisy(decay(), starts_of(1, {1}), {0, 1}, 1, {}, {0.8}, 0, "dopri5"), Error);
  CHECK_THROWS_AS(noisy(decay(), starts_of(1, {1}), {0, 1}, 1, {}, {0.8, 1}), Error);
}

TEST_CASE("noisy starts have their spread and stay at zero or above", "[integrate]") {
  const Paths p = noisy(decay(), starts_of(1, {5}), {0, 1}, 4000, {0.5}, {}, 0, "rk4");
  CHECK(moments_at(p, 0).mean == Approx(5).margin(0.03));
  CHECK(moments_at(p, 0).variance == Approx(0.25).epsilon(0.08));
  IntegrationRequest r;
  const Matrix zero = starts_of(1, {0});
  r.starts = zero;
  r.times = {0, 1};
  r.n_sim = 100;
  r.start_sd = {1};
  IntegrateOptions o = plain_options("rk4");
  o.positive = true;
  const Paths held = integrate_cells(decay(), r, o, {});
  double least = 1, most = 0;
  for (std::int64_t i = 0; i < 100; ++i) {
    least = std::min(least, state_of(held, i, 0, 0));
    most = std::max(most, state_of(held, i, 0, 0));
  }
  CHECK(least == 0);
  CHECK(most > 1);
}
