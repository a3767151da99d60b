// Takes a model, cells and times; gives many futures of each cell, and for training the states of one block
// of trajectories.
#include "sde/model/rollout.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/device.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "sde/model/fused_tensors.hpp"
#include "sde/model/neural_sde_impl.hpp"

namespace fatefield {
namespace {

// Trajectories [first, first + rows) of one arm of a simulation, of which some are wanted.
struct Block {
  std::int64_t from;  ///< first wanted row of the block
  std::int64_t to;    ///< one past the last
  std::uint64_t first;
  std::int64_t arm;
};

// Of `arms` times n trajectories.
std::vector<Block> aligned_blocks(std::uint64_t first, std::int64_t n, std::int64_t arms,
                                  std::uint64_t rows) {
  std::vector<Block> out;
  const std::uint64_t end = first + static_cast<std::uint64_t>(n);
  for (std::int64_t arm = 0; arm < arms; ++arm) {
    for (std::uint64_t at = first / rows * rows; at < end; at += rows) {
      const std::uint64_t from = std::max(at, first);
      const std::uint64_t to = std::min(at + rows, end);
      out.push_back({static_cast<std::int64_t>(from - at), static_cast<std::int64_t>(to - at), at, arm});
    }
  }
  return out;
}

void check_arms(const SimulationRequest& r, std::int64_t cells, std::int64_t dims) {
  if (r.arms < 1 || cells % r.arms != 0) {
    throw input_error("arms", "`arms` is " + std::to_string(r.arms) + ", but there are " +
                                  std::to_string(cells) + " cells; every arm needs as many.");
  }
  if (r.hold_of_arm.empty()) return;
  if (!r.holds_by_arm() || (r.hold.rows > 0 && r.hold.cols != dims))
    throw input_error("hold", "`hold` must be directions of the model's dimensions, arm by arm.");
}

void check_request(const SimulationRequest& r, std::int64_t dims) {
  if (r.n_sim < 1) {
    throw input_error("n.sim", "`n.sim` is " + std::to_string(r.n_sim) + "; at least 1 is needed.");
  }
  if (r.times.size() < 2) {
    throw input_error("times", "`times` needs a start and at least one later time.");
  }
  if (r.noise_sd.empty()) return;
  if (static_cast<std::int64_t>(r.noise_sd.size()) != dims) {
    throw input_error("noise.sd", "`noise.sd` has " + std::to_string(r.noise_sd.size()) +
                                      " values; one for each of " + std::to_string(dims) +
                                      " dimensions is needed.");
  }
  for (const double sd : r.noise_sd) {
    if (!(std::isfinite(sd) && sd >= 0.0))
      throw input_error("noise.sd", "`noise.sd` must hold finite numbers of at least 0.");
  }
}

// The directions that are held, in the dimensions that move. Those of an arm stay orthogonal, of length 1.
Matrix held_directions(const SimulationRequest& r, const Scaling& s) {
  if (s.moving.empty() || r.hold.rows == 0) return r.hold;
  const auto d = static_cast<std::int64_t>(s.moving.size());
  Matrix out(r.hold.rows, d);
  for (std::int64_t i = 0; i < r.hold.rows; ++i) {
    for (std::int64_t j = 0; j < d; ++j) out(i, j) = r.hold(i, s.moving[static_cast<std::size_t>(j)]);
  }
  for (std::size_t arm = 0; arm + 1 < r.hold_of_arm.size(); ++arm)
    make_orthonormal_rows(out, r.hold_of_arm[arm], r.hold_of_arm[arm + 1]);
  return out;
}

// What all blocks of a simulation share.
struct Job {
  const NeuralSde::Impl& model;
  const SimulationRequest& request;
  StepGrid grid;
  at::Tensor start;  ///< scaled, one row per cell
  const MatrixView& x0;
  Simulation& out;
  std::vector<double> noise_sd;  ///< scaled
  Matrix hold;                   ///< as in the request, in the dimensions that move
  std::vector<std::int64_t> seen;

