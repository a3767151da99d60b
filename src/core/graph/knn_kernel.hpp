// The innermost loop of searches among many points: products of a few queries with panels of points. Takes
// floats; gives values that rank the points of each query. Versions for several instruction sets are compiled
// from knn_kernel.inc.
#pragma once

#include <cstdint>

namespace fatefield {

constexpr std::int64_t kPanel = 32;         ///< points of a panel, [dimension][point]
constexpr std::int64_t kQueriesAtOnce = 8;  ///< queries worked on together, at most

struct KnnKernel {
  const char* name;

  /// value[r, j] = half_squares[j] - queries[r] . point j, half the squared distance less what is the same
  /// for all points; bit b of below[r, p] says whether value[r, p * kPanel + b] < bound[r].
  /// @param queries rows x dims, row-major, 1 to kQueriesAtOnce rows
  /// @param panels  n_panels x dims x kPanel
  /// @param value   rows x (n_panels * kPanel)
  /// @param below   rows x n_panels
  void (*scan)(const float* queries, std::int64_t rows, std::int64_t dims, const float* panels,
               const float* half_squares, std::int64_t n_panels, const float* bound, float* value,
               std::uint32_t* below);
};

/// The version for this machine.
const KnnKernel& knn_kernel();

}  // namespace fatefield
