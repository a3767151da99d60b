// Eigenvectors against whole matrices, slow distributions against known chains, pseudotime along a line.
#include "velocity/transitions/terminal_states.hpp"

#include "test.hpp"
// Eigen behind LibTorch.
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "chains.hpp"
#include "graph/connected_components.hpp"
#include "velocity/transitions/leading_eigen.hpp"
#include "velocity/transitions/pseudotime.hpp"
#include "velocity/transitions/transition.hpp"
#include "velocity/transitions/velocity_graph.hpp"
#include "velocity_cells.hpp"

using namespace fatefield;

namespace {

// A chain on n states that steps to a few others, with loops so that it mixes slowly.
SparseRows random_chain(std::int64_t n, std::uint64_t seed) {
  std::vector<std::vector<double>> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<double> row(static_cast<std::size_t>(n), 0.0);
    row[(i + 1) % n] = 1;
    row[(i + n - 1) % n] = 0.5;
    for (std::uint64_t k = 0; k < 3; ++k)
      row[(i + uniform_index(seed, Stream::Simulator, i, k, 12)) % n] += uniform(seed, Stream::Noise, i, k);
    double sum = 0;
    for (const double w : row) sum += w;
    for (double& w : row) w /= sum;
    rows.push_back(std::move(row));
  }
  return chain_of(rows);
}

Eigen::MatrixXd full(const SparseRows& x) {
  const std::vector<double> v = full_rows(x);
  return Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(v.data(), x.rows, x.cols);
}

Neighbours nobody(std::int64_t n) {
  Neighbours out;
  out.n = n;
  out.k = 1;
  out.index.assign(static_cast<std::size_t>(n), -1);
  return out;
}

}  // namespace

TEST_CASE("leading eigenpairs are those of the whole matrix", "[terminal]") {
  for (const std::int64_t n : {5, 30, 100}) {
    const SparseRows chain = random_chain(n, 7);
    const Eigen::MatrixXd a = full(chain);
    Eigen::VectorXcd values = Eigen::EigenSolver<Eigen::MatrixXd>(a).eigenvalues();
    std::sort(values.data(), values.data() + n, [](auto x, auto y) { return x.real() > y.real(); });
    LeadingEigenOptions options;
    options.count = 6;
    const LeadingEigenpairs found = leading_eigenpairs(
        n, [&](const double* x, double* y) { multiply(chain, x, y); }, options);
    REQUIRE(found.converged);
    REQUIRE(found.value.size() == static_cast<std::size_t>(std::min<std::int64_t>(6, n)));
    for (std::size_t k = 0; k < found.value.size(); ++k) {
      CHECK(found.value[k].real() == Approx(values(k).real()).margin(1e-8));
      Eigen::VectorXcd v(n);
      for (std::int64_t i = 0; i < n; ++i) v(i) = {found.real[k][i], found.imaginary[k][i]};
      CHECK((a * v - found.value[k] * v).norm() < 1e-7);
      CHECK(v.norm() == Approx(1.0));
    }
  }
}

TEST_CASE("the search for eigenvectors ends below the floor and when it is told to", "[terminal]") {
  const SparseRows chain = random_chain(300, 3);
  const auto apply = [&](const double* x, double* y) { multiply(chain, x, y); };
  LeadingEigenOptions options;
  options.floor = 0.9999;
  const LeadingEigenpairs found = leading_eigenpairs(300, apply, options);
  CHECK(found.converged);
  CHECK(found.value.size() == 1);
  CHECK(found.value[0].real() == Approx(1.0));
  CHECK_THROWS_AS(leading_eigenpairs(300, apply, options, [] { return false; }), Interrupted);
}

TEST_CASE("the slow distribution of a chain of three states is its stationary one", "[terminal]") {
  // Kemeny and Snell's weather in the land of Oz.
  const SparseRows oz = chain_of({{0.5, 0.25, 0.25}, {0.5, 0, 0.5}, {0.25, 0.25, 0.5}});
  const SlowDistributions slow = slow_distributions(oz, {});
  REQUIRE(slow.share.size() == 1);
  CHECK(slow.value[0] == Approx(1.0));
  CHECK(slow.share[0][0] == Approx(0.4));
  CHECK(slow.share[0][1] == Approx(0.2));
  CHECK(slow.share[0][2] == Approx(0.4));
}

