// The loop of knn_kernel.hpp for any processor, and the choice among the versions when the program runs.
#include "graph/knn_kernel.hpp"

#include "base/processor.hpp"

#define KNN_TARGET
#define KNN_BYTES 16
#define KNN_ROWS 4
#define KNN_NAMESPACE knn_plain

namespace fatefield {
namespace knn_plain {

typedef float V __attribute__((vector_size(16)));
typedef float Memory __attribute__((vector_size(16), aligned(4), may_alias));

static inline std::uint32_t bits_below(V a, V b) {
  std::uint32_t bits = 0;
  for (int l = 0; l < 4; ++l) bits |= static_cast<std::uint32_t>(a[l] < b[l]) << l;
  return bits;
}

}  // namespace knn_plain
}  // namespace fatefield

#include "graph/knn_kernel.inc"

namespace fatefield {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
KnnKernel avx512_knn();
KnnKernel avx2_knn();

const KnnKernel& knn_kernel() {
  static const KnnKernel best = [] {
    if (has_avx512()) {
      return avx512_knn();
    }
    if (has_avx2()) return avx2_knn();
    return KnnKernel{"plain", knn_plain::scan};
  }();
  return best;
}
#else
const KnnKernel& knn_kernel() {
  static const KnnKernel best = {"plain", knn_plain::scan};
  return best;
}
#endif

}  // namespace fatefield
