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
  ChainRows<T> rows;     // what the activation of each hidden layer sees
  std::vector<T*> u;     // W_(l+1)' c_(l+1), for all hidden layers but the last
  std::vector<T*> in_z;  // gradients that reach z through the slopes
  T *value, *first, *second;

  Parts(const Dense<T>& net, const DenseRows<T>& b) : rows{b.rows, b.tape, b.masks} {
    const std::int64_t widest = net.chain_.widest();
    T* at = b.tape + b.rows * net.chain_.units();
    value = b.scratch;
    first = value + b.rows * widest;
    second = first + b.rows * widest;
    T* extra = second + b.rows * widest;
    for (std::int64_t l = 0; l < net.depth(); ++l) {
      const std::int64_t size = b.rows * net.stride(l);
      in_z.push_back(extra);
      extra += size;
      if (l + 1 == net.depth()) break;
      u.push_back(at);
      at += size;
    }
  }
};

template <typename T>
Dense<T>::Dense(const MlpShape& shape, const T* const* parameters)
    : shape_(shape), kernels_(dense_kernels<T>()) {
  std::int64_t from = shape.inputs;
  std::vector<PackedLayer<T>> up;
  const auto add = [&](std::int64_t outputs, const T* weight, const T* bias) {
    up.emplace_back(outputs, from, weight, from, 1, bias);
    down_.emplace_back(from, outputs, weight, 1, from, nullptr);
    from = outputs;
  };
  for (std::int64_t width : shape.hidden) {
    add(width, parameters[0], parameters[1]);
    parameters += 2;
  }
  if (shape.outputs == 1) output_row_ = padded_row(parameters[0], from);
  add(shape.outputs, parameters[0], shape.output_bias ? parameters[1] : nullptr);
  chain_ = LayerChain<T>(shape, std::move(up));
  nothing_.assign(static_cast<std::size_t>(chain_.widest()), T(0));
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
  for (std::int64_t l = 0; l <= depth(); ++l) {
    const PackedLayer<T>& layer = chain_.layer(l);
    out.weights.emplace_back(static_cast<std::size_t>(layer.outputs() * leading<T>(layer.inputs())), T(0));
    out.biases.emplace_back(static_cast<std::size_t>(layer.stride()), T(0));
  }
  return out;
}

template <typename T>
void Dense<T>::add_gradient(const DenseGradient<T>& from, T* const* out) const {
  for (std::size_t l = 0; l < down_.size(); ++l) {
    const std::int64_t inputs = down_[l].outputs(), outputs = down_[l].inputs(), ld = leading<T>(inputs);
    T* weight = *out++;
    for (std::int64_t i = 0; i < outputs; ++i) {
      for (std::int64_t j = 0; j < inputs; ++j) weight[i * inputs + j] += from.weights[l][i * ld + j];
    }
    if (l + 1 == down_.size() && !shape_.output_bias) return;
    T* bias = *out++;
    for (std::int64_t i = 0; i < outputs; ++i) bias[i] += from.biases[l][i];
  }
}

// a = start + c W, or a += c W where start is nullptr.
template <typename T>
void Dense<T>::down(std::int64_t l, std::int64_t rows, const T* c, const T* start, T* a,
                    std::int64_t lda) const {
  down_[l].product(rows, c, stride(l), start, a, lda);
}

// Gradient in the weights: + d' a with d rows x outputs, a rows x inputs.
template <typename T>
void Dense<T>::add_outer(std::int64_t l, std::int64_t rows, const T* d, const T* a, std::int64_t lda,
                         DenseGradient<T>& into) const {
  const std::int64_t inputs = down_[l].outputs(), outputs = down_[l].inputs();
  kernels_.outer(rows, outputs, down_[l].padded(), d, stride(l), a, lda, into.weights[l].data(),
                 leading<T>(inputs));
}

// c of a hidden layer.
template <typename T>
void Dense<T>::chain(const Parts& p, std::int64_t l, T* out) const {
  const bool last = l + 1 == depth();
  chain_.slopes(p.rows, l, last ? output_row_.data() : p.u[l], last ? 0 : stride(l), out);
}

