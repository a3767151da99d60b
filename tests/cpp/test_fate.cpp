// Shares, posterior means and errors against hand calculation; weights, ensembles, threads.
#include "analysis/fate.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

// Ten cells around 0 (label 0), ten around 100 (label 1), ten around 200 (label 2).
LabelTransfer three_heaps() {
  Matrix x(30, 1);
  std::vector<std::int32_t> codes(30);
  for (int i = 0; i < 30; ++i) {
    x(i, 0) = 100 * (i / 10) + 0.1 * (i % 10);
    codes[i] = i / 10;
  }
  LabelOptions o;
  o.k = 5;
  return LabelTransfer(x, codes, 3, o, KnnOptions());
}

// Two cells: the first ends at 0, 0, 100, 5000; the second at 200 twice.
struct Ends {
  Matrix x = Matrix(6, 1);
  std::vector<std::int32_t> cell = {0, 1, 0, 0, 1, 0};

  Ends() { x.values = {0, 200, 0, 100, 200, 5000}; }
};

FateShares shares(std::vector<double> row, double effective) {
  FateShares s;
  s.share = Matrix(1, static_cast<std::int64_t>(row.size()));
  s.share.values = row;
  s.effective = {effective};
  return s;
}

}  // namespace

TEST_CASE("shares count the labels of a cell's end states", "[fate]") {
  const Ends ends;
  const FateShares s = tally_fates(three_heaps(), ends.x, {}, ends.cell, 2);
  CHECK(s.share(0, 0) == 0.5);
  CHECK(s.share(0, 1) == 0.25);
  CHECK(s.share(0, 2) == 0.0);
  CHECK(s.share(0, 3) == 0.25);
  CHECK(s.share(1, 2) == 1.0);
  CHECK(s.effective[0] == 4.0);
}

TEST_CASE("mass weighs the end states and lowers the effective number", "[fate]") {
  const Ends ends;
  const double three = std::log(3.0);
  const FateShares s = tally_fates(three_heaps(), ends.x, {900, 0, 900, 900 + three, 0, 900}, ends.cell, 2);
  CHECK(s.share(0, 1) == Approx(0.5));
  CHECK(s.share(0, 0) == Approx(1.0 / 3));
  CHECK(s.effective[0] == Approx(36.0 / 12));
}

TEST_CASE("a trajectory without mass counts for nothing", "[fate]") {
  const Ends ends;
  const FateShares s = tally_fates(three_heaps(), ends.x, {0, NAN, 0, -INFINITY, -INFINITY, 0}, ends.cell, 2);
  CHECK(s.share(0, 0) == Approx(2.0 / 3));
  CHECK(s.effective[0] == Approx(3));
  CHECK(s.share(1, 3) == 1.0);
  CHECK(s.effective[1] == 0.0);
}

TEST_CASE("probabilities are Dirichlet posterior means over the fates alone", "[fate]") {
  const FateTable t = summarise_fates({shares({0.5, 0.1, 0.3, 0.1}, 200)}, {0, 2}, FateOptions());
  CHECK(t.probability(0, 0) == Approx(100.5 / 161));
  CHECK(t.probability(0, 1) == Approx(60.5 / 161));
  CHECK(t.se(0, 0) == Approx(std::sqrt(100.5 * 60.5) / 161 / std::sqrt(162)));
  CHECK(t.spread(0, 0) == 0.0);
  CHECK(t.other[0] == Approx(0.1));
  CHECK(t.unassigned[0] == Approx(0.1));
  CHECK(t.effective[0] == 200.0);
  const double p = 100.5 / 161;
  CHECK(t.entropy[0] == Approx(-p * std::log(p) - (1 - p) * std::log(1 - p)));
}

TEST_CASE("a cell with nothing in a fate is at the prior, and without one, unknown", "[fate]") {
  const std::vector<FateShares> lost = {shares({0, 0, 0.2, 0.8}, 50)};
  const FateTable t = summarise_fates(lost, {0, 1}, FateOptions());
  CHECK(t.probability(0, 0) == 0.5);
  CHECK(t.entropy[0] == Approx(std::log(2.0)));
  FateOptions none;
  none.prior = 0;
  CHECK(std::isnan(summarise_fates(lost, {0, 1}, none).probability(0, 0)));
  const FateTable sure = summarise_fates({shares({1, 0, 0, 0}, 50)}, {0, 1}, none);
  CHECK(sure.probability(0, 0) == 1.0);
  CHECK(sure.entropy[0] == 0.0);
}

TEST_CASE("the members of an ensemble are averaged and their spread is the error", "[fate]") {
  const double n = 1e9;  // no sampling error to speak of
  const FateTable t =
      summarise_fates({shares({0.2, 0.8, 0, 0}, n), shares({0.4, 0.6, 0, 0}, n)}, {0, 1}, FateOptions());
  CHECK(t.probability(0, 0) == Approx(0.3));
  CHECK(t.spread(0, 0) == Approx(std::sqrt(0.02)));
  CHECK(t.se(0, 0) == Approx(0.1));
  // Members that agree by chance: sampling error remains, that of the mean of two.
  const FateTable same =
      summarise_fates({shares({0.5, 0.5, 0, 0}, 99), shares({0.5, 0.5, 0, 0}, 99)}, {0, 1}, FateOptions());
  CHECK(same.se(0, 0) == Approx(std::sqrt(0.25 / 101 / 2)));
}

TEST_CASE("shares do not depend on threads", "[fate]") {
  const LabelTransfer labels = three_heaps();
  Matrix x(3000, 1);
  std::vector<std::int32_t> cell(3000);
  std::vector<double> weight(3000);
  for (int i = 0; i < 3000; ++i) {
    x(i, 0) = (i * 37) % 211;
    cell[i] = i % 70;
    weight[i] = 0.01 * (i % 13);
  }
  const FateShares one = tally_fates(labels, x, weight, cell, 70);
  const ThreadScope scope(2);
  const FateShares two = tally_fates(labels, x, weight, cell, 70);
  REQUIRE(one.share.values == two.share.values);
  REQUIRE(one.effective == two.effective);
}

TEST_CASE("tallies that do not fit are refused", "[fate]") {
  const LabelTransfer labels = three_heaps();
  const Ends ends;
  CHECK_THROWS_AS(tally_fates(labels, ends.x, {}, ends.cell, 3), Error);
  CHECK_THROWS_AS(tally_fates(labels, ends.x, {}, ends.cell, 1), Error);
  CHECK_THROWS_AS(tally_fates(labels, ends.x, {1.0}, ends.cell, 2), Error);
  CHECK_THROWS_AS(tally_fates(labels, ends.x, {}, {0, 1}, 2), Error);
  CHECK_THROWS_AS(summarise_fates({}, {0}, FateOptions()), Error);
  CHECK_THROWS_AS(summarise_fates({shares({1, 0}, 5)}, {}, FateOptions()), Error);
  CHECK_THROWS_AS(summarise_fates({shares({1, 0}, 5)}, {1}, FateOptions()), Error);
  FateOptions negative;
  negative.prior = -1;
  CHECK_THROWS_AS(summarise_fates({shares({1, 0}, 5)}, {0}, negative), Error);
}
