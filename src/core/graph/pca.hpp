// Principal components of cells. Takes a matrix (cells x columns) as it is, or what multiplies by it; gives
// centre, rotation and standard deviations. Columns are centred, not scaled; nothing centred is ever stored.
//
// Exact where the smaller side has at most 500 entries. Else by block Krylov spaces (Musco and Musco,
// "Randomized block Krylov methods for stronger and faster approximate singular value decomposition", NIPS
// 2015) with Rayleigh and Ritz, until the residual of every component is below 1e-9 of the greatest variance,
// or ten restarts.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/matrix.hpp"
#include "base/sparse.hpp"

namespace fatefield {

/// A matrix A of rows x cols by what it does. Products must be the same bytes for any number of threads.
struct LinearMap {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<double> column_means;
  std::function<void(const Matrix& b, Matrix& out)> times;       ///< out (rows x m) = A b, b cols x m
  std::function<void(const Matrix& b, Matrix& out)> transposed;  ///< out (cols x m) = A' b, b rows x m
};

/// x itself, which must stay where it is.
LinearMap dense_map(const MatrixView& x);
/// The same for a sparse matrix; a transposed copy is made.
LinearMap sparse_map(const SparseRows& x);

struct PrincipalAxes {
  std::vector<double> centre;  ///< of the columns
  Matrix rotation;             ///< columns x k, orthonormal; the greatest entry of each by size is positive
  std::vector<double> sd;      ///< of the scores, descending, with n - 1

  std::int64_t count() const { return rotation.cols; }
};

/// The k first components; 1 <= k <= min(rows - 1, cols). Errors of kind Input name `argument`.
PrincipalAxes principal_components(const LinearMap& a, std::int64_t k, std::uint64_t seed,
                                   const char* argument);

/// Scores of the rows: rows x k.
Matrix component_scores(const LinearMap& a, const PrincipalAxes& c);

}  // namespace fatefield
