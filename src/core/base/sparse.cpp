// Takes sparse matrices by compressed rows; gives their transposes, sums and products with vectors.
#include "base/sparse.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.hpp"

namespace fatefield {
namespace {

// Rows worked on together.
constexpr std::int64_t kBlock = 1024;

}  // namespace

void append_row(SparseRows& x, std::vector<std::pair<std::int32_t, double>>& row) {
  std::sort(row.begin(), row.end());
  for (const auto& entry : row) {
    x.index.push_back(entry.first);
    x.value.push_back(entry.second);
  }
  x.start.push_back(x.stored());
}

SparseRows transpose(const SparseRows& x) {
  SparseRows out;
  out.rows = x.cols;
  out.cols = x.rows;
  out.start.assign(static_cast<std::size_t>(x.cols + 1), 0);
  for (const std::int32_t j : x.index) ++out.start[static_cast<std::size_t>(j) + 1];
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  out.index.resize(x.index.size());
  out.value.resize(x.value.size());
  std::vector<std::int64_t> next(out.start.begin(), out.start.end() - 1);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) {
      const std::int64_t to = next[x.index[e]]++;
      out.index[to] = static_cast<std::int32_t>(i);
      out.value[to] = x.value[e];
    }
  }
  return out;
}

SparseRows part_of(const SparseRows& x, const std::vector<std::int32_t>& nodes,
                   std::vector<std::int32_t>& place) {
  SparseRows out;
  out.rows = out.cols = static_cast<std::int64_t>(nodes.size());
  for (std::size_t a = 0; a < nodes.size(); ++a) place[nodes[a]] = static_cast<std::int32_t>(a);
  out.start.push_back(0);
  for (const std::int32_t i : nodes) {
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) {
      if (place[x.index[e]] < 0) continue;
      out.index.push_back(place[x.index[e]]);
      out.value.push_back(x.value[e]);
    }
    out.start.push_back(out.stored());
  }
  for (const std::int32_t i : nodes) place[i] = -1;
  return out;
}

Matrix dense_matrix(const SparseRows& x) {
  Matrix out(x.rows, x.cols);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) out(i, x.index[e]) = x.value[e];
  return out;
}

std::vector<double> row_sums(const SparseRows& x) {
  std::vector<double> out(static_cast<std::size_t>(x.rows), 0.0);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) out[i] += x.value[e];
  return out;
}

void multiply(const SparseRows& x, const double* v, double* y) {
  parallel_for((x.rows + kBlock - 1) / kBlock, [&](std::int64_t block) {
    const std::int64_t end = std::min(x.rows, (block + 1) * kBlock);
    for (std::int64_t i = block * kBlock; i < end; ++i) {
      double sum = 0;
      for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) sum += x.value[e] * v[x.index[e]];
      y[i] = sum;
    }
  });
}

void normalise_rows(SparseRows& x) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) sum += std::abs(x.value[e]);
    if (!(sum > 0)) continue;
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) x.value[e] /= sum;
  }
}

}  // namespace fatefield
