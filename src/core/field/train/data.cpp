// Takes states and velocities of cells; gives parts, units and what fields share.
#include "field/train/data.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "field/model/kinds.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kFewestCells = 20;
// The first component's standard deviation in the units of a network.
constexpr double kFirstComponent = 2.0;

void need(bool holds, const char* argument, const std::string& range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

bool one_of(const std::string& value, std::initializer_list<const char*> choices) {
  return std::any_of(choices.begin(), choices.end(), [&](const char* c) { return value == c; });
}

void need_widths(const std::vector<std::int64_t>& widths, const char* argument) {
  const bool positive = std::all_of(widths.begin(), widths.end(), [](std::int64_t w) { return w >= 1; });
  need(!widths.empty() && positive, argument, "whole numbers of at least 1");
}

void check_finite(const MatrixView& x, const char* argument, const char* what) {
  for (std::int64_t j = 0; j < x.cols; ++j) {
    for (std::int64_t i = 0; i < x.rows; ++i) {
      if (std::isfinite(x(i, j))) continue;
      throw input_error(argument, std::string("`") + argument + "` must be finite: " + what + " of cell " +
                                      std::to_string(i + 1) + ", gene " + std::to_string(j + 1) + " is not.");
    }
  }
}

struct Moments {
  double mean, sd, mean_size;
};

Moments moments(const MatrixView& x, std::int64_t j, const std::vector<std::int64_t>& rows) {
  const auto n = static_cast<double>(rows.size());
  double sum = 0.0, size = 0.0, squares = 0.0;
  for (std::int64_t i : rows) {
    sum += x(i, j);
    size += std::abs(x(i, j));
  }
  for (std::int64_t i : rows) squares += (x(i, j) - sum / n) * (x(i, j) - sum / n);
  return {sum / n, std::sqrt(squares / n), size / n};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Genes that never change have no unit of their own.
double unit_of(double sd) { return sd > 0.0 ? sd : 1.0; }

FieldInput input_of(const FieldOptions& o) {
  if (o.input == "components") return FieldInput::Components;
  return o.input == "log1p" ? FieldInput::Logarithm : FieldInput::State;
}

}  // namespace

std::vector<Part> field_parts(std::int64_t n, const std::vector<std::int64_t>& group, double validation,
                              double test, std::uint64_t seed) {
  need(validation >= 0.0 && validation < 1.0, "validation", "at least 0 and below 1");
  need(test >= 0.0 && validation + test < 1.0, "test", "at least 0, and below 1 together with `validation`");
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::int64_t i = 0; i < n; ++i)
    members[group.empty() ? i : group[static_cast<std::size_t>(i)]].push_back(i);
  std::vector<std::int64_t> names;
  for (const auto& entry : members) names.push_back(entry.first);
  const auto count = static_cast<std::int64_t>(names.size());
  const std::int64_t needed = 1 + (validation > 0.0) + (test > 0.0);
  if (!group.empty() && count < needed) {
    throw input_error("group", "`group` has " + std::to_string(count) +
                                   " different values; training and held-out " + "cells need at least " +
                                   std::to_string(needed) + ".");
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  permutation(seed, Stream::Split, 0, count, order.data());
  std::vector<Part> out(static_cast<std::size_t>(n), Part::Train);
  std::int64_t next = 0;
  const auto hold_out = [&](double share, Part part, std::int64_t left) {
    if (share <= 0.0) return;
    const double target = std::floor(share * static_cast<double>(n));
    double taken = 0.0;
    // Groups for the parts that come after stay.
    while (next < count - left && (taken < target || (!group.empty() && taken == 0.0))) {
      for (std::int64_t cell :
           members[names[static_cast<std::size_t>(order[static_cast<std::size_t>(next)])]]) {
        out[static_cast<std::size_t>(cell)] = part;
        taken += 1.0;
      }
      ++next;
    }
  };
  hold_out(test, Part::Test, 1 + (validation > 0.0));
  hold_out(validation, Part::Validation, 1);
  return out;
}

std::vector<std::int64_t> cells_of(const FieldData& data, Part part) {
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < data.part.size(); ++i) {
    if (data.part[i] == part) out.push_back(static_cast<std::int64_t>(i));
  }
  return out;
}

Matrix take_rows(const MatrixView& x, const std::vector<std::int64_t>& rows) {
  Matrix out(static_cast<std::int64_t>(rows.size()), x.cols);
  for (std::int64_t j = 0; j < x.cols; ++j) {
    for (std::size_t i = 0; i < rows.size(); ++i) out(static_cast<std::int64_t>(i), j) = x(rows[i], j);
  }
  return out;
}

