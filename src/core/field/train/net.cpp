// Takes batches of cells; trains the network of a velocity field, chunk of genes by chunk.
#include "field/train/net.hpp"

#include <cmath>

#include "base/rng.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kMostChunk = 256, kLeastChunk = 64, kTargetChunks = 8;
// Rows of the narrow layers worked on together, and rows of a wide layer's output that stay in the cache.
constexpr std::int64_t kNarrowRows = 64, kWideRows = 128;

std::int64_t rounded_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

std::int64_t chunk_of(std::int64_t columns) {
  const std::int64_t wanted = rounded_up((columns + kTargetChunks - 1) / kTargetChunks, kLeastChunk);
  return std::min(kMostChunk, wanted);
}

// Memory of one chunk's work, kept by each thread.
template <typename T>
T* scratch(std::int64_t n) {
  static thread_local Aligned<T> workspace;
  if (static_cast<std::int64_t>(workspace.size()) < n) workspace.resize(static_cast<std::size_t>(n));
  return workspace.data();
}

}  // namespace

template <typename T>
ChunkedRows<T>::ChunkedRows(std::int64_t n_cells, std::int64_t n_columns)
    : cells(n_cells), columns(n_columns), chunk(chunk_of(n_columns)) {
  values.assign(static_cast<std::size_t>(padded() * cells), T(0));
}

template <typename T>
FieldNet<T>::FieldNet(const FieldNetShape& shape, const FieldCells<T>& cells, std::int64_t most_rows)
    : shape_(shape), cells_(cells), k_(dense_kernels<T>()), most_rows_(most_rows) {
  std::int64_t at = 0;
  for (std::int64_t l = 0; l < shape.layers(); ++l) {
    Layer y{shape.inputs(l), shape.outputs(l), 0, 0, 0, 0};
    y.padded_in = l == 0 ? cells.x.padded() : y.in;
    y.padded_out = l + 1 == shape.layers() ? cells.y.padded() : rounded_up(y.out, k_.width);
    y.weight = at;
    y.bias = at + y.padded_in * y.padded_out;
    at = y.bias + y.padded_out;
    // Narrow layers lie together, from the first bias to the weights of the last layer.
    if (l == 0) narrow_begin_ = y.bias;
    if (l + 1 == shape.layers()) narrow_end_ = y.weight;
    layers_.push_back(y);
  }
  batch_at_ = at;
  at += shape.batches * layer(0).padded_out;
  p_.assign(static_cast<std::size_t>(at), T(0));
  first_ = second_ = p_;
  inputs_ = make_workspace<T>(cells.x.padded() * most_rows);
  parts_ = make_workspace<T>(std::max(cells.x.chunks(), cells.y.chunks()) * most_rows * part_stride());
  for (std::int64_t l = 0; l < depth(); ++l) {
    const auto n = static_cast<std::size_t>(most_rows * stride(l));
    narrow_.before.emplace_back(n, T(0));
    narrow_.after.emplace_back(n, T(0));
    narrow_.in_after.emplace_back(n, T(0));
  }
}

template <typename T>
template <typename F>
void FieldNet<T>::each_weight(F&& visit) const {
  std::size_t tensor = 0;
  for (const Layer& y : layers_) {
    for (std::int64_t o = 0; o < y.out; ++o) {
      for (std::int64_t i = 0; i < y.in; ++i) {
        visit(tensor, o, i, y.weight + o / k_.width * k_.width * y.padded_in + i * k_.width + o % k_.width);
      }
    }
    ++tensor;
    for (std::int64_t o = 0; o < y.out; ++o) visit(tensor, o, 0, y.bias + o);
    ++tensor;
  }
  for (std::int64_t b = 0; b < shape_.batches; ++b) {
    for (std::int64_t o = 0; o < layer(0).out; ++o)
      visit(tensor, o, b, batch_at_ + b * layer(0).padded_out + o);
  }
}

template <typename T>
void FieldNet<T>::set_weights(const std::vector<FieldTensor>& weights) {
  each_weight([&](std::size_t tensor, std::int64_t o, std::int64_t i, std::int64_t at) {
    p_[static_cast<std::size_t>(at)] = static_cast<T>(weights[tensor].values(o, i));
  });
}

template <typename T>
std::vector<FieldTensor> FieldNet<T>::unpacked(const Aligned<T>& from) const {
  std::vector<FieldTensor> out = initial_field_weights(shape_, 0);
  each_weight([&](std::size_t tensor, std::int64_t o, std::int64_t i, std::int64_t at) {
    out[tensor].values(o, i) = from[static_cast<std::size_t>(at)];
  });
  return out;
}

template <typename T>
std::vector<FieldTensor> FieldNet<T>::weights() const {
  return unpacked(p_);
}

