// Philox against the published known answers; moments, distribution and tails of normals; masks; their
// independence of batching and of the instruction set.
#include "base/rng.hpp"
#include "base/rng_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
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

TEST_CASE("normals in float are those in double, to rounding", "[rng]") {
  const std::uint64_t first = (std::uint64_t{1} << 32) - 20000;  // the low word wraps on the way
  for (int d : {1, 3, 4, 50, 64}) {
    const int n = 400000 / d;
    std::vector<float> z(n * d);
    std::vector<double> exact(n * d);
    normals<float>(5, Stream::Noise, first, n, 9, d, z.data());
    normals<double>(5, Stream::Noise, first, n, 9, d, exact.data());
    double worst = 0;
    for (int k = 0; k < n * d; ++k) worst = std::max(worst, std::abs(z[k] - exact[k]));
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("normals in float have the distribution and the tails of a normal", "[rng]") {
  const int n = 2000000, d = 50;
  std::vector<float> z(n);
  normals<float>(13, Stream::Noise, 0, n / d, 1, d, z.data());
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  for (double at : {3.0, 4.0, 4.5}) {
    double count = 0;
    for (float v : z) count += std::abs(v) > at;
    const double expected = n * 2 * below(-at);
    CHECK(std::abs(count - expected) < 5 * std::sqrt(expected));
  }
  std::sort(z.begin(), z.end());
  double distance = 0;  // Kolmogorov and Smirnov's
  for (int k = 0; k < n; ++k) {
    const double p = below(z[k]);
    distance = std::max({distance, (k + 1.0) / n - p, p - static_cast<double>(k) / n});
  }
  CHECK(distance < 1.95 / std::sqrt(static_cast<double>(n)));  // exceeded once in a thousand
}

TEST_CASE("all versions of the random loops give the same bytes", "[rng]") {
  const int rows = 1003;
  BlockRun run{0x123456789abcdefull, (std::uint64_t{7} << 32) + 9, 5, 0x05020000u, 0, rows};
  for (int parts : {1, 3, 4, 13, 16, 40}) {
    run.parts = parts;
    std::vector<float> z(rows * parts * 4), other(z.size());
    std::vector<float> mask(rows * parts * 8), other_mask(mask.size());
    const auto& versions = rng_kernel_versions();
    versions[0].normals(run, z.data());
    if (parts % 4 == 0) versions[0].masks(run, 50000, 1.5f, mask.data());
    for (const auto& kernels : versions) {
      INFO(kernels.name << ", " << parts);
      kernels.normals(run, other.data());
      CHECK(std::memcmp(z.data(), other.data(), z.size() * sizeof(float)) == 0);
      if (parts % 4 != 0) continue;
      kernels.masks(run, 50000, 1.5f, other_mask.data());
      CHECK(mask == other_mask);
    }
  }
}

TEST_CASE("dropout masks keep their share, whatever the batch and the type", "[rng]") {
  const int n = 5000, width = 70;
  std::vector<float> whole(n * width), part(n * width);
  bernoulli_masks(3, Stream::Dropout, 2, 10, n, 4, width, 0.9, 1.25f, whole.data());
  bernoulli_masks(3, Stream::Dropout, 2, 10, 777, 4, width, 0.9, 1.25f, part.data());
  bernoulli_masks(3, Stream::Dropout, 2, 787, n - 777, 4, width, 0.9, 1.25f, part.data() + 777 * width);
  CHECK(whole == part);
  std::vector<double> wide(n * width);
  bernoulli_masks(3, Stream::Dropout, 2, 10, n, 4, width, 0.9, 1.25f, wide.data());
  CHECK(std::equal(whole.begin(), whole.end(), wide.begin()));

  std::vector<int> kept(width);
  double total = 0, both = 0;
  for (int i = 0; i < n; ++i) {
    for (int u = 0; u < width; ++u) {
      const float v = whole[i * width + u];
      REQUIRE((v == 0.0f || v == 1.25f));
      kept[u] += v != 0;
      total += v != 0;
      both += v != 0 && whole[i * width + (u + 1) % width] != 0;
    }
  }
  const double N = static_cast<double>(n) * width;
  CHECK(std::abs(total / N - 0.9) < 5 * std::sqrt(0.09 / N));
  CHECK(std::abs(both / N - 0.81) < 10 * std::sqrt(0.81 * 0.19 / N));
  for (int u = 0; u < width; ++u) CHECK(std::abs(kept[u] - 0.9 * n) < 5 * std::sqrt(0.09 * n));

  bernoulli_masks(3, Stream::Dropout, 3, 10, n, 4, width, 0.9, 1.25f, part.data());
  CHECK(whole != part);
  bernoulli_masks(3, Stream::Dropout, 3, 10, n, 4, width, 1.0, 1.25f, part.data());
  CHECK(std::count(part.begin(), part.end(), 1.25f) == n * width);
}
