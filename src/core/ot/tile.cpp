// The loops of tile.hpp for any processor, and the choice among the versions when the program runs.
#define OT_TARGET
#define OT_BYTES 16
#define OT_ROWS 4
#define OT_NAMESPACE plain
#include "ot/tile_kernel.inc"

namespace fatefield {
namespace ot {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
const Kernels<float>& avx512_float();
const Kernels<double>& avx512_double();
const Kernels<float>& avx2_float();
const Kernels<double>& avx2_double();

namespace {
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
}  // namespace

template <>
const Kernels<float>& kernels<float>() {
  static const Kernels<float>& best =
      has_avx512() ? avx512_float() : (has_avx2() ? avx2_float() : plain::table<float>("plain"));
  return best;
}

template <>
const Kernels<double>& kernels<double>() {
  static const Kernels<double>& best =
      has_avx512() ? avx512_double() : (has_avx2() ? avx2_double() : plain::table<double>("plain"));
  return best;
}
#else
template <>
const Kernels<float>& kernels<float>() {
  return plain::table<float>("plain");
}

template <>
const Kernels<double>& kernels<double>() {
  return plain::table<double>("plain");
}
#endif

}  // namespace ot
}  // namespace fatefield
