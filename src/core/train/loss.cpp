// Takes a batch and parameters; gives the loss of a rollout and its gradient.
// The rollout is cut into blocks of rows; each has its own copies of the parameters, so that blocks run and
// are differentiated side by side, and their gradients are added up in the order of the blocks.
#include "train/loss.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/sliced.hpp"

namespace fatefield {
namespace {

struct Block {
  std::int64_t first;
  std::int64_t rows;
  std::vector<at::Tensor> leaves;
  Rollout rollout;
  std::vector<at::Tensor> drift_sums;  // per time, when the ratio is controlled
  std::vector<at::Tensor> diffusion_sums;
  std::vector<at::Tensor> gradients;
};

// What one block's outputs weigh in the gradient of the loss, in the order of its outputs.
struct OutputGradients {
  std::vector<at::Tensor> states;      // per time, whole batch
  std::vector<at::Tensor> log_growth;  // per time, whole batch
  std::vector<double> drift_sum;
  std::vector<double> diffusion_sum;
  double effort = 0.0;
  double drift_effort = 0.0;
};

void proceed(const KeepGoing& keep_going) {
  if (keep_going && !keep_going()) throw Interrupted();
}

// Asked by all workers in the middle of their blocks: the calling thread, which takes part in the work,
// listens for the interrupt, and the others follow.
class Listener {
 public:
  explicit Listener(const KeepGoing& keep_going)
      : keep_going_(keep_going), home_(std::this_thread::get_id()) {}

  void proceed() {
    const bool may_ask = keep_going_ && std::this_thread::get_id() == home_;
    if (may_ask && !stopped_ && !keep_going_()) stopped_ = true;
    if (stopped_) throw Interrupted();
  }

