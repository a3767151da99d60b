// Takes two clouds; gives their energy distance from sums of distances over tiles of pairs.
#include "ot/energy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "ot/blocks.hpp"
#include "ot/clouds.hpp"
#include "ot/row_sums.hpp"

namespace fatefield {
namespace {

// A tile of distances stays in the fast caches.
constexpr std::int64_t kTileRows = 16, kTileColumns = 512;

std::vector<double> proportions(const Cloud<double>& cloud) {
  std::vector<double> w = ot::weights_of(cloud);
  const double mass = std::accumulate(w.begin(), w.end(), 0.0);
  for (double& v : w) v /= mass;
  return w;
}

// Points of y as rows, for any number of passes.
struct Columns {
  explicit Columns(const Cloud<double>& y)
      : stride(ot::round_up(y.n, ot::lanes<double>())),
        rows(ot::transposed(y.points, y.n, y.dims, stride)),
        weights(proportions(y)) {}
  std::int64_t stride;
  Aligned<double> rows;
  std::vector<double> weights;
};

// sum_j b_j |x_i - y_j| over columns [from, to), times a_i, for rows of one tile.
double tile_sum(const Cloud<double>& x, const std::vector<double>& a, std::int64_t first, std::int64_t rows,
                const Columns& y, std::int64_t from, std::int64_t to, std::vector<double>& tile) {
  const std::int64_t end = ot::round_up(to, ot::lanes<double>());
  ot::squared_distances<double>(x.points + first * x.dims, rows, {y.rows.data(), x.dims, y.stride, from, end},
                                kTileColumns, tile.data());
  double sum = 0.0;
  for (std::int64_t r = 0; r < rows; ++r) {
    double row = 0.0;
    const double* squares = tile.data() + r * kTileColumns;
    for (std::int64_t j = from; j < to; ++j) row += y.weights[j] * std::sqrt(squares[j - from]);
    sum += a[first + r] * row;
  }
  return sum;
}

// sum_ij a_i b_j |x_i - y_j|
double mean_distance(const Cloud<double>& x, const Columns& y, const std::function<bool()>& keep_going) {
  if (keep_going && !keep_going()) throw Interrupted();
  const std::vector<double> a = proportions(x);
  const auto m = static_cast<std::int64_t>(y.weights.size());
  std::vector<double> sums(static_cast<std::size_t>(ot::block_count(x.n)), 0.0);
  ot::for_blocks(x.n, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
    std::vector<double> tile(kTileRows * kTileColumns);
    for (std::int64_t i = begin; i < end; i += kTileRows) {
      for (std::int64_t j = 0; j < m; j += kTileColumns)
        sums[block] +=
            tile_sum(x, a, i, std::min(kTileRows, end - i), y, j, std::min(m, j + kTileColumns), tile);
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

// The mean over pairs of different points.
double mean_within(const Cloud<double>& x, const Columns& columns, const std::function<bool()>& keep_going) {
  const double same =
      std::inner_product(columns.weights.begin(), columns.weights.end(), columns.weights.begin(), 0.0);
  if (x.n == 1 || same >= 1.0) return 0.0;
  return mean_distance(x, columns, keep_going) / (1.0 - same);
}

}  // namespace

double energy_distance(const Cloud<double>& x, const Cloud<double>& y,
                       const std::function<bool()>& keep_going) {
  ot::check_pair(x, y, false);
  const Columns columns_x(x), columns_y(y);
  return 2.0 * mean_distance(x, columns_y, keep_going) - mean_within(x, columns_x, keep_going) -
         mean_within(y, columns_y, keep_going);
}

}  // namespace fatefield
