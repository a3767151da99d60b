// Changes of expression profiles against analytic values and a naive twin, and what must not change them.
#include "analysis/criticality.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

CriticalityOptions measured(const std::string& measure, double epsilon = 1e-3) {
  CriticalityOptions o;
  o.measure = measure;
  o.epsilon = epsilon;
  return o;
}

Matrix row_of(const std::vector<double>& values) {
  Matrix x(1, static_cast<std::int64_t>(values.size()));
  x.values = values;
  return x;
}

Matrix positive_cells(std::int64_t n, std::int64_t genes, std::uint64_t draw) {
  Matrix x(n, genes);
  for (std::size_t e = 0; e < x.values.size(); ++e) x.values[e] = 3 * uniform(7, Stream::Shuffle, draw, e);
  return x;
}

// Changes from one matrix of states, paths x genes, to another of the same size.
std::vector<double> profile_change(const Matrix& before, const Matrix& after, const std::vector<double>& mean,
                                   const CriticalityOptions& o) {
  std::vector<double> both = before.values;
  both.insert(both.end(), after.values.begin(), after.values.end());
  return path_changes({both.data(), before.rows, before.cols, 2}, nullptr, mean, o).values;
}

double change(const std::vector<double>& before, const std::vector<double>& after,
              const CriticalityOptions& o) {
  return profile_change(row_of(before), row_of(after), std::vector<double>(before.size(), 1.0), o)[0];
}

}  // namespace

TEST_CASE("a gene that decays beside one that stays has the divergence of its profiles", "[criticality]") {
  double sum = 0, expected = 0;
  for (int step = 0; step < 6; ++step) {
    const double a = std::exp(-0.5 * step), b = std::exp(-0.5 * (step + 1));
    sum += change({a, 1}, {b, 1}, measured("kl", 0));
    const double p = a / (a + 1), q = b / (b + 1);
    expected += p * std::log(p / q) + (1 - p) * std::log((1 - p) / (1 - q));
  }
  CHECK(sum == Approx(expected).epsilon(1e-12));
}

TEST_CASE("halves that become one are known by hand for each measure", "[criticality]") {
  const double js = 0.5 * (0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(2.0)) + 0.5 * std::log(1 / 0.75);
  CHECK(change({1, 1}, {2, 0}, measured("js", 0)) == Approx(js));
  CHECK(change({2, 0}, {1, 1}, measured("js", 0)) == Approx(js));
  CHECK(change({1, 1}, {4, 5}, measured("path")) == Approx(5));
  CHECK(std::isinf(change({1, 1}, {2, 0}, measured("kl", 0))));
  CHECK(change({2, 0}, {1, 1}, measured("kl", 0)) == Approx(std::log(2.0)));
  // The published way: only the gene that is not infinite, 0.5 ln(0.5 / 1) - 0.5 + 1.
  CriticalityOptions published = measured("kl", 0);
  published.drop_infinite = true;
  CHECK(change({1, 1}, {2, 0}, published) == Approx(0.5 - 0.5 * std::log(2.0)));
}

TEST_CASE("changes are those of a naive twin, whatever the number of threads", "[criticality]") {
  const std::int64_t n = 77, genes = 19;
  const Matrix a = positive_cells(n, genes, 1), b = positive_cells(n, genes, 2);
  std::vector<double> mean(genes);
  for (std::int64_t g = 0; g < genes; ++g) mean[g] = 0.5 + 0.1 * static_cast<double>(g);
  const std::vector<double> one = profile_change(a, b, mean, measured("kl", 0.01));
  for (std::int64_t i = 0; i < n; ++i) {
    double sum_a = 0, sum_b = 0, expected = 0;
    for (std::int64_t g = 0; g < genes; ++g) {
      sum_a += a(i, g) + 0.01 * mean[g];
      sum_b += b(i, g) + 0.01 * mean[g];
    }
    for (std::int64_t g = 0; g < genes; ++g) {
      const double p = (a(i, g) + 0.01 * mean[g]) / sum_a, q = (b(i, g) + 0.01 * mean[g]) / sum_b;
      expected += p * std::log(p / q);
    }
    REQUIRE(one[i] == Approx(expected).epsilon(1e-10));
    REQUIRE(one[i] > 0);
  }
  const ThreadScope scope(2);
  REQUIRE(profile_change(a, b, mean, measured("kl", 0.01)) == one);
}

