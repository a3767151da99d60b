// Exact transport against known mathematics: all permutations, sorting on the line, the dual that proves it,
// converged entropic transport; and what must be refused. The energy distance against sums over pairs.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "ot/assignment.hpp"
#include "ot/energy.hpp"
#include "ot/sinkhorn.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

using Vector = std::vector<double>;

struct Sample {
  Sample(std::int64_t n, std::int64_t dims, std::uint64_t seed, double shift = 0.0)
      : n(n), dims(dims), points(n * dims), weights(n) {
    normals<double>(seed, Stream::Simulator, 0, n, 0, dims, points.data());
    for (double& v : points) v += shift;
    for (std::int64_t i = 0; i < n; ++i) weights[i] = 0.2 + uniform(seed, Stream::Simulator, i, 99);
  }
  Cloud<double> cloud() const { return {points.data(), n, dims, nullptr}; }
  Cloud<double> weighted() const { return {points.data(), n, dims, weights.data()}; }

  std::int64_t n, dims;
  Vector points, weights;
};

double squared(const Sample& x, std::int64_t i, const Sample& y, std::int64_t j) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < x.dims; ++k)
    sum += std::pow(x.points[i * x.dims + k] - y.points[j * y.dims + k], 2);
  return sum;
}

Vector costs(const Sample& x, const Sample& y, std::int64_t p) {
  Vector out;
  for (std::int64_t i = 0; i < x.n; ++i) {
    for (std::int64_t j = 0; j < y.n; ++j)
      out.push_back(p == 2 ? 0.5 * squared(x, i, y, j) : std::sqrt(squared(x, i, y, j)));
  }
  return out;
}

double best_of_all(const Vector& cost, std::int64_t n) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  double best = INFINITY;
  do {
    double sum = 0.0;
    for (std::int64_t i = 0; i < n; ++i) sum += cost[i * n + order[i]];
    best = std::min(best, sum / static_cast<double>(n));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

// A matching, and potentials below every cost that add up to its price: nothing can be cheaper.
void check_certificate(const Assignment& a, const Vector& cost, std::int64_t n) {
  std::vector<std::int64_t> sorted = a.match;
  std::sort(sorted.begin(), sorted.end());
  double primal = 0.0, dual = 0.0, worst = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    REQUIRE(sorted[i] == i);
    primal += cost[i * n + a.match[i]] / static_cast<double>(n);
    dual += (a.f[i] + a.g[i]) / static_cast<double>(n);
    for (std::int64_t j = 0; j < n; ++j) worst = std::max(worst, a.f[i] + a.g[j] - cost[i * n + j]);
  }
  CHECK(a.value == Approx(primal));
  CHECK(dual == Approx(primal).margin(1e-10));
  CHECK(worst < 1e-9);
}

template <typename F>
std::string argument_of(F&& call) {
  try {
    call();
  } catch (const Error& e) {
    REQUIRE(e.kind() == ErrorKind::Input);
    return e.argument();
  }
  return "no error";
}

// Sums over pairs of different points, as the definition says.
double naive_energy(const Sample& x, const Sample& y) {
  const auto mean = [](const Sample& s, const Sample& t, bool same) {
    double sum = 0.0, mass = 0.0;
    for (std::int64_t i = 0; i < s.n; ++i) {
      for (std::int64_t j = 0; j < t.n; ++j) {
        if (same && i == j) continue;
        sum += s.weights[i] * t.weights[j] * std::sqrt(squared(s, i, t, j));
        mass += s.weights[i] * t.weights[j];
      }
    }
    return mass > 0 ? sum / mass : 0.0;
  };
  return 2.0 * mean(x, y, false) - mean(x, x, true) - mean(y, y, true);
}

}  // namespace

TEST_CASE("the matching is the best of all permutations", "[assignment]") {
  for (std::int64_t n = 1; n <= 7; ++n) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      for (std::int64_t p : {1, 2}) {
        const Sample x(n, 2, 2 * seed), y(n, 2, 2 * seed + 1, 0.5);
        const Vector cost = costs(x, y, p);
        const Assignment a = optimal_assignment(x.cloud(), y.cloud(), p);
        CHECK(a.value == Approx(best_of_all(cost, n)));
        check_certificate(a, cost, n);
      }
    }
  }
}

TEST_CASE("costs with many ties, and negative ones, are matched", "[assignment]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Vector cost;
    for (std::int64_t k = 0; k < 49; ++k)
      cost.push_back(static_cast<double>(uniform_index(seed, Stream::Simulator, k, 0, 4)) - 2.0);
    const Assignment a = optimal_assignment(cost, 7);
    CHECK(a.value == Approx(best_of_all(cost, 7)).margin(1e-12));
    check_certificate(a, cost, 7);
  }
  const Vector equal(36, 1.0);
  check_certificate(optimal_assignment(equal, 6), equal, 6);
}