  // Dimensions that move.
  std::int64_t dims() const { return model.nets.dims(); }
  // Brownian motions of a cell.
  std::int64_t motions() const { return noise_sd.empty() ? model.nets.brownian_dims() : dims(); }
  bool silent() const {
    return !noise_sd.empty() && *std::max_element(noise_sd.begin(), noise_sd.end()) == 0.0;
  }

  std::int64_t offset(const Block& b) const {
    return static_cast<std::int64_t>(b.first) - static_cast<std::int64_t>(request.first_trajectory) +
           b.arm * (out.trajectories / request.arms);
  }

  // Numbers of the directions held in a block.
  std::pair<std::int64_t, std::int64_t> held(const Block& b) const {
    if (request.hold_of_arm.empty()) return {0, 0};
    const auto arm = static_cast<std::size_t>(b.arm);
    return {request.hold_of_arm[arm], request.hold_of_arm[arm + 1]};
  }

  // Rows [from, to) of a block at output k into the simulation, in the user's units.
  template <typename T>
  void store(const Block& b, std::int64_t k, const T* states, const T* log_growth) const {
    const Scaling& s = model.scaling;
    const std::int64_t at = offset(b) + b.from, n = b.to - b.from, d = dims();
    const auto column_of = [&](std::int64_t j) {
      return out.states.data() + out.trajectories * (j + out.dims * k) + at;
    };
    for (std::int64_t i = 0; i < d; ++i) {
      const std::int64_t j = seen[static_cast<std::size_t>(i)];
      const double centre = s.centre[static_cast<std::size_t>(j)];
      double* column = column_of(j);
      for (std::int64_t r = 0; r < n; ++r)
        column[r] = centre + s.scale * static_cast<double>(states[r * d + i]);
    }
    if (d < out.dims) keep_constant(at, n, column_of);
    if (log_growth == nullptr) return;
    std::copy(log_growth, log_growth + n, out.log_weights.data() + out.trajectories * k + at);
  }

  // Dimensions that do not move are those of the start, to the last bit.
  template <typename F>
  void keep_constant(std::int64_t at, std::int64_t n, const F& column_of) const {
    for (std::int64_t j = 0; j < out.dims; ++j) {
      if (std::binary_search(seen.begin(), seen.end(), j)) continue;
      double* column = column_of(j);
      for (std::int64_t r = 0; r < n; ++r) column[r] = x0((at + r) / request.n_sim, j);
    }
  }
};

std::vector<double> scaled_noise(const std::vector<double>& sd, const Scaling& s) {
  std::vector<double> out;
  if (sd.empty()) return out;
  for (const std::int64_t j : s.seen())
    out.push_back(sd[static_cast<std::size_t>(j)] * (std::sqrt(s.span) / s.scale));
  return out;
}

using Run = std::function<void(const Block&)>;

// States back to where they started along the directions held: x <- x - (x - x_start) V' V.
AfterStep hold_tensors(const Job& job, const Block& b, const at::Tensor& start) {
  const auto [from, to] = job.held(b);
  if (from == to) return nullptr;
  const std::int64_t dims = job.dims();
  at::Tensor v = at::empty({to - from, dims}, at::kDouble);
  for (std::int64_t i = from; i < to; ++i) {
    for (std::int64_t j = 0; j < dims; ++j) v.data_ptr<double>()[(i - from) * dims + j] = job.hold(i, j);
  }
  v = v.to(start.options());
  return [v, start](const at::Tensor& y) { return y - (y - start).matmul(v.t()).matmul(v); };
}

template <typename T>
typename FusedBlock<T>::AfterStep hold_rows(const Job& job, const Block& b, const std::vector<T>& start) {
  const auto [from, to] = job.held(b);
  if (from == to) return nullptr;
  const std::int64_t dims = job.dims(), n = to - from, rows = b.to - b.from;
  std::vector<T> v(static_cast<std::size_t>(n * dims));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < dims; ++j) v[i * dims + j] = static_cast<T>(job.hold(from + i, j));
  }
  return [v, dims, n, rows, &start](T* states, std::int64_t stride) {
    for (std::int64_t r = 0; r < rows; ++r) {
      T* x = states + r * stride;
      const T* x0 = start.data() + r * dims;
      for (std::int64_t i = 0; i < n; ++i) {
        const T* w = v.data() + i * dims;
        T along = 0;
        for (std::int64_t j = 0; j < dims; ++j) along += w[j] * (x[j] - x0[j]);
        for (std::int64_t j = 0; j < dims; ++j) x[j] -= along * w[j];
      }
    }
  };
}

