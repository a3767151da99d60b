// Takes transitions; finds their left eigenvectors part by part and adds them up to scores.
#include "velocity/transitions/terminal_states.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numeric>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "graph/connected_components.hpp"
#include "velocity/transitions/leading_eigen.hpp"
#include "velocity/transitions/transition.hpp"

namespace fatefield {
namespace {

void check_terminal(const TerminalOptions& o) {
  if (!(o.tolerance >= 0 && o.tolerance < 1))
    throw input_error("tolerance", "`tolerance` must be at least 0 and below 1.");
  if (o.count < 1) throw input_error("count", "`count` must be at least 1.");
  if (!(o.low >= 0 && o.low < o.high && o.high <= 1))
    throw input_error("low", "`low` must be at least 0 and below `high`, and that at most 1.");
  if (o.max_restarts < 1) throw input_error("max.restarts", "`max.restarts` must be at least 1.");
}

// Adds the slow distributions of one part.
void add_part(const SparseRows& part, const std::vector<std::int32_t>& nodes, std::int64_t n,
              const TerminalOptions& options, const std::function<bool()>& keep_going,
              SlowDistributions& out) {
  LeadingEigenOptions search;
  search.count = options.count;
  search.floor = 1 - options.tolerance;
  search.max_restarts = options.max_restarts;
  const LeadingEigenpairs found = leading_eigenpairs(
      part.rows, [&part](const double* x, double* y) { multiply(part, x, y); }, search, keep_going);
  out.converged = out.converged && found.converged;
  for (std::size_t k = 0; k < found.value.size(); ++k) {
    // Of two conjugates the moduli are the same.
    if (std::abs(found.value[k] - 1.0) > options.tolerance + 1e-9 || found.value[k].imag() < 0) continue;
    std::vector<double> share(static_cast<std::size_t>(n), 0.0);
    double total = 0;
    for (std::size_t a = 0; a < nodes.size(); ++a) {
      share[nodes[a]] = std::hypot(found.real[k][a], found.imaginary[k][a]);
      total += share[nodes[a]];
    }
    for (double& s : share) s /= total;
    out.share.push_back(std::move(share));
    out.value.push_back(found.value[k].real());
  }
}

// The largest values first, no more than asked for.
void keep_slowest(SlowDistributions& x, std::int64_t most) {
  std::vector<std::size_t> order(x.value.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return x.value[a] > x.value[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  SlowDistributions out;
  out.converged = x.converged;
  for (const std::size_t k : order) {
    out.value.push_back(x.value[k]);
    out.share.push_back(std::move(x.share[k]));
  }
  x = std::move(out);
}

// Cut off at quantiles, largest value 1. A part of very few cells lies above the upper quantile as a whole;
// then the largest value is the limit.
void add_scaled(const std::vector<double>& share, const TerminalOptions& options, std::vector<double>& sum) {
  const double low = quantile(share, options.low);
  double high = quantile(share, options.high);
  if (!(high > low)) high = *std::max_element(share.begin(), share.end());
  for (std::size_t i = 0; i < share.size(); ++i) sum[i] += std::min(high, std::max(low, share[i])) / high;
}

std::vector<double> mean_of_neighbours(const std::vector<double>& x, const Neighbours& knn) {
  std::vector<double> out(x.size());
  for (std::int64_t i = 0; i < knn.n; ++i) {
    double sum = x[i], count = 1;
    for (std::int64_t j = 0; j < knn.k; ++j) {
      const std::int32_t at = knn.index[i * knn.k + j];
      if (at < 0) continue;
      sum += x[at];
      ++count;
    }
    out[i] = sum / count;
  }
  return out;
}

void to_unit_range(std::vector<double>& x, double high) {
  for (double& v : x) v = std::min(v, high);
  const auto range = std::minmax_element(x.begin(), x.end());
  const double low = *range.first, width = *range.second - low;
  for (double& v : x) v = width > 0 ? (v - low) / width : 0.0;
}

}  // namespace

SlowDistributions slow_distributions(const SparseRows& transitions, const TerminalOptions& options,
                                     const std::function<bool()>& keep_going) {
  check_terminal(options);
  const SparseRows steps = without_dead_ends(transitions);
  SlowDistributions out;
  std::vector<std::int32_t> place(static_cast<std::size_t>(steps.rows), -1);
  for (const std::vector<std::int32_t>& nodes : strong_components(steps).nodes()) {
    const SparseRows part = transpose(part_of(steps, nodes, place));
    if (part.stored() > 0) add_part(part, nodes, steps.rows, options, keep_going, out);
  }
  keep_slowest(out, options.count);
  return out;
}

TerminalStates terminal_states(const SparseRows& transitions, const Neighbours& knn,
                               const TerminalOptions& options, const std::function<bool()>& keep_going) {
  if (knn.n != transitions.rows)
    throw input_error("knn", "`knn` and the transitions are not about the same cells.");
  const SlowDistributions slow = slow_distributions(transitions, options, keep_going);
  TerminalStates out;
  out.value = slow.value;
  out.converged = slow.converged;
  out.score.assign(static_cast<std::size_t>(transitions.rows), 0.0);
  if (slow.share.empty()) return out;
  for (const std::vector<double>& share : slow.share) add_scaled(share, options, out.score);
  out.score = mean_of_neighbours(out.score, knn);
  const double high = quantile(out.score, options.high);
  const double most = *std::max_element(out.score.begin(), out.score.end());
  to_unit_range(out.score, high > *std::min_element(out.score.begin(), out.score.end()) ? high : most);
  return out;
}

}  // namespace fatefield