void check_options(const FieldOptions& o) {
  const FieldKind& kind = field_kind(o.field);
  need(one_of(o.input, {"components", "log1p", "raw"}), "input", "\"components\", \"log1p\" or \"raw\"");
  need(o.components >= 1, "components", "at least 1");
  need_widths(o.encoder, "encoder");
  need(o.latent >= 1, "latent", "at least 1");
  need_widths(o.decoder, "decoder");
  need_widths(o.hidden, "hidden");
  need(one_of(o.activation, {"silu", "softplus", "tanh", "relu"}), "activation",
       "\"silu\", \"softplus\", \"tanh\" or \"relu\"");
  need(o.kl_weight >= 0.0 && std::isfinite(o.kl_weight), "kl.weight", "at least 0");
  need(o.kl_warmup >= 0.0 && o.kl_warmup <= 1.0, "kl.warmup", "between 0 and 1");
  need(o.epochs >= 1, "epochs", "at least 1");
  need(o.batch_size >= 0, "batch.size", "at least 1, or 0 for a number that suits the cells");
  need(o.learning_rate > 0.0 && std::isfinite(o.learning_rate), "learning.rate", "a positive number");
  need(o.weight_decay >= 0.0 && std::isfinite(o.weight_decay), "weight.decay", "at least 0");
  need(o.patience >= 0, "patience", "at least 0");
  need(one_of(o.noise, {"gaussian", "dropout", "both", "none"}), "noise",
       "\"gaussian\", \"dropout\", \"both\" or \"none\"");
  need(o.noise_scale >= 0.0 && std::isfinite(o.noise_scale), "noise.scale", "at least 0");
  need(o.dropout_scale >= 0.0 && o.dropout_scale <= 1.0, "dropout.scale", "between 0 and 1");
  need(o.neighbours >= 1, "neighbours", "at least 1");
  need(o.ridge_lambda >= 0.0 && std::isfinite(o.ridge_lambda), "ridge.lambda",
       "a positive number, or 0 to choose");
  need(one_of(o.vfc_space, {"components", "genes"}), "vfc.space", "\"components\" or \"genes\"");
  need(o.support_cells >= 2, "support.cells", "at least 2");
  need(o.support_neighbours >= 1, "support.neighbours", "at least 1");
  need(one_of(o.compat, {"none", "deepvelo"}), "compat", "\"none\" or \"deepvelo\"");
  if (kind.network() && o.input == "components" && one_of(o.noise, {"dropout", "both"})) {
    throw input_error("noise", "`noise` is \"" + o.noise +
                                   "\", but genes can only be lost where a network sees genes: "
                                   "take `input` \"log1p\" or \"raw\".");
  }
}

void check_field_data(const FieldData& data, const FieldOptions& options) {
  check_options(options);
  const MatrixView &x = data.x, &y = data.y;
  if (x.rows != y.rows || x.cols != y.cols) {
    throw input_error("velocity", "`velocity` is " + std::to_string(y.rows) + " cells x " +
                                      std::to_string(y.cols) + " genes, but the states are " +
                                      std::to_string(x.rows) + " x " + std::to_string(x.cols) + ".");
  }
  if (x.cols < 1) throw input_error("x", "There is no gene with a velocity.");
  const auto training = static_cast<std::int64_t>(cells_of(data, Part::Train).size());
  if (training < kFewestCells) {
    throw input_error("x", "There are " + std::to_string(training) +
                               " cells to learn a velocity field from; at least " +
                               std::to_string(kFewestCells) + " are needed.");
  }
  check_finite(x, "x", "the state");
  check_finite(y, "velocity", "the velocity");
  bool varies = false;
  for (std::int64_t j = 0; j < y.cols && !varies; ++j) {
    for (std::int64_t i = 1; i < y.rows && !varies; ++i) varies = y(i, j) != y(0, j);
  }
  if (!varies)
    throw input_error("velocity", "`velocity` is the same for all cells; there is nothing to learn.");
  bool differ = false;
  for (std::int64_t j = 0; j < x.cols && !differ; ++j) {
    for (std::int64_t i = 1; i < x.rows && !differ; ++i) differ = x(i, j) != x(0, j);
  }
  if (!differ) throw input_error("x", "All cells have the same state; there is nothing to learn.");
}

FieldFoundation make_foundation(const FieldData& data, const FieldOptions& options, std::uint64_t seed) {
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  const Matrix x = take_rows(data.x, cells);
  FieldFoundation out;
  const auto genes = static_cast<std::size_t>(data.x.cols);
  FieldStatistics& s = out.statistics;
  for (auto* v : {&s.mean_state, &s.sd_state, &s.mean_velocity, &s.sd_velocity, &s.abs_velocity})
    v->resize(genes);
  parallel_for(data.x.cols, [&](std::int64_t j) {
    const auto g = static_cast<std::size_t>(j);
    const Moments state = moments(data.x, j, cells), velocity = moments(data.y, j, cells);
    s.mean_state[g] = state.mean;
    s.sd_state[g] = state.sd;
    s.mean_velocity[g] = velocity.mean;
    s.sd_velocity[g] = velocity.sd;
    s.abs_velocity[g] = velocity.mean_size;
  });
  std::vector<double> speed(cells.size(), 0.0);
  for (std::int64_t j = 0; j < data.y.cols; ++j) {
    for (std::size_t i = 0; i < cells.size(); ++i) speed[i] += data.y(cells[i], j) * data.y(cells[i], j);
  }
  s.median_speed = std::sqrt(median(speed));
  const std::int64_t most = std::min(x.rows - 1, x.cols);
  const StateSpace space(
      principal_components(logarithms(x), std::min(options.components, most), seed, "components"));
  out.support = FieldSupport(space, x, {options.support_cells, options.support_neighbours}, seed);
  return out;
}

