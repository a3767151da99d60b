// What a velocity field is fitted to, made ready: checked, parted by cells or groups before anything else,
// its statistics, components and support from the training cells alone. Takes cells x genes; no torch.
#pragma once

#include <cstdint>
#include <vector>

#include "base/field_options.hpp"
#include "base/matrix.hpp"
#include "field/model/base.hpp"
#include "field/model/network.hpp"

namespace fatefield {

/// Part of a cell: it is learned from, chooses when to stop and other settings, or is only used in the
/// end.
enum class Part : char { Train = 0, Validation = 1, Test = 2 };

struct FieldData {
  MatrixView x;                     ///< states: cells x genes, size-normalised spliced counts, linear scale
  MatrixView y;                     ///< velocities: cells x genes
  std::vector<Part> part;           ///< one for each cell
  std::vector<std::int64_t> batch;  ///< covariate of each cell, from 0; empty for none
};

/// Parts of n cells. Without groups a share of the cells, rounded down; with groups (one per cell, e.g.
/// clusters, batches or clones) whole groups in random order until the share is met, at least one where a
/// share is asked for. Errors of kind Input name `validation`, `test` or `group`.
std::vector<Part> field_parts(std::int64_t n, const std::vector<std::int64_t>& group, double validation,
                              double test, std::uint64_t seed);

/// Numbers of the cells of a part, ascending.
std::vector<std::int64_t> cells_of(const FieldData& data, Part part);

/// Rows of a matrix.
Matrix take_rows(const MatrixView& x, const std::vector<std::int64_t>& rows);

/// Errors of kind Input name `x` or `velocity` where they cannot be, and options out of their range.
void check_field_data(const FieldData& data, const FieldOptions& options);
void check_options(const FieldOptions& options);

/// Statistics, components and support of the training cells.
FieldFoundation make_foundation(const FieldData& data, const FieldOptions& options, std::uint64_t seed);

/// Units of the network's inputs and outputs, from the training cells.
FieldUnits make_units(const FieldData& data, const FieldFoundation& base, const FieldOptions& options);

/// The network that the options ask for.
FieldNetShape make_shape(const FieldData& data, const FieldUnits& units, const FieldOptions& options);

/// Inputs in the units of the network: cells x features.
Matrix field_inputs(const FieldData& data, const FieldFoundation& base, const FieldUnits& units);

/// Per input, the standard deviation around the mean of each training cell's nearest neighbours among the
/// components.
std::vector<double> neighbour_residuals(const FieldData& data, const FieldFoundation& base,
                                        const Matrix& inputs, std::int64_t neighbours);

}  // namespace fatefield
