// What R holds of something that moves cells: a pointer to a Motion, which lives for one call of a user's
// function and is never kept.
#pragma once

#include <memory>

#include "core/field/model/velocity_field.hpp"
#include "core/paths/dynamics.hpp"
#include "core/sde/model/neural_sde.hpp"
#include "glue.hpp"

namespace fatefield {

/// A velocity with the model it comes from.
struct Motion {
  std::unique_ptr<NeuralSde> sde;
  std::unique_ptr<VelocityField> field;
  std::unique_ptr<Dynamics> dynamics;
};

namespace glue {

template <typename T>
const T& at(SEXP pointer) {
  const Rcpp::XPtr<T> p(pointer);
  return *p.checked_get();
}

}  // namespace glue
}  // namespace fatefield
