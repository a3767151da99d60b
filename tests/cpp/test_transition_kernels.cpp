// Transitions without velocity: weights, pseudotime, and drift and noise against closed forms.
#include "velocity/transitions/kernels.hpp"

#include "test.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "chains.hpp"
#include "velocity/transitions/absorption.hpp"

using namespace fatefield;

namespace {

// Weights of 1 between points of a line that are at most `reach` places apart.
SparseRows line_graph(std::int64_t n, std::int64_t reach) {
  SparseRows x;
  x.rows = x.cols = n;
  x.start.push_back(0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = std::max<std::int64_t>(0, i - reach); j <= std::min(n - 1, i + reach); ++j) {
      if (j == i) continue;
      x.index.push_back(static_cast<std::int32_t>(j));
      x.value.push_back(1);
    }
    x.start.push_back(x.stored());
  }
  return x;
}

double row_sum(const SparseRows& x, std::int64_t i) {
  double sum = 0;
  for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) sum += x.value[e];
  return sum;
}

}  // namespace

TEST_CASE("connectivity goes by the weights", "[kernels]") {
  const SparseRows p = connectivity_transitions(chain_of({{0, 1, 3}, {1, 0, 0}, {0, 0, 0}}));
  CHECK(p.value[0] == 0.25);
  CHECK(p.value[1] == 0.75);
  CHECK(row_sum(p, 1) == 1.0);
  CHECK(p.start[3] == p.start[2]);
}

TEST_CASE("along a pseudotime steps back are unlikely, and cells without one are left out", "[kernels]") {
  std::vector<double> time;
  for (int i = 0; i < 50; ++i) time.push_back(i * 0.1);
  time[20] = std::nan("");
  const SparseRows p = pseudotime_transitions(line_graph(50, 2), time);
  for (std::int64_t i = 3; i < 15; ++i) {
    double forward = 0, back = 0;
    for (std::int64_t e = p.start[i]; e < p.start[i + 1]; ++e)
      (p.index[e] > i ? forward : back) += p.value[e];
    CHECK(forward + back == Approx(1.0));
    CHECK(forward > 5 * back);
    CHECK(back > 0);
  }
  CHECK(row_sum(p, 20) == 0.0);
  for (std::int64_t e = p.start[19]; e < p.start[20]; ++e) CHECK((p.index[e] != 20 || p.value[e] == 0));
  CHECK_THROWS_AS(pseudotime_transitions(line_graph(50, 2), std::vector<double>(50, 1.0)), Error);
  CHECK_THROWS_AS(pseudotime_transitions(line_graph(50, 2), std::vector<double>(49, 1.0)), Error);
}

TEST_CASE("Brownian motion with drift leaves by either end as often as it should, wherever cells lie",
          "[kernels]") {
  // Points of an interval of length 1, three times as dense at its left as at its right.
  const std::int64_t n = 400;
  Matrix x(n, 1), drift(n, 1), noise(n, 1);
  const double mu = 0.6, sigma = 0.7;
  for (std::int64_t i = 0; i < n; ++i) {
    const double u = static_cast<double>(i) / static_cast<double>(n - 1);
    x(i, 0) = 0.5 * u + 0.5 * u * u;
    drift(i, 0) = mu;
    noise(i, 0) = sigma;
  }
  const SparseRows p = drift_transitions(line_graph(n, 8), x, drift, noise);
  std::vector<std::int32_t> state(static_cast<std::size_t>(n), -1);
  for (std::int64_t i = 0; i < 8; ++i) state[static_cast<std::size_t>(i)] = 0;
  for (std::int64_t i = n - 8; i < n; ++i) state[static_cast<std::size_t>(i)] = 1;
  const Absorption found = absorption(p, state, 2, {});
  const double low = x(7, 0), high = x(n - 8, 0), c = 2 * mu / (sigma * sigma);
  for (std::int64_t i = 40; i < n - 40; i += 20) {
    const double right = (1 - std::exp(-c * (x(i, 0) - low))) / (1 - std::exp(-c * (high - low)));
    CHECK(found.probability(i, 1) == Approx(right).margin(0.02));
  }
}

TEST_CASE("jumps have the mean and the spread of the equation in several dimensions", "[kernels]") {
  const std::int64_t side = 21, n = side * side;
  Matrix x(n, 2), drift(n, 2), noise(n, 2);
  SparseRows near;
  near.rows = near.cols = n;
  near.start.push_back(0);
  for (std::int64_t i = 0; i < n; ++i) {
    x(i, 0) = static_cast<double>(i % side);
    x(i, 1) = static_cast<double>(i / side);
    drift(i, 0) = 0.1;
    drift(i, 1) = -0.05;
    noise(i, 0) = 1;
    noise(i, 1) = 0.5;
    for (std::int64_t j = 0; j < n; ++j) {
      if (j == i || std::abs(j % side - i % side) > 2 || std::abs(j / side - i / side) > 2) continue;
      near.index.push_back(static_cast<std::int32_t>(j));
      near.value.push_back(1);
    }
    near.start.push_back(near.stored());
  }
  const SparseRows p = drift_transitions(near, x, drift, noise);
  const std::int64_t middle = 10 * side + 10;
  double mean[2] = {0, 0}, square[2] = {0, 0};
  for (std::int64_t e = p.start[middle]; e < p.start[middle + 1]; ++e) {
    for (std::int64_t d = 0; d < 2; ++d) {
      const double step = x(p.index[e], d) - x(middle, d);
      mean[d] += p.value[e] * step;
      square[d] += p.value[e] * step * step;
    }
  }
  const double time = (square[0] + square[1]) / 1.25;
  CHECK(mean[0] / time == Approx(0.1).epsilon(0.02));
  CHECK(mean[1] / time == Approx(-0.05).epsilon(0.02));
  // Four times in the equation; the cells around hold no more.
  CHECK(square[0] > 1.8 * square[1]);
  for (std::int64_t i = 0; i < n; ++i) CHECK(row_sum(p, i) == Approx(1.0));

  std::vector<std::vector<double>> found;
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    found.push_back(drift_transitions(near, x, drift, noise).value);
  }
  CHECK(found[0] == found[1]);
  CHECK_THROWS_AS(drift_transitions(near, x, drift, Matrix(n, 2)), Error);
}
