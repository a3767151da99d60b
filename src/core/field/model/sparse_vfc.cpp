// Takes points with velocities; gives a sparse vector field and what it says at other points.
#include "field/model/sparse_vfc.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <numeric>
#include <string>

#include "base/eigen_products.hpp"
#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

using Dense = Eigen::MatrixXd;
using View = Eigen::Map<const Dense>;

constexpr std::int64_t kRowBlock = 512;
constexpr std::int64_t kLeastControl = 50;
constexpr double kControlShare = 0.05, kNeighbourShare = 0.2;
constexpr double kLeastVariance = 1e-8, kLeastInlier = 1e-5, kSureInlier = 0.75;
constexpr double kLeastShare = 0.05, kMostShare = 0.95;
constexpr double kTwoPi = 6.283185307179586476925286766559;

View view(const Matrix& x) { return View(x.values.data(), x.rows, x.cols); }
View view(const MatrixView& x) { return View(x.data, x.rows, x.cols); }

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
  std::vector<double> time(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const double speed = view(y).row(i).norm();
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
Dense kernel(const Dense& z, const Dense& control, double b) {
  Dense out(z.rows(), control.rows());
  const Eigen::VectorXd size = control.rowwise().squaredNorm();
  const std::int64_t n = z.rows();
  parallel_for((n + kRowBlock - 1) / kRowBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kRowBlock, rows = std::min(kRowBlock, n - first);
    const Dense part = z.middleRows(first, rows);
    Dense distance = -2.0 * part * control.transpose();
    distance.colwise() += part.rowwise().squaredNorm();
    distance.rowwise() += size.transpose();
    out.middleRows(first, rows) = (-b * distance.array().max(0.0)).exp();
  });
  return out;
}

double kernel_width(const Dense& control) {
  const std::int64_t m = control.rows();
  const auto share = static_cast<std::int64_t>(kNeighbourShare * static_cast<double>(m));
  const std::int64_t k = std::min(std::max<std::int64_t>(2, share) - 1, m - 1);
  double sum = 0.0;
  for (std::int64_t i = 0; i < m; ++i) {
    Eigen::VectorXd d = (control.rowwise() - control.row(i)).rowwise().norm();
    std::sort(d.data(), d.data() + m);
    sum += d.segment(1, k).sum();
  }
  const double mean = sum / static_cast<double>(m * std::max<std::int64_t>(1, k));
  if (!(mean > 0.0))
    throw numeric_error("All control points of the sparse field are one point; it has no width.");
  const double h = std::sqrt(2.0) * mean / 1.5;
  return 1.0 / (h * h);
}

// |y_i - (U C)_i|^2
Eigen::VectorXd squared_errors(const Dense& y, const Dense& u, const Dense& c) {
  Eigen::VectorXd out(y.rows());
  const std::int64_t n = y.rows();
  parallel_for((n + kRowBlock - 1) / kRowBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kRowBlock, rows = std::min(kRowBlock, n - first);
    Dense rest = y.middleRows(first, rows);
    rest.noalias() -= u.middleRows(first, rows) * c;
    out.segment(first, rows) = rest.rowwise().squaredNorm();
  });
  return out;
}

// Near-duplicate control points leave the system without a numerical rank; the least ridge that cures it is
// taken.
Dense solve(const Dense& system, const Dense& right) {
  const double unit = system.diagonal().mean();
  for (double jitter = 0.0; jitter <= 1e-4; jitter = jitter == 0.0 ? 1e-12 : 100.0 * jitter) {
    const Eigen::LLT<Dense> llt(system + jitter * unit * Dense::Identity(system.rows(), system.cols()));
    if (llt.info() != Eigen::Success) continue;
    Dense out = llt.solve(right);
    if (out.allFinite()) return out;
  }
  throw numeric_error("The system of the sparse vector field cannot be solved; take fewer `control.points`.");
}

Matrix from_eigen(const Dense& x) {
  Matrix out(x.rows(), x.cols());
  std::copy(x.data(), x.data() + x.size(), out.values.begin());
  return out;
}

}  // namespace

SparseVfcFit fit_sparse_vfc(const MatrixView& z, const MatrixView& y, const SparseVfcOptions& o,
                            std::uint64_t seed) {
  check(o);
  const OneEigenThread one;
  const double size = std::sqrt(view(y).squaredNorm() / static_cast<double>(y.rows * y.cols));
  if (!(size > 0.0) || !std::isfinite(size)) {
    throw input_error("velocity", "`velocity`: all velocities are zero or some are not finite.");
  }
  const double unit = o.scale / size;
  const Dense points = view(z), target = unit * view(y);
  const std::vector<std::int64_t> chosen = draw_control(y, o.control_points, seed);
  Dense control(static_cast<Eigen::Index>(chosen.size()), z.cols);
  for (std::size_t m = 0; m < chosen.size(); ++m)
    control.row(static_cast<Eigen::Index>(m)) = points.row(chosen[m]);

  SparseVfcFit fit;
  fit.width = o.width > 0.0 ? o.width : kernel_width(control);
  const Dense u = kernel(points, control, fit.width), k = kernel(control, control, fit.width);
  const auto dims = static_cast<double>(y.cols);
  const bool outliers = o.inliers < 1.0;
  double share = o.inliers, sigma2 = target.squaredNorm() / static_cast<double>(target.size()), energy = 0.0;
  Eigen::VectorXd errors = target.rowwise().squaredNorm(), p = Eigen::VectorXd::Ones(z.rows);
  Dense c = Dense::Zero(control.rows(), y.cols);
  for (fit.iterations = 0; fit.iterations < o.iterations; ++fit.iterations) {
    if (outliers) {
      const double odds =
          0.5 * dims * std::log(kTwoPi * sigma2) + std::log((1.0 - share) / (share * o.outlier_volume));
      p = (1.0 + (odds + errors.array() / (2.0 * sigma2)).exp()).inverse();
    }
    const double smooth = (c.transpose() * k).cwiseProduct(c.transpose()).sum();
    const double now =
        p.dot(errors) / (2.0 * sigma2) + 0.5 * dims * std::log(sigma2) * p.sum() + 0.5 * o.lambda * smooth;
    if (fit.iterations > 0 && std::abs((now - energy) / now) <= o.tolerance) break;
    energy = now;
    if (sigma2 <= kLeastVariance) break;
    p = p.cwiseMax(kLeastInlier);
    c = solve(cross_product(u, u, &p) + o.lambda * sigma2 * k, cross_product(u, target, &p));
    errors = squared_errors(target, u, c);
    sigma2 = p.dot(errors) / (dims * p.sum());
    if (outliers) {
      const double sure =
          static_cast<double>((p.array() > kSureInlier).count()) / static_cast<double>(p.size());
      share = std::min(std::max(sure, kLeastShare), kMostShare);
    }
  }
  fit.control = from_eigen(control);
  fit.coefficients = from_eigen(c / unit);
  fit.sigma2 = sigma2 / (unit * unit);
  fit.inlier.assign(p.data(), p.data() + p.size());
  return fit;
}

Matrix sparse_vfc_at(const SparseVfcFit& fit, const MatrixView& z) {
  const OneEigenThread one;
  return from_eigen(kernel(view(z), view(fit.control), fit.width) * view(fit.coefficients));
}

}  // namespace fatefield
