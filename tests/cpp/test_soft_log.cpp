// log(1 + x) of vectors against the C library.
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.hpp"
#include "base/soft_log.hpp"
#include "test.hpp"

using namespace fatefield;

TEST_CASE("logarithms of vectors are those of the C library but for the last bit", "[soft_log]") {
  std::vector<double> x = {0.0, 1e-300, 1e-17, 1e-9, 0.41421356, 0.41421357, 1.0, 3.0, 1e5, 1e15, 1e300};
  for (std::uint64_t e = 0; e < 3000; ++e) x.push_back(std::exp(40 * uniform(3, Stream::Shuffle, 1, e) - 30));
  std::vector<double> found(x.size());
  soft_logs(static_cast<std::int64_t>(x.size()), x.data(), found.data());
  for (std::size_t e = 0; e < x.size(); ++e) {
    const double wanted = std::log1p(x[e]);
    REQUIRE(std::abs(found[e] - wanted) <= 4 * std::numeric_limits<double>::epsilon() * wanted);
  }
}

TEST_CASE("what is below zero or not finite stays, wherever it stands and in place", "[soft_log]") {
  for (std::int64_t n = 1; n < 20; ++n) {
    std::vector<double> x(static_cast<std::size_t>(n), 2.0);
    x[static_cast<std::size_t>(n - 1)] = -0.5;
    soft_logs(n, x.data(), x.data());
    for (std::int64_t k = 0; k + 1 < n; ++k) REQUIRE(x[static_cast<std::size_t>(k)] == x[0]);
    REQUIRE(x.back() == -0.5);
  }
  std::vector<double> odd = {NAN, INFINITY, -INFINITY};
  soft_logs(3, odd.data(), odd.data());
  CHECK(std::isnan(odd[0]));
  CHECK(std::isinf(odd[1]));
  CHECK(std::isinf(odd[2]));
}
