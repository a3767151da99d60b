// Fits velocity fields of every kind to states and velocities of cells. Plain matrices in, a field and a
// report out; no torch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/field_options.hpp"
#include "field/model/velocity_field.hpp"
#include "field/train/data.hpp"

namespace fatefield {

struct FieldProgress {
  std::int64_t epoch;   ///< epochs done
  std::int64_t epochs;  ///< epochs planned
  double error;         ///< of training, see FieldReport::history
  double held_out;      ///< least error of the validation cells so far; infinite without
};

/// Called after every epoch on the calling thread; false ends the training, and the field is usable.
using FieldTick = std::function<bool(const FieldProgress&)>;

struct FieldReport {
  /// Columns with one value per epoch; empty for fields that are not trained step by step. "error" and
  /// "held_out" are mean squared errors over cells and genes in the units of the loss (1 predicts each gene's
  /// mean), "kl" nats per cell.
  std::vector<std::pair<std::string, std::vector<double>>> history;
  std::int64_t epochs = 0;      ///< done
  std::int64_t best_epoch = 0;  ///< whose weights were kept, from 1; 0 where none are chosen
  std::string ended;            ///< "finished", "early" or "interrupted"; empty without training
  double kl = 0.0;              ///< of the kept weights on the training cells; NaN without latent units
  double spread = 0.0;          ///< sd over cells of predicted over that of given velocities, training cells
  double chosen = 0.0;          ///< penalty that "ridge" chose; NaN for others
};

struct FieldFit {
  std::unique_ptr<VelocityField> field;
  FieldReport report;
};

/// @param seed of weights, batches, noise and draws
/// @param keep_going asked between updates; false counts as an interrupt
/// Errors of kind Input for data or options that cannot be; of kind Numeric where the loss is not finite, or
/// where a network's velocities hardly differ between cells or its latent units say nothing (the published
/// VAE does this and is let through).
FieldFit fit_field(const FieldData& data, const FieldOptions& options, const SparseVfcOptions& vfc,
                   std::uint64_t seed, const FieldTick& tick, const std::function<bool()>& keep_going);

/// A network of options.field.
FieldFit fit_field_network(const FieldData& data, FieldFoundation base, const FieldOptions& options,
                           std::uint64_t seed, const FieldTick& tick,
                           const std::function<bool()>& keep_going);

/// How far a field's velocities spread over cells: root of the summed variances over that of `y`.
double field_spread(const VelocityField& field, const MatrixView& x, const MatrixView& y);

}  // namespace fatefield