TEST_CASE("each part that nobody leaves has a distribution of its own", "[terminal]") {
  // State 0 goes either way; {1, 2} and {3, 4, 5} keep what comes.
  const SparseRows two = chain_of({{0, 0.5, 0, 0.5, 0, 0},
                                   {0, 0.9, 0.1, 0, 0, 0},
                                   {0, 0.3, 0.7, 0, 0, 0},
                                   {0, 0, 0, 0, 1, 0},
                                   {0, 0, 0, 0.5, 0, 0.5},
                                   {0, 0, 0, 0, 1, 0}});
  const SlowDistributions slow = slow_distributions(two, {});
  REQUIRE(slow.share.size() == 2);
  CHECK(slow.share[0][1] == Approx(0.75));
  CHECK(slow.share[0][2] == Approx(0.25));
  CHECK(slow.share[1][3] == Approx(0.25));
  CHECK(slow.share[1][4] == Approx(0.5));
  CHECK(slow.share[0][0] + slow.share[1][0] == 0.0);

  const TerminalStates ends = terminal_states(two, nobody(6), {});
  CHECK(ends.converged);
  CHECK(ends.score[0] == 0.0);
  CHECK(*std::max_element(ends.score.begin(), ends.score.end()) == 1.0);
}

TEST_CASE("cells without steps are left out with the steps to them", "[terminal]") {
  // State 3 has no steps, and 4 leads to it alone.
  const SparseRows chain = chain_of({{0.25, 0.125, 0.125, 0.5, 0},
                                     {0.5, 0, 0.5, 0, 0},
                                     {0.125, 0.125, 0.25, 0, 0.5},
                                     {0, 0, 0, 0, 0},
                                     {0, 0, 0, 1, 0}});
  const SlowDistributions slow = slow_distributions(chain, {});
  REQUIRE(slow.share.size() == 1);
  CHECK(slow.value[0] == Approx(1.0));
  CHECK(slow.share[0][0] == Approx(0.4));
  CHECK(slow.share[0][1] == Approx(0.2));
  CHECK(slow.share[0][3] == 0.0);
  CHECK(slow.share[0][4] == 0.0);
}

TEST_CASE("a part that is hardly left counts, one that is left does not", "[terminal]") {
  for (const double leave : {1e-5, 0.01}) {
    const SparseRows chain = chain_of({{0.5, 0.5 - leave, leave}, {0.5, 0.5, 0}, {0, 0, 1}});
    CHECK(slow_distributions(chain, {}).share.size() == (leave < 1e-4 ? 2u : 1u));
  }
}

TEST_CASE("steps along a line end at its right and begin at its left", "[terminal]") {
  const VelocityCells cells = moving_line(200, 9, 6);
  const SparseRows graph = velocity_graph(cells.expression, cells.velocity, cells.knn, {});
  TransitionOptions steps;
  steps.self_transitions = false;
  const SparseRows forward = transition_matrix(graph, steps);
  const TerminalStates end = terminal_states(forward, cells.knn, {});
  const TerminalStates begin = terminal_states(backward_transitions(forward), cells.knn, {});
  CHECK(end.score[199] == Approx(1.0));
  CHECK(end.score[100] < 1e-6);
  CHECK(end.score[0] < 1e-6);
  CHECK(begin.score[0] == Approx(1.0));
  CHECK(begin.score[199] < 1e-6);

  const Pseudotime time = velocity_pseudotime(graph, begin.score, end.score, -1, {});
  REQUIRE(time.converged);
  CHECK(time.root.size() == 1);
  CHECK(time.root[0] < 10);
  CHECK(time.end[0] > 189);
  for (std::int64_t i = 1; i < 190; ++i) CHECK(time.time[i] > time.time[i - 1] - 0.02);
  CHECK(time.time[190] - time.time[10] > 0.9);
  CHECK(velocity_pseudotime(graph, begin.score, end.score, 100, {}).root[0] == 100);

  std::vector<std::vector<double>> scores;
  for (const int n : {1, 2}) {
    const ThreadScope scope(n);
    scores.push_back(terminal_states(forward, cells.knn, {}).score);
  }
  CHECK(scores[0] == scores[1]);
}

TEST_CASE("time runs along a path so long that all leading eigenvalues are near 1", "[terminal]") {
  const std::int64_t n = 4000;
  SparseRows graph;
  graph.rows = graph.cols = n;
  graph.start.push_back(0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < std::min(n, i + 40); ++j) {
      graph.index.push_back(static_cast<std::int32_t>(j));
      graph.value.push_back(0.5);
    }
    graph.start.push_back(graph.stored());
  }
  std::vector<double> root(static_cast<std::size_t>(n), 0.0), end(root);
  root[0] = end[n - 1] = 1;
  const Pseudotime time = velocity_pseudotime(graph, root, end, -1, {});
  REQUIRE(time.converged);
  std::int64_t forward = 0;
  for (std::int64_t i = 100; i < n; i += 100) forward += time.time[i] > time.time[i - 100];
  CHECK(forward == 39);
}

