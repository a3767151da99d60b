// Absorption against closed forms of the gambler's ruin and against whole systems.
#include "velocity/transitions/absorption.hpp"

#include "test.hpp"
// Eigen behind LibTorch.
#include <Eigen/LU>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "chains.hpp"

using namespace fatefield;

namespace {

// A random walk on a ring of n cells with long steps, which now and then goes to one of the first m.
SparseRows ring_walk(std::int64_t n, std::int64_t links, std::int64_t m, double absorb) {
  SparseRows x;
  x.rows = x.cols = n;
  x.start.push_back(0);
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<std::pair<std::int32_t, double>> row;
    for (std::int64_t k = 0; k < links; ++k) {
      const std::int64_t step = 1 + static_cast<std::int64_t>(uniform_index(3, Stream::Simulator, i, k, 40));
      const std::int64_t to = k == 0 ? (i + 1) % n : (i + (k % 3 == 0 ? n - step : step)) % n;
      row.emplace_back(static_cast<std::int32_t>(to), uniform(3, Stream::Noise, i, k));
    }
    const double to_first = absorb * uniform(3, Stream::Noise, i, 999);
    row.emplace_back(static_cast<std::int32_t>(uniform_index(3, Stream::Simulator, i, 999, m)), to_first);
    std::sort(row.begin(), row.end());
    for (const auto& entry : row) {
      if (x.stored() > x.start.back() && x.index.back() == entry.first) {
        x.value.back() += entry.second;
        continue;
      }
      x.index.push_back(entry.first);
      x.value.push_back(entry.second);
    }
    x.start.push_back(x.stored());
  }
  normalise_rows(x);
  return x;
}

std::vector<std::int32_t> first_as_states(std::int64_t n, std::int64_t m) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(n), -1);
  for (std::int64_t i = 0; i < m; ++i) out[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
  return out;
}

}  // namespace

TEST_CASE("a gambler is ruined as often and as late as the closed form says", "[absorption]") {
  const std::int64_t n = 60;
  for (const double p : {0.5, 0.45, 0.6}) {
    std::vector<std::int32_t> state(static_cast<std::size_t>(n + 1), -1);
    state[0] = 0;
    state[static_cast<std::size_t>(n)] = 1;
    const Absorption found = absorption(gambler(n, p), state, 2, {});
    REQUIRE(found.converged);
    CHECK(found.error <= 1e-6);
    const double r = (1 - p) / p;
    for (std::int64_t i = 0; i <= n; ++i) {
      const double x = static_cast<double>(i), all = static_cast<double>(n);
      const double wins = p == 0.5 ? x / all : (1 - std::pow(r, x)) / (1 - std::pow(r, all));
      const double games = p == 0.5 ? x * (all - x) : (x - all * wins) / (1 - 2 * p);
      CHECK(found.probability(i, 1) == Approx(wins).margin(2e-6));
      CHECK(found.probability(i, 0) == Approx(1 - wins).margin(2e-6));
      CHECK(found.steps[static_cast<std::size_t>(i)] == Approx(games).epsilon(1e-4).margin(1e-9));
      // Of the games that are won, at even odds: (n^2 - i^2) / 3.
      if (p == 0.5 && i > 0)
        CHECK(found.steps_to(i, 1) == Approx((all * all - x * x) / 3).epsilon(1e-3).margin(1e-9));
    }
  }
}

