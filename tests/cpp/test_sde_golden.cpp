// SDE solvers against torchsde on stored Brownian paths: states at the output times and gradients of
// sum(y_T^2), in double; and strong errors on geometric Brownian motion beside the published ones.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "golden_tensors.hpp"
#include "sde_paths.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

// f = A y + sin t; g: diagonal and scalar c (1 + tanh(y) / 2), additive M cos t, general M (1 + tanh(y) / 2).
struct StoredSde : Sde {
  at::Tensor A, c, M;
  NoiseType type = NoiseType::Diagonal;

  at::Tensor drift(double t, const at::Tensor& y) const override {
    return at::matmul(y, A.t()) + std::sin(t);
  }
  at::Tensor diffusion(double t, const at::Tensor& y) const override {
    if (type == NoiseType::Additive) return (M * std::cos(t)).unsqueeze(0).expand({y.size(0), -1, -1});
    const at::Tensor bend = at::tanh(y) * 0.5 + 1.0;
    if (type == NoiseType::Diagonal) return bend * c;
    if (type == NoiseType::Scalar) return (bend * c).unsqueeze(2);
    return bend.unsqueeze(2) * M;
  }
  NoiseType noise() const override { return type; }
  std::int64_t brownian_dims() const override {
    return type == NoiseType::Diagonal ? 3 : type == NoiseType::Scalar ? 1 : M.size(1);
  }
};

struct Case {
  const char* name;    // as stored
  const char* solver;  // ours
  NoiseType noise;
  int m;
};

const std::vector<Case>& cases() {
  using N = NoiseType;
  static const std::vector<Case> all = {
      {"ito_additive_m2_euler", "euler", N::Additive, 2},
      {"ito_additive_m2_srk", "srk", N::Additive, 2},
      {"ito_diagonal_m3_euler", "euler", N::Diagonal, 3},
      {"ito_diagonal_m3_milstein", "milstein_vjp", N::Diagonal, 3},
      {"ito_diagonal_m3_milstein", "milstein", N::Diagonal, 3},
      {"ito_diagonal_m3_milstein_gradfree", "milstein_free", N::Diagonal, 3},
      {"ito_diagonal_m3_srk", "srk", N::Diagonal, 3},
      {"ito_general_m1_euler", "euler", N::General, 1},
      {"ito_general_m2_euler", "euler", N::General, 2},
      {"ito_scalar_m1_euler", "euler", N::Scalar, 1},
      {"ito_scalar_m1_milstein", "milstein_vjp", N::Scalar, 1},
      {"ito_scalar_m1_srk", "srk", N::Scalar, 1},
      {"stratonovich_diagonal_m3_euler_heun", "euler_heun", N::Diagonal, 3},
      {"stratonovich_diagonal_m3_heun", "heun", N::Diagonal, 3},
      {"stratonovich_diagonal_m3_midpoint", "midpoint", N::Diagonal, 3},
      {"stratonovich_diagonal_m3_milstein", "milstein_stratonovich_vjp", N::Diagonal, 3},
      {"stratonovich_diagonal_m3_milstein_gradfree", "milstein_stratonovich_free", N::Diagonal, 3},
      {"stratonovich_diagonal_m3_reversible_heun", "reversible_heun", N::Diagonal, 3},
      {"stratonovich_general_m2_euler_heun", "euler_heun", N::General, 2},
      {"stratonovich_general_m2_heun", "heun", N::General, 2},
      {"stratonovich_general_m2_midpoint", "midpoint", N::General, 2},
  };
  return all;
}

double largest_gap(const at::Tensor& found, const at::Tensor& wanted) {
  return (found - wanted).abs().max().item<double>();
}

}  // namespace

TEST_CASE("SDE solvers follow torchsde on stored paths, with its gradients", "[sde][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  const std::string group = "torchsde_paths/";
  const auto read = [&](const std::string& name) { return golden_tensor(golden, group + name); };
  const StepGrid grid = published_grid(golden.read(group + "ts").values, golden_number(golden, group + "dt"),
                                       ClockPrecision::Double);
  REQUIRE(grid.steps() == 16);
  for (const Case& c : cases()) {
    INFO(c.name << " by " << c.solver);
    const std::string m = "m" + std::to_string(c.m);
    const at::Tensor dW = read("bm_dW_" + m), U = read("bm_U_" + m);
    StoredSde sde;
    sde.type = c.noise;
    sde.A = read("A").requires_grad_(true);
    sde.c = read("c").requires_grad_(true);
    if (c.m < 3) sde.M = read("M" + std::to_string(c.m));
    const at::Tensor y0 = read("y0").requires_grad_(true);
    const auto ys = integrate_sde(sde_solver(c.solver), sde, grid, y0, [&](std::int64_t k) {
      return Increment{dW[k], U[k]};
    });
    const std::string stored = c.name;
    CHECK(largest_gap(at::stack(ys), read(stored + "_ys")) < 1e-11);
    (ys.back() * ys.back()).sum().backward();
    CHECK(largest_gap(y0.grad(), read(stored + "_gy0")) < 1e-9);
    CHECK(largest_gap(sde.A.grad(), read(stored + "_gA")) < 1e-9);
    if (golden.has(group + stored + "_gc")) {
      CHECK(largest_gap(sde.c.grad(), read(stored + "_gc")) < 1e-9);
    }
  }
}

TEST_CASE("strong errors on geometric Brownian motion are those of torchsde", "[sde][golden]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  const std::string group = "torchsde_gbm_strong_error/";
  GeometricBrownian sde;
  const double mu = golden_number(golden, group + "mu");
  sde.sigma = golden_number(golden, group + "sigma");
  const auto n = static_cast<std::int64_t>(golden_number(golden, group + "n_paths"));
  const std::vector<double> levels = golden.read(group + "log2_inv_dt").values;
  const FinePath path = fine_path(3, n, 1, 1 << static_cast<int>(levels.back()));
  const std::vector<std::pair<std::string, std::string>> named = {
      {"ito_euler", "euler"},
      {"ito_milstein", "milstein_vjp"},
      {"ito_srk", "srk"},
      {"stratonovich_euler_heun", "euler_heun"},
      {"stratonovich_heun", "heun"},
      {"stratonovich_midpoint", "midpoint"},
      {"stratonovich_milstein", "milstein_stratonovich"}};
  const c10::NoGradGuard no_grad;
  for (const auto& [stored, name] : named) {
    const std::vector<double> published = golden.read(group + stored).values;
    const SdeSolver& solver = sde_solver(name);
    // Stored are both kinds of solver on one process: its drift is less in the sense of Stratonovich.
    sde.mu = mu - (solver.calculus == Calculus::Ito ? 0.0 : 0.5 * sde.sigma * sde.sigma);
    for (std::size_t l = 0; l < levels.size(); ++l) {
      INFO(name << " at dt = 1 / " << std::exp2(levels[l]));
      const double error = strong_error(solver, sde, path, 1 << static_cast<int>(levels[l]),
                                        sde.exact(path.end(), solver.calculus));
      // Both are means over 4,000 paths with heavy tails, and the paths are not the same.
      CHECK(error == Approx(published[l]).epsilon(0.12));
    }
  }
}
