// What all built-in velocity fields share: statistics of their data, support, memory, their place in an
// archive.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/archive.hpp"
#include "field/model/space.hpp"
#include "field/model/velocity_field.hpp"

namespace fatefield {

/// The first parts of `memory` belong to the support.
struct BuiltInWorkspace final : FieldWorkspace {
  FieldMemory memory;
};

/// What a field is told of the data beside its own parameters.
struct FieldFoundation {
  FieldStatistics statistics;
  FieldSupport support;
};

class BuiltInField : public VelocityField {
 public:
  std::string kind() const final { return kind_; }
  std::int64_t genes() const final { return base_.support.space().genes(); }
  const FieldStatistics& statistics() const final { return base_.statistics; }
  std::unique_ptr<FieldWorkspace> workspace() const final;
  void evaluate(std::int64_t n, const double* x, double* v, FieldWorkspace& workspace) const final;
  void jvp(std::int64_t n, const double* x, const double* delta, double* out,
           FieldWorkspace& workspace) const final;
  JacobianFactors factors(const double* x, FieldWorkspace& workspace) const final;
  void support_score(std::int64_t n, const double* x, double* out, FieldWorkspace& workspace) const final;
  std::string bytes() const final;

 protected:
  BuiltInField(std::string kind, FieldFoundation base) : kind_(std::move(kind)), base_(std::move(base)) {}

  const StateSpace& space() const { return base_.support.space(); }

  /// Adds the field's own parts to the memory; the first of them has number kOwn.
  virtual void reserve(FieldMemory& memory) const = 0;
  // The same as the public ones, for at most kFieldRows states.
  virtual void evaluate_block(std::int64_t n, const double* x, double* v, FieldMemory& memory) const = 0;
  virtual void jvp_block(std::int64_t n, const double* x, const double* delta, double* out,
                         FieldMemory& memory) const = 0;
  virtual JacobianFactors factors_at(const double* x, FieldMemory& memory) const = 0;
  virtual void put(Archive& archive) const = 0;

  static constexpr std::size_t kOwn = 3;
  /// Parts of the support that fields in its space use too: scores (kFieldRows x stride), and a workspace.
  static constexpr std::size_t kScores = 0, kSpaceWorkspace = 1;

 private:
  std::string kind_;
  FieldFoundation base_;
};

/// The foundation in an archive written by bytes(). Errors of kind Model.
FieldFoundation foundation_from(const Archive& archive);

/// A matrix of an archive, with the expected shape (0 for any). Errors of kind Model.
Matrix matrix_from(const Archive& archive, const std::string& name, std::int64_t rows, std::int64_t cols);
void put_matrix(Archive& archive, const std::string& name, const Matrix& values);

}  // namespace fatefield
