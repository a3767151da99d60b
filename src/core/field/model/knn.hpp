// The velocity of a state as the mean of those of the nearest cells among the components: a field without a
// model, constant between the places where the neighbours change.
#pragma once

#include <memory>

#include "field/model/base.hpp"

namespace fatefield {

/// @param scores     cells x components
/// @param velocities genes x cells
std::unique_ptr<VelocityField> make_knn_field(FieldFoundation base, Matrix scores, Matrix velocities,
                                              std::int64_t k);
std::unique_ptr<VelocityField> knn_field_from(const Archive& archive);

}  // namespace fatefield
