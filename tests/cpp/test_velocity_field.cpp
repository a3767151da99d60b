// Velocity fields through their interface: a field of known form, whose every answer is a formula.
#include "field/model/velocity_field.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// f(x) = a (b . x)^2: the Jacobian is 2 (b . x) a b', of rank one.
class Square final : public VelocityField {
 public:
  std::string kind() const override { return "square"; }
  std::int64_t genes() const override { return 3; }
  const FieldStatistics& statistics() const override { return statistics_; }
  std::unique_ptr<FieldWorkspace> workspace() const override { return std::make_unique<FieldWorkspace>(); }
  void evaluate(std::int64_t n, const double* x, double* v, FieldWorkspace&) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const double s = along(x + 3 * i);
      for (int g = 0; g < 3; ++g) v[3 * i + g] = a[g] * s * s;
    }
  }
  void jvp(std::int64_t n, const double* x, const double* delta, double* out,
           FieldWorkspace&) const override {
    for (std::int64_t i = 0; i < n; ++i) {
      const double s = 2.0 * along(x + 3 * i) * along(delta + 3 * i);
      for (int g = 0; g < 3; ++g) out[3 * i + g] = a[g] * s;
    }
  }
  JacobianFactors factors(const double* x, FieldWorkspace&) const override {
    JacobianFactors out{Matrix(3, 1), Matrix(1, 3)};
    for (int g = 0; g < 3; ++g) {
      out.left(g, 0) = 2.0 * along(x) * a[g];
      out.right(0, g) = b[g];
    }
    return out;
  }
  void support_score(std::int64_t n, const double* x, double* out, FieldWorkspace&) const override {
    for (std::int64_t i = 0; i < n; ++i) out[i] = std::abs(along(x + 3 * i));
  }
  std::string bytes() const override { return ""; }

  static double along(const double* x) { return b[0] * x[0] + b[1] * x[1] + b[2] * x[2]; }
  static constexpr double a[3] = {1.0, -2.0, 0.5}, b[3] = {0.3, 0.1, -0.7};

 private:
  FieldStatistics statistics_;
};

Matrix some_states(std::int64_t n) {
  Matrix x(n, 3);
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = std::sin(1.7 * static_cast<double>(i));
  return x;
}

double along_row(const Matrix& x, std::int64_t i) {
  const double state[] = {x(i, 0), x(i, 1), x(i, 2)};
  return Square::along(state);
}

}  // namespace

TEST_CASE("matrices of cells go through a field in blocks", "[velocity_field]") {
  const Square field;
  const Matrix x = some_states(150);
  const Matrix v = field_velocity(field, x), p = field_jvp(field, x, v), q = field_acceleration(field, x);
  const std::vector<double> divergence = field_divergence(field, x), support = field_support(field, x);
  const double ab = 0.3 - 0.2 - 0.35;
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const double s = along_row(x, i);
    for (int g = 0; g < 3; ++g) {
      CHECK(v(i, g) == Approx(Square::a[g] * s * s));
      CHECK(p(i, g) == Approx(2.0 * s * s * s * ab * Square::a[g]).margin(1e-14));
    }
    CHECK(divergence[static_cast<std::size_t>(i)] == Approx(2.0 * s * ab).margin(1e-14));
    CHECK(support[static_cast<std::size_t>(i)] == Approx(std::abs(s)));
  }
  CHECK(p.values == q.values);

  const Matrix j = field_jacobian(field, x, 7);
  for (int from = 0; from < 3; ++from) {
    for (int to = 0; to < 3; ++to)
      CHECK(j(from, to) == Approx(2.0 * along_row(x, 7) * Square::a[from] * Square::b[to]));
  }
}

TEST_CASE("a field says what it cannot take", "[velocity_field]") {
  const Square field;
  CHECK_THROWS_AS(field_velocity(field, Matrix(2, 4)), Error);
  CHECK_THROWS_AS(field_jvp(field, Matrix(2, 3), Matrix(1, 3)), Error);
  CHECK_THROWS_AS(field_jacobian(field, Matrix(2, 3), 2), Error);
}
