// Takes names, equations, grids and seeds; gives solvers by name, Brownian increments and whole integrations.
#include "sde/solvers/solver.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "sde/solvers/methods.hpp"

namespace fatefield {
namespace {

const char* noise_name(NoiseType noise) {
  static const char* const names[] = {"diagonal", "scalar", "additive", "general"};
  return names[static_cast<int>(noise)];
}

struct Entry {
  const char* name;
  std::function<std::unique_ptr<SdeSolver>()> make;
};

const std::vector<Entry>& entries() {
  using D = MilsteinDerivative;
  static const std::vector<Entry> all = {
      {"euler", make_euler_maruyama},
      {"heun", make_heun},
      {"milstein", [] { return make_milstein(Calculus::Ito, D::Automatic); }},
      {"srk", make_srk},
      {"euler_heun", make_euler_heun},
      {"midpoint", make_midpoint},
      {"milstein_vjp", [] { return make_milstein(Calculus::Ito, D::Autograd); }},
      {"milstein_free", [] { return make_milstein(Calculus::Ito, D::Difference); }},
      {"milstein_stratonovich", [] { return make_milstein(Calculus::Stratonovich, D::Automatic); }},
      {"milstein_stratonovich_vjp", [] { return make_milstein(Calculus::Stratonovich, D::Autograd); }},
      {"milstein_stratonovich_free", [] { return make_milstein(Calculus::Stratonovich, D::Difference); }},
  };
  return all;
}

// n x m standard normals in the type and on the device of `like`.
at::Tensor philox_normals(std::uint64_t seed, Stream stream, std::uint64_t first, std::int64_t step,
                          std::int64_t n, std::int64_t m, const at::Tensor& like) {
  const auto at_step = static_cast<std::uint32_t>(step);
  if (like.scalar_type() == at::kDouble) {
    at::Tensor z = at::empty({n, m}, at::kDouble);
    normals(seed, stream, first, n, at_step, m, z.data_ptr<double>());
    return z.to(like.device());
  }
  at::Tensor z = at::empty({n, m}, at::kFloat);
  normals(seed, stream, first, n, at_step, m, z.data_ptr<float>());
  return z.to(like.device(), like.scalar_type());
}

}  // namespace

Sde::~Sde() = default;
SdeSolver::~SdeSolver() = default;

std::unique_ptr<SdeSolver> make_sde_solver(const std::string& name) {
  for (const Entry& e : entries()) {
    if (name == e.name) return e.make();
  }
  throw input_error("solver",
                    "`solver` is \"" + name + "\"; \"euler\", \"heun\", \"milstein\" or \"srk\" is needed.");
}

at::Tensor noise_product(NoiseType noise, const at::Tensor& g, const at::Tensor& w) {
  if (noise == NoiseType::Diagonal) return g * w;
  if (g.size(2) == 1) return g.squeeze(2) * w;
  return at::bmm(g, w.unsqueeze(2)).squeeze(2);
}

void require_noise(const char* method, NoiseType noise, std::initializer_list<NoiseType> treated) {
  if (std::find(treated.begin(), treated.end(), noise) != treated.end()) return;
  std::string can;
  for (NoiseType t : treated) can += (can.empty() ? "" : ", ") + std::string(noise_name(t));
  throw input_error("solver", std::string("`solver` \"") + method + "\" cannot treat " + noise_name(noise) +
                                  " noise, only: " + can + ". \"euler\" and \"heun\" treat every noise.");
}

Increment philox_increment(std::uint64_t seed, std::uint64_t first, std::int64_t step, double h,
                           std::int64_t n, std::int64_t m, bool levy, const at::Tensor& like) {
  const double root = std::sqrt(std::abs(h));
  Increment w;
  w.dW = philox_normals(seed, Stream::Noise, first, step, n, m, like).mul_(root);
  // U given dW is normal with mean h dW / 2 and variance h^3 / 12 (Kloeden and Platen 1992, 10.4.3).
  if (levy) {
    w.U = philox_normals(seed, Stream::Levy, first, step, n, m, like)
              .mul_(h * root / std::sqrt(12.0))
              .add_(w.dW, 0.5 * h);
  }
  return w;
}

std::vector<at::Tensor> integrate_sde(const SdeSolver& solver, const Sde& sde, const StepGrid& grid,
                                      at::Tensor y0, const std::function<Increment(std::int64_t)>& increment,
                                      const std::function<void(std::int64_t, const at::Tensor&)>& before_step,
                                      const std::function<at::Tensor(const at::Tensor&)>& after_step) {
  if (std::any_of(grid.h.begin(), grid.h.end(), [](double h) { return h < 0; })) {
    throw input_error("times", "`times` must increase: a stochastic equation cannot be run backward.");
  }
  std::vector<at::Tensor> out;
  out.reserve(grid.outputs.size());
  std::size_t next = 0;
  const auto ends_at = [&](std::int64_t step) {
    return next < grid.outputs.size() && grid.outputs[next].step == step;
  };
  at::Tensor y = std::move(y0);
  for (; ends_at(-1); ++next) out.push_back(y);
  for (std::int64_t k = 0; k < grid.steps(); ++k) {
    const at::Tensor before = y;
    if (before_step) before_step(k, before);
    y = solver.step(sde, grid.t[k], grid.h[k], before, increment(k));
    if (after_step) y = after_step(y);
    for (; ends_at(k); ++next) {
      const double weight = grid.outputs[next].weight;
      out.push_back(weight == 1.0 ? y : before * (1.0 - weight) + y * weight);
    }
  }
  return out;
}

}  // namespace fatefield