// Tensors, for any solver; the networks by the fused kernels where they can. Products round differently for
// other numbers of rows, so every block is full: rows outside the request repeat its first cell.
Run by_tensors(const Job& job) {
  const auto weights = std::make_shared<const SdeWeights>(job.model.nets.packed(job.model.parameters));
  return [&job, weights](const Block& b) {
    const c10::NoGradGuard inference;
    const std::int64_t n = block_rows(job.model.device);
    at::Tensor rows = at::zeros({n}, at::kLong);
    for (std::int64_t r = b.from; r < b.to; ++r) {
      rows.data_ptr<std::int64_t>()[r] = (job.offset(b) + r) / job.request.n_sim;
    }
    const NeuralSde::Impl& m = job.model;
    at::Tensor noise_sd;
    if (!job.noise_sd.empty()) noise_sd = at::tensor(job.noise_sd, at::kDouble).to(m.parameters[0]);
    const at::Tensor start = job.start.index_select(0, rows).to(m.device);
    const Rollout paths = roll_out(
        m.nets, *weights, *m.solver, job.grid, start,
        [&](std::int64_t k) {
          return philox_increment(job.request.seed, b.first, k, job.grid.h[static_cast<std::size_t>(k)], n,
                                  job.motions(), m.solver->needs_levy, m.parameters[0]);
        },
        nullptr, false, noise_sd, hold_tensors(job, b, start));
    const auto wanted = [&](const at::Tensor& all) {
      return all.narrow(0, b.from, b.to - b.from).to(at::kCPU, at::kDouble).contiguous();
    };
    for (std::size_t k = 0; k < paths.states.size(); ++k) {
      const at::Tensor states = wanted(paths.states[k]);
      const at::Tensor growth = paths.log_growth.empty() ? at::Tensor() : wanted(paths.log_growth[k]);
      job.store(b, static_cast<std::int64_t>(k), states.data_ptr<double>(),
                growth.defined() ? growth.data_ptr<double>() : nullptr);
    }
  };
}

template <typename T>
Run run_fused(const Job& job) {
  const auto sde =
      std::make_shared<const FusedSde<T>>(fused_sde<T>(job.model.nets.layout(), job.model.parameters));
  const auto run = std::make_shared<FusedRun>();
  run->grid = job.grid;
  run->noise_sd = job.noise_sd;
  return [&job, sde, run](const Block& b) {
    const SdeLayout& o = sde->layout();
    const std::int64_t n = b.to - b.from, motions = job.motions();
    const std::uint64_t first = b.first + static_cast<std::uint64_t>(b.from);
    std::vector<T> start, dW(static_cast<std::size_t>(n * motions));
    for (std::int64_t r = b.from; r < b.to; ++r) {
      const T* cell = job.start.data_ptr<T>() + (job.offset(b) + r) / job.request.n_sim * o.dims;
      start.insert(start.end(), cell, cell + o.dims);
    }
    const auto increments = [&](std::int64_t k) -> const T* {
      if (job.silent()) return nullptr;
      const double h = job.grid.h[static_cast<std::size_t>(k)];
      normals<T>(job.request.seed, Stream::Noise, first, n, static_cast<std::uint32_t>(k), motions,
                 dW.data());
      const T root = static_cast<T>(std::sqrt(h));
      for (T& w : dW) w *= root;
      return dW.data();
    };
    const FusedOutputs<T> paths = FusedBlock<T>(*sde, *run, first, n)
                                      .forward(start.data(), increments, false, hold_rows<T>(job, b, start));
    for (std::size_t k = 0; k < paths.states.size(); ++k) {
      job.store(b, static_cast<std::int64_t>(k), paths.states[k].data(),
                paths.log_growth.empty() ? nullptr : paths.log_growth[k].data());
    }
  };
}

