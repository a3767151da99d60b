// Correlations written as their formulas, for tests to compare with.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

inline double pearson(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  const double ma = std::accumulate(a.begin(), a.end(), 0.0) / n,
               mb = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
  }
  return ab / std::sqrt(aa * bb);
}

// One more than the values below, and half the others that are equal.
inline std::vector<double> naive_ranks(const std::vector<double>& x) {
  std::vector<double> out;
  for (const double a : x) {
    double rank = 0.5;
    for (const double b : x) rank += b < a ? 1 : b == a ? 0.5 : 0;
    out.push_back(rank);
  }
  return out;
}

inline double spearman(const std::vector<double>& a, const std::vector<double>& b) {
  return pearson(naive_ranks(a), naive_ranks(b));
}
