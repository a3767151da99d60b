// The loop of knn_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#include "graph/knn_kernel.hpp"

#define KNN_TARGET __attribute__((target("avx2,fma")))
#define KNN_BYTES 32
#define KNN_ROWS 4
#define KNN_NAMESPACE knn_avx2

namespace fatefield {
namespace knn_avx2 {

typedef float V __attribute__((vector_size(32)));
typedef float Memory __attribute__((vector_size(32), aligned(4), may_alias));

KNN_TARGET static inline __attribute__((always_inline)) std::uint32_t bits_below(V a, V b) {
  return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)));
}

}  // namespace knn_avx2
}  // namespace fatefield

#include "graph/knn_kernel.inc"

namespace fatefield {
KnnKernel avx2_knn() { return {"avx2", knn_avx2::scan}; }
}  // namespace fatefield
#endif
