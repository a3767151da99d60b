// Integration of cells against mathematics: closed forms, measured orders, SciPy's steps, both directions,
// and that no path depends on another.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "paths.hpp"
#include "sde_paths.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

const std::vector<std::string> kAdaptive = {"rk23", "dopri5", "dop853"};
const std::vector<std::string> kAll = {"euler", "midpoint", "rk4", "rk23", "dopri5", "dop853"};

// dx/dt = x^2 cos t: x = 1 / (2 - sin t) from 1/2 at 0.
GivenDynamics swing() {
  return GivenDynamics(1, [](double t, const double* x, double* v) { v[0] = x[0] * x[0] * std::cos(t); });
}
double swung(double t) { return 1 / (2 - std::sin(t)); }

GivenDynamics lorenz() {
  return GivenDynamics(3, [](double, const double* x, double* v) {
    v[0] = 10 * (x[1] - x[0]);
    v[1] = x[0] * (28 - x[2]) - x[1];
    v[2] = x[0] * x[1] - 8.0 / 3 * x[2];
  });
}

GivenDynamics decay(double rate, std::int64_t dims = 1) {
  return GivenDynamics(dims, [rate, dims](double, const double* x, double* v) {
    for (std::int64_t g = 0; g < dims; ++g) v[g] = -rate * x[g];
  });
}

ErrorKind kind_of(const std::function<void()>& f, std::string* argument = nullptr) {
  try {
    f();
  } catch (const Error& e) {
    if (argument != nullptr) *argument = e.argument();
    return e.kind();
  }
  return ErrorKind::File;
}

}  // namespace

TEST_CASE("steps and states of dopri5 are those that SciPy prints for RK45", "[integrate]") {
  // The example of solve_ivp in SciPy's manual, since 1.4: three decays in one state, default tolerances.
  const auto f = decay(0.5, 3);
  const Matrix start = starts_of(3, {2, 4, 8});
  const Paths p =
      integrated(f, start, {0, 0.11487653, 1.26364188, 3.06061781, 4.81611105, 10}, plain_options("dopri5"));
  const std::vector<double> wanted = {2, 1.88836035, 1.06327177, 0.43319312, 0.18017253, 0.01350781};
  CHECK(p.steps[0] == 7);
  CHECK(p.rejected[0] == 0);
  for (std::int64_t k = 0; k < 6; ++k) {
    for (std::int64_t d = 0; d < 3; ++d)
      CHECK(state_of(p, 0, d, k) == Approx(wanted[k] * std::pow(2, d)).margin(3e-8));
  }
  const Paths dense = integrated(f, start, {0, 1, 2, 10}, plain_options("dopri5"));
  const std::vector<double> between = {2, 1.21305369, 0.73534021};
  for (std::int64_t k = 0; k < 3; ++k) CHECK(state_of(dense, 0, 0, k) == Approx(between[k]).margin(1e-8));
  // Slopes of the start and of the probe, and six for each step.
  CHECK(p.evaluations == 2 + 6 * 7 + 4);
}

