// ODE solvers against mathematics: measured orders, both directions of time, states between steps, gradients,
// and the ways an integration can fail.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "paths/ode.hpp"
#include "sde_paths.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

const std::vector<std::string> kAdaptive = {"bosh3", "dopri5", "dop853"};

OdeOptions with(const std::string& solver, double tolerance) {
  OdeOptions o;
  o.solver = solver;
  o.rtol = o.atol = tolerance;
  return o;
}

at::Tensor one(double x) { return at::full({1, 1}, x, at::kDouble); }

// dy/dt = y^2 cos t: y = 1 / (2 - sin t) from 1/2 at 0.
at::Tensor swing(double t, const at::Tensor& y) { return y * y * std::cos(t); }
double swung(double t) { return 1 / (2 - std::sin(t)); }

at::Tensor turn(double, const at::Tensor& y) { return at::stack({-y.select(1, 1), y.select(1, 0)}, 1); }

// The largest error at the ends of n equal steps to time 4.
double error_of_equal_steps(const OdeSolver& solver, int n) {
  at::Tensor y = one(0.5);
  const double h = 4.0 / n;
  double largest = 0;
  for (int k = 0; k < n; ++k) {
    y = solver.step(swing, k * h, h, y, swing(k * h, y)).to;
    largest = std::max(largest, std::abs(y.item<double>() - swung((k + 1) * h)));
  }
  return largest;
}

std::string argument_of(const std::vector<double>& times, const OdeOptions& o) {
  try {
    integrate_ode(swing, times, one(0.5), o);
  } catch (const Error& e) {
    return e.kind() == ErrorKind::Input ? e.argument() : "numeric";
  }
  return "none";
}

}  // namespace

TEST_CASE("ODE solvers have their order", "[ode][order]") {
  for (const std::string name : {"euler", "midpoint", "rk4", "bosh3", "dopri5", "dop853"}) {
    INFO(name);
    const auto solver = make_ode_solver(name);
    // Longer steps for higher orders: their errors must stay above the rounding.
    const std::vector<int> counts =
        solver->order() == 8 ? std::vector<int>{10, 14, 20, 28} : std::vector<int>{20, 40, 80, 160};
    std::vector<double> h, error;
    for (int n : counts) {
      h.push_back(1.0 / n);
      error.push_back(error_of_equal_steps(*solver, n));
    }
    const double order = fitted_order(h, error);
    CHECK(order > solver->order() - 0.3);
    CHECK(order < solver->order() + 0.7);
  }
}

TEST_CASE("the estimated error of a step shrinks by the order of the companion", "[ode][order]") {
  // One more for a single step than the orders 2 and 4. Where the companions of order 5 and 3 are joined,
  // from 6 to 8, as one or the other rules.
  const std::vector<double> wanted = {3, 5, 7}, margin = {0.4, 0.4, 1.2};
  for (std::size_t i = 0; i < kAdaptive.size(); ++i) {
    INFO(kAdaptive[i]);
    const auto solver = make_ode_solver(kAdaptive[i]);
    std::vector<double> h, error;
    for (double step :
         i == 2 ? std::vector<double>{0.6, 0.4, 0.3, 0.2} : std::vector<double>{0.1, 0.05, 0.025, 0.0125}) {
      h.push_back(step);
      error.push_back(solver->error(solver->step(swing, 0.3, step, one(0.5), swing(0.3, one(0.5))), one(1)));
    }
    CHECK(fitted_order(h, error) == Approx(wanted[i]).margin(margin[i]));
  }
}

