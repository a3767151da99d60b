// soft_logs() for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define SIMD_BYTES 64
#define SOFT_LOG_NAMESPACE soft_log_avx512
#include "base/soft_log.inc"

namespace fatefield {
void soft_logs_avx512(std::int64_t n, const double* x, double* out) { soft_log_avx512::soft_logs(n, x, out); }
}  // namespace fatefield
#endif
