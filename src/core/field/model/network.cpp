// Takes trained weights; gives velocities, their derivatives and embeddings of states.
#include "field/model/network.hpp"

#include <numeric>

#include "base/error.hpp"

namespace fatefield {
namespace {

const DenseKernels<double>& kernels() { return dense_kernels<double>(); }

std::vector<double> numbers_from(const Archive& archive, const std::string& name, std::size_t size) {
  const std::vector<double>& found = archive.numbers(name).values;
  if (found.size() != size)
    throw model_error("\"" + name + "\" of the velocity field has another length than needed.");
  return found;
}

}  // namespace

NetworkField::NetworkField(const std::string& kind, FieldFoundation base, const FieldNetShape& shape,
                           FieldUnits units, std::vector<FieldTensor> weights, std::vector<double> shares)
    : BuiltInField(kind, std::move(base)),
      shape_(shape),
      units_(std::move(units)),
      weights_(std::move(weights)),
      shares_(std::move(shares)) {
  build();
}

NetworkField::NetworkField(const std::string& kind, const Archive& archive)
    : BuiltInField(kind, foundation_from(archive)) {
  const std::vector<double> code = numbers_from(archive, "network.shape", 4);
  for (double w : archive.numbers("network.hidden").values)
    shape_.hidden.push_back(static_cast<std::int64_t>(w));
  shape_.genes = genes();
  shape_.features = code[3] == 2.0 ? space().dims() : genes();
  shape_.latent = static_cast<std::int64_t>(code[0]);
  shape_.activation = static_cast<Activation>(static_cast<int>(code[1]));
  shape_.batches = static_cast<std::int64_t>(code[2]);
  units_.input = static_cast<FieldInput>(static_cast<int>(code[3]));
  const bool sound = !shape_.hidden.empty() && shape_.latent < depth() && shape_.latent != 0 &&
                     code[1] >= 0.0 && code[1] <= static_cast<double>(Activation::Relu) &&
                     shape_.batches >= 0 && code[3] >= 0.0 && code[3] <= 2.0 &&
                     *std::min_element(shape_.hidden.begin(), shape_.hidden.end()) > 0;
  if (!sound) throw model_error("The network of the velocity field has a shape that cannot be.");
  const auto n = static_cast<std::size_t>(genes()), inputs = static_cast<std::size_t>(shape_.features);
  units_.centre = numbers_from(archive, "units.centre", inputs);
  units_.scale = numbers_from(archive, "units.scale", inputs);
  units_.mean = numbers_from(archive, "units.mean", n);
  units_.spread = numbers_from(archive, "units.spread", n);
  shares_ = numbers_from(archive, "network.shares", static_cast<std::size_t>(shape_.batches));
  weights_ = initial_field_weights(shape_, 0);
  for (FieldTensor& t : weights_)
    t.values = matrix_from(archive, "weight." + t.name, t.values.rows, t.values.cols);
  build();
}

void NetworkField::put(Archive& archive) const {
  archive.put("network.shape",
              {static_cast<double>(shape_.latent), static_cast<double>(shape_.activation),
               static_cast<double>(shape_.batches), static_cast<double>(units_.input)},
              {4});
  archive.put("network.hidden", std::vector<double>(shape_.hidden.begin(), shape_.hidden.end()), {depth()});
  archive.put("network.shares", shares_, {shape_.batches});
  archive.put("units.centre", units_.centre, {shape_.features});
  archive.put("units.scale", units_.scale, {shape_.features});
  archive.put("units.mean", units_.mean, {genes()});
  archive.put("units.spread", units_.spread, {genes()});
  for (const FieldTensor& t : weights_) put_matrix(archive, "weight." + t.name, t.values);
}

// Layers without what answers do not need: the latent layer keeps its means.
void NetworkField::build() {
  for (std::int64_t l = 0; l < shape_.layers(); ++l) {
    const Matrix& all = weights_[static_cast<std::size_t>(2 * l)].values;
    const Matrix& bias = weights_[static_cast<std::size_t>(2 * l + 1)].values;
    if (l != shape_.latent) {
      layers_.push_back(pack(all, bias.values.data()));
      continue;
    }
    Matrix means(shape_.hidden[static_cast<std::size_t>(l)], all.cols);
    for (std::int64_t i = 0; i < means.cols; ++i) {
      for (std::int64_t o = 0; o < means.rows; ++o) means(o, i) = all(o, i);
    }
    layers_.push_back(pack(means, bias.values.data()));
  }
}

void NetworkField::reserve(FieldMemory& memory) const {
  const auto add = [&](std::int64_t entries) {
    memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * entries), 0.0);
  };
  add(input_stride());
  add(stride(0));
  // Means over labels are taken of the last hidden layer, and of the one that is embedded.
  add(std::max(stride(depth() - 1), stride(shape_.embedding())));
  add(layers_.back().stride());
  for (std::int64_t l = 0; l < depth(); ++l) {
    for (int k = 0; k < 3; ++k) add(stride(l));
  }
}

