// SDE solvers against mathematics: measured strong and weak orders, moments in closed form, increments that
// do not depend on the batch, and the grid of steps.
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "sde_paths.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

// dy = mu y dt + S y dW with one motion; S turns and stretches, and commutes with the rest.
struct Turning : Sde {
  double mu = 0.3, stretch = 0.4, turn = 0.7;

  at::Tensor start(std::int64_t n) const { return at::tensor({1.0, 0.5}, at::kDouble).expand({n, 2}); }
  at::Tensor matrix() const { return at::tensor({stretch, -turn, turn, stretch}, at::kDouble).view({2, 2}); }
  at::Tensor drift(double, const at::Tensor& y) const override { return y * mu; }
  at::Tensor diffusion(double, const at::Tensor& y) const override {
    return at::matmul(y, matrix().t()).unsqueeze(2);
  }
  NoiseType noise() const override { return NoiseType::Scalar; }
  std::int64_t brownian_dims() const override { return 1; }
  at::Tensor exact(const at::Tensor& w, Calculus calculus) const {
    // exp(mu + S w - S^2 / 2): the exponential of a turning and stretching matrix is one.
    const bool ito = calculus == Calculus::Ito;
    const at::Tensor grown =
        at::exp(w * stretch + mu - (ito ? 0.5 * (stretch * stretch - turn * turn) : 0.0));
    const at::Tensor angle = w * turn - (ito ? stretch * turn : 0.0);
    const at::Tensor y = start(w.size(0));
    const at::Tensor a = y.narrow(1, 0, 1), b = y.narrow(1, 1, 1);
    return at::cat({a * at::cos(angle) - b * at::sin(angle), a * at::sin(angle) + b * at::cos(angle)}, 1) *
           grown;
  }
};

// dy = -tanh(2 y) dt + M cos t dW: the noise is free of y, the drift is not linear.
struct Additive : Sde {
  at::Tensor start(std::int64_t n) const { return at::tensor({0.8, -0.3}, at::kDouble).expand({n, 2}); }
  at::Tensor drift(double, const at::Tensor& y) const override { return -at::tanh(y * 2); }
  at::Tensor diffusion(double t, const at::Tensor& y) const override {
    const at::Tensor m = at::tensor({0.6, 0.2, -0.3, 0.5}, at::kDouble).view({2, 2}) * std::cos(t);
    return m.unsqueeze(0).expand({y.size(0), 2, 2});
  }
  NoiseType noise() const override { return NoiseType::Additive; }
  std::int64_t brownian_dims() const override { return 2; }
};

// Two motions whose vector fields do not commute.
struct Crossed : Sde {
  at::Tensor start(std::int64_t n) const { return at::tensor({1.0, 0.5}, at::kDouble).expand({n, 2}); }
  at::Tensor drift(double, const at::Tensor& y) const override { return -y * 0.5; }
  at::Tensor diffusion(double, const at::Tensor& y) const override {
    const at::Tensor a = y.select(1, 0), b = y.select(1, 1);
    const at::Tensor first = at::stack({at::sin(b), a * 0.2}, 1),
                     second = at::stack({b * 0.3, at::cos(a)}, 1);
    return at::stack({first, second}, 2);
  }
  NoiseType noise() const override { return NoiseType::General; }
  std::int64_t brownian_dims() const override { return 2; }
};

template <typename Equation>
double measured_order(const SdeSolver& solver, const Equation& sde, const FinePath& path,
                      const at::Tensor& exact, const std::vector<std::int64_t>& steps) {
  std::vector<double> dt, error;
  for (std::int64_t n : steps) {
    dt.push_back(1.0 / static_cast<double>(n));
    error.push_back(strong_error(solver, sde, path, n, exact));
  }
  return fitted_order(dt, error);
}

