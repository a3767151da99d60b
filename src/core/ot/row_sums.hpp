// Weighted sums of long rows, out = coefficients * rows: the product of matrices behind projections and their
// gradients. Plain arrays in and out; versions for several instruction sets, chosen when the program runs.
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

/// out[r, i] = sum_k coefficients[r, k] rows[k, i] for i in [from, to), r in [0, n_out).
/// @param coefficients n_out x n_rows, row-major
/// @param rows,out     row-major with `stride` values a row; out has n_out rows
/// @param from,to      multiples of lanes<T>()
template <typename T>
void sum_rows(const T* coefficients, std::int64_t n_out, std::int64_t n_rows, const T* rows,
              std::int64_t stride, std::int64_t from, std::int64_t to, T* out);

/// Row-major points (n x dims) as one row of `stride` values for each dimension; what is beyond n is 0.
template <typename T>
Aligned<T> transposed(const T* points, std::int64_t n, std::int64_t dims, std::int64_t stride);

}  // namespace ot
}  // namespace fatefield