TEST_CASE("states between the ends of a step have the order of the interpolation", "[ode][order]") {
  const std::vector<double> wanted = {4, 5, 8};  // of a single step
  for (std::size_t i = 0; i < kAdaptive.size(); ++i) {
    const auto solver = make_ode_solver(kAdaptive[i]);
    for (double x : {0.2, 0.5, 0.9}) {
      INFO(kAdaptive[i] << " at " << x);
      std::vector<double> hs, error;
      for (double h : {0.4, 0.2, 0.1}) {
        OdeStep step = solver->step(swing, 0.3, h, one(swung(0.3)), swing(0.3, one(swung(0.3))));
        const double found = solver->between(swing, step, x).item<double>();
        hs.push_back(h);
        error.push_back(std::abs(found - swung(0.3 + x * h)));
      }
      CHECK(fitted_order(hs, error) > wanted[i] - 0.9);
    }
  }
}

TEST_CASE("adaptive solvers keep to the tolerance at every output", "[ode]") {
  std::vector<double> times;
  for (int k = 0; k <= 40; ++k) times.push_back(0.37 * k);
  for (const std::string& name : kAdaptive) {
    for (double tolerance : {1e-4, 1e-8}) {
      INFO(name << " " << tolerance);
      const OdeResult r = integrate_ode(swing, times, one(0.5), with(name, tolerance));
      REQUIRE(r.states.size() == times.size());
      for (std::size_t k = 0; k < times.size(); ++k) {
        CHECK(std::abs(r.states[k].item<double>() - swung(times[k])) < 200 * tolerance);
      }
    }
  }
}

TEST_CASE("an oscillator keeps its radius, and a stiff relaxation stays bounded", "[ode]") {
  const at::Tensor start = at::tensor({1.0, 0.0, 0.0, 2.0}, at::kDouble).view({2, 2});
  for (const std::string& name : kAdaptive) {
    INFO(name);
    const at::Tensor end = integrate_ode(turn, {0, 20}, start, with(name, 1e-9)).states.back();
    const double c = std::cos(20.0), s = std::sin(20.0);
    const at::Tensor wanted = at::tensor({c, s, -2 * s, 2 * c}, at::kDouble).view({2, 2});
    CHECK((end - wanted).abs().max().item<double>() < 1e-6);
    const auto relax = [](double t, const at::Tensor& y) { return (y - std::cos(t)) * -500.0; };
    const OdeResult stiff = integrate_ode(relax, {0, 1}, one(5), with(name, 1e-6));
    CHECK(stiff.states.back().item<double>() == Approx(std::cos(1.0)).margin(5e-3));
    CHECK(stiff.rejected > 0);
  }
}

TEST_CASE("going back from where a solution went gives the start", "[ode]") {
  const at::Tensor start = at::tensor({1.0, 0.3, -0.5, 2.0}, at::kDouble).view({2, 2});
  const auto field = [](double t, const at::Tensor& y) { return turn(t, y) - at::tanh(y) * (0.3 + 0.1 * t); };
  for (const std::string name : {"rk4", "bosh3", "dopri5", "dop853"}) {
    INFO(name);
    OdeOptions o = with(name, 1e-9);
    o.dt = 0.01;
    const OdeResult there = integrate_ode(field, {0, 1, 2.5}, start, o);
    const OdeResult back = integrate_ode(field, {2.5, 1, 0}, there.states.back(), o);
    CHECK((back.states[1] - there.states[1]).abs().max().item<double>() < 1e-6);
    CHECK((back.states[2] - start).abs().max().item<double>() < 1e-6);
  }
}

TEST_CASE("gradients through the solvers are those of the solution", "[ode]") {
  // d y(t) / d y0 of y = y0 / (1 - y0 sin t) is 1 / (1 - y0 sin t)^2.
  for (const std::string name : {"rk4", "dopri5", "dop853"}) {
    INFO(name);
    OdeOptions o = with(name, 1e-9);
    o.dt = 0.01;
    const at::Tensor y0 = one(0.5).requires_grad_(true);
    integrate_ode(swing, {0, 2}, y0, o).states.back().sum().backward();
    CHECK(y0.grad().item<double>() == Approx(std::pow(1 - 0.5 * std::sin(2.0), -2)).epsilon(1e-6));
  }
}

