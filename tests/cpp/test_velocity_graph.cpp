// The velocity graph, transitions and arrows: stored numbers, naive twins, a line of cells moving right.
#include "velocity/transitions/velocity_graph.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/quantile.hpp"
#include "base/rng.hpp"
#include "base/threads.hpp"
#include "test.hpp"
#include "velocity/transitions/correlation_kernel.hpp"
#include "velocity/transitions/transition.hpp"
#include "velocity/transitions/velocity_embedding.hpp"
#include "velocity_cells.hpp"

using namespace fatefield;

namespace {

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (std::size_t g = 0; g < a.size(); ++g) {
    ma += a[g] / static_cast<double>(a.size());
    mb += b[g] / static_cast<double>(a.size());
  }
  for (std::size_t g = 0; g < a.size(); ++g) {
    ab += (a[g] - ma) * (b[g] - mb);
    aa += (a[g] - ma) * (a[g] - ma);
    bb += (b[g] - mb) * (b[g] - mb);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0.0;
}

double signed_root(double x) { return std::copysign(std::sqrt(std::abs(x)), x); }

// Cells scattered over genes, with noisy velocities of any direction; neighbours at random.
VelocityCells scattered(std::int64_t n, std::int64_t genes, std::int64_t k) {
  VelocityCells out{Matrix(genes, n), Matrix(genes, n), {}};
  normals<double>(1, Stream::Simulator, 0, n, 0, genes, out.expression.values.data());
  normals<double>(2, Stream::Simulator, 0, n, 0, genes, out.velocity.values.data());
  out.knn.n = n;
  out.knn.k = k;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < k; ++j)
      out.knn.index.push_back(static_cast<std::int32_t>((i + 1 + (i * 7 + j * j * 3) % (n - 1)) % n));
  return out;
}

// Whole matrices of probabilities, by the definition.
std::vector<double> naive_transitions(const std::vector<double>& graph, std::int64_t n,
                                      const TransitionOptions& o) {
  std::vector<double> best, t(graph.size(), 0.0);
  for (std::int64_t i = 0; i < n; ++i)
    best.push_back(std::max(0.0, *std::max_element(graph.begin() + i * n, graph.begin() + (i + 1) * n)));
  const double high = quantile(best, 0.98);
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < n; ++j) {
      double p = graph[i * n + j];
      if (i == j && o.self_transitions) p = std::min(1.0, std::max(0.0, high - best[i]));
      double w = 0;
      if (p != 0) w = std::exp(o.scale * p) - (o.negative == "exponential" ? 0 : 1);
      if (p < 0 && o.negative == "none") w = 0;
      if (p < 0 && o.negative == "signed") w = 1 - std::exp(-o.scale * p);
      t[i * n + j] = w;
      sum += std::abs(w);
    }
    for (std::int64_t j = 0; j < n && sum > 0; ++j) t[i * n + j] /= sum;
  }
  return t;
}

}  // namespace

TEST_CASE("the graph of stored velocities is the stored one", "[velocity-graph][golden]") {
  const Golden golden("scvelo.h5");
  if (!golden.missing().empty()) SKIP(golden.missing());
  for (const std::string set : {"dentategyrus_50obs", "dentategyrus_100obs", "pancreas_50obs"}) {
    for (const std::string mode : {"deterministic", "stochastic", "dynamical"}) {
      const std::string path = set + "/" + mode + "/graph_pos_minus_neg";
      if (!golden.has(path)) continue;
      const VelocityCells cells = golden_cells(golden, set, mode);
      VelocityGraphOptions options;
      options.root = mode == "stochastic";
      const std::vector<double> graph =
          full_rows(velocity_graph(cells.expression, cells.velocity, cells.knn, options));
      const std::vector<double> expected = golden.read(path).values;
      double worst = 0;
      for (std::size_t e = 0; e < graph.size(); ++e)
        worst = std::max(worst, std::abs(graph[e] - expected[e]));
      INFO(path);
      CHECK(worst < 1e-6);
    }
  }
}

