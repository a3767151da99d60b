// A linear map with its weights in panels, for passes that allocate nothing: c = bias + a W' and what its
// derivatives need, on rows of floats or doubles. Rows of results have stride() entries, see leading().
// Networks (nets/dense.hpp) and velocity fields are made of these.
#pragma once

#include <cstdint>

#include "base/aligned.hpp"
#include "base/matrix.hpp"
#include "nets/dense_kernel.hpp"

namespace fatefield {

template <typename T>
class PackedLayer {
 public:
  PackedLayer() : kernels_(&dense_kernels<T>()) {}
  /// @param weights entry (output o, input i) is at weights[o * output_step + i * input_step]
  /// @param bias    outputs numbers, or nullptr for none
  PackedLayer(std::int64_t outputs, std::int64_t inputs, const T* weights, std::int64_t output_step,
              std::int64_t input_step, const T* bias);

  std::int64_t inputs() const { return inputs_; }
  std::int64_t outputs() const { return outputs_; }
  std::int64_t stride() const { return leading<T>(outputs_); }
  /// Columns of whole panels.
  std::int64_t padded() const { return padded_; }
  const T* bias() const { return bias_.data(); }

  /// c (rows x ldc) = start + a W', or c += a W' where start (padded() numbers) is nullptr.
  void product(std::int64_t rows, const T* a, std::int64_t lda, const T* start, T* c,
               std::int64_t ldc) const {
    kernels_->product(rows, inputs_, padded_, a, lda, panels_.data(), c, ldc, start);
  }
  /// c (rows x stride()) = bias + a W'.
  void forward(std::int64_t rows, const T* a, std::int64_t lda, T* c) const {
    product(rows, a, lda, bias_.data(), c, stride());
  }
  /// c = a W'.
  void tangent(std::int64_t rows, const T* a, std::int64_t lda, T* c) const {
    product(rows, a, lda, nothing_.data(), c, stride());
  }
  /// c (rows x ldc, the first inputs() of each) = d W with d rows x stride().
  void adjoint(std::int64_t rows, const T* d, T* c, std::int64_t ldc) const;

 private:
  const DenseKernels<T>* kernels_;
  std::int64_t inputs_ = 0, outputs_ = 0, padded_ = 0;
  Aligned<T> panels_, bias_, nothing_;
};

/// @param weights outputs x inputs
/// @param bias    outputs numbers, or nullptr for none
inline PackedLayer<double> pack(const Matrix& weights, const double* bias) {
  return PackedLayer<double>(weights.rows, weights.cols, weights.values.data(), 1, weights.rows, bias);
}

}  // namespace fatefield
