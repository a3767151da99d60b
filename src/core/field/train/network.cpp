// Takes cells and options; trains the network of a velocity field and gives it as a field.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/memory.hpp"
#include "base/rng.hpp"
#include "field/train/fit.hpp"
#include "field/train/net.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kBatch = 256, kLeastBatch = 32, kLeastUpdates = 20;
// Rows of a block of the validation.
constexpr std::int64_t kValidationRows = 512;
// The published training: copies of each cell, the divisor of its noise, Keras' epsilon.
constexpr std::int64_t kCopies = 5;
constexpr double kPublishedDivisor = 70.0, kKerasEpsilon = 1e-7, kPublishedHeldOut = 0.1;

// z with P(Z < z) = p, to the precision of floats.
double normal_quantile(double p) {
  double low = -8.0, high = 8.0;
  for (int k = 0; k < 50; ++k) {
    const double z = 0.5 * (low + high);
    (0.5 * std::erfc(-z / std::sqrt(2.0)) < p ? low : high) = z;
  }
  return 0.5 * (low + high);
}

struct Rows {
  FieldCells<float> cells;
  std::vector<std::int64_t> training, held_out;
};

void copy_row(const Matrix& inputs, const FieldData& data, const FieldUnits& units, std::int64_t from,
              std::int64_t to, FieldCells<float>& cells) {
  for (std::int64_t j = 0; j < inputs.cols; ++j) cells.x(to, j) = static_cast<float>(inputs(from, j));
  for (std::int64_t j = 0; j < data.y.cols; ++j) {
    const auto g = static_cast<std::size_t>(j);
    cells.y(to, j) =
        static_cast<float>(units.spread[g] > 0.0 ? (data.y(from, j) - units.mean[g]) / units.spread[g] : 0.0);
  }
}

// Rows are cells: those learned from, then those held out.
Rows rows_by_cell(const FieldData& data, const Matrix& inputs, const FieldUnits& units) {
  const std::vector<std::int64_t> training = cells_of(data, Part::Train),
                                  held_out = cells_of(data, Part::Validation);
  const auto n = static_cast<std::int64_t>(training.size() + held_out.size());
  Rows out{FieldCells<float>(n, inputs.cols, data.y.cols), {}, {}};
  std::int64_t row = 0;
  for (const auto* cells : {&training, &held_out}) {
    for (std::int64_t cell : *cells) {
      copy_row(inputs, data, units, cell, row, out.cells);
      if (!data.batch.empty()) out.cells.batch.push_back(data.batch[static_cast<std::size_t>(cell)]);
      (cells == &training ? out.training : out.held_out).push_back(row++);
    }
  }
  return out;
}

// Rows are copies of cells, all but the first with noise that hardly differs from none, and are parted after
// that: held-out rows have sisters in training.
Rows published_rows(const FieldData& data, const Matrix& inputs, const FieldUnits& units,
                    std::uint64_t seed) {
  std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  for (std::int64_t cell : cells_of(data, Part::Validation)) cells.push_back(cell);
  const auto n = static_cast<std::int64_t>(cells.size()), rows = kCopies * n;
  Rows out{FieldCells<float>(rows, inputs.cols, data.y.cols), {}, {}};
  double sum = 0.0, squares = 0.0;
  const auto entries = static_cast<double>(inputs.values.size());
  for (double v : inputs.values) sum += v;
  for (double v : inputs.values) squares += (v - sum / entries) * (v - sum / entries);
  const double scaled = std::sqrt(squares / entries) / kPublishedDivisor;
  std::vector<float> noise(static_cast<std::size_t>(inputs.cols));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t cell = cells[static_cast<std::size_t>(row % n)];
    copy_row(inputs, data, units, cell, row, out.cells);
    if (!data.batch.empty()) out.cells.batch.push_back(data.batch[static_cast<std::size_t>(cell)]);
    if (row < n) continue;
    normals(seed, Stream::Noise, static_cast<std::uint64_t>(row), 1, 0, inputs.cols, noise.data());
    for (std::int64_t j = 0; j < inputs.cols; ++j)
      out.cells.x(row, j) += static_cast<float>(scaled * scaled) * noise[static_cast<std::size_t>(j)];
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  permutation(seed, Stream::Split, 1, rows, order.data());
  const auto held = static_cast<std::size_t>(std::ceil(kPublishedHeldOut * static_cast<double>(rows)));
  out.held_out.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(held));
  out.training.assign(order.begin() + static_cast<std::ptrdiff_t>(held), order.end());
  return out;
}

