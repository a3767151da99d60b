// Stochastic differential equations dy = f(t, y) dt + g(t, y) dW on clouds of points, and one step of a
// solver. Takes y: n x d tensors of any floating type on any device; gives the state one step later,
// differentiable by autograd in y, in the increments and in whatever the equation itself depends on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "sde/solvers/grid.hpp"
#include "sde/solvers/registry.hpp"

namespace fatefield {

struct Sde {
  virtual ~Sde();
  /// n x d
  virtual at::Tensor drift(double t, const at::Tensor& y) const = 0;
  /// diagonal: n x d; scalar, additive, general: n x d x m
  virtual at::Tensor diffusion(double t, const at::Tensor& y) const = 0;
  virtual NoiseType noise() const = 0;
  /// m; equals d for diagonal noise
  virtual std::int64_t brownian_dims() const = 0;
};

/// What the Brownian motions do during one step.
struct Increment {
  at::Tensor dW;  ///< n x m, variance h
  at::Tensor U;   ///< n x m: integral over the step of W - W(t); undefined unless the solver needs it
};

/// g times a vector per row: w is n x m, the result n x d.
at::Tensor noise_product(NoiseType noise, const at::Tensor& g, const at::Tensor& w);

/// Increments of n trajectories from Philox: a function of (seed, first + row, step, channel) alone.
/// @param like gives the floating type and device
Increment philox_increment(std::uint64_t seed, std::uint64_t first, std::int64_t step, double h,
                           std::int64_t n, std::int64_t m, bool levy, const at::Tensor& like);

/// Runs the whole grid from y0 (n x d) and gives the state at every output time, the start included.
/// A grid that runs backward is an input_error("times"), noise that the solver cannot treat one of "solver",
/// and integrals that it needs and does not get one of "U".
/// @param increment   called once per step, in order, with the step's index
/// @param before_step called with the index of a step and the state it starts from
/// @param after_step  gives the state that is kept in place of the one a step ends in; a solver that carries
///                    something from step to step begins afresh there
std::vector<at::Tensor> integrate_sde(
    const SdeSolver& solver, const Sde& sde, const StepGrid& grid, at::Tensor y0,
    const std::function<Increment(std::int64_t)>& increment,
    const std::function<void(std::int64_t, const at::Tensor&)>& before_step = nullptr,
    const std::function<at::Tensor(const at::Tensor&)>& after_step = nullptr);

}  // namespace fatefield
