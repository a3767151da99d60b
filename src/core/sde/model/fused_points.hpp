// The networks of a neural SDE at given points by the hand-written kernels, with the gradients that a loss of
// their values has in the weights. Twin of SdeNets, for losses at points rather than along paths.
// Takes scaled states n x D and a scaled time for each; gives tensors shaped as those of SdeNets.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "nets/mlp.hpp"
#include "sde/model/fused_sde.hpp"

namespace fatefield {

/// Not for drifts that FusedSde::fits() refuses.
class FusedPoints {
 public:
  virtual ~FusedPoints() = default;

  /// n x D
  virtual at::Tensor drift() const = 0;
  /// Diagonal and scalar noise: n x D; others: n x D x m; zero without noise.
  virtual at::Tensor diffusion() const = 0;
  /// n; undefined without growth
  virtual at::Tensor growth() const = 0;

  /// The diffusion at the points moved by `step` (n x D), under the same dropout masks.
  virtual at::Tensor diffusion_at(const at::Tensor& step) const = 0;

  /// Adds the gradients in all parameters to `total`, given those in drift(), diffusion() and growth();
  /// undefined ones count as zero.
  virtual void add_gradients(const at::Tensor& in_drift, const at::Tensor& in_diffusion,
                             const at::Tensor& in_growth, std::vector<at::Tensor>& total) = 0;
};

/// Weights prepared once for the points of several blocks.
class FusedPointNets {
 public:
  virtual ~FusedPointNets() = default;
  /// @param dropout masks are drawn in the order diffusion, drift, growth
  virtual std::unique_ptr<FusedPoints> evaluate(const at::Tensor& x, const at::Tensor& tau,
                                                const Dropout& dropout) const = 0;
};

/// For parameters of float or double on the CPU.
std::unique_ptr<FusedPointNets> make_fused_points(const SdeLayout& layout,
                                                  const std::vector<at::Tensor>& parameters);

}  // namespace fatefield