// Every solver, the integral it converges to, and its weak order. Strong orders stand with the solvers and
// are measured below for every kind of noise.
struct Row {
  const char* name;
  Calculus calculus;
  double weak_order;
};
const std::vector<Row> kSolvers = {{"euler", Calculus::Ito, 1.0},
                                   {"heun", Calculus::Stratonovich, 1.0},
                                   {"euler_heun", Calculus::Stratonovich, 1.0},
                                   {"midpoint", Calculus::Stratonovich, 1.0},
                                   {"milstein", Calculus::Ito, 1.0},
                                   {"milstein_vjp", Calculus::Ito, 1.0},
                                   {"milstein_free", Calculus::Ito, 1.0},
                                   {"milstein_stratonovich", Calculus::Stratonovich, 1.0},
                                   {"milstein_stratonovich_vjp", Calculus::Stratonovich, 1.0},
                                   {"milstein_stratonovich_free", Calculus::Stratonovich, 1.0},
                                   {"reversible_heun", Calculus::Stratonovich, 1.0},
                                   {"srk", Calculus::Ito, 1.5}};

std::vector<const SdeSolver*> treating(NoiseType noise) {
  std::vector<const SdeSolver*> out;
  for (const Row& row : kSolvers) {
    const SdeSolver& solver = sde_solver(row.name);
    if (solver.treats(noise)) out.push_back(&solver);
  }
  return out;
}

const std::vector<std::int64_t> kSteps = {8, 16, 32, 64, 128};

// Orders are met to within this; one may be beaten by half an order on a short range of steps.
constexpr double kSlack = 0.1, kLuck = 0.35;

void check_order(const SdeSolver& solver, NoiseType noise, double order) {
  CHECK(order > solver.strong_order(noise) - kSlack);
  CHECK(order < solver.strong_order(noise) + kLuck);
}

}  // namespace

TEST_CASE("every solver has a row here, and only those are known", "[sde]") {
  CHECK(sde_solvers().size() == kSolvers.size());
  std::string message;
  try {
    sde_solver("verlet");
  } catch (const Error& e) {
    CHECK(e.argument() == "solver");
    message = e.what();
  }
  for (const Row& row : kSolvers) {
    INFO(row.name);
    CHECK(sde_solver(row.name).calculus == row.calculus);
    CHECK(message.find("\"" + std::string(row.name) + "\"") != std::string::npos);
  }
}

TEST_CASE("solvers have their strong order for diagonal noise", "[sde][order]") {
  const c10::NoGradGuard no_grad;
  GeometricBrownian sde;
  sde.d = 2;
  const FinePath path = fine_path(11, 1000, 2, 128);
  for (const SdeSolver* each : treating(NoiseType::Diagonal)) {
    const SdeSolver& solver = *each;
    INFO(solver.name);
    const at::Tensor exact = sde.exact(path.end(), solver.calculus);
    check_order(solver, sde.noise(), measured_order(solver, sde, path, exact, kSteps));
  }
}

TEST_CASE("solvers have their strong order for scalar noise", "[sde][order]") {
  const c10::NoGradGuard no_grad;
  const Turning sde;
  const FinePath path = fine_path(12, 1000, 1, 128);
  for (const SdeSolver* each : treating(NoiseType::Scalar)) {
    const SdeSolver& solver = *each;
    INFO(solver.name);
    const at::Tensor exact = sde.exact(path.end(), solver.calculus);
    check_order(solver, sde.noise(), measured_order(solver, sde, path, exact, kSteps));
  }
}

TEST_CASE("solvers have their strong order for additive noise", "[sde][order]") {
  const c10::NoGradGuard no_grad;
  const Additive sde;
  const FinePath path = fine_path(13, 500, 2, 1024);
  // The order of the reference is the highest here and its step eight times finer than the finest measured.
  const at::Tensor exact = solve(sde_solver("srk"), sde, path, 1024, sde.start(500));
  for (const SdeSolver* each : treating(NoiseType::Additive)) {
    const SdeSolver& solver = *each;
    INFO(solver.name);
    check_order(solver, sde.noise(), measured_order(solver, sde, path, exact, kSteps));
  }
}

