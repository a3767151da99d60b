// Takes parameters, a solver, a grid and start states; gives the states of one block of trajectories.
#include "sde/model/rollout.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace fatefield {

Rollout roll_out(const SdeNets& nets, const std::vector<at::Tensor>& parameters, const SdeSolver& solver,
                 const StepGrid& grid, const at::Tensor& start, const Increments& increments,
                 Dropout* dropout, bool measure_drift, const at::Tensor& noise_sd,
                 const AfterStep& after_step) {
  BoundSde sde(nets, parameters, dropout);
  sde.replace_noise(noise_sd);
  Rollout out;
  at::Tensor drift = at::zeros({}, start.options());
  at::Tensor total = at::zeros({start.size(0)}, start.options());
  at::Tensor effort = at::zeros({}, start.options());
  if (measure_drift) sde.measure(&drift);
  std::size_t next = 0;
  const auto record = [&](std::int64_t done) {
    for (; next < grid.outputs.size() && grid.outputs[next].step <= done; ++next) {
      out.log_growth.push_back(total);
    }
  };
  if (nets.has_growth()) record(-1);
  out.states = integrate_sde(
      solver, sde, grid, start, increments,
      [&](std::int64_t k, const at::Tensor& y) {
        sde.begin_step(grid.h[k]);
        if (!nets.has_growth()) return;
        const at::Tensor rate = nets.growth(parameters, grid.t[k], y, dropout);
        total = total + rate * grid.h[k];
        effort = effort + rate.square().sum() * grid.h[k];
        record(k);
      },
      after_step);
  if (nets.has_growth()) out.growth_effort = effort;
  // Solvers of several stages ask for the drift several times a step.
  if (measure_drift) {
    out.drift_effort = drift * (static_cast<double>(grid.steps()) / static_cast<double>(sde.evaluations()));
  }
  return out;
}

StepGrid scaled_grid(const StepGrid& grid, double start, double span) {
  StepGrid out = grid;
  for (double& t : out.t) t = (t - start) / span;
  for (double& h : out.h) h /= span;
  return out;
}

TorchThreadScope::TorchThreadScope() : before_(at::get_num_threads()) { at::set_num_threads(1); }
TorchThreadScope::~TorchThreadScope() { at::set_num_threads(before_); }

}  // namespace fatefield