TEST_CASE("graph entries are correlations with cells two steps away", "[velocity-graph]") {
  VelocityCells cells = scattered(150, 37, 6);
  for (std::int64_t g = 0; g < 37; ++g) cells.velocity(g, 17) = 0.25;
  for (std::int64_t c = 0; c < 150; ++c) cells.velocity(5, c) = c == 60 ? NAN : 1.0;
  for (const bool root : {false, true}) {
    VelocityGraphOptions options;
    options.root = root;
    const std::vector<double> graph =
        full_rows(velocity_graph(cells.expression, cells.velocity, cells.knn, options));
    for (std::int64_t i = 0; i < 150; ++i) {
      std::set<std::int32_t> near;
      for (std::int64_t a = 0; a < 6; ++a) {
        const std::int32_t j = cells.knn.index[i * 6 + a];
        near.insert(j);
        for (std::int64_t b = 0; b < 6; ++b) near.insert(cells.knn.index[j * 6 + b]);
      }
      for (std::int32_t j = 0; j < 150; ++j) {
        std::vector<double> step, v;
        for (std::int64_t g = 0; g < 37; ++g) {
          if (g == 5) continue;
          const double d = cells.expression(g, j) - cells.expression(g, i);
          step.push_back(root ? signed_root(d) : d);
          v.push_back(root ? signed_root(cells.velocity(g, i)) : cells.velocity(g, i));
        }
        const double expected = j != i && i != 17 && near.count(j) > 0 ? correlation(step, v) : 0.0;
        REQUIRE(graph[i * 150 + j] == Approx(expected).margin(1e-13));
      }
    }
  }
}

TEST_CASE("cells on a line see those ahead at 1 and those behind at -1", "[velocity-graph]") {
  const VelocityCells cells = moving_line(40, 11, 4);
  const SparseRows graph = velocity_graph(cells.expression, cells.velocity, cells.knn, {});
  for (std::int64_t i = 0; i < 40; ++i)
    for (std::int64_t e = graph.start[i]; e < graph.start[i + 1]; ++e)
      REQUIRE(graph.value[e] == Approx(graph.index[e] > i ? 1.0 : -1.0).margin(1e-12));
  CHECK(graph.start[21] - graph.start[20] == 8);

  TransitionOptions options;
  options.self_transitions = false;
  options.negative = "signed";
  Matrix line(40, 2);
  for (std::int64_t i = 0; i < 40; ++i) line(i, 0) = static_cast<double>(i);
  const SparseRows signed_steps = transition_matrix(graph, options);
  const Matrix arrows = embed_velocity(signed_steps, line);
  // Four steps ahead and four behind, each of weight 1/8 and pointing right once the sign is counted.
  CHECK(arrows(20, 0) == Approx(1.0));
  for (std::int64_t i = 0; i < 40; ++i) CHECK(arrows(i, 1) == 0.0);
  for (std::int64_t i = 2; i < 38; ++i) CHECK(arrows(i, 0) > 0.5);

  options.negative = "none";
  const std::vector<double> agreement =
      transition_confidence(transition_matrix(graph, options), cells.expression, cells.velocity);
  for (std::int64_t i = 0; i < 39; ++i) CHECK(agreement[i] == Approx(1.0));
  // The last cell has nobody ahead.
  CHECK(agreement[39] == 0.0);
}

TEST_CASE("transitions of every kind are those of whole matrices", "[velocity-graph]") {
  const VelocityCells cells = scattered(80, 23, 5);
  const SparseRows graph = velocity_graph(cells.expression, cells.velocity, cells.knn, {});
  for (const char* negative : {"exponential", "none", "signed"}) {
    for (const bool self : {true, false}) {
      TransitionOptions options;
      options.negative = negative;
      options.self_transitions = self;
      const SparseRows found = transition_matrix(graph, options);
      const std::vector<double> t = full_rows(found),
                                expected = naive_transitions(full_rows(graph), 80, options);
      for (std::size_t e = 0; e < t.size(); ++e) REQUIRE(t[e] == Approx(expected[e]).margin(1e-14));

      Matrix x(80, 3);
      normals<double>(3, Stream::Simulator, 0, 3, 0, 80, x.values.data());
      const Matrix arrows = embed_velocity(found, x);
      for (std::int64_t i = 0; i < 80; ++i) {
        std::vector<double> v(3, 0.0), u(3, 0.0);
        double mean = 0, count = 0;
        for (std::int64_t j = 0; j < 80; ++j) {
          if (j == i || t[i * 80 + j] == 0) continue;
          const double length = std::sqrt(std::pow(x(j, 0) - x(i, 0), 2) + std::pow(x(j, 1) - x(i, 1), 2) +
                                          std::pow(x(j, 2) - x(i, 2), 2));
          mean += t[i * 80 + j];
          ++count;
          for (int d = 0; d < 3; ++d) {
            v[d] += t[i * 80 + j] * (x(j, d) - x(i, d)) / length;
            u[d] += (x(j, d) - x(i, d)) / length;
          }
        }
        for (int d = 0; d < 3; ++d)
          REQUIRE(arrows(i, d) == Approx(v[d] - mean / std::max(count, 1.0) * u[d]).margin(1e-13));
      }
    }
  }
  const SparseRows back = backward_transitions(transition_matrix(graph, {}));
  for (const double sum : row_sums(back)) CHECK(sum == Approx(1.0));
}

