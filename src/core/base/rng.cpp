// Takes a seed, a stream and a counter; gives uniforms, normals (Box-Muller), masks and permutations.
#include "base/rng.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/rng_kernel.hpp"

namespace fatefield {
namespace {

__extension__ using Wide = unsigned __int128;

// Constants of Philox 4x32 (Salmon et al. 2011, table 2).
constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
constexpr double kTwoPi = 6.283185307179586476925286766559;

// The stream takes the top byte of the word that counts channels: 2^24 blocks of four channels are left.
std::uint32_t purpose_of(Stream stream, std::uint32_t part) {
  return (static_cast<std::uint32_t>(stream) << 24) | part;
}

std::array<std::uint32_t, 4> block(std::uint64_t seed, Stream stream, std::uint64_t i, std::uint32_t step,
                                   std::uint32_t part) {
  return philox(
      {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), step, purpose_of(stream, part)},
      seed);
}

// 32 random bits to the middle of one of 2^32 equal cells of (0, 1).
double to_open_unit(std::uint32_t bits) { return (bits + 0.5) * (1.0 / 4294967296.0); }

std::uint64_t join(std::uint32_t high, std::uint32_t low) {
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

// Calls make(run, to) for chunks of n rows of `made` floats each, of which the first `kept` go to out.
// Chunks end where the low word of the row's number would wrap.
template <typename T, typename F>
void fill_rows(BlockRun run, std::int64_t n, std::int64_t kept, std::int64_t made, T* out, F make) {
  constexpr std::int64_t kBuffer = 4096;
  const bool direct = std::is_same<T, float>::value && kept == made;
  const std::int64_t chunk = std::max<std::int64_t>(1, (direct ? std::int64_t{1} << 26 : kBuffer) / made);
  std::vector<float> buffer(direct ? 0 : static_cast<std::size_t>(std::min(chunk, n) * made));
  for (std::int64_t i = 0; i < n;) {
    const std::int64_t to_wrap =
        static_cast<std::int64_t>((std::uint64_t{1} << 32) - (run.first & 0xFFFFFFFFu));
    run.rows = static_cast<std::int32_t>(std::min({chunk, n - i, to_wrap}));
    if (direct) {
      make(run, reinterpret_cast<float*>(out + i * kept));
    } else {
      make(run, buffer.data());
      for (std::int64_t r = 0; r < run.rows; ++r)
        std::copy_n(buffer.data() + r * made, kept, out + (i + r) * kept);
    }
    i += run.rows;
    run.first += static_cast<std::uint64_t>(run.rows);
  }
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

template <>
void normals<double>(std::uint64_t seed, Stream stream, std::uint64_t first, std::int64_t n,
                     std::uint32_t step, std::int64_t channels, double* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    double* row = out + i * channels;
    for (std::int64_t c = 0; c < channels; c += 4) {
      const auto r =
          block(seed, stream, first + static_cast<std::uint64_t>(i), step, static_cast<std::uint32_t>(c / 4));
      for (int pair = 0; pair < 2; ++pair) {
        const double radius = std::sqrt(-2.0 * std::log(to_open_unit(r[2 * pair])));
        const double angle = kTwoPi * to_open_unit(r[2 * pair + 1]);
        const std::int64_t at = c + 2 * pair;
        if (at < channels) row[at] = radius * std::cos(angle);
        if (at + 1 < channels) row[at + 1] = radius * std::sin(angle);
      }
    }
  }
}

template <>
void normals<float>(std::uint64_t seed, Stream stream, std::uint64_t first, std::int64_t n,
                    std::uint32_t step, std::int64_t channels, float* out) {
  const RngKernels& kernels = rng_kernel_versions().front();
  const std::int64_t parts = (channels + 3) / 4;
  const BlockRun run{seed, first, step, purpose_of(stream, 0), static_cast<std::int32_t>(parts), 0};
  fill_rows(run, n, channels, 4 * parts, out, [&](const BlockRun& r, float* to) { kernels.normals(r, to); });
}

template <typename T>
void bernoulli_masks(std::uint64_t seed, Stream stream, std::uint32_t layer, std::uint64_t first,
                     std::int64_t n, std::uint32_t step, std::int64_t width, double keep_probability,
                     float scale, T* out) {
  const RngKernels& kernels = rng_kernel_versions().front();
  const auto threshold = static_cast<std::uint32_t>(std::lround(keep_probability * 65536.0));
  const std::int64_t groups = (width + 31) / 32;
  const std::uint32_t purpose = purpose_of(stream, layer << 16);
  const BlockRun run{seed, first, step, purpose, static_cast<std::int32_t>(4 * groups), 0};
  fill_rows(run, n, width, 32 * groups, out,
            [&](const BlockRun& r, float* to) { kernels.masks(r, threshold, scale, to); });
}

template void bernoulli_masks<float>(std::uint64_t, Stream, std::uint32_t, std::uint64_t, std::int64_t,
                                     std::uint32_t, std::int64_t, double, float, float*);
template void bernoulli_masks<double>(std::uint64_t, Stream, std::uint32_t, std::uint64_t, std::int64_t,
                                      std::uint32_t, std::int64_t, double, float, double*);

void permutation(std::uint64_t seed, Stream stream, std::uint64_t draw, std::int64_t n, std::int64_t* out) {
  std::iota(out, out + n, std::int64_t{0});
  for (std::int64_t i = n - 1; i > 0; --i) {
    const auto j = static_cast<std::int64_t>(
        uniform_index(seed, stream, static_cast<std::uint64_t>(i), draw, static_cast<std::uint64_t>(i + 1)));
    std::swap(out[i], out[j]);
  }
}

}  // namespace fatefield
