// Takes a batch and parameters; gives the loss of a rollout and its gradient.
// The rollout is cut into blocks of rows that run and are differentiated side by side;
// their gradients are added up in the order of the blocks.
#include "sde/train/loss.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/threads.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/sliced.hpp"
#include "ot/tensors.hpp"
#include "sde/train/halves.hpp"
#include "sde/train/loss_block.hpp"
#include "sde/train/views.hpp"

namespace fatefield {
namespace {

bool with_kernels(const LossJob& job, const at::Tensor& x) { return job.kernels && x.device().is_cpu(); }

// Bounds of blocks of nearly equal size, multiples of the rows that kernels work on together.
std::vector<std::int64_t> cut(std::int64_t n) {
  constexpr std::int64_t kTogether = 8;
  const std::int64_t count = (n + kBlockRows - 1) / kBlockRows;
  const std::int64_t rows = ((n + count - 1) / count + kTogether - 1) / kTogether * kTogether;
  std::vector<std::int64_t> out;
  for (std::int64_t at = 0; at < n; at += rows) out.push_back(at);
  out.push_back(n);
  return out;
}

struct Block {
  std::unique_ptr<LossBlock> work;
  BlockOutputs out;
};

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

// Divergence at one time; gradients go to `points` and `weights` of x.
template <typename T>
double compare(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y, const SinkhornOptions& o,
               bool halves, bool gradient, const KeepGoing& keep_going, at::Tensor& points,
               at::Tensor& weights) {
  const auto divergence = halves ? halves_divergence<T> : sinkhorn_divergence<T>;
  const SinkhornResult<T> r = divergence(cloud<T>(x, a), cloud<T>(y, {}), o, gradient, keep_going);
  if (gradient) {
    points = at::empty_like(x);
    std::copy(r.grad_x.begin(), r.grad_x.end(), points.data_ptr<T>());
    weights = at::empty({x.size(0)}, x.options());
    std::copy(r.grad_a.begin(), r.grad_a.end(), weights.data_ptr<T>());
  }
  return r.value;
}

// Halves are compared by the processor: a batch is small beside what is done with it.
double compare_tensors(const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                       const SinkhornOptions& o, bool halves, bool gradient, const KeepGoing& keep_going,
                       at::Tensor& points, at::Tensor& weights) {
  if (halves) {
    const auto here = [](const at::Tensor& t) { return t.defined() ? t.to(at::kCPU).contiguous() : t; };
    const bool wide = x.scalar_type() == at::kDouble;
    const double value = (wide ? compare<double> : compare<float>)(here(x), here(a), here(y), o, true,
                                                                   gradient, keep_going, points, weights);
    if (!gradient) return value;
    points = points.to(x.device());
    weights = weights.to(x.device());
    return value;
  }
  const TensorDistance r = tensor_sinkhorn(x, a, y, o, gradient, keep_going);
  points = r.grad_x;
  weights = r.grad_a;
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
    parts.push_back(growth ? b.out.log_growth[k] : b.out.states[k]);
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
    const auto at_time = !with_kernels(job, value.states[k]) ? compare_tensors
                         : wide                              ? compare<double>
                                                             : compare<float>;
    value.sinkhorn[k] = at_time(value.states[k], a, batch.observed[k], options, job.options.halves, gradient,
                                job.keep_going, g.states[k], weights);
    value.total += value.sinkhorn[k];
    if (gradient && !growth.empty()) g.log_growth[k] = a * (weights - (a * weights).sum());
  }
}

template <typename T>
TensorDistance slice_once(const LossJob& job, const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
                          std::uint32_t draw, bool gradient) {
  const std::vector<T> lines = slice_directions<T>(x.size(1), job.options.sliced, job.sliced_seed, draw);
  const auto tensor = [](const std::vector<T>& v, at::IntArrayRef shape) {
    return at::from_blob(const_cast<T*>(v.data()), shape, at::CppTypeToScalarType<T>::value).clone();
  };
  if (!with_kernels(job, x)) {
    return tensor_sliced(
        x, a, y, tensor(lines, {static_cast<std::int64_t>(lines.size()) / x.size(1), x.size(1)}), gradient);
  }
  const SlicedResult<T> r = sliced_wasserstein<T>(cloud<T>(x, a), cloud<T>(y, {}), lines, gradient);
  if (!gradient) return {r.value, {}, {}};
  return {r.value, tensor(r.grad_x, x.sizes()), tensor(r.grad_a, {x.size(0)})};
}

// Half of the squared sliced distance at one time, summed over dimensions as the divergence is; its
// gradients are added to those of the points and, through the softmax, of the log-weights.
template <typename T>
double slice(const LossJob& job, const at::Tensor& x, const at::Tensor& a, const at::Tensor& y,
             std::uint32_t draw, bool gradient, at::Tensor& points, at::Tensor* log_weights) {
  const double half_dims = 0.5 * static_cast<double>(x.size(1));
  const double factor = job.options.sliced_weight * half_dims;
  const TensorDistance r = slice_once<T>(job, x, a, y, draw, gradient);
  if (!gradient) return half_dims * r.value;
  points = points + r.grad_x * factor;
  if (log_weights != nullptr) {
    *log_weights = *log_weights + a * (r.grad_a - (a * r.grad_a).sum()) * factor;
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
      f += b.out.drift_sums[k];
      d += b.out.diffusion_sums[k];
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
  for (const Block& b : blocks) value.growth_effort += b.out.growth_effort;
  value.growth_effort /= static_cast<double>(n);
  g.effort = job.options.growth_penalty / static_cast<double>(n);
  value.total += job.options.growth_penalty * value.growth_effort;
}

void add_drift(const LossJob& job, const std::vector<Block>& blocks, std::int64_t n, LossValue& value,
               OutputGradients& g) {
  if (job.options.drift_penalty <= 0.0) return;
  for (const Block& b : blocks) value.drift_effort += b.out.drift_effort;
  value.drift_effort /= static_cast<double>(n);
  g.drift_effort = job.options.drift_penalty / static_cast<double>(n);
  value.total += job.options.drift_penalty * value.drift_effort;
}

}  // namespace

LossValue rollout_loss(const LossJob& job, const std::vector<at::Tensor>& parameters, const LossBatch& batch,
                       bool gradient) {
  const std::int64_t n = batch.start.size(0);
  Listener listener(job.keep_going);
  std::unique_ptr<LossEngine> engine;
  const bool kernels = with_kernels(job, batch.start);
  if (job.fused && kernels) engine = make_fused_engine(job, parameters, batch, gradient, listener);
  if (!engine) engine = make_autograd_engine(job, parameters, batch, gradient, listener);
  const std::vector<std::int64_t> bounds = kernels ? cut(n) : std::vector<std::int64_t>{0, n};
  std::vector<Block> blocks(bounds.size() - 1);
  for (std::size_t b = 0; b < blocks.size(); ++b)
    blocks[b].work = engine->block(bounds[b], bounds[b + 1] - bounds[b]);
  each_block(blocks, job.keep_going, [](Block& b) { b.out = b.work->forward(); });

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

  for (at::Tensor& z : g.states) z = z.defined() ? z.contiguous() : z;
  for (at::Tensor& w : g.log_growth) w = w.defined() ? w.contiguous() : w;
  each_block(blocks, job.keep_going, [&](Block& b) { b.work->backward(g); });
  for (const at::Tensor& p : parameters)
    value.gradients.push_back(at::zeros_like(p, p.options(), at::MemoryFormat::Contiguous));
  for (Block& b : blocks) b.work->add_gradients(value.gradients);
  return value;
}

}  // namespace fatefield
