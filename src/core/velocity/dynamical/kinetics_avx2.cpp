// The loops of SplicingKernel for processors with AVX2.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#define KINETICS_NAMESPACE kinetics_avx2
#include "velocity/dynamical/kinetics_kernel.inc"
// Builds on the kinetics.
#include "velocity/dynamical/loop_kernel.inc"

namespace fatefield {
LoopKernel avx2_loop() { return kinetics_avx2::loop_table(); }
SplicingKernel avx2_splicing() { return kinetics_avx2::table("avx2"); }
}  // namespace fatefield
#endif
