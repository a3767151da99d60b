// Integration of cells against SciPy at tight tolerance and against torchdiffeq's fixed steps.
#include <cmath>
#include <string>
#include <vector>

#include "golden.hpp"
#include "paths.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

struct Problem {
  std::string name;
  GivenDynamics field;
  std::vector<double> times;
  Matrix start;
};

// Van der Pol's oscillator, a spiral and a small network.
std::vector<Problem> stored_problems(const Golden& golden) {
  const auto read = [&](const std::string& name) { return golden.read("torchdiffeq/" + name); };
  const auto starts = [&](const std::string& name) {
    const GoldenArray a = read(name + "_y0");
    return starts_of(a.shape[1], a.values);
  };
  const auto w1 = read("W1").values, b1 = read("b1").values, w2 = read("W2").values, b2 = read("b2").values;
  const auto spiral = read("spiral_A").values;
  const GivenDynamics net(3, [=](double, const double* x, double* v) {
    for (int o = 0; o < 3; ++o) v[o] = b2[o];
    for (int h = 0; h < 16; ++h) {
      double a = b1[h];
      for (int i = 0; i < 3; ++i) a += w1[h * 3 + i] * x[i];
      for (int o = 0; o < 3; ++o) v[o] += w2[o * 16 + h] * std::tanh(a);
    }
  });
  const GivenDynamics cubes(2, [=](double, const double* x, double* v) {
    for (int o = 0; o < 2; ++o) v[o] = x[0] * x[0] * x[0] * spiral[o] + x[1] * x[1] * x[1] * spiral[2 + o];
  });
  const GivenDynamics oscillator(2, [](double, const double* x, double* v) {
    v[0] = x[1];
    v[1] = 3.0 * (1.0 - x[0] * x[0]) * x[1] - x[0];
  });
  return {{"vdp", oscillator, read("vdp_t").values, starts("vdp")},
          {"spiral", cubes, read("spiral_t").values, starts("spiral")},
          {"mlp", net, read("mlp_t").values, starts("mlp")}};
}

// Stored arrays are times x states x dimensions.
double gap(const Paths& p, const GoldenArray& wanted) {
  double most = 0;
  for (std::int64_t k = 0; k < p.times; ++k) {
    for (std::int64_t i = 0; i < p.n; ++i) {
      for (std::int64_t d = 0; d < p.dims; ++d) {
        const double w = wanted.values[(k * p.n + i) * p.dims + d];
        most = std::max(most, std::abs(state_of(p, i, d, k) - w));
      }
    }
  }
  return most;
}

double gap(const GoldenArray& found, const GoldenArray& wanted) {
  double most = 0;
  for (std::size_t i = 0; i < wanted.values.size(); ++i)
    most = std::max(most, std::abs(found.values[i] - wanted.values[i]));
  return most;
}

}  // namespace

TEST_CASE("integrated cells agree with SciPy at tight tolerance", "[integrate][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    const GoldenArray truth = golden.read("torchdiffeq/" + p.name + "_scipy_DOP853");
    const GoldenArray other = golden.read("torchdiffeq/" + p.name + "_scipy_RK45");
    for (const std::string solver : {"dopri5", "dop853"}) {
      INFO(p.name << " " << solver);
      const Paths found = integrated(p.field, p.start, p.times, plain_options(solver, 1e-10, 1e-12));
      CHECK(gap(found, truth) < 2e-7);
      CHECK(gap(found, other) < 2e-7);
    }
    CHECK(gap(integrated(p.field, p.start, p.times, plain_options("dop853", 1e-11, 1e-13)), truth) < 1e-8);
    INFO(p.name << " rk23");
    IntegrateOptions third = plain_options("rk23", 1e-8, 1e-10);
    third.max_steps = 1000000;
    CHECK(gap(integrated(p.field, p.start, p.times, third), truth) < 1e-4);
  }
}

TEST_CASE("integrated cells take torchdiffeq's fixed steps", "[integrate][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const Problem& p : stored_problems(golden)) {
    for (const std::string solver : {"euler", "midpoint", "rk4"}) {
      INFO(p.name << " " << solver);
      IntegrateOptions o = plain_options(solver);
      o.dt = 0.05;
      const GoldenArray wanted = golden.read("torchdiffeq/" + p.name + "_" + solver + "_h0.05");
      const Paths found = integrated(p.field, p.start, p.times, o);
      if (found.end[0] == PathEnd::NotFinite) {
        // Euler's steps are too long for the spiral.
        CHECK(std::isnan(state_of(found, 0, 0, found.times - 1)));
        continue;
      }
      CHECK(gap(found, wanted) < 1e-9);
      // Beside the counted ones the slope at the very end.
      const double counted = golden_number(golden, "torchdiffeq/" + p.name + "_" + solver + "_h0.05_nfe");
      CHECK(static_cast<double>(found.evaluations) == static_cast<double>(found.n) * (counted + 1));
    }
  }
}

TEST_CASE("adaptive solvers are as near to the truth as torchdiffeq's of the same order, at like cost",
          "[integrate][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  // Each path has steps of its own here, all paths share theirs there; and torchdiffeq's dopri5 judges its
  // error by another companion.
  struct Row {
    const char* solver;
    const char* stored;
    double rtol, nearer, dearer;
  };
  for (const Row& row : {Row{"bosh3", "_bosh3_rtol1e-05", 1e-5, 1.0, 1.0},
                         {"dopri5", "_dopri5_rtol0.0001", 1e-4, 1.25, 1.2},
                         {"dopri5", "_dopri5_rtol1e-07", 1e-7, 1.4, 1.1},
                         {"dop853", "_dopri8_rtol1e-07", 1e-7, 0.2, 1.25}}) {
    for (const Problem& p : stored_problems(golden)) {
      const std::string stored = "torchdiffeq/" + p.name + row.stored;
      INFO(stored);
      const GoldenArray truth = golden.read("torchdiffeq/" + p.name + "_scipy_DOP853");
      const Paths found =
          integrated(p.field, p.start, p.times, plain_options(row.solver, row.rtol, 0.01 * row.rtol));
      CHECK(gap(found, truth) < row.nearer * gap(golden.read(stored), truth));
      CHECK(static_cast<double>(found.evaluations) / static_cast<double>(found.n) <
            row.dearer * golden_number(golden, stored + "_nfe"));
    }
  }
}