template <typename T>
std::vector<FieldTensor> FieldNet<T>::first_moments() const {
  return unpacked(first_);
}

template <typename T>
void FieldNet<T>::update(const AdamStep& adam, std::int64_t at, std::int64_t n, const T* gradient,
                         bool decays) {
  AdamStep step = adam;
  if (!decays) step.shrink = 1.0;
  k_.adam(n, step, gradient, p_.data() + at, first_.data() + at, second_.data() + at);
}

// The batch's inputs of a chunk, with noise.
template <typename T>
void FieldNet<T>::gather(const FieldBatch& b, std::int64_t chunk, const FieldNoise<T>* noise) {
  const std::int64_t n = cells_.x.chunk;
  T* x = inputs_of(chunk);
  const bool disturbed = noise != nullptr && !noise->sd.empty();
  const auto key = static_cast<std::uint32_t>(b.epoch * cells_.x.chunks() + chunk);
  if (disturbed) normals<T>(noise->seed, Stream::Noise, b.first, b.rows, key, n, x);
  for (std::int64_t r = 0; r < b.rows; ++r) {
    const T* from = cells_.x.row(chunk, b.cells[r]);
    if (disturbed) {
      k_.disturb(n, from, noise->sd.data() + chunk * n, x + r * n);
    } else {
      std::copy(from, from + n, x + r * n);
    }
  }
  if (noise == nullptr || noise->threshold.empty()) return;
  T* draws = scratch<T>(n);
  for (std::int64_t r = 0; r < b.rows; ++r) {
    normals<T>(noise->seed, Stream::Dropout, b.first + static_cast<std::uint64_t>(r), 1, key, n, draws);
    k_.lose(n, draws, noise->threshold.data() + chunk * n, noise->lost.data() + chunk * n, x + r * n);
  }
}

// Each chunk's part of what goes into the first layer's units.
template <typename T>
void FieldNet<T>::first_layer(const FieldBatch& b, const FieldNoise<T>* noise) {
  const Layer& y = layer(0);
  const std::int64_t n = cells_.x.chunk, w = k_.width, ld = stride(0);
  const Aligned<T> nothing(static_cast<std::size_t>(w), T(0));
  parallel_for(cells_.x.chunks(), [&](std::int64_t c) {
    gather(b, c, noise);
    for (std::int64_t j = 0; j < y.padded_out; j += w) {
      k_.product(b.rows, n, w, inputs_of(c), n, p_.data() + y.weight + j * y.padded_in + c * n * w,
                 part(c) + j, ld, nothing.data());
    }
  });
}

// to (rows x stride) += the parts of these chunks.
template <typename T>
void FieldNet<T>::add_parts(std::int64_t chunks, std::int64_t l, std::int64_t first, std::int64_t rows,
                            T* to) {
  const std::int64_t ld = stride(l), n = rounded_up(layer(l).out, k_.width);
  for (std::int64_t c = 0; c < chunks; ++c) {
    const T* from = part(c) + first * ld;
    for (std::int64_t r = 0; r < rows; ++r) k_.add(n, from + r * ld, to + r * ld);
  }
}

template <typename T>
double FieldNet<T>::narrow_forward(const FieldBatch& b, const T* eps) {
  const std::int64_t blocks = (b.rows + kNarrowRows - 1) / kNarrowRows;
  std::vector<double> kl(static_cast<std::size_t>(blocks), 0.0);
  parallel_for(blocks, [&](std::int64_t block) {
    const std::int64_t first = block * kNarrowRows, rows = std::min(kNarrowRows, b.rows - first);
    for (std::int64_t l = 0; l < depth(); ++l) {
      const Layer& y = layer(l);
      const std::int64_t ld = stride(l);
      T* before = narrow_.before[static_cast<std::size_t>(l)].data() + first * ld;
      T* after = narrow_.after[static_cast<std::size_t>(l)].data() + first * ld;
      const T* bias = p_.data() + y.bias;
      if (l == 0) {
        for (std::int64_t r = 0; r < rows; ++r) {
          std::copy(bias, bias + y.padded_out, before + r * ld);
          if (shape_.batches == 0) continue;
          const std::int64_t label = cells_.batch[static_cast<std::size_t>(b.cells[first + r])];
          k_.add(y.padded_out, p_.data() + batch_at_ + label * y.padded_out, before + r * ld);
        }
        add_parts(cells_.x.chunks(), 0, first, rows, before);
      } else {
        const T* from = narrow_.after[static_cast<std::size_t>(l - 1)].data() + first * stride(l - 1);
        k_.product(rows, y.in, y.padded_out, from, stride(l - 1), p_.data() + y.weight, before, ld, bias);
      }
      if (l != shape_.latent()) {
        k_.values(shape_.net.activation, {rows, ld, ld}, before, after);
        continue;
      }
      const std::int64_t units = shape_.units(l);
      for (std::int64_t r = 0; r < rows; ++r) {
        const T *mean = before + r * ld, *log_variance = mean + units;
        for (std::int64_t u = 0; u < units; ++u) {
          const T e = eps != nullptr ? eps[(first + r) * units + u] : T(0);
          after[r * ld + u] = mean[u] + std::exp(T(0.5) * log_variance[u]) * e;
          kl[static_cast<std::size_t>(block)] +=
              -0.5 * (1.0 + log_variance[u] - mean[u] * mean[u] - std::exp(log_variance[u]));
        }
      }
    }
  });
  double total = 0.0;
  for (double k : kl) total += k;
  return total;
}