FieldUnits make_units(const FieldData& data, const FieldFoundation& base, const FieldOptions& options) {
  FieldUnits out;
  out.input = input_of(options);
  const FieldStatistics& s = base.statistics;
  const auto genes = static_cast<std::size_t>(data.x.cols);
  const bool published = options.compat == "deepvelo";
  out.mean = published ? std::vector<double>(genes, 0.0) : s.mean_velocity;
  // A gene whose velocity does not vary keeps it exactly.
  out.spread = published ? std::vector<double>(genes, 1.0) : s.sd_velocity;
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  if (out.input == FieldInput::Components) {
    // One scale for all, so that components keep their weights.
    const auto dims = static_cast<std::size_t>(base.support.space().dims());
    out.centre.assign(dims, 0.0);
    const Matrix scores = state_scores(base.support.space(), take_rows(data.x, cells));
    double squares = 0.0;
    for (std::int64_t i = 0; i < scores.rows; ++i) squares += scores(i, 0) * scores(i, 0);
    const double sd = std::sqrt(squares / static_cast<double>(scores.rows));
    out.scale.assign(dims, unit_of(sd / kFirstComponent));
    return out;
  }
  out.centre.assign(genes, 0.0);
  out.scale.assign(genes, 1.0);
  if (published) return out;
  parallel_for(data.x.cols, [&](std::int64_t j) {
    const auto g = static_cast<std::size_t>(j);
    Matrix column(static_cast<std::int64_t>(cells.size()), 1);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const double value = data.x(cells[i], j);
      column.values[i] = out.input == FieldInput::Logarithm ? soft_log(value) : value;
    }
    std::vector<std::int64_t> all(cells.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    const Moments m = moments(column, 0, all);
    out.centre[g] = m.mean;
    out.scale[g] = unit_of(m.sd);
  });
  return out;
}

FieldNetShape make_shape(const FieldData& data, const FieldUnits& units, const FieldOptions& o) {
  FieldNetShape out;
  MlpShape& net = out.net;
  net.inputs = static_cast<std::int64_t>(units.centre.size());
  net.outputs = data.y.cols;
  net.activation = o.activation == "relu" ? Activation::Relu : parse_activation(o.activation, "activation");
  if (o.field == "mlp") {
    net.hidden = o.hidden;
  } else {
    net.hidden = o.encoder;
    if (o.field == "vae") net.plain = static_cast<std::int64_t>(net.hidden.size());
    net.hidden.push_back(o.latent);
    net.hidden.insert(net.hidden.end(), o.decoder.begin(), o.decoder.end());
  }
  if (!data.batch.empty()) out.batches = *std::max_element(data.batch.begin(), data.batch.end()) + 1;
  return out;
}

Matrix field_inputs(const FieldData& data, const FieldFoundation& base, const FieldUnits& units) {
  Matrix out;
  if (units.input == FieldInput::Components) {
    out = state_scores(base.support.space(), data.x);
  } else {
    out = Matrix(data.x.rows, data.x.cols);
    parallel_for(out.cols, [&](std::int64_t j) {
      for (std::int64_t i = 0; i < out.rows; ++i)
        out(i, j) = units.input == FieldInput::Logarithm ? soft_log(data.x(i, j)) : data.x(i, j);
    });
  }
  for (std::int64_t j = 0; j < out.cols; ++j) {
    const auto k = static_cast<std::size_t>(j);
    for (std::int64_t i = 0; i < out.rows; ++i) out(i, j) = (out(i, j) - units.centre[k]) / units.scale[k];
  }
  return out;
}

std::vector<double> neighbour_residuals(const FieldData& data, const FieldFoundation& base,
                                        const Matrix& inputs, std::int64_t neighbours) {
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  const auto n = static_cast<std::int64_t>(cells.size());
  const Matrix scores = state_scores(base.support.space(), take_rows(data.x, cells));
  const std::int64_t k = std::min(neighbours, n - 1);
  std::vector<std::int64_t> all(cells.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  const Neighbours near = NeighbourIndex(scores, KnnOptions()).query_self(all, k);
  std::vector<double> out(static_cast<std::size_t>(inputs.cols));
  parallel_for(inputs.cols, [&](std::int64_t j) {
    double squares = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
      double mean = 0.0;
      for (std::int64_t q = 0; q < k; ++q)
        mean += inputs(cells[static_cast<std::size_t>(near.index[static_cast<std::size_t>(i * k + q)])], j);
      const double rest = inputs(cells[static_cast<std::size_t>(i)], j) - mean / static_cast<double>(k);
      squares += rest * rest;
    }
    out[static_cast<std::size_t>(j)] = std::sqrt(squares / static_cast<double>(n));
  });
  return out;
}

}  // namespace fatefield
