// The loops of profile_kernel.hpp for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define PROFILE_NAMESPACE profile_avx2
#include "analysis/profile_kernel.inc"

namespace fatefield {
ProfileKernel avx2_profiles() {
  return {"avx2", profile_avx2::express, profile_avx2::logs, profile_avx2::weighed};
}
}  // namespace fatefield
#endif
