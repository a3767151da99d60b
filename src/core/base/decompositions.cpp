// Takes plain matrices; gives their decompositions.
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/Jacobi>
#include <Eigen/QR>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

#include "base/eigen_views.hpp"
#include "base/linear_algebra.hpp"

namespace fatefield {
namespace {

using Dense = Eigen::MatrixXd;

// What is left of a direction of length 1 that others tell.
constexpr double kNoLength = 1e-12;

Matrix plain(const Dense& x) {
  Matrix out(x.rows(), x.cols());
  eigen(out) = x;
  return out;
}

Matrix leading_columns(const Eigen::HouseholderQR<Dense>& qr) {
  const auto& all = qr.matrixQR();
  return plain(qr.householderQ() * Dense::Identity(all.rows(), all.cols()));
}

using Complex = std::complex<double>;
using ComplexDense = Eigen::MatrixXcd;

// A part of a vector below this is rounding of one that lies in the space already.
constexpr double kInSpace = 1e-4;

// Of a triangular matrix the diagonal, by rotations of neighbours, in descending order of real parts.
void sort_triangle(ComplexDense& t, ComplexDense& u) {
  // Conjugates have the same real part to rounding.
  const double same = 1e-9 * t.diagonal().cwiseAbs().maxCoeff();
  const auto after = [same](const Complex& a, const Complex& b) {
    return std::abs(a.real() - b.real()) > same ? a.real() < b.real() : a.imag() < b.imag() - same;
  };
  for (Eigen::Index last = t.rows() - 1; last > 0; --last) {
    for (Eigen::Index i = 0; i < last; ++i) {
      if (!after(t(i, i), t(i + 1, i + 1))) continue;
      Eigen::JacobiRotation<Complex> turn;
      turn.makeGivens(t(i, i + 1), t(i + 1, i + 1) - t(i, i));
      t.applyOnTheLeft(i, i + 1, turn.adjoint());
      t.applyOnTheRight(i, i + 1, turn);
      u.applyOnTheRight(i, i + 1, turn);
      t(i + 1, i) = 0;
    }
  }
}

// Makes v orthonormal to the first k columns and adds it; false where it lies among them.
bool add_direction(Dense& basis, Eigen::Index k, Eigen::VectorXd v) {
  if (k == basis.cols()) return false;
  const double before = v.norm();
  if (!(before > kInSpace)) return false;
  for (int pass = 0; pass < 2; ++pass) v -= basis.leftCols(k) * (basis.leftCols(k).transpose() * v);
  if (!(v.norm() > kInSpace)) return false;
  basis.col(k) = v.normalized();
  return true;
}

}  // namespace

LeadingSpaces leading_spaces(MatrixView x, std::int64_t count) {
  const Eigen::ComplexSchur<Dense> schur(eigen(x));
  ComplexDense t = schur.matrixT(), u = schur.matrixU();
  sort_triangle(t, u);
  // Values are real or in pairs; rounding tells which.
  const double small = 1e-10 * std::max(1e-300, t.diagonal().cwiseAbs().maxCoeff());
  LeadingSpaces out;
  Dense basis = Dense::Zero(x.rows, x.cols);
  Eigen::Index k = 0;
  for (Eigen::Index j = 0; j < x.cols; ++j) {
    const bool half =
        j > 0 && out.values[static_cast<std::size_t>(j) - 1].imag() > small &&
        std::abs(t(j, j) - std::conj(out.values[static_cast<std::size_t>(j) - 1])) < 1e-6 * std::abs(t(j, j));
    if (j >= count && !half) break;
    const Complex value = std::abs(t(j, j).imag()) > small ? t(j, j) : Complex(t(j, j).real(), 0.0);
    out.values.push_back(half ? std::conj(out.values.back()) : value);
    // A column is known up to its phase; that of a real value is real with the right one.
    Complex square = 0;
    for (Eigen::Index i = 0; i < x.rows; ++i) square += u(i, j) * u(i, j);
    const Complex phase =
        std::abs(square) > 0 ? std::sqrt(std::conj(square) / std::abs(square)) : Complex(1.0);
    const Eigen::VectorXcd turned = u.col(j) * phase;
    if (add_direction(basis, k, turned.real())) ++k;
    if (add_direction(basis, k, turned.imag())) ++k;
  }
  out.basis = plain(basis.leftCols(k));
  out.values.resize(static_cast<std::size_t>(k));
  return out;
}

ThinQr thin_qr(MatrixView x) {
  const Eigen::HouseholderQR<Dense> qr(eigen(x));
  ThinQr out = {leading_columns(qr), Matrix(x.cols, x.cols)};
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i <= j; ++i) out.r(i, j) = qr.matrixQR()(i, j);
  return out;
}

Matrix orthonormal(MatrixView x) { return leading_columns(Eigen::HouseholderQR<Dense>(eigen(x))); }

void make_orthonormal_rows(Matrix& x, std::int64_t first, std::int64_t last) {
  const auto along = [&](std::int64_t a, std::int64_t b) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < x.cols; ++j) sum += x(a, j) * x(b, j);
    return sum;
  };
  for (std::int64_t i = first; i < last; ++i) {
    for (std::int64_t before = first; before < i; ++before) {
      const double share = along(i, before);
      for (std::int64_t j = 0; j < x.cols; ++j) x(i, j) -= share * x(before, j);
    }
    const double length = std::sqrt(along(i, i));
    for (std::int64_t j = 0; j < x.cols; ++j) x(i, j) = length > kNoLength ? x(i, j) / length : 0.0;
  }
}

Matrix column_basis(MatrixView x) {
  const Eigen::ColPivHouseholderQR<Dense> qr(eigen(x));
  return plain(qr.householderQ() * Dense::Identity(x.rows, qr.rank()));
}

SymmetricEigen symmetric_eigen(MatrixView x) {
  const Eigen::SelfAdjointEigenSolver<Dense> solver(eigen(x));
  const Eigen::VectorXd& values = solver.eigenvalues();
  return {{values.data(), values.data() + values.size()}, plain(solver.eigenvectors())};
}

GeneralEigen general_eigen(MatrixView x) {
  const Eigen::EigenSolver<Dense> solver(eigen(x));
  const Eigen::VectorXcd& values = solver.eigenvalues();
  const Eigen::MatrixXcd vectors = solver.eigenvectors();
  return {{values.data(), values.data() + values.size()}, {vectors.data(), vectors.data() + vectors.size()}};
}

std::vector<double> singular_values(MatrixView x) {
  const Eigen::JacobiSVD<Dense, Eigen::NoQRPreconditioner> svd(eigen(x));
  const Eigen::VectorXd& values = svd.singularValues();
  return {values.data(), values.data() + values.size()};
}

Matrix solve_square(MatrixView system, MatrixView right) {
  return plain(Eigen::ColPivHouseholderQR<Dense>(eigen(system)).solve(eigen(right)));
}

bool solve_positive(MatrixView system, MatrixView right, Matrix& out) {
  const Eigen::LLT<Dense> llt(eigen(system));
  if (llt.info() != Eigen::Success) return false;
  out = plain(llt.solve(eigen(right)));
  return true;
}

}  // namespace fatefield
