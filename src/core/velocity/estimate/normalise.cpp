// Takes sums over genes and cells; gives the genes that pass and the cells' size factors.
#include "velocity/estimate/normalise.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"

namespace fatefield {
namespace {

bool within(double v, double least, double most) { return v >= least && (most == 0 || v <= most); }

double median(std::vector<double> x) {
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  std::nth_element(x.begin(), middle, x.end());
  if (x.size() % 2 == 1) return *middle;
  return (*std::max_element(x.begin(), middle) + *middle) / 2;
}

// A median of 0 means that most cells have nothing: then totals are what cells are divided by.
double divisor(double total, double median) {
  if (total == 0) return 1;
  return median == 0 ? total : total / median;
}

}  // namespace

void check_options(const VelocityOptions& o) {
  const auto need = [](bool fine, const char* name, const char* range) {
    if (!fine) throw input_error(name, std::string("`") + name + "` must be " + range + ".");
  };
  const struct {
    const char* name;
    double value;
  } limits[] = {{"min.shared.counts", o.min_shared_counts},
                {"min.shared.cells", o.min_shared_cells},
                {"min.counts", o.min_counts},
                {"max.counts", o.max_counts},
                {"min.cells", o.min_cells},
                {"max.cells", o.max_cells},
                {"min.counts.u", o.min_counts_u},
                {"max.counts.u", o.max_counts_u},
                {"min.cells.u", o.min_cells_u},
                {"max.cells.u", o.max_cells_u}};
  for (const auto& limit : limits) need(limit.value >= 0, limit.name, "at least 0");
  need(o.nfeatures >= 0, "nfeatures", "at least 0");
  need(o.bins >= 1, "bins", "at least 1");
  need(o.npcs >= 1, "npcs", "at least 1");
  need(o.pca_from >= 0, "pca.from", "at least 0");
  need(o.k >= 2, "k", "at least 2, as a cell is among its own neighbours");
  need(o.percentile_upper > 0 && o.percentile_upper <= 100, "percentile.upper", "above 0 and at most 100");
  need(o.percentile_lower >= 0 && o.percentile_lower < o.percentile_upper, "percentile.lower",
       "at least 0 and below `percentile.upper`");
}

std::vector<bool> filter_genes(const GeneTotals& t, const VelocityOptions& o) {
  std::vector<bool> keep(t.spliced.size());
  for (std::size_t g = 0; g < keep.size(); ++g) {
    keep[g] = within(t.spliced[g], o.min_counts, o.max_counts) &&
              within(t.spliced_cells[g], o.min_cells, o.max_cells) &&
              within(t.unspliced[g], o.min_counts_u, o.max_counts_u) &&
              within(t.unspliced_cells[g], o.min_cells_u, o.max_cells_u) &&
              t.shared[g] >= o.min_shared_counts && t.shared_cells[g] >= o.min_shared_cells;
  }
  return keep;
}

std::vector<double> size_factors(const std::vector<double>& totals) {
  const double middle = median(totals);
  std::vector<double> out;
  out.reserve(totals.size());
  for (double total : totals) out.push_back(divisor(total, middle));
  return out;
}

BatchSizes batch_size_factors(const std::vector<double>& spliced, const std::vector<double>& unspliced,
                              const std::vector<std::int32_t>& batch) {
  const std::size_t n = spliced.size();
  const auto batches = static_cast<std::size_t>(*std::max_element(batch.begin(), batch.end()) + 1);
  std::vector<double> middle_s, middle_u;
  double level = 0;
  for (std::size_t b = 0; b < batches; ++b) {
    std::vector<double> s, u;
    for (std::size_t c = 0; c < n; ++c) {
      if (static_cast<std::size_t>(batch[c]) != b) continue;
      s.push_back(spliced[c]);
      u.push_back(unspliced[c]);
    }
    middle_s.push_back(s.empty() ? 0 : median(s));
    middle_u.push_back(u.empty() ? 0 : median(u));
    level += static_cast<double>(s.size()) / static_cast<double>(n) * (middle_s[b] + middle_u[b]);
  }
  BatchSizes out;
  for (std::size_t c = 0; c < n; ++c) {
    const auto b = static_cast<std::size_t>(batch[c]);
    const double depth = divisor(middle_s[b] + middle_u[b], level);
    out.spliced.push_back(depth * divisor(spliced[c], middle_s[b]));
    out.unspliced.push_back(depth * divisor(unspliced[c], middle_u[b]));
  }
  return out;
}

}  // namespace fatefield
