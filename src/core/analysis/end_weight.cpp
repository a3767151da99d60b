// Takes ends of futures and observed cells; gives the function that weighs ends.
#include "analysis/end_weight.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/threads.hpp"
#include "graph/knn.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// States that are worked on at once.
constexpr std::int64_t kRows = 64;
// Observed cells that get less than this share of the usual from the pushed cloud are not waited for: else
// the few ends nearest to them would stand for all.
constexpr double kLeastReached = 0.01;
// So many futures of the usual weight are added to those of each start: the mean of a few is uncertain, and its
// inverse would make up for chance.
constexpr double kUsualFutures = 2.0;
// Starts keep their mass to this share on average.
constexpr double kTolerance = 1e-3;

// Variance of the kernel of each observed cell.
Vector kernel_variances(MatrixView observed, std::int64_t k) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(observed.rows));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const Neighbours found = NeighbourIndex(observed, KnnOptions()).query_self(all, k);
  Vector out;
  double mean = 0.0;
  for (std::int64_t i = 0; i < observed.rows; ++i) {
    const double d = found.distance[static_cast<std::size_t>((i + 1) * k - 1)];
    out.push_back(0.5 * d * d);
    mean += out.back() / static_cast<double>(observed.rows);
  }
  if (!(mean > 0)) throw input_error("object", "`object`: the cells of the last time are all the same.");
  for (double& v : out) v = std::max(v, 1e-3 * mean);
  return out;
}

Vector relative_masses(const Vector& log_weights, std::int64_t n) {
  Vector out(static_cast<std::size_t>(n), 1.0 / static_cast<double>(n));
  if (log_weights.empty()) return out;
  double most = -std::numeric_limits<double>::infinity(), sum = 0.0;
  for (const double w : log_weights)
    if (std::isfinite(w)) most = std::max(most, w);
  for (std::size_t i = 0; i < out.size(); ++i)
    sum += out[i] = std::isfinite(log_weights[i]) ? std::exp(log_weights[i] - most) : 0.0;
  for (double& v : out) v /= sum;
  return out;
}

// Kernels of all observed cells at all ends, ends x cells. Blocks of ends have bounds of their own.
class Kernels {
 public:
  Kernels(MatrixView ends, MatrixView observed, const Vector& variances) : values_(ends.rows, observed.rows) {
    parallel_for((ends.rows + kRows - 1) / kRows, [&](std::int64_t block) {
      for (std::int64_t s = block * kRows; s < std::min(ends.rows, (block + 1) * kRows); ++s) {
        for (std::int64_t j = 0; j < observed.rows; ++j) {
          double d = 0.0;
          for (std::int64_t k = 0; k < ends.cols; ++k)
            d += (ends(s, k) - observed(j, k)) * (ends(s, k) - observed(j, k));
          values_(s, j) = static_cast<float>(std::exp(-0.5 * d / variances[static_cast<std::size_t>(j)]));
        }
      }
    });
  }

  // out_s = sum_j u_j K_j(y_s)
  Vector at_ends(const Vector& u) const {
    Vector out(static_cast<std::size_t>(values_.rows()));
    parallel_for((values_.rows() + kRows - 1) / kRows, [&](std::int64_t block) {
      for (std::int64_t s = block * kRows; s < std::min<std::int64_t>(values_.rows(), (block + 1) * kRows);
           ++s) {
        double sum = 0.0;
        for (std::int64_t j = 0; j < values_.cols(); ++j)
          sum += u[static_cast<std::size_t>(j)] * values_(s, j);
        out[static_cast<std::size_t>(s)] = sum;
      }
    });
    return out;
  }

  // out_j = sum_s w_s K_j(y_s)
  Vector at_cells(const Vector& w) const {
    Vector out(static_cast<std::size_t>(values_.cols()));
    parallel_for((values_.cols() + kRows - 1) / kRows, [&](std::int64_t block) {
      const std::int64_t from = block * kRows, to = std::min<std::int64_t>(values_.cols(), from + kRows);
      for (std::int64_t s = 0; s < values_.rows(); ++s) {
        for (std::int64_t j = from; j < to; ++j)
          out[static_cast<std::size_t>(j)] += w[static_cast<std::size_t>(s)] * values_(s, j);
      }
    });
    return out;
  }

 private:
  RowMajor values_;
};

// The two sides of the Schroedinger system, one after the other.
struct System {
  const Kernels& kernels;
  const Vector& mass;
  std::int64_t n_sim;
  Vector phi, u, h;

  // Each observed cell gets its mass.
  void meet_cells() {
    Vector w(mass);
    for (std::size_t s = 0; s < w.size(); ++s) w[s] *= phi[s / static_cast<std::size_t>(n_sim)];
    const Vector reached = kernels.at_cells(w);
    double usual = 0.0;
    const auto n = static_cast<double>(reached.size());
    for (const double v : reached) usual += v / n;
    u.resize(reached.size());
    for (std::size_t j = 0; j < u.size(); ++j) u[j] = 1.0 / (n * (reached[j] + kLeastReached * usual));
    h = kernels.at_ends(u);
  }

  // Each start keeps its mass; gives by how much they missed it on average.
  double meet_starts() {
    const auto each = static_cast<std::size_t>(n_sim);
    double missed = 0.0;
    for (std::size_t i = 0; i < phi.size(); ++i) {
      double kept = 0.0, all = 0.0;
      for (std::size_t s = i * each; s < (i + 1) * each; ++s) {
        kept += mass[s] * h[s];
        all += mass[s];
      }
      const double added = kUsualFutures / static_cast<double>(n_sim);
      const double mean = all > 0 ? (kept / all + added) / (1.0 + added) : 1.0;
      missed += std::abs(phi[i] * mean - 1.0) / static_cast<double>(phi.size());
      phi[i] = 1.0 / mean;
    }
    return missed;
  }