FieldNoise<float> make_noise(const FieldData& data, const FieldFoundation& base, const FieldOptions& o,
                             const FieldUnits& units, const Matrix& inputs, const ChunkedRows<float>& x,
                             std::uint64_t seed) {
  FieldNoise<float> out;
  out.seed = seed;
  const auto entries = static_cast<std::size_t>(x.padded());
  if ((o.noise == "gaussian" || o.noise == "both") && o.noise_scale > 0.0) {
    const std::vector<double> sd = neighbour_residuals(data, base, inputs, o.neighbours);
    out.sd.assign(entries, 0.0f);
    for (std::size_t j = 0; j < sd.size(); ++j) out.sd[j] = static_cast<float>(o.noise_scale * sd[j]);
  }
  if ((o.noise != "dropout" && o.noise != "both") || o.dropout_scale <= 0.0) return out;
  out.threshold.assign(entries, -std::numeric_limits<float>::max());
  out.lost.assign(entries, 0.0f);
  const std::vector<std::int64_t> cells = cells_of(data, Part::Train);
  for (std::int64_t j = 0; j < data.x.cols; ++j) {
    const auto zeros =
        std::count_if(cells.begin(), cells.end(), [&](std::int64_t i) { return data.x(i, j) == 0.0; });
    const auto g = static_cast<std::size_t>(j);
    const double p = o.dropout_scale * static_cast<double>(zeros) / static_cast<double>(cells.size());
    if (p > 0.0) out.threshold[g] = static_cast<float>(normal_quantile(p));
    out.lost[g] = static_cast<float>(-units.centre[g] / units.scale[g]);
  }
  return out;
}

class Training {
 public:
  Training(const FieldOptions& o, const FieldNetShape& shape, Rows rows, FieldNoise<float> noise,
           std::uint64_t seed)
      : o_(o),
        rows_(std::move(rows)),
        noise_(std::move(noise)),
        seed_(seed),
        published_(o.compat == "deepvelo"),
        samples_(shape.samples()),
        genes_(static_cast<double>(shape.net.outputs)),
        batch_(batch_size(static_cast<std::int64_t>(rows_.training.size()))),
        net_(shape, rows_.cells, std::max(batch_, kValidationRows)) {
    net_.set_weights(initial_field_weights(shape, seed));
  }

  FieldReport run(const FieldTick& tick, const std::function<bool()>& keep_going) {
    FieldReport out;
    out.ended = "finished";
    double best = std::numeric_limits<double>::infinity();
    std::int64_t since = 0;
    Aligned<float> kept;
    while (out.epochs < o_.epochs) {
      const bool whole = epoch(out.epochs, keep_going);
      if (!whole) {
        out.ended = "interrupted";
        break;
      }
      ++out.epochs;
      const double seen = validate();
      note("held_out", seen);
      ++since;
      if (seen < best) {
        best = seen;
        since = 0;
        out.best_epoch = out.epochs;
        if (!published_) kept = net_.packed();
      }
      if (!tick({out.epochs, o_.epochs, history_[1].second.back(), best})) {
        out.ended = "interrupted";
        break;
      }
      if (o_.patience > 0 && since >= o_.patience) {
        out.ended = "early";
        break;
      }
    }
    if (kept.empty()) {
      out.best_epoch = out.epochs;
    } else {
      net_.set_packed(kept);
    }
    out.history = history_;
    out.kl = samples_ ? mean_loss(rows_.training).kl : std::numeric_limits<double>::quiet_NaN();
    return out;
  }

  std::vector<FieldTensor> weights() const { return net_.weights(); }
  const std::vector<std::int64_t>& labels() const { return rows_.cells.batch; }

 private:
  std::int64_t batch_size(std::int64_t n) const {
    if (o_.batch_size > 0) return std::min(o_.batch_size, n);
    return std::min(n, std::min(kBatch, std::max(kLeastBatch, n / kLeastUpdates)));
  }

  void note(const char* column, double value) {
    for (auto& [name, values] : history_) {
      if (name == column) return values.push_back(value);
    }
    history_.emplace_back(column, std::vector<double>{value});
  }

  // Update u of all: the rate falls to zero along a cosine, but for the published training.
  AdamStep adam(std::int64_t u, std::int64_t all, double& rate) const {
    rate = o_.learning_rate;
    if (!published_) {
      rate *= cosine_fall(static_cast<double>(u) / static_cast<double>(all), 1.0);
      return adam_step(u + 1, rate, o_.weight_decay);
    }
    // Keras adds epsilon to the root before it is corrected.
    const AdamCorrection c = adam_correction(u + 1);
    return {kAdamDecay1, kAdamDecay2, 1.0, rate * c.root / c.mean, 1.0, kKerasEpsilon};
  }

