// The sliced Wasserstein distance against known mathematics: translations and scalings, a naive twin,
// sorting, finite differences in points and weights; and what must be refused.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "ot/radix.hpp"
#include "ot/sliced.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Vector = std::vector<double>;

// Normal points, and weights without pattern that do not sum to one.
template <typename T>
struct Sample {
  Sample(std::int64_t n, std::int64_t dims, std::uint64_t seed)
      : n(n), dims(dims), points(n * dims), weights(n) {
    normals<T>(seed, Stream::Simulator, 0, n, 0, dims, points.data());
    for (std::int64_t i = 0; i < n; ++i)
      weights[i] = static_cast<T>(0.2 + uniform(seed, Stream::Simulator, i, 99));
  }
  Cloud<T> cloud() const { return {points.data(), n, dims, weights.data()}; }
  Cloud<T> uniform_cloud() const { return {points.data(), n, dims, nullptr}; }

  std::int64_t n, dims;
  std::vector<T> points, weights;
};

// W2^2 on the line: the integral of the squared gap of the quantile functions, between all their jumps.
double quantile_cost(Vector x, Vector a, Vector y, Vector b) {
  const auto cumulate = [](Vector& v, Vector& w) {
    std::vector<std::size_t> order(v.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return v[i] < v[j]; });
    Vector sorted, upto;
    double sum = 0.0;
    const double mass = std::accumulate(w.begin(), w.end(), 0.0);
    for (std::size_t i : order) {
      sorted.push_back(v[i]);
      upto.push_back(sum += w[i] / mass);
    }
    upto.back() = 1.0;
    v = sorted;
    w = upto;
  };
  cumulate(x, a);
  cumulate(y, b);
  Vector jumps(a);
  jumps.insert(jumps.end(), b.begin(), b.end());
  std::sort(jumps.begin(), jumps.end());
  double cost = 0.0, before = 0.0;
  for (double q : jumps) {
    const double middle = 0.5 * (before + q);
    const auto at = [&](const Vector& v, const Vector& upto) {
      return v[std::lower_bound(upto.begin(), upto.end(), middle) - upto.begin()];
    };
    if (q > before) cost += (q - before) * std::pow(at(x, a) - at(y, b), 2);
    before = q;
  }
  return cost;
}

double naive(const Sample<double>& x, const Sample<double>& y, const Vector& directions) {
  const auto along = [](const Sample<double>& s, const double* d) {
    Vector out;
    for (std::int64_t i = 0; i < s.n; ++i)
      out.push_back(std::inner_product(d, d + s.dims, s.points.data() + i * s.dims, 0.0));
    return out;
  };
  const std::size_t count = directions.size() / x.dims;
  double sum = 0.0;
  for (std::size_t d = 0; d < count; ++d) {
    const double* direction = directions.data() + d * x.dims;
    sum += quantile_cost(along(x, direction), x.weights, along(y, direction), y.weights);
  }
  return sum / static_cast<double>(count);
}

SlicedOptions some(std::int64_t slices, bool axes) {
  SlicedOptions o;
  o.slices = slices;
  o.axes = axes;
  return o;
}

}  // namespace

TEST_CASE("the radix sort orders as comparing does and keeps equals in their order", "[sliced]") {
  std::vector<float> v(1000);
  normals<float>(5, Stream::Simulator, 0, 1000, 0, 1, v.data());
  v[3] = v[700];
  v[10] = 0.0f;
  v[11] = -1e-30f;
  std::vector<std::uint32_t> order(v.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return v[i] < v[j]; });
  std::vector<ot::RadixItem<float>> items, spare;
  ot::radix_sort(v.data(), 1000, items, spare);
  for (std::size_t i = 0; i < v.size(); ++i) {
    REQUIRE(items[i].index == order[i]);
    REQUIRE(items[i].value() == v[order[i]]);
  }
}

