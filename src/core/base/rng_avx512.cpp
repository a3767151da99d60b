// The loops of rng_kernel.hpp for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include "base/rng_fixed.inc"
#include "base/rng_kernel.hpp"

#include <immintrin.h>

#define RNG_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define RNG_BYTES 64
#define RNG_NAMESPACE rng_avx512
#include "base/rng_lanes.inc"

namespace fatefield {
namespace rng_avx512 {

// GCC 12 warns of its own unmasked forms.
constexpr int kAll = -1;

RNG_INLINE U64 wide_product(U64 a, std::uint32_t b) {
  return (U64)_mm512_maskz_mul_epu32(kAll, (__m512i)a, _mm512_set1_epi64(b));
}

RNG_INLINE F32 square_root(F32 z) { return (F32)_mm512_maskz_sqrt_ps(kAll, (__m512)z); }

RNG_INLINE void transpose(const F32 (&z)[4], float* out, int gap) {
  const __m512d a = (__m512d)_mm512_maskz_unpacklo_ps(kAll, (__m512)z[0], (__m512)z[1]);
  const __m512d b = (__m512d)_mm512_maskz_unpacklo_ps(kAll, (__m512)z[2], (__m512)z[3]);
  const __m512d c = (__m512d)_mm512_maskz_unpackhi_ps(kAll, (__m512)z[0], (__m512)z[1]);
  const __m512d d = (__m512d)_mm512_maskz_unpackhi_ps(kAll, (__m512)z[2], (__m512)z[3]);
  _mm512_storeu_ps(out, (__m512)_mm512_maskz_unpacklo_pd(kAll, a, b));
  _mm512_storeu_ps(out + gap, (__m512)_mm512_maskz_unpackhi_pd(kAll, a, b));
  _mm512_storeu_ps(out + 2 * gap, (__m512)_mm512_maskz_unpacklo_pd(kAll, c, d));
  _mm512_storeu_ps(out + 3 * gap, (__m512)_mm512_maskz_unpackhi_pd(kAll, c, d));
}

}  // namespace rng_avx512
}  // namespace fatefield

#include "base/rng_kernel.inc"

namespace fatefield {
RngKernels avx512_rng() { return rng_avx512::table("avx512"); }
}  // namespace fatefield
#endif
