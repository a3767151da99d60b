// Takes weights; gives products with rows, there and back.
#include "nets/packed_layer.hpp"

#include <algorithm>

namespace fatefield {

PackedLayer::PackedLayer(const Matrix& weights, const double* bias)
    : kernels_(&dense_kernels<double>()), inputs_(weights.cols), outputs_(weights.rows) {
  const std::int64_t w = kernels_->width;
  padded_ = (outputs_ + w - 1) / w * w;
  panels_.assign(static_cast<std::size_t>(padded_ * inputs_), 0.0);
  for (std::int64_t o = 0; o < outputs_; ++o) {
    for (std::int64_t i = 0; i < inputs_; ++i)
      panels_[static_cast<std::size_t>(o / w * w * inputs_ + i * w + o % w)] = weights(o, i);
  }
  bias_.assign(static_cast<std::size_t>(padded_), 0.0);
  nothing_ = bias_;
  if (bias != nullptr) std::copy(bias, bias + outputs_, bias_.begin());
}

void PackedLayer::forward(std::int64_t rows, const double* a, std::int64_t lda, double* c) const {
  kernels_->product(rows, inputs_, padded_, a, lda, panels_.data(), c, stride(), bias_.data());
}

void PackedLayer::tangent(std::int64_t rows, const double* a, std::int64_t lda, double* c) const {
  kernels_->product(rows, inputs_, padded_, a, lda, panels_.data(), c, stride(), nothing_.data());
}

void PackedLayer::adjoint(std::int64_t rows, const double* d, double* c, std::int64_t ldc) const {
  for (std::int64_t r = 0; r < rows; ++r) std::fill(c + r * ldc, c + r * ldc + inputs_, 0.0);
  kernels_->reduce(rows, inputs_, padded_, d, stride(), panels_.data(), c, ldc);
}

}  // namespace fatefield
