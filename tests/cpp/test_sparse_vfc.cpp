// Sparse vector field consensus: kernel ridge as its limit, the unit of velocities, outliers.
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "field/model/sparse_vfc.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

Matrix drawn(std::uint64_t seed, std::int64_t rows, std::int64_t cols) {
  std::vector<double> z(static_cast<std::size_t>(rows * cols));
  normals(seed, Stream::Simulator, 0, rows, 0, cols, z.data());
  Matrix out(rows, cols);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) out(i, j) = z[static_cast<std::size_t>(i * cols + j)];
  }
  return out;
}

// Velocities of a rotation that is faster in the middle, in `dims` dimensions made of two.
Matrix swirl(const Matrix& z, std::int64_t dims) {
  Matrix y(z.rows, dims);
  for (std::int64_t i = 0; i < z.rows; ++i) {
    const double speed = std::exp(-0.5 * (z(i, 0) * z(i, 0) + z(i, 1) * z(i, 1)));
    for (std::int64_t g = 0; g < dims; ++g) {
      const double a = 0.7 * static_cast<double>(g);
      y(i, g) = speed * (-std::cos(a) * z(i, 1) + std::sin(a) * z(i, 0));
    }
  }
  return y;
}

double mean_square(const Matrix& a, const Matrix& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  return sum / static_cast<double>(a.values.size());
}

at::Tensor tensor(const Matrix& m) {
  return at::from_blob(const_cast<double*>(m.values.data()), {m.cols, m.rows}, at::kDouble).t();
}

}  // namespace

TEST_CASE("without outliers a sparse field at all points is kernel ridge regression", "[sparse_vfc]") {
  const Matrix z = drawn(1, 80, 3), blur = drawn(2, 80, 6);
  Matrix y = swirl(z, 6);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += 0.2 * blur.values[i];
  SparseVfcOptions o;
  o.inliers = 1.0;
  o.control_points = 80;
  o.width = 0.4;
  o.tolerance = 0.0;
  o.iterations = 200;
  const SparseVfcFit fit = fit_sparse_vfc(z, y, o, 1);
  CHECK(fit.width == 0.4);
  for (double p : fit.inlier) CHECK(p == 1.0);

  // (K + lambda sigma^2) C = Y, with sigma^2 in the units in which the fit was made.
  const at::Tensor p = tensor(z), square = p.square().sum(1, true);
  const at::Tensor k = at::exp(-0.4 * (square + square.t() - 2.0 * at::mm(p, p.t())));
  const double unit = o.scale / std::sqrt(tensor(y).square().mean().item<double>());
  const at::Tensor system = k + o.lambda * fit.sigma2 * unit * unit * at::eye(80, at::kDouble);
  const at::Tensor ridge = at::linalg_solve(system, tensor(y));
  const at::Tensor wanted = at::mm(k, ridge);
  CHECK((tensor(sparse_vfc_at(fit, z)) - wanted).abs().max().item<double>() < 1e-6);

  // Towards it: the nearer the share of inliers is to one, the nearer the field.
  double before = 1e300;
  for (const double inliers : {0.5, 0.9, 0.999999}) {
    o.inliers = inliers;
    o.iterations = 1;
    SparseVfcOptions limit = o;
    limit.inliers = 1.0;
    const double off = mean_square(sparse_vfc_at(fit_sparse_vfc(z, y, o, 1), z),
                                   sparse_vfc_at(fit_sparse_vfc(z, y, limit, 1), z));
    CHECK(off <= before);
    before = off;
  }
  CHECK(before < 1e-8);
}

TEST_CASE("the unit of velocities does not matter, in few and in hundreds of dimensions", "[sparse_vfc]") {
  const Matrix z = drawn(2, 300, 4);
  for (const std::int64_t dims : {5, 300}) {
    const Matrix y = swirl(z, dims);
    const Matrix plain = sparse_vfc_at(fit_sparse_vfc(z, y, {}, 1), z);
    CHECK(mean_square(plain, y) < 0.2 * mean_square(Matrix(300, dims), y));
    for (const double factor : {1e-3, 0.1, 30.0, 1e4}) {
      Matrix scaled = y;
      for (double& v : scaled.values) v *= factor;
      Matrix found = sparse_vfc_at(fit_sparse_vfc(z, scaled, {}, 1), z);
      for (double& v : found.values) v /= factor;
      INFO(dims << " " << factor);
      CHECK(mean_square(found, plain) < 1e-12 * mean_square(Matrix(300, dims), plain));
    }
  }
}

TEST_CASE("cells of wild velocities are told apart and hardly bend the field", "[sparse_vfc]") {
  const Matrix z = drawn(3, 400, 2), y = swirl(z, 2), wild = drawn(4, 400, 2);
  Matrix spoilt = y;
  for (std::int64_t i = 0; i < 400; i += 10) {
    for (std::int64_t g = 0; g < 2; ++g) spoilt(i, g) = 4.0 * wild(i, g);
  }
  SparseVfcOptions robust, trusting;
  trusting.inliers = 1.0;
  const SparseVfcFit fit = fit_sparse_vfc(z, spoilt, robust, 1);
  const double with = mean_square(sparse_vfc_at(fit, z), y);
  const double without = mean_square(sparse_vfc_at(fit_sparse_vfc(z, spoilt, trusting, 1), z), y);
  CHECK(with < 0.5 * without);
  double out = 0.0, in = 0.0;
  for (std::size_t i = 0; i < 400; ++i)
    (i % 10 == 0 ? out : in) += fit.inlier[i] / (i % 10 == 0 ? 40.0 : 360.0);
  CHECK(in > 0.9);
  CHECK(out < 0.4);
}

TEST_CASE("near-duplicate points are solved, and what cannot be is refused", "[sparse_vfc]") {
  Matrix z = drawn(5, 60, 2);
  for (std::int64_t i = 30; i < 60; ++i) {
    for (std::int64_t k = 0; k < 2; ++k) z(i, k) = z(i - 30, k);
  }
  const Matrix y = swirl(z, 3);
  SparseVfcOptions all;
  all.control_points = 60;
  CHECK(mean_square(sparse_vfc_at(fit_sparse_vfc(z, y, all, 1), z), y) < 0.1);
  CHECK_THROWS_AS(fit_sparse_vfc(z, Matrix(60, 3), {}, 1), Error);
  CHECK_THROWS_AS(fit_sparse_vfc(Matrix(60, 2), y, {}, 1), Error);
  const auto refused = [&](auto change) {
    SparseVfcOptions bad;
    change(bad);
    CHECK_THROWS_AS(fit_sparse_vfc(z, y, bad, 1), Error);
  };
  refused([](SparseVfcOptions& o) { o.lambda = 0.0; });
  refused([](SparseVfcOptions& o) { o.scale = -1.0; });
  refused([](SparseVfcOptions& o) { o.control_points = -1; });
  refused([](SparseVfcOptions& o) { o.iterations = 0; });
}
