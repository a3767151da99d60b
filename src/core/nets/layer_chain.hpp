// The layers of a network on blocks of rows, and the passes through some of them that need no gradient in the
// weights: values, changes along a direction, and the way back to the inputs. nets/dense.hpp trains on top of
// it; trained velocity fields (field/model/network.hpp) need nothing else.
//
// Rows have strides of leading() entries. z, what the activation of a hidden layer sees, is kept on a tape
// that the caller owns: rows x stride(l) of each hidden layer, one after the other.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "nets/dense_kernel.hpp"
#include "nets/packed_layer.hpp"
#include "nets/shape.hpp"

namespace fatefield {

/// Rows that a chain works on.
template <typename T>
struct ChainRows {
  std::int64_t rows;
  T* tape;         ///< rows * units()
  const T* masks;  ///< what units are multiplied by, laid out as the tape; nullptr: nothing
};

template <typename T>
class LayerChain {
 public:
  LayerChain() = default;
  /// @param layers the hidden ones, then the output
  LayerChain(const MlpShape& shape, std::vector<PackedLayer<T>> layers);

  std::int64_t depth() const { return static_cast<std::int64_t>(layers_.size()) - 1; }
  const PackedLayer<T>& layer(std::int64_t l) const { return layers_[static_cast<std::size_t>(l)]; }
  const PackedLayer<T>& output() const { return layers_.back(); }
  std::int64_t stride(std::int64_t l) const { return layer(l).stride(); }
  std::int64_t input_stride() const { return leading<T>(layer(0).inputs()); }
  /// Entries per row of the tape of all hidden layers.
  std::int64_t units() const { return offsets_.back(); }
  /// Most entries of a row of any layer.
  std::int64_t widest() const { return widest_; }

  T* z(const ChainRows<T>& b, std::int64_t l) const { return b.tape + b.rows * offset(l); }
  /// nullptr where there are none.
  const T* mask(const ChainRows<T>& b, std::int64_t l) const {
    return b.masks == nullptr ? nullptr : b.masks + b.rows * offset(l);
  }
  Activation activation(std::int64_t l) const { return activations_[static_cast<std::size_t>(l)]; }

  // Of one hidden layer.

  /// What products with its values read.
  UnitRows units_of(const ChainRows<T>& b, std::int64_t l) const {
    return {b.rows, stride(l), layer(l).padded()};
  }
  /// Its z from the values a (rows x lda) below it.
  void enter(const ChainRows<T>& b, std::int64_t l, const T* a, std::int64_t lda) const;
  /// out = its values.
  void values(const ChainRows<T>& b, std::int64_t l, T* out) const {
    kernels_->values(activation(l), units_of(b, l), z(b, l), out);
  }
  /// out = u times its slopes and masks; u has rows, or one for all (u_stride 0).
  void slopes(const ChainRows<T>& b, std::int64_t l, const T* u, std::int64_t u_stride, T* out) const {
    kernels_->slopes(activation(l), units_of(b, l), z(b, l), u, u_stride, mask(b, l), out);
  }

  // Of the hidden layers [from, to), in order. Each gives what it found, or what it was given where there are
  // none. Buffers have rows * widest() entries.

  /// Values of the last of them, in `value`, from those below the first. z goes to the tape.
  const T* rise(const ChainRows<T>& b, std::int64_t from, std::int64_t to, const T* a, std::int64_t lda,
                T* value) const;
  /// How the values of the last of them change with those below the first, to first order. z is on the tape.
  const T* push(const ChainRows<T>& b, std::int64_t from, std::int64_t to, const T* change, std::int64_t ld,
                T* now, T* next) const;
  /// The way back from hidden layer l to the inputs: gx (rows x ldx) = gradient in them, from g, that in the
  /// values of the layer, which is lost.
  void pull(const ChainRows<T>& b, std::int64_t l, T* g, T* spare, T* gx, std::int64_t ldx) const;

 private:
  std::int64_t offset(std::int64_t l) const { return offsets_[static_cast<std::size_t>(l)]; }

  const DenseKernels<T>* kernels_ = nullptr;
  std::vector<PackedLayer<T>> layers_;
  std::vector<Activation> activations_;  // of the hidden layers
  std::vector<std::int64_t> offsets_;    // of the hidden layers on a row of the tape, and its end
  std::int64_t widest_ = 0;
};

}  // namespace fatefield