Run fastest(const Job& job) {
  const NeuralSde::Impl& m = job.model;
  if (!m.device.is_cpu() || !m.solver->euler_maruyama || !FusedSde<float>::fits(m.nets.layout()))
    return by_tensors(job);
  return m.type() == at::kDouble ? run_fused<double>(job) : run_fused<float>(job);
}

}  // namespace

bool SimulationRequest::holds_by_arm() const {
  if (hold_of_arm.empty()) return true;
  return static_cast<std::int64_t>(hold_of_arm.size()) == arms + 1 && hold_of_arm.front() == 0 &&
         hold_of_arm.back() == hold.rows && std::is_sorted(hold_of_arm.begin(), hold_of_arm.end());
}

at::Tensor BoundSde::drift(double t, const at::Tensor& y) const {
  const at::Tensor f = nets_.drift(weights_, t, y, dropout_);
  if (effort_ != nullptr) {
    *effort_ = *effort_ + f.square().sum() * step_;
    ++evaluations_;
  }
  return f;
}

at::Tensor BoundSde::diffusion(double t, const at::Tensor& y) const {
  if (noise_sd_.defined()) return noise_sd_.expand_as(y);
  return nets_.diffusion(weights_, t, y, dropout_);
}

Rollout roll_out(const SdeNets& nets, const SdeWeights& weights, const SdeSolver& solver,
                 const StepGrid& grid, const at::Tensor& start, const Increments& increments,
                 Dropout* dropout, bool measure_drift, const at::Tensor& noise_sd,
                 const AfterStep& after_step) {
  BoundSde sde(nets, weights, dropout);
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
        const at::Tensor rate = nets.growth(weights, grid.t[k], y, dropout);
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

Simulation NeuralSde::simulate(const MatrixView& x0, const SimulationRequest& request,
                               const KeepGoing& keep_going) const {
  impl_->check_dims(x0);
  check_request(request, dims());
  check_arms(request, x0.rows, dims());
  const Scaling& s = impl_->scaling;
  Simulation out;
  out.trajectories = x0.rows * request.n_sim;
  out.dims = dims();
  out.times = static_cast<std::int64_t>(request.times.size());
  out.states.resize(static_cast<std::size_t>(out.trajectories * out.dims * out.times));
  out.log_weights.resize(static_cast<std::size_t>(out.trajectories * out.times));
  const Job job{*impl_,
                request,
                scaled_grid(impl_->grid(request.times), s.start, s.span),
                impl_->scaled(x0).contiguous(),
                x0,
                out,
                scaled_noise(request.noise_sd, s),
                held_directions(request, s),
                s.seen()};
  if (out.trajectories == 0) return out;

  const TorchThreadScope one_thread;
  const Run run = fastest(job);
  const std::vector<Block> blocks =
      aligned_blocks(request.first_trajectory, out.trajectories / request.arms, request.arms,
                     static_cast<std::uint64_t>(block_rows(impl_->device)));
  const std::int64_t group = std::max(1, threads());
  const auto n_blocks = static_cast<std::int64_t>(blocks.size());
  for (std::int64_t at = 0; at < n_blocks; at += group) {
    if (keep_going && !keep_going()) throw Interrupted();
    parallel_for(std::min(group, n_blocks - at),
                 [&](std::int64_t b) { run(blocks[static_cast<std::size_t>(at + b)]); });
  }
  return out;
}

}  // namespace fatefield
