// The loops of SplicingKernel for processors with AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define SIMD_BYTES 64
#define KINETICS_NAMESPACE kinetics_avx512
#include "velocity/dynamical/kinetics_kernel.inc"
// Builds on the kinetics.
#include "velocity/dynamical/loop_kernel.inc"

namespace fatefield {
LoopKernel avx512_loop() { return kinetics_avx512::loop_table(); }
SplicingKernel avx512_splicing() { return kinetics_avx512::table("avx512"); }
}  // namespace fatefield
#endif