TEST_CASE("multiples of all expression change nothing, nor does rest", "[criticality]") {
  CHECK(change({1, 2, 3}, {1, 2, 3}, measured("kl")) == 0.0);
  CHECK(change({1, 2, 3}, {1, 2, 3}, measured("js")) == 0.0);
  CHECK(change({1, 2, 3}, {10, 20, 30}, measured("kl", 0)) == Approx(0.0).margin(1e-15));
  // What is below zero counts as nothing.
  CHECK(change({1, -2}, {3, 1}, measured("kl")) == change({1, 0}, {3, 1}, measured("kl")));
}

TEST_CASE("states that are not finite or hold nothing have no change", "[criticality]") {
  CHECK(std::isnan(change({1, NAN}, {1, 1}, measured("kl"))));
  CHECK(std::isnan(change({1, 1}, {INFINITY, 1}, measured("js"))));
  CHECK(std::isnan(change({0, 0}, {1, 1}, measured("kl", 0))));
}

TEST_CASE("profiles of genes that states stand for are those of their expression", "[criticality]") {
  const std::int64_t n = 13, dims = 3, times = 4, genes = 41;
  std::vector<double> states(static_cast<std::size_t>(n * dims * times));
  for (std::size_t e = 0; e < states.size(); ++e) states[e] = uniform(7, Stream::Shuffle, 3, e) - 0.5;
  StateExpression to_genes{Matrix(genes, dims), std::vector<double>(genes)};
  std::vector<double> mean(genes);
  for (std::int64_t g = 0; g < genes; ++g) {
    to_genes.bias[g] = 2 * uniform(7, Stream::Shuffle, 4, static_cast<std::uint64_t>(g)) - 0.3;
    mean[g] = 0.1 + static_cast<double>(g);
    for (std::int64_t j = 0; j < dims; ++j)
      to_genes.weights(g, j) =
          3 * uniform(7, Stream::Shuffle, 5, static_cast<std::uint64_t>(g * dims + j)) - 1;
  }
  const PathStates paths{states.data(), n, dims, times};
  std::vector<double> expressed(static_cast<std::size_t>(n * genes * times));
  for (std::int64_t t = 0; t < times; ++t) {
    for (std::int64_t g = 0; g < genes; ++g) {
      for (std::int64_t i = 0; i < n; ++i) {
        double e = to_genes.bias[g];
        for (std::int64_t j = 0; j < dims; ++j) e += to_genes.weights(g, j) * paths(i, j, t);
        expressed[i + n * (g + genes * t)] = std::exp(std::max(e, 0.0)) - 1;
      }
    }
  }
  for (const char* measure : {"kl", "js"}) {
    const Matrix found = path_changes(paths, &to_genes, mean, measured(measure));
    const Matrix twin = path_changes({expressed.data(), n, genes, times}, nullptr, mean, measured(measure));
    REQUIRE(found.cols == times - 1);
    for (std::size_t e = 0; e < found.values.size(); ++e)
      REQUIRE(found.values[e] == Approx(twin.values[e]).epsilon(1e-9));
  }
  // What no number of molecules can be is not known.
  states[0] = 1e6;
  CHECK(std::isnan(path_changes(paths, &to_genes, mean, measured("kl"))(0, 0)));
}

TEST_CASE("criticality that cannot be is refused", "[criticality]") {
  const Matrix two(2, 3);
  CHECK_THROWS_AS(profile_change(two, two, {1, 1}, measured("kl")), Error);
  CHECK_THROWS_AS(profile_change(two, two, {0, 0, 0}, measured("kl")), Error);
  CHECK_THROWS_AS(profile_change(two, two, {1, 1, -1}, measured("kl")), Error);
  CHECK_THROWS_AS(profile_change(two, two, {1, 1, 1}, measured("kl", -1)), Error);
  CHECK_THROWS_AS(profile_change(two, two, {1, 1, 1}, measured("size")), Error);
}
