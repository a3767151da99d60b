// Every compiled version of the innermost loops agrees with plain sums, in every form and for odd sizes.
#include <cmath>
#include <vector>

#include "ot/tile.hpp"
#include "test.hpp"

using namespace fatefield::ot;
using namespace fatefield;

namespace {

double wave(std::int64_t i) { return std::fmod(0.754877666 * static_cast<double>(i + 1), 1.0) - 0.5; }

template <typename T>
struct Problem {
  Problem(std::int64_t width, std::int64_t rows, std::int64_t columns, std::int64_t dims, Form form,
          T scale) {
    const std::int64_t padded = (columns + width - 1) / width * width;
    for (std::int64_t i = 0; i < rows * dims; ++i) x.push_back(static_cast<T>(wave(i)));
    for (std::int64_t j = 0; j < columns * dims; ++j) y.push_back(static_cast<T>(wave(3 * j + 7)));
    panels.assign(static_cast<std::size_t>(padded * dims), T(0));
    points.assign(static_cast<std::size_t>(padded * dims + width), T(0));
    std::copy(y.begin(), y.end(), points.begin());
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t k = 0; k < dims; ++k)
        panels[j / width * width * dims + k * width + j % width] = y[j * dims + k];
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      u.push_back(static_cast<T>(wave(5 * i)));
      wx.push_back(static_cast<T>(1 + wave(i)));
    }
    for (std::int64_t j = 0; j < padded; ++j) {
      v.push_back(j < columns ? static_cast<T>(wave(11 * j)) : T(-1e30));
      wy.push_back(j < columns ? static_cast<T>(1 + wave(2 * j)) : T(0));
    }
    tile = {x.data(), rows,    dims,     panels.data(), points.data(), padded,   form,
            scale,    T(1e-8), u.data(), v.data(),      wx.data(),     wy.data()};
    count = columns;
  }

  double z(std::int64_t i, std::int64_t j, double& inverse) const {
    double dot = 0, square = 0;
    for (std::int64_t k = 0; k < tile.dims; ++k) {
      const double a = x[i * tile.dims + k], b = y[j * tile.dims + k];
      dot += a * b;
      square += (a - b) * (a - b);
    }
    inverse = 1.0;
    if (tile.form == Form::Dot) return dot;
    if (tile.form == Form::Squared) return square;
    inverse = square > 1e-8 ? 1 / std::sqrt(square) : 0.0;
    return std::sqrt(std::max(square, 1e-8));
  }

  std::vector<T> x, y;
  Aligned<T> panels, points, u, v, wx, wy;
  Tile<T> tile;
  std::int64_t count = 0;
};

template <typename T>
void check_version(const Kernels<T>& kernels, Form form, std::int64_t dims, double tolerance) {
  const std::int64_t rows = 13, columns = 71;
  const Problem<T> p(kernels.width, rows, columns, dims, form, form == Form::Dot ? T(1.5) : T(-2.5));
  std::vector<double> row(rows, 0.0), column(columns, 0.0), direction(rows * dims, 0.0), most(rows, -1e30);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      double inverse;
      const double t = p.u[i] + p.v[j] + p.tile.scale * p.z(i, j, inverse), e = std::exp2(t);
      most[i] = std::max(most[i], t);
      row[i] += p.wy[j] * e;
      column[j] += p.wx[i] * e;
      for (std::int64_t k = 0; k < dims; ++k)
        direction[i * dims + k] += p.wy[j] * e * inverse * (p.x[i * dims + k] - p.y[j * dims + k]);
    }
  }
  std::vector<double> found_row(rows), found_direction(rows * dims);
  std::vector<T> found_column(p.wy.size(), T(0)), found_max(rows);
  kernels.sums(p.tile, found_row.data(), found_column.data());
  kernels.row_max(p.tile, found_max.data());
  for (std::int64_t i = 0; i < rows; ++i) {
    CHECK(found_row[i] == Approx(row[i]).epsilon(tolerance));
    CHECK(found_max[i] == Approx(most[i]).epsilon(tolerance).margin(tolerance));
  }
  for (std::int64_t j = 0; j < columns; ++j) CHECK(found_column[j] == Approx(column[j]).epsilon(tolerance));

  found_column.assign(found_column.size(), T(0));
  kernels.directions(p.tile, found_row.data(), found_column.data(), found_direction.data());
  for (std::int64_t i = 0; i < rows; ++i) CHECK(found_row[i] == Approx(row[i]).epsilon(tolerance));
  for (std::int64_t j = 0; j < columns; ++j) CHECK(found_column[j] == Approx(column[j]).epsilon(tolerance));
  for (std::int64_t k = 0; k < rows * dims; ++k)
    CHECK(found_direction[k] == Approx(direction[k]).margin(50 * tolerance));

  if (form != Form::Dot) return;
  // Filled and read back, the same bytes.
  Tile<T> keeping = p.tile;
  const Workspace<T> kept = make_workspace<T>(static_cast<std::size_t>(rows * p.tile.cols));
  keeping.kept = kept.get();
  std::vector<T> once(p.wy.size(), T(0)), again(p.wy.size(), T(0));
  kernels.sums(p.tile, row.data(), once.data());
  for (bool filled : {false, true}) {
    keeping.filled = filled;
    again.assign(again.size(), T(0));
    kernels.sums(keeping, found_row.data(), again.data());
    CHECK(found_row == row);
    CHECK(again == once);
  }
  std::vector<double> from_kept(direction.size());
  kernels.directions(keeping, found_row.data(), again.data(), from_kept.data());
  CHECK(from_kept == found_direction);
}

