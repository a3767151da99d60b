// The loop of knn_kernel.hpp for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include "graph/knn_kernel.hpp"

#define KNN_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define KNN_BYTES 64
#define KNN_ROWS 8
#define KNN_NAMESPACE knn_avx512

namespace fatefield {
namespace knn_avx512 {

typedef float V __attribute__((vector_size(64)));
typedef float Memory __attribute__((vector_size(64), aligned(4), may_alias));

KNN_TARGET static inline __attribute__((always_inline)) std::uint32_t bits_below(V a, V b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

}  // namespace knn_avx512
}  // namespace fatefield

#include "graph/knn_kernel.inc"

namespace fatefield {
KnnKernel avx512_knn() { return {"avx512", knn_avx512::scan}; }
}  // namespace fatefield
#endif
