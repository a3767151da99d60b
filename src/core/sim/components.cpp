// Takes cells x features; gives principal components by an eigendecomposition of the smaller Gram matrix.
#include "sim/components.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"

namespace fatefield {
namespace {

// An eigenvector's sign is free; the largest loading is made positive.
void fix_signs(Eigen::Ref<Eigen::MatrixXd> loadings, Eigen::Ref<Eigen::MatrixXd> scores) {
  for (Eigen::Index c = 0; c < loadings.cols(); ++c) {
    Eigen::Index largest = 0;
    loadings.col(c).cwiseAbs().maxCoeff(&largest);
    if (loadings(largest, c) >= 0) continue;
    loadings.col(c) *= -1;
    scores.col(c) *= -1;
  }
}

}  // namespace

Components principal_components(MatrixView x, std::int64_t k) {
  const std::int64_t most = std::min(x.rows - 1, x.cols);
  if (k < 1 || k > most) {
    throw input_error("n.pcs", "`n.pcs` is " + std::to_string(k) + "; between 1 and " + std::to_string(most) +
                                   " components can be had of " + std::to_string(x.rows) + " cells and " +
                                   std::to_string(x.cols) + " features.");
  }
  const OneEigenThread one;
  Eigen::MatrixXd centred = Eigen::Map<const Eigen::MatrixXd>(x.data, x.rows, x.cols);
  centred.rowwise() -= centred.colwise().mean().eval();
  const bool by_features = x.cols <= x.rows;
  const Eigen::MatrixXd gram = by_features ? Eigen::MatrixXd(centred.transpose() * centred)
                                           : Eigen::MatrixXd(centred * centred.transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(gram);
  const Eigen::MatrixXd vectors = solved.eigenvectors().rightCols(k).rowwise().reverse();

  Components out;
  out.scores = Matrix(x.rows, k);
  out.loadings = Matrix(x.cols, k);
  Eigen::Map<Eigen::MatrixXd> scores(out.scores.values.data(), x.rows, k);
  Eigen::Map<Eigen::MatrixXd> loadings(out.loadings.values.data(), x.cols, k);
  for (std::int64_t c = 0; c < k; ++c) {
    const double value = std::max(0.0, solved.eigenvalues()(gram.rows() - 1 - c));
    out.stdev.push_back(std::sqrt(value / static_cast<double>(x.rows - 1)));
    if (by_features) {
      loadings.col(c) = vectors.col(c);
      scores.col(c) = centred * vectors.col(c);
    } else {
      scores.col(c) = vectors.col(c) * std::sqrt(value);
      loadings.col(c) = value > 0 ? Eigen::VectorXd(centred.transpose() * vectors.col(c) / std::sqrt(value))
                                  : Eigen::VectorXd::Zero(x.cols);
    }
  }
  fix_signs(loadings, scores);
  return out;
}

}  // namespace fatefield
