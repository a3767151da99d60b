// The loops of tile.hpp for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define SIMD_BYTES 64
#define OT_ROWS 8
#define OT_NAMESPACE avx512
#define SIMD_CLAMP(suffix, t, low, high) \
  _mm512_maskz_min_##suffix(-1, _mm512_maskz_max_##suffix(-1, t, low), high)
#include "ot/tile_kernel.inc"

namespace fatefield {
namespace ot {
Kernels<float> avx512_float() { return avx512::table<float>("avx512"); }
Kernels<double> avx512_double() { return avx512::table<double>("avx512"); }
}  // namespace ot
}  // namespace fatefield
#endif