template <typename T>
void Dense<T>::forward(const DenseRows<T>& b, T* out) const {
  const Parts p(*this, b);
  const T* a = chain_.rise(p.rows, 0, depth(), b.x, b.ldx, p.value);
  chain_.output().forward(b.rows, a, depth() > 0 ? stride(depth() - 1) : b.ldx, out);
}

// From g, the gradient in z of the last hidden layer, down to the inputs. `bent`: what reached z through the
// slopes is added on the way.
template <typename T>
void Dense<T>::descend(const DenseRows<T>& b, const Parts& p, bool bent, const T* g, DenseGradient<T>& into,
                       T* gx) const {
  T *below = p.second, *spare = p.first;
  for (std::int64_t l = depth() - 1; l >= 0; --l) {
    const bool first = l == 0;
    if (!first) chain_.values(p.rows, l - 1, p.value);
    add_outer(l, b.rows, g, first ? b.x : p.value, first ? b.ldx : stride(l - 1), into);
    kernels_.column_sums(b.rows, chain_.layer(l).padded(), g, stride(l), into.biases[l].data());
    if (first) {
      down(l, b.rows, g, nullptr, gx, b.ldx);
      return;
    }
    down(l, b.rows, g, nothing_.data(), below, stride(l - 1));
    kernels_.descend(chain_.activation(l - 1), chain_.units_of(p.rows, l - 1), chain_.z(p.rows, l - 1),
                     bent ? p.in_z[l - 1] : nullptr, chain_.mask(p.rows, l - 1), below);
    g = below;
    std::swap(below, spare);
  }
}

template <typename T>
void Dense<T>::forward_adjoint(const DenseRows<T>& b, const T* g, DenseGradient<T>& into, T* gx) const {
  const Parts p(*this, b);
  const std::int64_t last = depth();
  if (last > 0) chain_.values(p.rows, last - 1, p.value);
  add_outer(last, b.rows, g, last > 0 ? p.value : b.x, last > 0 ? stride(last - 1) : b.ldx, into);
  kernels_.column_sums(b.rows, chain_.output().padded(), g, output_stride(), into.biases[last].data());
  if (last == 0) return down(0, b.rows, g, nullptr, gx, b.ldx);
  down(last, b.rows, g, nothing_.data(), p.first, stride(last - 1));
  kernels_.descend(chain_.activation(last - 1), chain_.units_of(p.rows, last - 1), chain_.z(p.rows, last - 1),
                   nullptr, chain_.mask(p.rows, last - 1), p.first);
  descend(b, p, false, p.first, into, gx);
}

template <typename T>
void Dense<T>::input_gradient(const DenseRows<T>& b, T* out) const {
  const Parts p(*this, b);
  const std::int64_t top = depth() - 1;
  // The value of the last layer is not needed, only its slope.
  const T* a = chain_.rise(p.rows, 0, top, b.x, b.ldx, p.value);
  chain_.enter(p.rows, top, a, top > 0 ? stride(top - 1) : b.ldx);
  for (std::int64_t l = top; l > 0; --l) {
    chain(p, l, p.first);
    down(l, b.rows, p.first, nothing_.data(), p.u[l - 1], stride(l - 1));
  }
  chain(p, 0, p.first);
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
    chain(p, l, p.value);
    add_outer(l, b.rows, p.value, below, ld_below, into);
    chain_.layer(l).tangent(b.rows, below, ld_below, now);
    kernels_.curves(chain_.activation(l), chain_.units_of(p.rows, l), chain_.z(p.rows, l),
                    last ? output_row_.data() : p.u[l], last ? 0 : stride(l), chain_.mask(p.rows, l), now,
                    p.in_z[l]);
    below = now;
    ld_below = stride(l);
    std::swap(now, next);
  }
  const std::int64_t top = depth() - 1;
  kernels_.column_sums(b.rows, chain_.layer(top).padded(), below, stride(top), into.weights.back().data());
  if (!bends) return;
  if (b.masks != nullptr) kernels_.multiply(b.rows * stride(top), chain_.mask(p.rows, top), p.in_z[top]);
  descend(b, p, true, p.in_z[top], into, gx);
}

template class Dense<float>;
template class Dense<double>;

}  // namespace fatefield
