// Takes plain matrices; gives their decompositions.
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

#include "base/eigen_views.hpp"
#include "base/linear_algebra.hpp"

namespace fatefield {
namespace {

using Dense = Eigen::MatrixXd;

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
