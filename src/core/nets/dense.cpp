// Takes weights and blocks of rows; gives values and gradients of a multilayer perceptron and their adjoints.
#include "nets/dense.hpp"

#include <algorithm>
#include <utility>

#include "base/rng.hpp"

namespace fatefield {
namespace {

template <typename T>
Aligned<T> padded_row(const T* from, std::int64_t n) {
  Aligned<T> out(static_cast<std::size_t>(leading<T>(n)), T(0));
  std::copy(from, from + n, out.begin());
  return out;
}

}  // namespace

template <typename T>
struct Dense<T>::Parts {
  std::vector<T*> z;     // what the activation of each hidden layer sees
  std::vector<T*> u;     // W_(l+1)' c_(l+1), for all hidden layers but the last
  std::vector<T*> in_z;  // gradients that reach z through the slopes
  std::vector<const T*> mask;
  T *value, *first, *second;

  Parts(const Dense<T>& net, const DenseRows<T>& b) {
    T* at = b.tape;
    const T* masks = b.masks;
    value = b.scratch;
    first = value + b.rows * net.widest_;
    second = first + b.rows * net.widest_;
    T* extra = second + b.rows * net.widest_;
    for (std::int64_t l = 0; l < net.depth(); ++l) {
      const std::int64_t size = b.rows * net.stride(l);
      z.push_back(at);
      in_z.push_back(extra);
      mask.push_back(masks);
      at += size;
      extra += size;
      if (masks != nullptr) masks += size;
    }
    for (std::int64_t l = 0; l + 1 < net.depth(); ++l) {
      u.push_back(at);
      at += b.rows * net.stride(l);
    }
  }
};

template <typename T>
Dense<T>::Dense(const MlpShape& shape, const T* const* parameters)
    : shape_(shape), kernels_(dense_kernels<T>()) {
  std::int64_t from = shape.inputs;
  const auto add = [&](std::int64_t outputs, const T* weight, const T* bias) {
    layers_.push_back({from, outputs, PackedLayer<T>(outputs, from, weight, from, 1, bias),
                       PackedLayer<T>(from, outputs, weight, 1, from, nullptr)});
    from = outputs;
  };
  for (std::int64_t width : shape.hidden) {
    add(width, parameters[0], parameters[1]);
    parameters += 2;
    units_ += leading<T>(width);
  }
  if (shape.outputs == 1) output_row_ = padded_row(parameters[0], from);
  add(shape.outputs, parameters[0], shape.output_bias ? parameters[1] : nullptr);
  widest_ = leading<T>(shape.inputs);
  for (const Layer& layer : layers_) widest_ = std::max(widest_, leading<T>(layer.outputs));
  nothing_.assign(static_cast<std::size_t>(widest_), T(0));
}

template <typename T>
const T* Dense<T>::fill_masks(double rate, std::uint64_t seed, std::uint64_t first, std::int64_t rows,
                              std::uint32_t number, T* out) const {
  if (rate <= 0.0) return nullptr;
  const double keep = 1.0 - rate;
  T* at = out;
  for (std::int64_t width : shape_.hidden) {
    bernoulli_masks(seed, Stream::Dropout, 0, first, rows, number++, leading<T>(width), keep,
                    static_cast<float>(1.0 / keep), at);
    at += rows * leading<T>(width);
  }
  return out;
}

template <typename T>
DenseGradient<T> Dense<T>::zeros() const {
  DenseGradient<T> out;
  for (const Layer& layer : layers_) {
    out.weights.emplace_back(static_cast<std::size_t>(layer.outputs * leading<T>(layer.inputs)), T(0));
    out.biases.emplace_back(static_cast<std::size_t>(leading<T>(layer.outputs)), T(0));
  }
  return out;
}

template <typename T>
void Dense<T>::add_gradient(const DenseGradient<T>& from, T* const* out) const {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const std::int64_t ld = leading<T>(layer.inputs);
    T* weight = *out++;
    for (std::int64_t i = 0; i < layer.outputs; ++i) {
      for (std::int64_t j = 0; j < layer.inputs; ++j)
        weight[i * layer.inputs + j] += from.weights[l][i * ld + j];
    }
    if (l + 1 == layers_.size() && !shape_.output_bias) return;
    T* bias = *out++;
    for (std::int64_t i = 0; i < layer.outputs; ++i) bias[i] += from.biases[l][i];
  }
}