// What goes into the first layer's units, but for the covariate.
void NetworkField::first_layer(std::int64_t n, const double* x, FieldMemory& m) const {
  const std::int64_t f = shape_.features, ld = input_stride();
  const bool components = units_.input == FieldInput::Components;
  if (components) space().scores(n, x, m.at(kScores), nullptr, m.at(kSpaceWorkspace));
  const double* from = components ? m.at(kScores) : x;
  const std::int64_t from_stride = components ? space().stride() : f;
  double* t = m.at(kInput);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < f; ++j) {
      const auto k = static_cast<std::size_t>(j);
      const double value = from[i * from_stride + j];
      t[i * ld + j] = ((units_.input == FieldInput::Logarithm ? soft_log(value) : value) - units_.centre[k]) /
                      units_.scale[k];
    }
  }
  layers_[0].forward(n, t, ld, m.at(kFirst));
}

void NetworkField::first_change(std::int64_t n, const double* x, const double* delta, FieldMemory& m) const {
  const std::int64_t f = shape_.features, ld = input_stride();
  const bool components = units_.input == FieldInput::Components;
  if (components) space().jvp(n, x, delta, m.at(kScores), m.at(kSpaceWorkspace));
  const double* from = components ? m.at(kScores) : delta;
  const std::int64_t from_stride = components ? space().stride() : f;
  double* t = m.at(kInput);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < f; ++j) {
      const double slope = units_.input == FieldInput::Logarithm ? soft_log_slope(x[i * f + j]) : 1.0;
      t[i * ld + j] = slope * from[i * from_stride + j] / units_.scale[static_cast<std::size_t>(j)];
    }
  }
  layers_[0].tangent(n, t, ld, m.at(change(0)));
}

// From derivatives in the inputs (rank x features) to those in the state (rank x genes).
void NetworkField::down_to_states(const double* x, const Matrix& in_inputs, Matrix& out) const {
  const bool components = units_.input == FieldInput::Components;
  const Matrix slopes = components ? space().slopes(x) : Matrix();
  for (std::int64_t g = 0; g < genes(); ++g) {
    const double slope = units_.input == FieldInput::Logarithm ? soft_log_slope(x[g]) : 1.0;
    for (std::int64_t k = 0; k < out.rows; ++k) {
      if (!components) {
        out(k, g) = slope * in_inputs(k, g) / units_.scale[static_cast<std::size_t>(g)];
        continue;
      }
      for (std::int64_t f = 0; f < shape_.features; ++f)
        out(k, g) += in_inputs(k, f) / units_.scale[static_cast<std::size_t>(f)] * slopes(f, g);
    }
  }
}

// Hidden layers up to `upto`, for one value of the covariate.
void NetworkField::narrow(std::int64_t n, std::int64_t label, std::int64_t upto, FieldMemory& m) const {
  for (std::int64_t l = 0; l <= upto; ++l) {
    const std::int64_t ld = stride(l);
    double* z = m.at(before(l));
    if (l == 0) {
      std::copy_n(m.at(kFirst), n * ld, z);
      for (std::int64_t i = 0; i < n && shape_.batches > 0; ++i) {
        for (std::int64_t u = 0; u < shape_.hidden[0]; ++u) z[i * ld + u] += weights_.back().values(u, label);
      }
    } else {
      layers_[static_cast<std::size_t>(l)].forward(n, m.at(after(l - 1)), stride(l - 1), z);
    }
    if (bends(l)) {
      kernels().values(shape_.activation, n * ld, z, m.at(after(l)));
    } else {
      std::copy_n(z, n * ld, m.at(after(l)));
    }
  }
}

// out = u times the slopes of hidden layer l at the present states.
void NetworkField::slopes(std::int64_t l, std::int64_t n, const double* u, std::int64_t u_stride, double* out,
                          FieldMemory& m) const {
  if (bends(l)) {
    kernels().slopes(shape_.activation, n, stride(l), m.at(before(l)), u, u_stride, nullptr, out);
  } else {
    std::copy_n(u, n * stride(l), out);
  }
}

// What a change of the first layer's input, in change(0), does to hidden layer `upto`; narrow() came before.
void NetworkField::narrow_change(std::int64_t n, std::int64_t upto, FieldMemory& m) const {
  for (std::int64_t l = 0; l <= upto; ++l) {
    if (l > 0)
      layers_[static_cast<std::size_t>(l)].tangent(n, m.at(change(l - 1)), stride(l - 1), m.at(change(l)));
    slopes(l, n, m.at(change(l)), stride(l), m.at(change(l)), m);
  }
}

// kMean = mean over the covariate of what run(label) gives (n x stride(l)).
template <typename F>
void NetworkField::mean_over_labels(std::int64_t n, std::int64_t l, F&& run, FieldMemory& m) const {
  double* mean = m.at(kMean);
  std::fill(mean, mean + n * stride(l), 0.0);
  for (std::int64_t b = 0; b < labels(); ++b) {
    const double* found = run(b);
    for (std::int64_t k = 0; k < n * stride(l); ++k) mean[k] += share(b) * found[k];
  }
}

