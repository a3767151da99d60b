// The loops of dense_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define DENSE_ROWS 6
#define DENSE_REDUCE_ROWS 4
#define DENSE_REDUCE_UNITS 3
#define DENSE_NAMESPACE avx2
// In this order what is no number stays none.
#define SIMD_CLAMP(suffix, t, low, high) _mm256_min_##suffix(high, _mm256_max_##suffix(low, t))
#include "nets/dense_kernel.inc"

namespace fatefield {
namespace dense {
DenseKernels<float> avx2_float() { return avx2::table<float>("avx2"); }
DenseKernels<double> avx2_double() { return avx2::table<double>("avx2"); }
}  // namespace dense
}  // namespace fatefield
#endif