TEST_CASE("sliced directions are the axes and then unit vectors that differ by seed and draw", "[sliced]") {
  const Vector d = slice_directions<double>(3, some(50, true), 7, 0);
  REQUIRE(d.size() == 53 * 3);
  for (int k = 0; k < 9; ++k) CHECK(d[k] == (k % 4 == 0 ? 1.0 : 0.0));
  for (int i = 0; i < 53; ++i)
    CHECK(std::inner_product(&d[3 * i], &d[3 * i] + 3, &d[3 * i], 0.0) == Approx(1.0));
  CHECK(slice_directions<double>(3, some(50, true), 7, 0) == d);
  CHECK(slice_directions<double>(3, some(50, true), 7, 1) != d);
  CHECK(slice_directions<double>(3, some(50, true), 8, 0) != d);
}

TEST_CASE("a translated cloud is at its squared way along each direction", "[sliced]") {
  const Sample<double> x(64, 4, 1);
  Sample<double> y(x);
  const double way[] = {1.0, -2.0, 0.5, 0.0};
  for (std::int64_t i = 0; i < 64 * 4; ++i) y.points[i] += way[i % 4];
  const Vector d = slice_directions<double>(4, some(30, true), 3, 0);
  const SlicedResult<double> r = sliced_wasserstein(x.cloud(), y.cloud(), d, true);
  for (std::size_t s = 0; s < r.per_direction.size(); ++s)
    CHECK(r.per_direction[s] ==
          Approx(std::pow(std::inner_product(way, way + 4, &d[4 * s], 0.0), 2)).margin(1e-12));
  CHECK(sliced_wasserstein(x.cloud(), x.cloud(), d, false).value == Approx(0.0).margin(1e-20));
}

TEST_CASE("a scaled cloud is at the share of its second moment", "[sliced]") {
  Sample<double> x(100, 3, 2);
  Sample<double> y(x);
  for (double& v : y.points) v *= 1.5;
  double moment = 0.0;
  for (double v : x.points) moment += v * v / 100.0;
  const double along_axes = 0.25 * moment / 3.0;
  CHECK(sliced_wasserstein(x.uniform_cloud(), y.uniform_cloud(), some(0, true), 1, 0, false).value ==
        Approx(along_axes));
  // A cloud shrunken in one dimension costs more along that axis than along the others.
  for (std::int64_t i = 0; i < 100; ++i) y.points[3 * i + 1] = 0.2 * x.points[3 * i + 1];
  const Vector per =
      sliced_wasserstein(y.uniform_cloud(), x.uniform_cloud(), some(0, true), 1, 0, false).per_direction;
  CHECK(per[1] > per[0]);
}

TEST_CASE("sliced values are those of a naive twin for any sizes and weights", "[sliced]") {
  const Vector d = slice_directions<double>(3, some(17, true), 11, 2);
  for (std::int64_t n : {1, 2, 37}) {
    for (std::int64_t m : {1, 23, 37, 150}) {
      const Sample<double> x(n, 3, 21), y(m, 3, 22);
      CHECK(sliced_wasserstein(x.cloud(), y.cloud(), d, true).value == Approx(naive(x, y, d)).epsilon(1e-10));
    }
  }
}

TEST_CASE("with equal numbers and weights the sorted points are paired", "[sliced]") {
  const Sample<double> x(41, 1, 31), y(41, 1, 32);
  Vector a = x.points, b = y.points;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double cost = 0.0;
  for (int i = 0; i < 41; ++i) cost += std::pow(a[i] - b[i], 2) / 41.0;
  CHECK(sliced_wasserstein(x.uniform_cloud(), y.uniform_cloud(), some(0, true), 0, 0, false).value ==
        Approx(cost));
}