TEST_CASE("solvers have their strong order for noise that does not commute", "[sde][order]") {
  const c10::NoGradGuard no_grad;
  const Crossed sde;
  const FinePath path = fine_path(14, 500, 2, 2048);
  const at::Tensor ito = solve(sde_solver("euler"), sde, path, 2048, sde.start(500));
  const at::Tensor stratonovich = solve(sde_solver("heun"), sde, path, 2048, sde.start(500));
  for (const SdeSolver* each : treating(NoiseType::General)) {
    const SdeSolver& solver = *each;
    INFO(solver.name);
    const at::Tensor& exact = solver.calculus == Calculus::Ito ? ito : stratonovich;
    check_order(solver, sde.noise(), measured_order(solver, sde, path, exact, {4, 8, 16, 32, 64}));
  }
}

TEST_CASE("means converge with weak order 1, or more for the best", "[sde][order]") {
  const c10::NoGradGuard no_grad;
  GeometricBrownian sde;
  sde.sigma = 0.4;
  const std::int64_t n = 100000;
  const FinePath path = fine_path(15, n, 1, 16);
  for (const Row& row : kSolvers) {
    INFO(row.name);
    const SdeSolver& solver = sde_solver(row.name);
    const at::Tensor exact = sde.exact(path.end(), solver.calculus);
    std::vector<double> dt, error;
    for (std::int64_t steps : {2, 4, 8, 16}) {
      dt.push_back(1.0 / static_cast<double>(steps));
      // The same paths on both sides: the noise of the means cancels.
      error.push_back(
          std::abs((solve(solver, sde, path, steps, sde.start(n)) - exact).mean().item<double>()));
    }
    CHECK(fitted_order(dt, error) > row.weak_order - 0.1);
  }
}

TEST_CASE("an Ornstein-Uhlenbeck process keeps its mean and variance", "[sde]") {
  struct LinearDrift : Sde {
    at::Tensor drift(double, const at::Tensor& y) const override { return -y * 1.5; }
    at::Tensor diffusion(double, const at::Tensor& y) const override { return at::full_like(y, 0.7); }
    NoiseType noise() const override { return NoiseType::Diagonal; }
    std::int64_t brownian_dims() const override { return 1; }
  };
  const c10::NoGradGuard no_grad;
  const LinearDrift sde;
  const std::int64_t n = 40000;
  const double theta = 1.5, sigma = 0.7, t = 2, y0 = 2;
  const double mean = y0 * std::exp(-theta * t);
  const double variance = sigma * sigma / (2 * theta) * (1 - std::exp(-2 * theta * t));
  const StepGrid grid = step_grid({0, t}, 0.02);
  for (const std::string name : {"euler", "heun", "milstein", "reversible_heun", "srk"}) {
    INFO(name);
    const SdeSolver& solver = sde_solver(name);
    const at::Tensor start = at::full({n, 1}, y0, at::kDouble);
    const at::Tensor y = integrate_sde(solver, sde, grid, start, [&](std::int64_t k) {
                           return philox_increment(21, 0, k, grid.h[k], n, 1, solver.needs_levy, start);
                         }).back();
    // Four standard errors, and for Euler the bias of its step.
    const double bias = name == "euler" ? 0.02 : 0.0;
    CHECK(std::abs(y.mean().item<double>() - mean) < 4 * std::sqrt(variance / n) + bias * mean * 4);
    CHECK(std::abs(y.var().item<double>() / variance - 1) < 4 * std::sqrt(2.0 / n) + bias);
  }
}

