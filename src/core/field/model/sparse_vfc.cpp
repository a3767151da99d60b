// Takes points with velocities; gives a sparse vector field and what it says at other points.
#include "field/model/sparse_vfc.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRowBlock = 512;
constexpr std::int64_t kLeastControl = 50;
constexpr double kControlShare = 0.05, kNeighbourShare = 0.2;
constexpr double kLeastVariance = 1e-8, kLeastInlier = 1e-5, kSureInlier = 0.75;
constexpr double kLeastShare = 0.05, kMostShare = 0.95;
constexpr double kTwoPi = 6.283185307179586476925286766559;

double squares_of(MatrixView x) { return squared_norm(x.data, x.rows * x.cols); }

std::vector<double> row_squares(MatrixView x) {
  std::vector<double> out(static_cast<std::size_t>(x.rows), 0.0);
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) out[i] += x(i, j) * x(i, j);
  return out;
}

Matrix scaled(MatrixView x, double factor) {
  Matrix out(x.rows, x.cols);
  std::transform(x.data, x.data + x.rows * x.cols, out.values.begin(), [=](double v) { return factor * v; });
  return out;
}

void need(bool holds, const char* argument, const char* range) {
  if (!holds) throw input_error(argument, std::string("`") + argument + "` must be " + range + ".");
}

void check(const SparseVfcOptions& o) {
  need(o.control_points >= 0, "control.points", "at least 1, or 0 for a twentieth of the cells");
  need(o.lambda > 0.0 && std::isfinite(o.lambda), "lambda", "a positive number");
  need(o.outlier_volume > 0.0 && std::isfinite(o.outlier_volume), "outlier.volume", "a positive number");
  need(o.inliers > 0.0, "inliers", "above 0");
  need(o.scale > 0.0 && std::isfinite(o.scale), "scale", "a positive number");
  need(o.width >= 0.0 && std::isfinite(o.width), "width", "a positive number, or 0 for a rule");
  need(o.iterations >= 1, "iterations", "at least 1");
  need(o.tolerance >= 0.0, "tolerance", "at least 0");
}

// Drawn without replacement, each in proportion to its speed: the smallest of exponential times of these
// rates.
std::vector<std::int64_t> draw_control(const MatrixView& y, std::int64_t requested, std::uint64_t seed) {
  const std::int64_t n = y.rows;
  std::int64_t m = requested;
  if (m == 0) {
    const auto share = static_cast<std::int64_t>(kControlShare * static_cast<double>(n)) + 1;
    m = std::max(std::min(kLeastControl, n), share);
  }
  m = std::min(m, n);
  const std::vector<double> squares = row_squares(y);
  std::vector<double> time(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double speed = std::sqrt(squares[i]);
    time[static_cast<std::size_t>(i)] =
        -std::log(uniform(seed, Stream::Bootstrap, static_cast<std::uint64_t>(i), 1)) / (speed + 1e-300);
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return time[static_cast<std::size_t>(a)] < time[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(m));
  std::sort(order.begin(), order.end());
  return order;
}

// exp(-b |z_i - c_m|^2) for all points and control points.
Matrix kernel(MatrixView z, MatrixView control, double b) {
  Matrix out(z.rows, control.rows);
  const std::vector<double> size = row_squares(control);
  parallel_for((z.rows + kRowBlock - 1) / kRowBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kRowBlock, rows = std::min(kRowBlock, z.rows - first);
    const Matrix part = row_block(z, first, rows), dots = product_transposed(part, control);
    const std::vector<double> own = row_squares(part);
    for (std::int64_t m = 0; m < control.rows; ++m) {
      double* const column = out.values.data() + m * z.rows + first;
      for (std::int64_t i = 0; i < rows; ++i) {
        const double distance = -2.0 * dots(i, m) + own[i] + size[m];
        column[i] = -b * std::max(distance, 0.0);
      }
      exponentiate(column, rows);
    }
  });
  return out;
}

double kernel_width(MatrixView control) {
  const std::int64_t m = control.rows;
  const auto share = static_cast<std::int64_t>(kNeighbourShare * static_cast<double>(m));
  const std::int64_t k = std::min(std::max<std::int64_t>(2, share) - 1, m - 1);
  double total = 0.0;
  for (std::int64_t i = 0; i < m; ++i) {
    std::vector<double> d(static_cast<std::size_t>(m), 0.0);
    for (std::int64_t j = 0; j < control.cols; ++j)
      for (std::int64_t r = 0; r < m; ++r) {
        const double difference = control(r, j) - control(i, j);
        d[r] += difference * difference;
      }
    for (double& v : d) v = std::sqrt(v);
    std::sort(d.begin(), d.end());
    total += sum(d.data() + 1, k);
  }
  const double mean = total / static_cast<double>(m * std::max<std::int64_t>(1, k));
  if (!(mean > 0.0))
    throw numeric_error("All control points of the sparse field are one point; it has no width.");
  const double h = std::sqrt(2.0) * mean / 1.5;
  return 1.0 / (h * h);
}

// |y_i - (U C)_i|^2
std::vector<double> squared_errors(const Matrix& y, const Matrix& u, const Matrix& c) {
  const std::int64_t n = y.rows;
  std::vector<double> out(static_cast<std::size_t>(n));
  parallel_for((n + kRowBlock - 1) / kRowBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kRowBlock, rows = std::min(kRowBlock, n - first);
    Matrix rest = row_block(y, first, rows);
    subtract_product(row_block(u, first, rows), c, rest);
    const std::vector<double> squares = row_squares(rest);
    std::copy(squares.begin(), squares.end(), out.begin() + first);
  });
  return out;
}

