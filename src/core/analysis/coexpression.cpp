#include "analysis/coexpression.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>

#include "base/eigen_threads.hpp"
#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"

namespace fatefield {

namespace {

// Columns of a block of correlations.
constexpr std::int64_t kBlock = 64;
// Edges lighter than this share of the heaviest possible one are none: they are rounding to a module.
constexpr double kLightest = 1e-6;

double edge_of(double r, bool sign) { return sign ? std::max(r, 0.0) : std::abs(r); }

// Ranks from 1, those of equal values their mean.
void rank_values(const double* x, std::int64_t n, double* out) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return x[a] < x[b]; });
  for (std::int64_t first = 0; first < n;) {
    std::int64_t last = first;
    while (last + 1 < n && x[order[last + 1]] == x[order[first]]) ++last;
    const double rank = 0.5 * static_cast<double>(first + last) + 1.0;
    for (std::int64_t i = first; i <= last; ++i) out[order[i]] = rank;
    first = last + 1;
  }
}

// Less the mean, at length one; false where there is no spread.
bool standardise(double* x, std::int64_t n) {
  const double mean = std::accumulate(x, x + n, 0.0) / static_cast<double>(n);
  double squares = 0.0, size = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    x[i] -= mean;
    squares += x[i] * x[i];
    size = std::max(size, std::abs(x[i]));
  }
  if (!(squares > 0) || size <= 1e-13 * std::abs(mean)) return false;
  const double length = std::sqrt(squares);
  for (std::int64_t i = 0; i < n; ++i) x[i] /= length;
  return true;
}

// Rows of a graph from the entries of the symmetric matrix r that keep() turns into weights above 0.
template <typename Weight>
SparseRows graph_of(MatrixView r, Weight&& weight) {
  SparseRows out;
  out.rows = out.cols = r.cols;
  out.start.push_back(0);
  for (std::int64_t j = 0; j < r.cols; ++j) {
    for (std::int64_t i = 0; i < r.cols; ++i) {
      const double w = i == j ? 0.0 : weight(r(i, j));
      if (!(w > 0)) continue;
      out.index.push_back(static_cast<std::int32_t>(i));
      out.value.push_back(w);
    }
    out.start.push_back(static_cast<std::int64_t>(out.index.size()));
  }
  return out;
}

std::vector<double> of_length_one(std::vector<double> v) {
  const double squares = squared_norm(v.data(), static_cast<std::int64_t>(v.size()));
  if (!(squares > 0)) return v;
  const double length = std::sqrt(squares);
  for (double& each : v) each /= length;
  return v;
}

// The first eigenvector of the correlations among `genes`, of length one, its sum not below 0.
std::vector<double> first_component(MatrixView r, const std::vector<std::int64_t>& genes, double& value) {
  const auto n = static_cast<std::int64_t>(genes.size());
  Matrix within(n, n);
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = 0; i < n; ++i) within(i, j) = r(genes[i], genes[j]);
  // The gene that the others follow most starts near the answer.
  std::vector<double> squares;
  for (std::int64_t j = 0; j < n; ++j) squares.push_back(squared_norm(within.values.data() + j * n, n));
  const auto top = std::max_element(squares.begin(), squares.end()) - squares.begin();
  const auto start = within.values.begin() + top * n;
  std::vector<double> v = of_length_one({start, start + n}), change(v.size());
  for (int step = 0; step < 2000; ++step) {
    std::vector<double> next = of_length_one(product(within, v.data()));
    std::transform(next.begin(), next.end(), v.begin(), change.begin(), std::minus<>());
    v = std::move(next);
    if (std::sqrt(squared_norm(change.data(), n)) < 1e-13) break;
  }
  value = dot(v.data(), product(within, v.data()).data(), n);
  if (sum(v.data(), n) < 0)
    for (double& each : v) each = -each;
  return v;
}

}  // namespace

Matrix standardised(MatrixView x, bool ranks) {
  if (x.rows < 3)
    throw input_error("object", "`object` has fewer than three cells: nothing can be correlated.");
  Matrix out(x.rows, x.cols);
  std::vector<char> spread(static_cast<std::size_t>(x.cols), 0);
  parallel_for(x.cols, [&](std::int64_t j) {
    double* to = out.values.data() + j * x.rows;
    const double* from = x.data + j * x.rows;
    if (ranks)
      rank_values(from, x.rows, to);
    else
      std::copy(from, from + x.rows, to);
    spread[j] = standardise(to, x.rows) ? 1 : 0;
  });
  const auto flat = std::find(spread.begin(), spread.end(), 0);
  if (flat != spread.end())
    throw input_error("object", "`object`: gene " + std::to_string(flat - spread.begin() + 1) +
                                    " is the same in all cells and correlates with nothing.");
  return out;
}