TEST_CASE("increments have the moments of a Brownian motion and its integral", "[sde]") {
  const std::int64_t n = 50000;
  const double h = 0.3, slack = 5 / std::sqrt(static_cast<double>(n));
  const Increment w = philox_increment(5, 0, 0, h, n, 2, true, at::empty({0}, at::kDouble));
  for (int j = 0; j < 2; ++j) {
    const at::Tensor dW = w.dW.select(1, j), U = w.U.select(1, j);
    CHECK(std::abs((dW * dW).mean().item<double>() / h - 1) < slack * 1.5);
    CHECK(std::abs((U * U).mean().item<double>() / (h * h * h / 3) - 1) < slack * 1.5);
    CHECK(std::abs((U * dW).mean().item<double>() / (h * h / 2) - 1) < slack * 1.6);
  }
  CHECK(std::abs((w.dW.select(1, 0) * w.dW.select(1, 1)).mean().item<double>()) < slack * h);
}

TEST_CASE("increments depend on the trajectory, not on the batch", "[sde]") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor like = at::empty({0}, type);
    const Increment whole = philox_increment(5, 100, 7, 0.1, 30, 3, true, like);
    const Increment head = philox_increment(5, 100, 7, 0.1, 11, 3, true, like);
    const Increment tail = philox_increment(5, 111, 7, 0.1, 19, 3, true, like);
    CHECK(whole.dW.scalar_type() == type);
    CHECK(at::equal(whole.dW, at::cat({head.dW, tail.dW})));
    CHECK(at::equal(whole.U, at::cat({head.U, tail.U})));
    CHECK(at::equal(whole.dW, philox_increment(5, 100, 7, 0.1, 30, 3, false, like).dW));
    CHECK_FALSE(at::equal(whole.dW, philox_increment(5, 100, 8, 0.1, 30, 3, false, like).dW));
    CHECK_FALSE(at::equal(whole.dW, philox_increment(6, 100, 7, 0.1, 30, 3, false, like).dW));
  }
}

TEST_CASE("observed times are the ends of whole equal steps", "[grid]") {
  const StepGrid grid = step_grid({2, 4, 6}, 0.1);
  CHECK(grid.steps() == 40);
  REQUIRE(grid.outputs.size() == 3);
  CHECK(grid.outputs[0].step == -1);
  CHECK(grid.outputs[1].step == 19);
  CHECK(grid.outputs[2].step == 39);
  for (std::int64_t k = 0; k < 40; ++k) {
    CHECK(grid.h[k] == Approx(0.1));
    CHECK(grid.t[k] == Approx(2 + 0.1 * static_cast<double>(k)));
    CHECK(grid.outputs[1].weight == 1.0);
  }
  CHECK(step_grid({0, 0.25, 1}, 0.1).steps() == 3 + 8);
  CHECK(step_grid({0, 0.01}, 1).steps() == 1);
  CHECK(step_grid({3}, 1).steps() == 0);
  const StepGrid back = step_grid({1, 0}, 0.25);
  CHECK(back.steps() == 4);
  CHECK(back.t[0] == 1);
  CHECK(back.h[0] == -0.25);
}

TEST_CASE("the published grid has its sliver of a step, in single precision only", "[grid]") {
  const StepGrid grid = published_grid({2, 4, 6}, 0.1);
  CHECK(grid.steps() == 41);
  CHECK(grid.h.back() < 1e-5);
  CHECK(grid.t.back() + grid.h.back() == 6);
  const StepGrid inside = published_grid({0, 0.5, 0.7, 1, 2}, 0.125, ClockPrecision::Double);
  CHECK(inside.steps() == 16);
  CHECK(inside.outputs[2].step == 5);
  CHECK(inside.outputs[2].weight == Approx(0.6));
}

