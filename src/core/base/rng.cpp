// Takes a seed, a stream and a counter; gives uniforms, normals (Box-Muller) and permutations.
#include "base/rng.hpp"

#include <cmath>
#include <numeric>
#include <utility>

namespace fatefield {
namespace {

__extension__ using Wide = unsigned __int128;

// Constants of Philox 4x32 (Salmon et al. 2011, table 2).
constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
constexpr double kTwoPi = 6.283185307179586476925286766559;

std::array<std::uint32_t, 4> block(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint32_t step,
                                   std::uint32_t part) {
  // The stream takes the top byte of the word that counts channels: 2^24 blocks of four channels are left.
  const std::uint32_t purpose = (static_cast<std::uint32_t>(stream) << 24) | part;
  return philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), step, purpose}, seed);
}

// 32 random bits to the middle of one of 2^32 equal cells of (0, 1).
double to_open_unit(std::uint32_t bits) { return (bits + 0.5) * (1.0 / 4294967296.0); }

std::uint64_t join(std::uint32_t high, std::uint32_t low) {
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint64_t key) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key);
  std::uint32_t k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(kMultiplier0) * c[0];
    const std::uint64_t p1 = static_cast<std::uint64_t>(kMultiplier1) * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

std::uint64_t uniform_index(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint64_t draw,
                            std::uint64_t bound) {
  const auto r =
      block(seed, stream, i, static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(draw >> 32));
  return static_cast<std::uint64_t>((static_cast<Wide>(join(r[0], r[1])) * bound) >> 64);
}

double uniform(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint64_t draw) {
  const auto r =
      block(seed, stream, i, static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(draw >> 32));
  return (static_cast<double>(join(r[0], r[1]) >> 11) + 0.5) * (1.0 / 9007199254740992.0);
}

template <typename T>
void normals(std::uint64_t seed, Stream stream, std::uint64_t first, std::int64_t n, std::uint32_t step,
             std::int64_t channels, T* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    T* row = out + i * channels;
    for (std::int64_t c = 0; c < channels; c += 4) {
      const auto r =
          block(seed, stream, first + static_cast<std::uint64_t>(i), step, static_cast<std::uint32_t>(c / 4));
      for (int pair = 0; pair < 2; ++pair) {
        const double radius = std::sqrt(-2.0 * std::log(to_open_unit(r[2 * pair])));
        const double angle = kTwoPi * to_open_unit(r[2 * pair + 1]);
        const std::int64_t at = c + 2 * pair;
        if (at < channels) row[at] = static_cast<T>(radius * std::cos(angle));
        if (at + 1 < channels) row[at + 1] = static_cast<T>(radius * std::sin(angle));
      }
    }
  }
}

template void normals<float>(std::uint64_t, Stream, std::uint64_t, std::int64_t, std::uint32_t, std::int64_t,
                             float*);
template void normals<double>(std::uint64_t, Stream, std::uint64_t, std::int64_t, std::uint32_t, std::int64_t,
                              double*);

void permutation(std::uint64_t seed, Stream stream, std::uint64_t draw, std::int64_t n, std::int64_t* out) {
  std::iota(out, out + n, std::int64_t{0});
  for (std::int64_t i = n - 1; i > 0; --i) {
    const auto j = static_cast<std::int64_t>(
        uniform_index(seed, stream, static_cast<std::uint64_t>(i), draw, static_cast<std::uint64_t>(i + 1)));
    std::swap(out[i], out[j]);
  }
}

}  // namespace fatefield
