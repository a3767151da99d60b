// Takes trained weights; gives velocities, their derivatives and embeddings of states.
#include "field/model/network.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "base/soft_log.hpp"

namespace fatefield {
namespace {

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
  MlpShape& net = shape_.net;
  for (double w : archive.numbers("network.hidden").values)
    net.hidden.push_back(static_cast<std::int64_t>(w));
  net.outputs = genes();
  net.inputs = code[3] == 2.0 ? space().dims() : genes();
  net.plain = static_cast<std::int64_t>(code[0]);
  net.activation = static_cast<Activation>(static_cast<int>(code[1]));
  shape_.batches = static_cast<std::int64_t>(code[2]);
  units_.input = static_cast<FieldInput>(static_cast<int>(code[3]));
  const bool sound = !net.hidden.empty() && net.plain < shape_.depth() && net.plain != 0 && code[1] >= 0.0 &&
                     code[1] <= static_cast<double>(Activation::Relu) && shape_.batches >= 0 &&
                     code[3] >= 0.0 && code[3] <= 2.0 &&
                     *std::min_element(net.hidden.begin(), net.hidden.end()) > 0;
  if (!sound) throw model_error("The network of the velocity field has a shape that cannot be.");
  const auto n = static_cast<std::size_t>(genes()), inputs = static_cast<std::size_t>(shape_.net.inputs);
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
              {static_cast<double>(shape_.net.plain), static_cast<double>(shape_.net.activation),
               static_cast<double>(shape_.batches), static_cast<double>(units_.input)},
              {4});
  const std::vector<std::int64_t>& hidden = shape_.net.hidden;
  archive.put("network.hidden", std::vector<double>(hidden.begin(), hidden.end()), {shape_.depth()});
  archive.put("network.shares", shares_, {shape_.batches});
  archive.put("units.centre", units_.centre, {shape_.net.inputs});
  archive.put("units.scale", units_.scale, {shape_.net.inputs});
  archive.put("units.mean", units_.mean, {genes()});
  archive.put("units.spread", units_.spread, {genes()});
  for (const FieldTensor& t : weights_) put_matrix(archive, "weight." + t.name, t.values);
}

// Layers without what answers do not need: the latent layer keeps its means.
void NetworkField::build() {
  std::vector<PackedLayer<double>> layers;
  for (std::int64_t l = 0; l < shape_.layers(); ++l) {
    const Matrix& all = weights_[static_cast<std::size_t>(2 * l)].values;
    const Matrix& bias = weights_[static_cast<std::size_t>(2 * l + 1)].values;
    const std::int64_t units = l < shape_.depth() ? shape_.units(l) : all.rows;
    layers.emplace_back(units, all.cols, all.values.data(), 1, all.rows, bias.values.data());
  }
  net_ = LayerChain<double>(shape_.net, std::move(layers));
}

void NetworkField::reserve(FieldMemory& memory) const {
  const auto add = [&](std::int64_t entries) {
    memory.part.emplace_back(static_cast<std::size_t>(kFieldRows * entries), 0.0);
  };
  add(net_.input_stride());
  add(net_.stride(0));
  // Means over labels are taken of the last hidden layer, and of the one that is embedded.
  add(std::max(net_.stride(depth() - 1), net_.stride(shape_.embedding())));
  add(net_.output().stride());
  add(net_.units());
  for (int k = 0; k < 3; ++k) add(net_.widest());
}

// What goes into the first layer's units, but for the covariate.
void NetworkField::first_layer(std::int64_t n, const double* x, FieldMemory& m) const {
  const std::int64_t f = shape_.net.inputs, ld = net_.input_stride();
  const bool components = units_.input == FieldInput::Components;
  if (components) space().scores(n, x, m.at(kScores), nullptr, m.at(kSpaceWorkspace));
  const double* from = components ? m.at(kScores) : x;
  const std::int64_t from_stride = components ? space().stride() : f;
  double* t = m.at(kInput);
  for (std::int64_t i = 0; i < n; ++i) {
    double* row = t + i * ld;
    if (units_.input == FieldInput::Logarithm)
      soft_logs(f, from + i * from_stride, row);
    else
      std::copy_n(from + i * from_stride, f, row);
    const double *centre = units_.centre.data(), *scale = units_.scale.data();
#pragma omp simd
    for (std::int64_t j = 0; j < f; ++j) row[j] = (row[j] - centre[j]) / scale[j];
  }
  net_.layer(0).forward(n, t, ld, m.at(kFirst));
}

// How the first layer's input changes along delta, in kInput.
void NetworkField::inputs_change(std::int64_t n, const double* x, const double* delta, FieldMemory& m) const {
  const std::int64_t f = shape_.net.inputs, ld = net_.input_stride();
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
      for (std::int64_t f = 0; f < shape_.net.inputs; ++f)
        out(k, g) += in_inputs(k, f) / units_.scale[static_cast<std::size_t>(f)] * slopes(f, g);
    }
  }
}

// Values of hidden layer l for one value of the covariate, after first_layer().
const double* NetworkField::values(std::int64_t n, std::int64_t label, std::int64_t l, FieldMemory& m) const {
  const ChainRows<double> b = rows(n, m);
  const std::int64_t ld = net_.stride(0);
  double* z = net_.z(b, 0);
  std::copy_n(m.at(kFirst), n * ld, z);
  for (std::int64_t i = 0; i < n && shape_.batches > 0; ++i) {
    for (std::int64_t u = 0; u < shape_.units(0); ++u) z[i * ld + u] += weights_.back().values(u, label);
  }
  net_.values(b, 0, m.at(kValue));
  return net_.rise(b, 1, l + 1, m.at(kValue), ld, m.at(kValue));
}

