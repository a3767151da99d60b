// The loops of profile_kernel.hpp for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define SIMD_BYTES 64
#define PROFILE_NAMESPACE profile_avx512
#include "analysis/profile_kernel.inc"

namespace fatefield {
ProfileKernel avx512_profiles() {
  return {"avx512", profile_avx512::express, profile_avx512::logs, profile_avx512::weighed};
}
}  // namespace fatefield
#endif
