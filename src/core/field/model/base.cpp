// Takes states of any number; hands them to a field in blocks. Keeps the common part of fields in archives.
#include "field/model/base.hpp"

#include "base/error.hpp"

namespace fatefield {
namespace {

FieldMemory& memory_of(FieldWorkspace& workspace) { return static_cast<BuiltInWorkspace&>(workspace).memory; }

const char* const kVectors[] = {"mean_state", "sd_state", "mean_velocity", "sd_velocity", "abs_velocity"};

// Visits the statistics per gene with their names.
template <typename S, typename F>
void each(S& s, F&& visit) {
  visit(kVectors[0], s.mean_state);
  visit(kVectors[1], s.sd_state);
  visit(kVectors[2], s.mean_velocity);
  visit(kVectors[3], s.sd_velocity);
  visit(kVectors[4], s.abs_velocity);
}

}  // namespace

std::unique_ptr<FieldWorkspace> BuiltInField::workspace() const {
  auto out = std::make_unique<BuiltInWorkspace>();
  base_.support.reserve(out->memory);
  reserve(out->memory);
  return out;
}

void BuiltInField::evaluate(std::int64_t n, const double* x, double* v, FieldWorkspace& workspace) const {
  for (std::int64_t i = 0; i < n; i += kFieldRows) {
    evaluate_block(std::min(kFieldRows, n - i), x + i * genes(), v + i * genes(), memory_of(workspace));
  }
}

void BuiltInField::jvp(std::int64_t n, const double* x, const double* delta, double* out,
                       FieldWorkspace& workspace) const {
  for (std::int64_t i = 0; i < n; i += kFieldRows) {
    const std::int64_t at = i * genes();
    jvp_block(std::min(kFieldRows, n - i), x + at, delta + at, out + at, memory_of(workspace));
  }
}

JacobianFactors BuiltInField::factors(const double* x, FieldWorkspace& workspace) const {
  return factors_at(x, memory_of(workspace));
}

void BuiltInField::support_score(std::int64_t n, const double* x, double* out,
                                 FieldWorkspace& workspace) const {
  for (std::int64_t i = 0; i < n; i += kFieldRows)
    base_.support.score(std::min(kFieldRows, n - i), x + i * genes(), out + i, memory_of(workspace), kScores);
}

std::string BuiltInField::bytes() const {
  Archive archive;
  archive.put("field.kind", kind_);
  base_.support.put(archive, "support.");
  each(base_.statistics, [&](const char* name, const std::vector<double>& values) {
    archive.put(std::string("statistics.") + name, values, {static_cast<std::int64_t>(values.size())});
  });
  archive.put("statistics.median_speed", {base_.statistics.median_speed}, {1});
  put(archive);
  return archive.bytes();
}

FieldFoundation foundation_from(const Archive& archive) {
  FieldFoundation out;
  out.support = FieldSupport(archive, "support.");
  const auto genes = static_cast<std::size_t>(out.support.space().genes());
  each(out.statistics, [&](const char* name, std::vector<double>& values) {
    values = archive.numbers(std::string("statistics.") + name).values;
    if (values.size() != genes)
      throw model_error("The velocity field's statistics are not one for each gene.");
  });
  const std::vector<double>& speed = archive.numbers("statistics.median_speed").values;
  if (speed.size() != 1) throw model_error("The velocity field's speed is not one number.");
  out.statistics.median_speed = speed[0];
  return out;
}

Matrix matrix_from(const Archive& archive, const std::string& name, std::int64_t rows, std::int64_t cols) {
  const Archive::Numbers& found = archive.numbers(name);
  const bool fits = found.shape.size() == 2 && (rows == 0 || found.shape[0] == rows) &&
                    (cols == 0 || found.shape[1] == cols);
  if (!fits)
    throw model_error("\"" + name + "\" of the velocity field has a shape that does not fit the rest.");
  Matrix out(found.shape[0], found.shape[1]);
  out.values = found.values;
  return out;
}

void put_matrix(Archive& archive, const std::string& name, const Matrix& values) {
  archive.put(name, values.values, {values.rows, values.cols});
}

}  // namespace fatefield
