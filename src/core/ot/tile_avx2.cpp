// The loops of tile.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define OT_ROWS 4
#define OT_NAMESPACE avx2
#define SIMD_CLAMP(suffix, t, low, high) _mm256_min_##suffix(_mm256_max_##suffix(t, low), high)
#include "ot/tile_kernel.inc"

namespace fatefield {
namespace ot {
Kernels<float> avx2_float() { return avx2::table<float>("avx2"); }
Kernels<double> avx2_double() { return avx2::table<double>("avx2"); }
}  // namespace ot
}  // namespace fatefield
#endif
