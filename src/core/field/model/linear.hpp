// Linear velocity fields, the lines beside which others are judged: v = W s(x) + c with s the state itself or
// its components, and the constant field.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "field/model/base.hpp"

namespace fatefield {

/// What a linear field sees of a state.
enum class LinearInput { Nothing, State, Components };

/// @param kind      "mean", "linear", "ridge" or "pca"
/// @param weights   genes x inputs; empty for LinearInput::Nothing
/// @param intercept one for each gene
std::unique_ptr<VelocityField> make_linear_field(const std::string& kind, FieldFoundation base,
                                                 LinearInput input, const Matrix& weights,
                                                 const std::vector<double>& intercept);
std::unique_ptr<VelocityField> linear_field_from(const std::string& kind, const Archive& archive);

}  // namespace fatefield
