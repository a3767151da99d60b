// Takes two clouds, potentials and a temperature; gives softmins, gradients of the cost under the plan and
// column sums, row block by row block.
#include "ot/interaction.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/threads.hpp"

namespace fatefield {
namespace ot {
namespace {

constexpr std::int64_t kRows = 32;

// Squared distances below this count as this at p = 1, as in the originals: the derivative stays bounded.
constexpr double kFloor = 1e-8;

std::int64_t blocks(std::int64_t n) { return (n + kRows - 1) / kRows; }

template <typename T>
double squared_distance(const Cloud<T>& x, std::int64_t i, const Cloud<T>& y, std::int64_t j) {
  const T *u = x.points + i * x.dims, *v = y.points + j * y.dims;
  T sum = 0;
  for (std::int64_t k = 0; k < x.dims; ++k) sum += (u[k] - v[k]) * (u[k] - v[k]);
  return sum;
}

double cost(double squared, std::int64_t p) {
  return p == 2 ? 0.5 * squared : std::sqrt(std::max(squared, kFloor));
}

}  // namespace

template <typename T>
Interaction<T>::Interaction(const Cloud<T>& x, std::vector<double> a, const Cloud<T>& y,
                            std::vector<double> b, std::int64_t p)
    : x_(x), y_(y), a_(std::move(a)), b_(std::move(b)), p_(p), self_(false) {}

template <typename T>
Interaction<T>::Interaction(const Cloud<T>& x, std::vector<double> a, std::int64_t p)
    : x_(x), y_(x), a_(a), b_(std::move(a)), p_(p), self_(true) {}

template <typename T>
void Interaction<T>::softmin_rows(const Cloud<T>& x, const Cloud<T>& y, const std::vector<double>& b,
                                  double eps, const std::vector<double>& g, std::vector<double>& out) const {
  out.assign(static_cast<std::size_t>(x.n), 0.0);
  parallel_for(blocks(x.n), [&](std::int64_t block) {
    std::vector<double> s(static_cast<std::size_t>(y.n));
    for (std::int64_t i = block * kRows; i < std::min((block + 1) * kRows, x.n); ++i) {
      double most = -INFINITY;
      for (std::int64_t j = 0; j < y.n; ++j) {
        s[j] = (g[j] - cost(squared_distance(x, i, y, j), p_)) / eps;
        if (b[j] > 0) most = std::max(most, s[j]);
      }
      double sum = 0.0;
      for (std::int64_t j = 0; j < y.n; ++j) {
        if (b[j] > 0) sum += b[j] * std::exp(s[j] - most);
      }
      out[i] = -eps * (most + std::log(sum));
    }
  });
}

template <typename T>
void Interaction<T>::softmin(double eps, const std::vector<double>& f, const std::vector<double>& g,
                             std::vector<double>& f_new, std::vector<double>& g_new) const {
  softmin_rows(x_, y_, b_, eps, self_ ? f : g, f_new);
  if (self_) return;
  softmin_rows(y_, x_, a_, eps, f, g_new);
}

template <typename T>
void Interaction<T>::conditional(double eps, const std::vector<double>& f, const std::vector<double>& g,
                                 const std::vector<double>& mass, std::vector<double>* direction,
                                 std::vector<double>& columns) const {
  const std::int64_t dims = x_.dims;
  const auto m = static_cast<std::size_t>(y_.n);
  std::vector<double> partial(static_cast<std::size_t>(blocks(x_.n)) * m, 0.0);
  if (direction != nullptr) direction->assign(static_cast<std::size_t>(x_.n * dims), 0.0);
  parallel_for(blocks(x_.n), [&](std::int64_t block) {
    double* sums = partial.data() + static_cast<std::size_t>(block) * m;
    for (std::int64_t i = block * kRows; i < std::min((block + 1) * kRows, x_.n); ++i) {
      const T* u = x_.points + i * dims;
      for (std::int64_t j = 0; j < y_.n; ++j) {
        const double squared = squared_distance(x_, i, y_, j), c = cost(squared, p_);
        const double pi = b_[j] * std::exp((f[i] + g[j] - c) / eps);
        sums[j] += mass[i] * pi;
        if (direction == nullptr) continue;
        const double w = p_ == 2 ? pi : (squared > kFloor ? pi / c : 0.0);
        const T* v = y_.points + j * dims;
        double* d = direction->data() + i * dims;
        for (std::int64_t k = 0; k < dims; ++k) d[k] += w * (u[k] - v[k]);
      }
    }
  });
  columns.assign(m, 0.0);
  for (std::int64_t block = 0; block < blocks(x_.n); ++block) {
    for (std::size_t j = 0; j < m; ++j) columns[j] += partial[static_cast<std::size_t>(block) * m + j];
  }
}

template class Interaction<float>;
template class Interaction<double>;

}  // namespace ot
}  // namespace fatefield
