// Draws: all different, by weight and never more than one off, alike for the same seed.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/sampling.hpp"
#include "test.hpp"

using namespace fatefield;

TEST_CASE("draws without replacement are different items, each as often as any other", "[sampling]") {
  std::vector<int> counts(20, 0);
  for (std::uint64_t draw = 0; draw < 4000; ++draw) {
    std::vector<std::int64_t> items = draw_without_replacement(20, 5, 3, Stream::Bootstrap, draw);
    REQUIRE(items.size() == 5);
    for (std::int64_t i : items) ++counts[i];
    std::sort(items.begin(), items.end());
    REQUIRE(std::unique(items.begin(), items.end()) == items.end());
  }
  for (int c : counts) CHECK(std::abs(c - 1000) < 150);
  CHECK(draw_without_replacement(9, 9, 1, Stream::Bootstrap, 2) ==
        draw_without_replacement(9, 9, 1, Stream::Bootstrap, 2));
  CHECK(draw_without_replacement(9, 0, 1, Stream::Bootstrap, 2).empty());
}

TEST_CASE("draws by weight are those expected but for one", "[sampling]") {
  const std::vector<double> weights = {0.0, 1.0, 2.5, 0.1, 0.0, 3.4, 0.0};
  std::vector<double> mean(7, 0.0);
  for (std::uint64_t draw = 0; draw < 2000; ++draw) {
    const std::vector<std::int64_t> items = draw_by_weight(weights, 10, 3, Stream::Bootstrap, draw);
    REQUIRE(items.size() == 10);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const auto count = std::count(items.begin(), items.end(), static_cast<std::int64_t>(i));
      REQUIRE(std::abs(static_cast<double>(count) - 10 * weights[i] / 7.0) < 1.0);
      mean[i] += static_cast<double>(count) / 2000.0;
    }
  }
  for (std::size_t i = 0; i < weights.size(); ++i)
    CHECK(mean[i] == Approx(10 * weights[i] / 7.0).margin(0.05));
  CHECK_THROWS_AS(draw_by_weight({0.0, 0.0}, 2, 1, Stream::Bootstrap, 0), Error);
  CHECK_THROWS_AS(draw_by_weight({1.0, -1.0}, 2, 1, Stream::Bootstrap, 0), Error);
}
