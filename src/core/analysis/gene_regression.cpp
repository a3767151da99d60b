#include "analysis/gene_regression.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/threads.hpp"
#include "graph/knn.hpp"

namespace fatefield {

namespace {

// Penalties tried, in units of the mean eigenvalue of the states' squares.
constexpr int kPenalties = 25;
double penalty_at(int i) { return std::pow(10.0, -6.0 + 8.0 * i / (kPenalties - 1)); }

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
  const std::int64_t dims = states.cols;
  const std::vector<double> centre = column_means(states);
  Matrix z(states.rows, dims);
  for (std::int64_t d = 0; d < dims; ++d)
    for (std::int64_t i = 0; i < states.rows; ++i) z(i, d) = states(i, d) - centre[d];
  const SymmetricEigen parts = symmetric_eigen(cross_product(z, z));
  std::vector<double> s = parts.values;
  for (double& v : s) v = std::max(v, 0.0);
  const double unit = std::max(mean(s.data(), dims), std::numeric_limits<double>::min());
  RidgeFit fit;
  fit.slope = Matrix(states.cols, expression.cols);
  fit.intercept.resize(static_cast<std::size_t>(expression.cols));
  fit.penalty.resize(fit.intercept.size());
  fit.explained.resize(fit.intercept.size());
  parallel_for(expression.cols, [&](std::int64_t g) {
    std::vector<double> y(expression.data + g * states.rows, expression.data + (g + 1) * states.rows);
    const double level = mean(y.data(), states.rows);
    for (double& v : y) v -= level;
    const double squares = squared_norm(y.data(), states.rows);
    const std::vector<double> u = transposed_product(parts.vectors, transposed_product(z, y.data()).data());
    std::vector<double> gained(u.size()), used(u.size());
    double least = std::numeric_limits<double>::infinity(), chosen = 0.0;
    for (int i = 0; i < kPenalties; ++i) {
      const double penalty = unit * penalty_at(i);
      for (std::size_t d = 0; d < u.size(); ++d) {
        const double shrunk = s[d] + penalty;
        gained[d] = u[d] * u[d] * (2.0 / shrunk - s[d] / (shrunk * shrunk));
        used[d] = s[d] / shrunk;
      }
      const double left = squares - sum(gained.data(), dims);
      const double free = n - 1.0 - sum(used.data(), dims);
      const double score = free > 0 ? n * std::max(left, 0.0) / (free * free) : least;
      if (score < least) {
        least = score;
        chosen = penalty;
      }
    }
    std::vector<double> shrunk = u;
    for (std::size_t d = 0; d < u.size(); ++d) shrunk[d] /= s[d] + chosen;
    const std::vector<double> b = product(parts.vectors, shrunk.data());
    std::copy(b.begin(), b.end(), fit.slope.values.begin() + g * dims);
    fit.intercept[g] = level - dot(centre.data(), b.data(), dims);
    fit.penalty[g] = chosen / unit;
    fit.explained[g] = squares > 0 ? 1.0 - least * n / squares : 0.0;
  });
  return fit;
}

Matrix ridge_predict(const RidgeFit& fit, MatrixView states) {
  const OneEigenThread one;
  Matrix out(states.rows, fit.slope.cols);
  parallel_for(fit.slope.cols, [&](std::int64_t g) {
    const std::vector<double> y = product(states, fit.slope.values.data() + g * states.cols);
    for (std::int64_t i = 0; i < states.rows; ++i) out(i, g) = y[i] + fit.intercept[g];
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
