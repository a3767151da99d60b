// Leading spaces against whole matrices, memberships of chains with known blocks.
#include "velocity/transitions/macrostates.hpp"

#include "test.hpp"
// Eigen behind LibTorch.
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/linear_algebra.hpp"
#include "base/threads.hpp"
#include "chains.hpp"
#include "velocity/transitions/leading_space.hpp"

using namespace fatefield;

namespace {

Eigen::MatrixXd eigen_of(const SparseRows& x) {
  const Matrix full = dense_matrix(x);
  return Eigen::Map<const Eigen::MatrixXd>(full.values.data(), x.rows, x.cols);
}

Eigen::MatrixXd eigen_of(const Matrix& x) {
  return Eigen::Map<const Eigen::MatrixXd>(x.values.data(), x.rows, x.cols);
}

std::vector<double> real_parts(const SparseRows& x) {
  const Eigen::VectorXcd values = Eigen::EigenSolver<Eigen::MatrixXd>(eigen_of(x)).eigenvalues();
  std::vector<double> out;
  for (Eigen::Index i = 0; i < values.size(); ++i) out.push_back(values[i].real());
  std::sort(out.rbegin(), out.rend());
  return out;
}

// How far P maps the leading k columns out of their space.
double leak(const SparseRows& chain, const Matrix& basis, std::int64_t k) {
  const Eigen::MatrixXd q = eigen_of(basis).leftCols(k), moved = eigen_of(chain) * q;
  return (moved - q * (q.transpose() * moved)).norm();
}

double crispness_of(const Eigen::MatrixXd& share) {
  double sum = 0;
  for (Eigen::Index j = 0; j < share.cols(); ++j) sum += share.col(j).squaredNorm() / share.col(j).sum();
  return sum / static_cast<double>(share.cols());
}

}  // namespace

TEST_CASE("leading spaces of a small matrix are invariant, in the order of the values", "[macrostates]") {
  // Values 0.9 (twice, one vector), 0.5 +- 0.3i, -0.2: not all vectors are there.
  Eigen::MatrixXd form = Eigen::MatrixXd::Zero(5, 5), turn = Eigen::MatrixXd::Random(5, 5);
  form << -0.2, 1, 0.3, 0.4, 1, 0, 0.5, 0.3, 0.1, 0.2, 0, -0.3, 0.5, 0.7, 0.1, 0, 0, 0, 0.9, 1, 0, 0, 0, 0,
      0.9;
  const Eigen::MatrixXd a = turn * form * turn.inverse();
  Matrix x(5, 5);
  Eigen::Map<Eigen::MatrixXd>(x.values.data(), 5, 5) = a;
  for (const std::int64_t count : {1, 2, 3, 4, 5}) {
    const LeadingSpaces found = leading_spaces(x, count);
    const std::int64_t k = found.basis.cols;
    // The double value may come out as a pair.
    CHECK((k == (count == 3 ? 4 : count) || (count == 1 && k == 2)));
    REQUIRE(found.values.size() == static_cast<std::size_t>(k));
    const Eigen::MatrixXd q = eigen_of(found.basis);
    CHECK((q.transpose() * q - Eigen::MatrixXd::Identity(k, k)).norm() < 1e-10);
    CHECK((a * q - q * (q.transpose() * a * q)).norm() < 1e-5 * a.norm());
    CHECK(found.values[0].real() == Approx(0.9).margin(1e-4));
  }
}

TEST_CASE("the leading space of a chain is that of the whole matrix", "[macrostates]") {
  for (const std::int64_t size : {20, 90}) {
    const SparseRows chain = block_chain(4, size, 6, {0.01, 0.02, 0.03, 0.05}, 5);
    const std::vector<double> values = real_parts(chain);
    const LeadingSpace found = leading_space(chain, 6, {});
    REQUIRE(found.converged);
    CHECK(found.n_closed == 1);
    REQUIRE(found.basis.cols >= 6);
    for (std::size_t k = 0; k < 6; ++k) CHECK(found.values[k].real() == Approx(values[k]).margin(1e-5));
    const Eigen::MatrixXd q = eigen_of(found.basis);
    CHECK((q.transpose() * q - Eigen::MatrixXd::Identity(q.cols(), q.cols())).norm() < 1e-8);
    CHECK(q.col(0).maxCoeff() - q.col(0).minCoeff() < 1e-12);
    for (const std::int64_t k : {4, static_cast<int>(found.basis.cols)})
      CHECK(leak(chain, found.basis, k) < 1e-5);
  }
}

TEST_CASE("each part that nobody leaves is found, however many", "[macrostates]") {
  // Three closed blocks and one that feeds them.
  for (const std::int64_t size : {10, 90}) {
    const SparseRows chain = block_chain(4, size, 4, {0, 0, 0, 0.3}, 9);
    const LeadingSpace found = leading_space(chain, 4, {});
    CHECK(found.n_closed == 3);
    for (std::size_t k = 0; k < 3; ++k) CHECK(found.values[k].real() == Approx(1.0).margin(1e-9));
    CHECK(leak(chain, found.basis, 3) < 1e-7);
    const Memberships m = crisp_memberships(found.basis, 3);
    // They are the absorption probabilities: 1 for the cells of each closed block.
    for (std::int64_t block = 0; block < 3; ++block) {
      const std::int64_t cell = block * size;
      double most = 0;
      for (std::int64_t s = 0; s < 3; ++s) most = std::max(most, m.share(cell, s));
      CHECK(most == Approx(1.0).margin(1e-6));
    }
  }
}

