// Takes points and their images; gives accelerated points by a small least-squares problem each time.
#include "ot/anderson.hpp"

#include <cmath>
#include <utility>

namespace fatefield {
namespace ot {
namespace {

using Vector = std::vector<double>;

constexpr std::size_t kDepth = 20;
// Half of the residual is taken: the plain iteration that is accelerated averages, as the annealing does.
constexpr double kMixing = 0.5;
// A residual this much above the best since the start sends the iteration back to plain steps.
constexpr double kGrowth = 10.0;
constexpr double kRidge = 1e-12;

Vector minus(const Vector& u, const Vector& v) {
  Vector out(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) out[i] = u[i] - v[i];
  return out;
}

// Solves the symmetric positive definite system in place by Cholesky's method; n x n, row-major.
Vector cholesky_solve(Vector m, Vector b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = m[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= m[i * n + k] * m[j * n + k];
      m[i * n + j] = i == j ? std::sqrt(std::fmax(sum, 1e-300)) : sum / m[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= m[i * n + k] * b[k];
    b[i] /= m[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= m[k * n + i] * b[k];
    b[i] /= m[i * n + i];
  }
  return b;
}

}  // namespace

double Anderson::dot(const Vector& u, const Vector& v) const {
  double sum = 0.0;
  for (std::size_t i = 0; i < u.size(); ++i) sum += weights_[i] * u[i] * v[i];
  return sum;
}

void Anderson::remember(Vector point, Vector residual) {
  if (points_.size() == kDepth) {
    points_.erase(points_.begin());
    residuals_.erase(residuals_.begin());
    products_.erase(products_.begin());
    for (Vector& row : products_) row.erase(row.begin());
  }
  points_.push_back(std::move(point));
  residuals_.push_back(std::move(residual));
  Vector row;
  for (const Vector& r : residuals_) row.push_back(dot(residuals_.back(), r));
  products_.push_back(std::move(row));
}

void Anderson::forget() {
  points_.clear();
  residuals_.clear();
  products_.clear();
}

Vector Anderson::solve(const Vector& residual) const {
  const std::size_t n = residuals_.size();
  Vector m(n * n), b(n);
  for (std::size_t i = 0; i < n; ++i) {
    b[i] = dot(residuals_[i], residual);
    for (std::size_t j = 0; j <= i; ++j) m[i * n + j] = m[j * n + i] = products_[i][j];
  }
  double trace = 0.0;
  for (std::size_t i = 0; i < n; ++i) trace += m[i * n + i];
  for (std::size_t i = 0; i < n; ++i) m[i * n + i] += kRidge * trace;
  return cholesky_solve(std::move(m), std::move(b));
}

Vector Anderson::next(const Vector& z, const Vector& image) {
  Vector residual = minus(image, z);
  const double size = dot(residual, residual);
  if (!last_point_.empty()) remember(minus(z, last_point_), minus(residual, last_residual_));
  const bool lost = best_ > 0 && !(size <= kGrowth * kGrowth * best_);
  if (lost) forget();
  best_ = best_ > 0 && !lost ? std::fmin(best_, size) : size;

  Vector out(z);
  for (std::size_t i = 0; i < z.size(); ++i) out[i] += kMixing * residual[i];
  if (!points_.empty()) {
    const Vector share = solve(residual);
    for (std::size_t k = 0; k < share.size(); ++k) {
      for (std::size_t i = 0; i < z.size(); ++i)
        out[i] -= share[k] * (points_[k][i] + kMixing * residuals_[k][i]);
    }
  }
  last_point_ = z;
  last_residual_ = std::move(residual);
  return out;
}

}  // namespace ot
}  // namespace fatefield
