// The network of a velocity field while it is trained: components or thousands of genes in, a few narrow
// layers, thousands of genes out. No torch; the derivatives are written out, the optimiser is part of the
// backward pass.
//
// A step needs each of the two wide layers' weights twice and changes them. They are cut into chunks of
// genes; a chunk's part of a product, its gradient and its step of Adam are done at once, so that gradients
// never leave the cache and no weight is kept in two orders. What is summed over chunks is kept apart and
// added in their order: results are the same bytes on any number of threads. nets/dense.hpp, whose shape and
// kernels it shares, keeps each layer whole and in two orders: there the same training would sum in another
// order, to other bytes, and would pack thousands of genes anew for each step.
//
// With hidden widths h_0..h_k, act_0 = f(x W_0 + b_0 + batch), act_l = f(act_(l-1) W_l + b_l), out = act_k
// W_out + b_out. Where a layer is the latent one (Kingma and Welling, ICLR 2014) it gives mean and logarithm
// of the variance instead, and act_l = mean + exp(log variance / 2) eps in training, the mean else.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/aligned.hpp"
#include "field/model/shape.hpp"
#include "nets/dense_kernel.hpp"

namespace fatefield {

/// Rows of cells cut into chunks of columns: [chunk][cell][column]. Columns beyond the last are zero.
template <typename T>
struct ChunkedRows {
  std::int64_t cells = 0, columns = 0, chunk = 0;
  Aligned<T> values;

  ChunkedRows(std::int64_t n_cells, std::int64_t n_columns);
  std::int64_t chunks() const { return (columns + chunk - 1) / chunk; }
  std::int64_t padded() const { return chunks() * chunk; }
  const T* row(std::int64_t c, std::int64_t cell) const { return values.data() + (c * cells + cell) * chunk; }
  T& operator()(std::int64_t cell, std::int64_t column) {
    return values[static_cast<std::size_t>((column / chunk * cells + cell) * chunk + column % chunk)];
  }
};

/// Inputs and targets of all cells in the units of the network.
template <typename T>
struct FieldCells {
  ChunkedRows<T> x, y;
  std::vector<std::int64_t> batch;  ///< covariate, from 0; empty for none

  FieldCells(std::int64_t cells, std::int64_t features, std::int64_t genes)
      : x(cells, features), y(cells, genes) {}
};

/// What is done to inputs in training: x.padded() entries each, or empty for nothing.
template <typename T>
struct FieldNoise {
  std::uint64_t seed = 0;
  Aligned<T> sd;         ///< standard deviation of Gaussian noise
  Aligned<T> threshold;  ///< an input is lost where a standard normal is below this
  Aligned<T> lost;       ///< what it then is
};

/// Cells of a step, and what makes their noise a function of the place in the training alone.
struct FieldBatch {
  const std::int64_t* cells = nullptr;
  std::int64_t rows = 0;
  std::uint64_t first = 0;  ///< number of the first row in its epoch
  std::uint32_t epoch = 0;
};

/// The loss of a row is error_weight / 2 * sum over genes of (out - y)^2 + kl_weight * KL.
struct FieldLossWeights {
  double error = 1.0;
  double kl = 0.0;
};

/// Sums over rows.
struct FieldLoss {
  double squares = 0.0;  ///< of out - y, over genes too
  double kl = 0.0;       ///< of the latent distribution to the standard normal, in nats
};

template <typename T>
class FieldNet {
 public:
  /// @param most_rows of any batch
  FieldNet(const FieldNetShape& shape, const FieldCells<T>& cells, std::int64_t most_rows);

  void set_weights(const std::vector<FieldTensor>& weights);
  std::vector<FieldTensor> weights() const;
  /// Running means of the gradients, in the shapes of the weights.
  std::vector<FieldTensor> first_moments() const;
  /// All weights at once, for keeping the best ones.
  const Aligned<T>& packed() const { return p_; }
  void set_packed(const Aligned<T>& weights) { p_ = weights; }

  /// One step of Adam on the mean loss of the batch. The latent noise is drawn with the seed of `noise`, or
  /// is `eps` (rows x latent units) where that is given.
  FieldLoss step(const FieldBatch& batch, const FieldNoise<T>& noise, const FieldLossWeights& weights,
                 const AdamStep& adam, const T* eps = nullptr);
  /// The loss without noise and at the latent mean; or, where eps is given, at that sample.
  FieldLoss loss(const FieldBatch& batch, const T* eps = nullptr);
  /// What the network gives: rows x genes, row-major.
  std::vector<T> outputs(const FieldBatch& batch, const T* eps = nullptr);

 private:
  struct Layer {
    std::int64_t in, out, padded_in, padded_out;
    std::int64_t weight, bias;  // where they begin
  };
  // What is kept of the narrow layers for all rows of a batch: one entry per hidden layer, rows x stride.
  struct Narrow {
    std::vector<Aligned<T>> before, after, in_after;
  };

  const Layer& layer(std::int64_t l) const { return layers_[static_cast<std::size_t>(l)]; }
  std::int64_t depth() const { return shape_.depth(); }
  std::int64_t stride(std::int64_t l) const { return leading<T>(layer(l).out); }
  std::int64_t part_stride() const { return std::max(stride(0), stride(depth() - 1)); }
  T* part(std::int64_t chunk) { return parts_.get() + chunk * most_rows_ * part_stride(); }
  T* inputs_of(std::int64_t chunk) { return inputs_.get() + chunk * most_rows_ * cells_.x.chunk; }

  void gather(const FieldBatch& b, std::int64_t chunk, const FieldNoise<T>* noise);
  void first_layer(const FieldBatch& b, const FieldNoise<T>* noise);
  double narrow_forward(const FieldBatch& b, const T* eps);
  double last_layer(const FieldBatch& b, double error, const AdamStep* adam, T* keep);
  void narrow_backward(const FieldBatch& b, double kl, const T* eps, const AdamStep& adam);
  void first_gradient(const FieldBatch& b, const AdamStep& adam);
  void add_parts(std::int64_t chunks, std::int64_t l, std::int64_t first, std::int64_t rows, T* to);
  void update(const AdamStep& adam, std::int64_t at, std::int64_t n, const T* gradient, bool decays);
  template <typename F>
  void each_weight(F&& visit) const;
  std::vector<FieldTensor> unpacked(const Aligned<T>& from) const;

  FieldNetShape shape_;
  const FieldCells<T>& cells_;
  const DenseKernels<T>& k_;
  std::int64_t most_rows_;
  std::vector<Layer> layers_;
  std::int64_t batch_at_ = 0, narrow_begin_ = 0, narrow_end_ = 0;
  Aligned<T> p_, first_, second_;
  Workspace<T> inputs_, parts_;
  Narrow narrow_;
  Aligned<T> eps_, narrow_gradient_;
};

}  // namespace fatefield
