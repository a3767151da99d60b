// Takes lists of neighbours; gives memberships, their union, and sets of cells.
#include "graph/fuzzy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/threads.hpp"

namespace fatefield {
namespace {

constexpr int kBisections = 64;
constexpr double kTolerance = 1e-5;
constexpr double kLeastScale = 1e-3;  // of the mean distance

double membership(double distance, double rho, double sigma) {
  return distance <= rho || sigma == 0 ? 1.0 : std::exp(-(distance - rho) / sigma);
}

double bandwidth(const float* d, std::int64_t k, double rho) {
  const double target = std::log2(static_cast<double>(k + 1));
  double low = 0, high = std::numeric_limits<double>::infinity(), sigma = 1;
  for (int step = 0; step < kBisections; ++step) {
    double sum = 0;
    for (std::int64_t j = 0; j < k; ++j) sum += membership(d[j], rho, sigma);
    if (std::abs(sum - target) < kTolerance) break;
    if (sum > target) {
      high = sigma;
    } else {
      low = sigma;
    }
    sigma = std::isinf(high) ? 2 * sigma : (low + high) / 2;
  }
  return sigma;
}

double least_positive(const float* d, std::int64_t k) {
  for (std::int64_t j = 0; j < k; ++j)
    if (d[j] > 0) return d[j];
  return 0;
}

using Entry = std::pair<std::int32_t, double>;

std::vector<Entry> entries(const SparseRows& x, std::int64_t row) {
  std::vector<Entry> out;
  for (std::int64_t at = x.start[row]; at < x.start[row + 1]; ++at)
    out.emplace_back(x.index[at], x.value[at]);
  std::sort(out.begin(), out.end());
  return out;
}

// One row of the union, ascending, entries of weight 0 left out.
void unite(const std::vector<Entry>& there, const std::vector<Entry>& back, std::vector<Entry>& out) {
  out.clear();
  auto a = there.begin(), b = back.begin();
  while (a != there.end() || b != back.end()) {
    Entry next;
    if (b == back.end() || (a != there.end() && a->first < b->first)) {
      next = *a++;
    } else if (a == there.end() || b->first < a->first) {
      next = *b++;
    } else {
      next = {a->first, a->second + b->second - a->second * b->second};
      ++a;
      ++b;
    }
    if (next.second > 0) out.push_back(next);
  }
}

// Rows with the cell itself put in, ascending.
template <typename Row>
CellSets with_itself(std::int64_t n, Row&& row) {
  CellSets out;
  out.offset.push_back(0);
  std::vector<std::int32_t> cells;
  for (std::int64_t i = 0; i < n; ++i) {
    cells.assign(1, static_cast<std::int32_t>(i));
    row(i, cells);
    std::sort(cells.begin(), cells.end());
    cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
    out.index.insert(out.index.end(), cells.begin(), cells.end());
    out.offset.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

}  // namespace

std::vector<double> fuzzy_memberships(const Neighbours& x) {
  std::vector<double> out(x.index.size());
  double total = 0;
  for (float d : x.distance) total += d;
  // Means count the cell itself, at distance 0.
  const auto entries = static_cast<double>(x.k + 1);
  const double mean_of_all = total / (entries * static_cast<double>(std::max<std::int64_t>(1, x.n)));
  constexpr std::int64_t kBlock = 1024;
  parallel_for((x.n + kBlock - 1) / kBlock, [&](std::int64_t block) {
    for (std::int64_t i = block * kBlock; i < std::min(x.n, (block + 1) * kBlock); ++i) {
      const float* d = x.distance.data() + i * x.k;
      const double rho = least_positive(d, x.k);
      const double mean = rho > 0 ? std::accumulate(d, d + x.k, 0.0) / entries : mean_of_all;
      const double sigma = std::max(bandwidth(d, x.k, rho), kLeastScale * mean);
      for (std::int64_t j = 0; j < x.k; ++j) out[i * x.k + j] = membership(d[j], rho, sigma);
    }
  });
  return out;
}

SparseRows fuzzy_graph(const Neighbours& x) {
  SparseRows directed;
  directed.rows = directed.cols = x.n;
  for (std::int64_t i = 0; i <= x.n; ++i) directed.start.push_back(i * x.k);
  directed.index = x.index;
  directed.value = fuzzy_memberships(x);
  const SparseRows back = transpose(directed);
  SparseRows out;
  out.rows = out.cols = x.n;
  out.start.push_back(0);
  std::vector<Entry> row;
  for (std::int64_t i = 0; i < x.n; ++i) {
    unite(entries(directed, i), entries(back, i), row);
    for (const Entry& e : row) {
      out.index.push_back(e.first);
      out.value.push_back(e.second);
    }
    out.start.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

CellSets cell_sets(const SparseRows& graph) {
  return with_itself(graph.rows, [&](std::int64_t i, std::vector<std::int32_t>& cells) {
    for (std::int64_t at = graph.start[i]; at < graph.start[i + 1]; ++at)
      if (graph.value[at] > 0) cells.push_back(graph.index[at]);
  });
}

CellSets cell_sets(const Neighbours& x) {
  return with_itself(x.n, [&](std::int64_t i, std::vector<std::int32_t>& cells) {
    for (std::int64_t j = i * x.k; j < (i + 1) * x.k; ++j)
      if (x.distance[j] > 0) cells.push_back(x.index[j]);
  });
}

CellSets transposed(const CellSets& sets) {
  CellSets out;
  out.offset.assign(sets.offset.size(), 0);
  for (std::int32_t j : sets.index) ++out.offset[j + 1];
  std::partial_sum(out.offset.begin(), out.offset.end(), out.offset.begin());
  out.index.resize(sets.index.size());
  std::vector<std::int64_t> next(out.offset.begin(), out.offset.end() - 1);
  for (std::int64_t i = 0; i < sets.size(); ++i)
    for (std::int64_t at = sets.offset[i]; at < sets.offset[i + 1]; ++at)
      out.index[next[sets.index[at]]++] = static_cast<std::int32_t>(i);
  return out;
}

}  // namespace fatefield
