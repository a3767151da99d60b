// A linear map with its weights in panels, for passes that allocate nothing: c = bias + a W' and what its
// derivatives need, on rows of doubles. Rows of results have stride() entries, see leading().
#pragma once

#include <cstdint>

#include "base/aligned.hpp"
#include "base/matrix.hpp"
#include "nets/dense_kernel.hpp"

namespace fatefield {

class PackedLayer {
 public:
  PackedLayer() : kernels_(&dense_kernels<double>()) {}
  /// @param weights outputs x inputs
  /// @param bias    outputs numbers, or nullptr for none
  PackedLayer(const Matrix& weights, const double* bias);

  std::int64_t inputs() const { return inputs_; }
  std::int64_t outputs() const { return outputs_; }
  std::int64_t stride() const { return leading<double>(outputs_); }

  /// c (rows x stride()) = bias + a W'.
  void forward(std::int64_t rows, const double* a, std::int64_t lda, double* c) const;
  /// c = a W'.
  void tangent(std::int64_t rows, const double* a, std::int64_t lda, double* c) const;
  /// c (rows x ldc, the first inputs() of each) = d W with d rows x stride().
  void adjoint(std::int64_t rows, const double* d, double* c, std::int64_t ldc) const;

 private:
  const DenseKernels<double>* kernels_;
  std::int64_t inputs_ = 0, outputs_ = 0, padded_ = 0;
  Aligned<double> panels_, bias_, nothing_;
};

}  // namespace fatefield
