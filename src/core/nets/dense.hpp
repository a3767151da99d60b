// A multilayer perceptron on blocks of rows with hand-written derivatives: values, gradient of a scalar
// output in the inputs, and the adjoints of both. No torch here: it executes what nets/shape.hpp describes,
// as nets/mlp.hpp does by LibTorch; tests/cpp/test_nets.cpp holds one against the other.
//
// Takes rows x inputs, gives rows x outputs, row-major with strides of leading() entries. A pass writes what
// its adjoint needs to a tape that the caller owns, so that a rollout allocates nothing.
//
// With z_l = W_l a_(l-1) + b_l, a_l = act(z_l) and the chain c_L = w act'(z_L), u_(l-1) = W_l' c_l, c_(l-1) =
// u_(l-1) act'(z_(l-1)), the gradient of the scalar output is W_1' c_1. Its adjoint goes up the chain and
// then down the layers; where the activation is piecewise linear (act'' = 0) the way down is zero and is not
// gone.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned.hpp"
#include "nets/dense_kernel.hpp"
#include "nets/layer_chain.hpp"
#include "nets/packed_layer.hpp"
#include "nets/shape.hpp"

namespace fatefield {

/// Gradients in the parameters of one network, added up over calls, with padded rows.
template <typename T>
struct DenseGradient {
  std::vector<Aligned<T>> weights;  ///< outputs x leading(inputs), per layer; the output layer is the last
  std::vector<Aligned<T>> biases;   ///< leading(outputs), per layer
};

/// Rows that a network works on, and what belongs to them.
template <typename T>
struct DenseRows {
  std::int64_t rows;
  const T* x;  ///< rows x ldx
  std::int64_t ldx;
  const T* masks;  ///< what units are multiplied by: rows x leading(width) per hidden layer; nullptr: nothing
  T* tape;         ///< rows * forward_tape() or rows * gradient_tape()
  T* scratch;      ///< rows * scratch()
};

template <typename T>
class Dense {
 public:
  /// @param parameters in the order of parameter_specs(): weights outputs x inputs, contiguous
  Dense(const MlpShape& shape, const T* const* parameters);

  const MlpShape& shape() const { return shape_; }
  const LayerChain<T>& layers() const { return chain_; }
  std::int64_t forward_tape() const { return chain_.units(); }
  std::int64_t gradient_tape() const { return depth() > 0 ? 2 * chain_.units() - stride(depth() - 1) : 0; }
  std::int64_t scratch() const { return 3 * chain_.widest() + chain_.units(); }
  /// Entries per row of the masks of all hidden layers.
  std::int64_t mask_entries() const { return chain_.units(); }
  /// Dropout masks of all hidden layers, numbered from `number` on, into out (rows * mask_entries()). Gives
  /// out, or nullptr for a rate of zero.
  /// @param first trajectory of the first row
  const T* fill_masks(double rate, std::uint64_t seed, std::uint64_t first, std::int64_t rows,
                      std::uint32_t number, T* out) const;
  std::int64_t input_stride() const { return leading<T>(shape_.inputs); }
  std::int64_t output_stride() const { return leading<T>(shape_.outputs); }

  DenseGradient<T> zeros() const;
  /// Adds `from` to the unpadded gradients at `out`, in the order of the parameters.
  void add_gradient(const DenseGradient<T>& from, T* const* out) const;

  /// out (rows x output_stride()) = the network.
  void forward(const DenseRows<T>& b, T* out) const;
  /// From g, the gradient in out: adds to `into`, and to gx (rows x ldx).
  void forward_adjoint(const DenseRows<T>& b, const T* g, DenseGradient<T>& into, T* gx) const;

  /// out (rows x input_stride()) = gradient of the single output in x. Needs a hidden layer.
  void input_gradient(const DenseRows<T>& b, T* out) const;
  /// From g (rows x input_stride()), the gradient in out: adds to `into`, and to gx (rows x ldx).
  void input_gradient_adjoint(const DenseRows<T>& b, const T* g, DenseGradient<T>& into, T* gx) const;

 private:
  // Where the parts of a block's tape and scratch lie.
  struct Parts;

  std::int64_t depth() const { return chain_.depth(); }
  std::int64_t stride(std::int64_t layer) const { return chain_.stride(layer); }
  void down(std::int64_t layer, std::int64_t rows, const T* c, const T* start, T* a, std::int64_t lda) const;
  void add_outer(std::int64_t layer, std::int64_t rows, const T* d, const T* a, std::int64_t lda,
                 DenseGradient<T>& into) const;
  void chain(const Parts& p, std::int64_t layer, T* out) const;
  void descend(const DenseRows<T>& b, const Parts& p, bool bent, const T* g, DenseGradient<T>& into,
               T* gx) const;

  MlpShape shape_;
  const DenseKernels<T>& kernels_;
  LayerChain<T> chain_;               // the way from inputs to outputs
  std::vector<PackedLayer<T>> down_;  // the way back by W, layer by layer
  Aligned<T> output_row_;             // weights of a single output, padded
  Aligned<T> nothing_;                // zeros to start sums from
};

}  // namespace fatefield