// Outputs chunk by chunk and their squared errors; with `adam` also the way back through the weights, the
// parts of the gradient in the last narrow layer, and the step. `keep` (rows x genes) gets the outputs where
// it is given.
template <typename T>
double FieldNet<T>::last_layer(const FieldBatch& b, double error, const AdamStep* adam, T* keep) {
  const Layer& y = layer(depth());
  const std::int64_t n = cells_.y.chunk, w = k_.width, ld = stride(depth() - 1);
  const T* a = narrow_.after.back().data();
  const T scale = static_cast<T>(error / static_cast<double>(b.rows));
  std::vector<double> squares(static_cast<std::size_t>(cells_.y.chunks()), 0.0);
  parallel_for(cells_.y.chunks(), [&](std::int64_t c) {
    const std::int64_t block = std::min(kWideRows, b.rows);
    T* out = scratch<T>(block * n + (y.in + 1) * n);
    T *gradient = out + block * n, *bias_gradient = gradient + y.in * n;
    if (adam != nullptr) {
      std::fill(gradient, bias_gradient + n, T(0));
      std::fill(part(c), part(c) + b.rows * ld, T(0));
    }
    const T* panels = p_.data() + y.weight + c * n * y.in;
    for (std::int64_t first = 0; first < b.rows; first += block) {
      const std::int64_t rows = std::min(block, b.rows - first);
      k_.product(rows, y.in, n, a + first * ld, ld, panels, out, n, p_.data() + y.bias + c * n);
      for (std::int64_t r = 0; r < rows; ++r) {
        if (keep != nullptr) {
          const std::int64_t genes = std::min(n, cells_.y.columns - c * n);
          std::copy(out + r * n, out + r * n + genes, keep + (first + r) * cells_.y.columns + c * n);
        }
        squares[static_cast<std::size_t>(c)] +=
            k_.residual(n, scale, cells_.y.row(c, b.cells[first + r]), out + r * n);
      }
      if (adam == nullptr) continue;
      k_.reduce(rows, y.in, n, out, n, panels, part(c) + first * ld, ld);
      for (std::int64_t j = 0; j < n; j += w)
        k_.outer(rows, y.in, w, a + first * ld, ld, out + j, n, gradient + j * y.in, w);
      k_.column_sums(rows, n, out, n, bias_gradient);
    }
    if (adam == nullptr) return;
    update(*adam, y.weight + c * n * y.in, n * y.in, gradient, true);
    update(*adam, y.bias + c * n, n, bias_gradient, false);
  });
  double total = 0.0;
  for (double s : squares) total += s;
  return total;
}