// c = start + a W', or c += a W' where start is nullptr.
template <typename T>
void Dense<T>::up(std::int64_t l, std::int64_t rows, const T* a, std::int64_t lda, const T* start,
                  T* c) const {
  layers_[l].up.product(rows, a, lda, start, c, stride(l));
}

// a = start + c W, or a += c W where start is nullptr.
template <typename T>
void Dense<T>::down(std::int64_t l, std::int64_t rows, const T* c, const T* start, T* a,
                    std::int64_t lda) const {
  layers_[l].down.product(rows, c, stride(l), start, a, lda);
}

// Gradient in the weights: + d' a with d rows x outputs, a rows x inputs.
template <typename T>
void Dense<T>::add_outer(std::int64_t l, std::int64_t rows, const T* d, const T* a, std::int64_t lda,
                         DenseGradient<T>& into) const {
  const Layer& layer = layers_[l];
  kernels_.outer(rows, layer.outputs, layer.down.padded(), d, stride(l), a, lda, into.weights[l].data(),
                 leading<T>(layer.inputs));
}

// z of a hidden layer.
template <typename T>
void Dense<T>::hidden(const DenseRows<T>& b, const Parts& p, std::int64_t l, const T* a,
                      std::int64_t lda) const {
  up(l, b.rows, a, lda, layers_[l].up.bias(), p.z[l]);
  if (p.mask[l] != nullptr) kernels_.multiply(b.rows * stride(l), p.mask[l], p.z[l]);
}

// c of a hidden layer.
template <typename T>
void Dense<T>::chain(const DenseRows<T>& b, const Parts& p, std::int64_t l, T* out) const {
  const bool last = l + 1 == depth();
  kernels_.slopes(shape_.activation, b.rows, stride(l), p.z[l], last ? output_row_.data() : p.u[l],
                  last ? 0 : stride(l), p.mask[l], out);
}

template <typename T>
void Dense<T>::forward(const DenseRows<T>& b, T* out) const {
  const Parts p(*this, b);
  const T* a = b.x;
  std::int64_t lda = b.ldx;
  for (std::int64_t l = 0; l < depth(); ++l) {
    hidden(b, p, l, a, lda);
    kernels_.values(shape_.activation, b.rows * stride(l), p.z[l], p.value);
    a = p.value;
    lda = stride(l);
  }
  up(depth(), b.rows, a, lda, layers_.back().up.bias(), out);
}

template <typename T>
void Dense<T>::forward_tangent(const DenseRows<T>& b, const T* dx, T* out) const {
  const Parts p(*this, b);
  const T* change = dx;
  std::int64_t ld = b.ldx;
  T *now = p.first, *next = p.second;
  for (std::int64_t l = 0; l < depth(); ++l) {
    up(l, b.rows, change, ld, nothing_.data(), now);
    kernels_.descend(shape_.activation, b.rows * stride(l), p.z[l], nullptr, p.mask[l], now);
    change = now;
    ld = stride(l);
    std::swap(now, next);
  }
  up(depth(), b.rows, change, ld, nothing_.data(), out);
}

