#include "analysis/gene_regression.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/eigen_products.hpp"
#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "graph/knn.hpp"

namespace fatefield {

namespace {

using View = Eigen::Map<const Eigen::MatrixXd>;

// Penalties tried, in units of the mean eigenvalue of the states' squares.
constexpr int kPenalties = 25;
double penalty_at(int i) { return std::pow(10.0, -6.0 + 8.0 * i / (kPenalties - 1)); }

View map(MatrixView x) { return {x.data, x.rows, x.cols}; }

void check_cells(MatrixView states, MatrixView expression) {
  if (states.rows != expression.rows)
    throw input_error("expression", "`expression` must have one row for each cell.");
}

// Weights of neighbours that sum to one.
std::vector<double> tricube(const float* distance, std::int64_t k) {
  std::vector<double> w(static_cast<std::size_t>(k), 1.0);
  const double far = distance[k - 1];
  double sum = 0.0;
  for (std::int64_t i = 0; i < k; ++i) {
    const double share = far > 0 ? distance[i] / far : 0.0;
    w[i] = std::pow(1.0 - share * share * share, 3);
    sum += w[i];
  }
  // All as far as the farthest.
  if (!(sum > 0)) std::fill(w.begin(), w.end(), sum = 1.0);
  sum = 0.0;
  for (const double v : w) sum += v;
  for (double& v : w) v /= sum;
  return w;
}

Matrix weighted_means(const Neighbours& found, MatrixView expression) {
  Matrix out(found.n, expression.cols);
  parallel_for(found.n, [&](std::int64_t i) {
    const std::vector<double> w = tricube(found.distance.data() + i * found.k, found.k);
    for (std::int64_t g = 0; g < expression.cols; ++g) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < found.k; ++j) sum += w[j] * expression(found.index[i * found.k + j], g);
      out(i, g) = sum;
    }
  });
  return out;
}

}  // namespace

RidgeFit ridge_regression(MatrixView states, MatrixView expression) {
  check_cells(states, expression);
  const OneEigenThread one;
  const double n = static_cast<double>(states.rows);
  const Eigen::RowVectorXd centre = map(states).colwise().mean();
  const Eigen::MatrixXd z = map(states).rowwise() - centre;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> parts(cross_product(z, z));
  const Eigen::VectorXd s = parts.eigenvalues().cwiseMax(0.0);
  const double unit = std::max(s.mean(), std::numeric_limits<double>::min());
  RidgeFit fit;
  fit.slope = Matrix(states.cols, expression.cols);
  fit.intercept.resize(static_cast<std::size_t>(expression.cols));
  fit.penalty.resize(fit.intercept.size());
  fit.explained.resize(fit.intercept.size());
  parallel_for(expression.cols, [&](std::int64_t g) {
    const Eigen::VectorXd all = map(expression).col(g);
    const double mean = all.mean();
    const Eigen::VectorXd y = all.array() - mean;
    const double squares = y.squaredNorm();
    const Eigen::VectorXd u = parts.eigenvectors().transpose() * (z.transpose() * y);
    double least = std::numeric_limits<double>::infinity(), chosen = 0.0;
    for (int i = 0; i < kPenalties; ++i) {
      const double penalty = unit * penalty_at(i);
      const Eigen::ArrayXd shrunk = s.array() + penalty;
      const double left = squares - (u.array().square() * (2.0 / shrunk - s.array() / shrunk.square())).sum();
      const double free = n - 1.0 - (s.array() / shrunk).sum();
      const double score = free > 0 ? n * std::max(left, 0.0) / (free * free) : least;
      if (score < least) {
        least = score;
        chosen = penalty;
      }
    }
    const Eigen::VectorXd b = parts.eigenvectors() * (u.array() / (s.array() + chosen)).matrix();
    for (std::int64_t d = 0; d < states.cols; ++d) fit.slope(d, g) = b(d);
    fit.intercept[g] = mean - centre.dot(b);
    fit.penalty[g] = chosen / unit;
    fit.explained[g] = squares > 0 ? 1.0 - least * n / squares : 0.0;
  });
  return fit;
}

Matrix ridge_predict(const RidgeFit& fit, MatrixView states) {
  const OneEigenThread one;
  Matrix out(states.rows, fit.slope.cols);
  const View b(fit.slope.values.data(), fit.slope.rows, fit.slope.cols);
  parallel_for(fit.slope.cols, [&](std::int64_t g) {
    const Eigen::VectorXd y = (map(states) * b.col(g)).array() + fit.intercept[g];
    std::copy(y.data(), y.data() + y.size(), out.values.begin() + g * states.rows);
  });
  return out;
}

Matrix nearest_regression(MatrixView cells, MatrixView expression, MatrixView states, std::int64_t k) {
  check_cells(cells, expression);
  return weighted_means(NeighbourIndex(cells, KnnOptions()).query(states, k), expression);
}

std::vector<double> nearest_explained(MatrixView cells, MatrixView expression,
                                      const std::vector<std::int64_t>& which, std::int64_t k) {
  check_cells(cells, expression);
  const Matrix guess = weighted_means(NeighbourIndex(cells, KnnOptions()).query_self(which, k), expression);
  std::vector<double> out;
  for (std::int64_t g = 0; g < expression.cols; ++g) {
    double mean = 0.0, left = 0.0, squares = 0.0;
    for (const std::int64_t c : which) mean += expression(c, g) / static_cast<double>(which.size());
    for (std::size_t i = 0; i < which.size(); ++i) {
      const double y = expression(which[i], g);
      left += (y - guess(static_cast<std::int64_t>(i), g)) * (y - guess(static_cast<std::int64_t>(i), g));
      squares += (y - mean) * (y - mean);
    }
    out.push_back(squares > 0 ? 1.0 - left / squares : 0.0);
  }
  return out;
}

}  // namespace fatefield