template <typename T>
void check_vectors(const Kernels<T>& kernels) {
  const std::int64_t n = 43;
  const double unit = 0.125;
  std::vector<double> from;
  for (std::int64_t i = 0; i < n; ++i) from.push_back(1000 * wave(i));
  from[5] = -1e30;
  std::vector<T> value(n), factor(n);
  kernels.round(from.data(), n, unit, value.data(), factor.data());
  for (std::int64_t i = 0; i < n; ++i) {
    CHECK(value[i] == static_cast<T>(i == 5 ? -1e30 : std::nearbyint(from[i] / unit) * unit));
    CHECK(factor[i] == Approx(i == 5 ? 1.0 : std::exp2(from[i] - value[i])).epsilon(1e-7));
  }
  for (std::int64_t i = 0; i < n; ++i) from[i] = i == 0 ? 1.0 : std::exp2(600 * wave(i)) * (1 + wave(7 * i));
  std::vector<double> logs(n);
  kernels.log2(from.data(), n, logs.data());
  for (std::int64_t i = 0; i < n; ++i)
    CHECK(logs[i] == Approx(std::log2(from[i])).epsilon(1e-14).margin(1e-15));
  std::vector<double> sums(from);
  kernels.accumulate(value.data(), n, sums.data());
  for (std::int64_t i = 0; i < n; ++i) CHECK(sums[i] == from[i] + value[i]);
}

}  // namespace

TEST_CASE("all versions of the tile's loops agree with plain sums", "[sinkhorn]") {
  for (Form form : {Form::Dot, Form::Squared, Form::Distance}) {
    for (std::int64_t dims : {1, 2, 3, 7, 9, 33, 50}) {
      INFO("form " << static_cast<int>(form) << ", dims " << dims);
      const double rounding = dims < 9 ? 1.0 : 5.0;
      for (const auto& kernels : kernel_versions<float>()) {
        INFO(kernels.name);
        check_version(kernels, form, dims, rounding * 2e-6);
      }
      for (const auto& kernels : kernel_versions<double>()) {
        INFO(kernels.name);
        check_version(kernels, form, dims, rounding * 1e-14);
      }
    }
  }
}

TEST_CASE("rounding, logarithms and sums of vectors are those of the library", "[sinkhorn]") {
  for (const auto& kernels : kernel_versions<float>()) check_vectors(kernels);
  for (const auto& kernels : kernel_versions<double>()) check_vectors(kernels);
}

TEST_CASE("exponents beyond reach are held, and sums show it", "[sinkhorn]") {
  for (const auto& kernels : kernel_versions<float>()) {
    INFO(kernels.name);
    Problem<float> p(kernels.width, 1, 5, 2, Form::Squared, -1.0f);
    std::vector<double> sum(1);
    p.u[0] = 1e6f;
    kernels.sums(p.tile, sum.data(), nullptr);
    CHECK(sum[0] > std::exp2(125.0));
    p.u[0] = -1e6f;
    kernels.sums(p.tile, sum.data(), nullptr);
    CHECK(sum[0] < std::exp2(-120.0));
    CHECK(sum[0] > 0);
  }
}