Matrix correlations(const Matrix& z) {
  const OneEigenThread one;
  const std::int64_t blocks = (z.cols + kBlock - 1) / kBlock;
  Matrix out(z.cols, z.cols);
  parallel_for(blocks * (blocks + 1) / 2, [&](std::int64_t pair) {
    auto b = static_cast<std::int64_t>((std::sqrt(8.0 * static_cast<double>(pair) + 1.0) - 1.0) / 2.0);
    while (b * (b + 1) / 2 > pair) --b;
    while ((b + 1) * (b + 2) / 2 <= pair) ++b;
    const std::int64_t a = pair - b * (b + 1) / 2;
    const std::int64_t i = a * kBlock, j = b * kBlock;
    const std::int64_t ni = std::min(kBlock, z.cols - i), nj = std::min(kBlock, z.cols - j);
    const Matrix part = transposed_product(columns(z, i, ni), columns(z, j, nj));
    for (std::int64_t c = 0; c < nj; ++c)
      for (std::int64_t r = 0; r < ni; ++r) out(i + r, j + c) = std::min(1.0, std::max(-1.0, part(r, c)));
  });
  for (std::int64_t j = 0; j < z.cols; ++j) {
    for (std::int64_t i = 0; i < j; ++i) out(j, i) = out(i, j);
    out(j, j) = 1.0;
  }
  return out;
}

std::vector<double> correlation_counts(MatrixView r, bool sign, std::int64_t bins) {
  std::vector<double> counts(static_cast<std::size_t>(bins), 0.0);
  for (std::int64_t j = 0; j < r.cols; ++j)
    for (std::int64_t i = 0; i < j; ++i) {
      const double at = edge_of(r(i, j), sign) * static_cast<double>(bins);
      ++counts[static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(at), bins - 1))];
    }
  return counts;
}

std::vector<double> shuffled_counts(const Matrix& z, const std::vector<std::int32_t>& groups, bool sign,
                                    std::int64_t bins, std::int64_t n_perm, std::uint64_t seed) {
  const std::int32_t n_groups = groups.empty() ? 0 : *std::max_element(groups.begin(), groups.end()) + 1;
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(n_groups));
  for (std::size_t i = 0; i < groups.size(); ++i) members[groups[i]].push_back(static_cast<std::int64_t>(i));
  std::vector<double> mean(static_cast<std::size_t>(bins), 0.0);
  Matrix shuffled(z.rows, z.cols);
  for (std::int64_t p = 0; p < n_perm; ++p) {
    parallel_for(z.cols, [&](std::int64_t j) {
      std::vector<std::int64_t> order;
      for (std::size_t g = 0; g < members.size(); ++g) {
        const auto n = static_cast<std::int64_t>(members[g].size());
        order.resize(members[g].size());
        const std::uint64_t draw = (static_cast<std::uint64_t>(p) * z.cols + j) * n_groups + g;
        permutation(seed, Stream::Shuffle, draw, n, order.data());
        for (std::int64_t i = 0; i < n; ++i) shuffled(members[g][i], j) = z(members[g][order[i]], j);
      }
    });
    const std::vector<double> counts = correlation_counts(correlations(shuffled), sign, bins);
    for (std::size_t b = 0; b < mean.size(); ++b) mean[b] += counts[b] / static_cast<double>(n_perm);
  }
  return mean;
}

Matrix soft_strengths(MatrixView r, std::int64_t max_power, bool sign) {
  Matrix out(r.cols, max_power);
  parallel_for(r.cols, [&](std::int64_t j) {
    for (std::int64_t i = 0; i < r.cols; ++i) {
      if (i == j) continue;
      const double edge = edge_of(r(i, j), sign);
      double power = 1.0;
      for (std::int64_t p = 0; p < max_power; ++p) {
        power *= edge;
        out(j, p) += power;
      }
    }
  });
  return out;
}

SparseRows soft_graph(MatrixView r, double power, bool sign) {
  return graph_of(r, [&](double value) {
    const double w = std::pow(edge_of(value, sign), power);
    return w < kLightest ? 0.0 : w;
  });
}

SparseRows hard_graph(MatrixView r, double threshold, bool sign) {
  return graph_of(r, [&](double value) {
    const double edge = edge_of(value, sign);
    return edge < threshold ? 0.0 : edge;
  });
}

Matrix module_membership(MatrixView r, const std::vector<std::int32_t>& of, std::int64_t modules) {
  const OneEigenThread one;
  Matrix out(r.cols, modules);
  parallel_for(modules, [&](std::int64_t m) {
    std::vector<std::int64_t> genes;
    for (std::size_t g = 0; g < of.size(); ++g)
      if (of[g] == m) genes.push_back(static_cast<std::int64_t>(g));
    double value = 1.0;
    const std::vector<double> v = first_component(r, genes, value);
    const double scale = 1.0 / std::sqrt(value);
    for (std::int64_t g = 0; g < r.cols; ++g) {
      double sum = 0.0;
      for (std::size_t i = 0; i < genes.size(); ++i) sum += r(genes[i], g) * v[i];
      out(g, m) = std::max(-1.0, std::min(1.0, sum * scale));
    }
  });
  return out;
}

}  // namespace fatefield
