// The loops of dense_kernel.hpp for any processor, and the choice among the versions when the program runs.
#include "base/processor.hpp"

#define SIMD_TARGET
#define SIMD_BYTES 16
#define DENSE_ROWS 4
#define DENSE_REDUCE_ROWS 4
#define DENSE_REDUCE_UNITS 2
#define DENSE_NAMESPACE plain
#include "nets/dense_kernel.inc"

namespace fatefield {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
namespace dense {
DenseKernels<float> avx512_float();
DenseKernels<double> avx512_double();
DenseKernels<float> avx2_float();
DenseKernels<double> avx2_double();
}  // namespace dense

namespace {

template <typename T>
std::vector<DenseKernels<T>> runnable(DenseKernels<T> (*avx512)(), DenseKernels<T> (*avx2)()) {
  std::vector<DenseKernels<T>> out;
  if (has_avx512()) {
    out.push_back(avx512());
  }
  if (has_avx2()) out.push_back(avx2());
  out.push_back(dense::plain::table<T>("plain"));
  return out;
}

}  // namespace

template <>
const std::vector<DenseKernels<float>>& dense_kernel_versions<float>() {
  static const std::vector<DenseKernels<float>> all = runnable(&dense::avx512_float, &dense::avx2_float);
  return all;
}

template <>
const std::vector<DenseKernels<double>>& dense_kernel_versions<double>() {
  static const std::vector<DenseKernels<double>> all = runnable(&dense::avx512_double, &dense::avx2_double);
  return all;
}
#else
template <>
const std::vector<DenseKernels<float>>& dense_kernel_versions<float>() {
  static const std::vector<DenseKernels<float>> all = {dense::plain::table<float>("plain")};
  return all;
}

template <>
const std::vector<DenseKernels<double>>& dense_kernel_versions<double>() {
  static const std::vector<DenseKernels<double>> all = {dense::plain::table<double>("plain")};
  return all;
}
#endif

}  // namespace fatefield
