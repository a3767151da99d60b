// Sparse rows against dense loops, and quantiles against R's type 7.
#include "base/sparse.hpp"

#include <cmath>

#include "base/quantile.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"
#include "velocity_cells.hpp"

using namespace fatefield;

namespace {

// About a third of the entries of rows x cols, some rows empty.
SparseRows random_rows(std::int64_t rows, std::int64_t cols) {
  SparseRows x;
  x.rows = rows;
  x.cols = cols;
  x.start.push_back(0);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; i % 5 != 4 && j < cols; ++j) {
      if (uniform(1, Stream::Simulator, i, j) > 0.33) continue;
      x.index.push_back(static_cast<std::int32_t>(j));
      x.value.push_back(uniform(2, Stream::Simulator, i, j) - 0.5);
    }
    x.start.push_back(x.stored());
  }
  return x;
}

}  // namespace

TEST_CASE("sparse rows transpose, multiply and normalise like dense ones", "[sparse]") {
  SparseRows x = random_rows(2500, 40);
  const SparseRows t = transpose(x);
  const std::vector<double> a = full_rows(x), b = full_rows(t);
  for (std::int64_t i = 0; i < x.rows; ++i)
    for (std::int64_t j = 0; j < x.cols; ++j) REQUIRE(a[i * x.cols + j] == b[j * x.rows + i]);
  std::vector<double> v(40), one(2500), two(2500);
  for (std::size_t j = 0; j < v.size(); ++j) v[j] = std::sin(static_cast<double>(j));
  {
    const ThreadScope scope(1);
    multiply(x, v.data(), one.data());
  }
  {
    const ThreadScope scope(2);
    multiply(x, v.data(), two.data());
  }
  REQUIRE(one == two);
  const std::vector<double> sums = row_sums(x);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double expected = 0, total = 0;
    for (std::int64_t j = 0; j < x.cols; ++j) {
      expected += a[i * x.cols + j] * v[j];
      total += a[i * x.cols + j];
    }
    REQUIRE(one[i] == Approx(expected).margin(1e-14));
    REQUIRE(sums[i] == Approx(total).margin(1e-14));
  }
  normalise_rows(x);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double size = 0;
    for (std::int64_t e = x.start[i]; e < x.start[i + 1]; ++e) size += std::abs(x.value[e]);
    REQUIRE(size == Approx(x.start[i] == x.start[i + 1] ? 0.0 : 1.0).margin(1e-14));
  }
}

TEST_CASE("quantiles are R's type 7", "[sparse]") {
  const std::vector<double> x = {3, 1, 4, 1, 5, 9, 2, 6};
  CHECK(quantile(x, 0) == 1);
  CHECK(quantile(x, 1) == 9);
  CHECK(quantile(x, 0.5) == 3.5);
  CHECK(quantile(x, 0.95) == Approx(7.95));
  CHECK(quantile({7}, 0.3) == 7);
  CHECK(std::isnan(quantile({}, 0.5)));
}