TEST_CASE("on the line the matching is the order", "[assignment]") {
  const Sample x(300, 1, 5), y(300, 1, 6, 1.0);
  Vector a = x.points, b = y.points;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double half_square = 0.0, length = 0.0;
  for (int i = 0; i < 300; ++i) {
    half_square += 0.5 * std::pow(a[i] - b[i], 2) / 300.0;
    length += std::abs(a[i] - b[i]) / 300.0;
  }
  CHECK(optimal_assignment(x.cloud(), y.cloud(), 2).value == Approx(half_square));
  CHECK(optimal_assignment(x.cloud(), y.cloud(), 1).value == Approx(length));
}

TEST_CASE("large matchings carry their proof, whatever the number of threads", "[assignment]") {
  for (std::int64_t dims : {2, 30}) {
    const Sample x(400, dims, 7), y(400, dims, 8, 0.3);
    for (std::int64_t p : {1, 2}) {
      Assignment one, two;
      {
        const ThreadScope threads(1);
        one = optimal_assignment(x.cloud(), y.cloud(), p);
      }
      {
        const ThreadScope threads(2);
        two = optimal_assignment(x.cloud(), y.cloud(), p);
      }
      check_certificate(one, costs(x, y, p), 400);
      CHECK(one.match == two.match);
      CHECK(one.g == two.g);
    }
  }
  // The same points in another order cost nothing.
  const Sample x(100, 3, 9);
  Sample turned(x);
  std::reverse(turned.points.begin(), turned.points.end());
  for (std::int64_t i = 0; i < 100; ++i) std::reverse(&turned.points[3 * i], &turned.points[3 * i] + 3);
  CHECK(optimal_assignment(x.cloud(), turned.cloud(), 2).value == Approx(0.0).margin(1e-12));
}

TEST_CASE("converged entropic transport approaches the matching", "[assignment]") {
  const Sample x(80, 3, 10), y(80, 3, 11, 0.8);
  SinkhornOptions o;
  o.blur = 0.02;
  o.scaling = 0.95;
  o.debias = false;
  o.tolerance = 1e-4;
  o.max_iterations = 20000;
  const double exact = optimal_assignment(x.cloud(), y.cloud(), 2).value;
  CHECK(sinkhorn_divergence(x.cloud(), y.cloud(), o, false).value == Approx(exact).epsilon(0.01));
}

TEST_CASE("the energy distance is the sum over pairs", "[energy]") {
  for (std::int64_t n : {1, 2, 40, 130}) {
    const Sample x(n, 3, 12), y(77, 3, 13, 0.4);
    CHECK(energy_distance(x.weighted(), y.weighted()) == Approx(naive_energy(x, y)).epsilon(1e-10));
  }
  const Sample x(700, 2, 14), y(650, 2, 15, 0.4);
  CHECK(energy_distance(x.weighted(), y.weighted()) == Approx(naive_energy(x, y)).epsilon(1e-9));
  CHECK(energy_distance(x.weighted(), y.weighted()) == Approx(energy_distance(y.weighted(), x.weighted())));
  const Sample a(1, 2, 16), b(1, 2, 17);
  CHECK(energy_distance(a.cloud(), b.cloud()) == Approx(2.0 * std::sqrt(squared(a, 0, b, 0))));
}

TEST_CASE("the energy distance of equal distributions is zero on average, and sees a shrunken cloud",
          "[energy]") {
  double mean = 0.0;
  for (std::uint64_t s = 0; s < 40; ++s)
    mean += energy_distance(Sample(60, 4, 100 + s).cloud(), Sample(60, 4, 200 + s).cloud()) / 40.0;
  CHECK(std::abs(mean) < 0.01);
  const Sample x(500, 4, 18);
  Sample small(500, 4, 19);
  for (double& v : small.points) v *= 0.7;
  CHECK(energy_distance(x.cloud(), small.cloud()) > 0.05);
  double one = 0.0, two = 0.0;
  {
    const ThreadScope threads(1);
    one = energy_distance(x.cloud(), small.cloud());
  }
  {
    const ThreadScope threads(2);
    two = energy_distance(x.cloud(), small.cloud());
  }
  CHECK(one == two);
}

TEST_CASE("exact transport and the energy distance refuse what they cannot use", "[assignment]") {
  const Sample x(5, 2, 20), y(6, 2, 21), z(5, 3, 22);
  CHECK(argument_of([&] { optimal_assignment(x.cloud(), y.cloud(), 2); }) == "y");
  CHECK(argument_of([&] { optimal_assignment(x.cloud(), z.cloud(), 2); }) == "y");
  CHECK(argument_of([&] { optimal_assignment(x.weighted(), x.cloud(), 2); }) == "weights.x");
  CHECK(argument_of([&] { optimal_assignment(x.cloud(), x.weighted(), 2); }) == "weights.y");
  CHECK(argument_of([&] { optimal_assignment(x.cloud(), x.cloud(), 3); }) == "p");
  CHECK(argument_of([&] { energy_distance(x.cloud(), z.cloud()); }) == "y");
  CHECK_THROWS_AS(energy_distance(x.cloud(), y.cloud(), [] { return false; }), Interrupted);
}