TEST_CASE("absorption in random chains is that of the whole system", "[absorption]") {
  const std::int64_t n = 400, m = 3;
  const SparseRows chain = ring_walk(n, 8, m, 0.05);
  AbsorptionOptions tight;
  tight.tolerance = 1e-9;
  const Absorption found = absorption(chain, first_as_states(n, m), m, tight);
  REQUIRE(found.converged);
  Eigen::MatrixXd a = Eigen::MatrixXd::Identity(n - m, n - m), right = Eigen::MatrixXd::Zero(n - m, m);
  for (std::int64_t i = m; i < n; ++i) {
    for (std::int64_t e = chain.start[i]; e < chain.start[i + 1]; ++e) {
      if (chain.index[e] >= m)
        a(i - m, chain.index[e] - m) -= chain.value[e];
      else
        right(i - m, chain.index[e]) += chain.value[e];
    }
  }
  const Eigen::PartialPivLU<Eigen::MatrixXd> lu(a);
  const Eigen::MatrixXd share = lu.solve(right);
  const Eigen::MatrixXd to = lu.solve(share);
  const Eigen::VectorXd steps = lu.solve(Eigen::VectorXd::Ones(n - m));
  for (std::int64_t i = m; i < n; ++i) {
    CHECK(found.steps[static_cast<std::size_t>(i)] == Approx(steps[i - m]).epsilon(1e-6));
    for (std::int64_t s = 0; s < m; ++s) {
      CHECK(found.probability(i, s) == Approx(share(i - m, s)).margin(1e-9));
      CHECK(found.steps_to(i, s) == Approx(to(i - m, s) / share(i - m, s)).epsilon(1e-5));
    }
  }
}

TEST_CASE("walks that end nowhere are told, and cells without steps stay out", "[absorption]") {
  // 0 is the end; 1 goes there or into the trap {2, 3}; 4 goes nowhere; 5 to 4 or 0.
  const SparseRows chain = chain_of({{1, 0, 0, 0, 0, 0},
                                     {0.25, 0, 0.75, 0, 0, 0},
                                     {0, 0, 0, 1, 0, 0},
                                     {0, 0, 1, 0, 0, 0},
                                     {0, 0, 0, 0, 0, 0},
                                     {0.5, 0, 0, 0, 0.5, 0}});
  const Absorption found = absorption(chain, {0, -1, -1, -1, -1, -1}, 1, {});
  CHECK(found.probability(0, 0) == 1.0);
  CHECK(found.probability(1, 0) == Approx(0.25));
  CHECK(found.probability(2, 0) == 0.0);
  CHECK(found.probability(4, 0) == 0.0);
  CHECK(found.probability(5, 0) == Approx(0.5));
  CHECK(found.steps[1] == Approx(1.0));
  CHECK(std::isnan(found.steps[2]));
}

TEST_CASE("absorption is the same on any number of threads, and its bound holds", "[absorption]") {
  const std::int64_t n = 3000, m = 2;
  // Some 10,000 steps until an end.
  const SparseRows chain = ring_walk(n, 12, m, 5e-4);
  std::vector<std::vector<double>> found;
  for (const int threads : {1, 2}) {
    const ThreadScope scope(threads);
    const Absorption a = absorption(chain, first_as_states(n, m), m, {});
    REQUIRE(a.converged);
    CHECK(a.error <= 1e-6);
    for (std::int64_t i = 0; i < n; ++i) {
      if (std::abs(a.probability(i, 0) + a.probability(i, 1) - 1) > 2e-6)
        FAIL("row " << i << " does not sum to 1");
    }
    found.push_back(a.probability.values);
  }
  CHECK(found[0] == found[1]);
}

TEST_CASE("wrong terminal states are named", "[absorption]") {
  const SparseRows chain = gambler(4, 0.5);
  const auto argument = [&](const std::vector<std::int32_t>& state, std::int64_t n) {
    try {
      absorption(chain, state, n, {});
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("nothing");
  };
  CHECK(argument({-1, -1, -1, -1, -1}, 1) == "states");
  CHECK(argument({0, -1, -1, -1, -1}, 2) == "states");
  CHECK(argument({0, -1, -1}, 1) == "states");
  CHECK(argument({2, -1, -1, -1, 1}, 2) == "states");
  AbsorptionOptions o;
  o.tolerance = 0;
  CHECK_THROWS_AS(absorption(chain, {0, -1, -1, -1, 1}, 2, o), Error);
}
