// Stochastic differential equations dy = f(t, y) dt + g(t, y) dW on clouds of points, and one step of a
// solver. Takes y: n x d tensors of any floating type on any device; gives the state one step later,
// differentiable by autograd in y, in the increments and in whatever the equation itself depends on.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "sde/solvers/grid.hpp"

namespace fatefield {

/// How the Brownian motions enter.
enum class NoiseType {
  Diagonal,  ///< one motion per dimension; g: n x d, whose entry i should depend on entry i of y alone
  Scalar,    ///< one motion; g: n x d x 1
  Additive,  ///< g: n x d x m, free of y
  General    ///< g: n x d x m
};

/// Which integral a solver converges to.
enum class Calculus { Ito, Stratonovich };

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

class SdeSolver {
 public:
  virtual ~SdeSolver();
  /// The state at t + h from the state y at t. An equation whose noise the method cannot treat is an
  /// input_error.
  virtual at::Tensor step(const Sde& sde, double t, double h, const at::Tensor& y,
                          const Increment& w) const = 0;
  /// True where Increment::U must be given.
  virtual bool needs_levy() const { return false; }
  /// Strong order for this noise: E|error at the end| = O(h^order).
  virtual double strong_order(NoiseType noise) const = 0;
  virtual Calculus calculus() const = 0;
  /// True for y + f h + g dW, which sde/model/fused_sde.hpp runs fused.
  virtual bool euler_maruyama() const { return false; }
};

/// "euler", "milstein", "srk" (Ito); "heun", "euler_heun", "midpoint", "milstein_stratonovich"
/// (Stratonovich). "milstein" differentiates g where gradients are on and takes a difference of g where they
/// are off; the endings
/// "_vjp" and "_free" of the two Milstein names force one of them.
std::unique_ptr<SdeSolver> make_sde_solver(const std::string& name);

/// g times a vector per row: w is n x m, the result n x d.
at::Tensor noise_product(NoiseType noise, const at::Tensor& g, const at::Tensor& w);

/// input_error("solver") unless `noise` is among `treated`.
void require_noise(const char* method, NoiseType noise, std::initializer_list<NoiseType> treated);

/// Increments of n trajectories from Philox: a function of (seed, first + row, step, channel) alone.
/// @param like gives the floating type and device
Increment philox_increment(std::uint64_t seed, std::uint64_t first, std::int64_t step, double h,
                           std::int64_t n, std::int64_t m, bool levy, const at::Tensor& like);

/// Runs the whole grid from y0 (n x d) and gives the state at every output time, the start included.
/// A grid that runs backward is an input_error("times").
/// @param increment   called once per step, in order, with the step's index
/// @param before_step called with the index of a step and the state it starts from
/// @param after_step  gives the state that is kept in place of the one a step ends in
std::vector<at::Tensor> integrate_sde(
    const SdeSolver& solver, const Sde& sde, const StepGrid& grid, at::Tensor y0,
    const std::function<Increment(std::int64_t)>& increment,
    const std::function<void(std::int64_t, const at::Tensor&)>& before_step = nullptr,
    const std::function<at::Tensor(const at::Tensor&)>& after_step = nullptr);

}  // namespace fatefield
