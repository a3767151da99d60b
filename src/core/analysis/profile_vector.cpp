// The loops of profile_kernel.hpp for any processor, and the choice among the versions when the program runs.
#include "base/processor.hpp"

#define SIMD_TARGET
#define SIMD_BYTES 16
#define PROFILE_NAMESPACE profile_plain
#include "analysis/profile_kernel.inc"

namespace fatefield {
namespace {

ProfileKernel plain_profiles() {
  return {"plain", profile_plain::express, profile_plain::logs, profile_plain::weighed};
}

}  // namespace

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
ProfileKernel avx512_profiles();
ProfileKernel avx2_profiles();

const ProfileKernel& profile_kernel() {
  static const ProfileKernel best = [] {
    if (has_avx512()) {
      return avx512_profiles();
    }
    if (has_avx2()) return avx2_profiles();
    return plain_profiles();
  }();
  return best;
}
#else
const ProfileKernel& profile_kernel() {
  static const ProfileKernel best = plain_profiles();
  return best;
}
#endif

}  // namespace fatefield
