// First passage, staying, and the fates to come, against hand calculation.
#include "analysis/commitment.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

Matrix votes_of(const std::vector<double>& row) {
  Matrix x(1, static_cast<std::int64_t>(row.size()));
  x.values = row;
  return x;
}

}  // namespace

TEST_CASE("a share that rises in a straight line passes the threshold between two times", "[commitment]") {
  const Passages p = find_passages(votes_of({0, 0.5, 1}), {0, 2, 4}, 0.6);
  CHECK(p.first[0] == Approx(2.4));
  CHECK(p.stays[0] == Approx(2.4));
  CHECK(p.until[0] == 4);
}

TEST_CASE("a path that leaves again commits only where it stays", "[commitment]") {
  const Passages p = find_passages(votes_of({0, 0.8, 0.2, 0.8, 0.9}), {0, 1, 2, 3, 4}, 0.6);
  CHECK(p.first[0] == Approx(0.75));
  CHECK(p.stays[0] == Approx(2 + 2.0 / 3));
  const Passages left = find_passages(votes_of({0.7, 0.8, 0.2}), {1, 2, 3}, 0.6);
  CHECK(left.first[0] == 1);
  CHECK(std::isnan(left.stays[0]));
  const Passages exact = find_passages(votes_of({0, 0.6}), {0, 1}, 0.6);
  CHECK(exact.first[0] == Approx(1));
}

TEST_CASE("a path ends where a share is not known", "[commitment]") {
  const Passages p = find_passages(votes_of({0, 0.2, NAN, 0.9}), {0, 1, 2, 3}, 0.6);
  CHECK(std::isnan(p.first[0]));
  CHECK(p.until[0] == 1);
  const Passages none = find_passages(votes_of({NAN, 1}), {0, 1}, 0.6);
  CHECK(std::isnan(none.until[0]));
  CHECK(std::isnan(none.first[0]));
  CHECK_THROWS_AS(find_passages(votes_of({0, 1}), {0}, 0.6), Error);
}

TEST_CASE("the fates to come are the weighted means of the neighbours' ends", "[commitment]") {
  Matrix ends(3, 2);
  ends(0, 0) = 1;
  ends(1, 1) = 1;
  const std::vector<std::int32_t> near = {1, 2, 0, 2, 0, 1};
  const Matrix s = forward_shares(near, 2, ends, {3, 1, 1});
  CHECK(s(0, 1) == 1);
  CHECK(s(1, 0) == 1);
  CHECK(s(2, 0) == Approx(0.75));
  CHECK(s(2, 1) == Approx(0.25));
  const Matrix lost = forward_shares({2, 2, 0}, 1, ends, {1, 1, 1});
  CHECK(std::isnan(lost(0, 0)));
  CHECK(lost(2, 0) == 1);
  CHECK_THROWS_AS(forward_shares({0, 1}, 1, ends, {1, 1, 1}), Error);
  CHECK_THROWS_AS(forward_shares({0, 1, 2}, 1, ends, {1}), Error);
}

TEST_CASE("fates to come do not depend on threads", "[commitment]") {
  const std::int64_t n = 5000, k = 3;
  Matrix ends(n, 3);
  std::vector<std::int32_t> near(n * k);
  std::vector<double> weight(n);
  for (std::int64_t i = 0; i < n; ++i) {
    ends(i, i % 3) = 1;
    weight[i] = 0.1 + 0.01 * static_cast<double>(i % 17);
    for (std::int64_t j = 0; j < k; ++j)
      near[i * k + j] = static_cast<std::int32_t>((i * 31 + j * 7 + 1) % n);
  }
  const Matrix one = forward_shares(near, k, ends, weight);
  const ThreadScope scope(2);
  REQUIRE(forward_shares(near, k, ends, weight).values == one.values);
}
