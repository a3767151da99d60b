// Expression of genes where no cell was seen: regression of observed expression on the state.
// Takes observed states (cells x dims) and their expression (cells x genes); gives that of new states.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace fatefield {

/// A straight line through all cells for each gene, its slopes shrunk by a penalty of its own, which makes
/// the generalised cross-validation least (Golub, Heath and Wahba, Technometrics 21, 1979).
struct RidgeFit {
  std::vector<double> intercept;  ///< genes
  Matrix slope;                   ///< dims x genes
  std::vector<double> penalty;    ///< genes, in units of the mean square of the states
  std::vector<double> explained;  ///< genes: share of the variance of cells left out that it explains
};

/// @throws Error (input) where cells of both differ in number
RidgeFit ridge_regression(MatrixView states, MatrixView expression);

Matrix ridge_predict(const RidgeFit& fit, MatrixView states);

/// The mean over the k nearest cells, near ones counting more (tri-cube weights of the distance over that to
/// the k-th): states x genes.
Matrix nearest_regression(MatrixView cells, MatrixView expression, MatrixView states, std::int64_t k);

/// Share of the variance of the cells `which` that their k nearest others explain, genes.
std::vector<double> nearest_explained(MatrixView cells, MatrixView expression,
                                      const std::vector<std::int64_t>& which, std::int64_t k);

}  // namespace fatefield
