// soft_logs() for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define SOFT_LOG_NAMESPACE soft_log_avx2
#include "base/soft_log.inc"

namespace fatefield {
void soft_logs_avx2(std::int64_t n, const double* x, double* out) { soft_log_avx2::soft_logs(n, x, out); }
}  // namespace fatefield
#endif
