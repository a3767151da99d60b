// One block of rows of a batch, rolled out and differentiated: by LibTorch, for any solver, or by the fused
// pass for Euler and Maruyama. Only loss.cpp uses this; tests/cpp/test_fused.cpp holds one against the other.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "sde/train/loss_job.hpp"

namespace fatefield {

/// Asked by all workers in the middle of their blocks: the calling thread, which takes part in the work,
/// listens for the interrupt, and the others follow.
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

/// What the rows of a block give.
struct BlockOutputs {
  std::vector<at::Tensor> states;      ///< rows x D per time
  std::vector<at::Tensor> log_growth;  ///< rows per time; empty without growth
  double growth_effort = 0.0;          ///< sums over rows, as in Rollout
  double drift_effort = 0.0;
  std::vector<double> drift_sums;  ///< sums over rows of norms per time, when the ratio is controlled
  std::vector<double> diffusion_sums;
};

/// What the outputs of all blocks weigh in the gradient of the loss.
struct OutputGradients {
  std::vector<at::Tensor> states;      ///< per time, whole batch; undefined for none
  std::vector<at::Tensor> log_growth;  ///< per time, whole batch; undefined for none
  std::vector<double> drift_sum;
  std::vector<double> diffusion_sum;
  double effort = 0.0;
  double drift_effort = 0.0;
};

class LossBlock {
 public:
  virtual ~LossBlock() = default;
  virtual BlockOutputs forward() = 0;
  virtual void backward(const OutputGradients& weights) = 0;
  /// Adds the gradients in the parameters to `total`.
  virtual void add_gradients(std::vector<at::Tensor>& total) = 0;
};

/// What all blocks of an update share. It must outlive its blocks.
class LossEngine {
 public:
  virtual ~LossEngine() = default;
  virtual std::unique_ptr<LossBlock> block(std::int64_t first, std::int64_t rows) = 0;
};

/// @param gradient whether backward() will be called
std::unique_ptr<LossEngine> make_autograd_engine(const LossJob& job,
                                                 const std::vector<at::Tensor>& parameters,
                                                 const LossBatch& batch, bool gradient, Listener& listener);

/// nullptr where this engine cannot run the job.
std::unique_ptr<LossEngine> make_fused_engine(const LossJob& job, const std::vector<at::Tensor>& parameters,
                                              const LossBatch& batch, bool gradient, Listener& listener);

}  // namespace fatefield
