// Takes layers and blocks of rows; gives values, changes and gradients of the layers in between.
#include "nets/layer_chain.hpp"

#include <algorithm>

namespace fatefield {

template <typename T>
LayerChain<T>::LayerChain(const MlpShape& shape, std::vector<PackedLayer<T>> layers)
    : kernels_(&dense_kernels<T>()), layers_(std::move(layers)), offsets_{0}, widest_(input_stride()) {
  for (std::int64_t l = 0; l < depth(); ++l) {
    activations_.push_back(shape.activation_of(l));
    offsets_.push_back(offsets_.back() + stride(l));
  }
  for (const PackedLayer<T>& layer : layers_) widest_ = std::max(widest_, layer.stride());
}

template <typename T>
void LayerChain<T>::enter(const ChainRows<T>& b, std::int64_t l, const T* a, std::int64_t lda) const {
  layer(l).forward(b.rows, a, lda, z(b, l));
  if (b.masks != nullptr) kernels_->multiply(b.rows * stride(l), mask(b, l), z(b, l));
}

template <typename T>
const T* LayerChain<T>::rise(const ChainRows<T>& b, std::int64_t from, std::int64_t to, const T* a,
                             std::int64_t lda, T* value) const {
  for (std::int64_t l = from; l < to; ++l) {
    enter(b, l, a, lda);
    values(b, l, value);
    a = value;
    lda = stride(l);
  }
  return a;
}

template <typename T>
const T* LayerChain<T>::push(const ChainRows<T>& b, std::int64_t from, std::int64_t to, const T* change,
                             std::int64_t ld, T* now, T* next) const {
  for (std::int64_t l = from; l < to; ++l) {
    layer(l).tangent(b.rows, change, ld, now);
    slopes(b, l, now, stride(l), now);
    change = now;
    ld = stride(l);
    std::swap(now, next);
  }
  return change;
}

template <typename T>
void LayerChain<T>::pull(const ChainRows<T>& b, std::int64_t l, T* g, T* spare, T* gx,
                         std::int64_t ldx) const {
  for (; l >= 0; --l) {
    slopes(b, l, g, stride(l), g);
    if (l == 0) return layer(0).adjoint(b.rows, g, gx, ldx);
    // What lies beyond the last unit is multiplied by zeros, and must be finite for that.
    std::fill(spare, spare + b.rows * stride(l - 1), T(0));
    layer(l).adjoint(b.rows, g, spare, stride(l - 1));
    std::swap(g, spare);
  }
}

template class LayerChain<float>;
template class LayerChain<double>;

}  // namespace fatefield
