// Long rows taken together, a value of each at a time: weighted sums (the product of matrices behind
// projections and their gradients) and squared distances. Plain arrays in and out; versions for several
// instruction sets, chosen when the program runs.
#pragma once

#include <cstdint>

#include "ot/tile.hpp"

namespace fatefield {
namespace ot {

/// Values in the 64 bytes that rows are worked on at a time.
template <typename T>
constexpr std::int64_t lanes() {
  return 64 / static_cast<std::int64_t>(sizeof(T));
}

/// Columns [from, to) of n_rows rows of `stride` values, row-major; from and to are multiples of lanes<T>().
template <typename T>
struct RowSpan {
  const T* rows;
  std::int64_t n_rows, stride, from, to;
};

/// out[r, i - from] = sum_k coefficients[r, k] rows[k, i]
/// @param coefficients n_out x n_rows, row-major
/// @param out          n_out rows of `out_stride` values
template <typename T>
void sum_rows(const T* coefficients, std::int64_t n_out, const RowSpan<T>& span, std::int64_t out_stride,
              T* out);

/// out[r, i - from] = sum_k (points[r, k] - rows[k, i])^2, shapes as above: without cancellation, so 0 for
/// equals.
template <typename T>
void squared_distances(const T* points, std::int64_t n_out, const RowSpan<T>& span, std::int64_t out_stride,
                       T* out);

/// Row-major points (n x dims) as one row of `stride` values for each dimension; what is beyond n is 0.
template <typename T>
Aligned<T> transposed(const T* points, std::int64_t n, std::int64_t dims, std::int64_t stride);

}  // namespace ot
}  // namespace fatefield
