// Takes genes x cells; gives means, variances, and the most variable genes.
#include "velocity/estimate/variable.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fatefield {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Upper edges of equally wide bins that are closed on the right; the lowest is open below.
std::vector<double> bin_edges(const std::vector<double>& x, std::int64_t bins) {
  auto [least, most] = std::minmax_element(x.begin(), x.end());
  double low = *least, high = *most;
  if (low == high) {
    const double margin = low == 0 ? 0.001 : 0.001 * std::abs(low);
    low -= margin;
    high += margin;
  }
  std::vector<double> edges;
  const double step = (high - low) / static_cast<double>(bins);
  for (std::int64_t b = 1; b < bins; ++b) edges.push_back(static_cast<double>(b) * step + low);
  return edges;
}

struct BinScale {
  double centre = 0, spread = kNaN;
};

// Where a bin has one dispersion, that dispersion becomes the scale.
BinScale scale_of(const std::vector<double>& d) {
  if (d.empty()) return {};
  double sum = 0;
  for (double v : d) sum += v;
  const double mean = sum / static_cast<double>(d.size());
  if (d.size() == 1) return {0, mean};
  double squares = 0;
  for (double v : d) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / static_cast<double>(d.size() - 1))};
}

std::vector<bool> choose(const std::vector<double>& score, std::int64_t top) {
  const auto n = static_cast<std::int64_t>(score.size());
  if (top == 0 || n <= top) return std::vector<bool>(score.size(), true);
  std::vector<double> sorted(score);
  std::nth_element(sorted.begin(), sorted.begin() + (top - 1), sorted.end(), std::greater<double>());
  const double cutoff = sorted[static_cast<std::size_t>(top - 1)];
  std::vector<bool> out;
  for (double s : score) out.push_back(s >= cutoff);
  return out;
}

}  // namespace

GeneSpread gene_spread(const CountsView& x, const std::vector<double>& size) {
  const auto genes = static_cast<std::size_t>(x.genes());
  const auto n = static_cast<double>(x.cells());
  GeneSpread out{std::vector<double>(genes, 0.0), std::vector<double>(genes, 0.0)};
  for (std::int64_t c = 0; c < x.cells(); ++c) {
    const double factor = 1 / size[c];
    x.each(c, [&](std::int64_t g, double v) {
      const double value = v * factor;
      out.mean[g] += value;
      out.variance[g] += value * value;
    });
  }
  for (std::size_t g = 0; g < genes; ++g) {
    const double mean = out.mean[g] / n;
    out.mean[g] = mean;
    out.variance[g] = std::max(0.0, out.variance[g] / n - mean * mean) * n / (n - 1);
  }
  return out;
}

VariableGenes variable_genes(const GeneSpread& spread, std::int64_t top, std::int64_t bins) {
  const std::size_t n = spread.mean.size();
  VariableGenes out;
  for (std::size_t g = 0; g < n; ++g) {
    const double mean = spread.mean[g] == 0 ? 1e-12 : spread.mean[g];
    const double ratio = spread.variance[g] / mean;
    out.dispersion.push_back(ratio == 0 ? kNaN : std::log(ratio));
    out.mean.push_back(std::log1p(mean));
  }
  const std::vector<double> edges = bin_edges(out.mean, bins);
  std::vector<std::size_t> bin_of;
  std::vector<std::vector<double>> members(static_cast<std::size_t>(bins));
  for (std::size_t g = 0; g < n; ++g) {
    bin_of.push_back(
        static_cast<std::size_t>(std::lower_bound(edges.begin(), edges.end(), out.mean[g]) - edges.begin()));
    if (!std::isnan(out.dispersion[g])) members[bin_of[g]].push_back(out.dispersion[g]);
  }
  std::vector<BinScale> scales;
  for (const std::vector<double>& d : members) scales.push_back(scale_of(d));
  for (std::size_t g = 0; g < n; ++g) {
    const BinScale& s = scales[bin_of[g]];
    const double z = (out.dispersion[g] - s.centre) / s.spread;
    out.normalised.push_back(std::isnan(z) ? 0 : z);
  }
  out.chosen = choose(out.normalised, top);
  return out;
}

}  // namespace fatefield
