// How far the cells of one gene are from its kinetics at given times, and what the gene's likelihood is.
#pragma once

#include <limits>
#include <vector>

#include "velocity/dynamical/gene.hpp"

namespace fatefield {

/// Squared distances of some cells: of u and s in units of their spread among the used cells, and of
/// gamma / beta from a target ratio in proportion to s.
struct SquaredError {
  double n = 0;
  double sum = 0;
  /// Of the distances with the sign of the error of s.
  double signed_sum = 0;

  double mean() const { return sum / n; }
  /// Of the signed distances.
  double variance() const { return mean() - (signed_sum / n) * (signed_sum / n); }
};

/// Which cells an error counts.
enum class Counted { Used, Upper };

/// No target ratio of gamma and beta.
constexpr double kNoRatio = std::numeric_limits<double>::quiet_NaN();

class DynamicalLoss {
 public:
  /// @param gene must outlive this
  explicit DynamicalLoss(const GeneReads& gene);

  /// @param t     times of all cells; from t_switch on they are on the course of repression
  /// @param ratio target gamma / beta, or kNoRatio
  SquaredError error(const GeneParameters& p, const std::vector<double>& t, Counted counted, double ratio);

  /// exp(-sum / (2 n v) - log(2 pi v) / 2) of the upper cells, v their variance, n their number less 1 % of
  /// all.
  double likelihood(const GeneParameters& p, const std::vector<double>& t, double ratio);

 private:
  const GeneReads& gene_;
  Aligned<double> t_, u_, s_;
};

}  // namespace fatefield
