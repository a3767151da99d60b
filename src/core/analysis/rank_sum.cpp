// Takes sparse rows and two groups of their columns; gives U and p of each row, NaN where a value is none.
// Zeros are counted, not sorted.
#include "analysis/rank_sum.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

struct Sizes {
  double first = 0;
  double second = 0;
};

// Walks through tied values from the smallest on.
struct Walk {
  double below = 0;     // values smaller than the present ones
  double rank_sum = 0;  // of the first group
  double ties = 0;      // sum of t^3 - t

  void take(double of_first, double all) {
    rank_sum += of_first * (below + (all + 1) / 2);
    ties += all * all * all - all;
    below += all;
  }
};

double two_sided(double z) { return std::min(1.0, std::erfc(std::abs(z) / std::sqrt(2.0))); }

std::pair<double, double> test_row(const SparseRows& x, std::int64_t row,
                                   const std::vector<std::int32_t>& group, const Sizes& n) {
  std::vector<std::pair<double, bool>> stored;
  double stored_first = 0;
  for (std::int64_t at = x.start[row]; at < x.start[row + 1]; ++at) {
    const std::int32_t g = group[static_cast<std::size_t>(x.index[at])];
    if (g == 0 || x.value[at] == 0) continue;
    // A value that is not equal to itself has no rank.
    if (std::isnan(x.value[at])) return {std::nan(""), std::nan("")};
    stored.emplace_back(x.value[at], g == 1);
    stored_first += g == 1;
  }
  std::sort(stored.begin(), stored.end());
  const double total = n.first + n.second;
  const double zeros = total - static_cast<double>(stored.size());
  Walk walk;
  bool passed_zero = false;
  for (std::size_t i = 0; i < stored.size();) {
    if (!passed_zero && stored[i].first > 0) {
      walk.take(n.first - stored_first, zeros);
      passed_zero = true;
    }
    double of_first = 0;
    std::size_t j = i;
    do {
      of_first += stored[j++].second;
    } while (j < stored.size() && stored[j].first == stored[i].first);
    walk.take(of_first, static_cast<double>(j - i));
    i = j;
  }
  if (!passed_zero) walk.take(n.first - stored_first, zeros);
  const double u = walk.rank_sum - n.first * (n.first + 1) / 2;
  const double away = u - n.first * n.second / 2;
  const double variance = n.first * n.second / 12 * (total + 1 - walk.ties / (total * (total - 1)));
  if (!(variance > 0)) return {u, 1.0};
  const double corrected = away - (away > 0 ? 0.5 : away < 0 ? -0.5 : 0.0);
  return {u, two_sided(corrected / std::sqrt(variance))};
}

}  // namespace

RankSums rank_sums(const SparseRows& x, const std::vector<std::int32_t>& group) {
  if (static_cast<std::int64_t>(group.size()) != x.cols)
    throw input_error("group", "`group` must hold one value for each cell.");
  const Sizes n{static_cast<double>(std::count(group.begin(), group.end(), 1)),
                static_cast<double>(std::count(group.begin(), group.end(), 2))};
  if (n.first == 0 || n.second == 0)
    throw input_error("group", "`group`: one of the two groups has no cell.");
  RankSums out;
  out.statistic.resize(static_cast<std::size_t>(x.rows));
  out.p.resize(static_cast<std::size_t>(x.rows));
  parallel_for(x.rows, [&](std::int64_t i) {
    const auto [u, p] = test_row(x, i, group, n);
    out.statistic[i] = u;
    out.p[i] = p;
  });
  return out;
}

}  // namespace fatefield