TEST_CASE("times and steps that make no grid are named", "[grid]") {
  const auto argument = [](const std::vector<double>& times, double dt) {
    try {
      step_grid(times, dt);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  CHECK(argument({}, 1) == "times");
  CHECK(argument({0, 0}, 1) == "times");
  CHECK(argument({0, 2, 1}, 1) == "times");
  CHECK(argument({0, NAN}, 1) == "times");
  CHECK(argument({0, 1}, 0) == "dt");
  CHECK(argument({0, 1}, -1) == "dt");
  CHECK(argument({0, 1}, 1e-12) == "dt");
  CHECK_THROWS_AS(published_grid({2, 1}, 0.1), Error);
}

TEST_CASE("reversible Heun goes back to where it came from", "[sde]") {
  const c10::NoGradGuard no_grad;
  const SdeSolver& solver = sde_solver("reversible_heun");
  const Crossed sde;
  const at::Tensor start = sde.start(5);
  const double h = 0.125;
  std::vector<Increment> increments;
  for (std::int64_t k = 0; k < 8; ++k)
    increments.push_back(philox_increment(31, 0, k, h, 5, 2, false, start));
  at::Tensor y = start;
  Carried carried = solver.begin(sde, 0, y);
  for (int k = 0; k < 8; ++k) y = solver.step(sde, k * h, h, y, increments[k], carried);
  CHECK((y - start).abs().max().item<double>() > 0.1);
  for (int k = 8; k-- > 0;)
    y = solver.step(sde, (k + 1) * h, -h, y, Increment{-increments[k].dW, {}}, carried);
  CHECK((y - start).abs().max().item<double>() < 1e-12);
  CHECK((carried[0] - start).abs().max().item<double>() < 1e-12);
}

TEST_CASE("what a solver carries outlives outputs, and begins afresh where a state is moved", "[sde]") {
  const c10::NoGradGuard no_grad;
  const Turning sde;
  const FinePath path = fine_path(16, 20, 1, 16);
  const auto increments = [&](std::int64_t k) { return path.fine[k]; };
  StepGrid often = step_grid({0, 1}, 1.0 / 16), once = often;
  for (std::int64_t k = 0; k < 15; ++k)
    often.outputs.insert(often.outputs.end() - 1, {k, k % 2 == 0 ? 1.0 : 0.4});
  for (const Row& row : kSolvers) {
    INFO(row.name);
    const SdeSolver& solver = sde_solver(row.name);
    const auto all = integrate_sde(solver, sde, often, sde.start(20), increments);
    REQUIRE(all.size() == 17);
    CHECK(at::equal(all.back(), integrate_sde(solver, sde, once, sde.start(20), increments).back()));
  }
  // Heun's predictor starts at the state itself; so does a reversible step that carries nothing yet.
  const auto unmoved = [](const at::Tensor& y) { return y.clone(); };
  const at::Tensor afresh =
      integrate_sde(sde_solver("reversible_heun"), sde, once, sde.start(20), increments, nullptr, unmoved)
          .back();
  const at::Tensor heun = integrate_sde(sde_solver("heun"), sde, once, sde.start(20), increments).back();
  CHECK((afresh - heun).abs().max().item<double>() < 1e-12);
}

TEST_CASE("a solver that cannot treat the noise, or is none, is refused", "[sde]") {
  const c10::NoGradGuard no_grad;
  const Crossed sde;
  const at::Tensor y = sde.start(3);
  const Increment w = philox_increment(1, 0, 0, 0.1, 3, 2, true, y);
  const auto still = [&](std::int64_t) { return w; };
  const StepGrid grid = step_grid({0, 0.1}, 0.1);
  const auto argument = [&](const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("none");
  };
  for (const SdeSolver& solver : sde_solvers()) {
    INFO(solver.name);
    CHECK(argument([&] { integrate_sde(solver, sde, grid, y, still); }) ==
          (solver.treats(NoiseType::General) ? "none" : "solver"));
  }
  CHECK_FALSE(sde_solver("milstein").treats(NoiseType::General));
  CHECK_FALSE(sde_solver("srk").treats(NoiseType::General));
  CHECK(argument([&] {
          integrate_sde(sde_solver("euler"), sde, step_grid({1, 0}, 0.5), y, still);
        }) == "times");
  const GeometricBrownian gbm;
  const auto without = [](std::int64_t) { return Increment{at::zeros({3, 1}), {}}; };
  CHECK(argument([&] { integrate_sde(sde_solver("srk"), gbm, grid, gbm.start(3), without); }) == "U");
}
