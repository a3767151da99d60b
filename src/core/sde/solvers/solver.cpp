// Takes names, equations, grids and seeds; gives solvers by name, Brownian increments and whole integrations.
#include "sde/solvers/solver.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/choices.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"

namespace fatefield {
namespace {

std::vector<SdeSolver>& entries() {
  static std::vector<SdeSolver> all;
  return all;
}

// A solver's file makes one of these for each of its names.
struct Listed {
  explicit Listed(const SdeSolver& solver) { entries().push_back(solver); }
};

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

at::Tensor noise_product(NoiseType noise, const at::Tensor& g, const at::Tensor& w) {
  if (noise == NoiseType::Diagonal) return g * w;
  if (g.size(2) == 1) return g.squeeze(2) * w;
  return at::bmm(g, w.unsqueeze(2)).squeeze(2);
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

}  // namespace fatefield

// The solvers: a new one is a line here.
#include "sde/solvers/euler_maruyama.inc"
#include "sde/solvers/heun.inc"
#include "sde/solvers/milstein.inc"
#include "sde/solvers/reversible_heun.inc"
#include "sde/solvers/srk.inc"

namespace fatefield {
namespace {

// As in "a", "b" or "c": the solvers that `which` holds for.
template <typename Which>
std::string names_where(Which&& which) {
  std::vector<std::string> names;
  for (const SdeSolver& s : entries()) {
    if (which(s)) names.emplace_back(s.name);
  }
  return quoted_choices(names);
}

void check_levy(const SdeSolver& solver, const Increment& w) {
  if (!solver.needs_levy || w.U.defined()) return;
  throw input_error(
      "U", std::string("The solver \"") + solver.name + "\" needs the integral `U` of the Brownian motion.");
}

}  // namespace

const char* noise_name(NoiseType noise) {
  static const char* const names[] = {"diagonal", "scalar", "additive", "general"};
  return names[static_cast<int>(noise)];
}

double SdeSolver::strong_order(NoiseType noise) const {
  const double all[] = {orders.diagonal, orders.scalar, orders.additive, orders.general};
  return all[static_cast<int>(noise)];
}

const std::vector<SdeSolver>& sde_solvers() { return entries(); }

const SdeSolver& sde_solver(const std::string& name) {
  for (const SdeSolver& s : entries()) {
    if (name == s.name) return s;
  }
  throw input_error("solver", "`solver` is \"" + name + "\"; " +
                                  names_where([](const SdeSolver&) { return true; }) + " is needed.");
}

void check_treats(const SdeSolver& solver, NoiseType noise) {
  if (solver.treats(noise)) return;
  std::string can;
  for (const NoiseType t : kNoiseTypes) {
    if (solver.treats(t)) can += (can.empty() ? "" : ", ") + std::string(noise_name(t));
  }
  throw input_error("solver", std::string("`solver` \"") + solver.name + "\" cannot treat " +
                                  noise_name(noise) + " noise, only: " + can + "; " +
                                  names_where([&](const SdeSolver& s) { return s.treats(noise); }) +
                                  " is needed.");
}

std::vector<at::Tensor> integrate_sde(const SdeSolver& solver, const Sde& sde, const StepGrid& grid,
                                      at::Tensor y0, const std::function<Increment(std::int64_t)>& increment,
                                      const std::function<void(std::int64_t, const at::Tensor&)>& before_step,
                                      const std::function<at::Tensor(const at::Tensor&)>& after_step) {
  if (std::any_of(grid.h.begin(), grid.h.end(), [](double h) { return h < 0; })) {
    throw input_error("times", "`times` must increase: a stochastic equation cannot be run backward.");
  }
  check_treats(solver, sde.noise());
  std::vector<at::Tensor> out;
  out.reserve(grid.outputs.size());
  std::size_t next = 0;
  const auto ends_at = [&](std::int64_t step) {
    return next < grid.outputs.size() && grid.outputs[next].step == step;
  };
  at::Tensor y = std::move(y0);
  Carried carried;
  for (; ends_at(-1); ++next) out.push_back(y);
  for (std::int64_t k = 0; k < grid.steps(); ++k) {
    const at::Tensor before = y;
    if (before_step) before_step(k, before);
    const Increment w = increment(k);
    check_levy(solver, w);
    // After before_step(), so that what it prepares holds for these evaluations too.
    if (solver.begin && (k == 0 || after_step)) carried = solver.begin(sde, grid.t[k], before);
    y = solver.step(sde, grid.t[k], grid.h[k], before, w, carried);
    if (after_step) y = after_step(y);
    for (; ends_at(k); ++next) {
      const double weight = grid.outputs[next].weight;
      out.push_back(weight == 1.0 ? y : before * (1.0 - weight) + y * weight);
    }
  }
  return out;
}

}  // namespace fatefield