template <typename T>
void FieldNet<T>::narrow_backward(const FieldBatch& b, double kl, const T* eps, const AdamStep& adam) {
  const std::int64_t blocks = (b.rows + kNarrowRows - 1) / kNarrowRows;
  // The first bias, all narrow layers, and the covariate at the end.
  const std::int64_t narrow = narrow_end_ - narrow_begin_, covariate = shape_.batches * layer(0).padded_out;
  const std::int64_t size = narrow + covariate;
  narrow_gradient_.assign(static_cast<std::size_t>(blocks * size), T(0));
  const T in_kl = static_cast<T>(kl / static_cast<double>(b.rows));
  parallel_for(blocks, [&](std::int64_t block) {
    const std::int64_t first = block * kNarrowRows, rows = std::min(kNarrowRows, b.rows - first);
    T* gradient = narrow_gradient_.data() + block * size - narrow_begin_;
    for (std::int64_t l = depth() - 1; l >= 0; --l) {
      const Layer& y = layer(l);
      const std::int64_t ld = stride(l);
      const T* before = narrow_.before[static_cast<std::size_t>(l)].data() + first * ld;
      T* g = narrow_.in_after[static_cast<std::size_t>(l)].data() + first * ld;
      if (l == depth() - 1) {
        std::fill(g, g + rows * ld, T(0));
        add_parts(cells_.y.chunks(), l, first, rows, g);
      }
      if (l == shape_.latent()) {
        const std::int64_t units = shape_.units(l);
        for (std::int64_t r = 0; r < rows; ++r) {
          T *in_mean = g + r * ld, *in_log_variance = in_mean + units;
          const T *mean = before + r * ld, *log_variance = mean + units;
          for (std::int64_t u = 0; u < units; ++u) {
            const T e = eps != nullptr ? eps[(first + r) * units + u] : T(0);
            const T spread = std::exp(T(0.5) * log_variance[u]);
            in_log_variance[u] = T(0.5) * (in_mean[u] * e * spread + in_kl * (spread * spread - T(1)));
            in_mean[u] += in_kl * mean[u];
          }
        }
      } else {
        k_.descend(shape_.net.activation, {rows, ld, ld}, before, nullptr, nullptr, g);
      }
      k_.column_sums(rows, y.padded_out, g, ld, gradient + y.bias);
      if (l == 0) {
        for (std::int64_t r = 0; r < rows && covariate > 0; ++r) {
          const std::int64_t label = cells_.batch[static_cast<std::size_t>(b.cells[first + r])];
          k_.add(y.padded_out, g + r * ld, gradient + narrow_end_ + label * y.padded_out);
        }
        continue;
      }
      const std::int64_t below = stride(l - 1);
      const T* a = narrow_.after[static_cast<std::size_t>(l - 1)].data() + first * below;
      T* in_a = narrow_.in_after[static_cast<std::size_t>(l - 1)].data() + first * below;
      for (std::int64_t j = 0; j < y.padded_out; j += k_.width)
        k_.outer(rows, y.in, k_.width, a, below, g + j, ld, gradient + y.weight + j * y.in, k_.width);
      std::fill(in_a, in_a + rows * below, T(0));
      k_.reduce(rows, y.in, y.padded_out, g, ld, p_.data() + y.weight, in_a, below);
    }
  });
  T* total = narrow_gradient_.data();
  for (std::int64_t block = 1; block < blocks; ++block) k_.add(size, total + block * size, total);
  for (std::int64_t l = 0; l < depth(); ++l) {
    const Layer& y = layer(l);
    if (l > 0) update(adam, y.weight, y.bias - y.weight, total + y.weight - narrow_begin_, true);
    update(adam, y.bias, y.padded_out, total + y.bias - narrow_begin_, false);
  }
  if (covariate > 0) update(adam, batch_at_, covariate, total + narrow, true);
}

template <typename T>
void FieldNet<T>::first_gradient(const FieldBatch& b, const AdamStep& adam) {
  const Layer& y = layer(0);
  const std::int64_t n = cells_.x.chunk, w = k_.width, ld = stride(0);
  parallel_for(cells_.x.chunks(), [&](std::int64_t c) {
    T* gradient = scratch<T>(n * w);
    for (std::int64_t j = 0; j < y.padded_out; j += w) {
      std::fill(gradient, gradient + n * w, T(0));
      k_.outer(b.rows, n, w, inputs_of(c), n, narrow_.in_after[0].data() + j, ld, gradient, w);
      update(adam, y.weight + j * y.padded_in + c * n * w, n * w, gradient, true);
    }
  });
}

template <typename T>
FieldLoss FieldNet<T>::step(const FieldBatch& b, const FieldNoise<T>& noise, const FieldLossWeights& weights,
                            const AdamStep& adam, const T* eps) {
  if (shape_.samples() && eps == nullptr) {
    const std::int64_t units = shape_.units(shape_.latent());
    eps_.resize(static_cast<std::size_t>(most_rows_ * units));
    normals<T>(noise.seed, Stream::Levy, b.first, b.rows, b.epoch, units, eps_.data());
    eps = eps_.data();
  }
  FieldLoss out;
  first_layer(b, &noise);
  out.kl = narrow_forward(b, eps);
  out.squares = last_layer(b, weights.error, &adam, nullptr);
  narrow_backward(b, weights.kl, eps, adam);
  first_gradient(b, adam);
  return out;
}

template <typename T>
FieldLoss FieldNet<T>::loss(const FieldBatch& b, const T* eps) {
  FieldLoss out;
  first_layer(b, nullptr);
  out.kl = narrow_forward(b, eps);
  out.squares = last_layer(b, 1.0, nullptr, nullptr);
  return out;
}

template <typename T>
std::vector<T> FieldNet<T>::outputs(const FieldBatch& b, const T* eps) {
  std::vector<T> out(static_cast<std::size_t>(b.rows * cells_.y.columns));
  first_layer(b, nullptr);
  narrow_forward(b, eps);
  last_layer(b, 1.0, nullptr, out.data());
  return out;
}

template struct ChunkedRows<float>;
template struct ChunkedRows<double>;
template class FieldNet<float>;
template class FieldNet<double>;

}  // namespace fatefield
