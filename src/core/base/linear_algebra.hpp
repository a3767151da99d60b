// Products, sums and decompositions of plain matrices. Takes and gives column-major doubles; vectors are
// pointers or std::vector. Each kind is compiled here once, because Eigen, which does the work, costs seconds
// of compilation for every kind in every source. Callers hold Eigen at one thread (base/eigen_threads.hpp).
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

/// a b, a' b and a b'.
Matrix product(MatrixView a, MatrixView b);
Matrix transposed_product(MatrixView a, MatrixView b);
Matrix product_transposed(MatrixView a, MatrixView b);

/// a v, a' v for v of as many numbers as fit.
std::vector<double> product(MatrixView a, const double* v);
std::vector<double> transposed_product(MatrixView a, const double* v);
/// v' a; its sums are in another order than those of transposed_product().
std::vector<double> row_product(const double* v, MatrixView a);

/// part = basis' v, then v -= basis part.
void take_projection(MatrixView basis, double* v, double* part);

/// out -= a b
void subtract_product(MatrixView a, MatrixView b, Matrix& out);

/// As many columns of x as b has become the product of as many as b has rows with b.
void multiply_leading_columns(MatrixView b, Matrix& x);

/// The product of tall matrices on all threads, a block of columns of the result at a time: the same bytes on
/// any number of them. a' diag(weights) b; nullptr for weights of one.
Matrix cross_product(MatrixView a, MatrixView b, const double* weights = nullptr);
/// a b and a' b on all threads, a block of rows of the result at a time. `out` has the right size.
void product_by_rows(MatrixView a, MatrixView b, Matrix& out);
void transposed_product_by_rows(MatrixView a, MatrixView b, Matrix& out);

double sum(const double* x, std::int64_t n);
double mean(const double* x, std::int64_t n);
double dot(const double* x, const double* y, std::int64_t n);
double squared_norm(const double* x, std::int64_t n);
std::vector<double> column_means(MatrixView x);
/// x becomes exp(x).
void exponentiate(double* x, std::int64_t n);

/// Columns [first, first + n) of x.
inline MatrixView columns(MatrixView x, std::int64_t first, std::int64_t n) {
  return {x.data + first * x.rows, x.rows, n};
}
/// Rows [first, first + n) of x.
Matrix row_block(MatrixView x, std::int64_t first, std::int64_t n);

struct ThinQr {
  Matrix q;  ///< rows x columns of what was decomposed, orthonormal
  Matrix r;  ///< upper triangle
};

/// By Householder's reflections, of no fewer rows than columns.
ThinQr thin_qr(MatrixView x);
/// The orthonormal part alone.
Matrix orthonormal(MatrixView x);
/// Rows [first, last) of x, in order, become orthogonal and of length 1 (Gram-Schmidt); those that the ones
/// before them tell become zero.
void make_orthonormal_rows(Matrix& x, std::int64_t first, std::int64_t last);
/// An orthonormal basis of the columns, as many as their rank.
Matrix column_basis(MatrixView x);

struct SymmetricEigen {
  std::vector<double> values;  ///< ascending
  Matrix vectors;
};

SymmetricEigen symmetric_eigen(MatrixView x);

struct GeneralEigen {
  std::vector<std::complex<double>> values;   ///< pairs of conjugates stay together
  std::vector<std::complex<double>> vectors;  ///< column-major, of length one
};

GeneralEigen general_eigen(MatrixView x);

struct LeadingSpaces {
  std::vector<std::complex<double>> values;  ///< the largest real parts first, pairs of conjugates together
  Matrix basis;  ///< orthonormal; x maps the space of the leading columns into itself
};

/// The leading part of the real Schur form of a square matrix: `count` columns, or one more where a pair of
/// conjugates would be parted.
LeadingSpaces leading_spaces(MatrixView x, std::int64_t count);

/// Of a square matrix, descending.
std::vector<double> singular_values(MatrixView x);

/// Of a square system, by Householder's reflections with pivots.
Matrix solve_square(MatrixView system, MatrixView right);

/// Solves the symmetric system by Cholesky's decomposition; false where it is not positive definite.
bool solve_positive(MatrixView system, MatrixView right, Matrix& out);

}  // namespace fatefield
