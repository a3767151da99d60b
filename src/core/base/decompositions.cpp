// Takes plain matrices; gives their decompositions.
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
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

}  // namespace

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

bool solve_positive(MatrixView system, MatrixView right, Matrix& out) {
  const Eigen::LLT<Dense> llt(eigen(system));
  if (llt.info() != Eigen::Success) return false;
  out = plain(llt.solve(eigen(right)));
  return true;
}

}  // namespace fatefield
