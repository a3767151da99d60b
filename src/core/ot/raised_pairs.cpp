// Takes softmins over all pairs of two clouds; adds what some pairs have beyond their distance.
#include "ot/raised_pairs.hpp"

#include <cmath>
#include <utility>

namespace fatefield {
namespace ot {
namespace {

using Vector = std::vector<double>;

template <typename T>
double cost(const Cloud<T>& x, std::int64_t i, const Cloud<T>& y, std::int64_t j) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < x.dims; ++k) {
    const double v = static_cast<double>(x.points[i * x.dims + k]) - y.points[j * y.dims + k];
    sum += v * v;
  }
  return 0.5 * sum;
}

}  // namespace

template <typename T>
Raising::Raising(const RaisedPairs& pairs, const Cloud<T>& x, const Cloud<T>& y, Vector log_a, Vector log_b)
    : pairs_(pairs), log_a_(std::move(log_a)), log_b_(std::move(log_b)) {
  cost_.reserve(pairs_.column.size());
  for (std::size_t i = 0; i + 1 < pairs_.begin.size(); ++i) {
    for (auto e = pairs_.begin[i]; e < pairs_.begin[i + 1]; ++e)
      cost_.push_back(cost(x, static_cast<std::int64_t>(i), y, pairs_.column[static_cast<std::size_t>(e)]));
  }
}

// A pair's own term is part of the sum that it is compared with, so no exponent exceeds log m.
void Raising::raise(double eps, const Vector& f, const Vector& g, Vector& f_new, Vector& g_new) const {
  if (pairs_.empty()) return;
  Vector of_columns(g_new.size(), 0.0);
  for (std::size_t i = 0; i + 1 < pairs_.begin.size(); ++i) {
    double of_row = 0.0;
    for (auto at = pairs_.begin[i]; at < pairs_.begin[i + 1]; ++at) {
      const auto e = static_cast<std::size_t>(at), j = static_cast<std::size_t>(pairs_.column[e]);
      const double more = pairs_.log_more[e] - cost_[e] / eps;
      of_row += std::exp(more + log_b_[j] + (g[j] + f_new[i]) / eps);
      of_columns[j] += std::exp(more + log_a_[i] + (f[i] + g_new[j]) / eps);
    }
    f_new[i] -= eps * std::log1p(of_row);
  }
  for (std::size_t j = 0; j < g_new.size(); ++j) g_new[j] -= eps * std::log1p(of_columns[j]);
}

template Raising::Raising(const RaisedPairs&, const Cloud<float>&, const Cloud<float>&, Vector, Vector);
template Raising::Raising(const RaisedPairs&, const Cloud<double>&, const Cloud<double>&, Vector, Vector);

}  // namespace ot
}  // namespace fatefield