namespace {

// SciPy's rules written down once more, for a scalar and the method of order 3(2): state at the end, steps
// accepted and rejected.
struct Naive {
  double y;
  std::int64_t steps = 0, rejected = 0;
};

Naive naive_rk23(double t, double y, double end, double rtol, double atol) {
  const auto f = [](double at, double x) { return x * x * std::cos(at); };
  const double direction = end > t ? 1 : -1, interval = std::abs(end - t);
  double k1 = f(t, y);
  const double scale = atol + std::abs(y) * rtol, d0 = std::abs(y) / scale, d1 = std::abs(k1) / scale;
  const double h0 = std::min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1, interval);
  const double d2 = std::abs(f(t + direction * h0, y + direction * h0 * k1) - k1) / scale / h0;
  double h = std::min({100 * h0, std::cbrt(0.01 / std::max(d1, d2)), interval});
  Naive out{y};
  while (direction * (end - t) > 0) {
    bool again = false;
    for (;;) {
      const double next = direction * (t + direction * h - end) > 0 ? end : t + direction * h;
      const double s = next - t;
      h = std::abs(s);
      const double k2 = f(t + s / 2, out.y + s * k1 / 2), k3 = f(t + s * 3 / 4, out.y + s * k2 * 3 / 4);
      const double to = out.y + s * (2 * k1 + 3 * k2 + 4 * k3) / 9, k4 = f(next, to);
      const double error = std::abs(s * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8)) /
                           (atol + rtol * std::max(std::abs(out.y), std::abs(to)));
      const double factor = 0.9 * std::pow(error, -1.0 / 3);
      if (error < 1) {
        h *= std::min(again ? 1.0 : 10.0, factor);
        out.y = to;
        k1 = k4;
        t = next;
        ++out.steps;
        break;
      }
      h *= std::max(0.2, factor);
      again = true;
      ++out.rejected;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("steps are chosen, rejected and cut by SciPy's rules", "[integrate]") {
  for (double rtol : {1e-2, 1e-4, 1e-6}) {
    for (double end : {3.0, 17.0, -6.0}) {
      INFO(rtol << " to " << end);
      const Naive wanted = naive_rk23(0, 0.5, end, rtol, 1e-6);
      const Paths p = integrated(swing(), starts_of(1, {0.5}), {0, end}, plain_options("rk23", rtol, 1e-6));
      CHECK(p.steps[0] == wanted.steps);
      CHECK(p.rejected[0] == wanted.rejected);
      CHECK(state_of(p, 0, 0, 1) == Approx(wanted.y).epsilon(1e-10));
    }
  }
  CHECK(naive_rk23(0, 0.5, 17, 1e-4, 1e-6).rejected > 0);
}

TEST_CASE("integrators have their order", "[integrate][order]") {
  for (const std::string name : {"euler", "midpoint", "rk4"}) {
    INFO(name);
    std::vector<double> h, error;
    for (int n : {20, 40, 80, 160}) {
      IntegrateOptions o = plain_options(name);
      o.dt = 4.0 / n;
      h.push_back(o.dt);
      error.push_back(
          std::abs(state_of(integrated(swing(), starts_of(1, {0.5}), {0, 4}, o), 0, 0, 1) - swung(4)));
    }
    const double order = name == "euler" ? 1 : name == "midpoint" ? 2 : 4;
    CHECK(fitted_order(h, error) == Approx(order).margin(0.5));
  }
  // With the error held at a tolerance the number of steps grows by its 1 / order-th power.
  const std::vector<double> orders = {3, 5, 8};
  for (std::size_t i = 0; i < kAdaptive.size(); ++i) {
    INFO(kAdaptive[i]);
    std::vector<double> tolerance, length;
    for (double tol : {1e-6, 1e-8, 1e-10}) {
      const Paths p =
          integrated(swing(), starts_of(1, {0.5}), {0, 20}, plain_options(kAdaptive[i], tol, tol));
      tolerance.push_back(tol);
      length.push_back(20.0 / static_cast<double>(p.steps[0]));
      CHECK(state_of(p, 0, 0, 1) == Approx(swung(20)).margin(300 * tol));
    }
    CHECK(1 / fitted_order(tolerance, length) == Approx(orders[i]).epsilon(0.35));
  }
}

TEST_CASE("outputs between the ends of steps keep to the tolerance", "[integrate]") {
  std::vector<double> times;
  for (int k = 0; k <= 60; ++k) times.push_back(0.23 * k);
  for (const std::string& name : kAdaptive) {
    for (double tolerance : {1e-4, 1e-8}) {
      INFO(name << " " << tolerance);
      const Paths p =
          integrated(swing(), starts_of(1, {0.5}), times, plain_options(name, tolerance, tolerance));
      for (std::size_t k = 0; k < times.size(); ++k) {
        CHECK(std::abs(state_of(p, 0, 0, k) - swung(times[k])) < 200 * tolerance);
        const double x = swung(times[k]);
        CHECK(p.speed[k] == Approx(std::abs(x * x * std::cos(times[k]))).margin(300 * tolerance));
      }
      // Outputs do not shorten steps.
      const Paths ends = integrated(swing(), starts_of(1, {0.5}), {0, times.back()},
                                    plain_options(name, tolerance, tolerance));
      CHECK(ends.steps == p.steps);
      CHECK(state_of(ends, 0, 0, 1) == state_of(p, 0, 0, 60));
    }
  }
}

TEST_CASE("decay, rotation and a stiff relaxation end where they must", "[integrate]") {
  for (const std::string& name : kAll) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-9, 1e-12);
    o.dt = name == "euler" ? 1e-5 : 5e-4;
    const double slack = name == "euler" ? 1e-4 : 1e-6;
    CHECK(state_of(integrated(decay(1.5), starts_of(1, {2}), {0, 2}, o), 0, 0, 1) ==
          Approx(2 * std::exp(-3.0)).margin(slack));
    const Paths turned = integrated(linear_dynamics(2, {0, -1, 1, 0}), starts_of(2, {1, 0, 0, 2}), {0, 3}, o);
    CHECK(state_of(turned, 0, 0, 1) == Approx(std::cos(3.0)).margin(slack));
    CHECK(state_of(turned, 1, 0, 1) == Approx(-2 * std::sin(3.0)).margin(slack));
  }
  for (const std::string& name : kAdaptive) {
    INFO(name);
    const Paths round = integrated(linear_dynamics(2, {0, -1, 1, 0}), starts_of(2, {1, 0, 0, 2}), {0, 20},
                                   plain_options(name, 1e-9, 1e-9));
    CHECK(state_of(round, 0, 0, 1) == Approx(std::cos(20.0)).margin(1e-6));
    CHECK(state_of(round, 0, 1, 1) == Approx(std::sin(20.0)).margin(1e-6));
    CHECK(state_of(round, 1, 0, 1) == Approx(-2 * std::sin(20.0)).margin(1e-6));
    CHECK(state_of(round, 1, 1, 1) == Approx(2 * std::cos(20.0)).margin(1e-6));
  }
  const GivenDynamics stiff(1,
                            [](double t, const double* x, double* v) { v[0] = -500 * (x[0] - std::cos(t)); });
  for (const std::string& name : kAdaptive) {
    INFO(name);
    const Paths p = integrated(stiff, starts_of(1, {5}), {0, 1}, plain_options(name, 1e-6, 1e-6));
    CHECK(state_of(p, 0, 0, 1) == Approx(std::cos(1.0)).margin(5e-3));
    CHECK(p.rejected[0] > 0);
    CHECK(p.end[0] == PathEnd::Reached);
  }
}

