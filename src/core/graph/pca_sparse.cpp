// Takes a sparse matrix; gives its products with several vectors at a time. Vectors are turned so that what a
// stored entry meets lies together.
#include <algorithm>
#include <memory>

#include "base/threads.hpp"
#include "graph/pca.hpp"

namespace fatefield {
namespace {

constexpr std::int64_t kRows = 64;

std::vector<double> by_rows(const Matrix& x) {
  std::vector<double> out(x.values.size());
  for (std::int64_t j = 0; j < x.cols; ++j)
    for (std::int64_t i = 0; i < x.rows; ++i) out[i * x.cols + j] = x(i, j);
  return out;
}

// So many numbers stay in registers while a row is added up.
constexpr std::int64_t kLanes = 8;

// Part of one row of x b: out(i, first ..), `lanes` of them.
void row_product(const SparseRows& x, std::int64_t i, const std::vector<double>& turned, std::int64_t first,
                 std::int64_t lanes, Matrix& out) {
  double sum[kLanes] = {};
  const std::int64_t width = out.cols;
  const double* const from = turned.data() + first;
  if (lanes == kLanes) {
    for (std::int64_t at = x.start[i]; at < x.start[i + 1]; ++at) {
      const double* const row = from + x.index[at] * width;
      for (std::int64_t j = 0; j < kLanes; ++j) sum[j] += x.value[at] * row[j];
    }
  } else {
    for (std::int64_t at = x.start[i]; at < x.start[i + 1]; ++at) {
      const double* const row = from + x.index[at] * width;
      for (std::int64_t j = 0; j < lanes; ++j) sum[j] += x.value[at] * row[j];
    }
  }
  for (std::int64_t j = 0; j < lanes; ++j) out(i, first + j) = sum[j];
}

// out = x b, rows in blocks.
void product(const SparseRows& x, const Matrix& b, Matrix& out) {
  const std::vector<double> turned = by_rows(b);
  parallel_for((x.rows + kRows - 1) / kRows, [&](std::int64_t block) {
    for (std::int64_t i = block * kRows; i < std::min(x.rows, (block + 1) * kRows); ++i)
      for (std::int64_t first = 0; first < b.cols; first += kLanes)
        row_product(x, i, turned, first, std::min(kLanes, b.cols - first), out);
  });
}

}  // namespace

LinearMap sparse_map(const SparseRows& x) {
  const auto columns = std::make_shared<SparseRows>(transpose(x));
  LinearMap out;
  out.rows = x.rows;
  out.cols = x.cols;
  out.column_means = row_sums(*columns);
  for (double& mean : out.column_means) mean /= static_cast<double>(x.rows);
  out.times = [&x](const Matrix& b, Matrix& to) { product(x, b, to); };
  out.transposed = [columns](const Matrix& b, Matrix& to) { product(*columns, b, to); };
  return out;
}

}  // namespace fatefield
