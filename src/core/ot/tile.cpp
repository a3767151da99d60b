// The loops of tile.hpp for any processor, and the choice among the versions when the program runs.
#include "base/processor.hpp"

#define SIMD_TARGET
#define SIMD_BYTES 16
#define OT_ROWS 4
#define OT_NAMESPACE plain
#include "ot/tile_kernel.inc"

namespace fatefield {
namespace ot {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
Kernels<float> avx512_float();
Kernels<double> avx512_double();
Kernels<float> avx2_float();
Kernels<double> avx2_double();

namespace {

template <typename T>
std::vector<Kernels<T>> runnable(Kernels<T> (*avx512)(), Kernels<T> (*avx2)()) {
  std::vector<Kernels<T>> out;
  if (has_avx512()) {
    out.push_back(avx512());
  }
  if (has_avx2()) out.push_back(avx2());
  out.push_back(plain::table<T>("plain"));
  return out;
}

}  // namespace

template <>
const std::vector<Kernels<float>>& kernel_versions<float>() {
  static const std::vector<Kernels<float>> all = runnable(&avx512_float, &avx2_float);
  return all;
}

template <>
const std::vector<Kernels<double>>& kernel_versions<double>() {
  static const std::vector<Kernels<double>> all = runnable(&avx512_double, &avx2_double);
  return all;
}
#else
template <>
const std::vector<Kernels<float>>& kernel_versions<float>() {
  static const std::vector<Kernels<float>> all = {plain::table<float>("plain")};
  return all;
}

template <>
const std::vector<Kernels<double>>& kernel_versions<double>() {
  static const std::vector<Kernels<double>> all = {plain::table<double>("plain")};
  return all;
}
#endif

}  // namespace ot
}  // namespace fatefield
