// The loop of correlation_kernel.hpp for any processor, and the choice among the versions when the program
// runs.
#include "velocity/transitions/correlation_kernel.hpp"

#include <cmath>

#include "base/processor.hpp"

#define CORRELATION_TARGET
#define CORRELATION_BYTES 16
#define CORRELATION_NAMESPACE correlation_plain

namespace fatefield {
namespace correlation_plain {

typedef double V __attribute__((vector_size(16)));
typedef double Memory __attribute__((vector_size(16), aligned(8), may_alias));

static inline V square_root(V x) { return V{std::sqrt(x[0]), std::sqrt(x[1])}; }

}  // namespace correlation_plain
}  // namespace fatefield

#include "velocity/transitions/correlation_kernel.inc"

namespace fatefield {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
CorrelationKernel avx2_correlation();

const CorrelationKernel& correlation_kernel() {
  static const CorrelationKernel best =
      has_avx2() ? avx2_correlation() : CorrelationKernel{"plain", correlation_plain::sums};
  return best;
}
#else
const CorrelationKernel& correlation_kernel() {
  static const CorrelationKernel best = {"plain", correlation_plain::sums};
  return best;
}
#endif

}  // namespace fatefield