TEST_CASE("parts of a graph have times of their own, and too small ones none", "[terminal]") {
  SparseRows graph;
  graph.rows = graph.cols = 34;
  graph.start.push_back(0);
  for (std::int32_t i = 0; i < 34; ++i) {
    // Paths of 15, 15 and 4 cells.
    if (i != 14 && i != 29 && i != 33) {
      graph.index.push_back(i + 1);
      graph.value.push_back(-0.5);
    }
    graph.start.push_back(graph.stored());
  }
  std::vector<double> root(34, 0.0), end(34, 0.0);
  root[0] = root[29] = end[14] = end[15] = 1;
  const Pseudotime time = velocity_pseudotime(graph, root, end, -1, {});
  CHECK(time.root == std::vector<std::int64_t>{0, 29});
  CHECK(time.end == std::vector<std::int64_t>{14, 15});
  for (std::int64_t i = 1; i < 15; ++i) {
    CHECK(time.time[i] > time.time[i - 1]);
    CHECK(time.time[15 + i] < time.time[15 + i - 1]);
  }
  CHECK(time.time[0] == 0.0);
  CHECK(time.time[14] == 1.0);
  for (std::int64_t i = 30; i < 34; ++i) CHECK(std::isnan(time.time[i]));
}

TEST_CASE("a diffusion map is that of the whole matrix", "[terminal]") {
  SparseRows w = random_chain(120, 5);
  const Eigen::MatrixXd half = full(w), a = half + half.transpose();
  std::vector<std::vector<double>> rows(120, std::vector<double>(120));
  for (Eigen::Index i = 0; i < 120; ++i)
    for (Eigen::Index j = 0; j < 120; ++j) rows[i][j] = a(i, j);
  const DiffusionMap map = diffusion_map(chain_of(rows), {});
  const Eigen::VectorXd q = a.rowwise().sum();
  const Eigen::MatrixXd k = q.cwiseInverse().asDiagonal() * a * q.cwiseInverse().asDiagonal();
  const Eigen::VectorXd z = k.rowwise().sum().cwiseSqrt();
  const Eigen::MatrixXd s = z.cwiseInverse().asDiagonal() * k * z.cwiseInverse().asDiagonal();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(s);
  REQUIRE(map.converged);
  REQUIRE(map.value.size() == 10);
  CHECK(map.value[0] == Approx(1.0));
  for (std::int64_t c = 0; c < 10; ++c) {
    CHECK(map.value[c] == Approx(solver.eigenvalues()(119 - c)).margin(1e-9));
    double product = 0;
    for (std::int64_t i = 0; i < 120; ++i) product += map.component(i, c) * solver.eigenvectors()(i, 119 - c);
    CHECK(std::abs(product) == Approx(1.0).margin(1e-7));
  }
  const std::vector<double> d = diffusion_distances(map, 4);
  CHECK(d[4] == 0.0);
  double expected = 0;
  for (std::int64_t c = 1; c < 10; ++c) {
    const double factor = map.value[c] / (1 - map.value[c]);
    expected += std::pow(factor * (map.component(60, c) - map.component(4, c)), 2);
  }
  CHECK(d[60] == Approx(std::sqrt(expected)));
}

TEST_CASE("strongly and weakly connected components", "[terminal]") {
  // 0 <-> 1 -> 2 -> 3 -> 2, and 4 alone.
  const SparseRows g =
      chain_of({{0, 1, 0, 0, 0}, {1, 0, 1, 0, 0}, {0, 0, 0, 1, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 0, 0}});
  CHECK(strong_components(g).of == std::vector<std::int32_t>{0, 0, 1, 1, 2});
  CHECK(weak_components(g).of == std::vector<std::int32_t>{0, 0, 0, 0, 1});
  CHECK(weak_components(g).nodes()[1] == std::vector<std::int32_t>{4});
  // A path so long that recursion would not do.
  SparseRows path;
  path.rows = path.cols = 200000;
  path.start.push_back(0);
  for (std::int32_t i = 0; i < 200000; ++i) {
    if (i + 1 < 200000) path.index.push_back(i + 1);
    path.start.push_back(path.stored());
  }
  CHECK(strong_components(path).count == 200000);
  CHECK(weak_components(path).count == 1);
}

TEST_CASE("wrong options of terminal states are named", "[terminal]") {
  const SparseRows oz = chain_of({{0.5, 0.25, 0.25}, {0.5, 0, 0.5}, {0.25, 0.25, 0.5}});
  const auto argument = [&](const TerminalOptions& o) {
    try {
      slow_distributions(oz, o);
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("nothing");
  };
  TerminalOptions o;
  o.tolerance = 1;
  CHECK(argument(o) == "tolerance");
  o = {};
  o.count = 0;
  CHECK(argument(o) == "count");
  o = {};
  o.low = 0.99;
  CHECK(argument(o) == "low");
  CHECK_THROWS_AS(terminal_states(oz, nobody(4), {}), Error);
  PseudotimeOptions p;
  p.components = 1;
  CHECK_THROWS_AS(diffusion_map(oz, p), Error);
}