TEST_CASE("a cap keeps the neighbours and draws the rest by the seed", "[velocity-graph]") {
  const VelocityCells cells = scattered(200, 8, 7);
  for (std::int64_t i = 0; i < 200; ++i) {
    const auto all = near_cells(cells.knn, i, 0, 1), some = near_cells(cells.knn, i, 20, 1);
    REQUIRE(some == near_cells(cells.knn, i, 20, 1));
    REQUIRE(some.size() == std::min<std::size_t>(20, all.size()));
    REQUIRE(std::includes(all.begin(), all.end(), some.begin(), some.end()));
    for (std::int64_t j = 0; j < 7; ++j)
      REQUIRE(std::binary_search(some.begin(), some.end(), cells.knn.index[i * 7 + j]));
  }
  CHECK(near_cells(cells.knn, 3, 20, 1) != near_cells(cells.knn, 3, 20, 2));
  CHECK(near_cells(cells.knn, 3, 2, 1).size() == 7);
}

TEST_CASE("the graph is the same on one thread and on two, and can be interrupted", "[velocity-graph]") {
  const VelocityCells cells = scattered(700, 19, 6);
  std::vector<SparseRows> graphs;
  for (const int n : {1, 2}) {
    const ThreadScope scope(n);
    graphs.push_back(velocity_graph(cells.expression, cells.velocity, cells.knn, {}));
  }
  CHECK(graphs[0].index == graphs[1].index);
  CHECK(graphs[0].value == graphs[1].value);
  CHECK_THROWS_AS(velocity_graph(cells.expression, cells.velocity, cells.knn, {}, [] { return false; }),
                  Interrupted);
}

TEST_CASE("sums of the kernel are those of a loop", "[velocity-graph]") {
  std::vector<double> from(64), to(64), v(64);
  for (std::size_t g = 0; g < 61; ++g) {
    from[g] = std::sin(static_cast<double>(g));
    to[g] = std::cos(static_cast<double>(3 * g));
    v[g] = std::sin(static_cast<double>(g * g));
  }
  for (const bool root : {false, true}) {
    double step = 0, square = 0, product = 0;
    for (std::size_t g = 0; g < 64; ++g) {
      const double d = root ? signed_root(to[g] - from[g]) : to[g] - from[g];
      step += d;
      square += d * d;
      product += d * v[g];
    }
    const StepSums s = correlation_kernel().sums(from.data(), to.data(), v.data(), 64, root);
    CHECK(s.step == Approx(step).margin(1e-13));
    CHECK(s.square == Approx(square));
    CHECK(s.product == Approx(product).margin(1e-13));
  }
}

TEST_CASE("wrong input to the graph is named", "[velocity-graph]") {
  VelocityCells cells = scattered(30, 5, 3);
  const auto argument = [&](const auto& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.argument();
    }
    return std::string("nothing");
  };
  const auto graph = [&] { velocity_graph(cells.expression, cells.velocity, cells.knn, {}); };
  CHECK(argument(graph) == "nothing");
  TransitionOptions options;
  options.negative = "maybe";
  CHECK(argument([&] { transition_matrix({}, options); }) == "negative");
  options = TransitionOptions();
  options.scale = 0;
  CHECK(argument([&] { transition_matrix({}, options); }) == "scale");
  for (std::int64_t g = 1; g < 5; ++g) cells.velocity(g, 2) = NAN;
  CHECK(argument(graph) == "velocity");
  cells = scattered(30, 5, 3);
  cells.knn.index[4] = 30;
  CHECK(argument(graph) == "knn");
  cells.knn.n = 29;
  CHECK(argument(graph) == "knn");
}
