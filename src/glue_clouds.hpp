// Clouds of cells between R and the core: R matrices (cells x dims) with weights as clouds, rows back as
// matrices.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ot/sinkhorn.hpp"
#include "glue.hpp"

namespace fatefield {
namespace glue {

/// Rows of an R matrix, with weights (none: equal ones), as the core takes them.
template <typename T>
class Points {
 public:
  Points(const Rcpp::NumericMatrix& x, const Rcpp::NumericVector& weights, const char* argument)
      : n_(x.nrow()), dims_(x.ncol()), points_(static_cast<std::size_t>(n_ * dims_)) {
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t k = 0; k < dims_; ++k) points_[i * dims_ + k] = static_cast<T>(x[i + k * n_]);
    }
    weights_.assign(weights.begin(), weights.end());
    if (!weights_.empty() && static_cast<std::int64_t>(weights_.size()) != n_) {
      throw input_error(argument, std::string("`") + argument + "` must be one number for each of the " +
                                      std::to_string(n_) + " cells, not " + std::to_string(weights_.size()) +
                                      ".");
    }
  }
  Cloud<T> cloud() const { return {points_.data(), n_, dims_, weights_.empty() ? nullptr : weights_.data()}; }

 private:
  std::int64_t n_, dims_;
  std::vector<T> points_, weights_;
};

template <typename T>
Rcpp::NumericMatrix rows_to_matrix(const std::vector<T>& rows, int n, int dims) {
  Rcpp::NumericMatrix out(n, dims);
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < dims; ++k) out(i, k) = rows[static_cast<std::size_t>(i) * dims + k];
  }
  return out;
}

}  // namespace glue
}  // namespace fatefield
