// Takes a block of a batch; gives its rollout and its gradient: by LibTorch's automatic differentiation, in
// which the networks are single nodes where the fused kernels can evaluate them, and each block has its own
// copies of the parameters so that blocks run and are differentiated side by side; or by the hand-written
// pass of sde/model/fused_sde.hpp.
#include "sde/train/loss_block.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>

#include "sde/model/fused_tensors.hpp"

namespace fatefield {
namespace {

struct AutogradShared {
  const LossJob& job;
  SdeWeights weights;
  const LossBatch& batch;
  bool gradient;
  Listener& listener;
};

class AutogradBlock final : public LossBlock {
 public:
  AutogradBlock(const AutogradShared& shared, std::int64_t first, std::int64_t rows)
      : s_(shared), first_(first), rows_(rows) {}

  BlockOutputs forward() override {
    const c10::AutoGradMode mode(s_.gradient);
    std::vector<at::Tensor> leaves;
    for (const at::Tensor& p : s_.weights.p)
      leaves.push_back(p.detach().clone().set_requires_grad(s_.gradient));
    weights_ = s_.weights.in(std::move(leaves));
    Dropout dropout{s_.job.dropout, s_.job.dropout_seed, static_cast<std::uint64_t>(first_), 0};
    rollout_ = roll_out(
        s_.job.nets, weights_, s_.job.solver, s_.job.grid, s_.batch.start.narrow(0, first_, rows_),
        [&](std::int64_t step) {
          s_.listener.proceed();
          return s_.job.increments(first_, rows_, step);
        },
        &dropout, s_.job.options.drift_penalty > 0.0);
    BlockOutputs out;
    for (const at::Tensor& z : rollout_.states) out.states.push_back(z.detach());
    for (const at::Tensor& g : rollout_.log_growth) out.log_growth.push_back(g.detach());
    if (rollout_.growth_effort.defined()) out.growth_effort = rollout_.growth_effort.item<double>();
    if (rollout_.drift_effort.defined()) out.drift_effort = rollout_.drift_effort.item<double>();
    if (s_.job.options.ratio_enforce > 0.0) measure_ratio(dropout, out);
    return out;
  }

  void backward(const OutputGradients& g) override {
    std::vector<at::Tensor> outputs, weights;
    const auto add = [&](const at::Tensor& output, const at::Tensor& weight) {
      if (!output.defined() || !output.requires_grad()) return;
      outputs.push_back(output);
      weights.push_back(weight);
    };
    const auto add_number = [&](const at::Tensor& output, double weight) {
      if (output.defined() && weight != 0.0) add(output, at::full_like(output, weight));
    };
    for (std::size_t k = 0; k < g.states.size(); ++k) {
      if (g.states[k].defined()) add(rollout_.states[k], g.states[k].narrow(0, first_, rows_));
      if (k < g.log_growth.size() && g.log_growth[k].defined()) {
        add(rollout_.log_growth[k], g.log_growth[k].narrow(0, first_, rows_));
      }
      if (k < drift_sums_.size()) {
        add_number(drift_sums_[k], g.drift_sum[k]);
        add_number(diffusion_sums_[k], g.diffusion_sum[k]);
      }
    }
    add_number(rollout_.growth_effort, g.effort);
    add_number(rollout_.drift_effort, g.drift_effort);
    if (outputs.empty()) return;
    gradients_ = torch::autograd::grad(outputs, weights_.p, weights, /*retain_graph=*/false,
                                       /*create_graph=*/false, /*allow_unused=*/true);
  }

  void add_gradients(std::vector<at::Tensor>& total) override {
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (gradients_[i].defined()) total[i].add_(gradients_[i]);
    }
  }

 private:
  void measure_ratio(Dropout& dropout, BlockOutputs& out) {
    for (std::size_t k = 0; k < s_.batch.times.size(); ++k) {
      const at::Tensor& z = rollout_.states[k];
      const double t = s_.batch.times[k];
      drift_sums_.push_back(s_.job.nets.drift(weights_, t, z, &dropout).norm(2, 1).sum());
      diffusion_sums_.push_back(s_.job.nets.spread(weights_, t, z, &dropout).norm(2, 1).sum());
      out.drift_sums.push_back(drift_sums_.back().item<double>());
      out.diffusion_sums.push_back(diffusion_sums_.back().item<double>());
    }
  }

  const AutogradShared& s_;
  std::int64_t first_, rows_;
  SdeWeights weights_;  // with the block's own copies of the parameters
  Rollout rollout_;
  std::vector<at::Tensor> drift_sums_, diffusion_sums_;
  std::vector<at::Tensor> gradients_;
};

class AutogradEngine final : public LossEngine {
 public:
  explicit AutogradEngine(const AutogradShared& shared) : shared_(shared) {}
  std::unique_ptr<LossBlock> block(std::int64_t first, std::int64_t rows) override {
    return std::make_unique<AutogradBlock>(shared_, first, rows);
  }

