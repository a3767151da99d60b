// Takes a block of a batch; gives its rollout and its gradient by the hand-written pass of
// sde/model/fused_sde.hpp.
#include <ATen/ATen.h>

#include <algorithm>

#include "sde/model/fused_tensors.hpp"
#include "sde/train/loss_block.hpp"

namespace fatefield {
namespace {

// Tapes of all blocks together take at most this much; blocks beyond go through the grid twice.
constexpr std::int64_t kTapeBytes = std::int64_t{640} << 20;

template <typename T>
struct Shared {
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
  FusedLossBlock(const Shared<T>& shared, std::int64_t first, std::int64_t rows, std::int64_t& tape_left)
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

  const Shared<T>& s_;
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
  explicit FusedEngine(Shared<T> shared) : shared_(std::move(shared)) {}
  std::unique_ptr<LossBlock> block(std::int64_t first, std::int64_t rows) override {
    return std::make_unique<FusedLossBlock<T>>(shared_, first, rows, shared_.tape_left);
  }

 private:
  Shared<T> shared_;
};

template <typename T>
std::unique_ptr<LossEngine> make(const LossJob& job, const std::vector<at::Tensor>& parameters,
                                 const LossBatch& batch, bool gradient, Listener& listener) {
  const LossOptions& o = job.options;
  FusedRun run{job.grid,         batch.times,           job.dropout,
               job.dropout_seed, o.drift_penalty > 0.0, o.ratio_enforce > 0.0};
  return std::make_unique<FusedEngine<T>>(
      Shared<T>{job, batch, gradient, listener, fused_sde<T>(job.nets.layout(), parameters), run});
}

}  // namespace

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