// From g, the gradient in z of the last hidden layer, down to the inputs. `bent`: what reached z through the
// slopes is added on the way.
template <typename T>
void Dense<T>::descend(const DenseRows<T>& b, const Parts& p, bool bent, const T* g, DenseGradient<T>& into,
                       T* gx) const {
  T *below = p.second, *spare = p.first;
  for (std::int64_t l = depth() - 1; l >= 0; --l) {
    const bool first = l == 0;
    if (!first) kernels_.values(shape_.activation, b.rows * stride(l - 1), p.z[l - 1], p.value);
    add_outer(l, b.rows, g, first ? b.x : p.value, first ? b.ldx : stride(l - 1), into);
    kernels_.column_sums(b.rows, layers_[l].up.padded(), g, stride(l), into.biases[l].data());
    if (first) {
      down(l, b.rows, g, nullptr, gx, b.ldx);
      return;
    }
    down(l, b.rows, g, nothing_.data(), below, stride(l - 1));
    kernels_.descend(shape_.activation, b.rows * stride(l - 1), p.z[l - 1], bent ? p.in_z[l - 1] : nullptr,
                     p.mask[l - 1], below);
    g = below;
    std::swap(below, spare);
  }
}

template <typename T>
void Dense<T>::forward_adjoint(const DenseRows<T>& b, const T* g, DenseGradient<T>& into, T* gx) const {
  const Parts p(*this, b);
  const std::int64_t last = depth();
  if (last > 0) kernels_.values(shape_.activation, b.rows * stride(last - 1), p.z[last - 1], p.value);
  add_outer(last, b.rows, g, last > 0 ? p.value : b.x, last > 0 ? stride(last - 1) : b.ldx, into);
  kernels_.column_sums(b.rows, layers_[last].up.padded(), g, output_stride(), into.biases[last].data());
  if (last == 0) return down(0, b.rows, g, nullptr, gx, b.ldx);
  down(last, b.rows, g, nothing_.data(), p.first, stride(last - 1));
  kernels_.descend(shape_.activation, b.rows * stride(last - 1), p.z[last - 1], nullptr, p.mask[last - 1],
                   p.first);
  descend(b, p, false, p.first, into, gx);
}

template <typename T>
void Dense<T>::input_gradient(const DenseRows<T>& b, T* out) const {
  const Parts p(*this, b);
  const T* a = b.x;
  std::int64_t lda = b.ldx;
  for (std::int64_t l = 0; l < depth(); ++l) {
    hidden(b, p, l, a, lda);
    // The value of the last layer is not needed, only its slope.
    if (l + 1 == depth()) break;
    kernels_.values(shape_.activation, b.rows * stride(l), p.z[l], p.value);
    a = p.value;
    lda = stride(l);
  }
  for (std::int64_t l = depth() - 1; l > 0; --l) {
    chain(b, p, l, p.first);
    down(l, b.rows, p.first, nothing_.data(), p.u[l - 1], stride(l - 1));
  }
  chain(b, p, 0, p.first);
  down(0, b.rows, p.first, nothing_.data(), out, input_stride());
}

template <typename T>
void Dense<T>::input_gradient_adjoint(const DenseRows<T>& b, const T* g, DenseGradient<T>& into,
                                      T* gx) const {
  const Parts p(*this, b);
  const bool bends = bends_smoothly(shape_.activation);
  const T* below = g;
  std::int64_t ld_below = input_stride();
  T *now = p.first, *next = p.second;
  for (std::int64_t l = 0; l < depth(); ++l) {
    const bool last = l + 1 == depth();
    chain(b, p, l, p.value);
    add_outer(l, b.rows, p.value, below, ld_below, into);
    up(l, b.rows, below, ld_below, nothing_.data(), now);
    kernels_.curves(shape_.activation, b.rows, stride(l), p.z[l], last ? output_row_.data() : p.u[l],
                    last ? 0 : stride(l), p.mask[l], now, p.in_z[l]);
    below = now;
    ld_below = stride(l);
    std::swap(now, next);
  }
  const std::int64_t top = depth() - 1;
  kernels_.column_sums(b.rows, layers_[top].up.padded(), below, stride(top), into.weights.back().data());
  if (!bends) return;
  if (p.mask[top] != nullptr) kernels_.multiply(b.rows * stride(top), p.mask[top], p.in_z[top]);
  descend(b, p, true, p.in_z[top], into, gx);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace fatefield