// How they change with the inputs, after first_layer() and inputs_change().
const double* NetworkField::changes(std::int64_t n, std::int64_t label, std::int64_t l,
                                    FieldMemory& m) const {
  values(n, label, l, m);
  return net_.push(rows(n, m), 0, l + 1, m.at(kInput), net_.input_stride(), m.at(kChange), m.at(kSpare));
}

// kMean = mean over the covariate of what run(label) gives (n x stride(l)).
template <typename F>
void NetworkField::mean_over_labels(std::int64_t n, std::int64_t l, F&& run, FieldMemory& m) const {
  double* mean = m.at(kMean);
  std::fill(mean, mean + n * net_.stride(l), 0.0);
  for (std::int64_t b = 0; b < labels(); ++b) {
    const double* found = run(b);
    for (std::int64_t k = 0; k < n * net_.stride(l); ++k) mean[k] += share(b) * found[k];
  }
}

void NetworkField::evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& m) const {
  const std::int64_t last = depth() - 1, g = genes();
  first_layer(n, x, m);
  mean_over_labels(
      n, last, [&](std::int64_t b) { return values(n, b, last, m); }, m);
  net_.output().forward(n, m.at(kMean), net_.stride(last), m.at(kOutput));
  for (std::int64_t i = 0; i < n; ++i) {
    const double* out = m.at(kOutput) + i * net_.output().stride();
    const double *mean = units_.mean.data(), *spread = units_.spread.data();
    double* row = v + i * g;
#pragma omp simd
    for (std::int64_t j = 0; j < g; ++j) row[j] = mean[j] + spread[j] * out[j];
  }
}

void NetworkField::jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                             FieldMemory& m) const {
  const std::int64_t last = depth() - 1, g = genes();
  first_layer(n, x, m);
  inputs_change(n, x, delta, m);
  mean_over_labels(
      n, last, [&](std::int64_t b) { return changes(n, b, last, m); }, m);
  net_.output().tangent(n, m.at(kMean), net_.stride(last), m.at(kOutput));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < g; ++j)
      out[i * g + j] =
          units_.spread[static_cast<std::size_t>(j)] * m.at(kOutput)[i * net_.output().stride() + j];
  }
}

// Parted at the narrowest layer. With a covariate the parts for its values lie beside each other.
JacobianFactors NetworkField::factors_at(const double* x, FieldMemory& m) const {
  const std::int64_t g = genes(), split = shape_.embedding(), units = embedding_units(),
                     ld = net_.stride(split);
  JacobianFactors out{Matrix(g, units * labels()), Matrix(units * labels(), g)};
  Matrix in_inputs(units * labels(), shape_.net.inputs);
  const ChainRows<double> here = rows(1, m);
  // Nothing but this unit, in kValue.
  const auto one_unit = [&](std::int64_t u, double size) {
    std::fill(m.at(kValue), m.at(kValue) + ld, 0.0);
    m.at(kValue)[u] = size;
  };
  first_layer(1, x, m);
  for (std::int64_t b = 0; b < labels(); ++b) {
    values(1, b, depth() - 1, m);
    for (std::int64_t u = 0; u < units; ++u) {
      const std::int64_t k = b * units + u;
      // Up: what a change of this unit does to the outputs.
      one_unit(u, share(b));
      const double* top = net_.push(here, split + 1, depth(), m.at(kValue), ld, m.at(kChange), m.at(kSpare));
      net_.output().tangent(1, top, net_.stride(depth() - 1), m.at(kOutput));
      for (std::int64_t j = 0; j < g; ++j)
        out.left(j, k) = units_.spread[static_cast<std::size_t>(j)] * m.at(kOutput)[j];
      // Down: what changes this unit.
      one_unit(u, 1.0);
      net_.pull(here, split, m.at(kValue), m.at(kSpare), m.at(kInput), net_.input_stride());
      for (std::int64_t f = 0; f < shape_.net.inputs; ++f) in_inputs(k, f) = m.at(kInput)[f];
    }
  }
  down_to_states(x, in_inputs, out.right);
  return out;
}

std::int64_t NetworkField::embedding_units() const { return shape_.units(shape_.embedding()); }

void NetworkField::embed(std::int64_t n, const double* x, double* z, FieldWorkspace& workspace) const {
  FieldMemory& m = static_cast<BuiltInWorkspace&>(workspace).memory;
  const std::int64_t l = shape_.embedding(), units = embedding_units();
  for (std::int64_t first = 0; first < n; first += kFieldRows) {
    const std::int64_t rows = std::min(kFieldRows, n - first);
    first_layer(rows, x + first * genes(), m);
    mean_over_labels(
        rows, l, [&](std::int64_t b) { return values(rows, b, l, m); }, m);
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(m.at(kMean) + i * net_.stride(l), units, z + (first + i) * units);
  }
}

void NetworkField::jvp_embedding(std::int64_t n, const double* x, const double* delta, double* dz,
                                 FieldWorkspace& workspace) const {
  FieldMemory& m = static_cast<BuiltInWorkspace&>(workspace).memory;
  const std::int64_t l = shape_.embedding(), units = embedding_units();
  for (std::int64_t first = 0; first < n; first += kFieldRows) {
    const std::int64_t rows = std::min(kFieldRows, n - first), at = first * genes();
    first_layer(rows, x + at, m);
    inputs_change(rows, x + at, delta + at, m);
    mean_over_labels(
        rows, l, [&](std::int64_t b) { return changes(rows, b, l, m); }, m);
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(m.at(kMean) + i * net_.stride(l), units, dz + (first + i) * units);
  }
}

}  // namespace fatefield