void NetworkField::evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& m) const {
  const std::int64_t last = depth() - 1, g = genes();
  first_layer(n, x, m);
  mean_over_labels(
      n, last,
      [&](std::int64_t b) {
        narrow(n, b, last, m);
        return m.at(after(last));
      },
      m);
  layers_.back().forward(n, m.at(kMean), stride(last), m.at(kOutput));
  for (std::int64_t i = 0; i < n; ++i) {
    const double* out = m.at(kOutput) + i * layers_.back().stride();
    for (std::int64_t j = 0; j < g; ++j) {
      const auto gene = static_cast<std::size_t>(j);
      v[i * g + j] = units_.mean[gene] + units_.spread[gene] * out[j];
    }
  }
}

void NetworkField::jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                             FieldMemory& m) const {
  const std::int64_t last = depth() - 1, g = genes();
  first_layer(n, x, m);
  mean_over_labels(
      n, last,
      [&](std::int64_t b) {
        narrow(n, b, last, m);
        first_change(n, x, delta, m);
        narrow_change(n, last, m);
        return m.at(change(last));
      },
      m);
  layers_.back().tangent(n, m.at(kMean), stride(last), m.at(kOutput));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < g; ++j)
      out[i * g + j] =
          units_.spread[static_cast<std::size_t>(j)] * m.at(kOutput)[i * layers_.back().stride() + j];
  }
}

// Parted at the narrowest layer. With a covariate the parts for its values lie beside each other.
JacobianFactors NetworkField::factors_at(const double* x, FieldMemory& m) const {
  const std::int64_t g = genes(), split = shape_.embedding(),
                     units = shape_.hidden[static_cast<std::size_t>(split)];
  JacobianFactors out{Matrix(g, units * labels()), Matrix(units * labels(), g)};
  Matrix in_inputs(units * labels(), shape_.features);
  first_layer(1, x, m);
  for (std::int64_t b = 0; b < labels(); ++b) {
    narrow(1, b, depth() - 1, m);
    for (std::int64_t u = 0; u < units; ++u) {
      const std::int64_t k = b * units + u;
      // Up: what a change of this unit does to the outputs.
      double* change_up = m.at(change(split));
      std::fill(change_up, change_up + stride(split), 0.0);
      change_up[u] = share(b);
      for (std::int64_t l = split + 1; l < depth(); ++l) {
        layers_[static_cast<std::size_t>(l)].tangent(1, m.at(change(l - 1)), stride(l - 1), m.at(change(l)));
        slopes(l, 1, m.at(change(l)), stride(l), m.at(change(l)), m);
      }
      layers_.back().tangent(1, m.at(change(depth() - 1)), stride(depth() - 1), m.at(kOutput));
      for (std::int64_t j = 0; j < g; ++j)
        out.left(j, k) = units_.spread[static_cast<std::size_t>(j)] * m.at(kOutput)[j];
      // Down: what changes this unit.
      std::fill(change_up, change_up + stride(split), 0.0);
      change_up[u] = 1.0;
      for (std::int64_t l = split; l >= 0; --l) {
        slopes(l, 1, m.at(change(l)), stride(l), m.at(change(l)), m);
        double* below = l == 0 ? m.at(kInput) : m.at(change(l - 1));
        layers_[static_cast<std::size_t>(l)].adjoint(1, m.at(change(l)), below,
                                                     l == 0 ? input_stride() : stride(l - 1));
      }
      for (std::int64_t f = 0; f < shape_.features; ++f) in_inputs(k, f) = m.at(kInput)[f];
    }
  }
  down_to_states(x, in_inputs, out.right);
  return out;
}

std::int64_t NetworkField::embedding_units() const {
  return shape_.hidden[static_cast<std::size_t>(shape_.embedding())];
}

void NetworkField::embed(std::int64_t n, const double* x, double* z, FieldWorkspace& workspace) const {
  FieldMemory& m = static_cast<BuiltInWorkspace&>(workspace).memory;
  const std::int64_t l = shape_.embedding(), units = embedding_units();
  for (std::int64_t first = 0; first < n; first += kFieldRows) {
    const std::int64_t rows = std::min(kFieldRows, n - first);
    first_layer(rows, x + first * genes(), m);
    mean_over_labels(
        rows, l,
        [&](std::int64_t b) {
          narrow(rows, b, l, m);
          return m.at(after(l));
        },
        m);
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(m.at(kMean) + i * stride(l), units, z + (first + i) * units);
  }
}

void NetworkField::jvp_embedding(std::int64_t n, const double* x, const double* delta, double* dz,
                                 FieldWorkspace& workspace) const {
  FieldMemory& m = static_cast<BuiltInWorkspace&>(workspace).memory;
  const std::int64_t l = shape_.embedding(), units = embedding_units();
  for (std::int64_t first = 0; first < n; first += kFieldRows) {
    const std::int64_t rows = std::min(kFieldRows, n - first), at = first * genes();
    first_layer(rows, x + at, m);
    mean_over_labels(
        rows, l,
        [&](std::int64_t b) {
          narrow(rows, b, l, m);
          first_change(rows, x + at, delta + at, m);
          narrow_change(rows, l, m);
          return m.at(change(l));
        },
        m);
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(m.at(kMean) + i * stride(l), units, dz + (first + i) * units);
  }
}

}  // namespace fatefield
