// Takes weights; gives products with rows, there and back.
#include "nets/packed_layer.hpp"

#include <algorithm>

namespace fatefield {

template <typename T>
PackedLayer<T>::PackedLayer(std::int64_t outputs, std::int64_t inputs, const T* weights,
                            std::int64_t output_step, std::int64_t input_step, const T* bias)
    : kernels_(&dense_kernels<T>()), inputs_(inputs), outputs_(outputs) {
  const std::int64_t w = kernels_->width;
  padded_ = (outputs + w - 1) / w * w;
  panels_.assign(static_cast<std::size_t>(padded_ * inputs), T(0));
  for (std::int64_t o = 0; o < outputs; ++o) {
    T* panel = panels_.data() + o / w * w * inputs + o % w;
    for (std::int64_t i = 0; i < inputs; ++i) panel[i * w] = weights[o * output_step + i * input_step];
  }
  bias_.assign(static_cast<std::size_t>(padded_), T(0));
  nothing_ = bias_;
  if (bias != nullptr) std::copy(bias, bias + outputs, bias_.begin());
}

template <typename T>
void PackedLayer<T>::adjoint(std::int64_t rows, const T* d, T* c, std::int64_t ldc) const {
  for (std::int64_t r = 0; r < rows; ++r) std::fill(c + r * ldc, c + r * ldc + inputs_, T(0));
  kernels_->reduce(rows, inputs_, padded_, d, stride(), panels_.data(), c, ldc);
}

template class PackedLayer<float>;
template class PackedLayer<double>;

}  // namespace fatefield
