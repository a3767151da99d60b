// One block of trajectories through a whole grid, for simulation and for training alike.
// Takes scaled states n x D and a grid in scaled time; gives states and accumulated growth at the outputs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "sde/model/nets.hpp"
#include "sde/solvers/grid.hpp"
#include "sde/solvers/solver.hpp"

namespace fatefield {

/// Rows of a block: its bounds do not depend on the number of threads, so neither do the results.
constexpr std::int64_t kBlockRows = 256;
/// On a GPU, which wants many rows at once.
constexpr std::int64_t kDeviceRows = 1 << 14;
inline std::int64_t block_rows(const at::Device& device) {
  return device.is_cpu() ? kBlockRows : kDeviceRows;
}

struct Rollout {
  std::vector<at::Tensor> states;      ///< n x D per output
  std::vector<at::Tensor> log_growth;  ///< n per output: integral of the growth rate; empty without growth
  at::Tensor growth_effort;            ///< sum over rows of the integral of the squared rate
  at::Tensor drift_effort;             ///< sum over rows of the integral of the squared drift; if measured
};

using Increments = std::function<Increment(std::int64_t step)>;
/// The state that is kept in place of the one a step ends in.
using AfterStep = std::function<at::Tensor(const at::Tensor&)>;

/// @param noise_sd scaled, D: constant noise in the place of the network's, where defined
Rollout roll_out(const SdeNets& nets, const std::vector<at::Tensor>& parameters, const SdeSolver& solver,
                 const StepGrid& grid, const at::Tensor& start, const Increments& increments,
                 Dropout* dropout, bool measure_drift = false, const at::Tensor& noise_sd = {},
                 const AfterStep& after_step = nullptr);

/// The same grid in scaled time.
StepGrid scaled_grid(const StepGrid& grid, double start, double span);

/// Holds LibTorch at one thread during its life: our blocks are what runs in parallel.
/// In a forked child this comes before LibTorch's pool, whose threads are gone there, is used.
class TorchThreadScope {
 public:
  TorchThreadScope();
  ~TorchThreadScope();
  TorchThreadScope(const TorchThreadScope&) = delete;
  TorchThreadScope& operator=(const TorchThreadScope&) = delete;

 private:
  int before_;
};

}  // namespace fatefield
