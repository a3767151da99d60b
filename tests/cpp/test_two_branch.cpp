// The two-branch system: kinetics against their differential equations, the share of the branches, counts
// around their means.
#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "sim/two_branch.hpp"
#include "test.hpp"

using namespace fatefield;

TEST_CASE("velocities of the two-branch system are the slopes of its paths", "[two_branch]") {
  TwoBranchOptions o;
  o.n_cells = 20000;
  o.n_genes = 30;
  o.major_share = 0.7;
  const TwoBranch s = simulate_two_branch(o, 3);
  // Successive cells of one branch, 0.4 thousandths of the whole time apart or a little more.
  double worst = 0.0;
  for (std::int64_t g = 0; g < o.n_genes; ++g) {
    std::int64_t before = -1;
    for (std::int64_t i = 0; i < o.n_cells; ++i) {
      if (s.branch[static_cast<std::size_t>(i)] == Branch::Minor) continue;
      if (before >= 0) {
        const double h = s.time[static_cast<std::size_t>(i)] - s.time[static_cast<std::size_t>(before)];
        const double slope = (s.spliced(g, i) - s.spliced(g, before)) / h;
        const double mean = 0.5 * (s.velocity(g, i) + s.velocity(g, before));
        worst = std::max(worst, std::abs(slope - mean) / (1.0 + s.genes.alpha[static_cast<std::size_t>(g)]));
      }
      before = i;
    }
  }
  CHECK(worst < 1e-3);

  double behind = 0.0, major = 0.0;
  for (std::size_t i = 0; i < s.time.size(); ++i) {
    CHECK((s.branch[i] == Branch::Both) == (s.time[i] <= o.fork));
    behind += s.branch[i] != Branch::Both;
    major += s.branch[i] == Branch::Major;
  }
  CHECK(std::abs(major / behind - 0.7) < 1e-4);
}

TEST_CASE("genes of a branch stay low in the other, and counts lie around their means", "[two_branch]") {
  TwoBranchOptions o;
  o.n_cells = 4000;
  o.n_genes = 30;
  const TwoBranch s = simulate_two_branch(o, 1);
  for (std::int64_t g = 0; g < o.n_genes; ++g) {
    const Branch home = s.genes.branch[static_cast<std::size_t>(g)];
    double mean = 0.0, counts = 0.0, variance = 0.0;
    for (std::int64_t i = 0; i < o.n_cells; ++i) {
      const auto cell = static_cast<std::size_t>(i);
      if (home != Branch::Both && s.branch[cell] != home) CHECK(std::abs(s.velocity(g, i)) < 1e-12);
      const double expected = s.library[cell] * s.spliced(g, i);
      mean += expected;
      counts += s.spliced_counts(g, i);
      variance += expected + o.dispersion * expected * expected;
    }
    CHECK(std::abs(counts - mean) < 5.0 * std::sqrt(variance));
  }
}

TEST_CASE("the two-branch system is the same bytes on any threads, and says what it cannot be",
          "[two_branch][identity]") {
  TwoBranchOptions o;
  o.n_cells = 100;
  const auto on = [&](int n) {
    const ThreadScope scope(n);
    return simulate_two_branch(o, 9).spliced_counts.values;
  };
  CHECK(on(1) == on(2));
  const auto refused = [](auto change) {
    TwoBranchOptions bad;
    change(bad);
    CHECK_THROWS_AS(simulate_two_branch(bad, 1), Error);
  };
  refused([](TwoBranchOptions& b) { b.n_cells = 2; });
  refused([](TwoBranchOptions& b) { b.n_genes = 0; });
  refused([](TwoBranchOptions& b) { b.major_share = 1.0; });
  refused([](TwoBranchOptions& b) { b.fork = b.span; });
  refused([](TwoBranchOptions& b) { b.depth = 0.0; });
  refused([](TwoBranchOptions& b) { b.dispersion = -1.0; });
}