TEST_CASE("forward and then backward is where it started", "[integrate]") {
  const Matrix start = starts_of(3, {1, 1, 1, -5, 3, 20, 8, -2, 14});
  const Paths there = integrated(lorenz(), start, {0, 0.2}, plain_options("dopri5", 1e-9, 1e-12));
  std::vector<double> ends;
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t d = 0; d < 3; ++d) ends.push_back(state_of(there, i, d, 1));
  }
  const Paths back =
      integrated(lorenz(), starts_of(3, ends), {0.2, 0.1, 0}, plain_options("dopri5", 1e-9, 1e-12));
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t d = 0; d < 3; ++d) CHECK(state_of(back, i, d, 2) == Approx(start(i, d)).margin(1e-6));
  }
  for (const std::string& name : kAll) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-9, 1e-12);
    o.dt = 1e-4;
    const double end = state_of(integrated(swing(), starts_of(1, {0.5}), {0, 2}, o), 0, 0, 1);
    CHECK(state_of(integrated(swing(), starts_of(1, {end}), {2, 0}, o), 0, 0, 1) ==
          Approx(0.5).margin(name == "euler" ? 1e-3 : 1e-6));
  }
}

TEST_CASE("the way back meets the way forth at every time, though the velocity depends on it",
          "[integrate]") {
  const GivenDynamics f(2, [](double t, const double* x, double* v) {
    v[0] = -x[1] - std::tanh(x[0]) * (0.3 + 0.1 * t);
    v[1] = x[0] - std::tanh(x[1]) * (0.3 + 0.1 * t);
  });
  for (const std::string name : {"rk4", "rk23", "dopri5", "dop853"}) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-9, 1e-9);
    o.dt = 0.01;
    o.max_steps = 100000;
    const Paths there = integrated(f, starts_of(2, {1, 0.3, -0.5, 2}), {0, 1, 2.5}, o);
    std::vector<double> ends;
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t d = 0; d < 2; ++d) ends.push_back(state_of(there, i, d, 2));
    }
    const Paths back = integrated(f, starts_of(2, ends), {2.5, 1, 0}, o);
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t d = 0; d < 2; ++d) {
        CHECK(state_of(back, i, d, 1) == Approx(state_of(there, i, d, 1)).margin(1e-6));
        CHECK(state_of(back, i, d, 2) == Approx(state_of(there, i, d, 0)).margin(1e-6));
      }
    }
  }
}

