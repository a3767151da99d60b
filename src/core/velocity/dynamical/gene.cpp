// Takes the smoothed abundances of one gene; gives the cells that count and their spread.
#include "velocity/dynamical/gene.hpp"

#include <algorithm>
#include <cmath>

#include "base/quantile.hpp"

namespace fatefield {
namespace {

// Of the cells with both abundances positive, those above this quantile of either are left out.
constexpr double kHighest = 0.99;

std::vector<double> of_used(const Aligned<double>& x, const std::vector<char>& used) {
  std::vector<double> out;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (used[i]) out.push_back(x[i]);
  return out;
}

double spread(const std::vector<double>& x) {
  double mean = 0, squares = 0;
  for (const double v : x) mean += v;
  mean /= static_cast<double>(x.size());
  for (const double v : x) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

void choose_cells(GeneReads& g) {
  const auto n = static_cast<std::size_t>(g.cells);
  g.used.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) g.used[i] = g.u[i] > 0 && g.s[i] > 0;
  if (std::count(g.used.begin(), g.used.end(), 1) <= 2) {
    g.trouble = "few cells";
    return;
  }
  const double most_u = quantile(of_used(g.u, g.used), kHighest);
  const double most_s = quantile(of_used(g.s, g.used), kHighest);
  for (std::size_t i = 0; i < n; ++i) g.used[i] = g.used[i] && g.u[i] <= most_u && g.s[i] <= most_s;
  g.n_used = std::count(g.used.begin(), g.used.end(), 1);
  if (g.n_used < 2) g.trouble = "few cells";
}

}  // namespace

GeneReads read_gene(const double* u, const double* s, std::int64_t cells) {
  GeneReads g;
  g.cells = cells;
  const std::int64_t padded = (cells + kSplicingLanes - 1) / kSplicingLanes * kSplicingLanes;
  g.u.assign(static_cast<std::size_t>(padded), 0.0);
  g.s.assign(static_cast<std::size_t>(padded), 0.0);
  std::copy(u, u + cells, g.u.begin());
  std::copy(s, s + cells, g.s.begin());
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(u, u + cells, finite) || !std::all_of(s, s + cells, finite)) {
    g.trouble = "not finite";
    return g;
  }
  choose_cells(g);
  if (!g.trouble.empty()) return g;
  const std::vector<double> used_u = of_used(g.u, g.used), used_s = of_used(g.s, g.used);
  g.std_u = spread(used_u);
  g.std_s = spread(used_s);
  const double top_u = *std::max_element(used_u.begin(), used_u.end());
  const double top_s = *std::max_element(used_s.begin(), used_s.end());
  // A constant gene has a spread of rounding errors.
  if (!(g.std_u > 1e-12 * top_u) || !(g.std_s > 1e-12 * top_s)) {
    g.trouble = "constant";
    return g;
  }
  g.upper.assign(static_cast<std::size_t>(cells), 0);
  for (std::int64_t i = 0; i < cells; ++i) g.upper[i] = g.used[i] && g.u[i] > top_u / 3 && g.s[i] > top_s / 3;
  return g;
}

CellAverages::CellAverages(const CellSets& sets, bool single) : sets_(sets) {
  for (std::size_t i = 0; i + 1 < sets.offset.size(); ++i) {
    const double share = 1 / static_cast<double>(sets.offset[i + 1] - sets.offset[i]);
    share_.push_back(single ? static_cast<double>(static_cast<float>(share)) : share);
  }
}

double CellAverages::mean_size() const {
  return alone() ? 1.0 : static_cast<double>(sets_.index.size()) / static_cast<double>(share_.size());
}

void CellAverages::of_four(std::int64_t cells, const double* in, double* out) const {
  if (alone()) {
    std::copy(in, in + 4 * cells, out);
    return;
  }
  splicing_kernel().average_four(cells, sets_.offset.data(), sets_.index.data(), share_.data(), in, out);
}

void CellAverages::of_two(std::int64_t cells, const double* in, double* out) const {
  if (alone()) {
    std::copy(in, in + 2 * cells, out);
    return;
  }
  splicing_kernel().average_two(cells, sets_.offset.data(), sets_.index.data(), share_.data(), in, out);
}

std::vector<double> CellAverages::of(const std::vector<double>& x) const {
  if (alone()) return x;
  std::vector<double> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    // Several sums at once, as each waits for its last addition.
    double sum[4] = {0, 0, 0, 0};
    const std::int64_t end = sets_.offset[i + 1];
    std::int64_t e = sets_.offset[i];
    for (; e + 4 <= end; e += 4)
      for (int l = 0; l < 4; ++l) sum[l] += x[sets_.index[e + l]];
    for (; e < end; ++e) sum[0] += x[sets_.index[e]];
    out[i] = share_[i] * ((sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
  return out;
}

}  // namespace fatefield
