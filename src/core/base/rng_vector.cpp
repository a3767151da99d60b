// The loops of rng_kernel.hpp for any processor, and the choice among the versions when the program runs.
#include "base/processor.hpp"
#include "base/rng_fixed.inc"
#include "base/rng_kernel.hpp"

#include <cmath>

#define RNG_TARGET
#define RNG_BYTES 16
#define RNG_NAMESPACE rng_plain
#include "base/rng_lanes.inc"

namespace fatefield {
namespace rng_plain {

RNG_INLINE U64 wide_product(U64 a, std::uint32_t b) {
  U64 product;
  for (int l = 0; l < 2; ++l) product[l] = (a[l] & 0xFFFFFFFFu) * b;
  return product;
}

RNG_INLINE F32 square_root(F32 z) {
  for (int l = 0; l < 4; ++l) z[l] = std::sqrt(z[l]);
  return z;
}

RNG_INLINE void transpose(const F32 (&z)[4], float* out, int) {
  for (int l = 0; l < 4; ++l) {
    for (int k = 0; k < 4; ++k) out[4 * l + k] = z[k][l];
  }
}

}  // namespace rng_plain
}  // namespace fatefield

#include "base/rng_kernel.inc"

namespace fatefield {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
RngKernels avx512_rng();
RngKernels avx2_rng();

const std::vector<RngKernels>& rng_kernel_versions() {
  static const std::vector<RngKernels> all = [] {
    std::vector<RngKernels> out;
    if (has_avx512()) {
      out.push_back(avx512_rng());
    }
    if (__builtin_cpu_supports("avx2")) out.push_back(avx2_rng());
    out.push_back(rng_plain::table("plain"));
    return out;
  }();
  return all;
}
#else
const std::vector<RngKernels>& rng_kernel_versions() {
  static const std::vector<RngKernels> all = {rng_plain::table("plain")};
  return all;
}
#endif

}  // namespace fatefield
