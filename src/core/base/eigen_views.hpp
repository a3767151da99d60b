// Plain matrices as Eigen's, for the sources that compile its products and decompositions.
#pragma once

#include <Eigen/Core>

#include "base/matrix.hpp"

namespace fatefield {

using EigenView = Eigen::Map<const Eigen::MatrixXd>;
using EigenMap = Eigen::Map<Eigen::MatrixXd>;
using EigenVectorView = Eigen::Map<const Eigen::VectorXd>;

inline EigenView eigen(MatrixView x) { return {x.data, x.rows, x.cols}; }
inline EigenMap eigen(Matrix& x) { return {x.values.data(), x.rows, x.cols}; }
inline EigenVectorView eigen(const double* x, std::int64_t n) { return {x, n}; }

}  // namespace fatefield
