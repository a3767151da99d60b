// The solvers of stochastic differential equations, as data: what each is called, what it converges to, which
// noise it treats and how well, and its step. No torch here: the functions are called by solver.cpp alone.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace at {
class Tensor;
}

namespace fatefield {

/// How the Brownian motions enter.
enum class NoiseType {
  Diagonal,  ///< one motion per dimension; g: n x d, whose entry i should depend on entry i of y alone
  Scalar,    ///< one motion; g: n x d x 1
  Additive,  ///< g: n x d x m, free of y
  General    ///< g: n x d x m
};

constexpr std::array<NoiseType, 4> kNoiseTypes = {NoiseType::Diagonal, NoiseType::Scalar, NoiseType::Additive,
                                                  NoiseType::General};
/// "diagonal", ...
const char* noise_name(NoiseType noise);

/// Which integral a solver converges to.
enum class Calculus { Ito, Stratonovich };

/// Strong order for each kind of noise: E|error at the end| = O(h^order); 0 where the solver cannot treat it.
struct StrongOrders {
  double diagonal, scalar, additive, general;
};

struct Sde;
struct Increment;
/// What a solver carries from the end of a step to the next one beside the state; most carry nothing.
using Carried = std::vector<at::Tensor>;

struct SdeSolver {
  const char* name;
  Calculus calculus;
  StrongOrders orders;
  /// The state at t + h from the state y at t (n x d). `carried` is that of the time t and becomes that of
  /// t + h.
  at::Tensor (*step)(const Sde& sde, double t, double h, const at::Tensor& y, const Increment& w,
                     Carried& carried);
  /// What is carried into the first step from y at t; null where nothing is.
  Carried (*begin)(const Sde& sde, double t, const at::Tensor& y) = nullptr;
  /// Whether Increment::U must be given.
  bool needs_levy = false;
  /// Whether it is y + f h + g dW, which sde/model/fused_sde.hpp runs fused.
  bool euler_maruyama = false;

  double strong_order(NoiseType noise) const;
  bool treats(NoiseType noise) const { return strong_order(noise) > 0; }
};

/// All of them, in the order of their files.
const std::vector<SdeSolver>& sde_solvers();

/// By name; any other is an input_error("solver").
const SdeSolver& sde_solver(const std::string& name);

/// input_error("solver") where it cannot treat this noise.
void check_treats(const SdeSolver& solver, NoiseType noise);

}  // namespace fatefield