TEST_CASE("a disturbance grows by the derivative of the solution", "[integrate]") {
  // d x(t) / d x0 of x = x0 / (1 - x0 sin t) is 1 / (1 - x0 sin t)^2.
  for (const std::string name : {"midpoint", "rk4", "rk23", "dopri5", "dop853"}) {
    INFO(name);
    IntegrateOptions o = plain_options(name, 1e-9, 1e-9);
    o.dt = 1e-3;
    o.max_steps = 100000;
    o.shadow = "always";
    const Paths p = integrated(swing(), starts_of(1, {0.5}), {0, 2}, o);
    CHECK(p.growth[1] == Approx(-2 * std::log(1 - 0.5 * std::sin(2.0))).epsilon(1e-5));
  }
}

TEST_CASE("steps of fixed methods end at every output time", "[integrate]") {
  IntegrateOptions o = plain_options("rk4");
  o.dt = 0.3;
  std::int64_t seen = 0;
  const GivenDynamics f(1, [&](double, const double*, double* v) {
    ++seen;
    v[0] = 1;
  });
  const Paths p = integrated(f, starts_of(1, {0}), {0, 1, 1.1, 2}, o);
  CHECK(p.steps[0] == 3 + 1 + 3);
  // The slope at the end of a step is the first of the next.
  CHECK(p.evaluations == 1 + 4 * 7);
  CHECK(p.evaluations == seen);
  CHECK(state_of(p, 0, 0, 2) == Approx(1.1));
}

TEST_CASE("kappa runs the clock and leaves the way", "[integrate]") {
  IntegrateOptions o = plain_options("dopri5", 1e-8, 1e-10);
  o.kappa = 2.5;
  const Paths fast = integrated(lorenz(), starts_of(3, {1, 1, 1}), {0, 0.4}, o);
  o.kappa = 1;
  const Paths slow = integrated(lorenz(), starts_of(3, {1, 1, 1}), {0, 1}, o);
  for (std::int64_t d = 0; d < 3; ++d)
    CHECK(state_of(fast, 0, d, 1) == Approx(state_of(slow, 0, d, 1)).epsilon(1e-6));
  CHECK(fast.speed[1] == Approx(2.5 * slow.speed[1]).epsilon(1e-5));
}

TEST_CASE("the velocity is taken at the current state, not at the start", "[integrate]") {
  // Taken at the start, decay would be the straight line 1 - t, which is below zero at 2.
  for (const std::string& name : kAll) {
    INFO(name);
    IntegrateOptions o = plain_options(name);
    o.dt = 0.01;
    o.max_steps = 10000;
    std::vector<double> seen;
    const GivenDynamics f(1, [&](double, const double* x, double* v) {
      seen.push_back(x[0]);
      v[0] = -x[0];
    });
    const Paths p = integrated(f, starts_of(1, {1}), {0, 1, 2}, o);
    CHECK(state_of(p, 0, 0, 2) == Approx(std::exp(-2.0)).epsilon(0.02));
    CHECK(*std::min_element(seen.begin(), seen.end()) < 0.2);
  }
}

