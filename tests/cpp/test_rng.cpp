// Philox against the published known answers; the normals' moments and their independence of batching.
#include "base/rng.hpp"

#include <cmath>
#include <set>
#include <vector>

#include "test.hpp"

using namespace fatefield;

TEST_CASE("philox gives the known answers of its authors", "[rng]") {
  using Block = std::array<std::uint32_t, 4>;
  REQUIRE(philox({0, 0, 0, 0}, 0) == Block{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const std::uint32_t ones = 0xffffffffu;
  REQUIRE(philox({ones, ones, ones, ones}, ~0ull) ==
          Block{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  REQUIRE(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, 0x299f31d0a4093822ull) ==
          Block{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("normals have the moments of a standard normal", "[rng]") {
  const int n = 200000;
  std::vector<double> z(n);
  normals<double>(7, Stream::Noise, 0, n / 5, 3, 5, z.data());
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (double v : z) {
    m1 += v / n;
    m2 += v * v / n;
    m3 += v * v * v / n;
    m4 += v * v * v * v / n;
  }
  // Five standard errors of each moment.
  const double s = 5.0 / std::sqrt(static_cast<double>(n));
  CHECK(std::abs(m1) < s);
  CHECK(std::abs(m2 - 1) < s * std::sqrt(2.0));
  CHECK(std::abs(m3) < s * std::sqrt(15.0));
  CHECK(std::abs(m4 - 3) < s * std::sqrt(96.0));
}

TEST_CASE("a normal depends on its trajectory, step and channel alone", "[rng]") {
  const int n = 37, d = 6;
  std::vector<float> whole(n * d), part(n * d);
  normals<float>(11, Stream::Noise, 100, n, 4, d, whole.data());
  normals<float>(11, Stream::Noise, 100, 10, 4, d, part.data());
  normals<float>(11, Stream::Noise, 110, n - 10, 4, d, part.data() + 10 * d);
  REQUIRE(whole == part);
  std::vector<float> other(n * d);
  normals<float>(11, Stream::Noise, 100, n, 5, d, other.data());
  REQUIRE(whole != other);
  normals<float>(11, Stream::Levy, 100, n, 4, d, other.data());
  REQUIRE(whole != other);
}

TEST_CASE("permutations hold every index once and uniforms stay inside", "[rng]") {
  std::vector<std::int64_t> p(1000);
  permutation(3, Stream::Batch, 0, 1000, p.data());
  REQUIRE(std::set<std::int64_t>(p.begin(), p.end()).size() == 1000);
  for (int i = 0; i < 1000; ++i) {
    const double u = uniform(3, Stream::Split, i, 0);
    REQUIRE((u > 0 && u < 1));
    REQUIRE(uniform_index(3, Stream::Batch, i, 1, 7) < 7);
  }
}
