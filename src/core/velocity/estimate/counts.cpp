// Takes genes x cells in place; gives checks, sums, and gene-wise copies.
#include "velocity/estimate/counts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace fatefield {
namespace {

constexpr double kWholeTolerance = 1e-3;

bool whole_to(double v, double tolerance) { return std::abs(v - std::round(v)) <= tolerance; }

// Whether all values of the cell are whole multiples of the smallest after `back` has been undone.
template <typename F>
bool multiples_of_least(const CountsView& x, std::int64_t cell, F&& back) {
  double least = 0;
  x.each(cell, [&](std::int64_t, double v) {
    if (least == 0 || v < least) least = v;
  });
  const double unit = back(least);
  bool all = true;
  x.each(cell, [&](std::int64_t, double v) {
    const double ratio = back(v) / unit;
    all = all && whole_to(ratio, kWholeTolerance * ratio);
  });
  return all;
}

// Cells that show different values, up to 20 of them: only those tell a scale from its logarithm.
std::vector<std::int64_t> telling_cells(const CountsView& x) {
  constexpr std::size_t kEnough = 20;
  std::vector<std::int64_t> out;
  for (std::int64_t c = 0; c < x.cells() && out.size() < kEnough; ++c) {
    double least = 0, most = 0;
    x.each(c, [&](std::int64_t, double v) {
      if (least == 0 || v < least) least = v;
      most = std::max(most, v);
    });
    if (most > 1.5 * least) out.push_back(c);
  }
  return out;
}

// Where each gene of the matrix stands among those chosen, -1 for the others.
std::vector<std::int64_t> places(const CountsView& x, const std::vector<std::int64_t>& genes) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(x.genes()), -1);
  for (std::size_t g = 0; g < genes.size(); ++g) out[genes[g]] = static_cast<std::int64_t>(g);
  return out;
}

}  // namespace

void CountsView::check(const std::string& argument) const {
  const auto stop = [&](const std::string& message) {
    throw input_error(argument, "`" + argument + "` " + message);
  };
  const auto check_value = [&](double v, std::int64_t gene, std::int64_t cell) {
    if (std::isfinite(v) && v >= 0) return;
    stop("must be counts, finite and not negative; that of gene " + std::to_string(gene + 1) + " in cell " +
         std::to_string(cell + 1) + " is " + std::to_string(v) + ".");
  };
  if (p_ == nullptr) {
    for (std::int64_t at = 0; at < genes_ * cells_; ++at) check_value(x_[at], at % genes_, at / genes_);
    return;
  }
  for (std::int64_t c = 0; c < cells_; ++c) {
    if (p_[c] > p_[c + 1])
      stop("is damaged: its column pointers fall at cell " + std::to_string(c + 1) + ".");
    for (int at = p_[c]; at < p_[c + 1]; ++at) {
      const bool ascends = at == p_[c] || i_[at] > i_[at - 1];
      if (i_[at] < 0 || i_[at] >= genes_ || !ascends)
        stop("is damaged: row indices of cell " + std::to_string(c + 1) + " are out of range or order.");
      check_value(x_[at], i_[at], c);
    }
  }
}

CountsKind kind_of(const CountsView& x) {
  CountsKind out;
  for (std::int64_t c = 0; c < x.cells(); ++c) {
    x.each(c, [&](std::int64_t, double v) {
      out.whole = out.whole && v == std::round(v);
      if (c < 5) out.first_whole = out.first_whole && whole_to(v, kWholeTolerance);
    });
  }
  if (out.whole) return out;
  const std::vector<std::int64_t> telling = telling_cells(x);
  std::int64_t logged = 0, linear = 0;
  for (std::int64_t c : telling) {
    linear += multiples_of_least(x, c, [](double v) { return v; });
    logged += multiples_of_least(x, c, [](double v) { return std::expm1(v); });
  }
  out.logged = logged > linear && 2 * logged > static_cast<std::int64_t>(telling.size());
  return out;
}

std::vector<double> cell_totals(const CountsView& x) {
  std::vector<double> out(static_cast<std::size_t>(x.cells()), 0.0);
  for (std::int64_t c = 0; c < x.cells(); ++c) x.each(c, [&](std::int64_t, double v) { out[c] += v; });
  return out;
}

GeneTotals gene_totals(const CountsView& spliced, const CountsView& unspliced) {
  const auto n = static_cast<std::size_t>(spliced.genes());
  const std::vector<double> zero(n, 0.0);
  GeneTotals out{zero, zero, zero, zero, zero, zero};
  std::vector<double> here(n, 0.0);
  for (std::int64_t c = 0; c < spliced.cells(); ++c) {
    spliced.each(c, [&](std::int64_t g, double v) {
      out.spliced[g] += v;
      out.spliced_cells[g] += 1;
      here[g] = v;
    });
    unspliced.each(c, [&](std::int64_t g, double v) {
      out.unspliced[g] += v;
      out.unspliced_cells[g] += 1;
      if (here[g] == 0) return;
      out.shared[g] += v + here[g];
      out.shared_cells[g] += 1;
    });
    spliced.each(c, [&](std::int64_t g, double) { here[g] = 0; });
  }
  return out;
}

SparseRows by_gene(const CountsView& x, const std::vector<std::int64_t>& genes,
                   const std::vector<double>& size) {
  const std::vector<std::int64_t> place = places(x, genes);
  SparseRows out;
  out.rows = static_cast<std::int64_t>(genes.size());
  out.cols = x.cells();
  out.start.assign(genes.size() + 1, 0);
  for (std::int64_t c = 0; c < x.cells(); ++c)
    x.each(c, [&](std::int64_t g, double) {
      if (place[g] >= 0) ++out.start[place[g] + 1];
    });
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  out.index.resize(static_cast<std::size_t>(out.start.back()));
  out.value.resize(out.index.size());
  std::vector<std::int64_t> next(out.start.begin(), out.start.end() - 1);
  for (std::int64_t c = 0; c < x.cells(); ++c) {
    const double factor = 1 / size[c];
    x.each(c, [&](std::int64_t g, double v) {
      if (place[g] < 0) return;
      const std::int64_t at = next[place[g]]++;
      out.index[at] = static_cast<std::int32_t>(c);
      out.value[at] = v * factor;
    });
  }
  return out;
}

SparseRows logs_by_cell(const CountsView& x, const std::vector<std::int64_t>& genes,
                        const std::vector<double>& size) {
  const std::vector<std::int64_t> place = places(x, genes);
  SparseRows out;
  out.rows = x.cells();
  out.cols = static_cast<std::int64_t>(genes.size());
  out.start.push_back(0);
  for (std::int64_t c = 0; c < x.cells(); ++c) {
    const double factor = 1 / size[c];
    x.each(c, [&](std::int64_t g, double v) {
      if (place[g] < 0) return;
      out.index.push_back(static_cast<std::int32_t>(place[g]));
      out.value.push_back(std::log1p(v * factor));
    });
    out.start.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

}  // namespace fatefield
