// Takes weights between near cells; turns them into probabilities of steps.
#include "velocity/transitions/kernels.hpp"

#include <algorithm>
#include <cmath>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/quantile.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;

// Cells worked on together.
constexpr std::int64_t kBlock = 64;
// How steeply steps back in time become unlikely.
constexpr double kSteepness = 4.0;
// Noise of a dimension counts as at least this share of the mean variance.
constexpr double kLeastNoise = 0.02;
// The Gaussian of the noise is so wide that its variance is this share of the mean square of the steps that
// there are.
constexpr double kWidth = 0.5;
// Of the tilt that meets the drift: iterations, halvings of a step, weight of the penalty, and how near is
// enough.
constexpr int kNewtonSteps = 30, kHalvings = 20;
constexpr double kRidge = 1e-4, kNear = 1e-6;
// Cells whose rates are above this quantile do not stay.
constexpr double kFast = 0.9;

// Where a cell goes when it leaves, with which probabilities, and how often.
struct Jumps {
  std::vector<std::int32_t> to;
  Vector weight;
  double rate = 0;
};

// Finds those of one cell.
class Tilt {
 public:
  Tilt(const SparseRows& near, MatrixView x, std::int64_t cell) : dims_(x.cols) {
    for (std::int64_t e = near.start[cell]; e < near.start[cell + 1]; ++e) {
      if (near.index[e] == cell || !(near.value[e] > 0)) continue;
      to_.push_back(near.index[e]);
    }
    step_ = Matrix(dims_, static_cast<std::int64_t>(to_.size()));
    for (std::size_t k = 0; k < to_.size(); ++k)
      for (std::int64_t d = 0; d < dims_; ++d)
        step_(d, static_cast<std::int64_t>(k)) = x(to_[k], d) - x(cell, d);
  }

  /// `drift`, `variance`: of the cell, one for each dimension.
  Jumps solve(const Vector& drift, const Vector& variance) {
    if (to_.empty()) return {};
    base(variance);
    double all = 0;
    for (const double v : variance) all += v;
    Vector tilt(static_cast<std::size_t>(dims_), 0.0);
    // The mean that is met depends on the mean square of the steps, which hardly changes with the tilt.
    for (int round = 0; round < 3; ++round) {
      const double square = mean_square();
      Vector target(drift);
      for (double& v : target) v *= square / all;
      meet(target, variance, square / all, tilt);
    }
    return {to_, weight_, all / mean_square()};
  }

 private:
  // Gaussian weights of the noise.
  void base(const Vector& variance) {
    Vector squared(to_.size(), 0.0);
    double mean = 0;
    for (std::size_t k = 0; k < to_.size(); ++k) {
      for (std::int64_t d = 0; d < dims_; ++d) {
        const double v = step_(d, static_cast<std::int64_t>(k));
        squared[k] += v * v / variance[d];
      }
      mean += squared[k] / static_cast<double>(to_.size());
    }
    log_base_.resize(to_.size());
    for (std::size_t k = 0; k < to_.size(); ++k)
      log_base_[k] = mean > 0 ? -0.5 * squared[k] * static_cast<double>(dims_) / (kWidth * mean) : 0.0;
    weigh(Vector(static_cast<std::size_t>(dims_), 0.0));
  }

  // Weights of the tilt, with sum 1; gives the logarithm of their sum before.
  double weigh(const Vector& tilt) {
    weight_ = transposed_product(step_, tilt.data());
    double most = -1e300;
    for (std::size_t k = 0; k < to_.size(); ++k) most = std::max(most, weight_[k] += log_base_[k]);
    double sum = 0;
    for (double& w : weight_) sum += w = std::exp(w - most);
    for (double& w : weight_) w /= sum;
    return most + std::log(sum);
  }

  double mean_square() const {
    double out = 0;
    for (std::size_t k = 0; k < to_.size(); ++k)
      out += weight_[k] * squared_norm(step_.values.data() + static_cast<std::int64_t>(k) * dims_, dims_);
    return out;
  }

  // log sum b exp(tilt' d) - tilt' target + penalty / 2, which is convex: Newton's method.
  void meet(const Vector& target, const Vector& variance, double time, Vector& tilt) {
    const auto penalty = [&](std::int64_t d) { return kRidge * variance[d] * time; };
    const auto value = [&](const Vector& at) {
      double out = weigh(at);
      for (std::int64_t d = 0; d < dims_; ++d) out += at[d] * (0.5 * penalty(d) * at[d] - target[d]);
      return out;
    };
    double now = value(tilt);
    for (int step = 0; step < kNewtonSteps; ++step) {
      const Vector mean = product(step_, weight_.data());
      Matrix slope(dims_, 1), way;
      double far = 0;
      for (std::int64_t d = 0; d < dims_; ++d) {
        slope(d, 0) = mean[d] - target[d] + penalty(d) * tilt[d];
        far += slope(d, 0) * slope(d, 0) / (variance[d] * time);
      }
      if (far < kNear * kNear) break;
      if (!solve_positive(curvature(mean, penalty), slope, way)) break;
      Vector next(tilt);
      double share = 1, there = 0;
      for (int k = 0; k < kHalvings; ++k, share /= 2) {
        for (std::int64_t d = 0; d < dims_; ++d) next[d] = tilt[d] - share * way(d, 0);
        there = value(next);
        if (there < now) break;
      }
      if (!(there < now)) break;
      tilt = next;
      now = there;
    }
    weigh(tilt);
  }

