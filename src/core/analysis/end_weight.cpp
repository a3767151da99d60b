// Takes ends of futures and observed cells; gives the function that weighs ends.
#include "analysis/end_weight.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/threads.hpp"
#include "graph/knn.hpp"

namespace fatefield {
namespace {

using Vector = std::vector<double>;

// States that are worked on at once.
constexpr std::int64_t kRows = 64;
// Observed cells that get less than this share of the usual from the pushed cloud are not waited for: else
// the few ends nearest to them would stand for all.
constexpr double kLeastReached = 0.01;
// So many futures of the usual weight are added to those of each start: the mean of a few is uncertain, and
// its inverse would make up for chance.
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
  Kernels(MatrixView ends, MatrixView observed, const Vector& variances)
      : rows_(ends.rows), cols_(observed.rows), values_(static_cast<std::size_t>(rows_ * cols_)) {
    parallel_for((ends.rows + kRows - 1) / kRows, [&](std::int64_t block) {
      for (std::int64_t s = block * kRows; s < std::min(ends.rows, (block + 1) * kRows); ++s) {
        for (std::int64_t j = 0; j < observed.rows; ++j) {
          double d = 0.0;
          for (std::int64_t k = 0; k < ends.cols; ++k)
            d += (ends(s, k) - observed(j, k)) * (ends(s, k) - observed(j, k));
          values_[static_cast<std::size_t>(s * cols_ + j)] =
              static_cast<float>(std::exp(-0.5 * d / variances[static_cast<std::size_t>(j)]));
        }
      }
    });
  }

  // out_s = sum_j u_j K_j(y_s)
  Vector at_ends(const Vector& u) const {
    Vector out(static_cast<std::size_t>(rows_));
    parallel_for((rows_ + kRows - 1) / kRows, [&](std::int64_t block) {
      for (std::int64_t s = block * kRows; s < std::min(rows_, (block + 1) * kRows); ++s) {
        double sum = 0.0;
        for (std::int64_t j = 0; j < cols_; ++j)
          sum += u[static_cast<std::size_t>(j)] * values_[static_cast<std::size_t>(s * cols_ + j)];
        out[static_cast<std::size_t>(s)] = sum;
      }
    });
    return out;
  }

  // out_j = sum_s w_s K_j(y_s)
  Vector at_cells(const Vector& w) const {
    Vector out(static_cast<std::size_t>(cols_));
    parallel_for((cols_ + kRows - 1) / kRows, [&](std::int64_t block) {
      const std::int64_t from = block * kRows, to = std::min(cols_, from + kRows);
      for (std::int64_t s = 0; s < rows_; ++s) {
        for (std::int64_t j = from; j < to; ++j)
          out[static_cast<std::size_t>(j)] +=
              w[static_cast<std::size_t>(s)] * values_[static_cast<std::size_t>(s * cols_ + j)];
      }
    });
    return out;
  }

 private:
  std::int64_t rows_, cols_;
  std::vector<float> values_;  // row-major
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
    : centres_(centres.rows, centres.cols), middle_(column_means(centres)) {
  for (std::int64_t j = 0; j < centres.rows; ++j) {
    double square = 0.0;
    for (std::int64_t k = 0; k < centres.cols; ++k) {
      const double v = centres_(j, k) = centres(j, k) - middle_[static_cast<std::size_t>(k)];
      square += v * v;
    }
    const auto at = static_cast<std::size_t>(j);
    precision_.push_back(1.0 / variances[at]);
    constant_.push_back(log_heights[at] - 0.5 * square / variances[at]);
  }
}

// Each row by itself: products of matrices would round it by its place among others.
double EndWeight::log_of(const double* y, double* e) const {
  const std::int64_t n = centres_.rows;
  double half = 0.0;
  std::fill_n(e, n, 0.0);
  for (std::int64_t k = 0; k < dims(); ++k) {
    half += 0.5 * y[k] * y[k];
    const double* column = centres_.values.data() + k * n;
    for (std::int64_t j = 0; j < n; ++j) e[j] += column[j] * y[k];
  }
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t j = 0; j < n; ++j) {
    const auto at = static_cast<std::size_t>(j);
    e[j] = (e[j] - half) * precision_[at] + constant_[at];
    most = std::max(most, e[j]);
  }
  if (!std::isfinite(most)) return -std::numeric_limits<double>::infinity();
  for (std::int64_t j = 0; j < n; ++j) e[j] -= most;
  exponentiate(e, n);
  return most + std::log(sum(e, n));
}

Vector EndWeight::log_at(MatrixView states) const {
  if (states.cols != dims())
    throw input_error("states", "The states have " + std::to_string(states.cols) +
                                    " dimensions, the weights " + std::to_string(dims()) + ".");
  const OneEigenThread one_thread;
  Vector out(static_cast<std::size_t>(states.rows));
  parallel_for((states.rows + kRows - 1) / kRows, [&](std::int64_t block) {
    Vector y(middle_.size()), e(static_cast<std::size_t>(centres_.rows));
    for (std::int64_t i = block * kRows; i < std::min(states.rows, (block + 1) * kRows); ++i) {
      for (std::size_t k = 0; k < y.size(); ++k) y[k] = states(i, static_cast<std::int64_t>(k)) - middle_[k];
      out[static_cast<std::size_t>(i)] = log_of(y.data(), e.data());
    }
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