TEST_CASE("sliced gradients are those of finite differences", "[sliced]") {
  Sample<double> x(13, 3, 41);
  x.weights[4] = 0.0;
  const Sample<double> y(19, 3, 42);
  const Vector d = slice_directions<double>(3, some(9, true), 4, 0);
  const SlicedResult<double> r = sliced_wasserstein(x.cloud(), y.cloud(), d, true);
  const double h = 1e-6;
  const auto value = [&](Sample<double>& s) {
    return sliced_wasserstein(s.cloud(), y.cloud(), d, false).value;
  };
  for (std::size_t k = 0; k < x.points.size(); ++k) {
    Sample<double> up(x), down(x);
    up.points[k] += h;
    down.points[k] -= h;
    CHECK(r.grad_x[k] == Approx((value(up) - value(down)) / (2 * h)).epsilon(1e-5).margin(1e-8));
  }
  for (std::size_t i = 0; i < x.weights.size(); ++i) {
    Sample<double> up(x), down(x);
    up.weights[i] += h;
    if (i != 4) down.weights[i] -= h;
    CHECK(r.grad_a[i] == Approx((value(up) - value(down)) / (i == 4 ? h : 2 * h)).epsilon(1e-4).margin(1e-7));
  }
}

TEST_CASE("where both sides step the derivative in the weights is the middle of its two sides", "[sliced]") {
  Sample<double> x(6, 1, 51);
  x.weights.assign(6, 1.0);
  const Sample<double> y(6, 1, 52);
  const Cloud<double> to = y.uniform_cloud();
  const Vector axis = {1.0};
  const SlicedResult<double> r = sliced_wasserstein(x.cloud(), to, axis, true);
  const double h = 1e-7;
  for (int i = 0; i < 6; ++i) {
    Sample<double> up(x), down(x);
    up.weights[i] += h;
    down.weights[i] -= h;
    const double central = (sliced_wasserstein(up.cloud(), to, axis, false).value -
                            sliced_wasserstein(down.cloud(), to, axis, false).value) /
                           (2 * h);
    CHECK(r.grad_a[i] == Approx(central).epsilon(1e-4).margin(1e-6));
  }
}

TEST_CASE("single precision agrees, and any number of threads gives the same bytes", "[sliced]") {
  const Sample<double> x(300, 20, 61), y(257, 20, 62);
  Sample<float> xf(300, 20, 61), yf(257, 20, 62);
  const Vector d = slice_directions<double>(20, some(70, true), 5, 0);
  const std::vector<float> df(d.begin(), d.end());
  const SlicedResult<double> wide = sliced_wasserstein(x.cloud(), y.cloud(), d, true);
  SlicedResult<float> one, two;
  {
    const ThreadScope threads(1);
    one = sliced_wasserstein(xf.cloud(), yf.cloud(), df, true);
  }
  {
    const ThreadScope threads(2);
    two = sliced_wasserstein(xf.cloud(), yf.cloud(), df, true);
  }
  CHECK(one.value == Approx(wide.value).epsilon(1e-5));
  double error = 0.0, size = 0.0;
  for (std::size_t k = 0; k < wide.grad_x.size(); ++k) {
    error += std::pow(one.grad_x[k] - wide.grad_x[k], 2);
    size += std::pow(wide.grad_x[k], 2);
  }
  CHECK(std::sqrt(error / size) < 1e-3);
  CHECK(one.value == two.value);
  CHECK(std::memcmp(one.grad_x.data(), two.grad_x.data(), one.grad_x.size() * sizeof(float)) == 0);
  CHECK(std::memcmp(one.grad_a.data(), two.grad_a.data(), one.grad_a.size() * sizeof(float)) == 0);
}

TEST_CASE("sliced transport refuses what it cannot use", "[sliced]") {
  const Sample<double> x(5, 2, 71), y(5, 3, 72);
  const auto argument = [](auto&& call) -> std::string {
    try {
      call();
    } catch (const Error& e) {
      return e.argument();
    }
    return "no error";
  };
  CHECK(argument([&] { sliced_wasserstein(x.cloud(), y.cloud(), some(3, true), 0, 0, false); }) == "y");
  CHECK(argument([&] { sliced_wasserstein(x.cloud(), x.cloud(), Vector(3, 1.0), false); }) == "directions");
  CHECK(argument([&] { sliced_wasserstein(x.cloud(), x.cloud(), Vector(), false); }) == "directions");
  CHECK(argument([&] { check_options(some(-1, true)); }) == "slices");
  CHECK(argument([&] { check_options(some(0, false)); }) == "slices");
}
