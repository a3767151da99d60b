// The innermost loops: exponents and exponentials of all pairs of a few rows and many columns, added up as
// they are found. Takes prepared points and exponents; gives sums. Versions for several instruction sets are
// compiled from tile_kernel.inc; kernels() is the best one for this machine.
//
// Every pair has the exponent t_ij = (u_i + v_j) + scale * z_ij and the value e_ij = 2^t_ij, where t is held
// within [-kReach, kReach]: 2^kReach is so large that a sum shows where this happened.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned.hpp"

namespace fatefield {
namespace ot {

/// z_ij of a pair: the scalar product (fast in many dimensions), the squared distance (exact for near
/// points) or the distance.
enum class Form { Dot, Squared, Distance };

/// Points and exponents of rows [0, rows) and of columns [0, cols).
template <typename T>
struct Tile {
  const T* x;  ///< rows x dims, row-major
  std::int64_t rows;
  std::int64_t dims;
  const T* panels;    ///< columns in panels of Kernels::width: [panel][dimension][column]
  const T* points;    ///< cols x dims and a vector's length beyond, row-major; read by directions()
  std::int64_t cols;  ///< a multiple of Kernels::width
  Form form;
  T scale;
  T floor;              ///< squared distances below count as this, in Form::Distance
  const T* u;           ///< rows
  const T* v;           ///< cols
  const T* wx;          ///< rows: weights in sums over rows
  const T* wy;          ///< cols: weights in sums over columns
  T* kept = nullptr;    ///< memory for z, rows x cols, in Form::Dot; nullptr where it is found anew each time
  bool filled = false;  ///< `kept` holds z already; else sums() fills it
};

template <typename T>
struct Kernels {
  const char* name;
  std::int64_t width;

  /// row_sums[i] = sum_j wy_j e_ij, and column_sums[j] += sum_i wx_i e_ij unless it is nullptr.
  void (*sums)(const Tile<T>&, double* row_sums, T* column_sums);

  /// row_max[i] = max_j t_ij, not held within bounds.
  void (*row_max)(const Tile<T>&, T* row_max);

  /// As sums(), and directions[i, k] = sum_j w_ij (x_ik - y_jk) with w_ij = wy_j e_ij, in Form::Distance
  /// divided by the distance, or nothing where that is below the floor. rows x dims, row-major.
  void (*directions)(const Tile<T>&, double* row_sums, T* column_sums, double* directions);

  /// value[i] = from[i] to a whole multiple of unit, a power of two, and factor[i] = 2^(from[i] - value[i]).
  void (*round)(const double* from, std::int64_t n, double unit, T* value, T* factor);

  /// to[i] = log2(from[i]), anything where that is not above zero and finite. `to` may be `from`.
  void (*log2)(const double* from, std::int64_t n, double* to);

  /// to[i] += from[i]
  void (*accumulate)(const T* from, std::int64_t n, double* to);
};

/// The versions that this machine can run, best first.
template <typename T>
const std::vector<Kernels<T>>& kernel_versions();

template <typename T>
const Kernels<T>& kernels() {
  static const Kernels<T>& best = kernel_versions<T>().front();
  return best;
}

/// The largest exponent of a value: sums beyond half of 2^this, or near 2^-this, are not to be trusted.
template <typename T>
constexpr double exponent_reach();
template <>
constexpr double exponent_reach<float>() {
  return 126.0;
}
template <>
constexpr double exponent_reach<double>() {
  return 1022.0;
}

}  // namespace ot
}  // namespace fatefield
