// The loops of rng_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include "base/rng_fixed.inc"
#include "base/rng_kernel.hpp"

#include <immintrin.h>

#define RNG_TARGET __attribute__((target("avx2")))
#define RNG_BYTES 32
#define RNG_NAMESPACE rng_avx2
#include "base/rng_lanes.inc"

namespace fatefield {
namespace rng_avx2 {

RNG_INLINE U64 wide_product(U64 a, std::uint32_t b) {
  return (U64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
}

RNG_INLINE F32 square_root(F32 z) { return (F32)_mm256_sqrt_ps((__m256)z); }

RNG_INLINE void transpose(const F32 (&z)[4], float* out, int gap) {
  const __m256d a = (__m256d)_mm256_unpacklo_ps((__m256)z[0], (__m256)z[1]);
  const __m256d b = (__m256d)_mm256_unpacklo_ps((__m256)z[2], (__m256)z[3]);
  const __m256d c = (__m256d)_mm256_unpackhi_ps((__m256)z[0], (__m256)z[1]);
  const __m256d d = (__m256d)_mm256_unpackhi_ps((__m256)z[2], (__m256)z[3]);
  _mm256_storeu_ps(out, (__m256)_mm256_unpacklo_pd(a, b));
  _mm256_storeu_ps(out + 8, (__m256)_mm256_unpackhi_pd(a, b));
  _mm256_storeu_ps(out + gap, (__m256)_mm256_unpacklo_pd(c, d));
  _mm256_storeu_ps(out + gap + 8, (__m256)_mm256_unpackhi_pd(c, d));
}

}  // namespace rng_avx2
}  // namespace fatefield

#include "base/rng_kernel.inc"

namespace fatefield {
RngKernels avx2_rng() { return rng_avx2::table("avx2"); }
}  // namespace fatefield
#endif