 private:
  AutogradShared shared_;
};

// Tapes of all blocks together take at most this much; blocks beyond go through the grid twice.
constexpr std::int64_t kTapeBytes = std::int64_t{640} << 20;

template <typename T>
struct FusedShared {
  const LossJob& job;
  const LossBatch& batch;
  bool gradient;
  Listener& listener;
  FusedSde<T> sde;
  FusedRun run;
  std::int64_t tape_left = kTapeBytes;
};

template <typename T>
class FusedLossBlock final : public LossBlock {
 public:
  FusedLossBlock(const FusedShared<T>& shared, std::int64_t first, std::int64_t rows, std::int64_t& tape_left)
      : s_(shared),
        first_(first),
        rows_(rows),
        block_(shared.sde, shared.run, static_cast<std::uint64_t>(first), rows),
        start_(shared.batch.start.narrow(0, first, rows).contiguous()),
        increments_(static_cast<std::size_t>(shared.run.grid.steps())) {
    keep_tape_ = shared.gradient && block_.tape_bytes() <= tape_left;
    if (keep_tape_) tape_left -= block_.tape_bytes();
  }

  BlockOutputs forward() override {
    const FusedOutputs<T> found = block_.forward(
        start_.template data_ptr<T>(), [this](std::int64_t k) { return increment(k); }, keep_tape_);
    BlockOutputs out;
    for (const std::vector<T>& z : found.states)
      out.states.push_back(tensor(z, {rows_, s_.sde.layout().dims}));
    for (const std::vector<T>& g : found.log_growth) out.log_growth.push_back(tensor(g, {rows_}));
    out.growth_effort = found.growth_effort;
    out.drift_effort = found.drift_effort;
    out.drift_sums = found.drift_sums;
    out.diffusion_sums = found.diffusion_sums;
    if (!s_.gradient) increments_.clear();
    return out;
  }

  void backward(const OutputGradients& g) override {
    FusedAdjoints<T> a;
    for (const at::Tensor& z : g.states) a.states.push_back(rows_of(z));
    for (const at::Tensor& w : g.log_growth) a.log_growth.push_back(rows_of(w));
    a.growth_effort = g.effort;
    a.drift_effort = g.drift_effort;
    a.drift_sums = g.drift_sum;
    a.diffusion_sums = g.diffusion_sum;
    gradient_ = s_.sde.zeros();
    block_.backward(
        start_.template data_ptr<T>(), [this](std::int64_t k) { return increment(k); }, a, gradient_);
  }

  void add_gradients(std::vector<at::Tensor>& total) override {
    std::vector<T*> out;
    for (at::Tensor& t : total) out.push_back(t.data_ptr<T>());
    s_.sde.add_gradient(gradient_, out.data());
  }

 private:
  at::Tensor tensor(const std::vector<T>& values, at::IntArrayRef shape) const {
    at::Tensor out = at::empty(shape, start_.options());
    std::copy(values.begin(), values.end(), out.data_ptr<T>());
    return out;
  }

  // The block's part of a gradient for the whole batch.
  const T* rows_of(const at::Tensor& whole) const {
    return whole.defined() ? whole.data_ptr<T>() + first_ * (whole.numel() / whole.size(0)) : nullptr;
  }

  const T* increment(std::int64_t k) {
    s_.listener.proceed();
    at::Tensor& dW = increments_[static_cast<std::size_t>(k)];
    if (!dW.defined()) dW = s_.job.increments(first_, rows_, k).dW.contiguous();
    return dW.data_ptr<T>();
  }

  const FusedShared<T>& s_;
  std::int64_t first_, rows_;
  FusedBlock<T> block_;
  at::Tensor start_;
  std::vector<at::Tensor> increments_;
  bool keep_tape_;
  SdeGradient<T> gradient_;
};

template <typename T>
class FusedEngine final : public LossEngine {
 public:
  explicit FusedEngine(FusedShared<T> shared) : shared_(std::move(shared)) {}
  std::unique_ptr<LossBlock> block(std::int64_t first, std::int64_t rows) override {
    return std::make_unique<FusedLossBlock<T>>(shared_, first, rows, shared_.tape_left);
  }

 private:
  FusedShared<T> shared_;
};

template <typename T>
std::unique_ptr<LossEngine> make(const LossJob& job, const std::vector<at::Tensor>& parameters,
                                 const LossBatch& batch, bool gradient, Listener& listener) {
  const LossOptions& o = job.options;
  FusedRun run{job.grid,         batch.times,           job.dropout,
               job.dropout_seed, o.drift_penalty > 0.0, o.ratio_enforce > 0.0};
  return std::make_unique<FusedEngine<T>>(
      FusedShared<T>{job, batch, gradient, listener, fused_sde<T>(job.nets.layout(), parameters), run});
}

}  // namespace

std::unique_ptr<LossEngine> make_autograd_engine(const LossJob& job,
                                                 const std::vector<at::Tensor>& parameters,
                                                 const LossBatch& batch, bool gradient, Listener& listener) {
  SdeWeights weights = job.fused && job.kernels ? job.nets.packed(parameters) : SdeWeights(parameters);
  return std::make_unique<AutogradEngine>(AutogradShared{job, std::move(weights), batch, gradient, listener});
}

std::unique_ptr<LossEngine> make_fused_engine(const LossJob& job, const std::vector<at::Tensor>& parameters,
                                              const LossBatch& batch, bool gradient, Listener& listener) {
  const SdeLayout& layout = job.nets.layout();
  const bool measurable = layout.has_diffusion() || job.options.ratio_enforce <= 0.0;
  if (!measurable || !job.solver.euler_maruyama || !FusedSde<float>::fits(layout)) return nullptr;
  if (!batch.start.device().is_cpu()) return nullptr;
  const bool wide = batch.start.scalar_type() == at::kDouble;
  return (wide ? make<double> : make<float>)(job, parameters, batch, gradient, listener);
}

}  // namespace fatefield
