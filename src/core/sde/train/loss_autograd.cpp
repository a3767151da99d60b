// Takes a block of a batch; gives its rollout and its gradient by LibTorch's automatic differentiation.
// Each block has its own copies of the parameters, so that blocks run and are differentiated side by side.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "sde/train/loss_block.hpp"

namespace fatefield {
namespace {

struct Shared {
  const LossJob& job;
  const std::vector<at::Tensor>& parameters;
  const LossBatch& batch;
  bool gradient;
  Listener& listener;
};

class AutogradBlock final : public LossBlock {
 public:
  AutogradBlock(const Shared& shared, std::int64_t first, std::int64_t rows)
      : s_(shared), first_(first), rows_(rows) {}

  BlockOutputs forward() override {
    const c10::AutoGradMode mode(s_.gradient);
    for (const at::Tensor& p : s_.parameters) {
      at::Tensor leaf = p.detach().clone();
      if (s_.gradient) leaf.set_requires_grad(true);
      leaves_.push_back(leaf);
    }
    Dropout dropout{s_.job.dropout, s_.job.dropout_seed, static_cast<std::uint64_t>(first_), 0};
    rollout_ = roll_out(
        s_.job.nets, leaves_, s_.job.solver, s_.job.grid, s_.batch.start.narrow(0, first_, rows_),
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
    gradients_ = torch::autograd::grad(outputs, leaves_, weights, /*retain_graph=*/false,
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
      drift_sums_.push_back(s_.job.nets.drift(leaves_, t, z, &dropout).norm(2, 1).sum());
      diffusion_sums_.push_back(s_.job.nets.spread(leaves_, t, z, &dropout).norm(2, 1).sum());
      out.drift_sums.push_back(drift_sums_.back().item<double>());
      out.diffusion_sums.push_back(diffusion_sums_.back().item<double>());
    }
  }

  const Shared& s_;
  std::int64_t first_, rows_;
  std::vector<at::Tensor> leaves_;
  Rollout rollout_;
  std::vector<at::Tensor> drift_sums_, diffusion_sums_;
  std::vector<at::Tensor> gradients_;
};

class AutogradEngine final : public LossEngine {
 public:
  explicit AutogradEngine(const Shared& shared) : shared_(shared) {}
  std::unique_ptr<LossBlock> block(std::int64_t first, std::int64_t rows) override {
    return std::make_unique<AutogradBlock>(shared_, first, rows);
  }

 private:
  Shared shared_;
};

}  // namespace

std::unique_ptr<LossEngine> make_autograd_engine(const LossJob& job,
                                                 const std::vector<at::Tensor>& parameters,
                                                 const LossBatch& batch, bool gradient, Listener& listener) {
  return std::make_unique<AutogradEngine>(Shared{job, parameters, batch, gradient, listener});
}

}  // namespace fatefield
