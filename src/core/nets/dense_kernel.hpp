// The innermost loops of networks on blocks of rows: matrix products and what is done to each unit between
// them. Versions for several instruction sets are compiled from dense_kernel.inc; dense_kernels() is the best
// one for this machine. LibTorch's products are those of whatever BLAS R was started with, which may be the
// reference BLAS (30 times slower) or an OpenBLAS that does not know the processor (2 times); these are not.
//
// Matrices are row-major with a stride of leading() entries, so that every row begins on a cache line and
// rows do not fall on the same cache sets. What entries beyond the last column hold is without influence.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned.hpp"
#include "nets/adam.hpp"
#include "nets/shape.hpp"

namespace fatefield {

struct UnitRows {
  std::int64_t rows, stride, units;
};

template <typename T>
struct DenseKernels {
  const char* name;
  std::int64_t width;  ///< columns of a panel

  /// c (rows x cols) = start + a (rows x inner) b, or c += a b where start is nullptr. b in panels of `width`
  /// columns, [panel][inner][column]; cols a multiple of `width`; start has cols entries.
  void (*product)(std::int64_t rows, std::int64_t inner, std::int64_t cols, const T* a, std::int64_t lda,
                  const T* panels, T* c, std::int64_t ldc, const T* start);

  /// c (m x cols) += d' a with d rows x m and a rows x cols; cols a multiple of `width`.
  void (*outer)(std::int64_t rows, std::int64_t m, std::int64_t cols, const T* d, std::int64_t ldd,
                const T* a, std::int64_t lda, T* c, std::int64_t ldc);

  /// c (rows x m) += a (rows x cols) b' with b (m x cols) in panels as for product(); cols a multiple of
  /// `width`. What a holds beyond its last column must be finite.
  void (*reduce)(std::int64_t rows, std::int64_t m, std::int64_t cols, const T* a, std::int64_t lda,
                 const T* panels, T* c, std::int64_t ldc);

  /// out (cols) += sums of the columns of d (rows x cols); cols a multiple of `width`.
  void (*column_sums)(std::int64_t rows, std::int64_t cols, const T* d, std::int64_t ldd, T* out);

  // On units: the first entries of rows that are `stride` apart, whole vectors for `units`. A mask (nullptr
  // for none) multiplies a unit before its activation; z is what the activation sees.

  /// out = activation(z); out may be z
  void (*values)(Activation, UnitRows, const T* z, T* out);
  /// out = u * slope(z) * mask; u has rows `u_stride` apart, or one that serves every row (u_stride 0)
  void (*slopes)(Activation, UnitRows, const T* z, const T* u, std::int64_t u_stride, const T* mask, T* out);
  /// The adjoint of slopes(): g, the gradient in its result, becomes that in u; `in_z` that in z through the
  /// slope.
  void (*curves)(Activation, UnitRows, const T* z, const T* u, std::int64_t u_stride, const T* mask, T* g,
                 T* in_z);
  /// The adjoint of values(): g, the gradient in the value, becomes (g * slope(z) + in_z) * mask; in_z may be
  /// nullptr
  void (*descend)(Activation, UnitRows, const T* z, const T* in_z, const T* mask, T* g);

  // On all entries of rows.

  /// z *= mask
  void (*multiply)(std::int64_t n, const T* mask, T* z);

  // On plain rows of n entries, a multiple of `width`.

  /// to += from
  void (*add)(std::int64_t n, const T* from, T* to);
  /// x = from + sd * x
  void (*disturb)(std::int64_t n, const T* from, const T* sd, T* x);
  /// x = lost where draw < threshold
  void (*lose)(std::int64_t n, const T* draw, const T* threshold, const T* lost, T* x);
  /// Gives the sum of (x - y)^2; x = scale * (x - y)
  T (*residual)(std::int64_t n, T scale, const T* y, T* x);

  /// One step of Adam on n weights, a multiple of `width`: p and its running moments from the gradient g.
  void (*adam)(std::int64_t n, const AdamStep& step, const T* g, T* p, T* first, T* second);
};

/// The versions that this machine can run, best first.
template <typename T>
const std::vector<DenseKernels<T>>& dense_kernel_versions();

template <typename T>
const DenseKernels<T>& dense_kernels() {
  static const DenseKernels<T>& best = dense_kernel_versions<T>().front();
  return best;
}

/// Stride of rows of `columns` entries: whole panels of any version and one cache line.
template <typename T>
constexpr std::int64_t leading(std::int64_t columns) {
  constexpr std::int64_t kWidest = 128 / sizeof(T), kLine = 64 / sizeof(T);
  return (columns + kWidest - 1) / kWidest * kWidest + kLine;
}

}  // namespace fatefield
