// Digests of cells: equal for equal values, other for other values, positions and orders; zeros count for
// nothing.
#include "base/digest.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "base/rng.hpp"
#include "test.hpp"

using namespace fatefield;

namespace {

double digest_of(const std::vector<double>& values) {
  Digest d;
  for (std::size_t i = 0; i < values.size(); ++i) d.add(i, values[i]);
  return d.value();
}

}  // namespace

TEST_CASE("a digest is a function of the values and of where they stand", "[digest]") {
  REQUIRE(digest_of({1, 2, 3}) == digest_of({1, 2, 3}));
  REQUIRE(digest_of({1, 2, 3}) != digest_of({1, 3, 2}));
  REQUIRE(digest_of({1, 2, 3}) != digest_of({1, 2, std::nextafter(3.0, 4.0)}));
  REQUIRE(digest_of({1, 2}) != digest_of({-1, 2}));
  REQUIRE(digest_of({}) == 0);
}

TEST_CASE("zeros count for nothing, so that sparse and dense matrices agree", "[digest]") {
  Digest sparse;
  sparse.add(1, 5);
  sparse.add(3, 7);
  REQUIRE(digest_of({0, 5, 0, 7, 0}) == sparse.value());
  REQUIRE(digest_of({-0.0, 5}) == digest_of({0.0, 5}));
  REQUIRE(digest_of({0, 5}) != digest_of({5, 0}));
}

TEST_CASE("all kinds of NaN are one", "[digest]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(digest_of({nan}) == digest_of({-nan}));
  REQUIRE(digest_of({nan}) != digest_of({std::numeric_limits<double>::infinity()}));
}

TEST_CASE("digests are whole numbers that a double keeps, and many cells have as many", "[digest]") {
  std::set<double> seen;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    Digest d;
    for (std::uint64_t j = 0; j < 3; ++j) d.add(j, uniform(1, Stream::Noise, i, j));
    const double v = d.value();
    REQUIRE(v == std::floor(v));
    REQUIRE(v < 9007199254740992.0);
    seen.insert(v);
  }
  REQUIRE(seen.size() == 100000);
}
