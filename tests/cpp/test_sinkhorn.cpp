// The Sinkhorn divergence and plans against known mathematics: Diracs, Gaussians, symmetries, finite
// differences, converged values; and what must be refused.
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "golden.hpp"
#include "ot/plan.hpp"
#include "ot/sinkhorn.hpp"
#include "ot/transport.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Vector = std::vector<double>;

double wave(std::int64_t i, double step) { return std::fmod(step * static_cast<double>(i + 1), 1.0) - 0.5; }

// Points and weights without pattern; weights sum to one.
struct Sample {
  Sample(std::int64_t n, std::int64_t dims, double step, double size = 1.0) : n(n), dims(dims) {
    for (std::int64_t k = 0; k < n * dims; ++k) points.push_back(size * wave(k * k + 3 * k, step));
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      weights.push_back(0.6 + wave(7 * i + 1, step));
      sum += weights.back();
    }
    for (double& w : weights) w /= sum;
  }
  Cloud<double> cloud() const { return {points.data(), n, dims, weights.data()}; }
  Cloud<double> uniform() const { return {points.data(), n, dims, nullptr}; }

  std::int64_t n, dims;
  Vector points, weights;
};

SinkhornOptions options(double blur = 0.1, double scaling = 0.7) {
  SinkhornOptions o;
  o.blur = blur;
  o.scaling = scaling;
  return o;
}

SinkhornOptions converged(double blur) {
  SinkhornOptions o = options(blur);
  o.tolerance = 1e-11;
  o.max_iterations = 5000;
  return o;
}

double value(const Cloud<double>& x, const Cloud<double>& y, const SinkhornOptions& o) {
  return sinkhorn_divergence(x, y, o, false).value;
}

// A Gaussian on a fine grid of the line.
Sample gaussian(double mean, double sd) {
  Sample s(161, 1, 0.618);
  double sum = 0;
  for (std::int64_t i = 0; i < s.n; ++i) {
    s.points[i] = -8.0 + 0.1 * static_cast<double>(i);
    const double z = (s.points[i] - mean) / sd;
    s.weights[i] = std::exp(-0.5 * z * z);
    sum += s.weights[i];
  }
  for (double& w : s.weights) w /= sum;
  return s;
}

// Entropic transport of two centred Gaussians of variances a, b on the line at temperature e, up to terms
// that debiasing takes away (Janati et al., Entropic Optimal Transport between Unbalanced Gaussian Measures,
// 2020).
double gaussian_cost(double a, double b, double e) {
  const double d = std::sqrt(4 * a * b + e * e);
  return 0.5 * (a + b - d + e * std::log(d + e));
}

std::string argument_of(const Cloud<double>& x, const Cloud<double>& y, const SinkhornOptions& o) {
  try {
    sinkhorn_divergence(x, y, o, true);
  } catch (const Error& e) {
    REQUIRE(e.kind() == ErrorKind::Input);
    return e.argument();
  }
  return "no error";
}

}  // namespace

TEST_CASE("two points are at half their squared distance, or at their distance", "[sinkhorn]") {
  const Vector x = {1, 2, 3}, y = {2, 4, 1};
  const Cloud<double> a{x.data(), 1, 3, nullptr}, b{y.data(), 1, 3, nullptr};
  SinkhornOptions o = options();
  const SinkhornResult<double> r = sinkhorn_divergence(a, b, o, true);
  CHECK(r.value == Approx(4.5));
  for (int k = 0; k < 3; ++k) CHECK(r.grad_x[k] == Approx(x[k] - y[k]));
  o.p = 1;
  CHECK(value(a, b, o) == Approx(3.0).epsilon(1e-4));
}

