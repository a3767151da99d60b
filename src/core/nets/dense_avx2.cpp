// The loops of dense_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define DENSE_ROWS 6
#define DENSE_REDUCE_ROWS 4
#define DENSE_REDUCE_UNITS 3
#define DENSE_NAMESPACE avx2
#include "nets/dense_kernel.inc"

namespace fatefield {
namespace dense {
DenseKernels<float> avx2_float() { return avx2::table<float>("avx2"); }
DenseKernels<double> avx2_double() { return avx2::table<double>("avx2"); }
}  // namespace dense
}  // namespace fatefield
#endif