TEST_CASE("a path is the same bytes alone, among others, and on any number of threads", "[integrate]") {
  std::vector<double> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(std::sin(i) * 10);
    rows.push_back(std::cos(3 * i) * 12);
    // Some run for much longer than others.
    rows.push_back(20 + 0.3 * i);
  }
  const Matrix all = starts_of(3, rows);
  const std::vector<double> times = {0, 0.1, 0.77, 2};
  for (const std::string& name : kAll) {
    INFO(name);
    IntegrateOptions o = plain_options(name);
    o.dt = 0.01;
    o.shadow = "always";
    o.growth_limit = 1e9;
    const Paths together = integrated(lorenz(), all, times, o);
    {
      const ThreadScope two(2);
      const Paths threaded = integrated(lorenz(), all, times, o);
      CHECK(threaded.states == together.states);
      CHECK(threaded.growth == together.growth);
      CHECK(threaded.speed == together.speed);
    }
    for (int i : {0, 31, 32, 99}) {
      IntegrationRequest r;
      const Matrix one = starts_of(3, {rows[3 * i], rows[3 * i + 1], rows[3 * i + 2]});
      r.starts = one;
      r.times = times;
      r.first_path = static_cast<std::uint64_t>(i);
      const Paths alone = integrate_cells(lorenz(), r, o, {});
      CHECK(alone.steps[0] == together.steps[i]);
      for (std::int64_t k = 0; k < 4; ++k) {
        for (std::int64_t d = 0; d < 3; ++d) CHECK(state_of(alone, 0, d, k) == state_of(together, i, d, k));
        CHECK(alone.growth[k] == together.growth[i + together.n * k]);
      }
    }
  }
}

TEST_CASE("what cannot be asked for is named", "[integrate]") {
  const Matrix start = starts_of(1, {0.5});
  const auto argument = [&](const std::vector<double>& times,
                            const std::function<void(IntegrateOptions&)>& change) {
    IntegrateOptions o = plain_options("dopri5");
    change(o);
    std::string name;
    const ErrorKind kind = kind_of([&] { integrated(swing(), start, times, o); }, &name);
    return kind == ErrorKind::Input ? name : "none";
  };
  const auto as_is = [](IntegrateOptions&) {};
  CHECK(argument({0, 1}, as_is) == "none");
  CHECK(argument({}, as_is) == "times");
  CHECK(argument({0}, as_is) == "times");
  CHECK(argument({0, 0}, as_is) == "times");
  CHECK(argument({0, 1, 0.5}, as_is) == "times");
  CHECK(argument({0, NAN}, as_is) == "times");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.solver = "lsoda"; }) == "solver");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.rtol = o.atol = 0; }) == "rtol");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.rtol = -1; }) == "rtol");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.atol = NAN; }) == "atol");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.dt = -1; }) == "dt");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.first_step = -1; }) == "first.step");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.kappa = 0; }) == "kappa");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.max_steps = 0; }) == "max.steps");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.snap = "some"; }) == "snap");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.snap = "full"; }) == "snap");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.support = "field"; }) == "support");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.shadow = "maybe"; }) == "shadow");
  CHECK(argument({0, 1}, [](IntegrateOptions& o) { o.growth_limit = -1; }) == "growth.limit");
  CHECK(kind_of([&] {
          integrated(swing(), starts_of(2, {1, 2}), {0, 1}, plain_options("rk4"));
        }) == ErrorKind::Model);
  std::string name;
  IntegrateOptions positive = plain_options("rk4");
  positive.positive = true;
  CHECK(kind_of(
            [&] {
              integrated(swing(), starts_of(1, {-1}), {0, 1}, positive);
            },
            &name) == ErrorKind::Input);
  CHECK(name == "object");
  IntegrationRequest r;
  r.starts = start;
  r.times = {0, 1};
  const auto refuse = [](std::int64_t) { return false; };
  CHECK_THROWS_AS(integrate_cells(swing(), r, plain_options("rk4"), refuse), Interrupted);
}
