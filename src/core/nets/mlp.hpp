// Multilayer perceptrons on tensors: the parameters are plain tensors that the caller keeps.
// Takes n x inputs, gives n x outputs, or the gradient of a scalar output in the inputs, n x inputs.
// Hidden layer: linear, dropout, activation. The output is linear.
//
// What nets/shape.hpp describes is evaluated by LibTorch's operations, or by the fused kernels of
// nets/dense.hpp where their copy of the weights is given. tests/cpp/test_nets.cpp holds one against the
// other.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "nets/shape.hpp"

namespace fatefield {

/// Masks of hidden units during training; absent at inference. A mask is a function of (seed, trajectory,
/// number of the mask, unit) alone.
struct Dropout {
  double rate = 0.0;
  std::uint64_t seed = 0;
  std::uint64_t first = 0;  ///< trajectory of the first row
  std::uint32_t masks = 0;  ///< masks drawn so far
};

/// The weights of a network as the fused kernels read them; a copy that serves any number of calls and
/// threads.
class PackedMlp;

/// Weights and the executor that is to use them.
struct MlpWeights {
  const at::Tensor* p;  ///< in the order of parameter_specs(), starting at this network's first
  std::shared_ptr<const PackedMlp> packed;  ///< the same numbers for the kernels; nullptr: LibTorch evaluates
};

class Mlp {
 public:
  explicit Mlp(MlpShape shape) : shape_(std::move(shape)) {}

  /// nullptr unless the parameters are floats or doubles of the processor.
  std::shared_ptr<const PackedMlp> pack(const at::Tensor* p) const;

  // The fused kernels join the graph of autograd as one node, with gradients in x and in the parameters.
  // Where that gradient is itself to be differentiated, LibTorch goes through the network again.

  /// @param x       n x inputs
  /// @param dropout nullptr for none
  at::Tensor forward(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const;

  /// Softplus of forward().
  at::Tensor positive(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const;

  /// Gradient of the single output in x, written out as one forward and one backward chain of matrix
  /// products, so that training differentiates it once and not twice. The fused kernels need a hidden layer.
  at::Tensor input_gradient(const MlpWeights& w, const at::Tensor& x, Dropout* dropout) const;

 private:
  MlpShape shape_;
};

}  // namespace fatefield