  // False where it was interrupted.
  bool epoch(std::int64_t e, const std::function<bool()>& keep_going) {
    const auto n = static_cast<std::int64_t>(rows_.training.size());
    std::vector<std::int64_t> order(rows_.training.size());
    permutation(seed_, Stream::Batch, static_cast<std::uint64_t>(e), n, order.data());
    for (std::int64_t& row : order) row = rows_.training[static_cast<std::size_t>(row)];
    const std::int64_t updates = (n + batch_ - 1) / batch_, all = updates * o_.epochs;
    FieldLoss sum;
    double rate = 0.0, kl = 0.0;
    for (std::int64_t k = 0; k < updates; ++k) {
      if (keep_going && !keep_going()) return false;
      const std::int64_t u = e * updates + k, from = k * n / updates, to = (k + 1) * n / updates;
      const double done = static_cast<double>(u) / static_cast<double>(all);
      kl = o_.kl_weight * (o_.kl_warmup > 0.0 ? std::min(1.0, done / o_.kl_warmup) : 1.0);
      const AdamStep step = adam(u, all, rate);
      const FieldBatch batch{order.data() + from, to - from, static_cast<std::uint64_t>(from),
                             static_cast<std::uint32_t>(e)};
      const FieldLoss loss =
          net_.step(batch, noise_, {published_ ? 2.0 / genes_ : 1.0, samples_ ? kl : 0.0}, step);
      if (!std::isfinite(loss.squares) || !std::isfinite(loss.kl)) {
        throw numeric_error(
            "The loss of the velocity field is not finite; check the scale of states and velocities, or take "
            "a "
            "smaller `learning.rate`.");
      }
      sum.squares += loss.squares;
      sum.kl += loss.kl;
    }
    const auto rows = static_cast<double>(n);
    note("epoch", static_cast<double>(e + 1));
    note("error", sum.squares / rows / genes_);
    if (samples_) {
      note("kl", sum.kl / rows);
      note("kl_weight", kl);
    }
    note("learning_rate", rate);
    return true;
  }

  FieldLoss mean_loss(const std::vector<std::int64_t>& rows) {
    FieldLoss sum;
    const auto n = static_cast<std::int64_t>(rows.size());
    for (std::int64_t first = 0; first < n; first += kValidationRows) {
      const FieldLoss loss = net_.loss({rows.data() + first, std::min(kValidationRows, n - first), 0, 0});
      sum.squares += loss.squares;
      sum.kl += loss.kl;
    }
    return {sum.squares / static_cast<double>(n) / genes_, sum.kl / static_cast<double>(n)};
  }

  // Error of the held-out cells; the published training takes its last two rows, divergence included.
  double validate() {
    if (rows_.held_out.empty()) return std::numeric_limits<double>::quiet_NaN();
    if (!published_) return mean_loss(rows_.held_out).squares;
    const std::size_t left = rows_.held_out.size() % static_cast<std::size_t>(batch_);
    const std::size_t last = left > 0 ? left : static_cast<std::size_t>(batch_);
    const FieldLoss loss =
        mean_loss({rows_.held_out.end() - static_cast<std::ptrdiff_t>(last), rows_.held_out.end()});
    return loss.squares + (samples_ ? loss.kl : 0.0);
  }

  const FieldOptions& o_;
  Rows rows_;
  FieldNoise<float> noise_;
  std::uint64_t seed_;
  bool published_, samples_;
  double genes_;
  std::int64_t batch_;
  FieldNet<float> net_;
  std::vector<std::pair<std::string, std::vector<double>>> history_;
};

std::vector<double> shares_of(const std::vector<std::int64_t>& labels, std::int64_t values) {
  std::vector<double> out(static_cast<std::size_t>(values), 0.0);
  for (std::int64_t b : labels) out[static_cast<std::size_t>(b)] += 1.0 / static_cast<double>(labels.size());
  return out;
}

}  // namespace

FieldFit fit_field_network(const FieldData& data, FieldFoundation base, const FieldOptions& o,
                           std::uint64_t seed, const FieldTick& tick,
                           const std::function<bool()>& keep_going) {
  const KeepMemory keep_memory;
  const FieldUnits units = make_units(data, base, o);
  const FieldNetShape shape = make_shape(data, units, o);
  const Matrix inputs = field_inputs(data, base, units);
  Rows rows =
      o.compat == "deepvelo" ? published_rows(data, inputs, units, seed) : rows_by_cell(data, inputs, units);
  FieldNoise<float> noise = make_noise(data, base, o, units, inputs, rows.cells.x, seed);
  Training training(o, shape, std::move(rows), std::move(noise), seed);
  FieldFit out;
  out.report = training.run(tick, keep_going);
  out.field = std::make_unique<NetworkField>(o.field, std::move(base), shape, units, training.weights(),
                                             shares_of(training.labels(), shape.batches));
  return out;
}

}  // namespace fatefield
