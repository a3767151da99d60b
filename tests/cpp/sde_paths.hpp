// Brownian paths known on a fine grid, and equations with known solutions: what the tests of the SDE solvers
// share.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "sde/solvers/solver.hpp"

/// n paths of m motions on [0, 1] in `steps` equal steps.
struct FinePath {
  std::vector<fatefield::Increment> fine;

  double h() const { return 1.0 / static_cast<double>(fine.size()); }

  /// The same paths in `steps` steps: increments add up, and so do the integrals of W - W(start).
  std::vector<fatefield::Increment> coarse(std::int64_t steps) const {
    const auto each = static_cast<std::int64_t>(fine.size()) / steps;
    std::vector<fatefield::Increment> out;
    for (std::int64_t k = 0; k < steps; ++k) {
      fatefield::Increment w{at::zeros_like(fine[0].dW), at::zeros_like(fine[0].dW)};
      for (std::int64_t i = 0; i < each; ++i) {
        const fatefield::Increment& part = fine[k * each + i];
        w.U = w.U + part.U + w.dW * h();
        w.dW = w.dW + part.dW;
      }
      out.push_back(w);
    }
    return out;
  }
  /// W(1): n x m
  at::Tensor end() const { return coarse(1)[0].dW; }
};

inline FinePath fine_path(std::uint64_t seed, std::int64_t n, std::int64_t m, std::int64_t steps) {
  FinePath path;
  const at::Tensor like = at::empty({0}, at::kDouble);
  for (std::int64_t k = 0; k < steps; ++k) {
    path.fine.push_back(
        fatefield::philox_increment(seed, 0, k, 1.0 / static_cast<double>(steps), n, m, true, like));
  }
  return path;
}

/// dy = mu y dt + sigma y dW from y = 1 in d dimensions.
struct GeometricBrownian : fatefield::Sde {
  double mu = 0.5, sigma = 0.8;
  std::int64_t d = 1;

  at::Tensor start(std::int64_t n) const { return at::ones({n, d}, at::kDouble); }
  at::Tensor drift(double, const at::Tensor& y) const override { return y * mu; }
  at::Tensor diffusion(double, const at::Tensor& y) const override { return y * sigma; }
  fatefield::NoiseType noise() const override { return fatefield::NoiseType::Diagonal; }
  std::int64_t brownian_dims() const override { return d; }
  /// y(1) for W(1) = w.
  at::Tensor exact(const at::Tensor& w, fatefield::Calculus calculus) const {
    const double correction = calculus == fatefield::Calculus::Ito ? 0.5 * sigma * sigma : 0.0;
    return at::exp(w * sigma + (mu - correction));
  }
};

/// y(1) from `start` in `steps` steps along a path on [0, 1].
inline at::Tensor solve(const fatefield::SdeSolver& solver, const fatefield::Sde& sde, const FinePath& path,
                        std::int64_t steps, const at::Tensor& start) {
  const auto increments = path.coarse(steps);
  const auto grid = fatefield::step_grid({0, 1}, 1.0 / static_cast<double>(steps));
  return fatefield::integrate_sde(solver, sde, grid, start, [&](std::int64_t k) { return increments[k]; })
      .back();
}

/// Mean of the length of y(1) - exact over the paths, for an equation that has start(n).
template <typename Equation>
double strong_error(const fatefield::SdeSolver& solver, const Equation& sde, const FinePath& path,
                    std::int64_t steps, const at::Tensor& exact) {
  const at::Tensor end = solve(solver, sde, path, steps, sde.start(exact.size(0)));
  return (end - exact).norm(2, 1).mean().template item<double>();
}

/// Slope of log(error) on log(dt) by least squares.
inline double fitted_order(const std::vector<double>& dt, const std::vector<double>& error) {
  double mx = 0, my = 0, xy = 0, xx = 0;
  const auto n = static_cast<double>(dt.size());
  for (std::size_t i = 0; i < dt.size(); ++i) {
    mx += std::log(dt[i]) / n;
    my += std::log(error[i]) / n;
  }
  for (std::size_t i = 0; i < dt.size(); ++i) {
    xy += (std::log(dt[i]) - mx) * (std::log(error[i]) - my);
    xx += (std::log(dt[i]) - mx) * (std::log(dt[i]) - mx);
  }
  return xy / xx;
}
