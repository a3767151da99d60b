// Exponents of systems whose exponents are known: linear ones, a rotation, a saddle, the foot of a fork.
#include "paths/lyapunov.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "paths.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

Matrix axes(std::int64_t dims, std::int64_t n) {
  Matrix out(dims, n);
  for (std::int64_t k = 0; k < n; ++k) out(k, k) = 1;
  return out;
}

LyapunovOptions steps(std::int64_t n, double kappa = 1) {
  LyapunovOptions o;
  o.steps = n;
  o.positive = false;
  o.kappa = kappa;
  return o;
}

Matrix exponents_of(const Dynamics& f, const Matrix& starts, const Matrix& directions, double horizon,
                    std::int64_t leading, const LyapunovOptions& o) {
  LyapunovRequest r;
  r.starts = starts;
  r.directions = directions;
  r.horizon = horizon;
  r.leading = leading;
  return lyapunov_exponents(f, r, o, [](std::int64_t) { return true; });
}

}  // namespace

TEST_CASE("the exponents of a symmetric linear field are its eigenvalues at any time", "[lyapunov]") {
  // Eigenvalues 1 and -3.
  const GivenDynamics f = linear_dynamics(2, {-1, 2, 2, -1});
  const Matrix starts = starts_of(2, {1, 0, 0.3, -2});
  const Matrix e = exponents_of(f, starts, axes(2, 2), 1.5, 2, steps(200));
  for (int i = 0; i < 2; ++i) {
    CHECK(e(i, 0) == Approx(1).epsilon(1e-5));
    CHECK(e(i, 1) == Approx(-3).epsilon(1e-5));
  }
  const Matrix twice = exponents_of(f, starts, axes(2, 2), 1.5, 1, steps(200, 2));
  CHECK(twice(0, 0) == Approx(2).epsilon(1e-5));
}

TEST_CASE("a rotation neither grows nor shrinks, and the sum of exponents is the divergence", "[lyapunov]") {
  const Matrix start = starts_of(2, {1, 1});
  const Matrix still = exponents_of(linear_dynamics(2, {0, -4, 4, 0}), start, axes(2, 2), 5, 2, steps(800));
  CHECK(still(0, 0) == Approx(0).margin(1e-5));
  CHECK(still(0, 1) == Approx(0).margin(1e-5));
  // Not normal: single exponents over a short time are not eigenvalues, their sum is the trace.
  const Matrix e = exponents_of(linear_dynamics(2, {-1, 5, 0, -2}), start, axes(2, 2), 0.5, 2, steps(100));
  CHECK(e(0, 0) + e(0, 1) == Approx(-3).epsilon(1e-5));
  CHECK(e(0, 0) > 0);
}

TEST_CASE("singular values of the flow are found exactly where the eigenvalues are not them", "[lyapunov]") {
  // exp(T (-1 a; 0 -1)) = exp(-T) (1 aT; 0 1).
  const double t = 2, shear = 3 * t;
  const Matrix e =
      exponents_of(linear_dynamics(2, {-1, 3, 0, -1}), starts_of(2, {0, 0}), axes(2, 2), t, 2, steps(200));
  const double largest = (shear + std::sqrt(shear * shear + 4)) / 2;
  CHECK(e(0, 0) == Approx(std::log(largest) / t - 1).epsilon(1e-5));
  CHECK(e(0, 1) == Approx(-std::log(largest) / t - 1).epsilon(1e-5));
}

TEST_CASE("cells at the fork part, those in a branch come together", "[lyapunov]") {
  // dx/dt = x - x^3: 1 at the fork, -2 at the ends.
  const GivenDynamics f(1, [](double, const double* x, double* v) { v[0] = x[0] - x[0] * x[0] * x[0]; });
  const Matrix e = exponents_of(f, starts_of(1, {0, 1, -1}), axes(1, 1), 1, 1, steps(100));
  CHECK(e(0, 0) == Approx(1).epsilon(1e-4));
  CHECK(e(1, 0) == Approx(-2).epsilon(1e-4));
  CHECK(e(2, 0) == Approx(-2).epsilon(1e-4));
}

TEST_CASE("differences of one direction only grow as that direction does", "[lyapunov]") {
  Matrix second(2, 1);
  second(1, 0) = 1;
  const Matrix e =
      exponents_of(linear_dynamics(2, {0.5, 0, 0, -1}), starts_of(2, {1, 1}), second, 2, 1, steps(100));
  CHECK(e(0, 0) == Approx(-1).epsilon(1e-5));
}

TEST_CASE("exponents do not depend on threads, and stop when asked", "[lyapunov]") {
  const GivenDynamics f(2, [](double, const double* x, double* v) {
    v[0] = std::sin(3 * x[1]);
    v[1] = std::cos(x[0]) - x[1];
  });
  std::vector<double> rows;
  for (int i = 0; i < 600; ++i) rows.push_back(0.01 * i - 3);
  const Matrix starts = starts_of(2, rows);
  const Matrix one = exponents_of(f, starts, axes(2, 2), 2, 2, steps(20));
  const ThreadScope scope(2);
  REQUIRE(exponents_of(f, starts, axes(2, 2), 2, 2, steps(20)).values == one.values);
  LyapunovRequest r;
  const Matrix directions = axes(2, 1);
  r.starts = starts;
  r.directions = directions;
  CHECK_THROWS_AS(lyapunov_exponents(f, r, steps(5), [](std::int64_t) { return false; }), Interrupted);
}

TEST_CASE("a path that is lost has no exponent, and what cannot be is refused", "[lyapunov]") {
  const GivenDynamics f = linear_dynamics(2, {-1, 0, 0, -1});
  CHECK(std::isnan(exponents_of(f, starts_of(2, {NAN, 1}), axes(2, 1), 1, 1, steps(5))(0, 0)));
  const Matrix start = starts_of(2, {1, 1});
  CHECK_THROWS_AS(exponents_of(f, start, axes(2, 1), 0, 1, steps(5)), Error);
  CHECK_THROWS_AS(exponents_of(f, start, axes(2, 1), 1, 2, steps(5)), Error);
  CHECK_THROWS_AS(exponents_of(f, start, axes(3, 1), 1, 1, steps(5)), Error);
  CHECK_THROWS_AS(exponents_of(f, start, axes(2, 1), 1, 1, steps(0)), Error);
  CHECK_THROWS_AS(exponents_of(f, starts_of(1, {1}), axes(2, 1), 1, 1, steps(5)), Error);
}