TEST_CASE("blocks that are hardly left are found as macrostates", "[macrostates]") {
  const std::vector<double> leave{0.002, 0.004, 0.006, 0.008};
  const std::int64_t size = 60;
  const SparseRows chain = block_chain(4, size, 10, leave, 3);
  const LeadingSpace space = leading_space(chain, 6, {});
  std::vector<double> crispness;
  for (std::int64_t k = 2; k <= 5; ++k) crispness.push_back(crisp_memberships(space.basis, k).crispness);
  CHECK(crispness[2] > 0.95);
  CHECK(std::max_element(crispness.begin(), crispness.end()) - crispness.begin() == 2);

  const Memberships m = crisp_memberships(space.basis, 4);
  CHECK(m.crispness == Approx(crispness_of(eigen_of(m.share))).margin(1e-6));
  std::vector<std::int64_t> state_of;
  for (std::int64_t i = 0; i < 4 * size; ++i) {
    std::int64_t best = 0;
    double sum = 0;
    for (std::int64_t s = 0; s < 4; ++s) {
      if (m.share(i, s) > m.share(i, best)) best = s;
      sum += m.share(i, s);
      if (m.share(i, s) < 0) FAIL("a membership is below 0");
    }
    CHECK(sum == Approx(1.0));
    state_of.push_back(best);
  }
  for (std::int64_t i = 0; i < 4 * size; ++i)
    CHECK(state_of[static_cast<std::size_t>(i)] == state_of[static_cast<std::size_t>(i / size * size)]);
  const Matrix coarse = coarse_transitions(chain, m.share);
  for (std::int64_t block = 0; block < 4; ++block) {
    const std::int64_t s = state_of[static_cast<std::size_t>(block * size)];
    CHECK(coarse(s, s) == Approx(1 - leave[static_cast<std::size_t>(block)]).margin(2e-3));
    double row = 0;
    for (std::int64_t t = 0; t < 4; ++t) row += coarse(s, t);
    CHECK(row == Approx(1.0));
  }
  // pi P = pi for the whole chain, gathered.
  Eigen::MatrixXd p = eigen_of(chain).transpose();
  for (int k = 0; k < 16; ++k) p = p * p;
  const Eigen::VectorXd pi = p.rowwise().mean();
  const Eigen::VectorXd gathered = eigen_of(m.share).transpose() * pi;
  const std::vector<double> stationary = coarse_stationary(coarse, {0.25, 0.25, 0.25, 0.25});
  for (std::int64_t s = 0; s < 4; ++s)
    CHECK(stationary[static_cast<std::size_t>(s)] == Approx(gathered[s]).margin(1e-6));
}

TEST_CASE("two memberships are the scaled second vector", "[macrostates]") {
  const SparseRows chain = block_chain(2, 40, 5, {0.05, 0.02}, 11);
  const LeadingSpace space = leading_space(chain, 2, {});
  const Memberships m = crisp_memberships(space.basis, 2);
  const double* v = space.basis.values.data() + space.basis.rows;
  const auto range = std::minmax_element(v, v + space.basis.rows);
  const bool rises = m.share(range.second - v, 0) > 0.5;
  for (std::int64_t i = 0; i < space.basis.rows; ++i) {
    const double place = (v[i] - *range.first) / (*range.second - *range.first);
    CHECK(m.share(i, 0) == Approx(rises ? place : 1 - place).margin(1e-9));
  }
}

TEST_CASE("no other division of three states is more crisp", "[macrostates]") {
  const SparseRows chain = block_chain(3, 40, 3, {0.04, 0.07, 0.05}, 21);
  const LeadingSpace space = leading_space(chain, 3, {});
  REQUIRE(space.basis.cols >= 3);
  const Memberships best = crisp_memberships(space.basis, 3);
  // Random turns of the free entries, each made feasible as the method says.
  const Eigen::MatrixXd x = eigen_of(space.basis).leftCols(3) / space.basis(0, 0);
  double found = 0;
  for (std::uint64_t draw = 0; draw < 20000; ++draw) {
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(3, 3);
    for (std::int64_t k = 0; k < 4; ++k)
      a(1 + k % 2, 1 + k / 2) = uniform(1, Stream::Noise, draw, static_cast<std::uint64_t>(k)) - 0.5;
    for (std::int64_t i = 1; i < 3; ++i) a(i, 0) = -a(i, 1) - a(i, 2);
    for (std::int64_t j = 0; j < 3; ++j) a(0, j) = -(x.rightCols(2) * a.block(1, j, 2, 1)).minCoeff();
    a /= a.row(0).sum();
    const Eigen::MatrixXd share = x * a;
    // None may give up a state.
    if (share.colwise().maxCoeff().minCoeff() >= 0.5) found = std::max(found, crispness_of(share));
  }
  CHECK(best.crispness >= found - 1e-9);
  CHECK(best.crispness < found + 0.05);
}

TEST_CASE("macrostates are the same on any number of threads", "[macrostates]") {
  const SparseRows chain = block_chain(3, 400, 8, {0.01, 0.02, 0.03}, 2);
  std::vector<std::vector<double>> found;
  for (const int n : {1, 2}) {
    const ThreadScope scope(n);
    found.push_back(crisp_memberships(leading_space(chain, 3, {}).basis, 3).share.values);
  }
  CHECK(found[0] == found[1]);
}

TEST_CASE("wrong numbers of macrostates are named", "[macrostates]") {
  const SparseRows chain = block_chain(2, 20, 5, {0.05, 0.02}, 1);
  const LeadingSpace space = leading_space(chain, 3, {});
  CHECK_THROWS_AS(crisp_memberships(space.basis, 1), Error);
  CHECK_THROWS_AS(crisp_memberships(space.basis, space.basis.cols + 1), Error);
  CHECK_THROWS_AS(leading_space(chain, 0, {}), Error);
}
