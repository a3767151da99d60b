// A neural SDE through a grid by Euler and Maruyama, with a hand-written backward pass: the fast twin of
// sde/model/rollout.hpp, which LibTorch differentiates. No torch here.
// x_(k+1) = x_k + f(x_k) h_k + g(x_k) dW_k in scaled units. Takes start states and increments of one block of
// rows; gives states and what the loss needs at the outputs of the grid; then, from the gradient in these,
// gradients in all parameters.
//
// The backward pass carries lambda = dL/dx_(k+1) to dL/dx_k = lambda + (df/dx)' h lambda + (dg/dx)' (lambda
// dW) with the pre-activations of every step kept on a tape; what can be had from them by an exponential is
// not. A block without a tape keeps nothing, and can go through the grid again when its gradient is asked
// for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "nets/dense.hpp"
#include "sde/model/layout.hpp"
#include "sde/solvers/grid.hpp"

namespace fatefield {

/// What a rollout is besides its rows; shared by all blocks.
struct FusedRun {
  StepGrid grid;              ///< scaled
  std::vector<double> times;  ///< scaled, of the outputs
  double dropout = 0.0;
  std::uint64_t dropout_seed = 0;
  bool measure_drift = false;  ///< the integral of |f|^2 is wanted
  bool measure_ratio = false;  ///< norms of drift and diffusion at the outputs are wanted
  /// Scaled; constant noise of each dimension in the place of the network's, in forward() alone.
  std::vector<double> noise_sd = {};
};

/// Gradients in all parameters, of one block.
template <typename T>
struct SdeGradient {
  DenseGradient<T> drift, diffusion, growth;
};

/// The networks, ready for products; made anew when the weights change.
template <typename T>
class FusedSde {
 public:
  /// Whether this pass can run the networks; the solver must be Euler and Maruyama's.
  static bool fits(const SdeLayout& layout);

  /// @param parameters in the order of the layout, contiguous
  FusedSde(const SdeLayout& layout, const T* const* parameters);

  const SdeLayout& layout() const { return layout_; }
  const Dense<T>& drift() const { return drift_; }
  const std::optional<Dense<T>>& diffusion() const { return diffusion_; }
  const std::optional<Dense<T>>& growth() const { return growth_; }
  SdeGradient<T> zeros() const;
  /// Adds to unpadded gradients in the order of the parameters.
  void add_gradient(const SdeGradient<T>& from, T* const* out) const;

 private:
  SdeLayout layout_;
  Dense<T> drift_;
  std::optional<Dense<T>> diffusion_, growth_;
};

/// What a block gives at the outputs of the grid.
template <typename T>
struct FusedOutputs {
  std::vector<std::vector<T>> states;      ///< rows x dims per output
  std::vector<std::vector<T>> log_growth;  ///< rows per output: integral of the growth rate; empty without
  double growth_effort = 0.0;              ///< sum over rows of the integral of the squared rate
  double drift_effort = 0.0;               ///< sum over rows of the integral of the squared drift
  std::vector<double> drift_sums;          ///< per output: sum over rows of |f|; where the ratio is measured
  std::vector<double> diffusion_sums;      ///< the same of |g|
};

/// Gradients in FusedOutputs; nullptr or empty counts as zero.
template <typename T>
struct FusedAdjoints {
  std::vector<const T*> states;
  std::vector<const T*> log_growth;
  double growth_effort = 0.0;
  double drift_effort = 0.0;
  std::vector<double> drift_sums;
  std::vector<double> diffusion_sums;
};

template <typename T>
class FusedBlock {
 public:
  /// Brownian increments of a step, rows x brownian_dims, contiguous; nullptr without diffusion. They must
  /// stay where they are until the next call, and be the same when asked again.
  using Increments = std::function<const T*(std::int64_t step)>;
  /// Changes the states that a step ends in: rows of dims numbers, `stride` apart.
  using AfterStep = std::function<void(T* states, std::int64_t stride)>;

  /// @param first number of the first row's trajectory, for dropout
  FusedBlock(const FusedSde<T>& sde, const FusedRun& run, std::uint64_t first, std::int64_t rows);
  ~FusedBlock();

  /// Bytes that a tape would take.
  std::int64_t tape_bytes() const;

  /// @param start rows x dims, contiguous
  /// @param keep_tape whether backward() shall find a tape
  /// @param after_step for simulation alone: backward() knows nothing of it
  FusedOutputs<T> forward(const T* start, const Increments& increments, bool keep_tape,
                          const AfterStep& after_step = nullptr);
  /// Adds to `into`; goes through the grid again where forward() kept no tape.
  void backward(const T* start, const Increments& increments, const FusedAdjoints<T>& adjoints,
                SdeGradient<T>& into);

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace fatefield