TEST_CASE("Gaussians are at their closed form", "[sinkhorn]") {
  const Sample x = gaussian(-0.5, 0.8), y = gaussian(1.0, 1.3);
  for (double blur : {0.5, 1.0}) {
    const double e = blur * blur, a = 0.64, b = 1.69;
    const double expected = 0.5 * 1.5 * 1.5 + gaussian_cost(a, b, e) - 0.5 * gaussian_cost(a, a, e) -
                            0.5 * gaussian_cost(b, b, e);
    CHECK(value(x.cloud(), y.cloud(), converged(blur)) == Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("the divergence is symmetric, blind to order, not negative, and zero at home", "[sinkhorn]") {
  const Sample x(37, 3, 0.7548), y(45, 3, 0.5698);
  Sample turned(x);
  for (std::int64_t i = 0; i < x.n; ++i) {
    turned.weights[i] = x.weights[x.n - 1 - i];
    for (std::int64_t k = 0; k < 3; ++k) turned.points[i * 3 + k] = x.points[(x.n - 1 - i) * 3 + k];
  }
  for (double scaling : {0.5, 0.7, 0.9}) {
    const SinkhornOptions o = options(0.05, scaling);
    const double s = value(x.cloud(), y.cloud(), o);
    CHECK(s == Approx(value(y.cloud(), x.cloud(), o)).epsilon(1e-12));
    CHECK(s == Approx(value(turned.cloud(), y.cloud(), o)).epsilon(1e-12));
    CHECK(s >= -1e-4);
    CHECK(std::abs(value(x.cloud(), x.cloud(), o)) < 1e-12);
  }
}

TEST_CASE("gradients are those of finite differences", "[sinkhorn]") {
  const Sample x(11, 3, 0.7548, 2.0), y(14, 3, 0.5698, 2.0);
  const bool balanced = GENERATE(true, false);
  const std::int64_t p = GENERATE(1, 2);
  SinkhornOptions o = converged(p == 2 ? 0.5 : 0.3);
  o.p = p;
  o.reach = balanced ? 0.0 : 0.8;
  // The first temperature must not move with the points.
  o.diameter = 4.0;
  const SinkhornResult<double> r = sinkhorn_divergence(x.cloud(), y.cloud(), o, true);
  REQUIRE(r.converged);
  const double h = 1e-5;
  const auto slope = [&](const Sample& up, const Sample& down) {
    return (value(up.cloud(), y.cloud(), o) - value(down.cloud(), y.cloud(), o)) / (2 * h);
  };
  for (std::size_t k : {0, 7, 20, 32}) {
    Sample up(x), down(x);
    up.points[k] += h;
    down.points[k] -= h;
    CHECK(r.grad_x[k] == Approx(slope(up, down)).epsilon(1e-5).margin(1e-7));
  }
  for (std::size_t i : {2, 5, 8}) {
    Sample up(x), down(x);
    up.weights[i] += h;
    down.weights[i] -= h;
    double expected = r.grad_a[i];
    if (balanced) {
      up.weights[0] -= h;
      down.weights[0] += h;
      expected -= r.grad_a[0];
    }
    CHECK(expected == Approx(slope(up, down)).epsilon(1e-5).margin(1e-7));
  }
}

TEST_CASE("the iteration converges to reference values", "[sinkhorn]") {
  const Golden golden;
  if (!golden.missing().empty()) SKIP(golden.missing());
  const GoldenArray x = golden.read("sinkhorn_small/x"), y = golden.read("sinkhorn_small/y");
  const Vector a = golden.read("sinkhorn_small/a").values, b = golden.read("sinkhorn_small/b").values;
  const Cloud<double> left{x.values.data(), x.shape[0], x.shape[1], a.data()};
  const Cloud<double> right{y.values.data(), y.shape[0], y.shape[1], b.data()};
  for (const char* blur : {"0.05", "0.1", "0.5", "1.0"}) {
    INFO("blur " << blur);
    SinkhornOptions o = options(std::stod(blur), 0.9);
    o.tolerance = 1e-7;
    o.max_iterations = 8000;
    const SinkhornResult<double> r = sinkhorn_divergence(left, right, o, false);
    const double expected = golden_number(golden, std::string("sinkhorn_converged/blur") + blur + "_value");
    CHECK(r.converged);
    CHECK(r.marginal_error < 1e-6);
    CHECK(r.value == Approx(expected).epsilon(1e-7));
    o.max_iterations = 1;
    CHECK_FALSE(sinkhorn_divergence(left, right, o, false).converged);
  }
}

TEST_CASE("points of no weight have no influence", "[sinkhorn]") {
  Sample x(20, 2, 0.7548), y(24, 2, 0.5698);
  Sample more(x);
  for (int extra = 0; extra < 3; ++extra) {
    more.points.insert(more.points.end(), {0.1 * extra, -0.2});
    more.weights.push_back(0.0);
    ++more.n;
  }
  SinkhornOptions o = options();
  o.diameter = 2.0;
  const SinkhornResult<double> r = sinkhorn_divergence(more.cloud(), y.cloud(), o, true);
  const SinkhornResult<double> s = sinkhorn_divergence(x.cloud(), y.cloud(), o, true);
  CHECK(r.value == Approx(s.value).epsilon(1e-12));
  CHECK(sinkhorn_divergence(y.cloud(), more.cloud(), o, true).value == Approx(s.value).epsilon(1e-12));
  for (std::size_t k = 0; k < 40; ++k) CHECK(r.grad_x[k] == Approx(s.grad_x[k]).margin(1e-14));
  for (std::size_t k = 40; k < 46; ++k) CHECK(r.grad_x[k] == 0.0);
  for (double g : r.grad_a) CHECK(std::isfinite(g));
}

TEST_CASE("float holds where exponents leave its range", "[sinkhorn]") {
  // Far apart, hardly blurred, coarsely annealed: most rows must be done with their maximum taken off.
  Sample x(70, 12, 0.7548, 30.0), y(90, 12, 0.5698, 30.0);
  for (std::int64_t k = 0; k < 20 * 12; ++k) y.points[k] += 40.0;
  const std::vector<float> xs(x.points.begin(), x.points.end()), ys(y.points.begin(), y.points.end());
  const SinkhornOptions o = options(0.05, 0.3);
  const SinkhornResult<double> r = sinkhorn_divergence(x.uniform(), y.uniform(), o, true);
  const SinkhornResult<float> s = sinkhorn_divergence<float>({xs.data(), x.n, x.dims, nullptr},
                                                             {ys.data(), y.n, y.dims, nullptr}, o, true);
  CHECK(s.value == Approx(r.value).epsilon(1e-5));
  for (std::size_t k = 0; k < r.grad_x.size(); ++k) CHECK(s.grad_x[k] == Approx(r.grad_x[k]).margin(2e-3));
}

TEST_CASE("clouds without extent are no accident", "[sinkhorn]") {
  const Vector same(12, 3.0);
  const Cloud<double> x{same.data(), 4, 3, nullptr}, y{same.data(), 2, 3, nullptr};
  for (std::int64_t p : {1, 2}) {
    SinkhornOptions o = options();
    o.p = p;
    const SinkhornResult<double> r = sinkhorn_divergence(x, y, o, true);
    CHECK(std::abs(r.value) < 1e-12);
    for (double g : r.grad_x) CHECK(g == 0.0);
  }
  CHECK(epsilon_schedule(options(), 0.0) == Vector{0.1 * 0.1, 0.1 * 0.1});
}

TEST_CASE("a plan has exact rows, near columns, and the cost of its transport", "[sinkhorn]") {
  const Sample x(40, 2, 0.7548), y(70, 2, 0.5698);
  const TransportPlan all = transport_plan(x.cloud(), y.cloud(), converged(0.2), 0.0);
  REQUIRE(all.converged);
  REQUIRE(all.start.size() == 41);
  REQUIRE(all.mass.size() == 40 * 70);
  CHECK(all.column_error < 1e-9);
  CHECK(all.dropped == 0.0);
  Vector columns(70, 0.0);
  double cost = 0.0;
  for (std::int64_t i = 0; i < 40; ++i) {
    double row = 0.0;
    for (std::int64_t e = all.start[i]; e < all.start[i + 1]; ++e) {
      const std::int64_t j = all.column[e];
      row += all.mass[e];
      columns[j] += all.mass[e];
      const double d0 = x.points[2 * i] - y.points[2 * j], d1 = x.points[2 * i + 1] - y.points[2 * j + 1];
      cost += all.mass[e] * 0.5 * (d0 * d0 + d1 * d1);
    }
    CHECK(row == Approx(x.weights[i]).epsilon(1e-12));
  }
  for (std::int64_t j = 0; j < 70; ++j) CHECK(columns[j] == Approx(y.weights[j]).epsilon(1e-8));
  CHECK(all.cost == Approx(cost).epsilon(1e-12));

  const TransportPlan some = transport_plan(x.cloud(), y.cloud(), converged(0.2), 0.01);
  CHECK(some.mass.size() < all.mass.size());
  double kept = 0.0;
  for (double m : some.mass) kept += m;
  CHECK(kept + some.dropped == Approx(1.0).epsilon(1e-12));
  CHECK_THROWS_AS(transport_plan(x.cloud(), y.cloud(), options(), 1.0), Error);
}

TEST_CASE("a semi-relaxed transport is that of a small dense iteration", "[sinkhorn]") {
  const Sample x(13, 2, 0.61803), y(17, 2, 0.41421, 1.3);
  const double eps = 0.09, reach = 0.6, rho = reach * reach;
  SinkhornOptions o = converged(0.3);
  for (const bool rows_free : {true, false}) {
    const double damp_f = rows_free ? rho / (rho + eps) : 1.0, damp_g = rows_free ? 1.0 : rho / (rho + eps);
    const auto cost = [&](std::int64_t i, std::int64_t j) {
      const double u = x.points[2 * i] - y.points[2 * j], v = x.points[2 * i + 1] - y.points[2 * j + 1];
      return 0.5 * (u * u + v * v);
    };
    Vector f(13, 0.0), g(17, 0.0);
    for (int k = 0; k < 5000; ++k) {
      for (std::int64_t i = 0; i < 13; ++i) {
        double sum = 0;
        for (std::int64_t j = 0; j < 17; ++j) sum += y.weights[j] * std::exp((g[j] - cost(i, j)) / eps);
        f[i] = -damp_f * eps * std::log(sum);
      }
      for (std::int64_t j = 0; j < 17; ++j) {
        double sum = 0;
        for (std::int64_t i = 0; i < 13; ++i) sum += x.weights[i] * std::exp((f[i] - cost(i, j)) / eps);
        g[j] = -damp_g * eps * std::log(sum);
      }
    }
    const ot::Marginals free(reach, 2), kept(0.0, 2);
    ot::Transport<double> transport(ot::Interaction<double>(x.cloud(), x.weights, y.cloud(), y.weights, 2),
                                    x.weights, y.weights, rows_free ? free : kept, rows_free ? kept : free);
    transport.descend(epsilon_schedule(o, bounding_diameter<double>({x.cloud(), y.cloud()})), o, {});
    for (std::int64_t i = 0; i < 13; ++i) CHECK(transport.f()[i] == Approx(f[i]).margin(1e-8));
    for (std::int64_t j = 0; j < 17; ++j) CHECK(transport.g()[j] == Approx(g[j]).margin(1e-8));
    Vector columns;
    transport.conditional(eps, transport.mass(), nullptr, columns);
    CHECK(transport.column_error(columns) < 1e-8);
    if (!rows_free) continue;
    for (std::int64_t j = 0; j < 17; ++j) CHECK(columns[j] == Approx(y.weights[j]).margin(1e-9));
  }
}

TEST_CASE("any number of threads gives the same bytes", "[sinkhorn]") {
  // The three transports side by side, and one after the other.
  for (const auto& size : {std::make_pair(333, 290), std::make_pair(1400, 150)}) {
    const Sample x(size.first, 10, 0.7548), y(size.second, 10, 0.5698);
    const std::vector<float> xs(x.points.begin(), x.points.end()), ys(y.points.begin(), y.points.end());
    const auto run = [&](int threads) {
      const ThreadScope scope(threads);
      return sinkhorn_divergence<float>({xs.data(), x.n, 10, nullptr}, {ys.data(), y.n, 10, nullptr},
                                        options(0.02, 0.4), true);
    };
    const SinkhornResult<float> one = run(1);
    for (int threads : {2, 5}) {
      const SinkhornResult<float> many = run(threads);
      CHECK(std::memcmp(&one.value, &many.value, sizeof(double)) == 0);
      CHECK(one.grad_x == many.grad_x);
      CHECK(one.grad_a == many.grad_a);
      CHECK(one.marginal_error == many.marginal_error);
    }
  }
}

TEST_CASE("an interrupt is heard on many threads", "[sinkhorn]") {
  const Sample x(300, 10, 0.7548), y(300, 10, 0.5698);
  const ThreadScope scope(2);
  CHECK_THROWS_AS(
      sinkhorn_divergence<double>(x.cloud(), y.cloud(), options(0.02, 0.9), true, [] { return false; }),
      Interrupted);
}

TEST_CASE("what cannot be compared is refused by name", "[sinkhorn]") {
  const Sample x(5, 2, 0.7548), y(6, 2, 0.5698), wide(6, 3, 0.5698);
  CHECK(argument_of({nullptr, 0, 2, nullptr}, y.cloud(), options()) == "x");
  CHECK(argument_of(x.cloud(), {nullptr, 0, 2, nullptr}, options()) == "y");
  CHECK(argument_of(x.cloud(), wide.cloud(), options()) == "y");
  Sample bad(x);
  bad.points[3] = NAN;
  CHECK(argument_of(bad.cloud(), y.cloud(), options()) == "x");
  bad = x;
  bad.weights[1] = -0.1;
  CHECK(argument_of(bad.cloud(), y.cloud(), options()) == "weights.x");
  bad.weights.assign(5, 0.0);
  CHECK(argument_of(bad.cloud(), y.cloud(), options()) == "weights.x");
  bad.weights.assign(5, 1.0);
  CHECK(argument_of(bad.cloud(), y.cloud(), options()) == "weights.y");
  SinkhornOptions o = options();
  o.reach = 1.0;
  CHECK(argument_of(bad.cloud(), y.cloud(), o) == "no error");
  CHECK(argument_of(x.cloud(), y.cloud(), options(0.0)) == "blur");
  CHECK(argument_of(x.cloud(), y.cloud(), options(0.1, 1.0)) == "scaling");
  o.p = 3;
  CHECK(argument_of(x.cloud(), y.cloud(), o) == "p");
}

TEST_CASE("units so large that single precision would not do are worked on in double", "[sinkhorn]") {
  const Sample x(60, 2, 0.7548, 6000.0), y(70, 2, 0.5698, 6000.0);
  const std::vector<float> xf(x.points.begin(), x.points.end()), yf(y.points.begin(), y.points.end());
  const std::vector<float> af(x.weights.begin(), x.weights.end());
  SinkhornOptions o = options(0.05, 0.5);
  const SinkhornResult<double> wide = sinkhorn_divergence(x.cloud(), y.uniform(), o, true);
  const SinkhornResult<float> narrow =
      sinkhorn_divergence<float>({xf.data(), 60, 2, af.data()}, {yf.data(), 70, 2, nullptr}, o, true);
  CHECK(narrow.value == Approx(wide.value).epsilon(1e-4));
  CHECK(narrow.iterations == wide.iterations);
  CHECK(narrow.marginal_error == Approx(wide.marginal_error).epsilon(1e-2));
  for (std::size_t k = 0; k < narrow.grad_x.size(); ++k) REQUIRE(std::isfinite(narrow.grad_x[k]));
  for (float f : narrow.f) REQUIRE(std::isfinite(f));
}
