// Principal components against the eigenvectors of a covariance that was made up.
#include <algorithm>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "graph/pca.hpp"
#include "torch_test.hpp"

using namespace fatefield;

namespace {

at::Tensor tensor(const Matrix& x) {
  double* from = const_cast<double*>(x.values.data());
  return at::from_blob(from, {x.cols, x.rows}, at::kDouble).t();
}

// Cells whose first components are known: scores of unequal spread, turned, shifted, and a flat rest.
Matrix made_up(std::int64_t n, std::int64_t d) {
  std::vector<double> z(static_cast<std::size_t>(n * d));
  normals(5, Stream::Simulator, 0, n, 0, d, z.data());
  Matrix x(n, d);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < d; ++j) {
      const double spread = j < 12 ? 12.0 - static_cast<double>(j) : 0.5;
      x(i, j) = spread * z[static_cast<std::size_t>(i * d + j)];
    }
    // A turn in the plane of columns j and d - 1 - j.
    for (std::int64_t j = 0; j < d / 2; ++j) {
      const double a = x(i, j), b = x(i, d - 1 - j);
      x(i, j) = 0.8 * a - 0.6 * b + 3.0;
      x(i, d - 1 - j) = 0.6 * a + 0.8 * b - static_cast<double>(j % 5);
    }
  }
  return x;
}

// Largest difference between what principal_components() gives and LibTorch's decomposition of the
// covariance.
double error_of(const Matrix& x, std::int64_t k) {
  const LinearMap a = dense_map(x);
  const PrincipalAxes c = principal_components(a, k, 1, "npcs");
  const at::Tensor plain = tensor(x), centred = plain - plain.mean(0, true);
  const auto [values, vectors] =
      at::linalg_eigh(at::mm(centred.t(), centred) / static_cast<double>(x.rows - 1));
  const at::Tensor wanted = vectors.flip(1).narrow(1, 0, k), found = tensor(c.rotation);
  const at::Tensor sides = (wanted * found).sum(0).sign();
  const auto worst = [](const at::Tensor& difference) { return difference.abs().max().item<double>(); };
  CHECK((found.amax(0) == found.abs().amax(0)).all().item<bool>());
  const at::Tensor sd = at::tensor(c.sd, at::kDouble);
  return std::max({worst(wanted * sides - found), worst(values.flip(0).narrow(0, 0, k).sqrt() - sd),
                   worst(tensor(component_scores(a, c)) - at::mm(centred, found))});
}

}  // namespace

TEST_CASE("principal components are the eigenvectors of the covariance", "[pca]") {
  CHECK(error_of(made_up(200, 60), 10) < 1e-8);
  CHECK(error_of(made_up(60, 200), 10) < 1e-8);
  CHECK(error_of(made_up(700, 600), 10) < 1e-7);
}

TEST_CASE("components of no variance are still orthonormal, and too many are refused", "[pca]") {
  Matrix x = made_up(8, 20);
  for (std::int64_t i = 4; i < 8; ++i) {
    for (std::int64_t j = 0; j < 20; ++j) x(i, j) = x(i - 4, j);
  }
  const PrincipalAxes c = principal_components(dense_map(x), 7, 1, "npcs");
  const at::Tensor r = tensor(c.rotation);
  CHECK((at::mm(r.t(), r) - at::eye(7, at::kDouble)).abs().max().item<double>() < 1e-10);
  CHECK(c.sd[6] < 1e-6);
  CHECK_THROWS_AS(principal_components(dense_map(x), 8, 1, "npcs"), Error);
  CHECK_THROWS_AS(principal_components(dense_map(x), 0, 1, "npcs"), Error);
}

TEST_CASE("principal components are the same bytes on one and two threads", "[pca][identity]") {
  const Matrix x = made_up(1100, 520);
  const auto on = [&](int n) {
    const ThreadScope scope(n);
    return principal_components(dense_map(x), 8, 3, "npcs").rotation.values;
  };
  CHECK(on(1) == on(2));
}
