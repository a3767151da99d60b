// The loop of correlation_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include "velocity/transitions/correlation_kernel.hpp"

#define CORRELATION_TARGET __attribute__((target("avx2,fma")))
#define CORRELATION_BYTES 32
#define CORRELATION_NAMESPACE correlation_avx2

namespace fatefield {
namespace correlation_avx2 {

typedef double V __attribute__((vector_size(32)));
typedef double Memory __attribute__((vector_size(32), aligned(8), may_alias));

CORRELATION_TARGET static inline __attribute__((always_inline)) V square_root(V x) {
  return (V)_mm256_sqrt_pd((__m256d)x);
}

}  // namespace correlation_avx2
}  // namespace fatefield

#include "velocity/transitions/correlation_kernel.inc"

namespace fatefield {
CorrelationKernel avx2_correlation() { return {"avx2", correlation_avx2::sums}; }
}  // namespace fatefield
#endif
