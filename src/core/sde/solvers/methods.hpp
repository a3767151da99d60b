// The makers of the solvers, one per file. Only the factory and the files themselves include this.
#pragma once

#include <memory>

#include "sde/solvers/solver.hpp"

namespace fatefield {

/// How Milstein's derivative of g is had.
enum class MilsteinDerivative {
  Automatic,   ///< differentiate where gradients are on, difference where they are off
  Autograd,    ///< exact derivative
  Difference,  ///< Platen's derivative-free variant: one more evaluation of g
};

std::unique_ptr<SdeSolver> make_euler_maruyama();
std::unique_ptr<SdeSolver> make_heun();
std::unique_ptr<SdeSolver> make_euler_heun();
std::unique_ptr<SdeSolver> make_midpoint();
std::unique_ptr<SdeSolver> make_milstein(Calculus calculus, MilsteinDerivative derivative);
std::unique_ptr<SdeSolver> make_srk();

}  // namespace fatefield