 private:
  const KeepGoing& keep_going_;
  std::thread::id home_;
  std::atomic<bool> stopped_{false};
};

std::vector<Block> cut(std::int64_t n) {
  std::vector<Block> out;
  for (std::int64_t at = 0; at < n; at += kBlockRows) {
    Block b;
    b.first = at;
    b.rows = std::min(kBlockRows, n - at);
    out.push_back(std::move(b));
  }
  return out;
}

// f(block) for all blocks, a few per thread at a time, so that an interrupt is heard in between.
template <typename F>
void each_block(std::vector<Block>& blocks, const KeepGoing& keep_going, F&& f) {
  const auto n = static_cast<std::int64_t>(blocks.size());
  const std::int64_t group = std::max(1, threads());
  for (std::int64_t at = 0; at < n; at += group) {
    proceed(keep_going);
    parallel_for(std::min(group, n - at),
                 [&](std::int64_t i) { f(blocks[static_cast<std::size_t>(at + i)]); });
  }
}

at::Tensor diffusion_norm_sum(const SdeNets& nets, const std::vector<at::Tensor>& p, double t,
                              const at::Tensor& z, Dropout* dropout) {
  return nets.spread(p, t, z, dropout).norm(2, 1).sum();
}

void forward(const LossJob& job, const std::vector<at::Tensor>& parameters, const LossBatch& batch,
             bool gradient, Listener& listener, Block& b) {
  const c10::AutoGradMode mode(gradient);
  b.leaves.clear();
  for (const at::Tensor& p : parameters) {
    at::Tensor leaf = p.detach().clone();
    if (gradient) leaf.set_requires_grad(true);
    b.leaves.push_back(leaf);
  }
  Dropout dropout;
  dropout.rate = job.dropout;
  if (job.dropout > 0.0) {
    dropout.generator = at::detail::createCPUGenerator(
        uniform_index(job.dropout_seed, Stream::Dropout, static_cast<std::uint64_t>(b.first), 0, 1ULL << 62));
  }
  const at::Tensor start = batch.start.narrow(0, b.first, b.rows);
  b.rollout = roll_out(
      job.nets, b.leaves, job.solver, job.grid, start,
      [&](std::int64_t step) {
        listener.proceed();
        return job.increments(b.first, b.rows, step);
      },
      &dropout, job.options.drift_penalty > 0.0);
  if (job.options.ratio_enforce <= 0.0) return;
  for (std::size_t k = 0; k < batch.times.size(); ++k) {
    const at::Tensor& z = b.rollout.states[k];
    b.drift_sums.push_back(job.nets.drift(b.leaves, batch.times[k], z, &dropout).norm(2, 1).sum());
    b.diffusion_sums.push_back(diffusion_norm_sum(job.nets, b.leaves, batch.times[k], z, &dropout));
  }
}

void backward(const OutputGradients& g, Block& b) {
  std::vector<at::Tensor> outputs, weights;
  const auto add = [&](const at::Tensor& output, const at::Tensor& weight) {
    if (!output.defined() || !output.requires_grad()) return;
    outputs.push_back(output);
    weights.push_back(weight);
  };
  for (std::size_t k = 0; k < g.states.size(); ++k) {
    if (g.states[k].defined()) add(b.rollout.states[k], g.states[k].narrow(0, b.first, b.rows));
    if (k < g.log_growth.size() && g.log_growth[k].defined()) {
      add(b.rollout.log_growth[k], g.log_growth[k].narrow(0, b.first, b.rows));
    }
    if (k < b.drift_sums.size()) {
      add(b.drift_sums[k], at::full_like(b.drift_sums[k], g.drift_sum[k]));
      add(b.diffusion_sums[k], at::full_like(b.diffusion_sums[k], g.diffusion_sum[k]));
    }
  }
  if (g.effort != 0.0 && b.rollout.growth_effort.defined()) {
    add(b.rollout.growth_effort, at::full_like(b.rollout.growth_effort, g.effort));
  }
  if (g.drift_effort != 0.0)
    add(b.rollout.drift_effort, at::full_like(b.rollout.drift_effort, g.drift_effort));
  if (outputs.empty()) {
    for (const at::Tensor& p : b.leaves) b.gradients.push_back(at::zeros_like(p));
    return;
  }
  b.gradients =
      torch::autograd::grad(outputs, b.leaves, weights, /*retain_graph=*/false, /*create_graph=*/false,
                            /*allow_unused=*/true);
  for (std::size_t i = 0; i < b.gradients.size(); ++i) {
    if (!b.gradients[i].defined()) b.gradients[i] = at::zeros_like(b.leaves[i]);
  }
}

template <typename T>
Cloud<T> cloud(const at::Tensor& points, const at::Tensor& weights) {
  return {points.data_ptr<T>(), points.size(0), points.size(1),
          weights.defined() ? weights.data_ptr<T>() : nullptr};
}

// Divergence at one time; gradients go to `points` and `weights` of x.
template <typename T>
double compare(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y, const SinkhornOptions& o,
               bool gradient, const KeepGoing& keep_going, at::Tensor& points, at::Tensor& weights) {
  const SinkhornResult<T> r =
      sinkhorn_divergence<T>(cloud<T>(x, a), cloud<T>(y, {}), o, gradient, keep_going);
  if (gradient) {
    points = at::empty_like(x);
    std::copy(r.grad_x.begin(), r.grad_x.end(), points.data_ptr<T>());
    weights = at::empty({x.size(0)}, x.options());
    std::copy(r.grad_a.begin(), r.grad_a.end(), weights.data_ptr<T>());
  }
  return r.value;
}

double shared_diameter(const std::vector<at::Tensor>& states, const std::vector<at::Tensor>& observed) {
  std::vector<at::Tensor> all = states;
  all.insert(all.end(), observed.begin(), observed.end());
  const at::Tensor points = at::cat(all, 0);
  const at::Tensor extent = std::get<0>(points.max(0)) - std::get<0>(points.min(0));
  return extent.norm().item<double>();
}

// Log-weights of the trajectories at one time: learned growth plus given rates; undefined for uniform.
at::Tensor log_weights(const LossBatch& batch, const std::vector<at::Tensor>& growth, std::size_t k) {
  at::Tensor total;
  if (!growth.empty()) total = growth[k];
  if (batch.growth_rate.defined()) {
    const at::Tensor given = batch.growth_rate * (batch.times[k] - batch.times[0]);
    total = total.defined() ? total + given : given;
  }
  return total;
}

at::Tensor whole(const std::vector<Block>& blocks, std::size_t k, bool growth) {
  std::vector<at::Tensor> parts;
  for (const Block& b : blocks) {
    parts.push_back((growth ? b.rollout.log_growth[k] : b.rollout.states[k]).detach());
  }
  return at::cat(parts, 0).contiguous();
}

void add_sinkhorn(const LossJob& job, const LossBatch& batch, const std::vector<at::Tensor>& growth,
                  bool gradient, LossValue& value, OutputGradients& g) {
  SinkhornOptions options = job.options.sinkhorn;
  if (job.options.published) options.diameter = shared_diameter(value.states, batch.observed);
  const std::size_t n_times = batch.times.size();
  value.sinkhorn.assign(n_times, 0.0);
  value.weights.resize(n_times);
  g.states.resize(n_times);
  g.log_growth.resize(n_times);
  for (std::size_t k = job.options.published ? 0 : 1; k < n_times; ++k) {
    proceed(job.keep_going);
    const at::Tensor logs = log_weights(batch, growth, k);
    at::Tensor a;
    if (logs.defined()) a = at::softmax(logs, 0).contiguous();
    value.weights[k] = a;
    at::Tensor weights;
    const bool wide = value.states[k].scalar_type() == at::kDouble;
    const auto at_time = wide ? compare<double> : compare<float>;
    value.sinkhorn[k] = at_time(value.states[k], a, batch.observed[k], options, gradient, job.keep_going,
                                g.states[k], weights);
    value.total += value.sinkhorn[k];
    if (gradient && !growth.empty()) g.log_growth[k] = a * (weights - (a * weights).sum());
  }
}

// Half of the squared sliced distance at one time, summed over dimensions as the divergence is; its
// gradients are added to those of the points and, through the softmax, of the log-weights.
template <typename T>
double slice(const LossJob& job, const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
             std::uint32_t draw, bool gradient, at::Tensor& points, at::Tensor* log_weights) {
  const double half_dims = 0.5 * static_cast<double>(x.size(1));
  const double factor = job.options.sliced_weight * half_dims;
  const SlicedResult<T> r = sliced_wasserstein<T>(cloud<T>(x, a), cloud<T>(y, {}), job.options.sliced,
                                                  job.sliced_seed, draw, gradient);
  if (!gradient) return half_dims * r.value;
  const auto like = [&](const std::vector<T>& v, at::IntArrayRef shape) {
    return at::from_blob(const_cast<T*>(v.data()), shape, x.options());
  };
  points = points + like(r.grad_x, x.sizes()) * factor;
  if (log_weights != nullptr) {
    const at::Tensor w = like(r.grad_a, {x.size(0)});
    *log_weights = *log_weights + a * (w - (a * w).sum()) * factor;
  }
  return half_dims * r.value;
}

void add_sliced(const LossJob& job, const LossBatch& batch, bool growth, bool gradient, LossValue& value,
                OutputGradients& g) {
  const std::size_t n_times = batch.times.size();
  value.sliced.assign(n_times, 0.0);
  if (job.options.sliced_weight <= 0.0) return;
  for (std::size_t k = 1; k < n_times; ++k) {
    proceed(job.keep_going);
    const bool wide = value.states[k].scalar_type() == at::kDouble;
    const auto draw = static_cast<std::uint32_t>(job.sliced_draw * n_times + k);
    value.sliced[k] =
        (wide ? slice<double> : slice<float>)(job, value.states[k], value.weights[k], batch.observed[k], draw,
                                              gradient, g.states[k], growth ? &g.log_growth[k] : nullptr);
    value.total += job.options.sliced_weight * value.sliced[k];
  }
}

void add_ratio(const LossJob& job, const std::vector<Block>& blocks, std::int64_t n, LossValue& value,
               OutputGradients& g) {
  const LossOptions& o = job.options;
  if (o.ratio_enforce <= 0.0) return;
  const double cells = static_cast<double>(n);
  for (std::size_t k = 0; k < value.states.size(); ++k) {
    double f = 0.0;
    double d = 0.0;
    for (const Block& b : blocks) {
      f += b.drift_sums[k].item<double>();
      d += b.diffusion_sums[k].item<double>();
    }
    f *= o.ratio_factor / cells;
    d /= cells;
    const double miss = o.ratio_target - f / d;
    const double penalty = o.ratio_enforce * (o.ratio_square ? miss * miss : std::abs(miss));
    const double slope = o.ratio_enforce * (o.ratio_square ? 2.0 * miss : (miss > 0.0) - (miss < 0.0));
    value.drift.push_back(f);
    value.diffusion.push_back(d);
    value.ratio_penalty += penalty;
    g.drift_sum.push_back(-slope / d * o.ratio_factor / cells);
    g.diffusion_sum.push_back(slope * f / (d * d) / cells);
  }
  value.total += value.ratio_penalty;
}

void add_growth(const LossJob& job, const std::vector<Block>& blocks, std::int64_t n, LossValue& value,
                OutputGradients& g) {
  if (!job.nets.has_growth()) return;
  for (const Block& b : blocks) value.growth_effort += b.rollout.growth_effort.item<double>();
  value.growth_effort /= static_cast<double>(n);
  g.effort = job.options.growth_penalty / static_cast<double>(n);
  value.total += job.options.growth_penalty * value.growth_effort;
}

void add_drift(const LossJob& job, const std::vector<Block>& blocks, std::int64_t n, LossValue& value,
               OutputGradients& g) {
  if (job.options.drift_penalty <= 0.0) return;
  for (const Block& b : blocks) value.drift_effort += b.rollout.drift_effort.item<double>();
  value.drift_effort /= static_cast<double>(n);
  g.drift_effort = job.options.drift_penalty / static_cast<double>(n);
  value.total += job.options.drift_penalty * value.drift_effort;
}

}  // namespace

LossValue rollout_loss(const LossJob& job, const std::vector<at::Tensor>& parameters, const LossBatch& batch,
                       bool gradient) {
  const std::int64_t n = batch.start.size(0);
  std::vector<Block> blocks = cut(n);
  Listener listener(job.keep_going);
  each_block(blocks, job.keep_going,
             [&](Block& b) { forward(job, parameters, batch, gradient, listener, b); });

  LossValue value;
  OutputGradients g;
  std::vector<at::Tensor> growth;
  for (std::size_t k = 0; k < batch.times.size(); ++k) {
    value.states.push_back(whole(blocks, k, false));
    if (job.nets.has_growth()) growth.push_back(whole(blocks, k, true));
  }
  add_sinkhorn(job, batch, growth, gradient, value, g);
  add_sliced(job, batch, !growth.empty(), gradient, value, g);
  add_ratio(job, blocks, n, value, g);
  add_growth(job, blocks, n, value, g);
  add_drift(job, blocks, n, value, g);
  if (!gradient) return value;

  each_block(blocks, job.keep_going, [&](Block& b) { backward(g, b); });
  value.gradients = std::move(blocks[0].gradients);
  for (std::size_t b = 1; b < blocks.size(); ++b) {
    for (std::size_t i = 0; i < value.gradients.size(); ++i) value.gradients[i].add_(blocks[b].gradients[i]);
  }
  return value;
}

}  // namespace fatefield