  template <typename Penalty>
  Matrix curvature(const Vector& mean, const Penalty& penalty) const {
    Matrix root = step_;
    for (std::int64_t k = 0; k < root.cols; ++k) {
      const double w = std::sqrt(weight_[k]);
      for (std::int64_t d = 0; d < dims_; ++d) root(d, k) = w * (step_(d, k) - mean[d]);
    }
    Matrix out = product_transposed(root, root);
    for (std::int64_t d = 0; d < dims_; ++d) out(d, d) += penalty(d);
    return out;
  }

  std::int64_t dims_;
  std::vector<std::int32_t> to_;
  Matrix step_;  // dims x cells
  Vector log_base_, weight_;
};

Vector variances_of(MatrixView noise, std::int64_t cell, double floor) {
  Vector out;
  for (std::int64_t d = 0; d < noise.cols; ++d)
    out.push_back(std::max(noise(cell, d) * noise(cell, d), floor));
  return out;
}

double mean_variance(MatrixView noise) {
  double sum = 0;
  for (std::int64_t e = 0; e < noise.rows * noise.cols; ++e) sum += noise.data[e] * noise.data[e];
  return sum / static_cast<double>(noise.rows * noise.cols);
}

// One step of each cell in the time that the fast cells need for one.
SparseRows staying(const std::vector<Jumps>& jumps) {
  Vector rates;
  for (const Jumps& j : jumps)
    if (!j.to.empty()) rates.push_back(j.rate);
  const double fast = quantile(rates, kFast);
  SparseRows out;
  out.rows = out.cols = static_cast<std::int64_t>(jumps.size());
  out.start.push_back(0);
  const auto add = [&out](std::int64_t j, double w) {
    if (!(w > 0)) return;
    out.index.push_back(static_cast<std::int32_t>(j));
    out.value.push_back(w);
  };
  for (std::int64_t i = 0; i < out.rows; ++i) {
    const Jumps& j = jumps[static_cast<std::size_t>(i)];
    const double leave = j.to.empty() ? 1.0 : std::min(1.0, j.rate / fast);
    bool stayed = false;
    for (std::size_t k = 0; k < j.to.size(); ++k) {
      if (!stayed && j.to[k] > i) {
        add(i, 1 - leave);
        stayed = true;
      }
      add(j.to[k], leave * j.weight[k]);
    }
    if (!stayed) add(i, 1 - leave);
    out.start.push_back(out.stored());
  }
  normalise_rows(out);
  return out;
}

}  // namespace

SparseRows connectivity_transitions(const SparseRows& weights) {
  SparseRows out = weights;
  normalise_rows(out);
  return out;
}

SparseRows pseudotime_transitions(const SparseRows& weights, const std::vector<double>& time) {
  if (static_cast<std::int64_t>(time.size()) != weights.rows)
    throw input_error("pseudotime", "`pseudotime` must have one value for each cell.");
  double sum = 0, pairs = 0;
  const auto each_pair = [&](const auto& body) {
    for (std::int64_t i = 0; i < weights.rows; ++i)
      for (std::int64_t e = weights.start[i]; e < weights.start[i + 1]; ++e) body(i, e);
  };
  each_pair([&](std::int64_t i, std::int64_t e) {
    const double d = std::abs(time[weights.index[e]] - time[i]);
    if (weights.index[e] == i || !std::isfinite(d)) return;
    sum += d;
    pairs += 1;
  });
  if (!(sum > 0))
    throw input_error("pseudotime", "`pseudotime` is the same in all cells that are near each other.");
  const double usual = sum / pairs;
  SparseRows out = weights;
  each_pair([&](std::int64_t i, std::int64_t e) {
    const double back = time[i] - time[out.index[e]];
    if (!std::isfinite(back))
      out.value[e] = 0;
    else if (back > 0)
      out.value[e] *= 2 / (1 + std::exp(kSteepness * back / usual));
  });
  normalise_rows(out);
  return out;
}

SparseRows drift_transitions(const SparseRows& near, MatrixView x, MatrixView drift, MatrixView noise) {
  const std::int64_t n = near.rows;
  if (x.rows != n || drift.rows != n || noise.rows != n || drift.cols != x.cols || noise.cols != x.cols)
    throw input_error("model", "Coordinates, drift and noise are not about the same cells and dimensions.");
  const double floor = kLeastNoise * mean_variance(noise);
  if (!(floor > 0)) throw input_error("model", "`model` has no noise: its cells all go one way.");
  const OneEigenThread one_thread;
  std::vector<Jumps> jumps(static_cast<std::size_t>(n));
  parallel_for((n + kBlock - 1) / kBlock, [&](std::int64_t block) {
    for (std::int64_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
      Vector own;
      for (std::int64_t d = 0; d < drift.cols; ++d) own.push_back(drift(i, d));
      jumps[static_cast<std::size_t>(i)] = Tilt(near, x, i).solve(own, variances_of(noise, i, floor));
    }
  });
  return staying(jumps);
}

}  // namespace fatefield
