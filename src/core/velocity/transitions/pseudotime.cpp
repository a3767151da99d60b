// Takes the velocity graph; gives diffusion pseudotime from its roots.
#include "velocity/transitions/pseudotime.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "graph/connected_components.hpp"
#include "velocity/transitions/leading_eigen.hpp"

namespace fatefield {
namespace {

// Parts with fewer cells get no time.
constexpr std::int64_t kFewest = 10;
// Eigenvalues are known to about this: 1 less a value that is smaller stands for rounding.
constexpr double kKnown = 1e-9;

// |x| + |x| transposed.
SparseRows symmetric_weights(const SparseRows& x) {
  const SparseRows t = transpose(x);
  SparseRows out;
  out.rows = out.cols = x.rows;
  out.start.push_back(0);
  out.index.reserve(static_cast<std::size_t>(2 * x.stored()));
  out.value.reserve(static_cast<std::size_t>(2 * x.stored()));
  for (std::int64_t i = 0; i < x.rows; ++i) {
    std::int64_t a = x.start[i], b = t.start[i];
    while (a < x.start[i + 1] || b < t.start[i + 1]) {
      const bool in_x = a < x.start[i + 1] && (b == t.start[i + 1] || x.index[a] <= t.index[b]);
      const bool in_t = b < t.start[i + 1] && (a == x.start[i + 1] || t.index[b] <= x.index[a]);
      out.index.push_back(in_x ? x.index[a] : t.index[b]);
      out.value.push_back((in_x ? std::abs(x.value[a]) : 0.0) + (in_t ? std::abs(t.value[b]) : 0.0));
      a += in_x;
      b += in_t;
    }
    out.start.push_back(out.stored());
  }
  return out;
}

// Entry (i, j) divided by scale[i] * scale[j].
void divide_both(SparseRows& x, const std::vector<double>& scale) {
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) x.value[e] /= scale[i] * scale[x.index[e]];
}

// Divided by the largest.
std::vector<double> scaled_distances(const DiffusionMap& map, std::int64_t from) {
  std::vector<double> d = diffusion_distances(map, from);
  const double most = *std::max_element(d.begin(), d.end());
  for (double& v : d) v = most > 0 ? v / most : 0.0;
  return d;
}

std::int64_t highest(const std::vector<double>& score, const std::vector<std::int32_t>& nodes) {
  std::int64_t best = 0;
  for (std::size_t a = 1; a < nodes.size(); ++a)
    if (score[nodes[a]] > score[nodes[best]]) best = static_cast<std::int64_t>(a);
  return best;
}

}  // namespace

DiffusionMap diffusion_map(const SparseRows& weights, const PseudotimeOptions& options,
                           const std::function<bool()>& keep_going) {
  if (options.components < 2) throw input_error("components", "`components` must be at least 2.");
  if (options.max_restarts < 1) throw input_error("max.restarts", "`max.restarts` must be at least 1.");
  SparseRows kernel = weights;
  divide_both(kernel, row_sums(kernel));
  std::vector<double> size = row_sums(kernel);
  for (double& s : size) s = std::sqrt(s);
  divide_both(kernel, size);

  LeadingEigenOptions search;
  search.count = std::min(options.components, kernel.rows);
  search.max_restarts = options.max_restarts;
  const LeadingEigenpairs found = leading_eigenpairs(
      kernel.rows, [&kernel](const double* x, double* y) { multiply(kernel, x, y); }, search, keep_going);
  DiffusionMap out;
  out.converged = found.converged;
  const auto count = static_cast<std::int64_t>(found.value.size());
  out.component = Matrix(kernel.rows, count);
  for (std::int64_t k = 0; k < count; ++k) {
    out.value.push_back(found.value[k].real());
    std::copy(found.real[k].begin(), found.real[k].end(), out.component.values.begin() + k * kernel.rows);
  }
  return out;
}

std::vector<double> diffusion_distances(const DiffusionMap& map, std::int64_t from) {
  std::vector<double> out(static_cast<std::size_t>(map.component.rows), 0.0);
  // The first component is where all walks end, whatever their start.
  for (std::int64_t k = 1; k < map.component.cols; ++k) {
    const double factor = map.value[k] / std::max(kKnown, 1 - map.value[k]);
    for (std::int64_t i = 0; i < map.component.rows; ++i) {
      const double d = factor * (map.component(i, k) - map.component(from, k));
      out[i] += d * d;
    }
  }
  for (double& d : out) d = std::sqrt(d);
  return out;
}

Pseudotime velocity_pseudotime(const SparseRows& graph, const std::vector<double>& root_score,
                               const std::vector<double>& end_score, std::int64_t root,
                               const PseudotimeOptions& options, const std::function<bool()>& keep_going) {
  const SparseRows weights = symmetric_weights(graph);
  Pseudotime out;
  out.time.assign(static_cast<std::size_t>(graph.rows), std::numeric_limits<double>::quiet_NaN());
  std::vector<std::int32_t> place(static_cast<std::size_t>(graph.rows), -1);
  for (const std::vector<std::int32_t>& nodes : weak_components(weights).nodes()) {
    if (static_cast<std::int64_t>(nodes.size()) < kFewest) continue;
    const DiffusionMap map = diffusion_map(part_of(weights, nodes, place), options, keep_going);
    out.converged = out.converged && map.converged;
    const auto given = std::lower_bound(nodes.begin(), nodes.end(), root);
    const bool is_given = root >= 0 && given != nodes.end() && *given == root;
    const std::int64_t from = is_given ? given - nodes.begin() : highest(root_score, nodes);
    const std::int64_t to = highest(end_score, nodes);
    std::vector<double> time = scaled_distances(map, from);
    if (to != from) {
      const std::vector<double> left = scaled_distances(map, to);
      for (std::size_t a = 0; a < time.size(); ++a) time[a] = (time[a] + 1 - left[a]) / 2;
    }
    const auto range = std::minmax_element(time.begin(), time.end());
    const double low = *range.first, width = *range.second - low;
    for (std::size_t a = 0; a < nodes.size(); ++a)
      out.time[nodes[a]] = width > 0 ? (time[a] - low) / width : 0.0;
    out.root.push_back(nodes[from]);
    out.end.push_back(nodes[to]);
  }
  return out;
}

}  // namespace fatefield
