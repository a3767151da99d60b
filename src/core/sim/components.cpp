// Takes cells x features; gives principal components by an eigendecomposition of the smaller Gram matrix.
#include "sim/components.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"

namespace fatefield {
namespace {

// An eigenvector's sign is free; the largest loading is made positive.
void fix_signs(Matrix& loadings, Matrix& scores) {
  for (std::int64_t c = 0; c < loadings.cols; ++c) {
    double* loading = loadings.values.data() + c * loadings.rows;
    double* score = scores.values.data() + c * scores.rows;
    const double* largest = std::max_element(loading, loading + loadings.rows,
                                             [](double u, double v) { return std::abs(u) < std::abs(v); });
    if (*largest >= 0) continue;
    for (std::int64_t i = 0; i < loadings.rows; ++i) loading[i] *= -1;
    for (std::int64_t i = 0; i < scores.rows; ++i) score[i] *= -1;
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
  Matrix centred = row_block(x, 0, x.rows);
  const std::vector<double> means = column_means(centred);
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) centred(i, j) -= means[j];
  const bool by_features = x.cols <= x.rows;
  const Matrix gram =
      by_features ? transposed_product(centred, centred) : product_transposed(centred, centred);
  const SymmetricEigen solved = symmetric_eigen(gram);

  Components out;
  out.scores = Matrix(x.rows, k);
  out.loadings = Matrix(x.cols, k);
  for (std::int64_t c = 0; c < k; ++c) {
    const std::int64_t at = gram.rows - 1 - c;
    const double value = std::max(0.0, solved.values[at]);
    const double* vector = solved.vectors.values.data() + at * gram.rows;
    out.stdev.push_back(std::sqrt(value / static_cast<double>(x.rows - 1)));
    double* score = out.scores.values.data() + c * x.rows;
    double* loading = out.loadings.values.data() + c * x.cols;
    if (by_features) {
      std::copy_n(vector, x.cols, loading);
      const std::vector<double> along = product(centred, vector);
      std::copy(along.begin(), along.end(), score);
      continue;
    }
    const double length = std::sqrt(value);
    for (std::int64_t i = 0; i < x.rows; ++i) score[i] = vector[i] * length;
    if (!(value > 0)) continue;
    const std::vector<double> back = transposed_product(centred, vector);
    for (std::int64_t i = 0; i < x.cols; ++i) loading[i] = back[i] / length;
  }
  fix_signs(out.loadings, out.scores);
  return out;
}

}  // namespace fatefield
