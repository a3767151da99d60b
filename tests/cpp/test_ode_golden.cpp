// ODE solvers against torchdiffeq, with its counts of evaluations, and against SciPy at tight tolerance.
#include <string>
#include <vector>

#include "base/error.hpp"
#include "golden.hpp"
#include "paths/ode.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

double gap(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

struct Problem {
  std::string name;
  OdeField field;
  std::vector<double> times;
  at::Tensor start, truth;
};

std::vector<Problem> stored_problems(const Golden& golden) {
  const auto read = [&](const std::string& name) { return golden_tensor(golden, "torchdiffeq/" + name); };
  const at::Tensor A = read("spiral_A"), W1 = read("W1"), b1 = read("b1"), W2 = read("W2"), b2 = read("b2");
  const OdeField spiral = [=](double, const at::Tensor& y) { return at::matmul(y * y * y, A); };
  const OdeField oscillator = [](double, const at::Tensor& y) {
    const at::Tensor x = y.select(1, 0), v = y.select(1, 1);
    return at::stack({v, 3.0 * (1.0 - x * x) * v - x}, 1);
  };
  const OdeField net = [=](double, const at::Tensor& y) {
    return at::matmul(at::tanh(at::matmul(y, W1.t()) + b1), W2.t()) + b2;
  };
  std::vector<Problem> out = {
      {"spiral", spiral, {}, {}, {}}, {"vdp", oscillator, {}, {}, {}}, {"mlp", net, {}, {}, {}}};
  for (Problem& p : out) {
    p.times = golden.read("torchdiffeq/" + p.name + "_t").values;
    p.start = read(p.name + "_y0");
    p.truth = read(p.name + "_scipy_DOP853");
  }
  return out;
}

// The stored results have an absolute tolerance of a hundredth of the relative one.
OdeResult solved(const Problem& p, const std::string& solver, double rtol) {
  OdeOptions o;
  o.solver = solver;
  o.rtol = rtol;
  o.atol = 0.01 * rtol;
  return integrate_ode(p.field, p.times, p.start, o);
}

}  // namespace

TEST_CASE("ODE solvers of fixed steps are torchdiffeq's", "[ode][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    for (const std::string solver : {"euler", "midpoint", "rk4"}) {
      INFO(p.name << " " << solver);
      OdeOptions o;
      o.solver = solver;
      o.dt = 0.05;
      const std::string stored = "torchdiffeq/" + p.name + "_" + solver + "_h0.05";
      const at::Tensor wanted = golden_tensor(golden, stored);
      if (!at::isfinite(wanted).all().item<bool>()) {
        // Euler's steps are too long for the spiral, and it says so.
        CHECK_THROWS_AS(integrate_ode(p.field, p.times, p.start, o), Error);
        continue;
      }
      const OdeResult found = integrate_ode(p.field, p.times, p.start, o);
      CHECK(gap(at::stack(found.states), wanted) < 1e-9);
      CHECK(static_cast<double>(found.evaluations) == golden_number(golden, stored + "_nfe"));
    }
  }
}

TEST_CASE("dopri5 takes the steps of torchdiffeq and gives its states", "[ode][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    for (const std::string rtol : {"0.0001", "1e-07"}) {
      INFO(p.name << " dopri5 " << rtol);
      const std::string stored = "torchdiffeq/" + p.name + "_dopri5_rtol" + rtol;
      const OdeResult found = solved(p, "dopri5", std::stod(rtol));
      CHECK(static_cast<double>(found.evaluations) == golden_number(golden, stored + "_nfe"));
      CHECK(gap(at::stack(found.states), golden_tensor(golden, stored)) < 1e-9);
    }
  }
}

TEST_CASE("bosh3 takes torchdiffeq's steps, and is nearer to the truth between them", "[ode][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    INFO(p.name);
    const std::string stored = "torchdiffeq/" + p.name + "_bosh3_rtol1e-05";
    const OdeResult found = solved(p, "bosh3", 1e-5);
    CHECK(static_cast<double>(found.evaluations) == golden_number(golden, stored + "_nfe"));
    CHECK(gap(at::stack(found.states), p.truth) < gap(golden_tensor(golden, stored), p.truth));
  }
}

TEST_CASE("dop853 is nearer to the truth than the other pair of its order, at like cost", "[ode][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    INFO(p.name);
    const std::string stored = "torchdiffeq/" + p.name + "_dopri8_rtol1e-07";
    const OdeResult found = solved(p, "dop853", 1e-7);
    CHECK(static_cast<double>(found.evaluations) < 1.25 * golden_number(golden, stored + "_nfe"));
    CHECK(gap(at::stack(found.states), p.truth) < gap(golden_tensor(golden, stored), p.truth));
    CHECK(gap(at::stack(found.states), p.truth) < 1e-5);
    // Two programs and two methods agree on the truth.
    const at::Tensor tight = at::stack(solved(p, "dop853", 1e-11).states);
    CHECK(gap(tight, p.truth) < 1e-8);
    CHECK(gap(tight, golden_tensor(golden, "torchdiffeq/" + p.name + "_scipy_RK45")) < 1e-6);
  }
}