// Near-duplicate control points leave the system without a numerical rank; the least ridge that cures it is
// taken.
Matrix solve(const Matrix& system, const Matrix& right) {
  double unit = 0.0;
  for (std::int64_t m = 0; m < system.rows; ++m) unit += system(m, m);
  unit /= static_cast<double>(system.rows);
  for (double jitter = 0.0; jitter <= 1e-4; jitter = jitter == 0.0 ? 1e-12 : 100.0 * jitter) {
    Matrix raised = system, out;
    for (std::int64_t m = 0; m < system.rows; ++m) raised(m, m) += jitter * unit;
    if (!solve_positive(raised, right, out)) continue;
    const auto finite = [](double v) { return std::isfinite(v); };
    if (std::all_of(out.values.begin(), out.values.end(), finite)) return out;
  }
  throw numeric_error("The system of the sparse vector field cannot be solved; take fewer `control.points`.");
}

// Probabilities of not being an outlier.
std::vector<double> inlier_probabilities(const std::vector<double>& errors, double sigma2, double odds) {
  std::vector<double> out = errors;
  for (double& v : out) v = odds + v / (2.0 * sigma2);
  exponentiate(out.data(), static_cast<std::int64_t>(out.size()));
  for (double& v : out) v = 1.0 / (1.0 + v);
  return out;
}

// The sum of the diagonal of C' K C.
double roughness(const Matrix& c, const Matrix& k) {
  const Matrix ck = transposed_product(c, k);
  double out = 0.0;
  for (std::int64_t m = 0; m < ck.cols; ++m)
    for (std::int64_t d = 0; d < ck.rows; ++d) out += ck(d, m) * c(m, d);
  return out;
}

}  // namespace

SparseVfcFit fit_sparse_vfc(const MatrixView& z, const MatrixView& y, const SparseVfcOptions& o,
                            std::uint64_t seed) {
  check(o);
  const OneEigenThread one;
  const double size = std::sqrt(squares_of(y) / static_cast<double>(y.rows * y.cols));
  if (!(size > 0.0) || !std::isfinite(size)) {
    throw input_error("velocity", "`velocity`: all velocities are zero or some are not finite.");
  }
  const double unit = o.scale / size;
  const Matrix target = scaled(y, unit);
  const std::vector<std::int64_t> chosen = draw_control(y, o.control_points, seed);

  SparseVfcFit fit;
  fit.control = Matrix(static_cast<std::int64_t>(chosen.size()), z.cols);
  Matrix& control = fit.control;
  for (std::int64_t d = 0; d < z.cols; ++d)
    for (std::int64_t m = 0; m < control.rows; ++m) control(m, d) = z(chosen[m], d);
  fit.width = o.width > 0.0 ? o.width : kernel_width(control);
  const Matrix u = kernel(z, control, fit.width), k = kernel(control, control, fit.width);
  const auto dims = static_cast<double>(y.cols);
  const bool outliers = o.inliers < 1.0;
  double share = o.inliers, sigma2 = squares_of(target) / static_cast<double>(y.rows * y.cols), energy = 0.0;
  std::vector<double> errors = row_squares(target), p(static_cast<std::size_t>(z.rows), 1.0);
  Matrix c(control.rows, y.cols);
  for (fit.iterations = 0; fit.iterations < o.iterations; ++fit.iterations) {
    if (outliers) {
      const double odds =
          0.5 * dims * std::log(kTwoPi * sigma2) + std::log((1.0 - share) / (share * o.outlier_volume));
      p = inlier_probabilities(errors, sigma2, odds);
    }
    const double now = dot(p.data(), errors.data(), z.rows) / (2.0 * sigma2) +
                       0.5 * dims * std::log(sigma2) * sum(p.data(), z.rows) +
                       0.5 * o.lambda * roughness(c, k);
    if (fit.iterations > 0 && std::abs((now - energy) / now) <= o.tolerance) break;
    energy = now;
    if (sigma2 <= kLeastVariance) break;
    for (double& v : p) v = std::max(v, kLeastInlier);
    Matrix system = cross_product(u, u, p.data());
    const double smoothing = o.lambda * sigma2;
    for (std::size_t e = 0; e < k.values.size(); ++e) system.values[e] += smoothing * k.values[e];
    c = solve(system, cross_product(u, target, p.data()));
    errors = squared_errors(target, u, c);
    sigma2 = dot(p.data(), errors.data(), z.rows) / (dims * sum(p.data(), z.rows));
    if (outliers) {
      const auto sure_ones = std::count_if(p.begin(), p.end(), [](double v) { return v > kSureInlier; });
      const double sure = static_cast<double>(sure_ones) / static_cast<double>(p.size());
      share = std::min(std::max(sure, kLeastShare), kMostShare);
    }
  }
  for (double& v : c.values) v /= unit;
  fit.coefficients = std::move(c);
  fit.sigma2 = sigma2 / (unit * unit);
  fit.inlier = std::move(p);
  return fit;
}

Matrix sparse_vfc_at(const SparseVfcFit& fit, const MatrixView& z) {
  const OneEigenThread one;
  return product(kernel(z, fit.control, fit.width), fit.coefficients);
}

}  // namespace fatefield
