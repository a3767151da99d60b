// soft_logs() for any processor, and the choice among the versions when the program runs.
#include "base/soft_log.hpp"

#include "base/processor.hpp"

#define SIMD_TARGET
#define SIMD_BYTES 16
#define SOFT_LOG_NAMESPACE soft_log_plain
#include "base/soft_log.inc"

namespace fatefield {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
void soft_logs_avx512(std::int64_t n, const double* x, double* out);
void soft_logs_avx2(std::int64_t n, const double* x, double* out);

void soft_logs(std::int64_t n, const double* x, double* out) {
  static const auto best = [] {
    if (has_avx512()) {
      return &soft_logs_avx512;
    }
    if (has_avx2()) return &soft_logs_avx2;
    return &soft_log_plain::soft_logs;
  }();
  best(n, x, out);
}
#else
void soft_logs(std::int64_t n, const double* x, double* out) { soft_log_plain::soft_logs(n, x, out); }
#endif

}  // namespace fatefield
