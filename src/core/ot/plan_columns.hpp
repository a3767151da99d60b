// Rows of an entropic plan at p = 2 from the potential of its columns alone: for the points it was found for,
// and for any other. Takes scaled points; gives shares of a row's mass, a few rows at a time, so that memory
// grows with the columns and not with pairs.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

template <typename T>
class PlanColumns {
 public:
  template <typename V>
  using RowMajor = Eigen::Matrix<V, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Keeps a view of y.
  /// @param g potential of y, with which rows are exact; b: weights of y; eps: temperature
  PlanColumns(const Cloud<T>& y, std::vector<double> g, std::vector<double> b, double eps)
      : y_(y),
        centre_(static_cast<std::size_t>(y.dims), T(0)),
        g_(std::move(g)),
        log_b_(std::move(b)),
        eps_(eps) {
    for (double& v : log_b_) v = std::log(v);
    for (std::int64_t j = 0; j < y.n; ++j) {
      for (std::int64_t k = 0; k < y.dims; ++k)
        centre_[static_cast<std::size_t>(k)] += y.points[j * y.dims + k];
    }
    for (T& v : centre_) v /= static_cast<T>(y.n);
    half_squares_ = half_squares(y);
  }

  const std::vector<double>& g() const { return g_; }
  const std::vector<double>& log_weights() const { return log_b_; }
  double eps() const { return eps_; }

  /// f(i, shares of row i over y, log sum_j b_j exp((g_j - C_ij) / eps)) for rows [from, to) of x, in order.
  /// @param stretch the cost of these rows is divided by it: 1 for the plan's own, the time that is left over
  ///                the length of the interval for points on their way
  template <typename F>
  void each_row(const Cloud<T>& x, std::int64_t from, std::int64_t to, F&& f, double stretch = 1.0) const {
    const std::int64_t n = to - from;
    RowMajor<double> shares(n, y_.n);
    const RowMajor<T> rows = centred(x, from, to);
    const double eps = eps_ * stretch;
    for (std::int64_t c = 0; c < y_.n; c += kColumns) {
      const std::int64_t width = std::min(kColumns, y_.n - c);
      const RowMajor<T> dots = rows * centred(y_, c, c + width).transpose();
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t j = 0; j < width; ++j) {
          const auto at = static_cast<std::size_t>(c + j);
          shares(i, c + j) = (g_[at] * stretch - half_squares_[at] + dots(i, j)) / eps + log_b_[at];
        }
      }
    }
    for (std::int64_t i = 0; i < n; ++i) {
      double* row = shares.data() + i * y_.n;
      const double most = *std::max_element(row, row + y_.n);
      double sum = 0.0;
      for (std::int64_t j = 0; j < y_.n; ++j) {
        row[j] = row[j] - most < kNegligible ? 0.0 : std::exp(row[j] - most);
        sum += row[j];
      }
      for (std::int64_t j = 0; j < y_.n; ++j) row[j] /= sum;
      f(from + i, row, most + std::log(sum) - 0.5 * rows.row(i).template cast<double>().squaredNorm() / eps);
    }
  }

 private:
  // Columns of the pairs that are worked out at once.
  static constexpr std::int64_t kColumns = 2048;
  // Shares below exp(-50) of a row's largest cannot be seen in sums of doubles.
  static constexpr double kNegligible = -50.0;

  RowMajor<T> centred(const Cloud<T>& cloud, std::int64_t from, std::int64_t to) const {
    RowMajor<T> out(to - from, cloud.dims);
    for (std::int64_t i = from; i < to; ++i) {
      for (std::int64_t k = 0; k < cloud.dims; ++k) {
        out(i - from, k) = cloud.points[i * cloud.dims + k] - centre_[static_cast<std::size_t>(k)];
      }
    }
    return out;
  }

  std::vector<double> half_squares(const Cloud<T>& cloud) const {
    std::vector<double> out(static_cast<std::size_t>(cloud.n), 0.0);
    for (std::int64_t i = 0; i < cloud.n; ++i) {
      for (std::int64_t k = 0; k < cloud.dims; ++k) {
        const double v = cloud.points[i * cloud.dims + k] - centre_[static_cast<std::size_t>(k)];
        out[static_cast<std::size_t>(i)] += 0.5 * v * v;
      }
    }
    return out;
  }

  Cloud<T> y_;
  std::vector<T> centre_;
  std::vector<double> g_, log_b_, half_squares_;
  double eps_;
};

}  // namespace ot
}  // namespace fatefield
