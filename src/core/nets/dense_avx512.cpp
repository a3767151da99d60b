// The loops of dense_kernel.hpp for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define SIMD_BYTES 64
#define DENSE_ROWS 8
#define DENSE_REDUCE_ROWS 6
#define DENSE_REDUCE_UNITS 4
#define DENSE_NAMESPACE avx512
// In this order what is no number stays none.
#define SIMD_CLAMP(suffix, t, low, high) _mm512_min_##suffix(high, _mm512_max_##suffix(low, t))
#include "nets/dense_kernel.inc"

namespace fatefield {
namespace dense {
DenseKernels<float> avx512_float() { return avx512::table<float>("avx512"); }
DenseKernels<double> avx512_double() { return avx512::table<double>("avx512"); }
}  // namespace dense
}  // namespace fatefield
#endif
