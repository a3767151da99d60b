// The makers of the ODE solvers and what they share. Only the solvers' own files include this.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "paths/ode.hpp"
#include "paths/tableaux.hpp"

namespace fatefield {

std::unique_ptr<OdeSolver> make_ode_euler();
std::unique_ptr<OdeSolver> make_ode_midpoint();
std::unique_ptr<OdeSolver> make_ode_rk4();
std::unique_ptr<OdeSolver> make_bosh3();
std::unique_ptr<OdeSolver> make_dopri5();
std::unique_ptr<OdeSolver> make_dop853();

/// sum_j weights[j] k[j] over the weights that are not zero, of which there is at least one.
at::Tensor weighted(const std::vector<at::Tensor>& k, const std::vector<double>& weights);

/// Adds stages [from, to) to a step that has those before; gives the state at which the last was taken.
at::Tensor add_stages(const OdeField& f, const RungeKutta& method, std::size_t from, std::size_t to,
                      OdeStep& step);

/// Root mean square over all entries.
double rms(const at::Tensor& x);

}  // namespace fatefield