  double moved() const {
    double sum = 0.0, total = 0.0;
    for (std::size_t s = 0; s < h.size(); ++s)
      total += mass[s] * phi[s / static_cast<std::size_t>(n_sim)] * h[s];
    for (std::size_t s = 0; s < h.size(); ++s)
      sum += 0.5 * mass[s] * std::abs(phi[s / static_cast<std::size_t>(n_sim)] * h[s] / total - 1.0);
    return sum;
  }
};

void check(MatrixView ends, const Vector& log_weights, std::int64_t n_sim, MatrixView observed,
           const EndOptions& o) {
  if (n_sim < 1 || ends.rows < 1 || ends.rows % n_sim != 0)
    throw input_error("ends", "There must be `n_sim` ends of each start.");
  if (!log_weights.empty() && static_cast<std::int64_t>(log_weights.size()) != ends.rows)
    throw input_error("log_weights", "`log_weights` must hold one value for each end.");
  if (observed.cols != ends.cols)
    throw input_error("observed", "The ends have " + std::to_string(ends.cols) +
                                      " dimensions, the observed cells " + std::to_string(observed.cols) +
                                      ".");
  if (o.k < 1 || observed.rows <= o.k)
    throw input_error("observed", "Weights of ends need more than " + std::to_string(o.k) +
                                      " observed cells, not " + std::to_string(observed.rows) + ".");
}

}  // namespace

EndWeight::EndWeight(MatrixView centres, const Vector& variances, const Vector& log_heights)
    : n_(centres.rows), dims_(centres.cols), middle_(static_cast<std::size_t>(centres.cols), 0.0) {
  for (std::int64_t k = 0; k < dims_; ++k) {
    for (std::int64_t j = 0; j < n_; ++j)
      middle_[static_cast<std::size_t>(k)] += centres(j, k) / static_cast<double>(n_);
  }
  for (std::int64_t j = 0; j < n_; ++j) {
    double square = 0.0;
    for (std::int64_t k = 0; k < dims_; ++k) {
      const double v = centres(j, k) - middle_[static_cast<std::size_t>(k)];
      rows_.push_back(static_cast<float>(v));
      square += v * v;
    }
    const auto at = static_cast<std::size_t>(j);
    precision_.push_back(static_cast<float>(1.0 / variances[at]));
    constant_.push_back(static_cast<float>(log_heights[at] - 0.5 * square / variances[at]));
  }
}

void EndWeight::add_block(MatrixView states, std::int64_t from, std::int64_t to, Vector& out) const {
  const Eigen::Map<const RowMajor> centres(rows_.data(), n_, dims_);
  const Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>> precision(precision_.data(), n_);
  const Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>> constant(constant_.data(), n_);
  // Always as many rows, so that those of a short block are summed up as they would be in a long one.
  RowMajor rows = RowMajor::Zero(kRows, dims_);
  for (std::int64_t i = from; i < to; ++i) {
    for (std::int64_t k = 0; k < dims_; ++k)
      rows(i - from, k) = static_cast<float>(states(i, k) - middle_[static_cast<std::size_t>(k)]);
  }
  const RowMajor dots = rows * centres.transpose();
  for (std::int64_t i = 0; i < to - from; ++i) {
    const float half = 0.5F * rows.row(i).squaredNorm();
    const Eigen::Array<float, 1, Eigen::Dynamic> exponent =
        (dots.row(i).array() - half) * precision + constant;
    const float most = exponent.maxCoeff();
    out[static_cast<std::size_t>(from + i)] =
        std::isfinite(most) ? most + std::log((exponent - most).exp().cast<double>().sum())
                            : -std::numeric_limits<double>::infinity();
  }
}

Vector EndWeight::log_at(MatrixView states) const {
  if (states.cols != dims_)
    throw input_error("states", "The states have " + std::to_string(states.cols) +
                                    " dimensions, the weights " + std::to_string(dims_) + ".");
  const OneEigenThread one_thread;
  Vector out(static_cast<std::size_t>(states.rows));
  parallel_for((states.rows + kRows - 1) / kRows, [&](std::int64_t block) {
    add_block(states, block * kRows, std::min(states.rows, (block + 1) * kRows), out);
  });
  return out;
}

EndFit fit_end_weight(MatrixView ends, const Vector& log_weights, std::int64_t n_sim, MatrixView observed,
                      bool fixed, const EndOptions& options, const std::function<bool()>& keep_going) {
  check(ends, log_weights, n_sim, observed, options);
  const Vector variances = kernel_variances(observed, options.k),
               mass = relative_masses(log_weights, ends.rows);
  const Kernels kernels(ends, observed, variances);
  System system{kernels, mass, n_sim, Vector(static_cast<std::size_t>(ends.rows / n_sim), 1.0), {}, {}};
  system.meet_cells();
  std::int64_t rounds = 1;
  while (fixed && rounds < options.max_iterations) {
    if (keep_going && !keep_going()) throw Interrupted();
    if (system.meet_starts() < kTolerance) break;
    system.meet_cells();
    ++rounds;
  }
  Vector heights(system.u);
  for (double& v : heights) v = std::log(v);
  return {EndWeight(observed, variances, heights), system.moved(), rounds};
}

}  // namespace fatefield