TEST_CASE("steps of fixed methods end at every output time", "[ode]") {
  OdeOptions o;
  o.solver = "rk4";
  o.dt = 0.3;
  std::vector<double> seen;
  const auto field = [&](double t, const at::Tensor& y) {
    seen.push_back(t);
    return at::ones_like(y);
  };
  const OdeResult r = integrate_ode(field, {0, 1, 1.1, 2}, one(0), o);
  CHECK(r.steps == 3 + 1 + 3);
  CHECK(r.evaluations == 4 * 7);
  CHECK(r.evaluations == static_cast<std::int64_t>(seen.size()));
  CHECK(r.states[2].item<double>() == Approx(1.1));
  o.dt = 0;
  CHECK(integrate_ode(field, {0, 1, 1.1, 2}, one(0), o).steps == 3);
  CHECK(integrate_ode(field, {5}, one(0), o).states.size() == 1);
  CHECK(integrate_ode(field, {5}, one(0), with("dopri5", 1e-6)).states.size() == 1);
}

TEST_CASE("single precision stays single", "[ode]") {
  const at::Tensor y = at::ones({3, 2}, at::kFloat);
  for (const std::string name : {"euler", "midpoint", "rk4", "bosh3", "dopri5", "dop853"}) {
    INFO(name);
    OdeOptions o = with(name, 1e-4);
    o.dt = 0.1;
    const at::Tensor end = integrate_ode(turn, {0, 0.5, 1}, y, o).states.back();
    CHECK(end.scalar_type() == at::kFloat);
    CHECK(end.sizes() == y.sizes());
  }
}

TEST_CASE("integrations that cannot go on say so", "[ode]") {
  const auto kind = [](const OdeField& f, const OdeOptions& o) {
    try {
      integrate_ode(f, {0, 3}, one(1), o);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::File;
  };
  const auto explode = [](double, const at::Tensor& y) { return y * y; };
  const auto nowhere = [](double t, const at::Tensor& y) { return t > 1 ? y * NAN : y; };
  const auto never = [](double, const at::Tensor& y) { return y * NAN; };
  for (const std::string& name : kAdaptive) {
    INFO(name);
    OdeOptions o = with(name, 1e-6);
    CHECK(kind(explode, o) == ErrorKind::Numeric);
    CHECK(kind(nowhere, o) == ErrorKind::Numeric);
    CHECK(kind(never, o) == ErrorKind::Numeric);
    o.max_steps = 2;
    CHECK(kind([](double t, const at::Tensor& y) { return y * std::cos(50 * t); }, o) == ErrorKind::Numeric);
  }
  OdeOptions fixed;
  fixed.solver = "euler";
  fixed.dt = 0.1;
  CHECK(kind(never, fixed) == ErrorKind::Numeric);
}

TEST_CASE("wrong options of an integration are named", "[ode]") {
  const auto changed = [](auto&& change) {
    OdeOptions o;
    change(o);
    return argument_of({0, 1}, o);
  };
  CHECK(changed([](OdeOptions& o) { o.solver = "lsoda"; }) == "solver");
  CHECK(changed([](OdeOptions& o) { o.rtol = -1; }) == "rtol");
  CHECK(changed([](OdeOptions& o) { o.rtol = o.atol = 0; }) == "rtol");
  CHECK(changed([](OdeOptions& o) { o.atol = NAN; }) == "atol");
  CHECK(changed([](OdeOptions& o) { o.dt = -0.1; }) == "dt");
  CHECK(changed([](OdeOptions& o) { o.first_step = -1; }) == "first.step");
  CHECK(changed([](OdeOptions& o) { o.max_steps = 0; }) == "max.steps");
  CHECK(argument_of({}, OdeOptions()) == "times");
  CHECK(argument_of({0, 0}, OdeOptions()) == "times");
  CHECK(argument_of({0, 1}, OdeOptions()) == "none");
}
